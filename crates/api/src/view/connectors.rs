//! Connectors, their checks and their items.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use syncline_app::{Discovered, Drift};
use syncline_domain::ports::{Check, ConnectorTypeInfo, CredentialField};
use syncline_domain::{ConnectorRow, ConnectorUsage, Identity, Item, LastCheck, TypeSchema};
use utoipa::ToSchema;

use super::samples::FailingTests;

/// A registered connector. Credentials are never shown.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConnectorView {
    pub(crate) id: i64,
    pub(crate) name: String,
    connector_type: String,
    base_url: String,
    endpoint: String,
    auth_type: String,
    is_active: bool,
    #[schema(value_type = Value)]
    metadata: Value,
    last_check: Option<CheckView>,
    credential_expires_at: Option<String>,
    created_at: String,
    updated_at: String,
}

/// How the last check went.
#[derive(Serialize, ToSchema)]
pub(crate) struct CheckView {
    at: String,
    ok: bool,
    message: String,
}

impl From<ConnectorRow> for ConnectorView {
    fn from(row: ConnectorRow) -> Self {
        Self {
            id: row.id.0,
            name: row.name,
            connector_type: row.settings.connector_type,
            base_url: row.settings.base_url,
            endpoint: row.settings.endpoint,
            auth_type: row.settings.auth_type.to_string(),
            is_active: row.is_active,
            metadata: row.settings.metadata,
            last_check: row.last_check.map(CheckView::from),
            credential_expires_at: row.credential_expires_at.map(|at| at.to_iso()),
            created_at: row.created_at.to_iso(),
            updated_at: row.updated_at.to_iso(),
        }
    }
}

impl From<LastCheck> for CheckView {
    fn from(check: LastCheck) -> Self {
        Self { at: check.at.to_iso(), ok: check.ok, message: check.message }
    }
}

/// All connectors.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConnectorList {
    pub(crate) total: usize,
    pub(crate) count: usize,
    pub(crate) connectors: Vec<ConnectorView>,
}

/// One connector.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConnectorOne {
    pub(crate) connector: ConnectorView,
}

/// A connector was made or changed.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConnectorSaved {
    pub(crate) message: String,
    pub(crate) connector_id: i64,
}

/// A connector was deleted, or would be.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConnectorGone {
    pub(crate) message: String,
    pub(crate) dry_run: bool,
    pub(crate) deleted: UsageView,
}

/// What hangs on a connector.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsageView {
    configs: i64,
    pairs: i64,
    running: i64,
}

impl From<ConnectorUsage> for UsageView {
    fn from(usage: ConnectorUsage) -> Self {
        Self { configs: usage.configs, pairs: usage.pairs, running: usage.running }
    }
}

/// One line of a check.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct CheckLine {
    name: String,
    ok: bool,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    what_to_do: Option<String>,
}

impl From<Check> for CheckLine {
    fn from(check: Check) -> Self {
        Self {
            name: check.name,
            ok: check.ok,
            message: check.message,
            what_to_do: check.what_to_do,
        }
    }
}

/// A saved connector was tested and all is well.
#[derive(Serialize, ToSchema)]
pub(crate) struct Tested {
    pub(crate) message: String,
    pub(crate) details: TestDetails,
}

/// What a test saw.
#[derive(Serialize, ToSchema)]
pub(crate) struct TestDetails {
    pub(crate) checks: Vec<CheckLine>,
}

/// A connector that is not saved was tested and all is well.
#[derive(Serialize, ToSchema)]
pub(crate) struct TestedUnsaved {
    pub(crate) message: String,
    pub(crate) details: TestDetails,
    pub(crate) checks: Vec<CheckLine>,
}

/// What discovery found.
#[derive(Serialize, ToSchema)]
pub(crate) struct DiscoveredView {
    message: String,
    summary: DiscoverySummary,
    metadata: DiscoveryMetadata,
    drift: Vec<DriftView>,
    /// Rows of rules that are paused since, and such that go on, one line each.
    follows: Vec<String>,
    /// Where something differs: the configurations that use the connector and have mapping tests that fail now.
    mapping_tests: Vec<FailingTests>,
}

#[derive(Serialize, ToSchema)]
struct DiscoverySummary {
    work_item_types: usize,
    fields: usize,
    statuses: usize,
}

#[derive(Serialize, ToSchema)]
struct DiscoveryMetadata {
    work_item_types: Vec<DiscoveredType>,
}

#[derive(Serialize, ToSchema)]
struct DiscoveredType {
    type_name: String,
    field_count: usize,
    status_count: usize,
}

#[derive(Serialize, ToSchema)]
struct DriftView {
    /// added, removed, returned or changed
    change: String,
    /// type, field or status
    what: String,
    type_name: String,
    name: String,
    detail: String,
}

impl From<Drift> for DriftView {
    fn from(drift: Drift) -> Self {
        Self {
            change: drift.change.to_owned(),
            what: drift.what.to_owned(),
            type_name: drift.type_name,
            name: drift.name,
            detail: drift.detail,
        }
    }
}

impl From<Discovered> for DiscoveredView {
    fn from(found: Discovered) -> Self {
        let types = found.schema.types;
        let sum = |count: fn(&TypeSchema) -> usize| types.iter().map(count).sum();
        let summary = DiscoverySummary {
            work_item_types: types.len(),
            fields: sum(|t| t.fields.len()),
            statuses: sum(|t| t.statuses.len()),
        };
        let work_item_types = types
            .into_iter()
            .map(|t| DiscoveredType {
                field_count: t.fields.len(),
                status_count: t.statuses.len(),
                type_name: t.name,
            })
            .collect();
        Self {
            message: "discovery finished".to_owned(),
            summary,
            metadata: DiscoveryMetadata { work_item_types },
            drift: found.drift.into_iter().map(DriftView::from).collect(),
            follows: found.follows,
            mapping_tests: found.mapping_tests.into_iter().map(FailingTests::from).collect(),
        }
    }
}

/// An item as its tracker shows it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ItemView {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    url: String,
    title: String,
    status: Option<String>,
    created_at: String,
    changed_at: String,
    #[schema(value_type = Value)]
    created_by: Option<Identity>,
    #[schema(value_type = Object)]
    fields: BTreeMap<String, Value>,
}

impl From<Item> for ItemView {
    fn from(item: Item) -> Self {
        Self {
            id: item.id.into_string(),
            kind: item.type_ref,
            url: item.url,
            title: item.title,
            status: item.status,
            created_at: item.created_at.to_iso(),
            changed_at: item.changed_at.to_iso(),
            created_by: item.created_by,
            fields: item.fields.into_iter().map(|(k, v)| (k.into_string(), v)).collect(),
        }
    }
}

/// Items of a connector.
#[derive(Serialize, ToSchema)]
pub(crate) struct ItemList {
    pub(crate) total: usize,
    pub(crate) count: usize,
    pub(crate) items: Vec<ItemView>,
}

/// One item of a connector.
#[derive(Serialize, ToSchema)]
pub(crate) struct ItemOne {
    pub(crate) item: ItemView,
}

/// The connector kinds there are.
#[derive(Serialize, ToSchema)]
pub(crate) struct Kinds {
    connector_types: Vec<String>,
    types: Vec<KindView>,
}

#[derive(Serialize, ToSchema)]
struct KindView {
    name: String,
    label: String,
    auth_types: Vec<String>,
    credential_fields: Vec<CredentialView>,
    #[schema(value_type = Value)]
    capabilities: Value,
}

#[derive(Serialize, ToSchema)]
struct CredentialView {
    auth_type: String,
    name: String,
    label: String,
    secret: bool,
}

impl From<CredentialField> for CredentialView {
    fn from(field: CredentialField) -> Self {
        Self {
            auth_type: field.auth_type.to_string(),
            name: field.name,
            label: field.label,
            secret: field.secret,
        }
    }
}

impl From<Vec<ConnectorTypeInfo>> for Kinds {
    fn from(kinds: Vec<ConnectorTypeInfo>) -> Self {
        Self {
            connector_types: kinds.iter().map(|kind| kind.name.clone()).collect(),
            types: kinds
                .into_iter()
                .map(|kind| KindView {
                    capabilities: serde_json::to_value(&kind.capabilities).unwrap_or_default(),
                    name: kind.name,
                    label: kind.label,
                    auth_types: kind.auth_types.iter().map(ToString::to_string).collect(),
                    credential_fields: kind.credential_fields.into_iter().map(Into::into).collect(),
                })
                .collect(),
        }
    }
}
