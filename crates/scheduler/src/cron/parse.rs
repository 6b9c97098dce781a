//! From text to the five fields: crontab(5), strictly.

use super::error::{CronError, FieldFault};
use super::field::{Field, FieldSpec, Term};

/// The longest text that is read.
pub(crate) const MAX_BYTES: usize = 256;
/// The largest step. Every field is shorter; crontab takes steps that lead out of the field, and so do we.
pub(crate) const MAX_STEP: u16 = 10_000;

/// What the nicknames stand for.
const NICKNAMES: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// The five fields of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) minute: FieldSpec,
    pub(crate) hour: FieldSpec,
    pub(crate) day_of_month: FieldSpec,
    pub(crate) month: FieldSpec,
    pub(crate) day_of_week: FieldSpec,
}

impl Fields {
    /// Whether a day has to match both day fields. Crontab: unless neither of them starts with `*`.
    pub(crate) fn both_days(&self) -> bool {
        self.day_of_month.starred || self.day_of_week.starred
    }
}

/// Reads an expression or a nickname.
pub(crate) fn parse(text: &str) -> Result<Fields, CronError> {
    if text.len() > MAX_BYTES {
        return Err(CronError::TooLong { bytes: text.len() });
    }
    if let Some(found) = text.chars().find(|c| c.is_control() && *c != '\t') {
        return Err(CronError::ControlCharacter { found });
    }
    // Blanks and tabs only: any other white space is somebody else's character and stays in its field to be refused.
    let text = text.trim_matches([' ', '\t']);
    let text = if text.starts_with('@') { nickname(text)? } else { text };
    let parts: Vec<&str> = text.split([' ', '\t']).filter(|part| !part.is_empty()).collect();
    let [minute, hour, day_of_month, month, day_of_week] = parts.as_slice() else {
        return Err(match parts.len() {
            0 => CronError::Empty,
            found => CronError::FieldCount { found },
        });
    };
    let fields = Fields {
        minute: field(Field::Minute, minute)?,
        hour: field(Field::Hour, hour)?,
        day_of_month: field(Field::DayOfMonth, day_of_month)?,
        month: field(Field::Month, month)?,
        day_of_week: field(Field::DayOfWeek, day_of_week)?,
    };
    must_fire(&fields)?;
    Ok(fields)
}

fn nickname(text: &str) -> Result<&'static str, CronError> {
    if text == "@reboot" {
        return Err(CronError::Reboot);
    }
    let known = NICKNAMES.iter().find(|(name, _)| *name == text);
    known.map(|(_, fields)| *fields).ok_or_else(|| CronError::Nickname { text: text.to_owned() })
}

fn field(field: Field, text: &str) -> Result<FieldSpec, CronError> {
    let terms: Result<Vec<Term>, FieldFault> =
        text.split(',').map(|one| term(field, one)).collect();
    match terms {
        Ok(terms) => Ok(FieldSpec::new(field, terms)),
        Err(fault) => Err(CronError::Field { field, text: text.to_owned(), fault }),
    }
}

fn term(field: Field, text: &str) -> Result<Term, FieldFault> {
    if text.is_empty() {
        return Err(FieldFault::EmptyTerm);
    }
    let (base, step) = match text.split_once('/') {
        Some((base, step)) => (base, Some(read_step(step)?)),
        None => (text, None),
    };
    if base == "*" {
        return Ok(Term::Star { step: step.unwrap_or(1) });
    }
    if let Some((from, to)) = base.split_once('-') {
        let (from, to) = range(field, base, from, to)?;
        return Ok(Term::Range { from, to, step: step.unwrap_or(1) });
    }
    let one = number(field, base)?;
    match step {
        None => Ok(Term::Range { from: one, to: one, step: 1 }),
        Some(step) => Err(FieldFault::StepWithoutRange {
            text: text.to_owned(),
            example: format!("{one}-{}/{step}", field.bounds().1),
        }),
    }
}

fn read_step(text: &str) -> Result<u16, FieldFault> {
    match digits(text).and_then(|text| text.parse().ok()) {
        Some(step @ 1..=MAX_STEP) => Ok(step),
        _ => Err(FieldFault::Step { text: text.to_owned() }),
    }
}

fn range(field: Field, whole: &str, from: &str, to: &str) -> Result<(u8, u8), FieldFault> {
    if from.is_empty() || to.is_empty() {
        return Err(FieldFault::HalfRange { text: whole.to_owned() });
    }
    let (from, to) = (number(field, from)?, number(field, to)?);
    if from > to {
        return Err(FieldFault::Backwards { text: whole.to_owned() });
    }
    Ok((from, to))
}

fn number(field: Field, text: &str) -> Result<u8, FieldFault> {
    if let Some(named) = field.named(text) {
        return Ok(named);
    }
    if digits(text).is_none() {
        let text = text.to_owned();
        return Err(if is_extension(&text) {
            FieldFault::Extension { text }
        } else {
            FieldFault::NotANumber { text }
        });
    }
    let (low, high) = field.bounds();
    match text.parse() {
        Ok(n) if (low..=high).contains(&n) => Ok(n),
        _ => Err(FieldFault::OutOfRange { text: text.to_owned() }),
    }
}

/// The text, if it is digits and nothing else: Rust's own parsers would take `+5`.
fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

fn is_extension(text: &str) -> bool {
    let foreign = |c: char| matches!(c, '?' | '#' | '~');
    let last_or_weekday = |c: char| matches!(c.to_ascii_uppercase(), 'L' | 'W' | 'H');
    let letters = text.trim_start_matches(|c: char| c.is_ascii_digit());
    text.contains(foreign)
        || text.starts_with("H(")
        || (!letters.is_empty() && letters.len() < 3 && letters.chars().all(last_or_weekday))
}

/// Refuses what no calendar has, such as 31 February. Only days that must match both fields can fail: where either
/// field is enough, some weekday always comes.
fn must_fire(fields: &Fields) -> Result<(), CronError> {
    let Some(first) = fields.day_of_month.values.iter().next() else { return Ok(()) };
    let has_it = fields.month.values.iter().any(|month| first <= longest(month));
    if has_it || !fields.both_days() {
        return Ok(());
    }
    Err(CronError::NeverFires {
        days: fields.day_of_month.to_string(),
        months: fields.month.to_string(),
    })
}

/// The days of a month in its longest year.
const fn longest(month: u8) -> u8 {
    match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
