//! From `_metainfo` and the lookup tables to our schema.
//!
//! Which fields are mandatory depends on the template of a request and is told by no call that every build has; the
//! tracker says it when it refuses, and `metadata.templates` names the template to use.

use serde_json::{Map, Value, json};
use syncline_domain::{FieldSchema, FieldType, Schema, StatusCategory, StatusSchema, TypeSchema};

use super::convert::{INCIDENT, SERVICE_REQUEST, UDF};
use super::values::{Shape, shape};
use super::wire::id_text;

/// Lookup fields and the path of their rows.
pub(super) const TABLES: [(&str, &str); 11] = [
    ("priority", "priorities"),
    ("urgency", "urgencies"),
    ("impact", "impacts"),
    ("level", "levels"),
    ("mode", "modes"),
    ("category", "categories"),
    ("subcategory", "subcategories"),
    ("group", "groups"),
    ("site", "sites"),
    ("request_type", "request_types"),
    ("template", "request_templates"),
];
/// Keys that are no fields, or none that a mapping can use.
const NO_FIELDS: [&str; 9] = [
    UDF,
    "attachments",
    "closure_info",
    "email_cc",
    "links",
    "notes",
    "onhold_scheduler",
    "resolution_attachments",
    "linked_to_request",
];
/// Fields that the product keeps itself, whatever its metadata says.
const KEPT_BY_SERVER: [&str; 22] = [
    "id",
    "display_id",
    "created_by",
    "created_time",
    "last_updated_time",
    "last_updated_by",
    "deleted_time",
    "deleted_by",
    "completed_time",
    "resolved_time",
    "responded_time",
    "assigned_time",
    "time_elapsed",
    "is_service_request",
    "is_overdue",
    "is_first_response_overdue",
    "is_trashed",
    "has_notes",
    "has_attachments",
    "has_linked_requests",
    "has_problem",
    "approval_status",
];
/// What a request has where a build does not describe itself.
const USUAL: [(&str, &str, &str); 14] = [
    ("subject", "Subject", "string"),
    ("description", "Description", "html"),
    ("requester", "Requester", "lookup"),
    ("technician", "Technician", "lookup"),
    ("priority", "Priority", "lookup"),
    ("urgency", "Urgency", "lookup"),
    ("impact", "Impact", "lookup"),
    ("level", "Level", "lookup"),
    ("mode", "Mode", "lookup"),
    ("category", "Category", "lookup"),
    ("group", "Group", "lookup"),
    ("site", "Site", "lookup"),
    ("due_by_time", "Due by", "datetime"),
    ("created_time", "Created", "datetime"),
];

/// The names of lookup rows, by field.
pub(super) type Allowed = Vec<(&'static str, Vec<String>)>;

/// Both types; they share their fields and statuses.
pub(super) fn schema(
    metainfo: Option<&Map<String, Value>>,
    allowed: &Allowed,
    statuses: &[Map<String, Value>],
) -> Schema {
    let statuses: Vec<StatusSchema> = statuses.iter().filter_map(status).collect();
    let mut fields = match metainfo.and_then(|info| info.get("fields")).and_then(Value::as_object) {
        Some(described) => described_fields(described),
        None => usual_fields(),
    };
    fields.retain(|field| field.reference != "status");
    fields.push(status_field(&statuses));
    for field in &mut fields {
        if let Some((_, names)) = allowed.iter().find(|(name, _)| *name == field.reference) {
            field.allowed_values.clone_from(names);
        }
        field.is_required = field.reference == "subject" || field.is_required;
    }
    fields.sort_by(|a, b| a.reference.cmp(&b.reference));
    let kind = |name: &str| TypeSchema {
        name: name.to_owned(),
        reference: name.to_owned(),
        metadata: json!({ "module": "requests" }),
        fields: fields.clone(),
        statuses: statuses.clone(),
    };
    Schema { types: vec![kind(INCIDENT), kind(SERVICE_REQUEST)] }
}

fn described_fields(described: &Map<String, Value>) -> Vec<FieldSchema> {
    let own = described.iter().filter(|(key, _)| !NO_FIELDS.contains(&key.as_str()));
    let own = own.map(|(key, info)| field(key, info));
    let udf = described.get(UDF).and_then(|udf| udf.get("fields")).and_then(Value::as_object);
    let udf = udf.into_iter().flatten().map(|(key, info)| field(&format!("{UDF}.{key}"), info));
    own.chain(udf).collect()
}

fn usual_fields() -> Vec<FieldSchema> {
    USUAL
        .iter()
        .map(|(key, name, kind)| field(key, &json!({ "display_name": name, "type": kind })))
        .collect()
}

fn status_field(statuses: &[StatusSchema]) -> FieldSchema {
    FieldSchema {
        is_status: true,
        allowed_values: statuses.iter().map(|status| status.value.clone()).collect(),
        ..FieldSchema::plain("Status", "status", FieldType::Picklist)
    }
}

fn field(reference: &str, info: &Value) -> FieldSchema {
    let text =
        |key: &str| info.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    let flag = |keys: &[&str]| keys.iter().any(|key| info.get(*key) == Some(&json!(true)));
    let constraint =
        |key: &str| info.get("constraints").and_then(|all| all.get(key)).or_else(|| info.get(key));
    let longest =
        constraint("max_length").and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
    let is_multiple = is_multiple(info);
    let name = text("display_name").or_else(|| text("name")).unwrap_or(reference);
    FieldSchema {
        is_required: flag(&["mandatory", "is_mandatory", "required"]),
        is_readonly: KEPT_BY_SERVER.contains(&reference)
            || flag(&["read_only", "readonly", "is_read_only"]),
        is_multiple,
        allowed_values: allowed(info),
        max_length: longest,
        ..FieldSchema::plain(name, reference, field_type(reference, info, is_multiple))
    }
}

fn is_multiple(info: &Value) -> bool {
    let form =
        info.get("field_type").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    form.contains("multi select")
        || form.contains("multi-select")
        || form.contains("check box")
        || form.contains("checkbox")
}

fn allowed(info: &Value) -> Vec<String> {
    let list = info
        .get("allowed_values")
        .or_else(|| info.get("default_options"))
        .and_then(Value::as_array);
    let name = |value: &Value| {
        value.as_str().or_else(|| value.get("name")?.as_str()).map(ToOwned::to_owned)
    };
    list.into_iter().flatten().filter_map(name).collect()
}

fn field_type(reference: &str, info: &Value, is_multiple: bool) -> FieldType {
    let text =
        |key: &str| info.get(key).and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let (kind, entity, form) = (text("type"), text("lookup_entity"), text("field_type"));
    if is_multiple || kind == "array" {
        return FieldType::Array;
    }
    match kind.as_str() {
        "html" => FieldType::Html,
        "integer" | "int" | "long" | "number" if matches!(reference, "id" | "display_id") => {
            FieldType::String
        }
        "integer" | "int" | "long" | "number" => FieldType::Int,
        "decimal" | "double" | "float" | "currency" => FieldType::Double,
        "boolean" => FieldType::Boolean,
        "date" | "datetime" => FieldType::DateTime,
        _ if shape(reference) == Shape::Person || is_person(&entity) => FieldType::Identity,
        "lookup" => FieldType::Picklist,
        _ if reference == "resolution" => FieldType::Html,
        _ if form.contains("pick") => FieldType::Picklist,
        _ if shape(reference) == Shape::Lookup => FieldType::Picklist,
        _ if shape(reference) == Shape::Instant => FieldType::DateTime,
        _ => FieldType::String,
    }
}

fn is_person(entity: &str) -> bool {
    matches!(entity, "user" | "users" | "technician" | "technicians" | "requester" | "requesters")
}

/// A status as the schema names it.
fn status(row: &Map<String, Value>) -> Option<StatusSchema> {
    let name = row.get("name").and_then(Value::as_str)?;
    Some(StatusSchema { name: name.to_owned(), value: name.to_owned(), category: category(row) })
}

/// Where a status stands. The internal name survives renaming; two flags say whether work goes on.
pub(super) fn category(row: &Map<String, Value>) -> StatusCategory {
    let internal = row
        .get("internal_name")
        .or_else(|| row.get("name"))
        .and_then(Value::as_str)
        .unwrap_or_default();
    let in_progress = row.get("in_progress").and_then(Value::as_bool);
    match (internal.to_ascii_lowercase().replace(' ', "").as_str(), in_progress) {
        ("open", Some(true) | None) => StatusCategory::Proposed,
        ("resolved", Some(false) | None) => StatusCategory::Resolved,
        ("cancelled" | "canceled" | "rejected", Some(false) | None) => StatusCategory::Removed,
        ("closed", None) | (_, Some(false)) => StatusCategory::Completed,
        _ => StatusCategory::InProgress,
    }
}

/// The names of the rows of a lookup table.
pub(super) fn names(rows: &[Map<String, Value>]) -> Vec<String> {
    let name = |row: &Map<String, Value>| row.get("name").and_then(|name| id_text(Some(name)));
    rows.iter().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn fields_get_their_types_from_metainfo_lookups_and_keys() {
        let info = map(json!({"fields": {
            "subject": {"type": "string", "display_name": "Subject", "constraints": {"max_length": 250}},
            "description": {"type": "html", "display_name": "Description"},
            "status": {"type": "lookup", "lookup_entity": "status"},
            "priority": {"type": "lookup", "lookup_entity": "priority", "display_name": "Priority"},
            "requester": {"type": "lookup", "lookup_entity": "user", "display_name": "Requester"},
            "created_time": {"type": "datetime"},
            "id": {"type": "long"},
            "attachments": {"type": "array"},
            "udf_fields": {"type": "udf", "fields": {
                "udf_char1": {"type": "string", "display_name": "External Id", "field_type": "Single Line"},
                "udf_char9": {"type": "string", "field_type": "Multi Select"},
                "udf_pick1": {"type": "string", "field_type": "Pick List", "allowed_values": ["a", {"name": "b"}]},
                "udf_long1": {"type": "long", "mandatory": true},
                "udf_double1": {"type": "double"}}},
        }}));
        let allowed = vec![("priority", vec!["Low".to_owned(), "High".to_owned()])];
        let statuses = [map(
            json!({"name": "Offen", "internal_name": "Open", "in_progress": true, "stop_timer": false}),
        )];
        let schema = schema(Some(&info), &allowed, &statuses);
        assert_eq!(
            schema.types.iter().map(|kind| kind.name.as_str()).collect::<Vec<_>>(),
            [INCIDENT, SERVICE_REQUEST]
        );
        let shown: Vec<_> = schema.types[0]
            .fields
            .iter()
            .map(|f| (f.reference.as_str(), f.field_type, f.is_required, f.is_readonly))
            .collect();
        assert_eq!(
            shown,
            [
                ("created_time", FieldType::DateTime, false, true),
                ("description", FieldType::Html, false, false),
                ("id", FieldType::String, false, true),
                ("priority", FieldType::Picklist, false, false),
                ("requester", FieldType::Identity, false, false),
                ("status", FieldType::Picklist, false, false),
                ("subject", FieldType::String, true, false),
                ("udf_fields.udf_char1", FieldType::String, false, false),
                ("udf_fields.udf_char9", FieldType::Array, false, false),
                ("udf_fields.udf_double1", FieldType::Double, false, false),
                ("udf_fields.udf_long1", FieldType::Int, true, false),
                ("udf_fields.udf_pick1", FieldType::Picklist, false, false),
            ]
        );
        let field = |name: &str| {
            schema.types[0].fields.iter().find(|field| field.reference == name).unwrap()
        };
        assert_eq!(field("priority").allowed_values, ["Low", "High"]);
        assert_eq!(field("udf_fields.udf_pick1").allowed_values, ["a", "b"]);
        assert_eq!(field("subject").max_length, Some(250));
        assert!(field("status").is_status);
        assert_eq!(field("status").allowed_values, ["Offen"]);
    }

    #[test]
    fn statuses_are_sorted_by_internal_name_and_flags() {
        use StatusCategory as C;
        for (row, expected) in [
            (
                json!({"name": "Neu", "internal_name": "Open", "in_progress": true, "stop_timer": false}),
                C::Proposed,
            ),
            (
                json!({"name": "In Progress", "in_progress": true, "stop_timer": false}),
                C::InProgress,
            ),
            (
                json!({"name": "Wartet", "internal_name": "Onhold", "in_progress": true, "stop_timer": true}),
                C::InProgress,
            ),
            (
                json!({"name": "Resolved", "internal_name": "Resolved", "in_progress": false}),
                C::Resolved,
            ),
            (json!({"name": "Zu", "internal_name": "Closed", "in_progress": false}), C::Completed),
            (
                json!({"name": "Cancelled", "internal_name": "Cancelled", "in_progress": false}),
                C::Removed,
            ),
            (json!({"name": "Archived", "in_progress": false}), C::Completed),
            (json!({"name": "Closed"}), C::Completed),
        ] {
            assert_eq!(category(&map(row.clone())), expected, "{row}");
        }
    }

    #[test]
    fn a_build_that_does_not_describe_itself_has_the_usual_fields() {
        let schema = schema(None, &Vec::new(), &[]);
        let names: Vec<&str> =
            schema.types[0].fields.iter().map(|field| field.reference.as_str()).collect();
        assert!(
            names.contains(&"subject")
                && names.contains(&"status")
                && names.contains(&"technician")
        );
    }
}
