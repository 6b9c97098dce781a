//! Filters: what users write as `search_criteria`, and the portable filter, as one list of criteria.
//!
//! Criteria are joined from left to right; the children of one stand in the same brackets with it. A user's list is
//! therefore put into brackets by hanging all but its first criterion below the first.

use serde_json::{Value, json};
use syncline_domain::ports::{ChangeQuery, FilterOp, PortableFilter, PortableTerm};
use syncline_domain::{FieldFault, Identity, STATUS_REF, Timestamp};

use super::values::{Shape, search_path, shape};

/// How deep children may nest.
const DEEPEST: usize = 10;

/// Checks `{"search_criteria": ..}`; paths are relative to the filter.
pub(crate) fn check(filter: &Value) -> Vec<FieldFault> {
    let Value::Object(map) = filter else {
        return vec![FieldFault::new("", "must be an object such as {\"search_criteria\": []}")];
    };
    let unknown = map.keys().filter(|key| *key != "search_criteria");
    let words = "is no filter of servicedesk plus; use search_criteria";
    let mut all: Vec<FieldFault> =
        unknown.map(|key| FieldFault::new(format!("/{key}"), words)).collect();
    match map.get("search_criteria") {
        None | Some(Value::Null) => {}
        Some(Value::Array(list)) => {
            for (at, one) in list.iter().enumerate() {
                all.extend(faults(one, &format!("/search_criteria/{at}"), 0));
            }
        }
        Some(one) => all.extend(faults(one, "/search_criteria", 0)),
    }
    all
}

fn faults(one: &Value, path: &str, depth: usize) -> Vec<FieldFault> {
    let fault = |key: &str, text: &str| vec![FieldFault::new(format!("{path}{key}"), text)];
    let Value::Object(map) = one else {
        return fault("", "must be an object with field, condition and value");
    };
    if depth > DEEPEST {
        return fault("/children", "nests too deeply");
    }
    let text = |key: &str| {
        map.get(key).and_then(Value::as_str).is_some_and(|text| !text.trim().is_empty())
    };
    let mut all = Vec::new();
    for key in ["field", "condition"] {
        if !text(key) {
            all.extend(fault(&format!("/{key}"), "must be a text"));
        }
    }
    if !map.contains_key("value") && !map.contains_key("values") {
        all.extend(fault("", "needs a value or values"));
    }
    let operator = map
        .get("logical_operator")
        .map(|word| word.as_str().unwrap_or_default().to_ascii_lowercase());
    if operator.is_some_and(|word| word != "and" && word != "or") {
        all.extend(fault("/logical_operator", "must be and or or"));
    }
    match map.get("children") {
        None | Some(Value::Null) => {}
        Some(Value::Array(children)) => {
            for (at, child) in children.iter().enumerate() {
                all.extend(faults(child, &format!("{path}/children/{at}"), depth + 1));
            }
        }
        Some(_) => all.extend(fault("/children", "must be a list")),
    }
    all
}

/// All criteria of a query but types and change time, to be joined with `and`.
///
/// # Errors
/// A sentence about the part of the filter that cannot be understood.
pub(super) fn criteria(query: &ChangeQuery) -> Result<Vec<Value>, String> {
    let mut all = portable(&query.portable)?;
    if let Some(native) = query.native.as_ref().and_then(|native| native.get("search_criteria")) {
        if let Some(fault) = check(&json!({ "search_criteria": native })).first() {
            return Err(format!(
                "the filter's {} {}",
                fault.path.trim_start_matches('/'),
                fault.message
            ));
        }
        all.extend(bracketed(native));
    }
    Ok(all)
}

/// Whether a type takes part; types are told apart here, since not every build can search for them.
pub(super) fn takes(query: &ChangeQuery, type_ref: &str) -> bool {
    let within = |names: &[String]| {
        names.is_empty() || names.iter().any(|name| name.eq_ignore_ascii_case(type_ref))
    };
    within(&query.types) && within(&query.portable.types)
}

fn bracketed(native: &Value) -> Option<Value> {
    let list = match native {
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    };
    let mut list = list.into_iter();
    let mut first = list.next()?;
    let rest: Vec<Value> = list.collect();
    if let (false, Some(map)) = (rest.is_empty(), first.as_object_mut()) {
        let children = map.entry("children").or_insert_with(|| json!([]));
        if let Some(children) = children.as_array_mut() {
            children.extend(rest);
        }
    }
    Some(joined(first))
}

fn joined(mut one: Value) -> Value {
    if let Some(map) = one.as_object_mut() {
        map.insert("logical_operator".to_owned(), json!("and"));
    }
    one
}

fn portable(filter: &PortableFilter) -> Result<Vec<Value>, String> {
    let mut all = Vec::new();
    if !filter.statuses.is_empty() {
        all.push(test("status.name", "is", &json!(filter.statuses)));
    }
    for term in &filter.fields {
        all.push(term_test(term)?);
    }
    all.extend(filter.created_after.map(|at| from("created_time", at)));
    all.extend(filter.updated_after.map(|at| from("last_updated_time", at)));
    Ok(all)
}

fn term_test(term: &PortableTerm) -> Result<Value, String> {
    let reference = if term.field.as_str() == STATUS_REF { "status" } else { term.field.as_str() };
    let path = search_path(reference);
    let condition = match term.op {
        FilterOp::Eq | FilterOp::In => "is",
        FilterOp::Ne => "is not",
        FilterOp::Contains => "contains",
        FilterOp::Gt => "greater than",
        FilterOp::Lt => "lesser than",
    };
    let values: Result<Vec<Value>, String> = match (&term.value, term.op) {
        (Value::Array(parts), FilterOp::In) if !parts.is_empty() => {
            parts.iter().map(|part| literal(reference, part)).collect()
        }
        (_, FilterOp::In) => {
            Err(format!("the filter on {reference} needs a list that is not empty"))
        }
        (value, _) => literal(reference, value).map(|value| vec![value]),
    };
    Ok(test(&path, condition, &Value::Array(values?)))
}

/// A value as criteria carry it: text, instants as milliseconds.
fn literal(reference: &str, value: &Value) -> Result<Value, String> {
    match value {
        Value::String(text) if shape(reference) == Shape::Instant => Ok(Timestamp::parse(text)
            .map_or_else(|_| json!(text), |at| json!(at.millis().to_string()))),
        Value::String(text) => Ok(json!(text)),
        Value::Number(number) => Ok(json!(number.to_string())),
        Value::Bool(flag) => Ok(json!(flag.to_string())),
        Value::Null => Ok(json!("")),
        Value::Object(_) => {
            let who = Identity::from_value(value);
            let name = who.and_then(|who| who.email.or(who.name)).unwrap_or_default();
            Ok(json!(name))
        }
        Value::Array(_) => Err(format!("the filter on {reference} can take a list only with in")),
    }
}

/// One criterion, joined with `and`. A single value goes as `value`, several as `values`.
pub(super) fn test(path: &str, condition: &str, values: &Value) -> Value {
    let mut one = json!({ "field": path, "condition": condition, "logical_operator": "and" });
    if let Some(map) = one.as_object_mut() {
        match values {
            Value::Array(parts) if parts.len() == 1 => {
                map.insert("value".to_owned(), parts.first().cloned().into())
            }
            Value::Array(_) => map.insert("values".to_owned(), values.clone()),
            single => map.insert("value".to_owned(), single.clone()),
        };
    }
    one
}

/// At or after an instant: `greater than` leaves the instant itself out.
pub(super) fn from(path: &str, at: Timestamp) -> Value {
    test(path, "greater than", &json!(at.millis().saturating_sub(1).to_string()))
}

/// Either of two criteria, in brackets.
pub(super) fn either(mut one: Value, mut other: Value) -> Value {
    if let Some(map) = other.as_object_mut() {
        map.insert("logical_operator".to_owned(), json!("or"));
    }
    if let Some(map) = one.as_object_mut() {
        map.insert("children".to_owned(), json!([other]));
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_filters_hold_and_a_users_list_is_put_into_brackets() {
        let query = ChangeQuery {
            native: Some(json!({"search_criteria": [
                {"field": "priority.name", "condition": "is", "value": "High"},
                {"field": "priority.name", "condition": "is", "value": "Urgent", "logical_operator": "or"},
            ]})),
            portable: PortableFilter {
                statuses: vec!["Open".to_owned(), "On Hold".to_owned()],
                fields: vec![PortableTerm {
                    field: "technician".into(),
                    op: FilterOp::Eq,
                    value: json!({"email": "a@b.c"}),
                }],
                created_after: Some(Timestamp::from_millis(1_000)),
                ..PortableFilter::default()
            },
            ..ChangeQuery::default()
        };
        assert_eq!(
            Value::Array(criteria(&query).unwrap()),
            json!([
                {"field": "status.name", "condition": "is", "values": ["Open", "On Hold"], "logical_operator": "and"},
                {"field": "technician.email_id", "condition": "is", "value": "a@b.c", "logical_operator": "and"},
                {"field": "created_time", "condition": "greater than", "value": "999", "logical_operator": "and"},
                {"field": "priority.name", "condition": "is", "value": "High", "logical_operator": "and", "children": [
                    {"field": "priority.name", "condition": "is", "value": "Urgent", "logical_operator": "or"}]},
            ])
        );
    }

    #[test]
    fn what_is_wrong_with_a_filter_is_named_by_place() {
        for (filter, path) in [
            (json!({"search_criteria": 7}), "/search_criteria"),
            (
                json!({"search_criteria": [{"condition": "is", "value": 1}]}),
                "/search_criteria/0/field",
            ),
            (json!({"search_criteria": [{"field": "a", "condition": "is"}]}), "/search_criteria/0"),
            (
                json!({"search_criteria": {"field": "a", "condition": "is", "value": 1, "logical_operator": "xor"}}),
                "/search_criteria/logical_operator",
            ),
            (
                json!({"search_criteria": {"field": "a", "condition": "is", "value": 1, "children": [{}]}}),
                "/search_criteria/children/0/field",
            ),
        ] {
            let paths: Vec<String> = check(&filter).into_iter().map(|fault| fault.path).collect();
            assert_eq!(paths.first().map(String::as_str), Some(path), "{filter}: {paths:?}");
        }
        let unknown = check(&json!({"wiql": "x"}));
        assert_eq!(unknown.first().map(|fault| fault.path.as_str()), Some("/wiql"));
    }

    #[test]
    fn types_are_told_apart_without_letter_case() {
        let mut query =
            ChangeQuery { types: vec!["incident".to_owned()], ..ChangeQuery::default() };
        assert!(takes(&query, "Incident") && !takes(&query, "Service Request"));
        query.portable.types = vec!["Service Request".to_owned()];
        assert!(!takes(&query, "Incident"));
    }
}
