//! Stored plans: what a run would write, kept so that people can look at it before it happens.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ports::{Marker, Write, WriteKind};
use crate::{
    Change, ConfigId, ExecutionId, FieldRef, Fields, ItemId, OpId, PlanId, PlanOperation,
    PlanState, PlanWriteId, RunDirection, Side, Timestamp, Version,
};

/// How long a plan may be applied after it was made.
pub const PLAN_LASTS: Duration = Duration::from_secs(24 * 60 * 60);

/// A plan, as stored; its writes are rows of their own.
///
/// Invariant: it is applied at most once. Whoever moves it on from [`PlanState::Open`] does so in the transaction that
/// makes the row of the run that applies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPlan {
    /// Our id.
    pub id: PlanId,
    /// The configuration.
    pub config_id: ConfigId,
    /// The configuration's [`crate::SyncConfig::version`] that it was made with: rules, filters and options.
    pub config_version: i64,
    /// Which way the run goes that it foresees.
    pub direction: RunDirection,
    /// Everything was read for it, not only what changed.
    pub full: bool,
    /// It is about all items of the configuration's own way, and not about named ones.
    pub is_whole: bool,
    /// There was more to write than it holds.
    pub is_truncated: bool,
    /// Its writes, counted.
    pub totals: PlanTotals,
    /// The limits that the user set, and what the plan makes of them.
    pub limits: Vec<PlanLimit>,
    /// Who made it, in words.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// From then on it is refused.
    pub expires_at: Timestamp,
    /// Where it stands.
    pub state: PlanState,
    /// The run that applies it, or did.
    pub execution_id: Option<ExecutionId>,
    /// Who applied it, in words.
    pub applied_by: Option<String>,
    /// When that run started.
    pub applied_at: Option<Timestamp>,
}

/// How many writes of which kind a plan holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanTotals {
    /// Copies that are made.
    pub creates: u64,
    /// Items that are changed.
    pub updates: u64,
    /// Items that are joined with items that are there already, changed or not.
    pub links: u64,
    /// Items that are closed, because their partners were deleted.
    pub closes: u64,
    /// Items that are deleted, because their partners were.
    pub deletes: u64,
    /// Items that get a note that they are no longer synced.
    pub unlinks: u64,
    /// Values that are set, statuses included, over all items.
    pub values: u64,
}

impl PlanTotals {
    /// Counts one write.
    pub fn count(&mut self, write: &PlannedWrite) {
        let slot = match write.operation {
            PlanOperation::Create => &mut self.creates,
            PlanOperation::Update => &mut self.updates,
            PlanOperation::Link => &mut self.links,
            PlanOperation::Close => &mut self.closes,
            PlanOperation::Delete => &mut self.deletes,
            PlanOperation::Unlink => &mut self.unlinks,
        };
        *slot = slot.saturating_add(1);
        let values = write.fields.len().saturating_add(usize::from(write.status.is_some()));
        self.values = self.values.saturating_add(u64::try_from(values).unwrap_or(u64::MAX));
    }

    /// All items that the plan is about.
    #[must_use]
    pub const fn items(&self) -> u64 {
        self.creates + self.updates + self.links + self.removals() + self.unlinks
    }

    /// Items that are closed or deleted.
    #[must_use]
    pub const fn removals(&self) -> u64 {
        self.closes + self.deletes
    }
}

/// A limit of the configuration, beside what a plan wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanLimit {
    /// The option, such as `max_updates`.
    pub option: String,
    /// Its value: a number of items, or percent of all pairs for `max_delete_percent`.
    pub limit: u64,
    /// What the plan wants, in the same unit, rounded up.
    pub planned: u64,
    /// The plan wants more than the limit allows.
    pub exceeded: bool,
}

/// One write of a plan: exactly what is sent for one item, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedWrite {
    /// Our id; 0 until stored. Ascends in the order of the plan.
    pub id: PlanWriteId,
    /// The plan.
    pub plan_id: PlanId,
    /// The side whose reading led to it.
    pub read_side: Side,
    /// The side that is written.
    pub written_side: Side,
    /// What happens.
    pub operation: PlanOperation,
    /// The name of the write for ever, which its intent gets, too.
    pub op_id: OpId,
    /// The item on the configuration's source, where there is one.
    pub source_id: Option<ItemId>,
    /// The item on the configuration's target, where there is one.
    pub target_id: Option<ItemId>,
    /// The revision that the source item was seen in, and must still be in.
    pub source_version: Option<Version>,
    /// The revision that the target item was seen in, and must still be in.
    pub target_version: Option<Version>,
    /// The type's reference on the reading side.
    pub item_type: String,
    /// One line that names the item to people.
    pub title: String,
    /// The type's reference of what is made.
    pub type_ref: Option<String>,
    /// The status that is set.
    pub status: Option<String>,
    /// The values that are set; null clears.
    pub fields: Fields,
    /// The field that gets `op_id` as its value, where the user named one.
    pub marker_field: Option<FieldRef>,
    /// Comments that are added.
    pub comments: Vec<String>,
    /// The same values with what was there before, and the rule that made each.
    pub changes: Vec<Change>,
    /// Why, where a rule says so.
    pub rule: Option<String>,
}

impl PlannedWrite {
    /// The item on `side`.
    #[must_use]
    pub const fn item(&self, side: Side) -> Option<&ItemId> {
        match side {
            Side::Source => self.source_id.as_ref(),
            Side::Target => self.target_id.as_ref(),
        }
    }

    /// The revision that the item on `side` was seen in.
    #[must_use]
    pub const fn version(&self, side: Side) -> Option<&Version> {
        match side {
            Side::Source => self.source_version.as_ref(),
            Side::Target => self.target_version.as_ref(),
        }
    }

    /// What is sent to the tracker; `None` where no item is written, but at most joined or commented on.
    #[must_use]
    pub fn write(&self) -> Option<Write> {
        let changed = || {
            let id = self.item(self.written_side)?.clone();
            Some((id, self.version(self.written_side).cloned()))
        };
        let kind = match self.operation {
            PlanOperation::Create => WriteKind::Create { type_ref: self.type_ref.clone()? },
            PlanOperation::Link if self.status.is_none() && self.fields.is_empty() => return None,
            PlanOperation::Update | PlanOperation::Link | PlanOperation::Close => {
                let (id, expected) = changed()?;
                WriteKind::Update { id, expected }
            }
            PlanOperation::Delete => {
                let (id, expected) = changed()?;
                WriteKind::Delete { id, expected }
            }
            PlanOperation::Unlink => return None,
        };
        let marker =
            |field: &FieldRef| Marker { field: field.clone(), value: self.op_id.to_string() };
        Some(Write {
            op_id: self.op_id.clone(),
            kind,
            status: self.status.clone(),
            fields: self.fields.clone(),
            marker: self.marker_field.as_ref().map(marker),
        })
    }
}

/// The rules of a configuration that somebody has looked at in a plan, and applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RulesReview {
    /// The configuration.
    pub config_id: ConfigId,
    /// Its version at that time.
    pub config_version: i64,
    /// The plan.
    pub plan_id: PlanId,
    /// When the run that applied it ended.
    pub reviewed_at: Timestamp,
}
