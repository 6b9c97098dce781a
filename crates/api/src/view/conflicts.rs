//! Conflicts and what was decided about them.

use serde::Serialize;
use serde_json::Value;
use syncline_app::{BatchLine, ConflictState, ConflictView, Decided};
use syncline_domain::{Conflict, ConflictCounts, ConflictStatus, Resolution};
use utoipa::ToSchema;

/// Conflicts, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConflictList {
    pub(crate) total: u64,
    pub(crate) count: usize,
    pub(crate) conflicts: Vec<ConflictRow>,
    /// Send it as `cursor` for the next page; null on the last.
    pub(crate) next_cursor: Option<String>,
}

/// One conflict with the decisions about it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConflictOne {
    conflict: ConflictRow,
    /// Oldest first.
    resolutions: Vec<ResolutionRow>,
}

/// A disagreement of two sides.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConflictRow {
    id: i64,
    sync_config_id: i64,
    sync_config_name: String,
    /// The run that found it first.
    execution_id: i64,
    pair_id: i64,
    /// field_conflict, deletion_conflict or type_mismatch
    conflict_type: String,
    /// The target's field; null when it is about the item as a whole.
    field_name: Option<String>,
    /// The source's field that goes with it, where exactly one does.
    source_field_name: Option<String>,
    source_item_id: String,
    target_item_id: String,
    title: String,
    /// What both agreed on last, in the target's form; null when nobody knows. Of a deletion_conflict: an object with
    /// what the edited fields showed then.
    #[schema(value_type = Value)]
    base_value: Value,
    /// What the source says, as the rules put it for the target. Of a deletion_conflict: null on the side that deleted
    /// the item, on the other an object with the edited fields, by their names there.
    #[schema(value_type = Value)]
    source_value: Value,
    /// What the target shows; of a deletion_conflict as in source_value.
    #[schema(value_type = Value)]
    target_value: Value,
    source_changed_at: Option<String>,
    target_changed_at: Option<String>,
    /// The side that deleted the item, for a deletion: source or target.
    deleted_side: Option<String>,
    /// Why a person must decide.
    reason: String,
    /// unresolved, resolved or ignored
    status: String,
    created_at: String,
    updated_at: String,
    /// When it was resolved or put aside.
    ended_at: Option<String>,
}

/// A decision.
#[derive(Serialize, ToSchema)]
pub(crate) struct ResolutionRow {
    id: i64,
    conflict_id: i64,
    /// source, target, base, value, or agreement when both sides came to the same by themselves
    #[serde(rename = "use")]
    choice: String,
    /// The value that was given, or what came of the choice once it is applied.
    #[schema(value_type = Value)]
    resolved_value: Value,
    /// The strategy that decided, when no person did.
    strategy: Option<String>,
    rationale: String,
    resolved_by: String,
    decided_at: String,
    /// When both trackers showed it, read back after the write.
    applied_at: Option<String>,
    /// Why it could not be carried out the last time it was tried.
    error: Option<String>,
}

/// What became of a decision.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConflictDecided {
    message: String,
    /// True only when both trackers were read back and show the decision.
    application_result: bool,
    resolution: ResolutionRow,
    /// Where the conflict stands now: unresolved or resolved.
    conflict_status: String,
}

/// What became of a batch.
#[derive(Serialize, ToSchema)]
pub(crate) struct BatchDone {
    /// So many are resolved: both trackers show what was decided.
    resolved: usize,
    failed: usize,
    results: Vec<BatchRow>,
}

/// What became of one conflict of a batch.
#[derive(Serialize, ToSchema)]
pub(crate) struct BatchRow {
    conflict_id: i64,
    success: bool,
    message: String,
    resolution: Option<ResolutionRow>,
}

/// A conflict was put aside.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConflictIgnored {
    pub(crate) message: String,
    pub(crate) conflict_id: i64,
    pub(crate) status: String,
}

/// How many conflicts of a configuration stand where.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConflictStats {
    pub(crate) stats: Stats,
}

/// Counts by status.
#[derive(Serialize, ToSchema)]
pub(crate) struct Stats {
    total: u64,
    unresolved: u64,
    resolved: u64,
    ignored: u64,
}

impl From<ConflictView> for ConflictRow {
    fn from(view: ConflictView) -> Self {
        let ConflictView { conflict, config_name } = view;
        let Conflict { id, config_id, pair_id, execution_id, .. } = conflict;
        Self {
            id: id.0,
            sync_config_id: config_id.0,
            sync_config_name: config_name,
            execution_id: execution_id.0,
            pair_id: pair_id.0,
            conflict_type: conflict.kind.to_string(),
            field_name: conflict.field.map(|field| field.into_string()),
            source_field_name: conflict.source_field.map(|field| field.into_string()),
            source_item_id: conflict.source_item_id.into_string(),
            target_item_id: conflict.target_item_id.into_string(),
            title: conflict.title,
            base_value: conflict.base_value,
            source_value: conflict.source_value,
            target_value: conflict.target_value,
            source_changed_at: conflict.source_changed_at.map(|at| at.to_iso()),
            target_changed_at: conflict.target_changed_at.map(|at| at.to_iso()),
            deleted_side: conflict.deleted_side.map(|side| side.to_string()),
            reason: conflict.reason,
            status: conflict.status.to_string(),
            created_at: conflict.created_at.to_iso(),
            updated_at: conflict.updated_at.to_iso(),
            ended_at: conflict.ended_at.map(|at| at.to_iso()),
        }
    }
}

impl From<Resolution> for ResolutionRow {
    fn from(resolution: Resolution) -> Self {
        Self {
            id: resolution.id.0,
            conflict_id: resolution.conflict_id.0,
            choice: resolution.choice.to_string(),
            resolved_value: resolution.value,
            strategy: resolution.strategy.map(|strategy| strategy.to_string()),
            rationale: resolution.rationale,
            resolved_by: resolution.resolved_by,
            decided_at: resolution.decided_at.to_iso(),
            applied_at: resolution.applied_at.map(|at| at.to_iso()),
            error: resolution.error,
        }
    }
}

impl From<ConflictState> for ConflictOne {
    fn from(state: ConflictState) -> Self {
        let resolutions = state.resolutions.into_iter().map(ResolutionRow::from).collect();
        Self { conflict: state.view.into(), resolutions }
    }
}

impl From<Decided> for ConflictDecided {
    fn from(decided: Decided) -> Self {
        Self {
            message: decided.message,
            application_result: decided.applied,
            resolution: decided.resolution.into(),
            conflict_status: decided.conflict.status.to_string(),
        }
    }
}

impl From<BatchLine> for BatchRow {
    fn from(line: BatchLine) -> Self {
        let success = line.is_applied();
        let conflict_id = line.conflict_id.0;
        match line.outcome {
            Ok(Decided { message, resolution, .. }) => {
                Self { conflict_id, success, message, resolution: Some(resolution.into()) }
            }
            Err(error) => Self { conflict_id, success, message: error.message(), resolution: None },
        }
    }
}

impl From<Vec<BatchLine>> for BatchDone {
    fn from(lines: Vec<BatchLine>) -> Self {
        let resolved = lines.iter().filter(|line| line.is_applied()).count();
        let failed = lines.len() - resolved;
        Self { resolved, failed, results: lines.into_iter().map(BatchRow::from).collect() }
    }
}

impl From<Conflict> for ConflictIgnored {
    fn from(conflict: Conflict) -> Self {
        let message = match conflict.status {
            ConflictStatus::Ignored => "the conflict is put aside until one side changes it again",
            ConflictStatus::Unresolved | ConflictStatus::Resolved => "nothing changed",
        };
        Self {
            message: message.to_owned(),
            conflict_id: conflict.id.0,
            status: conflict.status.to_string(),
        }
    }
}

impl From<ConflictCounts> for Stats {
    fn from(counts: ConflictCounts) -> Self {
        let ConflictCounts { unresolved, resolved, ignored } = counts;
        Self { total: unresolved + resolved + ignored, unresolved, resolved, ignored }
    }
}
