//! The `cron` crate, kept to what it does right: finding the next match of explicit number lists in a time without
//! zones. It counts weekdays from 1, always wants both day fields to match, and loses or repeats runs where a zone's
//! clock changes; so it is given lists only, one or two of them, and never a zone.

use std::str::FromStr as _;

use chrono::DateTime;
use cron::Schedule;

use super::error::CronError;
use super::field::{FieldSpec, Values};
use super::parse::Fields;

/// What an expression comes to in lists. The next match is the first match of any of them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lists(Vec<Schedule>);

impl Lists {
    pub(crate) fn of(fields: &Fields) -> Result<Self, CronError> {
        let (days, weekdays) = (days(&fields.day_of_month), weekdays(fields.day_of_week.values));
        let pairs = if fields.both_days() {
            vec![(days, weekdays)]
        } else {
            vec![(days, "*".to_owned()), ("*".to_owned(), weekdays)]
        };
        let minutes = joined(fields.minute.values.iter());
        let hours = joined(fields.hour.values.iter());
        let months = joined(fields.month.values.iter());
        let schedules = pairs.into_iter().map(|(days, weekdays)| {
            Schedule::from_str(&format!("0 {minutes} {hours} {days} {months} {weekdays}"))
        });
        let schedules: Result<_, cron::error::Error> = schedules.collect();
        schedules.map(Self).map_err(|error| CronError::Uncomputable { why: error.to_string() })
    }

    /// The first match strictly after a local time, both in seconds as if the place were Greenwich.
    ///
    /// None when there is none before the year 2101, where the library's calendar ends.
    pub(crate) fn after(&self, local: i64) -> Option<i64> {
        // The calendar starts with 1970; before that every answer is its first match.
        let local = DateTime::from_timestamp(local.max(-1), 0)?;
        self.0.iter().filter_map(|lists| lists.after(&local).next()).min().map(|at| at.timestamp())
    }
}

fn days(field: &FieldSpec) -> String {
    joined(field.values.iter())
}

/// The library's week is 1 for Sunday to 7 for Saturday.
fn weekdays(values: Values) -> String {
    joined(values.iter().map(|day| day % 7 + 1))
}

fn joined(numbers: impl Iterator<Item = u8>) -> String {
    numbers.map(|n| n.to_string()).collect::<Vec<_>>().join(",")
}
