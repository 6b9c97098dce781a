//! From a query to a plan: names become field numbers, literals become typed values.

use super::ast::{Condition, Operand, Operator, Query};
use crate::azure::errors::{Answer, ApiError, bad_query};
use crate::azure::fields as f;
use crate::azure::schema::{self, Field, Kind};
use crate::azure::site::Site;
use crate::azure::store::Store;
use crate::shared::text::read_instant;

/// One day in milliseconds.
const DAY: i64 = 86_400_000;

/// A comparison of ordered values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A condition that items can be held against.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    Always,
    All(Vec<Test>),
    Any(Vec<Test>),
    Not(Box<Test>),
    Empty(u16),
    Number(u16, Compare, f64),
    /// An instant against a span: one day with date precision, one millisecond else.
    Time(u16, Compare, i64, i64),
    Text(u16, Compare, String),
    Bool(u16, bool),
    Who(u16, Vec<u32>),
    Contains(u16, String),
    Words(u16, Vec<String>),
    Tag(String),
    Under(u16, String),
    Ever(u16, String),
    SameAs(u16, Compare, u16),
}

/// A query that is ready to run.
pub(crate) struct Plan {
    pub(crate) columns: Vec<&'static Field>,
    pub(crate) order: Vec<(&'static Field, bool)>,
    pub(crate) test: Test,
    /// The past instant that the query looks at, in milliseconds.
    pub(crate) as_of: Option<i64>,
    /// No item below this id can match.
    pub(crate) first_id: u32,
    /// No item that last changed before this can match.
    pub(crate) changed_from: Option<i64>,
}

/// What names and macros of a query mean.
pub(crate) struct Scope<'a> {
    pub(crate) site: &'a Site,
    pub(crate) store: &'a Store,
    /// Whether the address names a project.
    pub(crate) in_project: bool,
    pub(crate) time_precision: bool,
    /// The account that `@me` means.
    pub(crate) me: u32,
}

/// Makes a plan of a query.
pub(crate) fn compile(scope: &Scope<'_>, query: &Query) -> Answer<Plan> {
    let columns = query.columns.iter().map(|name| field(name)).collect::<Answer<Vec<_>>>()?;
    let order = query
        .order
        .iter()
        .map(|(name, desc)| Ok((field(name)?, *desc)))
        .collect::<Answer<Vec<_>>>()?;
    if let Some((bad, _)) =
        order.iter().find(|(field, _)| matches!(field.kind, Kind::Html | Kind::History))
    {
        return Err(bad_query(format!(
            "TF51008: The field «{}» cannot be used to sort.",
            bad.reference
        )));
    }
    let test = match &query.condition {
        Some(condition) => scope.condition(condition)?,
        None => Test::Always,
    };
    let as_of = match &query.as_of {
        Some(text) => Some(read_instant(text).ok_or_else(|| not_a_date(text))?.ms),
        None => None,
    };
    let mut plan = Plan { columns, order, test, as_of, first_id: 0, changed_from: None };
    narrow(&mut plan);
    Ok(plan)
}

/// Takes the bounds that every match must keep from the top of the condition.
fn narrow(plan: &mut Plan) {
    let list = match &plan.test {
        Test::All(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    for test in list {
        match test {
            Test::Number(f::ID, compare, bound) if bound.is_finite() && *bound >= 0.0 => {
                let least = match compare {
                    Compare::Greater | Compare::GreaterOrEqual | Compare::Equal => id_of(*bound),
                    _ => 0,
                };
                plan.first_id = plan.first_id.max(least);
            }
            Test::Time(
                f::CHANGED_DATE,
                Compare::Greater | Compare::GreaterOrEqual | Compare::Equal,
                low,
                _,
            ) => {
                plan.changed_from = plan.changed_from.max(Some(*low));
            }
            _ => {}
        }
    }
    if plan.as_of.is_some() {
        plan.changed_from = None;
    }
}

fn id_of(bound: f64) -> u32 {
    format!("{bound:.0}").parse().unwrap_or(u32::MAX)
}

fn field(name: &str) -> Answer<&'static Field> {
    schema::find(name).ok_or_else(|| {
        bad_query(format!("TF51005: The query references a field that does not exist. The error is caused by «[{name}]»."))
    })
}

fn not_a_date(text: &str) -> ApiError {
    bad_query(format!("TF51011: The date «{text}» cannot be read."))
}

fn misused(field: &Field) -> ApiError {
    bad_query(format!(
        "TF51016: The operator cannot be used with the field «{}» and this value.",
        field.reference
    ))
}

impl Scope<'_> {
    fn condition(&self, condition: &Condition) -> Answer<Test> {
        match condition {
            Condition::All(list) => Ok(Test::All(self.list(list)?)),
            Condition::Any(list) => Ok(Test::Any(self.list(list)?)),
            Condition::Not(inner) => Ok(Test::Not(Box::new(self.condition(inner)?))),
            Condition::Test { field: name, op, values } => self.test(field(name)?, *op, values),
        }
    }

    fn list(&self, list: &[Condition]) -> Answer<Vec<Test>> {
        list.iter().map(|one| self.condition(one)).collect()
    }

    fn test(&self, field: &'static Field, op: Operator, values: &[Operand]) -> Answer<Test> {
        if matches!(op, Operator::IsEmpty) {
            return Ok(Test::Empty(field.no));
        }
        if matches!(op, Operator::In) {
            let each = values.iter().map(|value| self.compare(field, Compare::Equal, value));
            return Ok(Test::Any(each.collect::<Answer<Vec<_>>>()?));
        }
        let value = values.first().ok_or_else(|| misused(field))?;
        match op {
            Operator::Equals => self.compare(field, Compare::Equal, value),
            Operator::Differs => {
                Ok(Test::Not(Box::new(self.compare(field, Compare::Equal, value)?)))
            }
            Operator::Less => self.compare(field, Compare::Less, value),
            Operator::LessOrEqual => self.compare(field, Compare::LessOrEqual, value),
            Operator::Greater => self.compare(field, Compare::Greater, value),
            Operator::GreaterOrEqual => self.compare(field, Compare::GreaterOrEqual, value),
            Operator::Contains => self.contains(field, value),
            Operator::ContainsWords => {
                let words =
                    self.text(field, value)?.split_whitespace().map(str::to_lowercase).collect();
                Ok(Test::Words(field.no, words))
            }
            Operator::Under => self.under(field, value),
            Operator::Ever => Ok(Test::Ever(field.no, self.text(field, value)?.to_lowercase())),
            Operator::In | Operator::IsEmpty => Err(misused(field)),
        }
    }

    fn compare(&self, field: &'static Field, compare: Compare, value: &Operand) -> Answer<Test> {
        if let Operand::Field(name) = value {
            return Ok(Test::SameAs(field.no, compare, self::field(name)?.no));
        }
        match field.kind {
            Kind::Html | Kind::History => Err(misused(field)),
            Kind::Int | Kind::Num => {
                let text = self.text(field, value)?;
                if text.is_empty() && compare == Compare::Equal {
                    return Ok(Test::Empty(field.no));
                }
                let number = text.trim().parse().map_err(|_| misused(field))?;
                Ok(Test::Number(field.no, compare, number))
            }
            Kind::Time => self.time(field, compare, value),
            Kind::Bool => self.truth(field, value),
            Kind::Who => self.who(field, compare, value),
            Kind::Text | Kind::Tags | Kind::Path => {
                let text = self.text(field, value)?;
                if text.is_empty() && compare == Compare::Equal {
                    return Ok(Test::Empty(field.no));
                }
                Ok(Test::Text(field.no, compare, text.to_lowercase()))
            }
        }
    }

    fn time(&self, field: &Field, compare: Compare, value: &Operand) -> Answer<Test> {
        let (ms, has_time) = match value {
            Operand::Macro(name, days) => {
                (self.day_macro(name)?.saturating_add(days.saturating_mul(DAY)), false)
            }
            Operand::Text(text) if text.is_empty() => return Ok(Test::Empty(field.no)),
            Operand::Text(text) => {
                let read = read_instant(text).ok_or_else(|| not_a_date(text))?;
                (read.ms, read.has_time)
            }
            _ => return Err(misused(field)),
        };
        if self.time_precision {
            return Ok(Test::Time(field.no, compare, ms, ms));
        }
        if has_time {
            let message =
                "You cannot supply a time with the date when running a query using date precision.";
            return Err(ApiError::new(
                400,
                "VssPropertyValidationException",
                format!("{message} The error is caused by «{}».", field.reference),
            ));
        }
        Ok(Test::Time(field.no, compare, ms, ms.saturating_add(DAY).saturating_sub(1)))
    }

    fn day_macro(&self, name: &str) -> Answer<i64> {
        let now = self.site.now();
        match name.to_ascii_lowercase().as_str() {
            "today" | "startofday" => Ok(now.saturating_sub(now.rem_euclid(DAY))),
            _ => Err(bad_query(format!("TF51006: The macro «@{name}» is not known here."))),
        }
    }

    fn truth(&self, field: &Field, value: &Operand) -> Answer<Test> {
        match value {
            Operand::Bool(wanted) => Ok(Test::Bool(field.no, *wanted)),
            other => {
                let text = self.text(field, other)?.to_ascii_lowercase();
                Ok(Test::Bool(field.no, text.parse().map_err(|_| misused(field))?))
            }
        }
    }

    fn who(&self, field: &Field, compare: Compare, value: &Operand) -> Answer<Test> {
        if compare != Compare::Equal {
            return Err(misused(field));
        }
        let text = self.text(field, value)?;
        if text.is_empty() {
            return Ok(Test::Empty(field.no));
        }
        Ok(Test::Who(field.no, self.site.people.find(&text).into_iter().collect()))
    }

    fn contains(&self, field: &Field, value: &Operand) -> Answer<Test> {
        let text = self.text(field, value)?.to_lowercase();
        match field.kind {
            Kind::Tags => Ok(Test::Tag(text)),
            Kind::Who => {
                let fits = |name: &str| name.to_lowercase().contains(&text);
                let found = self.site.people.iter().filter(|(_, p)| fits(&p.name) || fits(&p.mail));
                Ok(Test::Who(field.no, found.map(|(no, _)| no).collect()))
            }
            Kind::Text | Kind::Html | Kind::History => Ok(Test::Contains(field.no, text)),
            _ => Err(misused(field)),
        }
    }

    fn under(&self, field: &Field, value: &Operand) -> Answer<Test> {
        let text = self.text(field, value)?;
        let nodes = match field.no {
            f::AREA_PATH => &self.store.areas,
            f::ITERATION_PATH => &self.store.iterations,
            _ => return Err(misused(field)),
        };
        let wanted = text.trim_matches('\\').to_lowercase();
        if !nodes.iter().any(|node| node.path.to_lowercase() == wanted) {
            return Err(bad_query(format!(
                "TF51011: The specified path does not exist. The error is caused by «'{text}'»."
            )));
        }
        Ok(Test::Under(field.no, wanted))
    }

    /// The text of a literal or of a macro that stands for text.
    fn text(&self, field: &Field, value: &Operand) -> Answer<String> {
        match value {
            Operand::Text(text) | Operand::Number(text) => Ok(text.clone()),
            Operand::Bool(yes) => Ok(yes.to_string()),
            Operand::Field(_) => Err(misused(field)),
            Operand::Macro(name, _) => match name.to_ascii_lowercase().as_str() {
                "project" if self.in_project => Ok(self.site.options.project.clone()),
                "project" => {
                    Err(bad_query("TF51007: The macro «@project» needs a project in the address."))
                }
                "me" => Ok(self
                    .site
                    .people
                    .get(self.me)
                    .map(|person| person.mail.clone())
                    .unwrap_or_default()),
                _ => Err(bad_query(format!("TF51006: The macro «@{name}» is not known here."))),
            },
        }
    }
}
