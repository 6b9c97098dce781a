//! What discovery found, for forms.

use serde::Serialize;
use serde_json::{Value, json};
use syncline_domain::{FieldRow, StatusRow, TypeRow};
use utoipa::ToSchema;

/// A work item type.
#[derive(Serialize, ToSchema)]
pub(crate) struct TypeView {
    id: i64,
    connector_id: i64,
    type_name: String,
    type_id: String,
    enabled_for_sync: bool,
    is_enabled: bool,
    #[schema(value_type = Value)]
    metadata: Value,
    created_at: String,
    /// Since when the tracker no longer has it.
    gone_at: Option<String>,
}

impl From<TypeRow> for TypeView {
    fn from(row: TypeRow) -> Self {
        Self {
            id: row.id.0,
            connector_id: row.connector_id.0,
            type_name: row.type_name,
            type_id: row.type_ref,
            enabled_for_sync: row.enabled_for_sync,
            is_enabled: row.enabled_for_sync,
            metadata: if row.metadata.is_null() { json!({}) } else { row.metadata },
            created_at: row.created_at.to_iso(),
            gone_at: row.gone_at.map(|at| at.to_iso()),
        }
    }
}

/// A field of a work item type.
#[derive(Serialize, ToSchema)]
pub(crate) struct FieldView {
    pub(crate) id: i64,
    work_item_type_id: i64,
    field_name: String,
    field_reference: String,
    field_type: String,
    is_required: bool,
    is_readonly: bool,
    is_status: bool,
    is_multiple: bool,
    allowed_values: Vec<String>,
    max_length: Option<u32>,
    enabled_for_sync: bool,
    is_enabled: bool,
    /// 0 to 100
    suggestion_score: i32,
    /// Since when the tracker no longer has it.
    gone_at: Option<String>,
}

impl From<FieldRow> for FieldView {
    fn from(row: FieldRow) -> Self {
        let schema = row.schema;
        Self {
            id: row.id.0,
            work_item_type_id: row.type_id.0,
            field_name: schema.name,
            field_reference: schema.reference,
            field_type: schema.field_type.to_string(),
            is_required: schema.is_required,
            is_readonly: schema.is_readonly,
            is_status: schema.is_status,
            is_multiple: schema.is_multiple,
            allowed_values: schema.allowed_values,
            max_length: schema.max_length,
            enabled_for_sync: row.enabled_for_sync,
            is_enabled: row.enabled_for_sync,
            suggestion_score: row.suggestion_score,
            gone_at: row.gone_at.map(|at| at.to_iso()),
        }
    }
}

/// A status of a work item type.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatusView {
    id: i64,
    work_item_type_id: i64,
    status_name: String,
    status_value: String,
    status_category: String,
    enabled_for_sync: bool,
    is_enabled: bool,
    sort_order: i32,
    /// Since when the tracker no longer has it.
    gone_at: Option<String>,
}

impl From<StatusRow> for StatusView {
    fn from(row: StatusRow) -> Self {
        Self {
            id: row.id.0,
            work_item_type_id: row.type_id.0,
            status_name: row.schema.name,
            status_value: row.schema.value,
            status_category: row.schema.category.to_string(),
            enabled_for_sync: row.enabled_for_sync,
            is_enabled: row.enabled_for_sync,
            sort_order: row.sort_order,
            gone_at: row.gone_at.map(|at| at.to_iso()),
        }
    }
}

/// Types of a connector.
#[derive(Serialize, ToSchema)]
pub(crate) struct TypeList {
    pub(crate) connector_id: i64,
    pub(crate) total: usize,
    pub(crate) count: usize,
    pub(crate) work_item_types: Vec<TypeView>,
}

/// Fields of a connector or type.
#[derive(Serialize, ToSchema)]
pub(crate) struct FieldList {
    pub(crate) connector_id: i64,
    pub(crate) total: usize,
    pub(crate) count: usize,
    pub(crate) fields: Vec<FieldView>,
}

/// Statuses of a connector or type.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatusList {
    pub(crate) connector_id: i64,
    pub(crate) total: usize,
    pub(crate) count: usize,
    pub(crate) statuses: Vec<StatusView>,
}

/// Which fields and statuses belong together, most likely.
#[derive(Serialize, ToSchema)]
pub(crate) struct SuggestionsView {
    pub(crate) suggestions: SuggestionLists,
    #[schema(value_type = Value)]
    pub(crate) summary: Value,
}

/// The suggestions, best first.
#[derive(Serialize, ToSchema)]
pub(crate) struct SuggestionLists {
    #[schema(value_type = Vec<Object>)]
    pub(crate) field_mappings: Value,
    #[schema(value_type = Vec<Object>)]
    pub(crate) status_mappings: Value,
}

/// The transformations there are.
#[derive(Serialize, ToSchema)]
pub(crate) struct TransformationList {
    pub(crate) count: usize,
    #[schema(value_type = Vec<Object>)]
    pub(crate) transformations: Value,
}
