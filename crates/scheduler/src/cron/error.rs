//! Why a text is no schedule.

use thiserror::Error;

use super::field::Field;
use super::parse::{MAX_BYTES, MAX_STEP};

/// Why an expression is refused. Each message says what to write instead; [`CronError::field`] says where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CronError {
    /// Nothing was written.
    #[error("it is empty; use five fields such as \"0 9 * * 1-5\", or @hourly")]
    Empty,
    /// More text than any schedule needs.
    #[error("it is {bytes} bytes long; shorten it to {MAX_BYTES} at most")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// A character that is never seen in a line of text.
    #[error("it holds {found:?}; write the five fields on one line with blanks between")]
    ControlCharacter {
        /// The first one.
        found: char,
    },
    /// Not five fields.
    #[error("it has {found} {}, crontab has five{}; use such as \"0 9 * * 1-5\", or @hourly", fields(*.found), no_seconds(*.found))]
    FieldCount {
        /// How many were written.
        found: usize,
    },
    /// A nickname that crontab does not know.
    #[error(
        "{text:?} is no nickname; use @hourly, @daily, @midnight, @weekly, @monthly, @yearly or @annually"
    )]
    Nickname {
        /// What was written.
        text: String,
    },
    /// `@reboot` is about a machine's start, which no clock foretells.
    #[error(
        "@reboot is refused, since it names no time; use five fields such as \"0 9 * * 1-5\", or @hourly"
    )]
    Reboot,
    /// Something is wrong within a field.
    #[error("{field} {text:?}: {fault}; use {}", usage(*.field))]
    Field {
        /// The field.
        field: Field,
        /// The whole field as written.
        text: String,
        /// What is wrong.
        fault: FieldFault,
    },
    /// No day of any year matches.
    #[error(
        "day of month \"{days}\": no month of \"{months}\" has that day, so it would never fire; use a day that exists"
    )]
    NeverFires {
        /// The day of month field.
        days: String,
        /// The month field.
        months: String,
    },
    /// The library that finds the next time would not take the lists that were made of the expression.
    #[error("it cannot be computed: {why}; write the fields in a simpler form")]
    Uncomputable {
        /// The library's words.
        why: String,
    },
}

/// What is wrong within a field.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FieldFault {
    /// `1,,2`, a comma at an end.
    #[error("a comma has nothing beside it")]
    EmptyTerm,
    /// Neither a number nor a name that belongs here.
    #[error("{text:?} is no number{}", names_elsewhere(.text))]
    NotANumber {
        /// What was written.
        text: String,
    },
    /// A number that the field does not have.
    #[error("{text} is out of range")]
    OutOfRange {
        /// The number.
        text: String,
    },
    /// `30-10`.
    #[error("{text:?} runs backwards; write two ranges with a comma between")]
    Backwards {
        /// The range.
        text: String,
    },
    /// `5-`.
    #[error("the range {text:?} lacks an end")]
    HalfRange {
        /// The range.
        text: String,
    },
    /// `*/0`, `*/x`.
    #[error("the step {text:?} is no number from 1 to {MAX_STEP}")]
    Step {
        /// What follows the slash.
        text: String,
    },
    /// `5/2`: crontab has no rule for it, and its relatives do not agree on one.
    #[error("{text:?} has a step but no range; write {example:?} if that is meant")]
    StepWithoutRange {
        /// The term.
        text: String,
        /// The same with a range.
        example: String,
    },
    /// `L`, `W`, `#`, `?`, `H`, `~`: other programs' inventions.
    #[error("{text:?} is an extension that crontab does not have")]
    Extension {
        /// The term.
        text: String,
    },
}

impl CronError {
    /// The field that is wrong, when it is one.
    #[must_use]
    pub const fn field(&self) -> Option<Field> {
        match self {
            Self::Field { field, .. } => Some(*field),
            Self::NeverFires { .. } => Some(Field::DayOfMonth),
            _ => None,
        }
    }
}

const fn fields(found: usize) -> &'static str {
    if found == 1 { "field" } else { "fields" }
}

const fn no_seconds(found: usize) -> &'static str {
    if found == 6 || found == 7 { " and none for seconds or years" } else { "" }
}

/// What may be written in a field.
fn usage(field: Field) -> String {
    let (low, high) = field.bounds();
    let names = match field {
        Field::Month => ", jan to dec",
        Field::DayOfWeek => ", sun to sat",
        Field::Minute | Field::Hour | Field::DayOfMonth => "",
    };
    format!("{low} to {high}{names}, *, a-b, a,b or */n")
}

fn names_elsewhere(text: &str) -> &'static str {
    if Field::Month.named(text).is_some() {
        " (months are named in the month field only)"
    } else if Field::DayOfWeek.named(text).is_some() {
        " (days are named in the day of week field only)"
    } else {
        ""
    }
}
