//! Disagreements of two sides, and what was decided about them.

use serde_json::Value;

use crate::{
    ConfigId, ConflictId, ConflictKind, ConflictResolution, ConflictStatus, ExecutionId, FieldRef,
    ItemId, PairId, ResolutionChoice, ResolutionId, Side, Timestamp,
};

/// A disagreement of two sides about one field, or about a whole item.
///
/// Invariant: a pair has at most one conflict about a field (or about the item) whose status is not resolved; finding
/// it again refreshes the values and keeps the id.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// Our id.
    pub id: ConflictId,
    /// The configuration.
    pub config_id: ConfigId,
    /// The pair.
    pub pair_id: PairId,
    /// The run that found it first.
    pub execution_id: ExecutionId,
    /// What they disagree about.
    pub kind: ConflictKind,
    /// The target's field ([`crate::STATUS_REF`] for the status); `None` when it is about the item as a whole.
    pub field: Option<FieldRef>,
    /// The field on the source that goes with it, where exactly one does.
    pub source_field: Option<FieldRef>,
    /// The item on the source.
    pub source_item_id: ItemId,
    /// The item on the target.
    pub target_item_id: ItemId,
    /// One line that names the item to people.
    pub title: String,
    /// What both agreed on last, in the target's form; null when nobody knows.
    pub base_value: Value,
    /// What the source says, as the rules put it for the target.
    pub source_value: Value,
    /// What the target shows.
    pub target_value: Value,
    /// When the source item was changed last.
    pub source_changed_at: Option<Timestamp>,
    /// When the target item was changed last.
    pub target_changed_at: Option<Timestamp>,
    /// The side that deleted the item, for a deletion.
    pub deleted_side: Option<Side>,
    /// Why nobody but a person can decide, in words.
    pub reason: String,
    /// Where it stands.
    pub status: ConflictStatus,
    /// When it was found first.
    pub created_at: Timestamp,
    /// When its values were seen last, or its status changed.
    pub updated_at: Timestamp,
    /// When it was resolved or ignored.
    pub ended_at: Option<Timestamp>,
}

/// A decision about a conflict. Decisions are kept, also those that could not be carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolution {
    /// Our id.
    pub id: ResolutionId,
    /// The conflict.
    pub conflict_id: ConflictId,
    /// Whose value stays.
    pub choice: ResolutionChoice,
    /// The value, in the target's form, for [`ResolutionChoice::Value`]; what came of the choice once it is applied.
    pub value: Value,
    /// The strategy by which it was decided, when no person chose.
    pub strategy: Option<ConflictResolution>,
    /// Why, in the words of whoever decided.
    pub rationale: String,
    /// Who decided.
    pub resolved_by: String,
    /// When.
    pub decided_at: Timestamp,
    /// When both trackers showed it, read back after the write; `None` until then.
    pub applied_at: Option<Timestamp>,
    /// Why it could not be carried out the last time it was tried, and what to do.
    pub error: Option<String>,
}

/// How many conflicts of a configuration stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConflictCounts {
    /// Waiting.
    pub unresolved: u64,
    /// Done with.
    pub resolved: u64,
    /// Of no interest.
    pub ignored: u64,
}
