//! Which handler runs which kind of job: the only place where the queue meets the engine.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use syncline_app::{App, Cause};
use syncline_domain::ports::{
    BoxFuture, Connector, ExecutionFilter, JobContext, JobHandler, Rng, StopReason, StoreExt as _,
    Tx,
};
use syncline_domain::{
    ConfigId, ErrorType, Execution, ExecutionId, ExecutionStatus, Fault, ItemError, ItemId, Job,
    JobOutcome, MOST_FOLDED_ITEMS, SYNC_JOB, SyncJob,
};
use syncline_engine::{RunEnd, RunRequest, StartError, StartedRun};
use syncline_queue::{Backoff, Handlers};

/// How long a job waits for another run of its configuration.
const BUSY: Duration = Duration::from_secs(2);

/// How long a job waits for a plan that a person has to apply.
const PARKED: Duration = Duration::from_secs(60);

/// How long a job waits for a database that is away.
const AWAY: Duration = Duration::from_secs(5);

/// Every kind of job there is.
pub(crate) fn handlers(app: &App, rng: &Arc<dyn Rng>) -> Handlers {
    let sync: Arc<dyn JobHandler> =
        Arc::new(SyncHandler { app: app.clone(), rng: Arc::clone(rng) });
    [(SYNC_JOB.to_owned(), sync)].into()
}

/// What became of a job whose worker died: the run may have ended before the worker could say so.
///
/// # Errors
/// What the store answers.
pub(crate) fn left_behind(tx: &mut dyn Tx, job: &Job) -> Result<Option<JobOutcome>, Fault> {
    let Some(id) = job.execution_id else { return Ok(None) };
    let run = tx.execution(id)?.filter(|run| run.ended_at.is_some());
    // The run of an earlier attempt has ended, too; only one of this attempt speaks for it.
    let of_this = run.filter(|run| job.started_at.is_none_or(|began| run.started_at >= began));
    Ok(of_this.and_then(|run| match run.status {
        ExecutionStatus::Completed | ExecutionStatus::CompletedWithErrors => {
            Some(JobOutcome::Completed { result: Some(result_of(&run)) })
        }
        _ => None,
    }))
}

/// Runs a configuration.
struct SyncHandler {
    app: App,
    rng: Arc<dyn Rng>,
}

impl JobHandler for SyncHandler {
    fn run<'a>(&'a self, job: &'a Job, context: &'a dyn JobContext) -> BoxFuture<'a, JobOutcome> {
        Box::pin(async move {
            match Box::pin(self.attempt(job, context)).await {
                Ok(outcome) => outcome,
                Err(Trouble::Passing(error)) => self.retry(job, error, None),
                Err(Trouble::Away(fault)) => {
                    log::warn!(job = job.id.0; "the job waits for the database: {fault}");
                    JobOutcome::Released { run_at: self.app.now().after(AWAY) }
                }
                Err(Trouble::Lasting(error)) => self.refused(job, error).await,
                Err(Trouble::Moot(error)) => JobOutcome::Failed { error, result: None },
            }
        })
    }
}

/// Why no run came about.
enum Trouble {
    /// It may be over by the next attempt.
    Passing(ItemError),
    /// The database is away; the attempt does not count.
    Away(Fault),
    /// A person has to do something, and has to be told.
    Lasting(ItemError),
    /// There is nothing to run any more.
    Moot(ItemError),
}

impl Trouble {
    fn moot(message: String) -> Self {
        Self::Moot(ItemError { error_type: ErrorType::Validation, message, field: None })
    }

    fn of(error_type: ErrorType, message: String) -> Self {
        let error = ItemError { error_type, message, field: None };
        if is_lasting(error_type) { Self::Lasting(error) } else { Self::Passing(error) }
    }

    fn of_store(fault: &Fault) -> Self {
        match fault {
            Fault::Unavailable(_) | Fault::Busy(_) => Self::Away(fault.clone()),
            _ => Self::Passing(ItemError {
                error_type: ErrorType::Unknown,
                message: fault.to_string(),
                field: None,
            }),
        }
    }
}

impl SyncHandler {
    async fn attempt(&self, job: &Job, context: &dyn JobContext) -> Result<JobOutcome, Trouble> {
        let Some(config) = job.config_id else {
            return Err(Trouble::moot("the job names no sync configuration".to_owned()));
        };
        let (source, target) = self.ends(config).await?;
        let request = self.request(job, config).await?;
        match self.app.engine().start(request).await {
            Ok(started) => Ok(self.drive(job, context, started, source, target).await),
            Err(StartError::Running(_) | StartError::Store(Fault::Busy(_))) => {
                Ok(JobOutcome::Released { run_at: self.app.now().after(BUSY) })
            }
            Err(StartError::Store(fault)) => Err(Trouble::of_store(&fault)),
            Err(error @ (StartError::NotFound(_) | StartError::Inactive(_))) => {
                Err(Trouble::moot(error.to_string()))
            }
            // Named items are in no cursor: they are kept until the plan was applied.
            Err(StartError::PlanNeeded(why)) if job.names_items => {
                log::warn!(job = job.id.0; "the job waits for a plan: {why}");
                Ok(self.parked(job, why).await)
            }
            Err(error) => Err(Trouble::of(ErrorType::Validation, error.to_string())),
        }
    }

    /// A job that waits for a person. That is told as a run that failed, unless the last run said so already.
    async fn parked(&self, job: &Job, why: String) -> JobOutcome {
        let error = ItemError { error_type: ErrorType::Validation, message: why, field: None };
        if !self.said_last(job, &error).await {
            self.refused(job, error).await;
        }
        JobOutcome::Released { run_at: self.app.now().after(PARKED) }
    }

    async fn said_last(&self, job: &Job, error: &ItemError) -> bool {
        let filter = ExecutionFilter { config_id: job.config_id, ..ExecutionFilter::default() };
        let last = self.app.store().view("last run", move |tx| tx.executions(&filter, 1)).await;
        last.is_ok_and(|runs| runs.first().is_some_and(|run| run.error.as_ref() == Some(error)))
    }

    async fn ends(
        &self,
        config: ConfigId,
    ) -> Result<(Arc<dyn Connector>, Arc<dyn Connector>), Trouble> {
        let row = self.app.store().view("config of a job", move |tx| tx.config(config)).await;
        let Some(row) = row.map_err(|fault| Trouble::of_store(&fault))? else {
            return Err(Trouble::moot(format!("there is no sync configuration {config}")));
        };
        if !row.is_active {
            return Err(Trouble::moot(format!("sync configuration {config} is inactive")));
        }
        let open = |id| async move {
            let opened = self.app.open_connector(id).await;
            let (row, connector) = opened.map_err(|error| match &error.cause {
                Cause::Fault(fault @ (Fault::Unavailable(_) | Fault::Busy(_))) => {
                    Trouble::of_store(fault)
                }
                _ => Trouble::of(ErrorType::Validation, error.to_string()),
            })?;
            if row.is_active {
                return Ok(connector);
            }
            let why = format!("connector {} is inactive; set its is_active to true", row.name);
            Err(Trouble::of(ErrorType::Validation, why))
        };
        Ok((open(row.source_connector_id).await?, open(row.target_connector_id).await?))
    }

    async fn request(&self, job: &Job, config: ConfigId) -> Result<RunRequest, Trouble> {
        let asked: SyncJob = serde_json::from_value(job.payload.clone()).map_err(|error| {
            Trouble::of(
                ErrorType::Validation,
                format!("the job's payload is not readable: {error}"),
            )
        })?;
        let item_ids = if job.names_items { Some(self.items(job).await?) } else { None };
        Ok(RunRequest {
            direction: asked.direction,
            dry_run: asked.dry_run,
            full: asked.full,
            item_ids,
            batch: self.app.batch_size().await.map_err(|error| match &error.cause {
                Cause::Fault(fault) => Trouble::of_store(fault),
                Cause::Remote { message, .. } => Trouble::of(ErrorType::Unknown, message.clone()),
            })?,
            ..bare(job, config)
        })
    }

    /// Nobody waits for a job: what keeps its run from beginning is told as a run that failed.
    async fn refused(&self, job: &Job, error: ItemError) -> JobOutcome {
        let Some(config) = job.config_id else { return JobOutcome::Failed { error, result: None } };
        let asked: SyncJob = serde_json::from_value(job.payload.clone()).unwrap_or_default();
        let request = RunRequest {
            direction: asked.direction,
            dry_run: asked.dry_run,
            full: asked.full,
            ..bare(job, config)
        };
        match self.app.engine().record_refused(request, error.clone()).await {
            Ok(run) => JobOutcome::Failed { error, result: Some(result_of(&run)) },
            Err(fault @ (Fault::Unavailable(_) | Fault::Busy(_))) => {
                log::warn!(job = job.id.0; "the job waits for the database: {fault}");
                JobOutcome::Released { run_at: self.app.now().after(AWAY) }
            }
            Err(fault) => {
                log::warn!(job = job.id.0; "nobody was told why the job failed: {fault}");
                JobOutcome::Failed { error, result: None }
            }
        }
    }

    async fn items(&self, job: &Job) -> Result<Vec<ItemId>, Trouble> {
        let (id, most) = (job.id, usize::try_from(MOST_FOLDED_ITEMS).unwrap_or(usize::MAX));
        let items = self.app.store().view("items of a job", move |tx| tx.job_items(id, most)).await;
        items.map_err(|fault| Trouble::of_store(&fault))
    }

    async fn drive(
        &self,
        job: &Job,
        context: &dyn JobContext,
        started: StartedRun,
        source: Arc<dyn Connector>,
        target: Arc<dyn Connector>,
    ) -> JobOutcome {
        let id = started.id();
        let run = self.app.engine().drive_to_end(started, source, target);
        let mut run = std::pin::pin!(run);
        let (end, reason) = tokio::select! {
            end = &mut run => (end, None),
            reason = context.stopped() => {
                self.ask_to_stop(id).await;
                (run.await, Some(reason))
            }
        };
        self.outcome(job, &end, reason)
    }

    async fn ask_to_stop(&self, id: ExecutionId) {
        let asked =
            self.app.store().tx("stop the run of a job", move |tx| tx.request_cancel(id)).await;
        if let Err(fault) = asked {
            log::warn!(execution_id = id.0; "the run was not asked to stop: {fault}");
        }
    }

    fn outcome(&self, job: &Job, end: &RunEnd, reason: Option<StopReason>) -> JobOutcome {
        let run = &end.execution;
        let result = Some(result_of(run));
        match (run.status, reason) {
            (ExecutionStatus::Cancelled, Some(StopReason::Draining | StopReason::Lost)) => {
                // Its old place in the queue: younger jobs of its configuration do not overtake it.
                JobOutcome::Released { run_at: job.run_at }
            }
            (ExecutionStatus::Cancelled, _) => JobOutcome::Cancelled { result },
            (ExecutionStatus::Failed | ExecutionStatus::Running, _) => {
                let error = run.error.clone().unwrap_or_else(|| ItemError {
                    error_type: ErrorType::Unknown,
                    message: format!("run {} did not come to its end", run.id),
                    field: None,
                });
                if is_lasting(error.error_type) {
                    JobOutcome::Failed { error, result }
                } else {
                    self.retry(job, error, end.retry_after)
                }
            }
            _ => JobOutcome::Completed { result },
        }
    }

    fn retry(&self, job: &Job, error: ItemError, asked: Option<Duration>) -> JobOutcome {
        let now = self.app.now();
        let run_at = Backoff::JOBS.next(now, job.attempts, asked, self.rng.as_ref());
        JobOutcome::Retry { error, run_at }
    }
}

/// Whether trying again without a person would come to the same.
const fn is_lasting(error: ErrorType) -> bool {
    matches!(
        error,
        ErrorType::Authentication
            | ErrorType::Permission
            | ErrorType::Validation
            | ErrorType::Mapping
    )
}

/// The run that a job asks for, without what its payload says.
fn bare(job: &Job, config: ConfigId) -> RunRequest {
    RunRequest {
        trigger: job.trigger,
        triggered_by: job.triggered_by.clone(),
        job: job.claim(),
        ..RunRequest::of(config)
    }
}

/// The run in figures; its items are read from the run itself.
fn result_of(run: &Execution) -> Value {
    json!({
        "executionId": run.id.0,
        "total": run.totals.total(),
        "created": run.totals.created,
        "updated": run.totals.updated,
        "skipped": run.totals.skipped(),
        "errors": run.totals.errors(),
    })
}
