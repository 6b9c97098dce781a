//! The portable filter, judged on an item that was read: for whatever a tracker cannot filter by itself.

use std::cmp::Ordering;

use serde_json::Value;
use syncline_domain::ports::{FilterOp, PortableFilter, PortableTerm};
use syncline_domain::{Identity, Item, STATUS_REF, Timestamp};

/// Whether an item passes. `type_name` is the name that people know the item's type by.
pub(crate) fn passes(filter: &PortableFilter, item: &Item, type_name: &str) -> bool {
    let is_type = |word: &String| alike(word, &item.type_ref) || alike(word, type_name);
    let is_status =
        |word: &String| item.status.as_deref().is_some_and(|status| alike(word, status));
    (filter.types.is_empty() || filter.types.iter().any(is_type))
        && (filter.statuses.is_empty() || filter.statuses.iter().any(is_status))
        && filter.created_after.is_none_or(|after| item.created_at >= after)
        && filter.updated_after.is_none_or(|after| item.changed_at >= after)
        && filter.fields.iter().all(|term| holds(term, item))
}

fn holds(term: &PortableTerm, item: &Item) -> bool {
    let status = item.status.clone().map_or(Value::Null, Value::String);
    let held = match term.field.as_str() {
        STATUS_REF => &status,
        _ => item.fields.get(&term.field).unwrap_or(&Value::Null),
    };
    match term.op {
        FilterOp::Eq => equals(held, &term.value),
        FilterOp::Ne => !equals(held, &term.value),
        FilterOp::In => {
            term.value.as_array().is_some_and(|some| some.iter().any(|one| equals(held, one)))
        }
        FilterOp::Contains => contains(held, &term.value),
        FilterOp::Gt => compare(held, &term.value) == Some(Ordering::Greater),
        FilterOp::Lt => compare(held, &term.value) == Some(Ordering::Less),
    }
}

/// A set equals what it contains one of; a person equals his address, account, id or name.
fn equals(held: &Value, wanted: &Value) -> bool {
    match (held, wanted) {
        (Value::Array(parts), wanted) if !wanted.is_array() => {
            parts.iter().any(|part| equals(part, wanted))
        }
        (Value::Object(_), wanted) => is_person(held, wanted),
        _ if is_empty(held) || is_empty(wanted) => is_empty(held) && is_empty(wanted),
        _ => compare(held, wanted) == Some(Ordering::Equal) || held == wanted,
    }
}

fn is_person(held: &Value, wanted: &Value) -> bool {
    let Some(held) = Identity::from_value(held) else { return false };
    let Some(wanted) = Identity::from_value(wanted) else { return false };
    let words = |who: &Identity| {
        let all = [&who.email, &who.login, &who.id, &who.name];
        all.into_iter().flatten().map(|word| word.trim().to_lowercase()).collect::<Vec<_>>()
    };
    let held = words(&held);
    words(&wanted).iter().any(|word| held.contains(word))
}

fn contains(held: &Value, wanted: &Value) -> bool {
    match held {
        Value::Array(parts) => parts.iter().any(|part| contains(part, wanted)),
        _ => text(held).to_lowercase().contains(&text(wanted).to_lowercase()),
    }
}

/// Numbers as numbers, instants as instants, all else as text without letter case.
fn compare(held: &Value, wanted: &Value) -> Option<Ordering> {
    if is_empty(held) || is_empty(wanted) {
        return None;
    }
    if let (Some(held), Some(wanted)) = (number(held), number(wanted)) {
        return held.partial_cmp(&wanted);
    }
    let (held, wanted) = (text(held), text(wanted));
    if let (Ok(held), Ok(wanted)) = (Timestamp::parse(&held), Timestamp::parse(&wanted)) {
        return Some(held.cmp(&wanted));
    }
    Some(held.trim().to_lowercase().cmp(&wanted.trim().to_lowercase()))
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(_) => {
            Identity::from_value(value).and_then(|who| who.name.or(who.email)).unwrap_or_default()
        }
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(parts) => parts.is_empty(),
        _ => false,
    }
}

fn alike(left: &str, right: &str) -> bool {
    left.trim().to_lowercase() == right.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use syncline_domain::{Fields, ItemId, Version};

    use super::*;

    fn item() -> Item {
        let fields = [
            ("title", json!("Broken Pump")),
            ("hours", json!(7.5)),
            ("due", json!("2026-03-01T00:00:00.000Z")),
            ("tags", json!(["red", "blue"])),
            ("who", json!({"name": "Ada L.", "email": "ada@example.org"})),
            ("zero", json!(0)),
        ];
        Item {
            id: ItemId::new("1"),
            type_ref: "2".to_owned(),
            title: "Broken Pump".to_owned(),
            url: String::new(),
            status: Some("In Progress".to_owned()),
            version: Version::new("1"),
            created_at: Timestamp::from_secs(1_000),
            changed_at: Timestamp::from_secs(2_000),
            created_by: None,
            changed_by: None,
            fields: fields.into_iter().map(|(k, v)| (k.into(), v)).collect::<Fields>(),
        }
    }

    #[test]
    fn every_operator_has_its_meaning() {
        use FilterOp::{Contains, Eq, Gt, In, Lt, Ne};
        for (field, op, value, passes_it) in [
            ("title", Eq, json!("broken pump"), true),
            ("title", Ne, json!("broken pump"), false),
            ("title", Contains, json!("PUMP"), true),
            ("title", In, json!(["x", "Broken Pump"]), true),
            ("title", In, json!("Broken Pump"), false),
            ("hours", Gt, json!(7), true),
            ("hours", Lt, json!("7.4"), false),
            ("due", Lt, json!("2026-03-01T02:00:00+01:00"), true),
            ("tags", Eq, json!("red"), true),
            ("tags", Ne, json!("red"), false),
            ("tags", Contains, json!("lu"), true),
            ("who", Eq, json!("ADA@example.org"), true),
            ("who", Eq, json!("Ada L."), true),
            ("who", Eq, json!("bob@example.org"), false),
            ("zero", Eq, json!(0), true),
            ("zero", Eq, Value::Null, false),
            ("absent", Eq, Value::Null, true),
            ("absent", Gt, json!(0), false),
            ("@status", Eq, json!("in progress"), true),
        ] {
            let term = PortableTerm { field: field.into(), op, value: value.clone() };
            let filter = PortableFilter { fields: vec![term], ..PortableFilter::default() };
            assert_eq!(passes(&filter, &item(), "Bug"), passes_it, "{field} {op:?} {value}");
        }
    }

    #[test]
    fn types_statuses_and_times_are_judged() {
        let words = |some: &[&str]| some.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let all = PortableFilter::default();
        for (filter, passes_it) in [
            (PortableFilter { types: words(&["bug"]), ..all.clone() }, true),
            (PortableFilter { types: words(&["2"]), ..all.clone() }, true),
            (PortableFilter { types: words(&["Task"]), ..all.clone() }, false),
            (PortableFilter { statuses: words(&["in progress"]), ..all.clone() }, true),
            (PortableFilter { statuses: words(&["Closed"]), ..all.clone() }, false),
            (
                PortableFilter { created_after: Some(Timestamp::from_secs(1_000)), ..all.clone() },
                true,
            ),
            (PortableFilter { updated_after: Some(Timestamp::from_secs(2_001)), ..all }, false),
        ] {
            assert_eq!(passes(&filter, &item(), "Bug"), passes_it, "{filter:?}");
        }
    }
}
