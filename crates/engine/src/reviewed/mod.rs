//! Reviewed plans: what a run would write is drafted, stored, looked at, and then performed as it stands or not at all.
//!
//! Files: `draft` (what a preview would write, as rows of a plan), `limits` (what the user's limits say to it), `begin`
//! (whether a plan may be applied, and the taking of it), `gate` (holds a run to the plan that it applies).
//!
//! A plan is applied by an ordinary run that looks at the plan's items only. Each is read and planned anew, and what
//! comes out is compared with what is stored: the same revisions, the same values, or the item is refused. So pairs,
//! bases, intents and receipts are made as by any run, and what reaches the tracker is the stored write.
//!
//! # Invariants
//! - A run that applies a plan sends nothing to a tracker that the plan does not hold, and sends that as it is stored
//!   (`tests/engine/plans.rs`, `what_is_written_is_the_plan_byte_for_byte`).
//! - An item that moved on since is refused by name, and nothing of it is written.
//! - A plan is applied once: it is taken in the transaction that makes the run's row.

mod begin;
mod draft;
mod gate;
mod limits;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use syncline_domain::{
    ErrorType, ItemError, ItemId, ItemState, PlanOperation, PlannedWrite, Side, StoredPlan, Version,
};

use crate::course::Course;
use crate::deletes::Lost;
use crate::error::Stop;
use crate::outcome::{RetryMove, Verdict};
use crate::page::{PageInput, process};
use crate::pass::Pass;
use crate::recover::Recovered;
use crate::turn::Turn;
use crate::walk::walk;

pub(crate) use begin::{end, end_of_run, needs_review, take};
pub(crate) use draft::{Draft, of_note, of_planned, of_removal, writes_of};
pub(crate) use gate::{
    allows, allows_note, allows_nothing, allows_removal, has_moved, lost_on_the_way,
};
pub(crate) use limits::limits_of;

/// A plan while a run applies it.
pub(crate) struct Reviewed {
    pub(crate) plan: StoredPlan,
    writes: BTreeMap<(Side, ItemId), PlannedWrite>,
    /// Revisions that this run made itself.
    own: Mutex<BTreeMap<(Side, ItemId), Version>>,
}

impl Reviewed {
    pub(crate) fn new(plan: StoredPlan, writes: Vec<PlannedWrite>) -> Self {
        let keyed = writes.into_iter().filter_map(|write| {
            let item = write.item(write.read_side)?.clone();
            Some(((write.read_side, item), write))
        });
        Self { plan, writes: keyed.collect(), own: Mutex::default() }
    }

    /// What the plan holds for an item that is read on `side`.
    pub(crate) fn write(&self, side: Side, item: &ItemId) -> Option<&PlannedWrite> {
        self.writes.get(&(side, item.clone()))
    }

    /// Notes the revision in which an item is after our own write.
    pub(crate) fn note_own(&self, side: Side, item: &ItemId, version: &Version) {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        own.insert((side, item.clone()), version.clone());
    }

    /// The revision in which an item is after our own write in this run.
    fn own(&self, side: Side, item: &ItemId) -> Option<Version> {
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        own.get(&(side, item.clone())).cloned()
    }

    fn read_on(&self, side: Side) -> impl Iterator<Item = (&ItemId, &PlannedWrite)> {
        let here = self.writes.iter().filter(move |((read, _), _)| *read == side);
        here.map(|((_, item), write)| (item, write))
    }
}

/// Whether this follows a deletion.
const fn is_removal(write: &PlannedWrite) -> bool {
    matches!(write.operation, PlanOperation::Close | PlanOperation::Delete | PlanOperation::Unlink)
}

/// Takes the plan's items through one direction of the run.
///
/// # Errors
/// Why the run stops.
pub(crate) async fn follow(
    course: &Course,
    pass: &Pass,
    recovered: &Arc<Recovered>,
    reviewed: &Reviewed,
) -> Result<(), Stop> {
    let (removals, named): (Vec<_>, Vec<_>) =
        reviewed.read_on(pass.read).partition(|(_, write)| is_removal(write));
    let named: BTreeSet<ItemId> = named.into_iter().map(|(item, _)| item.clone()).collect();
    if !named.is_empty() {
        walk(course, pass, recovered, Some(named.into_iter().collect())).await?;
    }
    if removals.is_empty() {
        return Ok(());
    }
    let lost = |(item, write): (&ItemId, &PlannedWrite)| Lost {
        item: item.clone(),
        side: write.written_side.other(),
        otherwise: refused("its partner was deleted when the plan was made, and is there again"),
    };
    let lost: Vec<Lost> = removals.into_iter().map(lost).collect();
    course.expect(u64::try_from(lost.len()).unwrap_or(u64::MAX));
    let input = PageInput { lost, ..PageInput::default() };
    process(course, pass, recovered, input, Turn::alone()).await
}

/// How an item leaves the run whose planned write is not performed.
pub(crate) fn refused(why: impl std::fmt::Display) -> Verdict {
    let message = format!("refused: {why}; nothing was written, make a new plan");
    Verdict {
        error: Some(ItemError { error_type: ErrorType::Conflict, message, field: None }),
        // It is no failure of the item: whatever comes next finds it as it was.
        retry: RetryMove::Keep,
        ..Verdict::well(ItemState::Failed)
    }
}
