//! The engine's front: what it is made of, and what one can ask of it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use syncline_domain::ports::{
    Clock, Connector, FaultPoints, IdGen, RunEnding, RunEvents, Store, StoreExt as _,
};
use syncline_domain::{
    ConfigId, Execution, ExecutionId, Fault, HistoryId, ItemError, ItemId, PairId, SyncSpec,
};

use crate::census::Census;
use crate::error::{PairError, PreviewError, StartError};
use crate::explain::{Explained, PairHistory};
use crate::pairs::OnNextRun;
use crate::people::Accounts;
use crate::preview::{Drafted, Preview, PreviewRequest};
use crate::resolve::{ResolveError, ResolveRequest, Resolved};
use crate::start::{ApplyRequest, LEASE_TTL, RunRequest, StartedRun};

/// What an engine is made of.
#[derive(Clone)]
pub struct EngineParts {
    /// Keeps everything.
    pub store: Arc<dyn Store>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Names planned writes.
    pub ids: Arc<dyn IdGen>,
    /// Is told how runs go on.
    pub events: Arc<dyn RunEvents>,
    /// May make a run die, in tests.
    pub faults: Arc<dyn FaultPoints>,
    /// Acts in the transaction that ends a run.
    pub ending: Arc<dyn RunEnding>,
    /// Names this process in leases. Give every process its own.
    pub holder: String,
}

impl EngineParts {
    /// The machine's clock and chance, nobody listening, nothing scripted: what a program that embeds the engine wants.
    #[must_use]
    pub fn of_machine(store: Arc<dyn Store>, holder: &str) -> Self {
        Self {
            store,
            clock: Arc::new(crate::SystemClock::new()),
            ids: Arc::new(crate::SystemIds::new()),
            events: Arc::new(syncline_domain::ports::NoEvents),
            faults: Arc::new(syncline_domain::ports::NoFaultPoints),
            ending: Arc::new(syncline_domain::ports::NothingFollows),
            holder: holder.to_owned(),
        }
    }
}

/// How a run ended: its row, as stored last.
pub type RunReport = Execution;

/// How a run ended, with what its row does not keep.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEnd {
    /// Its row, as stored last.
    pub execution: Execution,
    /// How long the tracker that stopped the run asked to be left alone (`Retry-After`).
    pub retry_after: Option<Duration>,
}

/// Starts and drives runs. Clones share everything.
#[derive(Clone)]
pub struct Engine {
    pub(crate) parts: EngineParts,
    /// How long the lease of a run lasts unless renewed.
    pub(crate) lease: Duration,
    going_on: Arc<Mutex<BTreeSet<ConfigId>>>,
    pub(crate) accounts: Arc<Accounts>,
}

impl Engine {
    /// An engine made of these parts.
    #[must_use]
    pub fn new(parts: EngineParts) -> Self {
        Self { parts, lease: LEASE_TTL, going_on: Arc::default(), accounts: Arc::default() }
    }

    /// With leases of runs that last this long in place of 30 seconds. It must be the same in every process on a store,
    /// and at least a second.
    #[must_use]
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(Duration::from_secs(1));
        self
    }

    /// Reads a configuration with every row id resolved.
    ///
    /// # Errors
    /// [`Fault::NotFound`] when there is none, and what the store answers.
    pub async fn load_spec(&self, config: ConfigId) -> Result<SyncSpec, Fault> {
        self.parts.store.view("load_spec", move |tx| crate::spec::load(tx, config)).await
    }

    /// Makes the run's row and takes the configuration's lease.
    ///
    /// A run that a dead process left behind is closed on the way.
    ///
    /// # Errors
    /// See [`StartError`]; then nothing was started.
    pub async fn start(&self, request: RunRequest) -> Result<StartedRun, StartError> {
        crate::start::start(self, request).await
    }

    /// Makes the row of the run that applies a plan, takes the plan and the configuration's lease, all at once. The run
    /// looks at the plan's items, and writes what the plan holds or nothing.
    ///
    /// # Errors
    /// [`StartError::PlanRefused`] for a plan that was applied already, has expired, was made before the configuration
    /// changed, or exceeds a limit; [`Fault::NotFound`] in [`StartError::Store`] for one that is not there. Then nothing
    /// was started.
    pub async fn start_plan(&self, request: ApplyRequest) -> Result<StartedRun, StartError> {
        crate::start::start_plan(self, request).await
    }

    /// Writes down a run that could not begin as one that failed, with everything that follows from the end of a run: for
    /// work that nobody waits for, where an error would be seen by nobody.
    ///
    /// # Errors
    /// [`Fault::NotFound`] for a configuration that is not there, and what the store answers.
    pub async fn record_refused(
        &self,
        request: RunRequest,
        error: ItemError,
    ) -> Result<Execution, Fault> {
        crate::start::record_refused(self, request, error).await
    }

    /// Goes on to the end of the run. Never fails: what went wrong is in the report.
    ///
    /// Dropping the future leaves the run as a dead process would; the next start closes it.
    pub async fn drive(
        &self,
        run: StartedRun,
        source: Arc<dyn Connector>,
        target: Arc<dyn Connector>,
    ) -> RunReport {
        crate::drive::drive(self, run, source, target).await.execution
    }

    /// As [`Engine::drive`], and says how long a tracker asked to be left alone, for whoever tries again.
    pub async fn drive_to_end(
        &self,
        run: StartedRun,
        source: Arc<dyn Connector>,
        target: Arc<dyn Connector>,
    ) -> RunEnd {
        crate::drive::drive(self, run, source, target).await
    }

    /// Says what a run would do now. Writes nothing, neither to a tracker nor to the store.
    ///
    /// # Errors
    /// See [`PreviewError`].
    pub async fn preview(
        &self,
        request: PreviewRequest,
        source: Arc<dyn Connector>,
        target: Arc<dyn Connector>,
    ) -> Result<Preview, PreviewError> {
        Ok(self.draft(request, "", source, target).await?.preview)
    }

    /// As [`Engine::preview`], with the plan that comes of it: exact writes, totals, and what the limits say. Nothing is
    /// stored; whoever wants the plan applied stores it.
    ///
    /// # Errors
    /// See [`PreviewError`].
    pub async fn draft(
        &self,
        request: PreviewRequest,
        by: &str,
        source: Arc<dyn Connector>,
        target: Arc<dyn Connector>,
    ) -> Result<Drafted, PreviewError> {
        Box::pin(crate::preview::draft(self, request, by, source, target)).await
    }

    /// Closes runs whose process died; call it at start. The next run of each configuration goes on where they ended.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn close_orphans(&self) -> Result<Vec<ExecutionId>, Fault> {
        crate::orphans::close_orphans(self, |_| false).await
    }

    /// The same, and runs of processes that `is_dead` knows to be gone are closed without waiting for their leases to
    /// end.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn close_orphans_of(
        &self,
        is_dead: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Result<Vec<ExecutionId>, Fault> {
        crate::orphans::close_orphans(self, is_dead).await
    }

    /// Joins two items that are copies of each other already. Both are read, their values become the bases, and
    /// nothing is written to a tracker.
    ///
    /// # Errors
    /// See [`PairError`]; then nothing was stored.
    pub async fn pair_by_hand(
        &self,
        config: ConfigId,
        source_item: &ItemId,
        target_item: &ItemId,
        source: Arc<dyn Connector>,
        target: Arc<dyn Connector>,
    ) -> Result<PairId, PairError> {
        crate::pairs::pair_by_hand(self, config, source_item, target_item, source, target).await
    }

    /// Takes a pair apart. Nothing is written to a tracker.
    ///
    /// # Errors
    /// [`Fault::NotFound`] when the configuration has no such pair, and what the store answers.
    pub async fn unpair(
        &self,
        config: ConfigId,
        pair: PairId,
        on_next_run: OnNextRun,
    ) -> Result<(), Fault> {
        crate::pairs::unpair(self, config, pair, on_next_run).await
    }

    /// Carries out a decision about a conflict that is stored: writes each side as needed, reads back, and closes the
    /// conflict only when both trackers show it. A write that failed or was not kept leaves the conflict open, with the
    /// reason in the decision's row.
    ///
    /// # Errors
    /// See [`ResolveError`]; then nothing was tried.
    pub async fn resolve(
        &self,
        request: ResolveRequest,
        source: Arc<dyn Connector>,
        target: Arc<dyn Connector>,
    ) -> Result<Resolved, ResolveError> {
        Box::pin(crate::resolve::resolve(self, request, source, target)).await
    }

    /// Says why the fields of a pair have their values; of one field when it is named, by its reference or name on
    /// either side. Reads nothing but the store.
    ///
    /// # Errors
    /// [`Fault::NotFound`] for an unknown configuration or an item without a pair, [`Fault::Invalid`] for a field that
    /// no rule knows, and what the store answers.
    pub async fn explain(
        &self,
        config: ConfigId,
        source_item: ItemId,
        field: Option<String>,
    ) -> Result<Explained, Fault> {
        crate::explain::explain(self, config, source_item, field).await
    }

    /// Reads both sides, compares them with each other and with what was recorded, and lists every drift with its
    /// cause. Writes nothing, neither to a tracker nor to the store; runs may go on meanwhile.
    ///
    /// # Errors
    /// See [`PreviewError`].
    pub async fn census(
        &self,
        config: ConfigId,
        source: Arc<dyn Connector>,
        target: Arc<dyn Connector>,
    ) -> Result<Census, PreviewError> {
        Box::pin(crate::census::census(self, config, source, target)).await
    }

    /// Makes of what a run read once more what it made, by the rules of then or of today, and compares. Reads nothing but
    /// the store, and writes nothing.
    ///
    /// # Errors
    /// [`Fault::NotFound`] for an unknown configuration, and what the store answers.
    pub async fn replay(&self, request: crate::ReplayRequest) -> Result<crate::Replay, Fault> {
        crate::replay::replay(self, request).await
    }

    /// Reads the history of a pair, newest first.
    ///
    /// # Errors
    /// [`Fault::NotFound`] for an unknown configuration or an item without a pair, and what the store answers.
    pub async fn history(
        &self,
        config: ConfigId,
        source_item: ItemId,
        before: Option<HistoryId>,
        limit: usize,
    ) -> Result<PairHistory, Fault> {
        crate::explain::history(self, config, source_item, before, limit).await
    }

    /// Marks a configuration as driven by this engine; `None` when it is already.
    pub(crate) fn begin(&self, config: ConfigId) -> Option<GoingOn> {
        let mut set = self.going_on.lock().unwrap_or_else(PoisonError::into_inner);
        set.insert(config).then(|| GoingOn { config, set: Arc::clone(&self.going_on) })
    }

    /// Whether this engine drives a run of the configuration.
    pub(crate) fn drives(&self, config: ConfigId) -> bool {
        self.going_on.lock().unwrap_or_else(PoisonError::into_inner).contains(&config)
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("holder", &self.parts.holder).finish_non_exhaustive()
    }
}

/// As long as this lives, the engine drives a run of the configuration.
pub(crate) struct GoingOn {
    config: ConfigId,
    set: Arc<Mutex<BTreeSet<ConfigId>>>,
}

impl Drop for GoingOn {
    fn drop(&mut self) {
        self.set.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.config);
    }
}
