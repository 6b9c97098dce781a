//! Sync configurations: two connectors, what moves between them, and by which rules.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    ConfigId, ConflictResolution, ConnectorId, DeletePolicy, Direction, FieldId, FieldMappingId,
    FieldRef, MapDirection, MappingType, MissedRuns, OnMany, Overlap, RequirePlan, Side, StatusId,
    StatusMappingId, TargetEdits, Timestamp, TriggerType, TypeId, TypeMappingId, When,
};

/// A sync configuration, as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct SyncConfig {
    /// Our id.
    pub id: ConfigId,
    /// The unique name people gave it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Where changes come from.
    pub source_connector_id: ConnectorId,
    /// Where they go.
    pub target_connector_id: ConnectorId,
    /// One way or both.
    pub direction: Direction,
    /// What starts runs.
    pub trigger_type: TriggerType,
    /// A crontab expression.
    pub schedule_cron: Option<String>,
    /// The IANA zone in which the schedule is read.
    pub timezone: String,
    /// Who wins a conflict.
    pub conflict_resolution: ConflictResolution,
    /// Which source items take part.
    pub sync_filter: Option<Value>,
    /// Which target items may come back (two-way only).
    pub target_filter: Option<Value>,
    /// The rest.
    pub options: Options,
    /// Runs of inactive configurations are refused.
    pub is_active: bool,
    /// The next run reads everything once (a rule, filter or direction changed).
    pub needs_full: bool,
    /// Counts changes of rules, filters and options; history says which version acted.
    pub version: i64,
    /// When the scheduler runs it next.
    pub next_sync_at: Option<Timestamp>,
    /// When the last run ended.
    pub last_sync_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl SyncConfig {
    /// The connector on `side`.
    #[must_use]
    pub const fn connector(&self, side: Side) -> ConnectorId {
        match side {
            Side::Source => self.source_connector_id,
            Side::Target => self.target_connector_id,
        }
    }
}

/// How a configuration behaves. Absent keys have their default; unknown keys are reported, not kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// Copy comments.
    pub sync_comments: bool,
    /// Put author and time above each copied comment.
    pub include_comment_metadata: bool,
    /// Copy links between synced items.
    pub sync_links: bool,
    /// Copy attachments.
    pub sync_attachments: bool,
    /// Where attachments are copied: store the images inside of texts on the other side, too.
    pub sync_inline_images: bool,
    /// The largest attachment or image that is copied, in bytes.
    pub attachments_max_bytes: u64,
    /// Read only what changed since the last run.
    pub sync_only_changed: bool,
    /// Make copies, never change them afterwards.
    pub create_only: bool,
    /// Change copies that exist.
    pub update_existing: bool,
    /// What a one-way run does with edits on the target.
    pub target_edits: TargetEdits,
    /// A target field that may hold our marker; makes the look-up after a lost answer exact.
    pub external_id_field: Option<FieldRef>,
    /// How to find copies that people made by hand before.
    pub match_existing: Option<MatchExisting>,
    /// What to do on the target when a source item was deleted.
    pub source_delete_policy: DeletePolicy,
    /// What to do on the source when a target item was deleted.
    pub target_delete_policy: DeletePolicy,
    /// Changes of one field that lie closer together than this are a conflict, in seconds.
    pub tie_window_seconds: u32,
    /// A run stops before it writes more than this.
    pub max_writes_per_run: Option<u64>,
    /// A run stops before it updates more than this.
    pub max_updates: Option<u64>,
    /// A run stops before it deletes more than this.
    pub max_deletes: Option<u64>,
    /// A run stops before it deletes more than this share of all pairs, in percent.
    pub max_delete_percent: Option<u32>,
    /// When runs that nobody starts by hand wait for a plan that somebody looked at.
    pub require_plan: RequirePlan,
    /// What becomes of missed schedule instants.
    pub missed_runs: MissedRuns,
    /// What becomes of a schedule instant during a run.
    pub overlap: Overlap,
    /// Spreads schedule instants by up to this many seconds.
    pub jitter_seconds: u32,
    /// Calls in flight at once, 1 to 32.
    pub concurrency: u32,
    /// Both sides are compared by themselves every so many hours, 0 to 8,760; never when 0.
    pub census_every_hours: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            sync_comments: false,
            include_comment_metadata: true,
            sync_links: false,
            sync_attachments: false,
            sync_inline_images: true,
            attachments_max_bytes: 20 * 1024 * 1024,
            sync_only_changed: true,
            create_only: false,
            update_existing: true,
            target_edits: TargetEdits::Overwrite,
            external_id_field: None,
            match_existing: None,
            source_delete_policy: DeletePolicy::Ignore,
            target_delete_policy: DeletePolicy::Ignore,
            tie_window_seconds: 2,
            max_writes_per_run: None,
            max_updates: None,
            max_deletes: None,
            max_delete_percent: None,
            require_plan: RequirePlan::Never,
            missed_runs: MissedRuns::Once,
            overlap: Overlap::Skip,
            jitter_seconds: 0,
            concurrency: 4,
            census_every_hours: 0,
        }
    }
}

/// How an unpaired source item finds a copy that exists already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchExisting {
    /// The source field whose value is looked for.
    pub source_field: FieldRef,
    /// The target field in which it is looked for.
    pub target_field: FieldRef,
    /// What to do with several hits.
    #[serde(default = "ask")]
    pub on_many: OnMany,
}

const fn ask() -> OnMany {
    OnMany::Ask
}

/// A pair of types, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeMapping {
    /// Our id.
    pub id: TypeMappingId,
    /// The configuration.
    pub config_id: ConfigId,
    /// The type on the source.
    pub source_type_id: TypeId,
    /// The type on the target.
    pub target_type_id: TypeId,
}

/// A field rule, as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldMapping {
    /// Our id.
    pub id: FieldMappingId,
    /// The configuration.
    pub config_id: ConfigId,
    /// The pair of types it belongs to.
    pub type_mapping_id: TypeMappingId,
    /// Source fields, first to last; empty for a constant.
    pub source_field_ids: Vec<FieldId>,
    /// The target field.
    pub target_field_id: FieldId,
    /// How the value is made.
    pub mapping_type: MappingType,
    /// For `transformation`: a name, an object with arguments, or a chain.
    pub transformation: Option<Value>,
    /// For `constant`.
    pub constant_value: Option<Value>,
    /// For `computed`.
    pub expression: Option<String>,
    /// For `value_map`: an object from text to value, `*` for the rest.
    pub value_map: Option<Value>,
    /// In which directions it acts.
    pub direction: MapDirection,
    /// On which writes it acts.
    pub when: When,
    /// Used when the source has no value.
    pub default_value: Option<Value>,
    /// Who wins a conflict of this field; the configuration's word when absent.
    pub conflict_resolution: Option<ConflictResolution>,
}

/// A status rule, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusMapping {
    /// Our id.
    pub id: StatusMappingId,
    /// The configuration.
    pub config_id: ConfigId,
    /// The pair of types it belongs to.
    pub type_mapping_id: TypeMappingId,
    /// The status on the source.
    pub source_status_id: StatusId,
    /// The status on the target.
    pub target_status_id: StatusId,
}

/// Who is who on the two sides.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserMap {
    /// People named by hand.
    pub entries: Vec<UserMapEntry>,
    /// How to find the others, tried in this order.
    pub by: Vec<UserMatch>,
    /// Who stands in for people nobody finds.
    pub default: Option<String>,
}

/// One person named by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserMapEntry {
    /// Address, sign-in name or shown name on the source.
    pub source: String,
    /// The same on the target.
    pub target: String,
}

/// By what a person is found on the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserMatch {
    /// E-mail address.
    Email,
    /// Sign-in name.
    Login,
    /// Shown name.
    Name,
}
