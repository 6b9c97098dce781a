//! Ready-made types.

use serde_json::Value;
use syncline_domain::{FieldSchema, FieldType, Schema, StatusCategory, StatusSchema, TypeSchema};

/// The types `Bug` and `Task`: `title` (required), `description` (HTML), `priority` (Low, Normal, High), `estimate`
/// (decimal), `progress` (whole), `due` (instant), `assignee` (person), `tags` (set), `blocked` (boolean), `external`
/// (text), `created` (read-only). Statuses: New, Active, Resolved, Closed, Removed.
#[must_use]
pub fn bug_tracker() -> Schema {
    let statuses = [
        ("New", StatusCategory::Proposed),
        ("Active", StatusCategory::InProgress),
        ("Resolved", StatusCategory::Resolved),
        ("Closed", StatusCategory::Completed),
        ("Removed", StatusCategory::Removed),
    ];
    let fields = vec![
        required(FieldSchema::plain("Title", "title", FieldType::String)),
        FieldSchema::plain("Description", "description", FieldType::Html),
        picklist("Priority", "priority", &["Low", "Normal", "High"]),
        FieldSchema::plain("Estimate", "estimate", FieldType::Double),
        FieldSchema::plain("Progress", "progress", FieldType::Int),
        FieldSchema::plain("Due", "due", FieldType::DateTime),
        FieldSchema::plain("Assignee", "assignee", FieldType::Identity),
        FieldSchema { is_multiple: true, ..FieldSchema::plain("Tags", "tags", FieldType::Array) },
        FieldSchema::plain("Blocked", "blocked", FieldType::Boolean),
        FieldSchema::plain("External id", "external", FieldType::String),
        FieldSchema {
            is_readonly: true,
            ..FieldSchema::plain("Created", "created", FieldType::DateTime)
        },
    ];
    Schema {
        types: vec![
            type_schema("Bug", "bug", fields.clone(), &statuses),
            type_schema("Task", "task", fields, &statuses),
        ],
    }
}

/// The type `Request`: `subject` (required, 250 characters), `details` (text), `urgency` (1 - Low, 2 - Medium,
/// 3 - High), `effort` (decimal), `ratio` (whole), `due_by` (instant), `technician` (person), `labels` (set), `on_hold`
/// (boolean), `reference` (text), and `state`, which holds the status. Statuses: Open, In progress, Solved, Closed.
#[must_use]
pub fn helpdesk() -> Schema {
    let fields = vec![
        required(FieldSchema {
            max_length: Some(250),
            ..FieldSchema::plain("Subject", "subject", FieldType::String)
        }),
        FieldSchema::plain("Details", "details", FieldType::String),
        picklist("Urgency", "urgency", &["1 - Low", "2 - Medium", "3 - High"]),
        FieldSchema::plain("Effort", "effort", FieldType::Double),
        FieldSchema::plain("Ratio", "ratio", FieldType::Int),
        FieldSchema::plain("Due by", "due_by", FieldType::DateTime),
        FieldSchema::plain("Technician", "technician", FieldType::Identity),
        FieldSchema {
            is_multiple: true,
            ..FieldSchema::plain("Labels", "labels", FieldType::Array)
        },
        FieldSchema::plain("On hold", "on_hold", FieldType::Boolean),
        FieldSchema::plain("Reference", "reference", FieldType::String),
        FieldSchema {
            is_status: true,
            ..picklist("State", "state", &["open", "in progress", "solved", "closed"])
        },
    ];
    let mut schema = type_schema(
        "Request",
        "request",
        fields,
        &[
            ("Open", StatusCategory::Proposed),
            ("In progress", StatusCategory::InProgress),
            ("Solved", StatusCategory::Resolved),
            ("Closed", StatusCategory::Completed),
        ],
    );
    for status in &mut schema.statuses {
        status.value = status.name.to_lowercase();
    }
    Schema { types: vec![schema] }
}

/// The field that names items: `title`, else the first required text.
pub(super) fn title_field(schema: &Schema) -> String {
    let fields = || schema.types.iter().flat_map(|one| &one.fields);
    fields()
        .find(|field| field.reference == "title")
        .or_else(|| {
            fields().find(|field| field.is_required && field.field_type == FieldType::String)
        })
        .map_or_else(|| "title".to_owned(), |field| field.reference.clone())
}

fn type_schema(
    name: &str,
    reference: &str,
    fields: Vec<FieldSchema>,
    statuses: &[(&str, StatusCategory)],
) -> TypeSchema {
    TypeSchema {
        name: name.to_owned(),
        reference: reference.to_owned(),
        metadata: Value::Null,
        fields,
        statuses: statuses
            .iter()
            .map(|(word, category)| StatusSchema {
                name: (*word).to_owned(),
                value: (*word).to_owned(),
                category: *category,
            })
            .collect(),
    }
}

fn required(field: FieldSchema) -> FieldSchema {
    FieldSchema { is_required: true, ..field }
}

fn picklist(name: &str, reference: &str, words: &[&str]) -> FieldSchema {
    FieldSchema {
        allowed_values: words.iter().map(|word| (*word).to_owned()).collect(),
        ..FieldSchema::plain(name, reference, FieldType::Picklist)
    }
}
