//! The time of day: the minute and the hour field together.

use super::words::{Run, cycle, listed, runs, steps, told};
use crate::cron::Values;

/// The most times of day that are told one by one.
const MANY: usize = 6;

/// The phrase, and whether it goes round the clock, so that "every day" would say nothing more.
pub(super) fn phrase(minutes: Values, hours: Values) -> (String, bool) {
    let (minutes, hours) = (minutes.list(), hours.list());
    let told = if hours.len() == 24 {
        Some(of_every_hour(&minutes))
    } else {
        round_the_clock(&minutes, &hours)
    };
    match told {
        Some(text) => (text, true),
        None => (of_some_hours(&minutes, &hours), false),
    }
}

fn of_every_hour(minutes: &[u8]) -> String {
    match (minutes, cycle(minutes, 60)) {
        ([0], _) => "Every hour".to_owned(),
        ([one], _) => format!("At minute {one} of every hour"),
        (_, Some((0, 1))) => "Every minute".to_owned(),
        (_, Some((0, step))) => format!("Every {step} minutes"),
        (_, Some((first, step))) => {
            format!("Every {step} minutes from minute {first} of every hour")
        }
        (many, None) => format!("At minutes {} of every hour", numbers(many)),
    }
}

/// One minute of hours at equal distances, midnight making no difference.
fn round_the_clock(minutes: &[u8], hours: &[u8]) -> Option<String> {
    let [minute] = minutes else { return None };
    let (first, step) = cycle(hours, 24)?;
    if first == 0 && *minute == 0 {
        return Some(format!("Every {step} hours"));
    }
    Some(format!("Every {step} hours from {}", clock(first, *minute)))
}

fn of_some_hours(minutes: &[u8], hours: &[u8]) -> String {
    hours_apart(minutes, hours)
        .or_else(|| minutes_apart(minutes, hours))
        .or_else(|| one_by_one(minutes, hours))
        .unwrap_or_else(|| {
            format!("{} of {}", minutes_in_general(minutes), hours_in_general(hours))
        })
}

/// One minute of three hours and more in a row, or of four and more at equal distances.
fn hours_apart(minutes: &[u8], hours: &[u8]) -> Option<String> {
    let [minute] = minutes else { return None };
    let (first, step, last) = steps(hours)?;
    let (from, to) = (clock(first, *minute), clock(last, *minute));
    match step {
        1 if hours.len() > 2 => Some(format!("Every hour from {from} to {to}")),
        2.. if hours.len() > 3 => Some(format!("Every {step} hours from {from} to {to}")),
        _ => None,
    }
}

/// Minutes at equal distances through one hour, or through hours in a row.
fn minutes_apart(minutes: &[u8], hours: &[u8]) -> Option<String> {
    let (from, step) = cycle(minutes, 60)?;
    let (first, last) = (*hours.first()?, *hours.last()?);
    let in_a_row = usize::from(last - first) + 1 == hours.len();
    if !in_a_row || minutes.len() * hours.len() < 3 {
        return None;
    }
    let every = if step == 1 { "minute".to_owned() } else { format!("{step} minutes") };
    Some(format!("Every {every} from {} to {}", clock(first, from), clock(last, *minutes.last()?)))
}

fn one_by_one(minutes: &[u8], hours: &[u8]) -> Option<String> {
    if minutes.len() * hours.len() > MANY {
        return None;
    }
    let times = hours.iter().flat_map(|hour| minutes.iter().map(|minute| clock(*hour, *minute)));
    Some(format!("At {}", listed(&times.collect::<Vec<_>>(), "and")))
}

fn minutes_in_general(minutes: &[u8]) -> String {
    match (minutes, cycle(minutes, 60)) {
        ([one], _) => format!("At minute {one}"),
        (_, Some((0, 1))) => "Every minute".to_owned(),
        (_, Some((0, step))) => format!("Every {step} minutes"),
        (many, _) => format!("At minutes {}", numbers(many)),
    }
}

fn hours_in_general(hours: &[u8]) -> String {
    match hours {
        [one] => format!("hour {one}"),
        many => format!("hours {}", numbers(many)),
    }
}

fn numbers(many: &[u8]) -> String {
    let runs: Vec<Run> = runs(many);
    told(&runs, |n| n.to_string(), "and")
}

fn clock(hour: u8, minute: u8) -> String {
    format!("{hour:02}:{minute:02}")
}
