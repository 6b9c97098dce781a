//! What Azure DevOps sends and takes, as far as we read it (Work Item Tracking REST, version 7.1).
//!
//! Everything that a server may leave out is optional or defaulted: an absent field is missing, never null.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// `{count, value: [..]}`: how every list comes.
#[derive(Debug, Deserialize)]
pub(super) struct Listed<T> {
    #[serde(default = "Vec::new")]
    pub(super) value: Vec<T>,
}

/// A flat query's answer: ids only, whatever was selected.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct QueryAnswer {
    /// The server's clock when it looked.
    #[serde(default)]
    pub(super) as_of: Option<String>,
    #[serde(default)]
    pub(super) work_items: Vec<WorkItemReference>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WorkItemReference {
    pub(super) id: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct WorkItem {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) rev: u64,
    #[serde(default)]
    pub(super) fields: Map<String, Value>,
    #[serde(default)]
    pub(super) relations: Option<Vec<Relation>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Relation {
    #[serde(default)]
    pub(super) rel: String,
    #[serde(default)]
    pub(super) url: String,
    #[serde(default)]
    pub(super) attributes: Map<String, Value>,
}

/// The answer to a delete; `resource` is the item as it was.
#[derive(Debug, Deserialize)]
pub(super) struct Deleted {
    #[serde(default)]
    pub(super) resource: Option<WorkItem>,
}

/// One step of a JSON Patch document (RFC 6902).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct PatchOp {
    pub(super) op: &'static str,
    pub(super) path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<Value>,
}

/// One request inside a `$batch` call.
#[derive(Debug, Serialize)]
pub(super) struct BatchEntry<'a> {
    pub(super) method: &'static str,
    pub(super) uri: String,
    pub(super) headers: BTreeMap<&'static str, &'static str>,
    pub(super) body: &'a [PatchOp],
}

/// One answer inside a `$batch` answer. `body` is JSON inside a text; some versions send it unwrapped.
#[derive(Debug, Deserialize)]
pub(super) struct BatchAnswer {
    pub(super) code: u16,
    #[serde(default)]
    pub(super) headers: Map<String, Value>,
    #[serde(default)]
    pub(super) body: Value,
}

#[derive(Debug, Deserialize)]
pub(super) struct Project {
    #[serde(default)]
    pub(super) id: String,
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FieldDefinition {
    pub(super) reference_name: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default, rename = "type")]
    pub(super) field_type: String,
    #[serde(default)]
    pub(super) read_only: bool,
    #[serde(default)]
    pub(super) is_identity: bool,
    #[serde(default)]
    pub(super) is_picklist: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TypeField {
    pub(super) reference_name: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) always_required: bool,
    #[serde(default)]
    pub(super) default_value: Value,
    #[serde(default)]
    pub(super) allowed_values: Option<Vec<Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WorkItemType {
    pub(super) name: String,
    #[serde(default)]
    pub(super) reference_name: Option<String>,
    #[serde(default)]
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) is_disabled: bool,
    #[serde(default)]
    pub(super) states: Option<Vec<State>>,
    /// From state to the states it may go to; the empty state stands for an item that does not exist yet.
    #[serde(default)]
    pub(super) transitions: Option<BTreeMap<String, Option<Vec<Transition>>>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Transition {
    pub(super) to: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct State {
    pub(super) name: String,
    #[serde(default)]
    pub(super) category: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CommentPage {
    #[serde(default)]
    pub(super) comments: Vec<WireComment>,
    #[serde(default)]
    pub(super) continuation_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireComment {
    #[serde(alias = "commentId")]
    pub(super) id: u64,
    #[serde(default)]
    pub(super) text: String,
    #[serde(default)]
    pub(super) format: Option<String>,
    #[serde(default)]
    pub(super) created_by: Value,
    #[serde(default)]
    pub(super) created_date: Option<String>,
    #[serde(default)]
    pub(super) modified_date: Option<String>,
    #[serde(default)]
    pub(super) is_deleted: bool,
}

/// One saved change of a work item.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireUpdate {
    #[serde(default)]
    pub(super) rev: u64,
    #[serde(default)]
    pub(super) revised_by: Value,
    #[serde(default)]
    pub(super) fields: BTreeMap<String, WireChange>,
}

/// What became of one field; a value that is not there any more has no `newValue`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct WireChange {
    pub(super) new_value: Value,
}

#[derive(Debug, Deserialize)]
pub(super) struct AttachmentReference {
    #[serde(default)]
    pub(super) id: String,
    pub(super) url: String,
}

/// `_apis/connectionData`: who we are.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConnectionData {
    #[serde(default)]
    pub(super) authenticated_user: Option<ConnectedUser>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConnectedUser {
    #[serde(default)]
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) provider_display_name: Option<String>,
    #[serde(default)]
    pub(super) custom_display_name: Option<String>,
    #[serde(default)]
    pub(super) properties: Map<String, Value>,
}

/// The body of every failure.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Failure {
    pub(super) message: String,
    pub(super) type_key: String,
    pub(super) custom_properties: Value,
}
