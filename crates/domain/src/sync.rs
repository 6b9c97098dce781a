//! What the engine remembers: pairs, bases, receipts, intents, cursors, runs and their outcomes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    CommentId, ConfigId, ConnectorId, ErrorType, ExecutionId, ExecutionStatus, FieldRef, IntentId,
    IntentState, ItemId, ItemState, LineageId, OpId, OutcomeId, PairId, RunDirection, Side,
    Timestamp, Trigger, Version, WriteOp,
};

/// A source item and its copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Our id.
    pub id: PairId,
    /// The configuration.
    pub config_id: ConfigId,
    /// The item on the source.
    pub source_item_id: ItemId,
    /// The item on the target; `None` only while `state` is [`PairState::Ignored`].
    pub target_item_id: Option<ItemId>,
    /// The type's reference on the source.
    pub source_type: String,
    /// The type's reference on the target.
    pub target_type: String,
    /// Where a person looks at the source item.
    pub source_url: String,
    /// Where a person looks at the target item.
    pub target_url: String,
    /// The source's revision at the last look.
    pub source_version: Version,
    /// The target's revision at the last look.
    pub target_version: Version,
    /// Whether it is synced.
    pub state: PairState,
    /// When it was written or confirmed last.
    pub last_synced_at: Timestamp,
    /// How many runs have written it.
    pub sync_count: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Pair {
    /// The item on `side`.
    #[must_use]
    pub const fn item(&self, side: Side) -> Option<&ItemId> {
        match side {
            Side::Source => Some(&self.source_item_id),
            Side::Target => self.target_item_id.as_ref(),
        }
    }

    /// The last seen revision on `side`.
    #[must_use]
    pub const fn version(&self, side: Side) -> &Version {
        match side {
            Side::Source => &self.source_version,
            Side::Target => &self.target_version,
        }
    }
}

/// Whether a pair is synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PairState {
    /// Runs keep the two items in step.
    Active,
    /// Somebody took the pair apart and wants no new copy.
    Ignored,
}

impl PairState {
    /// The word in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Ignored => "ignored",
        }
    }
}

/// The last agreed value of one field on one side: what the tracker showed after the last write or look.
#[derive(Clone, Debug, PartialEq)]
pub struct Base {
    /// The pair.
    pub pair_id: PairId,
    /// The side.
    pub side: Side,
    /// The field ([`crate::STATUS_REF`] for the status).
    pub field_ref: FieldRef,
    /// The value, canonical; null when the field was empty.
    pub value: Value,
    /// When it was agreed.
    pub updated_at: Timestamp,
}

/// Proof that a value on a tracker is our own writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The pair.
    pub pair_id: PairId,
    /// The side that was written.
    pub side: Side,
    /// The field ([`crate::STATUS_REF`] for the status).
    pub field_ref: FieldRef,
    /// [`crate::fingerprint`] of the value as read back.
    pub hash: String,
    /// The item's revision after the write.
    pub version: Version,
    /// When.
    pub written_at: Timestamp,
}

/// A write that was planned, recorded before it was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Intent {
    /// Our id.
    pub id: IntentId,
    /// The configuration.
    pub config_id: ConfigId,
    /// The run that planned it.
    pub execution_id: ExecutionId,
    /// Its name for ever; the marker where the user named a field for it.
    pub op_id: OpId,
    /// What it does.
    pub op: WriteOp,
    /// The side it writes to.
    pub side: Side,
    /// The item on the reading side that caused it.
    pub from_item_id: ItemId,
    /// The item it writes to; `None` for a create that has no outcome yet.
    pub item_id: Option<ItemId>,
    /// What it writes, as [`IntentPlan`].
    pub plan: IntentPlan,
    /// Where it stands.
    pub state: IntentState,
    /// When it was planned, by our clock.
    pub created_at: Timestamp,
}

/// What an intent writes; versioned, since it outlives the program that wrote it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "v")]
pub enum IntentPlan {
    /// The first form.
    #[serde(rename = "1")]
    V1 {
        /// The type's reference, for a create.
        type_ref: Option<String>,
        /// The status to set.
        status: Option<String>,
        /// The values to set.
        fields: crate::Fields,
        /// The comment's text, for a comment.
        comment: Option<String>,
        /// The source comment, for a comment.
        from_comment_id: Option<CommentId>,
        /// What counts as agreed once it has happened, where that is not what was written: a value that was made of
        /// both sides' changes is news for the side that has only its own.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        agreed: Vec<(Side, FieldRef, Value)>,
        /// What the reading side showed of the fields that the values were made from: the base of that side, should
        /// the write turn out to have happened. Empty in intents of older programs.
        #[serde(default, skip_serializing_if = "crate::Fields::is_empty")]
        seen: crate::Fields,
        /// From which of these each written value was made. Empty in intents of older programs.
        #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
        made_from: std::collections::BTreeMap<FieldRef, Vec<FieldRef>>,
        /// The revision of the written item that the write was made against, for an update. `None` in intents of older
        /// programs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected: Option<Version>,
    },
}

/// A comment and its copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommentPair {
    /// The pair of items.
    pub pair_id: PairId,
    /// The side the comment was written on by a person.
    pub origin: Side,
    /// The comment on the source.
    pub source_comment_id: CommentId,
    /// The comment on the target.
    pub target_comment_id: CommentId,
    /// [`crate::fingerprint`] of the original's text.
    pub hash: String,
    /// When it was copied.
    pub created_at: Timestamp,
}

/// An item's place among its copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineageMember {
    /// The family of copies.
    pub lineage_id: LineageId,
    /// The connector.
    pub connector_id: ConnectorId,
    /// The item.
    pub item_id: ItemId,
}

/// An item that could not be synced, and when it is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemRetry {
    /// The configuration.
    pub config_id: ConfigId,
    /// The side it was read from.
    pub side: Side,
    /// The item.
    pub item_id: ItemId,
    /// Why.
    pub error: ItemError,
    /// How often it failed in a row.
    pub attempts: i32,
    /// When a run takes it up again.
    pub next_try_at: Timestamp,
    /// When it failed first in this row.
    pub first_failed_at: Timestamp,
}

/// Why an item could not be synced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemError {
    /// The cause class.
    #[serde(rename = "type")]
    pub error_type: ErrorType,
    /// What is wrong and what to do.
    pub message: String,
    /// The field at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<FieldRef>,
}

/// How many items left a run in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Copies made.
    pub created: u64,
    /// Copies changed.
    pub updated: u64,
    /// Items joined with items that were there already.
    pub linked: u64,
    /// Copies deleted or closed by policy.
    pub deleted: u64,
    /// Nothing to write.
    pub unchanged: u64,
    /// Left out by a rule.
    pub filtered: u64,
    /// Waiting for something.
    pub waiting: u64,
    /// A field waits for a person.
    pub conflicted: u64,
    /// Not synced this time.
    pub failed: u64,
    /// Not tried this time, after many failures.
    pub quarantined: u64,
    /// Conflicts that the configured strategy settled (beside the item states).
    pub conflicts_resolved: u64,
}

impl Totals {
    /// Counts one item.
    pub const fn count(&mut self, state: ItemState) {
        let slot = self.slot(state);
        *slot = slot.saturating_add(1);
    }

    /// Takes an item back that was counted in a state.
    pub const fn uncount(&mut self, state: ItemState) {
        let slot = self.slot(state);
        *slot = slot.saturating_sub(1);
    }

    const fn slot(&mut self, state: ItemState) -> &mut u64 {
        match state {
            ItemState::Created => &mut self.created,
            ItemState::Updated => &mut self.updated,
            ItemState::Linked => &mut self.linked,
            ItemState::Deleted => &mut self.deleted,
            ItemState::Unchanged => &mut self.unchanged,
            ItemState::Filtered => &mut self.filtered,
            ItemState::Waiting => &mut self.waiting,
            ItemState::Conflicted => &mut self.conflicted,
            ItemState::Failed => &mut self.failed,
            ItemState::Quarantined => &mut self.quarantined,
        }
    }

    /// All items: the sum over the states.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.created
            + self.updated
            + self.linked
            + self.deleted
            + self.skipped()
            + self.conflicted
            + self.errors()
    }

    /// `unchanged + filtered + waiting`.
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.unchanged + self.filtered + self.waiting
    }

    /// `failed + quarantined`.
    #[must_use]
    pub const fn errors(&self) -> u64 {
        self.failed + self.quarantined
    }

    /// `created + updated + linked + deleted`: items that the run brought into step.
    #[must_use]
    pub const fn synced(&self) -> u64 {
        self.created + self.updated + self.linked + self.deleted
    }
}

/// One run, as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Execution {
    /// Our id.
    pub id: ExecutionId,
    /// The configuration.
    pub config_id: ConfigId,
    /// Where it stands.
    pub status: ExecutionStatus,
    /// What started it.
    pub trigger: Trigger,
    /// Who or what, in words: a key's name, a delivery, a schedule.
    pub triggered_by: String,
    /// Which way it goes.
    pub direction: RunDirection,
    /// It writes nothing.
    pub dry_run: bool,
    /// It reads everything.
    pub full: bool,
    /// Only these items of the reading side, when given.
    pub item_ids: Option<Vec<ItemId>>,
    /// Somebody asked it to stop.
    pub cancel_requested: bool,
    /// What it counted so far.
    pub totals: Totals,
    /// Why it failed as a whole.
    pub error: Option<ItemError>,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// A run about to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct NewExecution {
    /// The configuration.
    pub config_id: ConfigId,
    /// What started it.
    pub trigger: Trigger,
    /// Who or what, in words.
    pub triggered_by: String,
    /// Which way it goes.
    pub direction: RunDirection,
    /// It writes nothing.
    pub dry_run: bool,
    /// It reads everything.
    pub full: bool,
    /// Only these items of the reading side, when given.
    pub item_ids: Option<Vec<ItemId>>,
    /// When it started.
    pub started_at: Timestamp,
}

/// One change of one field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The field ([`crate::STATUS_REF`] for the status).
    pub field: FieldRef,
    /// What was there; null when empty.
    pub old: Value,
    /// What is there now, or would be.
    pub new: Value,
    /// The rule that made it, in words.
    pub rule: String,
}

/// What became of one item in one run.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemOutcome {
    /// Our id; 0 until stored. Ascends within a run.
    pub id: OutcomeId,
    /// The run.
    pub execution_id: ExecutionId,
    /// The side the item was read from.
    pub side: Side,
    /// The item on the configuration's source, where there is one.
    pub source_id: Option<ItemId>,
    /// The item on the configuration's target, where there is one.
    pub target_id: Option<ItemId>,
    /// The type's reference on the reading side.
    pub type_ref: String,
    /// One line that names the item to people.
    pub title: String,
    /// The one named state.
    pub state: ItemState,
    /// Which rule decided, where one did.
    pub rule: Option<String>,
    /// Why it failed, where it did.
    pub error: Option<ItemError>,
    /// What was written, or would be.
    pub changes: Vec<Change>,
    /// When.
    pub at: Timestamp,
}
