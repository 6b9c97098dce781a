//! Crontab expressions: text, fields, and when they fire.

mod error;
mod field;
mod firing;
mod lists;
mod parse;

use std::fmt;
use std::str::FromStr;

use chrono_tz::Tz;
use syncline_domain::Timestamp;

pub use error::{CronError, FieldFault};
pub use field::Field;
pub(crate) use field::Values;
use lists::Lists;
pub(crate) use parse::Fields;

/// A crontab expression that has been read: five fields, or what a nickname stands for.
///
/// Its text ([`fmt::Display`]) is normalised: names become numbers, blanks become one, and reading it again gives an
/// equal expression.
#[derive(Clone, Debug, PartialEq)]
pub struct CronExpr {
    fields: Fields,
    lists: Lists,
}

impl CronExpr {
    /// Reads an expression by the rules of crontab(5), and nothing beyond them.
    ///
    /// # Errors
    /// [`CronError`], which names the field, says what is wrong and what to write instead. An expression that never
    /// fires is refused as well.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        let fields = parse::parse(text)?;
        let lists = Lists::of(&fields)?;
        Ok(Self { fields, lists })
    }

    /// The first instant strictly after `instant` at which it fires in a zone; always a whole second.
    ///
    /// None when there is none up to the end of the year 2100. Instants before 1970 are taken as its beginning.
    #[must_use]
    pub fn next_after(&self, instant: Timestamp, zone: Tz) -> Option<Timestamp> {
        let from = instant.secs().max(-1);
        let due = if self.is_wildcard() {
            firing::wildcard_after(&self.lists, zone, from)
        } else {
            firing::fixed_after(&self.lists, zone, from)
        };
        due.map(Timestamp::from_secs)
    }

    /// The instants after `from`, in order.
    pub fn upcoming(&self, zone: Tz, from: Timestamp) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(self.next_after(from, zone), move |last| self.next_after(*last, zone))
    }

    /// Whether the minute or the hour field starts with `*`. Such a job follows the clock through its changes; any
    /// other is meant for fixed times, and runs once for each of them.
    #[must_use]
    pub const fn is_wildcard(&self) -> bool {
        self.fields.minute.starred || self.fields.hour.starred
    }

    /// What it says, as an English sentence.
    #[must_use]
    pub fn describe(&self) -> String {
        crate::describe::sentence(&self.fields)
    }
}

impl fmt::Display for CronExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fields { minute, hour, day_of_month, month, day_of_week } = &self.fields;
        write!(f, "{minute} {hour} {day_of_month} {month} {day_of_week}")
    }
}

impl FromStr for CronExpr {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, CronError> {
        Self::parse(text)
    }
}
