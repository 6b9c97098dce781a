//! The start of a run: its row and its lease, in one transaction.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use syncline_domain::ports::{ExecutionFilter, Lease, OutcomeFilter, StoreExt as _, Tx};
use syncline_domain::{
    ConfigId, Direction, Execution, ExecutionId, ExecutionStatus, Fault, FieldFault, ItemError,
    ItemId, ItemState, JobClaim, NewExecution, PlanId, RulesCopy, RunDirection, SyncSpec, Totals,
    Trigger,
};

use crate::engine::{Engine, GoingOn};
use crate::error::StartError;
use crate::reviewed::{self, Reviewed};

/// The states of items that a retry of their run takes up again.
pub const RETRIED_STATES: [ItemState; 3] =
    [ItemState::Failed, ItemState::Quarantined, ItemState::Waiting];

/// How long a lease lasts unless renewed, when nobody says another time.
pub(crate) const LEASE_TTL: Duration = Duration::from_secs(30);

/// What to run, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRequest {
    /// The configuration.
    pub config_id: ConfigId,
    /// What starts it.
    pub trigger: Trigger,
    /// Who or what, in words: a key's name, a delivery, a schedule.
    pub triggered_by: String,
    /// Which way; the configuration's own way when absent.
    pub direction: Option<RunDirection>,
    /// Write nothing to trackers; say what would be written.
    pub dry_run: bool,
    /// Read everything, not only what changed.
    pub full: bool,
    /// Only these items of the reading side.
    pub item_ids: Option<Vec<ItemId>>,
    /// At most this many items.
    pub limit: Option<u64>,
    /// At most this many items are read and worked on as one page; as many as the tracker gives when absent.
    pub batch: Option<usize>,
    /// The run whose failed items are taken up again, of both sides after a two-way run; they take the place of
    /// `item_ids` where those are absent.
    pub retry_of: Option<ExecutionId>,
    /// The job whose attempt this run is; noted in the transaction that makes the run's row.
    pub job: Option<JobClaim>,
}

impl RunRequest {
    /// A run by hand of everything that changed.
    #[must_use]
    pub fn of(config_id: ConfigId) -> Self {
        Self {
            config_id,
            trigger: Trigger::Manual,
            triggered_by: String::new(),
            direction: None,
            dry_run: false,
            full: false,
            item_ids: None,
            limit: None,
            batch: None,
            retry_of: None,
            job: None,
        }
    }
}

/// Which plan to apply, and who wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplyRequest {
    /// The plan.
    pub plan_id: PlanId,
    /// Who applies it, in words.
    pub applied_by: String,
    /// At most this many items are read and worked on as one page; as many as the tracker gives when absent.
    pub batch: Option<usize>,
}

/// A run that has its row and its lease. Hand it to [`Engine::drive`]; dropped, it is an orphan.
#[must_use = "a started run that is not driven blocks its configuration until its lease is over"]
pub struct StartedRun {
    pub(crate) execution: Execution,
    pub(crate) spec: SyncSpec,
    pub(crate) lease: Lease,
    pub(crate) limit: Option<u64>,
    pub(crate) batch: Option<usize>,
    /// Items of the target that a two-way run is to look at beside the copies of those that its row names.
    pub(crate) of_target: Vec<ItemId>,
    /// The plan that it applies.
    pub(crate) reviewed: Option<Arc<Reviewed>>,
    pub(crate) going_on: GoingOn,
}

impl StartedRun {
    /// The run's row.
    #[must_use]
    pub const fn execution(&self) -> &Execution {
        &self.execution
    }

    /// The run's id.
    #[must_use]
    pub const fn id(&self) -> ExecutionId {
        self.execution.id
    }

    /// Its configuration, as it was at the start.
    #[must_use]
    pub const fn spec(&self) -> &SyncSpec {
        &self.spec
    }

    /// How many items it is limited to; `None` when it is to no names.
    #[must_use]
    pub fn named(&self) -> Option<usize> {
        let ids = self.execution.item_ids.as_ref()?;
        Some(ids.len().saturating_add(self.of_target.len()))
    }
}

impl std::fmt::Debug for StartedRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StartedRun").field("execution", &self.execution).finish_non_exhaustive()
    }
}

pub(crate) async fn start(engine: &Engine, request: RunRequest) -> Result<StartedRun, StartError> {
    start_under(engine, request, None).await
}

/// Starts the run that applies a plan.
pub(crate) async fn start_plan(
    engine: &Engine,
    request: ApplyRequest,
) -> Result<StartedRun, StartError> {
    let id = request.plan_id;
    let found = engine.parts.store.view("plan_to_apply", move |tx| tx.plan(id)).await?;
    let plan = found.ok_or_else(|| Fault::no_such("plan", id))?;
    let run = RunRequest {
        triggered_by: request.applied_by,
        direction: Some(plan.direction),
        full: plan.full,
        batch: request.batch,
        ..RunRequest::of(plan.config_id)
    };
    start_under(engine, run, Some(id)).await
}

async fn start_under(
    engine: &Engine,
    request: RunRequest,
    plan: Option<PlanId>,
) -> Result<StartedRun, StartError> {
    let config = request.config_id;
    let Some(going_on) = engine.begin(config) else {
        return Err(running_now(engine, config).await?);
    };
    let clock = Arc::clone(&engine.parts.clock);
    let (holder, ttl) = (engine.parts.holder.clone(), engine.lease);
    let (limit, batch) = (request.limit, request.batch);
    let ending = Arc::clone(&engine.parts.ending);
    let begun = engine
        .parts
        .store
        .tx("start_run", move |tx| {
            let spec = match crate::spec::load(tx, config) {
                Ok(spec) => spec,
                Err(Fault::NotFound(_)) => return Ok(Err(StartError::NotFound(config))),
                Err(fault) => return Err(fault),
            };
            if let Some(refusal) = refusal(tx, &spec, &request)? {
                return Ok(Err(refusal));
            }
            // Not before: while this waited, another process may have closed a run, and this one begins after it.
            let now = clock.now();
            let reviewed = match plan.map(|id| reviewed::take(tx, &spec, id, now)).transpose()? {
                Some(Err(why)) => return Ok(Err(StartError::PlanRefused(why))),
                Some(Ok(reviewed)) => Some(reviewed),
                None => None,
            };
            let Some(lease) = take_lease(tx, config, &holder, now, ttl)? else {
                return Ok(Err(running_row(tx, config)?));
            };
            crate::orphans::close_of_config(tx, config, now, ending.as_ref())?;
            let named = named_items(tx, &spec, &request)?;
            let new = new_execution(&spec, &request, named.ids, now);
            let id = tx.insert_execution(&new)?;
            tx.keep_rules(&RulesCopy::of(&spec, now))?;
            if let Some(claim) = request.job {
                tx.note_job_run(claim, id)?;
            }
            let row = row_of(id, new);
            if let Some(reviewed) = &reviewed {
                reviewed.put_taken(tx, &row)?;
            }
            Ok(Ok((row, spec, lease, named.of_target, reviewed)))
        })
        .await?;
    let (execution, spec, lease, of_target, reviewed) = begun?;
    let reviewed = reviewed.map(Arc::new);
    Ok(StartedRun { execution, spec, lease, limit, batch, of_target, reviewed, going_on })
}

/// A run that failed before it began: its row says so, and those are told who want to know.
pub(crate) async fn record_refused(
    engine: &Engine,
    request: RunRequest,
    error: ItemError,
) -> Result<Execution, Fault> {
    let (now, ending) = (engine.parts.clock.now(), engine.parts.ending.clone());
    let store = &engine.parts.store;
    store
        .tx("refused_run", move |tx| {
            let spec = crate::spec::load(tx, request.config_id)?;
            let named = named_items(tx, &spec, &request)?;
            let new = new_execution(&spec, &request, named.ids, now);
            let id = tx.insert_execution(&new)?;
            if let Some(claim) = request.job {
                tx.note_job_run(claim, id)?;
            }
            let execution = Execution {
                status: ExecutionStatus::Failed,
                error: Some(error.clone()),
                ended_at: Some(now),
                ..row_of(id, new)
            };
            tx.update_execution(&execution)?;
            ending.run_ended(tx, &execution)?;
            Ok(execution)
        })
        .await
}

pub(crate) async fn running_now(engine: &Engine, config: ConfigId) -> Result<StartError, Fault> {
    engine.parts.store.view("running_now", move |tx| running_row(tx, config)).await
}

pub(crate) fn running_row(tx: &mut dyn Tx, config: ConfigId) -> Result<StartError, Fault> {
    let filter = ExecutionFilter {
        config_id: Some(config),
        status: Some(ExecutionStatus::Running),
        ..ExecutionFilter::default()
    };
    Ok(match tx.executions(&filter, 1)?.first() {
        Some(execution) => StartError::Running(execution.id),
        None => StartError::Store(Fault::Busy(format!(
            "sync configuration {config} is being worked on; try again in a moment"
        ))),
    })
}

/// Takes the lease; one that this process left behind without driving a run is as good as free.
pub(crate) fn take_lease(
    tx: &mut dyn Tx,
    config: ConfigId,
    holder: &str,
    now: syncline_domain::Timestamp,
    ttl: Duration,
) -> Result<Option<Lease>, Fault> {
    let name = crate::lease::lease_name(config);
    if let Some(old) = tx.lease(&name)?
        && old.holder == holder
    {
        tx.release_lease(&old)?;
    }
    tx.acquire_lease(&name, holder, now, ttl)
}

fn refusal(
    tx: &mut dyn Tx,
    spec: &SyncSpec,
    request: &RunRequest,
) -> Result<Option<StartError>, Fault> {
    if !spec.config.is_active {
        let name = &spec.config.name;
        return Ok(Some(StartError::Inactive(format!(
            "sync configuration {name:?} is switched off; activate it first"
        ))));
    }
    for end in [&spec.source, &spec.target] {
        if tx.connector(end.connector_id)?.is_some_and(|row| !row.is_active) {
            return Ok(Some(StartError::Inactive(format!(
                "connector {:?} is switched off; activate it first",
                end.name
            ))));
        }
    }
    if let Some(why) = reviewed::needs_review(tx, spec, request)? {
        return Ok(Some(StartError::PlanNeeded(why)));
    }
    let faults = faults_of(spec, request.direction);
    Ok((!faults.is_empty()).then_some(StartError::Invalid(faults)))
}

/// What keeps a configuration from running this way.
pub(crate) fn faults_of(spec: &SyncSpec, direction: Option<RunDirection>) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    if spec.types.is_empty() && spec.paused_types.is_empty() {
        faults.push(FieldFault::new(
            "/type_mappings",
            "no types are mapped; map at least one source type to a target type",
        ));
    }
    if direction == Some(RunDirection::Bidirectional) && spec.config.direction == Direction::OneWay
    {
        faults.push(FieldFault::new(
            "/direction",
            "a one-way configuration runs one way at a time; use source-to-target or target-to-source",
        ));
    }
    for side in crate::pass::reading_sides(direction_of(spec, direction)) {
        match crate::pass::compile(spec, *side) {
            Ok(plan) => {
                faults.extend(crate::pass::query(spec, *side, &plan).err().unwrap_or_default())
            }
            Err(found) => faults.extend(found),
        }
    }
    faults
}

/// The way a run goes: as asked, else as the configuration says.
pub(crate) fn direction_of(spec: &SyncSpec, asked: Option<RunDirection>) -> RunDirection {
    asked.unwrap_or(match spec.config.direction {
        Direction::OneWay => RunDirection::SourceToTarget,
        Direction::Bidirectional => RunDirection::Bidirectional,
    })
}

fn new_execution(
    spec: &SyncSpec,
    request: &RunRequest,
    item_ids: Option<Vec<ItemId>>,
    now: syncline_domain::Timestamp,
) -> NewExecution {
    NewExecution {
        config_id: spec.config.id,
        trigger: request.trigger,
        triggered_by: request.triggered_by.clone(),
        direction: direction_of(spec, request.direction),
        dry_run: request.dry_run,
        full: request.full,
        item_ids,
        started_at: now,
    }
}

/// The items that a run is limited to.
#[derive(Default)]
struct Named {
    /// Of the side that is read, or of the source in a two-way run; all there are when `None`.
    ids: Option<Vec<ItemId>>,
    /// Of the target in a two-way run, where no source item goes with them.
    of_target: Vec<ItemId>,
}

fn named_items(tx: &mut dyn Tx, spec: &SyncSpec, request: &RunRequest) -> Result<Named, Fault> {
    match (&request.item_ids, request.retry_of) {
        (Some(ids), _) => Ok(Named { ids: Some(ids.clone()), ..Named::default() }),
        (None, Some(old)) => failed_items(tx, old, direction_of(spec, request.direction)),
        (None, None) => Ok(Named::default()),
    }
}

/// The items of a run that did not end well, on the sides that the new run reads.
fn failed_items(tx: &mut dyn Tx, id: ExecutionId, direction: RunDirection) -> Result<Named, Fault> {
    let (mut ids, mut of_target) = (BTreeSet::new(), BTreeSet::new());
    let mut filter = OutcomeFilter { states: RETRIED_STATES.to_vec(), after: None };
    loop {
        let page = tx.outcomes(id, &filter, 1_000)?;
        let Some(last) = page.last() else { break };
        filter.after = Some(last.id);
        for outcome in page {
            match (direction, outcome.source_id, outcome.target_id) {
                (RunDirection::TargetToSource, _, Some(target)) => drop(ids.insert(target)),
                (RunDirection::TargetToSource, _, None) => {}
                // Both directions look at a pair that its source item names.
                (_, Some(source), _) => drop(ids.insert(source)),
                (RunDirection::Bidirectional, None, Some(target)) => {
                    of_target.insert(target);
                }
                _ => {}
            }
        }
    }
    Ok(Named { ids: Some(ids.into_iter().collect()), of_target: of_target.into_iter().collect() })
}

fn row_of(id: ExecutionId, new: NewExecution) -> Execution {
    Execution {
        id,
        config_id: new.config_id,
        status: ExecutionStatus::Running,
        trigger: new.trigger,
        triggered_by: new.triggered_by,
        direction: new.direction,
        dry_run: new.dry_run,
        full: new.full,
        item_ids: new.item_ids,
        cancel_requested: false,
        totals: Totals::default(),
        error: None,
        started_at: new.started_at,
        ended_at: None,
    }
}
