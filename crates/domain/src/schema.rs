//! What a tracker says about its types, and the rows in which we keep that.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ConnectorId, FieldId, FieldType, StatusCategory, StatusId, Timestamp, TypeId};

/// All types of one project, as just read from the tracker.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// The types.
    pub types: Vec<TypeSchema>,
}

/// One type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TypeSchema {
    /// The name shown to people.
    pub name: String,
    /// The tracker's own stable word for it; `Item::type_ref` says the same.
    pub reference: String,
    /// Whatever else the connector wants to remember.
    pub metadata: Value,
    /// Its fields.
    pub fields: Vec<FieldSchema>,
    /// Its statuses, in the tracker's order.
    pub statuses: Vec<StatusSchema>,
}

/// One field of a type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldSchema {
    /// The name shown to people.
    pub name: String,
    /// The tracker's own stable word for it.
    pub reference: String,
    /// What it holds.
    pub field_type: FieldType,
    /// The tracker refuses an item without it.
    pub is_required: bool,
    /// The tracker refuses to have it set.
    pub is_readonly: bool,
    /// It holds the item's status.
    #[serde(default)]
    pub is_status: bool,
    /// It takes several values (or is a set).
    #[serde(default)]
    pub is_multiple: bool,
    /// The values it takes; empty when it takes any.
    #[serde(default)]
    pub allowed_values: Vec<String>,
    /// The most characters it takes.
    #[serde(default)]
    pub max_length: Option<u32>,
}

impl FieldSchema {
    /// A field that is neither required nor read-only nor restricted.
    #[must_use]
    pub fn plain(name: &str, reference: &str, field_type: FieldType) -> Self {
        Self {
            name: name.to_owned(),
            reference: reference.to_owned(),
            field_type,
            is_required: false,
            is_readonly: false,
            is_status: false,
            is_multiple: false,
            allowed_values: Vec::new(),
            max_length: None,
        }
    }
}

/// One status of a type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusSchema {
    /// The name shown to people.
    pub name: String,
    /// The value that items carry; `Item::status` says the same.
    pub value: String,
    /// Where in an item's life it stands.
    pub category: StatusCategory,
}

/// A discovered type, as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TypeRow {
    /// Our id.
    pub id: TypeId,
    /// Whose type it is.
    pub connector_id: ConnectorId,
    /// The name shown to people.
    pub type_name: String,
    /// The tracker's own word, [`TypeSchema::reference`].
    pub type_ref: String,
    /// A hint for forms and suggestions; syncing does not look at it.
    pub enabled_for_sync: bool,
    /// Whatever else the connector wanted to remember.
    pub metadata: Value,
    /// When it was seen first.
    pub created_at: Timestamp,
    /// Since when discovery no longer finds it.
    pub gone_at: Option<Timestamp>,
}

/// A discovered field, as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldRow {
    /// Our id.
    pub id: FieldId,
    /// The type it belongs to.
    pub type_id: TypeId,
    /// What the tracker said.
    pub schema: FieldSchema,
    /// A hint for forms and suggestions; syncing does not look at it.
    pub enabled_for_sync: bool,
    /// 0 to 100: how likely people want to map it.
    pub suggestion_score: i32,
    /// Since when discovery no longer finds it.
    pub gone_at: Option<Timestamp>,
}

/// A discovered status, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusRow {
    /// Our id.
    pub id: StatusId,
    /// The type it belongs to.
    pub type_id: TypeId,
    /// What the tracker said.
    pub schema: StatusSchema,
    /// Its place in the tracker's order, from 0.
    pub sort_order: i32,
    /// A hint for forms and suggestions; syncing does not look at it.
    pub enabled_for_sync: bool,
    /// Since when discovery no longer finds it.
    pub gone_at: Option<Timestamp>,
}
