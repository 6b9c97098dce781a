//! From wire requests to items: lookups by name, people, instants, user-defined fields.

use serde_json::{Map, Value, json};
use syncline_domain::{
    FieldRef, FieldType, Fields, Identity, Item, ItemId, Timestamp, Version, canonical,
};

use super::config::Config;
use super::wire::id_text;

/// The type of a request for something that is broken.
pub(super) const INCIDENT: &str = "Incident";
/// The type of a request for something from the catalogue.
pub(super) const SERVICE_REQUEST: &str = "Service Request";
/// Where user-defined fields live, and what stands before their references.
pub(super) const UDF: &str = "udf_fields";
/// Keys of a request that are no values of its own.
const NO_VALUES: [&str; 6] =
    ["attachments", "closure_info", "links", "notes", "resolution_attachments", "udf_fields"];

/// The item as the port wants it; nothing when the row has no id.
pub(super) fn item(config: &Config, row: &Map<String, Value>) -> Option<Item> {
    let id = id_text(row.get("id"))?;
    let created = instant(row.get("created_time")).unwrap_or_default();
    let changed = changed(row);
    let status = row.get("status").and_then(|status| status.get("name").or(Some(status)));
    Some(Item {
        type_ref: type_ref(row).to_owned(),
        title: row.get("subject").and_then(Value::as_str).unwrap_or_default().to_owned(),
        url: config.page_url(&id),
        status: status.and_then(Value::as_str).map(ToOwned::to_owned),
        version: version(row),
        created_at: created,
        changed_at: changed.max(created),
        created_by: row.get("created_by").and_then(person),
        changed_by: row.get("last_updated_by").and_then(person),
        fields: fields(row),
        id: ItemId::new(id),
    })
}

/// A request from the catalogue says so; everything else is an incident.
pub(super) fn type_ref(row: &Map<String, Value>) -> &'static str {
    let is_service = row
        .get("is_service_request")
        .is_some_and(|flag| *flag == json!(true) || *flag == json!("true"));
    if is_service { SERVICE_REQUEST } else { INCIDENT }
}

/// When a request was changed last; one that was never changed may say nothing, then its making counts.
pub(super) fn changed(row: &Map<String, Value>) -> Timestamp {
    updated(row).or_else(|| instant(row.get("created_time"))).unwrap_or_default()
}

/// When a request says that it was changed last.
pub(super) fn updated(row: &Map<String, Value>) -> Option<Timestamp> {
    instant(row.get("last_updated_time"))
}

/// There is no revision number; the time of the last change stands in for one.
pub(super) fn version(row: &Map<String, Value>) -> Version {
    Version::new(changed(row).millis().to_string())
}

fn fields(row: &Map<String, Value>) -> Fields {
    let own = row
        .iter()
        .filter(|(key, _)| !NO_VALUES.contains(&key.as_str()))
        .filter_map(|(key, wire)| Some((FieldRef::from(key.as_str()), value(key, wire)?)));
    let udf = row.get(UDF).and_then(Value::as_object).into_iter().flatten();
    let udf = udf
        .filter_map(|(key, wire)| Some((FieldRef::new(format!("{UDF}.{key}")), value(key, wire)?)));
    own.chain(udf).collect()
}

/// One value in canonical form; nothing for what is not set or has no form that a field can hold.
fn value(key: &str, wire: &Value) -> Option<Value> {
    match wire {
        Value::Null => None,
        Value::String(text) if matches!(key, "id" | "display_id") => Some(json!(text)),
        Value::String(_) => Some(canonical(wire, FieldType::String)),
        Value::Number(_) if matches!(key, "id" | "display_id") => {
            id_text(Some(wire)).map(Value::String)
        }
        Value::Number(_) => Some(canonical(wire, FieldType::Double)),
        Value::Bool(_) => Some(wire.clone()),
        Value::Array(parts) => {
            let names: Vec<Value> =
                parts.iter().filter_map(|part| value("", part)).filter(Value::is_string).collect();
            (names.len() == parts.len()).then(|| canonical(&Value::Array(names), FieldType::Array))
        }
        Value::Object(parts) => object(parts, wire),
    }
}

fn object(parts: &Map<String, Value>, wire: &Value) -> Option<Value> {
    if parts.contains_key("email_id") || parts.contains_key("is_vipuser") {
        return person(wire).map(|who| who.to_value());
    }
    if let Some(content) = parts.get("content") {
        return content
            .as_str()
            .filter(|text| !text.is_empty())
            .map(|_| canonical(content, FieldType::String));
    }
    if let Some(name) = parts.get("name").and_then(Value::as_str) {
        return Some(json!(name));
    }
    instant(Some(wire)).map(|at| json!(at.to_iso()))
}

/// An instant: milliseconds in text, wrapped in an object.
pub(super) fn instant(wire: Option<&Value>) -> Option<Timestamp> {
    let value = wire?.get("value").or(wire)?;
    let millis =
        value.as_i64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))?;
    Some(Timestamp::from_millis(millis))
}

/// A person.
pub(super) fn person(wire: &Value) -> Option<Identity> {
    let text = |key: &str| {
        wire.get(key)
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(ToOwned::to_owned)
    };
    let who = Identity {
        id: id_text(wire.get("id")),
        name: text("name"),
        email: text("email_id"),
        login: text("login_name"),
    };
    Some(who).filter(|who| who.key().is_some())
}

#[cfg(test)]
mod tests {
    use super::super::config::Flavour;
    use super::*;

    fn sample() -> Map<String, Value> {
        let row = json!({
            "id": "100001000000004711", "display_id": 17, "subject": "it <b>breaks</b>", "description": "<p>a</p>\r\n",
            "status": {"id": "3", "name": "On Hold", "internal_name": "Onhold"}, "priority": {"name": "High"},
            "urgency": null, "is_service_request": false, "is_fcr": false, "time_spent": 0,
            "requester": {"id": "5", "name": "Ann", "email_id": "ann@example.com", "is_vipuser": false},
            "created_by": {"id": "6", "name": "Bob", "email_id": null},
            "created_time": {"display_value": "x", "value": "1700000000123"},
            "last_updated_time": {"display_value": "x", "value": "1700000060000"},
            "due_by_time": null, "resolution": {"content": "<p>done</p>"}, "closure_info": {"closure_code": null},
            "email_ids_to_notify": ["b@x.y", "a@x.y"], "attachments": [{"name": "f"}],
            "udf_fields": {"udf_char1": "x", "udf_long1": 3, "udf_date1": {"value": "1700000000000"}, "udf_char2": null},
        });
        row.as_object().unwrap().clone()
    }

    #[test]
    fn a_request_comes_over_with_every_shape_in_canonical_form() {
        let got = item(&Config::for_tests(Flavour::Cloud), &sample()).unwrap();
        assert_eq!(got.id.as_str(), "100001000000004711");
        assert_eq!(
            got.url,
            "https://sdp.example.com/app/itdesk/ui/requests/100001000000004711/details"
        );
        assert_eq!((got.type_ref.as_str(), got.status.as_deref()), (INCIDENT, Some("On Hold")));
        assert_eq!(got.version.as_str(), "1700000060000");
        assert_eq!(got.created_at.millis(), 1_700_000_000_123);
        assert_eq!(got.created_by.and_then(|who| who.name).as_deref(), Some("Bob"));
        for (name, value) in [
            ("display_id", json!("17")),
            ("description", json!("<p>a</p>\n")),
            ("status", json!("On Hold")),
            ("priority", json!("High")),
            ("time_spent", json!(0)),
            ("is_fcr", json!(false)),
            ("requester", json!({"id": "5", "name": "Ann", "email": "ann@example.com"})),
            ("resolution", json!("<p>done</p>")),
            ("email_ids_to_notify", json!(["a@x.y", "b@x.y"])),
            ("udf_fields.udf_char1", json!("x")),
            ("udf_fields.udf_long1", json!(3)),
            ("udf_fields.udf_date1", json!("2023-11-14T22:13:20.000Z")),
        ] {
            assert_eq!(got.fields.get(&FieldRef::from(name)), Some(&value), "{name}");
        }
        for absent in [
            "urgency",
            "due_by_time",
            "attachments",
            "closure_info",
            "udf_fields",
            "udf_fields.udf_char2",
        ] {
            assert!(!got.fields.contains_key(&FieldRef::from(absent)), "{absent}");
        }
    }

    #[test]
    fn a_request_that_was_never_changed_counts_from_its_making() {
        let mut row = sample();
        row.insert("last_updated_time".to_owned(), Value::Null);
        row.insert("is_service_request".to_owned(), json!(true));
        let got = item(&Config::for_tests(Flavour::OnPremises), &row).unwrap();
        assert_eq!(got.version.as_str(), "1700000000123");
        assert_eq!(got.changed_at, got.created_at);
        assert_eq!(got.type_ref, SERVICE_REQUEST);
        assert!(got.url.contains("woID=100001000000004711"));
    }
}
