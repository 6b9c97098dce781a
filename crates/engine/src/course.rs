//! The state of one run while it goes on.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::lock::Mutex as AsyncMutex;
use syncline_domain::ports::{RunEvent, StoreExt as _, Tx};
use syncline_domain::{
    Direction, Execution, ExecutionStatus, Fault, Fields, ItemError, ItemId, ItemState, Pair,
    PairId, Side, SyncSpec, Timestamp,
};

use crate::engine::EngineParts;
use crate::error::Stop;
use crate::lease::Keeper;
use crate::outcome::{Settled, Verdict};
use crate::pass::Pass;
use crate::people::People;
use crate::plan::Planned;
use crate::reviewed::Reviewed;

/// Items of a preview that are kept with all values that the rules make.
const MOST_MAPPED: usize = 1_000;

/// How much of a run is real.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// All of it.
    Live,
    /// It writes, and is no run of its own: a person's decision is carried out.
    Decision,
    /// It has a row and outcomes, and writes nothing else.
    Dry,
    /// It writes nothing at all.
    Preview,
}

/// One run while it goes on. Its pages share it, several of them in work at once.
pub(crate) struct Course {
    pub(crate) parts: EngineParts,
    pub(crate) spec: Arc<SyncSpec>,
    pub(crate) mode: Mode,
    /// The run's row as it was at the start; [`Course::row`] is how it stands.
    pub(crate) execution: Execution,
    /// Who was asked for so far.
    pub(crate) people: AsyncMutex<People>,
    keeper: Option<Arc<Keeper>>,
    /// The plan that it applies, and beyond which it writes nothing.
    reviewed: Option<Arc<Reviewed>>,
    tally: Mutex<Tally>,
    /// Items of a page at most, whatever the tracker gives.
    most_page: usize,
    /// Items of the target that the way back of a run with names looks at, too.
    target_items: Vec<ItemId>,
}

/// What changes while a run goes on.
struct Tally {
    row: Execution,
    cancelled: bool,
    /// Why nothing more is begun.
    halted: Option<Stop>,
    /// How many items may still be taken.
    limit_left: Option<u64>,
    /// Creates and updates sent so far.
    writes: u64,
    /// Updates among them.
    updates: u64,
    /// Items closed or deleted because their partners were deleted.
    removals: u64,
    /// Pairs that left the run conflicted.
    conflicted: HashSet<PairId>,
    /// Items of which nobody knows whether they were written.
    in_doubt: u64,
    /// Items of which a write was made that had no answer, and the items it was to change.
    unanswered: HashSet<(Side, ItemId)>,
    /// What became of the items, in a preview only.
    collected: Vec<Settled>,
    /// The cursor of a first walk is stored.
    resumable: bool,
    expected: u64,
}

impl Course {
    pub(crate) fn new(
        parts: EngineParts,
        spec: SyncSpec,
        mode: Mode,
        execution: Execution,
        keeper: Option<Arc<Keeper>>,
        limit: Option<u64>,
        people: People,
    ) -> Self {
        let tally = Tally {
            row: execution.clone(),
            cancelled: false,
            halted: None,
            limit_left: limit,
            writes: 0,
            updates: 0,
            removals: 0,
            conflicted: HashSet::new(),
            in_doubt: 0,
            unanswered: HashSet::new(),
            collected: Vec::new(),
            resumable: false,
            expected: 0,
        };
        Self {
            parts,
            spec: Arc::new(spec),
            mode,
            execution,
            people: AsyncMutex::new(people),
            keeper,
            reviewed: None,
            tally: Mutex::new(tally),
            most_page: usize::MAX,
            target_items: Vec::new(),
        }
    }

    /// With pages of at most so many items.
    pub(crate) fn in_pages_of(mut self, most: Option<usize>) -> Self {
        self.most_page = most.unwrap_or(usize::MAX).max(1);
        self
    }

    /// With items of the target that the way back looks at beside the copies of those that the run's row names.
    pub(crate) fn with_target_items(mut self, items: Vec<ItemId>) -> Self {
        self.target_items = items;
        self
    }

    pub(crate) fn target_items(&self) -> &[ItemId] {
        &self.target_items
    }

    /// Held to this plan.
    pub(crate) fn under(mut self, reviewed: Option<Arc<Reviewed>>) -> Self {
        self.reviewed = reviewed;
        self
    }

    /// The plan that the run applies.
    pub(crate) fn reviewed(&self) -> Option<&Reviewed> {
        self.reviewed.as_deref()
    }

    /// Items of a page, and of a fetch.
    pub(crate) fn page_size(&self, pass: &Pass) -> usize {
        pass.page_size().min(self.most_page)
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The run's row as it stands.
    pub(crate) fn row(&self) -> Execution {
        self.tally().row.clone()
    }

    /// Nothing more is begun in this run; what is under way is recorded.
    pub(crate) fn halt(&self, stop: &Stop) {
        self.tally().halted.get_or_insert_with(|| stop.clone());
    }

    /// Why nothing more is begun, if so.
    pub(crate) fn halted(&self) -> Option<Stop> {
        self.tally().halted.clone()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// Both sides of the configuration may speak.
    pub(crate) fn is_two_way(&self) -> bool {
        self.spec.config.direction == Direction::Bidirectional
    }

    pub(crate) fn is_live(&self) -> bool {
        matches!(self.mode, Mode::Live | Mode::Decision)
    }

    /// Passes a named point.
    pub(crate) fn reach(&self, point: &'static str) -> Result<(), Stop> {
        match self.mode {
            Mode::Preview => Ok(()),
            Mode::Live | Mode::Decision | Mode::Dry => Ok(self.parts.faults.reach(point)?),
        }
    }

    /// Passes while the run may go on: not halted, not cancelled, and its lease is its own.
    pub(crate) async fn may_go_on(&self) -> Result<(), Stop> {
        {
            let tally = self.tally();
            if let Some(stop) = &tally.halted {
                return Err(stop.clone());
            }
            if tally.cancelled {
                return Err(Stop::Cancelled);
            }
        }
        match &self.keeper {
            Some(keeper) => keeper.ensure().await,
            None => Ok(()),
        }
    }

    pub(crate) fn keeper(&self) -> Option<Arc<Keeper>> {
        self.keeper.clone()
    }

    /// A writing transaction that happens only while the lease is ours.
    pub(crate) async fn fenced<T, F>(&self, name: &'static str, mut work: F) -> Result<T, Stop>
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Tx) -> Result<T, Fault> + Send + 'static,
    {
        let Some(keeper) = &self.keeper else {
            return Err(Fault::Internal(format!("a preview came to transaction {name}")).into());
        };
        let lease = keeper.lease().clone();
        let refused = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&refused);
        let done = self
            .parts
            .store
            .tx(name, move |tx| {
                flag.store(false, Ordering::Release);
                if let Err(fault) = tx.assert_lease(&lease) {
                    flag.store(matches!(fault, Fault::Conflict(_)), Ordering::Release);
                    return Err(fault);
                }
                work(tx)
            })
            .await;
        done.map_err(|fault| {
            if refused.load(Ordering::Acquire) {
                keeper.mark_lost();
                Stop::LeaseLost
            } else {
                Stop::Store(fault)
            }
        })
    }

    /// Takes over what a transaction saw of the wish to stop.
    pub(crate) fn note_cancel(&self, asked: bool) {
        let mut tally = self.tally();
        tally.cancelled |= asked;
        tally.row.cancel_requested |= asked;
    }

    /// Counts an item and tells whoever listens.
    pub(crate) fn count(&self, title: &str, verdict: &Verdict) {
        let totals = {
            let mut tally = self.tally();
            let totals = &mut tally.row.totals;
            totals.count(verdict.state);
            totals.conflicts_resolved = totals.conflicts_resolved.saturating_add(verdict.resolved);
            let totals = *totals;
            if verdict.is_in_doubt() {
                tally.in_doubt = tally.in_doubt.saturating_add(1);
            }
            totals
        };
        if self.mode != Mode::Preview {
            self.parts.events.emit(RunEvent::Item {
                execution_id: self.execution.id,
                title: title.to_owned(),
                state: verdict.state,
                totals,
            });
        }
    }

    /// An item that was counted in one state left the run in another after all.
    pub(crate) fn recount(&self, from: ItemState, to: ItemState) {
        let totals = &mut self.tally().row.totals;
        totals.uncount(from);
        totals.count(to);
    }

    /// Counts a conflict that a stored decision settled.
    pub(crate) fn count_resolved(&self) {
        let totals = &mut self.tally().row.totals;
        totals.conflicts_resolved = totals.conflicts_resolved.saturating_add(1);
    }

    /// Tells how many items there will be.
    pub(crate) fn expect(&self, more: u64) {
        let items = {
            let mut tally = self.tally();
            tally.expected = tally.expected.saturating_add(more);
            tally.expected
        };
        if self.mode != Mode::Preview && more > 0 {
            let event = RunEvent::Expected { execution_id: self.execution.id, items };
            self.parts.events.emit(event);
        }
    }

    /// Takes a write that happened into account.
    pub(crate) fn wrote(&self, planned: &Planned) {
        let mut tally = self.tally();
        tally.writes = tally.writes.saturating_add(1);
        tally.updates = tally.updates.saturating_add(u64::from(!planned.is_create()));
    }

    /// Notes that a pair leaves the run conflicted; false when it did so before. The second direction of a two-way run
    /// sees the same clash from the other side, which is no second one.
    pub(crate) fn tell_conflicted(&self, pair: PairId) -> bool {
        self.tally().conflicted.insert(pair)
    }

    /// A write had no answer: these are the item that it was made of and, for an update or a comment, the one that it was
    /// to change.
    pub(crate) fn lose_track(&self, read: Side, item: &ItemId, written: Option<&ItemId>) {
        let written = written.map(|copy| (read.other(), copy.clone()));
        self.tally().unanswered.extend(written.into_iter().chain([(read, item.clone())]));
    }

    /// Whether such a write is still to be looked for, in the next run. Until then a second write might double it, and
    /// what an item shows may be ours and nobody's edit.
    pub(crate) fn has_lost_track(&self, side: Side, item: &ItemId) -> bool {
        let tally = self.tally();
        !tally.unanswered.is_empty() && tally.unanswered.contains(&(side, item.clone()))
    }

    /// An item was closed or deleted because its partner was deleted.
    pub(crate) fn removed(&self) {
        let mut tally = self.tally();
        tally.removals = tally.removals.saturating_add(1);
    }

    /// How many were so far.
    pub(crate) fn removals(&self) -> u64 {
        self.tally().removals
    }

    /// Creates and updates so far, and the updates among them.
    pub(crate) fn written(&self) -> (u64, u64) {
        let tally = self.tally();
        (tally.writes, tally.updates)
    }

    /// Keeps what became of a page's items for a preview.
    pub(crate) fn collect(&self, settled: Vec<Settled>) {
        let mut tally = self.tally();
        for mut one in settled {
            // All values of very many items would fill the memory.
            if tally.collected.len() >= MOST_MAPPED {
                one.mapped = Fields::new();
            }
            tally.collected.push(one);
        }
    }

    /// What was kept for a preview.
    pub(crate) fn collected(self) -> Vec<Settled> {
        self.tally.into_inner().unwrap_or_else(PoisonError::into_inner).collected
    }

    /// True the first time: a cursor of a first walk is stored now.
    pub(crate) fn becomes_resumable(&self) -> bool {
        !std::mem::replace(&mut self.tally().resumable, true)
    }

    /// Whether the pair's other item, or an earlier reading of this one, has left the run already: what the second
    /// direction of a run reads of the first one's writing is no item of its own.
    pub(crate) fn has_left(&self, pass: &Pass, pair: &Pair) -> bool {
        let before = pair.last_synced_at;
        let started = self.execution.started_at;
        before > started || (pass.is_second && before == started)
    }

    /// Takes up to `wanted` from what the limit leaves.
    pub(crate) fn take(&self, wanted: usize) -> usize {
        let mut tally = self.tally();
        let Some(left) = tally.limit_left.as_mut() else { return wanted };
        let granted = usize::try_from(*left).unwrap_or(usize::MAX).min(wanted);
        *left = left.saturating_sub(u64::try_from(granted).unwrap_or(u64::MAX));
        granted
    }

    /// Gives back what was taken from the limit and not needed.
    pub(crate) fn give_back(&self, unused: usize) {
        if let Some(left) = self.tally().limit_left.as_mut() {
            *left = left.saturating_add(u64::try_from(unused).unwrap_or(0));
        }
    }

    /// The limit leaves nothing.
    pub(crate) fn is_used_up(&self) -> bool {
        self.tally().limit_left == Some(0)
    }

    /// Whether every item of the run came to a known end without an error.
    pub(crate) fn is_clean(&self) -> bool {
        let tally = self.tally();
        tally.row.totals.errors() == 0 && tally.in_doubt == 0
    }

    /// Ends the run's row in memory.
    pub(crate) fn end(&self, status: ExecutionStatus, error: Option<ItemError>, now: Timestamp) {
        let row = &mut self.tally().row;
        row.status = status;
        row.error = error.or(row.error.take());
        row.ended_at = Some(now);
    }
}

/// Writes the counts of a run into its row, and says whether somebody asked it to stop.
pub(crate) fn put_totals(tx: &mut dyn Tx, execution: &Execution) -> Result<bool, Fault> {
    let stored = tx.execution(execution.id)?;
    let asked = stored.is_some_and(|row| row.cancel_requested);
    let row = Execution { cancel_requested: asked, ..execution.clone() };
    tx.update_execution(&row)?;
    Ok(asked)
}
