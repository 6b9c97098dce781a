//! Lines and a table.

use std::time::{Duration, Instant};

/// What a figure is held to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limit {
    /// At most this, better at most that.
    AtMost {
        /// What it must not pass.
        must: f64,
        /// What we want.
        goal: f64,
    },
    /// At least this, better at least that.
    AtLeast {
        /// What it must reach.
        must: f64,
        /// What we want.
        goal: f64,
    },
    /// Nothing: the figure stands beside others.
    None,
}

/// Figures so far.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<[String; 5]>,
    begun: Option<Instant>,
}

impl Report {
    /// A measurement begins.
    pub(crate) fn begin(&mut self, name: &str, about: &str) {
        self.begun.get_or_insert_with(Instant::now);
        println!("\n# {name}: {about}");
    }

    /// A figure.
    pub(crate) fn figure(&mut self, name: &str, value: f64, unit: &str, limit: Limit) {
        let shown = number(value);
        let (words, verdict) = match limit {
            Limit::AtMost { must, goal } => {
                let words = format!("limit {}, goal {}", number(must), number(goal));
                (words, verdict(value, must, goal))
            }
            Limit::AtLeast { must, goal } => {
                let words = format!("limit at least {}, goal {}", number(must), number(goal));
                (words, verdict(-value, -must, -goal))
            }
            Limit::None => ("limit none".to_owned(), "INFO"),
        };
        println!("{name} {shown} {unit} ({words}) {verdict}");
        let row = [name, &shown, unit, words.trim_start_matches("limit "), verdict];
        self.rows.push(row.map(ToOwned::to_owned));
    }

    /// A figure without a limit.
    pub(crate) fn info(&mut self, name: &str, value: f64, unit: &str) {
        self.figure(name, value, unit, Limit::None);
    }

    /// Something that could not be measured, and why.
    pub(crate) fn skipped(&mut self, name: &str, why: &str) {
        println!("{name} - - (limit none) SKIPPED: {why}");
        self.rows.push([name, "-", "-", why, "SKIPPED"].map(ToOwned::to_owned));
    }

    /// A line beside the figures.
    pub(crate) fn note(&self, text: &str) {
        println!("  {text}");
    }

    /// The table.
    pub(crate) fn end(&self) {
        let took = self.begun.map_or(Duration::ZERO, |begun| begun.elapsed());
        println!("\n| figure | value | unit | limit | |\n|---|---:|---|---|---|");
        for [name, value, unit, limit, verdict] in &self.rows {
            println!("| {name} | {value} | {unit} | {limit} | {verdict} |");
        }
        println!("\n{} figures in {:.0} s", self.rows.len(), took.as_secs_f64());
    }
}

fn verdict(value: f64, must: f64, goal: f64) -> &'static str {
    // A figure equal to its limit keeps it, whatever the last bit of a division says.
    let keeps = |limit: f64| value <= limit + limit.abs() * 1e-9;
    match (keeps(must), keeps(goal)) {
        (_, true) => "PASS (goal)",
        (true, false) => "PASS",
        (false, false) => "FAIL",
    }
}

/// As many digits as a person wants to read.
fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 100.0 || (size - size.round()).abs() < 1e-9 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// The middle one; 0 without any.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// The value that this share of all values does not pass; 0 without any.
pub(crate) fn percentile(sorted: &[f64], share: f64) -> f64 {
    let at = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(at.saturating_sub(1)).copied().unwrap_or_default()
}
