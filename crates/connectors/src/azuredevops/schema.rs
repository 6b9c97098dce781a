//! From the server's metadata to our schema.
//!
//! A field's type is only in `/fields`, whether it is required and which values it takes only in the type's own list:
//! the two are joined by reference name. A type's reference is its name, because that is what items carry.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use syncline_domain::{FieldSchema, FieldType, StatusCategory, StatusSchema, TypeSchema};

use super::config::Config;
use super::convert::{STATE, TAGS};
use super::wire::{FieldDefinition, State, TypeField, WorkItemType};

/// Fields that the server keeps itself, whatever its metadata says.
const KEPT_BY_SERVER: [&str; 20] = [
    "System.Id",
    "System.Rev",
    "System.WorkItemType",
    "System.TeamProject",
    "System.CreatedDate",
    "System.CreatedBy",
    "System.ChangedDate",
    "System.ChangedBy",
    "System.AuthorizedDate",
    "System.AuthorizedAs",
    "System.RevisedDate",
    "System.Watermark",
    "System.NodeName",
    "System.AreaId",
    "System.IterationId",
    "System.PersonId",
    "System.CommentCount",
    "System.Parent",
    "System.BoardColumn",
    "System.BoardLane",
];
/// Fields that the server says it requires and fills by itself.
const FILLED_BY_SERVER: [&str; 4] =
    ["System.AreaPath", "System.IterationPath", "System.State", "System.Reason"];
/// Characters that a one-line text takes.
const SHORT_TEXT: u32 = 255;
/// Characters that a long text takes.
const LONG_TEXT: u32 = 1_000_000;

/// Field definitions by reference name.
pub(super) fn by_reference(all: Vec<FieldDefinition>) -> BTreeMap<String, FieldDefinition> {
    all.into_iter().map(|field| (field.reference_name.clone(), field)).collect()
}

/// One type with its fields and states.
pub(super) fn type_schema(
    config: &Config,
    kind: &WorkItemType,
    definitions: &BTreeMap<String, FieldDefinition>,
    fields: &[TypeField],
    states: &[State],
) -> TypeSchema {
    let statuses: Vec<StatusSchema> = states.iter().map(status).collect();
    let names: Vec<String> = statuses.iter().map(|status| status.value.clone()).collect();
    TypeSchema {
        name: kind.name.clone(),
        reference: kind.name.clone(),
        metadata: json!({
            "reference_name": kind.reference_name,
            "description": kind.description,
            "initial_state": initial_state(kind),
        }),
        fields: fields
            .iter()
            .map(|field| {
                field_schema(config, field, definitions.get(&field.reference_name), &names)
            })
            .collect(),
        statuses,
    }
}

fn status(state: &State) -> StatusSchema {
    StatusSchema {
        name: state.name.clone(),
        value: state.name.clone(),
        category: category(state.category.as_deref().unwrap_or_default()),
    }
}

fn category(word: &str) -> StatusCategory {
    match word {
        "Proposed" => StatusCategory::Proposed,
        "Resolved" => StatusCategory::Resolved,
        "Completed" => StatusCategory::Completed,
        "Removed" => StatusCategory::Removed,
        _ => StatusCategory::InProgress,
    }
}

/// The state in which items of this type come into being.
pub(super) fn initial_state(kind: &WorkItemType) -> Option<String> {
    let from_nothing =
        kind.transitions.as_ref().and_then(|all| all.get("")).and_then(Option::as_ref);
    if let Some(first) = from_nothing.and_then(|to| to.first()) {
        return Some(first.to.clone());
    }
    let states = kind.states.as_deref().unwrap_or_default();
    let proposed = states.iter().find(|state| state.category.as_deref() == Some("Proposed"));
    proposed.or_else(|| states.first()).map(|state| state.name.clone())
}

fn field_schema(
    config: &Config,
    field: &TypeField,
    definition: Option<&FieldDefinition>,
    states: &[String],
) -> FieldSchema {
    let reference = field.reference_name.as_str();
    let allowed =
        if reference == STATE { states.to_vec() } else { allowed_values(field, definition) };
    let field_type = field_type(config, reference, definition, !allowed.is_empty());
    let is_readonly =
        KEPT_BY_SERVER.contains(&reference) || definition.is_some_and(|d| d.read_only);
    let is_filled = FILLED_BY_SERVER.contains(&reference) || !field.default_value.is_null();
    let names = [Some(field.name.as_str()), definition.map(|d| d.name.as_str()), Some(reference)];
    let name = names.into_iter().flatten().find(|name| !name.is_empty()).unwrap_or(reference);
    FieldSchema {
        is_required: field.always_required && !is_readonly && !is_filled,
        is_readonly,
        is_status: reference == STATE,
        is_multiple: reference == TAGS,
        max_length: longest(definition, field_type),
        allowed_values: allowed,
        ..FieldSchema::plain(name, reference, field_type)
    }
}

/// The list of an identity field is no directory of people: it is huge, empty or out of date.
fn allowed_values(field: &TypeField, definition: Option<&FieldDefinition>) -> Vec<String> {
    if definition.is_some_and(|d| d.is_identity || d.field_type == "identity") {
        return Vec::new();
    }
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    field.allowed_values.iter().flatten().filter_map(text).collect()
}

fn field_type(
    config: &Config,
    reference: &str,
    definition: Option<&FieldDefinition>,
    is_restricted: bool,
) -> FieldType {
    if reference == TAGS {
        return FieldType::Array;
    }
    let Some(definition) = definition else { return FieldType::String };
    if definition.is_identity {
        return FieldType::Identity;
    }
    match definition.field_type.as_str() {
        "integer" | "picklistInteger" => FieldType::Int,
        "double" | "picklistDouble" => FieldType::Double,
        "dateTime" => FieldType::DateTime,
        "boolean" => FieldType::Boolean,
        "identity" => FieldType::Identity,
        "html" | "history" if config.markdown_fields.contains(reference) => FieldType::Markdown,
        "html" | "history" => FieldType::Html,
        "picklistString" => FieldType::Picklist,
        "string" if definition.is_picklist || is_restricted => FieldType::Picklist,
        _ => FieldType::String,
    }
}

fn longest(definition: Option<&FieldDefinition>, field_type: FieldType) -> Option<u32> {
    match (definition?.field_type.as_str(), field_type) {
        ("string", FieldType::String) => Some(SHORT_TEXT),
        (
            "html" | "plainText" | "history",
            FieldType::Html | FieldType::Markdown | FieldType::String,
        ) => Some(LONG_TEXT),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
        serde_json::from_value(value).unwrap()
    }

    fn sample() -> TypeSchema {
        let definitions: Vec<FieldDefinition> = read(json!([
            {"referenceName": "System.Title", "name": "Title", "type": "string"},
            {"referenceName": "System.State", "name": "State", "type": "string"},
            {"referenceName": "System.AssignedTo", "name": "Assigned To", "type": "string", "isIdentity": true},
            {"referenceName": "System.Tags", "name": "Tags", "type": "plainText"},
            {"referenceName": "System.AreaPath", "name": "Area Path", "type": "treePath"},
            {"referenceName": "System.CreatedDate", "name": "Created Date", "type": "dateTime", "readOnly": false},
            {"referenceName": "System.Description", "name": "Description", "type": "html"},
            {"referenceName": "Microsoft.VSTS.Common.Priority", "name": "Priority", "type": "integer"},
            {"referenceName": "Microsoft.VSTS.Common.Severity", "name": "Severity", "type": "string"},
            {"referenceName": "Custom.Must", "name": "Must", "type": "double"},
        ]));
        let fields: Vec<TypeField> = read(json!([
            {"referenceName": "System.Title", "name": "Title", "alwaysRequired": true, "allowedValues": []},
            {"referenceName": "System.State", "name": "State", "alwaysRequired": true, "allowedValues": ["x"]},
            {"referenceName": "System.AssignedTo", "name": "Assigned To", "allowedValues": ["A", "B"]},
            {"referenceName": "System.Tags", "name": "Tags"},
            {"referenceName": "System.AreaPath", "name": "Area Path", "alwaysRequired": true},
            {"referenceName": "System.CreatedDate", "name": "Created Date", "alwaysRequired": true},
            {"referenceName": "System.Description", "name": "Description"},
            {"referenceName": "Microsoft.VSTS.Common.Priority", "name": "Priority", "alwaysRequired": true,
             "defaultValue": "2", "allowedValues": ["1", "2"]},
            {"referenceName": "Microsoft.VSTS.Common.Severity", "name": "Severity", "allowedValues": ["1 - High"]},
            {"referenceName": "Custom.Must", "name": "Must", "alwaysRequired": true},
            {"referenceName": "Custom.Unknown", "name": "Unknown"},
        ]));
        let kind: WorkItemType =
            read(json!({"name": "Bug", "referenceName": "Microsoft.VSTS.WorkItemTypes.Bug",
            "transitions": {"": [{"to": "New", "actions": null}], "New": null}}));
        let states: Vec<State> = read(json!([
            {"name": "New", "category": "Proposed"}, {"name": "Active", "category": "InProgress"},
            {"name": "Done", "category": "Completed"}, {"name": "Cut", "category": "Removed"},
        ]));
        type_schema(&Config::for_tests(), &kind, &by_reference(definitions), &fields, &states)
    }

    #[test]
    fn types_join_both_lists_and_know_what_a_person_must_fill_in() {
        let schema = sample();
        assert_eq!((schema.name.as_str(), schema.reference.as_str()), ("Bug", "Bug"));
        assert_eq!(schema.metadata["initial_state"], json!("New"));
        let shown: Vec<_> = schema
            .fields
            .iter()
            .map(|f| {
                (
                    f.reference.rsplit('.').next().unwrap(),
                    f.field_type,
                    f.is_required,
                    f.is_readonly,
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("Title", FieldType::String, true, false),
                ("State", FieldType::Picklist, false, false),
                ("AssignedTo", FieldType::Identity, false, false),
                ("Tags", FieldType::Array, false, false),
                ("AreaPath", FieldType::String, false, false),
                ("CreatedDate", FieldType::DateTime, false, true),
                ("Description", FieldType::Html, false, false),
                ("Priority", FieldType::Int, false, false),
                ("Severity", FieldType::Picklist, false, false),
                ("Must", FieldType::Double, true, false),
                ("Unknown", FieldType::String, false, false),
            ]
        );
        let state = &schema.fields[1];
        assert!(state.is_status);
        assert_eq!(state.allowed_values, ["New", "Active", "Done", "Cut"]);
        assert!(schema.fields[2].allowed_values.is_empty());
        assert!(schema.fields[3].is_multiple);
        assert_eq!(schema.fields[0].max_length, Some(255));
        let categories: Vec<_> = schema.statuses.iter().map(|s| s.category).collect();
        assert_eq!(
            categories,
            [
                StatusCategory::Proposed,
                StatusCategory::InProgress,
                StatusCategory::Completed,
                StatusCategory::Removed
            ]
        );
    }

    #[test]
    fn without_transitions_the_first_proposed_state_is_the_initial_one() {
        let kind: WorkItemType = read(json!({"name": "Task", "states": [
            {"name": "Doing", "category": "InProgress"}, {"name": "To Do", "category": "Proposed"}]}));
        assert_eq!(initial_state(&kind).as_deref(), Some("To Do"));
        let bare: WorkItemType = read(json!({"name": "Task"}));
        assert_eq!(initial_state(&bare), None);
    }
}
