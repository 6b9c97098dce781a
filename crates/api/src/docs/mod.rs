//! What bodies may hold, for the OpenAPI document only.
//!
//! Reading stays with the use cases, which report every fault at once with its place; a test sends every field named
//! here and fails when one of them is not read.
#![expect(dead_code, reason = "documentation: nothing reads these")]

mod automation;
mod conflicts;
mod samples;

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::ToSchema;

pub(crate) use automation::{
    JobBody, NotificationBody, NotificationChange, NotificationTestBody, RotateBody, ScheduleBody,
    WebhookBody, WebhookChange, WebhookTestBody,
};
pub(crate) use conflicts::{AutoBody, BatchBody, DecisionBody};
pub(crate) use samples::{
    CaptureBody, DeliveryReplayBody, JobReplayBody, MappingTestBody, MappingTestRunBody,
};

/// A connector to register, or to test without saving.
#[derive(ToSchema)]
pub(crate) struct ConnectorBody {
    /// Unique, at most 200 characters.
    #[schema(max_length = 200, min_length = 1)]
    name: String,
    /// One of the words of `/api/connectors/types/available`.
    connector_type: String,
    /// The tracker's address; `https://` unless it says otherwise.
    base_url: String,
    /// Project or portal.
    endpoint: Option<String>,
    /// pat, apikey, basic, oauth or none
    auth_type: String,
    /// By auth_type: `token`; `apiKey`; `username` and `password`; `client_id`, `client_secret` and `refresh_token`.
    /// Never shown again. Needed unless auth_type is none.
    #[schema(required)]
    credentials: BTreeMap<String, String>,
    /// When the credentials end: a day or an instant. People are told 14, 3 and 1 days before (`credential_expiring`).
    credential_expires_at: Option<String>,
    /// Settings of this kind of tracker.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
}

/// What to change of a connector; the rest stays.
#[derive(ToSchema)]
pub(crate) struct ConnectorChange {
    #[schema(max_length = 200, min_length = 1)]
    name: Option<String>,
    connector_type: Option<String>,
    base_url: Option<String>,
    endpoint: Option<String>,
    /// Another one needs its credentials in the same request.
    auth_type: Option<String>,
    credentials: Option<BTreeMap<String, String>>,
    /// When the credentials end; null when they do not. New credentials forget what was said of the old ones.
    credential_expires_at: Option<String>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    is_active: Option<bool>,
    /// Take another address, project or type although pairs exist.
    force: Option<bool>,
}

/// Whether forms and suggestions offer it. One of the two.
#[derive(ToSchema)]
pub(crate) struct EnabledBody {
    is_enabled: Option<bool>,
    /// The same.
    enabled_for_sync: Option<bool>,
}

/// A sync configuration to make.
#[derive(ToSchema)]
pub(crate) struct ConfigBody {
    #[schema(max_length = 200, min_length = 1)]
    name: String,
    source_connector_id: i64,
    target_connector_id: i64,
    description: Option<String>,
    /// one-way (also one_way) or bidirectional
    direction: Option<String>,
    /// manual, scheduled or webhook
    trigger_type: Option<String>,
    /// Crontab's five fields, or @hourly and the like. Needed when trigger_type is scheduled.
    schedule_cron: Option<String>,
    /// An IANA zone
    timezone: Option<String>,
    /// last-write-wins, source-priority, target-priority, manual or merge
    conflict_resolution: Option<String>,
    /// Which source items take part: the tracker's own filter, the portable one, or both.
    #[schema(value_type = Option<Object>)]
    sync_filter: Option<Value>,
    /// Which target items may come back.
    #[schema(value_type = Option<Object>)]
    target_filter: Option<Value>,
    options: Option<OptionsBody>,
    is_active: Option<bool>,
    type_mappings: Option<Vec<TypeMappingBody>>,
}

/// What to change of a configuration; the rest stays, and a given list replaces the list.
#[derive(ToSchema)]
pub(crate) struct ConfigChange {
    #[schema(max_length = 200, min_length = 1)]
    name: Option<String>,
    source_connector_id: Option<i64>,
    target_connector_id: Option<i64>,
    description: Option<String>,
    direction: Option<String>,
    trigger_type: Option<String>,
    schedule_cron: Option<String>,
    timezone: Option<String>,
    conflict_resolution: Option<String>,
    #[schema(value_type = Option<Object>)]
    sync_filter: Option<Value>,
    #[schema(value_type = Option<Object>)]
    target_filter: Option<Value>,
    options: Option<OptionsBody>,
    is_active: Option<bool>,
    type_mappings: Option<Vec<TypeMappingBody>>,
}

/// How a configuration behaves; null puts an option back to its default.
#[derive(ToSchema)]
pub(crate) struct OptionsBody {
    sync_comments: Option<bool>,
    include_comment_metadata: Option<bool>,
    sync_links: Option<bool>,
    sync_attachments: Option<bool>,
    /// Where attachments are copied, images inside of texts are, too.
    sync_inline_images: Option<bool>,
    attachments_max_bytes: Option<u64>,
    sync_only_changed: Option<bool>,
    create_only: Option<bool>,
    update_existing: Option<bool>,
    /// overwrite or keep
    target_edits: Option<String>,
    /// A target field that may hold our marker.
    external_id_field: Option<String>,
    match_existing: Option<MatchBody>,
    /// ignore, unlink, close or delete
    source_delete_policy: Option<String>,
    /// ignore, unlink, close or delete
    target_delete_policy: Option<String>,
    tie_window_seconds: Option<u32>,
    max_writes_per_run: Option<u64>,
    max_updates: Option<u64>,
    max_deletes: Option<u64>,
    #[schema(maximum = 100)]
    max_delete_percent: Option<u32>,
    /// never or on_mapping_change: runs that nobody starts by hand wait for an applied plan after rules changed
    require_plan: Option<String>,
    /// once, skip or all
    missed_runs: Option<String>,
    /// skip or queue
    overlap: Option<String>,
    jitter_seconds: Option<u32>,
    #[schema(minimum = 1, maximum = 32)]
    concurrency: Option<u32>,
    /// both sides are compared by themselves every so many hours; 0: never
    #[schema(maximum = 8760)]
    census_every_hours: Option<u32>,
}

/// How an unpaired source item finds its copy.
#[derive(ToSchema)]
pub(crate) struct MatchBody {
    source_field: String,
    target_field: String,
    /// ask or skip
    on_many: Option<String>,
}

/// A pair of types with its rules.
#[derive(ToSchema)]
pub(crate) struct TypeMappingBody {
    source_type_id: i64,
    target_type_id: i64,
    /// Also take every suggestion of high confidence.
    suggest: Option<bool>,
    field_mappings: Option<Vec<FieldMappingBody>>,
    status_mappings: Option<Vec<StatusMappingBody>>,
}

/// A field rule.
#[derive(ToSchema)]
pub(crate) struct FieldMappingBody {
    source_field_id: Option<i64>,
    /// Several source fields, first to last.
    source_field_ids: Option<Vec<i64>>,
    target_field_id: Option<i64>,
    /// Else the pair of types the two fields belong to.
    type_mapping_id: Option<i64>,
    /// direct, transformation, constant, computed or value_map
    mapping_type: Option<String>,
    /// A name, `{"name": ..., "args": [...]}` or `{"chain": [...]}`.
    #[schema(value_type = Value)]
    transformation: Option<Value>,
    #[schema(value_type = Value)]
    constant_value: Option<Value>,
    expression: Option<String>,
    /// `{from: to, "*": default}`
    #[schema(value_type = Option<Object>)]
    value_map: Option<Value>,
    /// both, forward or backward
    direction: Option<String>,
    /// always, create_only or update_only
    when: Option<String>,
    #[schema(value_type = Value)]
    default_value: Option<Value>,
    /// The configuration's word when absent.
    conflict_resolution: Option<String>,
}

/// A status rule.
#[derive(ToSchema)]
pub(crate) struct StatusMappingBody {
    source_status_id: i64,
    target_status_id: i64,
}

/// The copy's name.
#[derive(ToSchema)]
pub(crate) struct CloneBody {
    #[schema(max_length = 200, min_length = 1)]
    name: String,
}

/// Who is who; replaces what was there.
#[derive(ToSchema)]
pub(crate) struct UserMapBody {
    entries: Option<Vec<UserMapEntryBody>>,
    /// email, login, name: tried in this order
    by: Option<Vec<String>>,
    /// Stands in for people nobody finds.
    default: Option<String>,
}

/// One person named by hand.
#[derive(ToSchema)]
pub(crate) struct UserMapEntryBody {
    source: String,
    target: String,
}

/// What to run, or to preview.
#[derive(ToSchema)]
pub(crate) struct RunBody {
    /// Texts or whole numbers: ids of the side the run reads from.
    #[schema(value_type = Option<Vec<Value>>)]
    work_item_ids: Option<Vec<Value>>,
    /// Read everything, not only what changed.
    full: Option<bool>,
    /// Stop after this many items.
    #[schema(minimum = 1)]
    limit: Option<u64>,
    dry_run: Option<bool>,
    /// source-to-target, target-to-source or bidirectional
    direction: Option<String>,
    /// Answer when the run has ended (the default), or at once.
    wait: Option<bool>,
}

/// How to apply a plan.
#[derive(ToSchema)]
pub(crate) struct ApplyBody {
    /// Answer when the run has ended (the default), or at once.
    wait: Option<bool>,
    /// Apply it although mapping tests of its configuration fail.
    ignore_mapping_tests: Option<bool>,
}

/// Two items that are copies of each other already.
#[derive(ToSchema)]
pub(crate) struct PairBody {
    /// A text or a whole number.
    #[schema(value_type = Value)]
    source_item_id: Value,
    /// A text or a whole number.
    #[schema(value_type = Value)]
    target_item_id: Value,
}

/// Rules, saved or not, and an item to try them on.
#[derive(ToSchema)]
pub(crate) struct TestMappingBody {
    /// A saved configuration; else both connectors and type_mappings.
    sync_config_id: Option<i64>,
    source_connector_id: Option<i64>,
    target_connector_id: Option<i64>,
    type_mappings: Option<Vec<TypeMappingBody>>,
    sample_source_item: Option<SampleBody>,
    /// An item to read from the source instead of a sample: a text or a whole number.
    #[schema(value_type = Value)]
    item_id: Option<Value>,
}

/// An item as it could be.
#[derive(ToSchema)]
pub(crate) struct SampleBody {
    /// A text or a whole number.
    #[schema(value_type = Value)]
    id: Option<Value>,
    /// The type's name or the tracker's word for it.
    r#type: String,
    title: Option<String>,
    status: Option<String>,
    #[schema(value_type = Option<Object>)]
    fields: Option<Value>,
}

/// Settings by key; null goes back to the default.
#[derive(ToSchema)]
pub(crate) struct SettingsBody {
    /// Jobs that a worker runs at once.
    #[schema(minimum = 1, maximum = 1000)]
    max_concurrent_syncs: Option<i64>,
    /// Items that a run reads and works on as one page.
    #[schema(minimum = 1, maximum = 500)]
    sync_batch_size: Option<i64>,
    execution_retention_days: Option<i64>,
    delivery_retention_days: Option<i64>,
    job_retention_days: Option<i64>,
    audit_retention_days: Option<i64>,
    /// This many ended jobs are always kept.
    job_history_limit: Option<i64>,
    conflict_resolution_default: Option<String>,
    smtp_host: Option<String>,
    smtp_port: Option<i64>,
    /// true: TLS from the first byte; false: STARTTLS
    smtp_secure: Option<bool>,
    /// required, opportunistic or none
    smtp_tls: Option<String>,
    smtp_user: Option<String>,
    /// Never shown.
    smtp_pass: Option<String>,
    smtp_from: Option<String>,
}

/// A setting's value; null goes back to the default.
#[derive(ToSchema)]
pub(crate) struct SettingBody {
    #[schema(value_type = Value)]
    value: Value,
}
