//! `search_criteria`: read once, then held against each request.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::answers::{Answer, Failure, invalid};
use super::model::Ticket;
use super::present::{self, Look};
use super::schema::{self, Kind};
use super::site::Site;
use crate::shared::record::Val;

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    Is,
    Contains,
    StartsWith,
    EndsWith,
    Between,
    Greater,
    GreaterOrEqual,
    Lesser,
    LesserOrEqual,
}

/// A criterion that requests can be held against.
#[derive(Clone, Debug)]
pub(crate) enum Criterion {
    Always,
    Both(Box<Criterion>, Box<Criterion>),
    Either(Box<Criterion>, Box<Criterion>),
    Test(Test),
}

/// One comparison.
#[derive(Clone, Debug)]
pub(crate) struct Test {
    look: Look,
    condition: Condition,
    negated: bool,
    values: Vec<String>,
}

/// Reads `search_criteria`: an object or a list of them, joined from left to right.
pub(crate) fn read(value: &Value) -> Answer<Criterion> {
    match value {
        Value::Null => Ok(Criterion::Always),
        Value::Array(list) => joined(list, None),
        Value::Object(map) => single(map),
        _ => Err(bad("search_criteria")),
    }
}

/// `search_fields`: all must hold.
pub(crate) fn read_simple(value: &Value) -> Answer<Criterion> {
    let mut all = Criterion::Always;
    for (field, wanted) in value.as_object().into_iter().flatten() {
        let values = texts(wanted);
        let test = Test { look: look(field)?, condition: Condition::Is, negated: false, values };
        all = both(all, Criterion::Test(test));
    }
    Ok(all)
}

fn bad(field: &str) -> Failure {
    invalid(field, "Invalid search criteria")
}

fn joined(list: &[Value], first: Option<Criterion>) -> Answer<Criterion> {
    let mut all = first;
    for value in list {
        let map = value.as_object().ok_or_else(|| bad("search_criteria"))?;
        let one = single(map)?;
        let or = map
            .get("logical_operator")
            .and_then(Value::as_str)
            .is_some_and(|word| word.eq_ignore_ascii_case("or"));
        all = Some(match all {
            None => one,
            Some(had) if or => Criterion::Either(Box::new(had), Box::new(one)),
            Some(had) => both(had, one),
        });
    }
    Ok(all.unwrap_or(Criterion::Always))
}

fn both(a: Criterion, b: Criterion) -> Criterion {
    match a {
        Criterion::Always => b,
        a => Criterion::Both(Box::new(a), Box::new(b)),
    }
}

/// A comparison together with its children, which stand in the same brackets.
fn single(map: &Map<String, Value>) -> Answer<Criterion> {
    let own = match map.get("field").and_then(Value::as_str) {
        Some(field) => Some(Criterion::Test(test(field, map)?)),
        None => None,
    };
    match map.get("children").and_then(Value::as_array) {
        Some(children) => joined(children, own),
        None => own.ok_or_else(|| bad("search_criteria")),
    }
}

fn test(field: &str, map: &Map<String, Value>) -> Answer<Test> {
    let word =
        map.get("condition").and_then(Value::as_str).unwrap_or("is").trim().to_ascii_lowercase();
    let (condition, negated) = match word.as_str() {
        "is" | "eq" | "equal" | "is equal to" => (Condition::Is, false),
        "is not" | "neq" | "not equal" => (Condition::Is, true),
        "contains" | "like" => (Condition::Contains, false),
        "not contains" | "does not contain" => (Condition::Contains, true),
        "starts with" => (Condition::StartsWith, false),
        "ends with" => (Condition::EndsWith, false),
        "between" => (Condition::Between, false),
        "greater than" | "gt" | "after" => (Condition::Greater, false),
        "greater or equal" | "greater than or equal to" | "gte" => {
            (Condition::GreaterOrEqual, false)
        }
        "lesser than" | "less than" | "lt" | "before" => (Condition::Lesser, false),
        "lesser or equal" | "less than or equal to" | "lte" => (Condition::LesserOrEqual, false),
        _ => return Err(bad("condition")),
    };
    let mut values = map.get("value").map(texts).unwrap_or_default();
    values.extend(map.get("values").map(texts).unwrap_or_default());
    if condition == Condition::Between && values.len() != 2 {
        return Err(bad(field));
    }
    Ok(Test { look: look(field)?, condition, negated, values })
}

fn look(path: &str) -> Answer<Look> {
    Look::read(path).ok_or_else(|| invalid(path, "Invalid field in search criteria"))
}

/// The texts of a value: itself, its parts, or the id or name inside an object.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Array(list) => list.iter().flat_map(texts).collect(),
        Value::Object(map) => {
            let inner = map
                .get("id")
                .or_else(|| map.get("name"))
                .or_else(|| map.get("email_id"))
                .or_else(|| map.get("value"));
            inner.map(texts).unwrap_or_default()
        }
        other => vec![other.to_string()],
    }
}

impl Criterion {
    /// Whether a request meets it.
    pub(crate) fn holds(&self, site: &Site, ticket: &Ticket) -> bool {
        match self {
            Self::Always => true,
            Self::Both(a, b) => a.holds(site, ticket) && b.holds(site, ticket),
            Self::Either(a, b) => a.holds(site, ticket) || b.holds(site, ticket),
            Self::Test(test) => test.holds(site, ticket),
        }
    }

    /// No request that last changed before this instant can meet it.
    pub(crate) fn changed_from(&self) -> Option<i64> {
        match self {
            Self::Both(a, b) => a.changed_from().max(b.changed_from()),
            Self::Test(test) if !test.negated && test.look.is_last_updated() => {
                match test.condition {
                    Condition::Greater
                    | Condition::GreaterOrEqual
                    | Condition::Between
                    | Condition::Is => {
                        test.values.iter().filter_map(|value| value.parse().ok()).min()
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

impl Test {
    fn holds(&self, site: &Site, ticket: &Ticket) -> bool {
        let found = present::texts_at(site, ticket, &self.look);
        let met = self.meets(&found);
        met != self.negated
    }

    fn meets(&self, found: &[String]) -> bool {
        let any = |fits: &dyn Fn(&str, &str) -> bool| {
            found.iter().any(|had| self.values.iter().any(|wanted| fits(had, wanted)))
        };
        let ordered =
            |fits: &dyn Fn(Ordering) -> bool| any(&|had, wanted| fits(order(had, wanted)));
        let lower = |text: &str| text.to_lowercase();
        match self.condition {
            Condition::Is => {
                any(&|had, wanted| lower(had) == lower(wanted))
                    || found.is_empty() && self.values.iter().all(|v| v.is_empty() || v == "null")
            }
            Condition::Contains => any(&|had, wanted| lower(had).contains(&lower(wanted))),
            Condition::StartsWith => any(&|had, wanted| lower(had).starts_with(&lower(wanted))),
            Condition::EndsWith => any(&|had, wanted| lower(had).ends_with(&lower(wanted))),
            Condition::Greater => ordered(&Ordering::is_gt),
            Condition::GreaterOrEqual => ordered(&Ordering::is_ge),
            Condition::Lesser => ordered(&Ordering::is_lt),
            Condition::LesserOrEqual => ordered(&Ordering::is_le),
            Condition::Between => match self.values.as_slice() {
                [low, high] => {
                    found.iter().any(|had| order(had, low).is_ge() && order(had, high).is_le())
                }
                _ => false,
            },
        }
    }
}

/// Numbers by size, everything else by letters.
fn order(a: &str, b: &str) -> Ordering {
    match (a.parse::<i64>(), b.parse::<i64>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        _ => a.to_lowercase().cmp(&b.to_lowercase()),
    }
}

/// Whether a field can be part of criteria at all.
pub(crate) fn searchable(kind: Kind) -> bool {
    !matches!(kind, Kind::Html)
}

/// The order of two requests by a sortable field.
pub(crate) fn sort_order(site: &Site, field: &str, a: &Ticket, b: &Ticket) -> Ordering {
    if field == "id" {
        return a.no.cmp(&b.no);
    }
    let Some(field) = schema::find(field) else { return Ordering::Equal };
    match (a.fields.get(field.no), b.fields.get(field.no)) {
        (None, None) => Ordering::Equal,
        (None, _) => Ordering::Less,
        (_, None) => Ordering::Greater,
        (Some(Val::Time(a)), Some(Val::Time(b))) => a.cmp(b),
        (Some(Val::Text(a)), Some(Val::Text(b))) => a.to_lowercase().cmp(&b.to_lowercase()),
        (Some(Val::Ref(a)), Some(Val::Ref(b))) => {
            present::ref_name(site, field, *a).cmp(&present::ref_name(site, field, *b))
        }
        _ => Ordering::Equal,
    }
}
