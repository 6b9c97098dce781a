//! From the values of a write to the attributes that Redmine takes, and whether an issue holds them already.
//!
//! One list of [`Change`]s serves twice: before a write it tells what differs (a write of equal values would move the
//! change time for nothing), after it what was dropped without a word.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use syncline_domain::ports::{ConnectorError, Write};
use syncline_domain::{FieldRef, FieldType, Identity, STATUS_REF, canonical};

use super::errors::invalid;
use super::fields::{Shape, Standard, custom_id, standard};
use super::lists;
use super::people;
use super::requests::Api;
use super::values;
use super::wire::{CustomField, Issue, Named};

/// One attribute with the value it shall have.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// Our word for the field.
    pub(super) field: FieldRef,
    place: Place,
    wire: Value,
}

#[derive(Clone, Debug)]
enum Place {
    Standard(&'static Standard),
    Custom { id: u64, name: String, is_number: bool },
}

/// What a write sets. `project` is where its categories and versions are looked up.
pub(super) async fn changes(
    api: &Api,
    write: &Write,
    project: &str,
) -> Result<Vec<Change>, ConnectorError> {
    let mut fields = write.fields.clone();
    // The status travels beside the values.
    fields.remove(&FieldRef::from(STATUS_REF));
    if let Some(status) = &write.status {
        fields.insert(FieldRef::from("status"), json!(status));
    }
    if let Some(marker) = &write.marker {
        fields.insert(marker.field.clone(), json!(marker.value));
    }
    let mut all = Vec::with_capacity(fields.len());
    for (field, value) in fields {
        all.push(change(api, field, &value, project).await?);
    }
    Ok(all)
}

async fn change(
    api: &Api,
    field: FieldRef,
    value: &Value,
    project: &str,
) -> Result<Change, ConnectorError> {
    let name = field.as_str();
    if let Some(standard) = standard(name) {
        let wire = standard_wire(api, standard, value, project).await?;
        return Ok(Change { place: Place::Standard(standard), wire, field });
    }
    let Some(id) = custom_id(name) else {
        return Err(invalid(name, format!("redmine has no field {name:?}")));
    };
    let custom = lists::custom(api).await?;
    let known = custom.iter().flatten().find(|field| field.id == id);
    let wire = custom_wire(api, name, known, value).await?;
    let is_number = known
        .map(values::field_type)
        .is_some_and(|kind| matches!(kind, FieldType::Int | FieldType::Double));
    let label = known.map(|field| field.name.clone()).unwrap_or_default();
    Ok(Change { place: Place::Custom { id, name: label, is_number }, wire, field })
}

async fn standard_wire(
    api: &Api,
    field: &'static Standard,
    value: &Value,
    project: &str,
) -> Result<Value, ConnectorError> {
    let name = field.reference;
    let unfit = || invalid(name, format!("{} cannot be {value}", field.label));
    let text = || match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    };
    if value.is_null() || value.as_str() == Some("") {
        return Ok(match field.shape {
            // These know no empty value.
            Shape::Int => json!(0),
            Shape::Flag => json!(false),
            Shape::ReadOnly => return Err(read_only(field)),
            _ => json!(""),
        });
    }
    Ok(match field.shape {
        Shape::ReadOnly => return Err(read_only(field)),
        Shape::Text => json!(text().ok_or_else(unfit)?),
        Shape::Date => json!(values::day(&text().ok_or_else(unfit)?).ok_or_else(unfit)?),
        Shape::Int => json!(whole(&text().ok_or_else(unfit)?).ok_or_else(unfit)?),
        Shape::Float => {
            let number: Option<f64> = text().and_then(|text| text.trim().parse().ok());
            json!(number.filter(|number| number.is_finite()).ok_or_else(unfit)?)
        }
        Shape::Flag => match text().unwrap_or_default().trim().to_lowercase().as_str() {
            "true" | "1" | "yes" => json!(true),
            "false" | "0" | "no" => json!(false),
            _ => return Err(unfit()),
        },
        Shape::Issue => {
            let id: Option<u64> = text().and_then(|text| text.trim().parse().ok());
            json!(id.ok_or_else(unfit)?)
        }
        Shape::Listed(kind) => {
            json!(lists::id_of(api, kind, project, name, &text().ok_or_else(unfit)?).await?)
        }
        Shape::Person => json!(person(api, name, value).await?),
    })
}

/// A whole number, also when it is written with a point.
fn whole(text: &str) -> Option<i64> {
    let text = text.trim();
    let text = text.split_once('.').map_or(text, |(whole, rest)| {
        if rest.chars().all(|digit| digit == '0') { whole } else { text }
    });
    text.parse().ok()
}

fn read_only(field: &Standard) -> ConnectorError {
    let text = format!("redmine keeps {} itself; it cannot be set", field.label);
    invalid(field.reference, text).advise("take this field out of the mapping")
}

async fn person(api: &Api, field: &str, value: &Value) -> Result<u64, ConnectorError> {
    let who =
        Identity::from_value(value).ok_or_else(|| invalid(field, format!("{value} is nobody")))?;
    people::id_of(api, &who).await?.ok_or_else(|| {
        let shown = who.email.or(who.name).or(who.login).unwrap_or_default();
        invalid(field, format!("redmine has no account for {shown:?} that we see"))
            .advise("add the person to the project, or map people by a table")
    })
}

async fn custom_wire(
    api: &Api,
    name: &str,
    field: Option<&CustomField>,
    value: &Value,
) -> Result<Value, ConnectorError> {
    if let Value::Array(parts) = value {
        let mut texts = Vec::with_capacity(parts.len());
        for part in parts {
            texts.push(custom_text(api, name, field, part).await?);
        }
        // An empty list is not understood; a list of nothing clears.
        return Ok(if texts.is_empty() { json!([""]) } else { json!(texts) });
    }
    let text = custom_text(api, name, field, value).await?;
    let is_set = field.is_some_and(|field| field.multiple);
    Ok(if is_set { json!([text]) } else { json!(text) })
}

async fn custom_text(
    api: &Api,
    name: &str,
    field: Option<&CustomField>,
    value: &Value,
) -> Result<String, ConnectorError> {
    let is_person = field.is_some_and(|field| field.field_format == "user");
    if value.is_null() || value.as_str() == Some("") {
        return Ok(String::new());
    }
    if is_person {
        return Ok(person(api, name, value).await?.to_string());
    }
    values::to_wire(value, field)
        .ok_or_else(|| invalid(name, format!("the custom field cannot be {value}")))
}

/// What is sent.
pub(super) fn attributes(changes: &[Change]) -> Map<String, Value> {
    let mut map = Map::new();
    let mut custom = Vec::new();
    for change in changes {
        match &change.place {
            Place::Standard(field) => {
                map.insert(field.attribute.to_owned(), change.wire.clone());
            }
            Place::Custom { id, .. } => custom.push(json!({ "id": id, "value": change.wire })),
        }
    }
    if !custom.is_empty() {
        map.insert("custom_fields".to_owned(), Value::Array(custom));
    }
    map
}

impl Change {
    /// Whether an issue holds the value.
    pub(super) fn is_in(&self, issue: &Issue) -> bool {
        match &self.place {
            Place::Standard(field) => is_equal(&self.wire, &held(issue, field), is_number(field)),
            Place::Custom { id, is_number, .. } => {
                let held = issue.custom_fields.iter().find(|held| held.id == *id);
                let held = held.map_or(&Value::Null, |held| &held.value);
                is_equal(&self.wire, held, *is_number)
            }
        }
    }

    /// Whether a message of Redmine speaks of this custom field.
    pub(super) fn is_named_in(&self, message: &str) -> bool {
        match &self.place {
            Place::Custom { name, .. } if !name.is_empty() => message.contains(name.as_str()),
            _ => false,
        }
    }
}

const fn is_number(field: &Standard) -> bool {
    matches!(field.shape, Shape::Int | Shape::Float)
}

/// What an issue holds, in the form in which it would be written.
fn held(issue: &Issue, field: &Standard) -> Value {
    let id = |named: &Option<Named>| named.as_ref().map_or(Value::Null, |named| json!(named.id));
    match field.reference {
        "subject" => json!(issue.subject),
        "description" => json!(issue.description),
        "status" => json!(issue.status.id),
        "priority" => id(&issue.priority),
        "assigned_to" => id(&issue.assigned_to),
        "category" => id(&issue.category),
        "fixed_version" => id(&issue.fixed_version),
        "parent" => issue.parent.map_or(Value::Null, |parent| json!(parent.id)),
        "start_date" => json!(issue.start_date),
        "due_date" => json!(issue.due_date),
        "done_ratio" => json!(issue.done_ratio),
        "estimated_hours" => json!(issue.estimated_hours),
        "is_private" => json!(issue.is_private),
        "project" => json!(issue.project.id),
        _ => Value::Null,
    }
}

/// Hours are kept as floats and shown with two digits.
const NUMBER_STEP: f64 = 0.01;

fn is_equal(wanted: &Value, held: &Value, is_number: bool) -> bool {
    if wanted.is_array() || held.is_array() {
        return texts(wanted) == texts(held);
    }
    let (wanted, held) = (text(wanted), text(held));
    match (is_number, wanted.parse::<f64>(), held.parse::<f64>()) {
        (true, Ok(wanted), Ok(held)) => (wanted - held).abs() < NUMBER_STEP,
        _ => wanted == held,
    }
}

fn texts(value: &Value) -> BTreeSet<String> {
    let all = match value {
        Value::Array(parts) => parts.iter().map(text).collect(),
        one => vec![text(one)],
    };
    all.into_iter().filter(|text| !text.is_empty()).collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(_) => {
            let text = canonical(value, FieldType::String);
            text.as_str().unwrap_or_default().trim().to_owned()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(reference: &str, wire: Value) -> Change {
        let place = match (standard(reference), custom_id(reference)) {
            (Some(field), _) => Place::Standard(field),
            (None, id) => Place::Custom {
                id: id.unwrap_or_default(),
                name: "Severity".to_owned(),
                is_number: false,
            },
        };
        Change { field: reference.into(), place, wire }
    }

    #[test]
    fn what_an_issue_holds_already_is_no_change() {
        let issue: Issue = serde_json::from_value(json!({
            "id": 1, "subject": "A", "description": "a\r\nb\r\n", "status": {"id": 2, "name": "New"},
            "estimated_hours": 2.33, "done_ratio": 0, "is_private": false, "due_date": "2026-01-02",
            "custom_fields": [{"id": 1, "value": "x"}, {"id": 2, "multiple": true, "value": ["b", "a"]}]
        }))
        .unwrap();
        for (reference, wire, is_in) in [
            ("subject", json!("A"), true),
            ("subject", json!("B"), false),
            ("description", json!("a\nb"), true),
            ("description", json!(""), false),
            ("status", json!(2), true),
            ("status", json!(3), false),
            ("assigned_to", json!(""), true),
            ("assigned_to", json!(5), false),
            ("estimated_hours", json!(2.3333), true),
            ("estimated_hours", json!(2.5), false),
            ("done_ratio", json!(0), true),
            ("is_private", json!(false), true),
            ("due_date", json!("2026-01-02"), true),
            ("parent", json!(""), true),
            ("cf_1", json!("x"), true),
            ("cf_1", json!("X"), false),
            ("cf_2", json!(["a", "b"]), true),
            ("cf_2", json!([""]), false),
            ("cf_3", json!(""), true),
            ("cf_3", json!("new"), false),
        ] {
            assert_eq!(change(reference, wire.clone()).is_in(&issue), is_in, "{reference} {wire}");
        }
    }

    #[test]
    fn attributes_bear_redmines_names() {
        let sent = attributes(&[
            change("subject", json!("A")),
            change("fixed_version", json!(4)),
            change("cf_7", json!("x")),
        ]);
        assert_eq!(
            Value::Object(sent),
            json!({"subject": "A", "fixed_version_id": 4, "custom_fields": [{"id": 7, "value": "x"}]})
        );
    }

    #[test]
    fn whole_numbers_may_come_with_a_point() {
        for (text, number) in [("30", Some(30)), ("30.0", Some(30)), ("30.5", None), ("x", None)] {
            assert_eq!(whole(text), number, "{text}");
        }
    }
}
