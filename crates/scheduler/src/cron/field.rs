//! The five fields, and what one of them asks for.

use std::fmt;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// One of the five fields of an expression, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// 1 to 31.
    DayOfMonth,
    /// 1 to 12, or `jan` to `dec`.
    Month,
    /// 0 to 7, or `sun` to `sat`; 0 and 7 are both Sunday.
    DayOfWeek,
}

impl Field {
    /// All five, in the order of an expression.
    pub const ALL: [Self; 5] =
        [Self::Minute, Self::Hour, Self::DayOfMonth, Self::Month, Self::DayOfWeek];

    /// What people call it: `minute`, `day of month`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day of month",
            Self::Month => "month",
            Self::DayOfWeek => "day of week",
        }
    }

    /// The smallest and the largest number that may be written here.
    #[must_use]
    pub const fn bounds(self) -> (u8, u8) {
        match self {
            Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::DayOfMonth => (1, 31),
            Self::Month => (1, 12),
            Self::DayOfWeek => (0, 7),
        }
    }

    /// The number that a name stands for here, in any case of its letters.
    pub(crate) fn named(self, name: &str) -> Option<u8> {
        let (names, first): (&[&str], u8) = match self {
            Self::Month => (&MONTHS, 1),
            Self::DayOfWeek => (&DAYS, 0),
            Self::Minute | Self::Hour | Self::DayOfMonth => return None,
        };
        let at = names.iter().position(|known| known.eq_ignore_ascii_case(name))?;
        u8::try_from(at).ok().map(|at| at + first)
    }

    /// Every value that the field can take; Sunday is 0 only.
    pub(crate) fn full(self) -> Values {
        let (low, high) = self.bounds();
        let high = if self == Self::DayOfWeek { 6 } else { high };
        Values::of(low..=high)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of small numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Values(u64);

impl Values {
    pub(crate) fn of(numbers: impl IntoIterator<Item = u8>) -> Self {
        let bit = |n: u8| 1_u64.checked_shl(u32::from(n)).unwrap_or(0);
        Self(numbers.into_iter().fold(0, |set, n| set | bit(n)))
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = u8> {
        (0..64_u8).filter(move |n| (self.0 >> n) & 1 == 1)
    }

    pub(crate) fn list(self) -> Vec<u8> {
        self.iter().collect()
    }
}

/// A term of a field's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Term {
    /// `*`, or `*/step`.
    Star { step: u16 },
    /// `from-to/step`; a single number is a range of one.
    Range { from: u8, to: u8, step: u16 },
}

impl Term {
    fn numbers(self, field: Field) -> impl Iterator<Item = u8> {
        let (low, high) = field.bounds();
        let (from, to, step) = match self {
            Self::Star { step } => (low, high, step),
            Self::Range { from, to, step } => (from, to, step),
        };
        (from..=to).step_by(usize::from(step))
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match *self {
            Self::Star { step } => {
                f.write_str("*")?;
                step
            }
            Self::Range { from, to, step } => {
                if from == to {
                    return write!(f, "{from}");
                }
                write!(f, "{from}-{to}")?;
                step
            }
        };
        if step == 1 { Ok(()) } else { write!(f, "/{step}") }
    }
}

/// One field of an expression: its terms, and the numbers they come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldSpec {
    terms: Vec<Term>,
    /// The numbers, Sunday as 0.
    pub(crate) values: Values,
    /// Whether it starts with `*`: crontab's day rule and its treatment of clock changes hang on that
    /// character, not on whether all values are there.
    pub(crate) starred: bool,
}

impl FieldSpec {
    /// From the terms of a list, which has at least one; the text is normalised.
    pub(crate) fn new(field: Field, terms: Vec<Term>) -> Self {
        let sunday = |n: u8| if field == Field::DayOfWeek { n % 7 } else { n };
        let numbers = terms.iter().flat_map(|term| term.numbers(field)).map(sunday);
        let values = Values::of(numbers);
        let starred = matches!(terms.first(), Some(Term::Star { .. }));
        let terms = match terms.first() {
            Some(all @ Term::Star { step: 1 }) => vec![*all],
            _ => without_repeats(terms.into_iter().map(|term| tidy(field, term))),
        };
        Self { terms, values, starred }
    }

    /// Whether it leaves nothing out.
    pub(crate) fn is_full(&self, field: Field) -> bool {
        self.values == field.full()
    }
}

/// One spelling for what can be spelt in several ways: 7 alone is Sunday as 0, a step over one number is none.
fn tidy(field: Field, term: Term) -> Term {
    match term {
        Term::Range { from, to, .. } if from == to => {
            let one = if field == Field::DayOfWeek { from % 7 } else { from };
            Term::Range { from: one, to: one, step: 1 }
        }
        other => other,
    }
}

fn without_repeats(terms: impl Iterator<Item = Term>) -> Vec<Term> {
    let mut kept: Vec<Term> = Vec::new();
    for term in terms {
        if !kept.contains(&term) {
            kept.push(term);
        }
    }
    kept
}

impl fmt::Display for FieldSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, term) in self.terms.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            term.fmt(f)?;
        }
        Ok(())
    }
}
