//! Trackers as types, with the fields and statuses of their issues.
//!
//! What custom fields hold only an administrator's key can read. Without one they are taken from the newest issues: their
//! names are right, their formats unknown, so they count as text.

use std::collections::BTreeMap;

use serde_json::json;
use syncline_domain::ports::ConnectorError;
use syncline_domain::{
    FieldSchema, FieldType, Schema, StatusCategory, StatusSchema, TextFormat, TypeSchema,
};

use super::fields::{FIELDS, ListKind, Shape, Standard, custom_reference};
use super::filter::scope;
use super::lists;
use super::requests::{Api, PAGE, segment};
use super::values;
use super::wire::{CustomField, Named, OneProject, Project, Tracker, Trackers};

/// Characters that a subject takes.
const SUBJECT: u32 = 255;
/// Words in names of closed statuses that say that nothing was done.
const GIVEN_UP: [&str; 9] =
    ["reject", "cancel", "wont", "won't", "declin", "invalid", "duplicate", "abandon", "withdrawn"];
/// Words in names of open statuses that say that the work is done.
const SOLVED: [&str; 4] = ["resolv", "solved", "fixed", "done"];

/// Everything that schemas are made of.
struct Parts {
    statuses: Vec<Named>,
    lists: BTreeMap<ListKind, Vec<String>>,
    custom: Vec<CustomField>,
    text_format: TextFormat,
    needs_project: bool,
}

/// All trackers of the project, or of the server when there is no project.
pub(super) async fn describe(api: &Api) -> Result<Schema, ConnectorError> {
    let all: Trackers = api.get("trackers.json", &[]).await?;
    let project = match &api.config.project {
        Some(name) => Some(project(api, name).await?),
        None => None,
    };
    let parts = parts(api, project.as_ref()).await?;
    let types = all
        .trackers
        .iter()
        .filter(|tracker| {
            let enabled = project.as_ref().map(|project| &project.trackers);
            enabled
                .is_none_or(|some| some.is_empty() || some.iter().any(|one| one.id == tracker.id))
        })
        .map(|tracker| type_schema(tracker, &parts))
        .collect();
    Ok(Schema { types })
}

/// The project with what it has switched on.
pub(super) async fn project(api: &Api, name: &str) -> Result<Project, ConnectorError> {
    let include = "trackers,enabled_modules";
    let path = format!("projects/{}.json", segment(name));
    api.get::<OneProject>(&path, &[("include", include)]).await.map(|one| one.project)
}

async fn parts(api: &Api, project: Option<&Project>) -> Result<Parts, ConnectorError> {
    let name = project.map(|project| project.identifier.as_str()).unwrap_or_default();
    let statuses = lists::list(api, ListKind::Statuses, name, true).await?;
    let mut kinds = vec![ListKind::Priorities];
    if project.is_some() {
        kinds.extend([ListKind::Categories, ListKind::Versions]);
    }
    let mut names = BTreeMap::new();
    for kind in kinds {
        // A project without the module answers 403 to one or the other.
        if let Ok(list) = lists::list(api, kind, name, true).await {
            names.insert(kind, list.iter().map(|named| named.name.clone()).collect());
        }
    }
    Ok(Parts {
        statuses: statuses.to_vec(),
        lists: names,
        custom: custom_fields(api).await?,
        text_format: api.config.text_format,
        needs_project: api.config.project.is_none(),
    })
}

/// Custom fields of issues, each with its trackers. Which of them a project has is not told for all versions.
async fn custom_fields(api: &Api) -> Result<Vec<CustomField>, ConnectorError> {
    match lists::custom(api).await?.as_ref() {
        Some(all) => Ok(all.clone()),
        None => seen_fields(api).await,
    }
}

/// What the newest issues show of custom fields.
async fn seen_fields(api: &Api) -> Result<Vec<CustomField>, ConnectorError> {
    let mut params = scope(&api.config);
    params.push(("status_id".to_owned(), "*".to_owned()));
    params.push(("sort".to_owned(), "updated_on:desc,id:desc".to_owned()));
    let listed = api.list(&params, 0, PAGE).await?;
    let mut found: BTreeMap<u64, CustomField> = BTreeMap::new();
    for issue in &listed.issues {
        for held in &issue.custom_fields {
            let field = found.entry(held.id).or_insert_with(|| CustomField {
                id: held.id,
                name: held.name.clone(),
                multiple: held.multiple,
                ..CustomField::default()
            });
            if !field.trackers.iter().any(|tracker| tracker.id == issue.tracker.id) {
                field.trackers.push(issue.tracker.clone());
            }
        }
    }
    Ok(found.into_values().collect())
}

fn type_schema(tracker: &Tracker, parts: &Parts) -> TypeSchema {
    let first = tracker.default_status.as_ref().map(|status| status.id);
    let first = first.or_else(|| parts.statuses.iter().find(|s| !s.is_closed).map(|s| s.id));
    let statuses = parts
        .statuses
        .iter()
        .map(|status| StatusSchema {
            name: status.name.clone(),
            value: status.name.clone(),
            category: category(status, first == Some(status.id)),
        })
        .collect();
    let standard = FIELDS
        .iter()
        .filter(|field| is_enabled(field, tracker))
        .map(|field| standard_field(field, parts));
    let custom = parts
        .custom
        .iter()
        .filter(|field| field.trackers.iter().any(|one| one.id == tracker.id))
        .map(custom_field);
    TypeSchema {
        name: tracker.name.clone(),
        reference: tracker.id.to_string(),
        metadata: json!({ "initial_state": tracker.default_status.as_ref().map(|s| &s.name) }),
        fields: standard.chain(custom).collect(),
        statuses,
    }
}

fn is_enabled(field: &Standard, tracker: &Tracker) -> bool {
    let enabled = tracker.enabled_standard_fields.as_ref();
    !field.optional
        || enabled.is_none_or(|names| {
            // Priority and description could not be switched off before they came into the list.
            let is_old = |name: &str| !names.iter().any(|known| known == name);
            names.iter().any(|name| name == field.attribute)
                || (field.attribute == "priority_id" && is_old("priority_id"))
        })
}

fn standard_field(field: &Standard, parts: &Parts) -> FieldSchema {
    let allowed = match field.shape {
        Shape::Listed(ListKind::Statuses) => {
            parts.statuses.iter().map(|status| status.name.clone()).collect()
        }
        Shape::Listed(kind) => parts.lists.get(&kind).cloned().unwrap_or_default(),
        _ => Vec::new(),
    };
    let is_markdown = field.reference == "description" && parts.text_format == TextFormat::Markdown;
    let field_type = if is_markdown { FieldType::Markdown } else { field.field_type };
    let is_required = match field.reference {
        "subject" => true,
        "project" => parts.needs_project,
        _ => false,
    };
    FieldSchema {
        is_required,
        is_readonly: field.shape == Shape::ReadOnly,
        is_status: field.reference == "status",
        allowed_values: allowed,
        max_length: (field.reference == "subject").then_some(SUBJECT),
        ..FieldSchema::plain(field.label, field.reference, field_type)
    }
}

fn custom_field(field: &CustomField) -> FieldSchema {
    let field_type = values::field_type(field);
    let is_list = matches!(field.field_format.as_str(), "list" | "enumeration");
    let shown = field.possible_values.iter().filter(|_| is_list).map(|possible| {
        if possible.label.is_empty() { possible.value.clone() } else { possible.label.clone() }
    });
    FieldSchema {
        is_required: field.is_required && field.default_value.is_empty(),
        is_multiple: field.multiple,
        allowed_values: shown.filter(|value| !value.is_empty()).collect(),
        max_length: field.max_length.filter(|length| *length > 0),
        ..FieldSchema::plain(&field.name, &custom_reference(field.id), field_type)
    }
}

/// Redmine tells open from closed only; the rest is in the names.
fn category(status: &Named, is_first: bool) -> StatusCategory {
    let name = status.name.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    match status.is_closed {
        true if has(&GIVEN_UP) => StatusCategory::Removed,
        true => StatusCategory::Completed,
        false if is_first => StatusCategory::Proposed,
        false if has(&SOLVED) => StatusCategory::Resolved,
        false => StatusCategory::InProgress,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(id: u64, name: &str, is_closed: bool) -> Named {
        Named { id, name: name.to_owned(), is_closed, ..Named::default() }
    }

    fn parts() -> Parts {
        Parts {
            statuses: vec![
                status(1, "New", false),
                status(2, "In Progress", false),
                status(3, "Resolved", false),
                status(5, "Closed", true),
                status(6, "Rejected", true),
            ],
            lists: [(ListKind::Priorities, vec!["Low".to_owned()])].into(),
            custom: serde_json::from_value(json!([
                {"id": 1, "name": "Severity", "field_format": "list", "is_required": true,
                 "default_value": "Low", "trackers": [{"id": 2}],
                 "possible_values": [{"value": "Low", "label": "Low"}, {"value": "High"}]},
                {"id": 2, "name": "Places", "field_format": "list", "multiple": true,
                 "is_required": true, "trackers": [{"id": 2}]},
                {"id": 3, "name": "Elsewhere", "trackers": [{"id": 9}]},
            ]))
            .unwrap(),
            text_format: TextFormat::Markdown,
            needs_project: false,
        }
    }

    #[test]
    fn a_tracker_has_what_is_switched_on_for_it() {
        let tracker: Tracker = serde_json::from_value(json!({
            "id": 2, "name": "Bug", "default_status": {"id": 1, "name": "New"},
            "enabled_standard_fields": ["assigned_to_id", "due_date", "description"]
        }))
        .unwrap();
        let schema = type_schema(&tracker, &parts());
        let names: Vec<&str> = schema.fields.iter().map(|f| f.reference.as_str()).collect();
        assert_eq!(
            names,
            [
                "subject",
                "description",
                "status",
                "priority",
                "assigned_to",
                "due_date",
                "is_private",
                "project",
                "tracker",
                "author",
                "created_on",
                "updated_on",
                "closed_on",
                "cf_1",
                "cf_2"
            ]
        );
        let field = |name: &str| schema.fields.iter().find(|f| f.reference == name).unwrap();
        assert_eq!(field("description").field_type, FieldType::Markdown);
        assert!(field("status").is_status && field("author").is_readonly);
        assert!(field("subject").is_required && !field("priority").is_required);
        assert!(!field("cf_1").is_required && field("cf_2").is_required);
        assert_eq!(field("cf_1").allowed_values, ["Low", "High"]);
        assert_eq!(field("cf_2").field_type, FieldType::Array);
        assert_eq!(schema.metadata["initial_state"], json!("New"));
    }

    #[test]
    fn categories_are_read_from_names_where_redmine_tells_no_more() {
        let tracker = Tracker { id: 2, ..Tracker::default() };
        let schema = type_schema(&tracker, &parts());
        let categories: Vec<_> = schema.statuses.iter().map(|status| status.category).collect();
        assert_eq!(
            categories,
            [
                StatusCategory::Proposed,
                StatusCategory::InProgress,
                StatusCategory::Resolved,
                StatusCategory::Completed,
                StatusCategory::Removed
            ]
        );
    }
}
