//! What goes over the wire, as far as we look at it.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Something with an id and a name; what only some of these have is absent in others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Named {
    pub(super) id: u64,
    pub(super) name: String,
    /// Statuses: the issue is done.
    pub(super) is_closed: bool,
    /// Projects: the word in addresses.
    pub(super) identifier: String,
}

/// A reference by id only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Id {
    pub(super) id: u64,
}

/// A custom field's value on an issue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct CustomValue {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) multiple: bool,
    pub(super) value: Value,
}

/// An issue, from a list, alone, or as the answer to its creation.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Issue {
    pub(super) id: u64,
    pub(super) project: Named,
    pub(super) tracker: Named,
    pub(super) status: Named,
    pub(super) priority: Option<Named>,
    pub(super) author: Option<Named>,
    pub(super) assigned_to: Option<Named>,
    pub(super) category: Option<Named>,
    pub(super) fixed_version: Option<Named>,
    pub(super) parent: Option<Id>,
    #[serde(deserialize_with = "text")]
    pub(super) subject: String,
    #[serde(deserialize_with = "text")]
    pub(super) description: String,
    pub(super) start_date: Option<String>,
    pub(super) due_date: Option<String>,
    pub(super) done_ratio: Option<i64>,
    pub(super) is_private: bool,
    pub(super) estimated_hours: Option<f64>,
    pub(super) custom_fields: Vec<CustomValue>,
    pub(super) created_on: String,
    pub(super) updated_on: String,
    pub(super) closed_on: Option<String>,
    pub(super) journals: Vec<Journal>,
    pub(super) attachments: Vec<File>,
    pub(super) relations: Vec<Relation>,
    pub(super) children: Vec<Id>,
}

/// An entry of an issue's history.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Journal {
    pub(super) id: u64,
    pub(super) user: Option<Named>,
    #[serde(deserialize_with = "text")]
    pub(super) notes: String,
    pub(super) created_on: String,
    pub(super) updated_on: Option<String>,
    pub(super) private_notes: bool,
    pub(super) details: Vec<Detail>,
}

/// One changed value of a journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Detail {
    /// `attr`, `cf`, `attachment` or `relation`.
    #[serde(deserialize_with = "text")]
    pub(super) property: String,
    /// What a write calls the attribute, or the custom field's id.
    #[serde(deserialize_with = "text")]
    pub(super) name: String,
    pub(super) new_value: Option<String>,
}

/// A file that hangs on an issue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct File {
    pub(super) id: u64,
    #[serde(deserialize_with = "text")]
    pub(super) filename: String,
    pub(super) filesize: Option<u64>,
    pub(super) content_type: Option<String>,
}

/// A relation between two issues.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Relation {
    pub(super) id: u64,
    pub(super) issue_id: u64,
    pub(super) issue_to_id: u64,
    pub(super) relation_type: String,
}

/// A page of issues.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct IssuePage {
    pub(super) issues: Vec<Issue>,
    #[serde(default)]
    pub(super) total_count: u64,
}

/// `{"issue": ...}`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct OneIssue {
    pub(super) issue: Issue,
}

/// An account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct User {
    pub(super) id: u64,
    pub(super) login: Option<String>,
    pub(super) admin: Option<bool>,
    pub(super) firstname: String,
    pub(super) lastname: String,
    pub(super) mail: Option<String>,
    pub(super) memberships: Vec<Membership>,
}

/// Somebody in a project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Membership {
    pub(super) project: Named,
    pub(super) user: Option<Named>,
    pub(super) group: Option<Named>,
    pub(super) roles: Vec<Named>,
}

/// `{"user": ...}`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct OneUser {
    pub(super) user: User,
}

/// A page of accounts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Users {
    pub(super) users: Vec<User>,
    pub(super) total_count: u64,
}

/// A page of memberships.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Memberships {
    pub(super) memberships: Vec<Membership>,
    pub(super) total_count: u64,
}

/// A role with what it allows.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Role {
    pub(super) permissions: Vec<String>,
}

/// `{"role": ...}`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct OneRole {
    pub(super) role: Role,
}

/// A project with what was asked to be included.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Project {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) identifier: String,
    /// 1 active, 5 closed, 9 archived.
    pub(super) status: Option<u64>,
    pub(super) trackers: Vec<Named>,
    pub(super) enabled_modules: Option<Vec<Named>>,
}

/// `{"project": ...}`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct OneProject {
    pub(super) project: Project,
}

/// A tracker (what others call a type).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tracker {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) default_status: Option<Named>,
    /// Since 5.0; absent means all.
    pub(super) enabled_standard_fields: Option<Vec<String>>,
}

/// `{"trackers": [...]}`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Trackers {
    pub(super) trackers: Vec<Tracker>,
}

/// A custom field as its administrator sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct CustomField {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) customized_type: String,
    pub(super) field_format: String,
    pub(super) max_length: Option<u32>,
    pub(super) is_required: bool,
    pub(super) is_filter: bool,
    pub(super) multiple: bool,
    /// What Redmine fills in by itself; empty when it does not.
    #[serde(deserialize_with = "text")]
    pub(super) default_value: String,
    pub(super) possible_values: Vec<Possible>,
    /// Trackers that have it.
    pub(super) trackers: Vec<Named>,
}

/// A value that a custom field may take, with the word that people see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Possible {
    #[serde(deserialize_with = "text")]
    pub(super) value: String,
    #[serde(deserialize_with = "text")]
    pub(super) label: String,
}

/// `{"custom_fields": [...]}`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct CustomFields {
    pub(super) custom_fields: Vec<CustomField>,
}

/// `{"upload": ...}`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct OneUpload {
    pub(super) upload: Upload,
}

/// A file on its way.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Upload {
    pub(super) token: String,
}

/// `{"errors": [...]}` of a 422.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Errors {
    pub(super) errors: Vec<String>,
}

/// Text that may come as null or as a number.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    })
}
