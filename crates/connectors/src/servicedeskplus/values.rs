//! From planned values to the JSON that the product reads.
//!
//! A value's shape follows from its field: lookups are objects with a name, people objects with an address, instants
//! objects with milliseconds. The shape is known for the fields of the product; for user-defined ones it follows from
//! the field's key, which tells its kind.

use serde_json::{Map, Value, json};
use syncline_domain::ports::Write;
use syncline_domain::{FieldRef, Identity, Timestamp};

use super::config::Config;
use super::convert::{SERVICE_REQUEST, UDF};

/// Fields that hold a row of a lookup table.
const LOOKUPS: [&str; 22] = [
    "asset",
    "category",
    "change",
    "closure_code",
    "configuration_item",
    "department",
    "group",
    "impact",
    "item",
    "level",
    "mode",
    "priority",
    "project",
    "request_type",
    "service_approvers",
    "service_category",
    "site",
    "sla",
    "status",
    "subcategory",
    "template",
    "urgency",
];
/// Fields that hold a person.
const PEOPLE: [&str; 6] =
    ["created_by", "editor", "on_behalf_of", "requester", "responder", "technician"];

/// What a field holds, as far as its key tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// An object with a name.
    Lookup,
    /// An object with an address.
    Person,
    /// An object with milliseconds.
    Instant,
    /// A whole number.
    Number,
    /// An object with HTML.
    Content,
    /// The value itself.
    Plain,
}

/// The shape of a field, by its reference.
pub(super) fn shape(reference: &str) -> Shape {
    match reference.strip_prefix("udf_fields.") {
        Some(key) => udf_shape(key),
        None if LOOKUPS.contains(&reference) => Shape::Lookup,
        None if PEOPLE.contains(&reference) => Shape::Person,
        None if reference == "resolution" => Shape::Content,
        None if reference.ends_with("_time") || reference.ends_with("_date") => Shape::Instant,
        None => Shape::Plain,
    }
}

fn udf_shape(key: &str) -> Shape {
    let kind = key.strip_prefix("udf_").unwrap_or(key);
    let starts = |heads: &[&str]| heads.iter().any(|head| kind.starts_with(head));
    if starts(&["date", "dt_", "datetime"]) {
        Shape::Instant
    } else if starts(&["long", "num"]) {
        Shape::Number
    } else if starts(&["ref_user", "user"]) {
        Shape::Person
    } else if starts(&["ref", "lookup"]) {
        Shape::Lookup
    } else {
        Shape::Plain
    }
}

/// Where a field is found in search criteria.
pub(super) fn search_path(reference: &str) -> String {
    match shape(reference) {
        Shape::Lookup => format!("{reference}.name"),
        Shape::Person => format!("{reference}.email_id"),
        _ => reference.to_owned(),
    }
}

/// The entity of a create.
pub(super) fn create(
    config: &Config,
    write: &Write,
    type_ref: &str,
    with_status: bool,
) -> Map<String, Value> {
    let mut entity = entity(write, with_status);
    entity.retain(|_, value| !value.is_null());
    if let Some(Value::Object(udf)) = entity.get_mut(UDF) {
        udf.retain(|_, value| !value.is_null());
    }
    if let Some(template) = config.template(type_ref) {
        entity.entry("template").or_insert_with(|| json!({ "name": template }));
    } else if type_ref == SERVICE_REQUEST {
        entity.entry("is_service_request").or_insert_with(|| json!(true));
    }
    entity
}

/// The entity of an update: only what is sent changes, null clears.
pub(super) fn update(write: &Write, with_status: bool) -> Map<String, Value> {
    entity(write, with_status)
}

/// The status that a write wants.
pub(super) fn wanted_status(write: &Write) -> Option<String> {
    let in_fields = || {
        write.fields.get(&FieldRef::from("status")).and_then(Value::as_str).map(ToOwned::to_owned)
    };
    write.status.clone().or_else(in_fields).filter(|status| !status.is_empty())
}

fn entity(write: &Write, with_status: bool) -> Map<String, Value> {
    let mut entity = Map::new();
    for (field, value) in &write.fields {
        if field.as_str() != "status" {
            put(&mut entity, field.as_str(), value);
        }
    }
    if let Some(status) = wanted_status(write).filter(|_| with_status) {
        put(&mut entity, "status", &json!(status));
    }
    if let Some(marker) = &write.marker {
        put(&mut entity, marker.field.as_str(), &json!(marker.value));
    }
    entity
}

fn put(entity: &mut Map<String, Value>, reference: &str, value: &Value) {
    let wire = to_wire(reference, value);
    let Some(key) = reference.strip_prefix("udf_fields.") else {
        entity.insert(reference.to_owned(), wire);
        return;
    };
    let udf = entity.entry(UDF).or_insert_with(|| json!({}));
    if let Some(udf) = udf.as_object_mut() {
        udf.insert(key.to_owned(), wire);
    }
}

fn to_wire(reference: &str, value: &Value) -> Value {
    if value.is_null() {
        return Value::Null;
    }
    match (shape(reference), value) {
        (Shape::Lookup, Value::String(name)) if name.is_empty() => Value::Null,
        (Shape::Lookup, Value::String(name)) => json!({ "name": name }),
        (Shape::Person, _) => person(value),
        (Shape::Instant, Value::String(text)) => instant(text),
        (Shape::Number, Value::String(text)) => {
            text.trim().parse::<i64>().map_or_else(|_| value.clone(), Value::from)
        }
        (Shape::Content, Value::String(_)) => json!({ "content": value }),
        (_, Value::Object(_))
            if Identity::from_value(value).is_some_and(|who| who.key().is_some()) =>
        {
            person(value)
        }
        _ => value.clone(),
    }
}

/// The address names a person best; an id is only good on the tracker that gave it, which resolving makes sure of.
fn person(value: &Value) -> Value {
    let Some(who) = Identity::from_value(value) else { return Value::Null };
    match (&who.email, &who.id, &who.name) {
        (Some(email), _, _) => json!({ "email_id": email }),
        (None, Some(id), _) => json!({ "id": id }),
        (None, None, Some(name)) => json!({ "name": name }),
        _ => Value::Null,
    }
}

/// An instant, or midnight of a day.
fn instant(text: &str) -> Value {
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    match Timestamp::parse(&whole) {
        Ok(at) => json!({ "value": at.millis().to_string() }),
        Err(_) if text.trim().is_empty() => Value::Null,
        Err(_) => json!({ "value": text }),
    }
}

#[cfg(test)]
mod tests {
    use syncline_domain::OpId;
    use syncline_domain::ports::{Marker, WriteKind};

    use super::super::config::Flavour;
    use super::*;

    fn write(fields: Value) -> Write {
        Write {
            op_id: OpId::from("op"),
            kind: WriteKind::Create { type_ref: "Incident".to_owned() },
            status: Some("On Hold".to_owned()),
            fields: fields
                .as_object()
                .unwrap()
                .iter()
                .map(|(k, v)| (k.as_str().into(), v.clone()))
                .collect(),
            marker: Some(Marker { field: "udf_fields.udf_char1".into(), value: "m-1".to_owned() }),
        }
    }

    #[test]
    fn every_field_gets_its_shape_and_null_clears() {
        let sent = update(
            &write(json!({
                "subject": "s", "priority": "High", "technician": {"email": "a@b.c", "id": "9"}, "requester": "Ann",
                "group": null, "due_by_time": "2023-11-14T22:13:20Z", "scheduled_start_time": "2023-11-14",
                "resolution": "<p>r</p>", "udf_fields.udf_long1": "7", "udf_fields.udf_date1": null,
                "udf_fields.udf_bool1": false, "status": "Open",
            })),
            true,
        );
        assert_eq!(
            Value::Object(sent),
            json!({
                "subject": "s", "priority": {"name": "High"}, "technician": {"email_id": "a@b.c"},
                "requester": {"name": "Ann"}, "group": null, "due_by_time": {"value": "1700000000000"},
                "scheduled_start_time": {"value": "1699920000000"}, "resolution": {"content": "<p>r</p>"},
                "status": {"name": "On Hold"},
                "udf_fields": {"udf_char1": "m-1", "udf_long1": 7, "udf_date1": null, "udf_bool1": false},
            })
        );
    }

    #[test]
    fn a_create_leaves_out_nulls_and_takes_the_template_of_its_type() {
        let mut config = Config::for_tests(Flavour::OnPremises);
        let sent =
            create(&config, &write(json!({"subject": "s", "group": null})), "Incident", false);
        assert_eq!(
            Value::Object(sent),
            json!({"subject": "s", "udf_fields": {"udf_char1": "m-1"}})
        );
        let sent = create(&config, &write(json!({})), SERVICE_REQUEST, false);
        assert_eq!(sent.get("is_service_request"), Some(&json!(true)));
        config.templates = vec![(SERVICE_REQUEST.to_owned(), "Access".to_owned())];
        let sent = create(&config, &write(json!({})), SERVICE_REQUEST, true);
        assert_eq!(sent.get("template"), Some(&json!({"name": "Access"})));
        assert_eq!(sent.get("is_service_request"), None);
    }

    #[test]
    fn criteria_look_inside_lookups_and_people() {
        for (reference, path) in [
            ("priority", "priority.name"),
            ("technician", "technician.email_id"),
            ("subject", "subject"),
            ("udf_fields.udf_char1", "udf_fields.udf_char1"),
        ] {
            assert_eq!(search_path(reference), path);
        }
    }
}
