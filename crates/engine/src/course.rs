//! The state of one run while it goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use syncline_domain::ports::{RunEvent, StoreExt as _, Tx};
use syncline_domain::{Execution, ExecutionStatus, Fault, ItemState, Pair, SyncSpec, Timestamp};

use crate::engine::EngineParts;
use crate::error::Stop;
use crate::lease::Keeper;
use crate::outcome::Settled;
use crate::pass::Pass;
use crate::people::People;
use crate::plan::Planned;

/// How much of a run is real.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// All of it.
    Live,
    /// It has a row and outcomes, and writes nothing else.
    Dry,
    /// It writes nothing at all.
    Preview,
}

/// One run while it goes on.
pub(crate) struct Course {
    pub(crate) parts: EngineParts,
    pub(crate) spec: Arc<SyncSpec>,
    pub(crate) mode: Mode,
    pub(crate) execution: Execution,
    keeper: Option<Arc<Keeper>>,
    cancelled: bool,
    /// How many items may still be taken.
    pub(crate) limit_left: Option<u64>,
    /// Creates and updates sent so far.
    pub(crate) writes: u64,
    /// Updates among them.
    pub(crate) updates: u64,
    /// Who was asked for so far.
    pub(crate) people: People,
    /// What became of the items, in a preview only.
    pub(crate) collected: Vec<Settled>,
    /// The cursor of a first walk is stored.
    pub(crate) resumable: bool,
    expected: u64,
}

impl Course {
    pub(crate) fn new(
        parts: EngineParts,
        spec: SyncSpec,
        mode: Mode,
        execution: Execution,
        keeper: Option<Arc<Keeper>>,
    ) -> Self {
        Self {
            parts,
            spec: Arc::new(spec),
            mode,
            execution,
            keeper,
            cancelled: false,
            limit_left: None,
            writes: 0,
            updates: 0,
            people: People::default(),
            collected: Vec::new(),
            resumable: false,
            expected: 0,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    pub(crate) fn is_live(&self) -> bool {
        self.mode == Mode::Live
    }

    /// Passes a named point.
    pub(crate) fn reach(&self, point: &'static str) -> Result<(), Stop> {
        match self.mode {
            Mode::Preview => Ok(()),
            Mode::Live | Mode::Dry => Ok(self.parts.faults.reach(point)?),
        }
    }

    /// Passes while the run may go on: not cancelled, and its lease is its own.
    pub(crate) async fn may_go_on(&self) -> Result<(), Stop> {
        if self.cancelled {
            return Err(Stop::Cancelled);
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
    pub(crate) fn note_cancel(&mut self, asked: bool) {
        self.cancelled |= asked;
        self.execution.cancel_requested |= asked;
    }

    /// Counts an item and tells whoever listens.
    pub(crate) fn count(&mut self, title: &str, state: ItemState) {
        self.execution.totals.count(state);
        if self.mode != Mode::Preview {
            self.parts.events.emit(RunEvent::Item {
                execution_id: self.execution.id,
                title: title.to_owned(),
                state,
                totals: self.execution.totals,
            });
        }
    }

    /// Tells how many items there will be.
    pub(crate) fn expect(&mut self, more: u64) {
        self.expected = self.expected.saturating_add(more);
        if self.mode != Mode::Preview && more > 0 {
            let event =
                RunEvent::Expected { execution_id: self.execution.id, items: self.expected };
            self.parts.events.emit(event);
        }
    }

    /// Takes a write that happened into account.
    pub(crate) fn wrote(&mut self, planned: &Planned) {
        self.writes = self.writes.saturating_add(1);
        if !planned.is_create() {
            self.updates = self.updates.saturating_add(1);
        }
    }

    /// Whether the pair's other item, or an earlier reading of this one, has left the run already: what the second
    /// direction of a run reads of the first one's writing is no item of its own.
    pub(crate) fn has_left(&self, pass: &Pass, pair: &Pair) -> bool {
        let before = pair.last_synced_at;
        let started = self.execution.started_at;
        before > started || (pass.is_second && before == started)
    }

    /// Takes up to `wanted` from what the limit leaves.
    pub(crate) fn take(&mut self, wanted: usize) -> usize {
        let Some(left) = self.limit_left.as_mut() else { return wanted };
        let granted = usize::try_from(*left).unwrap_or(usize::MAX).min(wanted);
        *left = left.saturating_sub(u64::try_from(granted).unwrap_or(u64::MAX));
        granted
    }

    /// Gives back what was taken from the limit and not needed.
    pub(crate) fn give_back(&mut self, unused: usize) {
        if let Some(left) = self.limit_left.as_mut() {
            *left = left.saturating_add(u64::try_from(unused).unwrap_or(0));
        }
    }

    /// Ends the run's row in memory.
    pub(crate) fn end(&mut self, status: ExecutionStatus, now: Timestamp) {
        self.execution.status = status;
        self.execution.ended_at = Some(now);
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
