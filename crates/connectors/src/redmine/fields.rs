//! The fields that every issue has, in one table.

use syncline_domain::FieldType;

/// How a standard field is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Text.
    Text,
    /// A day.
    Date,
    /// A whole number.
    Int,
    /// A decimal number.
    Float,
    /// True or false.
    Flag,
    /// A name out of a list, sent as its id.
    Listed(ListKind),
    /// An account, sent as its id.
    Person,
    /// Another issue, sent as its id.
    Issue,
    /// Redmine's own; never sent.
    ReadOnly,
}

/// Which list a name comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ListKind {
    /// Of the whole server.
    Statuses,
    /// Of the whole server.
    Priorities,
    /// Of a project.
    Categories,
    /// Of a project.
    Versions,
    /// All that the account sees.
    Projects,
}

/// A standard field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standard {
    /// Our word for it, near to Redmine's JSON.
    pub(super) reference: &'static str,
    /// What people see (in English).
    pub(super) label: &'static str,
    /// What a write calls it; also the parameter by which a list is filtered.
    pub(super) attribute: &'static str,
    pub(super) shape: Shape,
    pub(super) field_type: FieldType,
    /// A tracker can have it switched off.
    pub(super) optional: bool,
}

const fn field(
    reference: &'static str,
    label: &'static str,
    attribute: &'static str,
    shape: Shape,
    field_type: FieldType,
    optional: bool,
) -> Standard {
    Standard { reference, label, attribute, shape, field_type, optional }
}

/// Every standard field.
pub(super) const FIELDS: &[Standard] = &[
    field("subject", "Subject", "subject", Shape::Text, FieldType::String, false),
    field("description", "Description", "description", Shape::Text, FieldType::String, true),
    field(
        "status",
        "Status",
        "status_id",
        Shape::Listed(ListKind::Statuses),
        FieldType::Picklist,
        false,
    ),
    field(
        "priority",
        "Priority",
        "priority_id",
        Shape::Listed(ListKind::Priorities),
        FieldType::Picklist,
        true,
    ),
    field("assigned_to", "Assignee", "assigned_to_id", Shape::Person, FieldType::Identity, true),
    field(
        "category",
        "Category",
        "category_id",
        Shape::Listed(ListKind::Categories),
        FieldType::Picklist,
        true,
    ),
    field(
        "fixed_version",
        "Target version",
        "fixed_version_id",
        Shape::Listed(ListKind::Versions),
        FieldType::Picklist,
        true,
    ),
    field("parent", "Parent task", "parent_issue_id", Shape::Issue, FieldType::String, true),
    field("start_date", "Start date", "start_date", Shape::Date, FieldType::DateTime, true),
    field("due_date", "Due date", "due_date", Shape::Date, FieldType::DateTime, true),
    field("done_ratio", "% Done", "done_ratio", Shape::Int, FieldType::Int, true),
    field(
        "estimated_hours",
        "Estimated time",
        "estimated_hours",
        Shape::Float,
        FieldType::Double,
        true,
    ),
    field("is_private", "Private", "is_private", Shape::Flag, FieldType::Boolean, false),
    field(
        "project",
        "Project",
        "project_id",
        Shape::Listed(ListKind::Projects),
        FieldType::Picklist,
        false,
    ),
    field("tracker", "Tracker", "tracker_id", Shape::ReadOnly, FieldType::Picklist, false),
    field("author", "Author", "author_id", Shape::ReadOnly, FieldType::Identity, false),
    field("created_on", "Created", "created_on", Shape::ReadOnly, FieldType::DateTime, false),
    field("updated_on", "Updated", "updated_on", Shape::ReadOnly, FieldType::DateTime, false),
    field("closed_on", "Closed", "closed_on", Shape::ReadOnly, FieldType::DateTime, false),
];

/// The standard field of this reference.
pub(super) fn standard(reference: &str) -> Option<&'static Standard> {
    FIELDS.iter().find(|field| field.reference == reference)
}

/// The id in `cf_12`.
pub(super) fn custom_id(reference: &str) -> Option<u64> {
    reference.strip_prefix("cf_")?.parse().ok()
}

/// `cf_12`.
pub(super) fn custom_reference(id: u64) -> String {
    format!("cf_{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_and_custom_ones_read() {
        assert_eq!(standard("parent").map(|field| field.attribute), Some("parent_issue_id"));
        assert!(standard("cf_1").is_none());
        assert_eq!(custom_id("cf_12"), Some(12));
        assert_eq!(custom_id("cf_x"), None);
        assert_eq!(custom_reference(12), "cf_12");
    }
}
