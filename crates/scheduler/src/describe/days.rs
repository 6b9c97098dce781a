//! The days: day of month, day of week and month together.

use super::words::{Run, ordinal, runs, steps, told};
use crate::cron::{Field, Fields};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// The week as people list it, from Monday on.
const WEEK: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// What the two day fields come to.
enum Days {
    All,
    OfMonth(Vec<u8>),
    OfWeek(Vec<u8>),
    Either(Vec<u8>, Vec<u8>),
    Both(Vec<u8>, Vec<u8>),
}

/// The phrase, with the blank or the comma that joins it to the time.
pub(super) fn phrase(fields: &Fields, round_the_clock: bool) -> String {
    let months = Months::of(fields);
    match days(fields) {
        Days::All if round_the_clock => months.after(" "),
        Days::All => format!(", every day{}", months.after(" ")),
        Days::OfMonth(days) => of_month(&days, &months),
        Days::OfWeek(week) => of_week(&week) + &months.after(" "),
        Days::Either(days, week) => {
            let days = days_of(&days, "the month");
            format!(" on {days} or on {}{}", either_week(&week), months.after(", "))
        }
        Days::Both(days, week) => {
            let days = days_of(&days, "the month");
            format!(" on {days}, if it is {}{}", told_week(&week, "or"), months.after(", "))
        }
    }
}

fn days(fields: &Fields) -> Days {
    let all_days = fields.day_of_month.is_full(Field::DayOfMonth);
    let all_week = fields.day_of_week.is_full(Field::DayOfWeek);
    let days = fields.day_of_month.values.list();
    // Monday as 0.
    let mut week: Vec<u8> = fields.day_of_week.values.iter().map(|day| (day + 6) % 7).collect();
    week.sort_unstable();
    match (fields.both_days(), all_days, all_week) {
        (true, true, true) => Days::All,
        (true, false, true) => Days::OfMonth(days),
        (true, true, false) => Days::OfWeek(week),
        (true, false, false) => Days::Both(days, week),
        (false, false, false) => Days::Either(days, week),
        (false, _, _) => Days::All,
    }
}

fn of_month(days: &[u8], months: &Months) -> String {
    match &months.listed {
        // "on day 1 of January", but never "on day 1 of January to March".
        Some(listed) if !months.has_runs => format!(" on {}", days_of(days, listed)),
        _ => format!(" on {}{}", days_of(days, "the month"), months.after(" ")),
    }
}

/// "day 13 of the month", "days 1 to 7 of the month", "every 2nd day of the month from day 1 to day 31".
fn days_of(days: &[u8], month: &str) -> String {
    if let [one] = days {
        return format!("day {one} of {month}");
    }
    match steps(days) {
        Some((first, step @ 2.., last)) if days.len() > 3 => {
            format!("every {} day of {month} from day {first} to day {last}", ordinal(step))
        }
        _ => format!("days {} of {month}", told(&runs(days), |n| n.to_string(), "and")),
    }
}

fn of_week(week: &[u8]) -> String {
    let runs = runs(week);
    let told = told_week(week, "and");
    if one_run(&runs) { format!(", {told}") } else { format!(" on {told}") }
}

fn either_week(week: &[u8]) -> String {
    let told = told_week(week, "and");
    if one_run(&runs(week)) { format!("any day from {told}") } else { told }
}

fn told_week(week: &[u8], last: &str) -> String {
    told(&runs(week), |day| name(&WEEK, day), last)
}

fn one_run(runs: &[Run]) -> bool {
    matches!(runs, [run] if run.first != run.last)
}

fn name(names: &[&str], at: u8) -> String {
    names.get(usize::from(at)).copied().unwrap_or_default().to_owned()
}

/// The months, where some are left out.
struct Months {
    listed: Option<String>,
    has_runs: bool,
    is_run: bool,
}

impl Months {
    fn of(fields: &Fields) -> Self {
        if fields.month.is_full(Field::Month) {
            return Self { listed: None, has_runs: false, is_run: false };
        }
        let months: Vec<u8> = fields.month.values.iter().map(|month| month - 1).collect();
        let runs = runs(&months);
        Self {
            listed: Some(told(&runs, |month| name(&MONTHS, month), "and")),
            has_runs: runs.iter().any(|run| run.first != run.last),
            is_run: one_run(&runs),
        }
    }

    /// " in January", " from March to May", or nothing; the joint comes first.
    fn after(&self, joint: &str) -> String {
        let word = if self.is_run { "from" } else { "in" };
        self.listed.as_ref().map(|months| format!("{joint}{word} {months}")).unwrap_or_default()
    }
}
