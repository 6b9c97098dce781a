//! Starting, retrying, previewing and cancelling runs.

use std::sync::Arc;

use serde_json::{Value, json};

use syncline_domain::ports::{Connector, ExecutionFilter, OutcomeFilter, StoreExt as _};
use syncline_domain::{
    ConfigId, ConnectorId, Execution, ExecutionId, ExecutionStatus, Fault, ItemId, Role,
    RunDirection, Trigger,
};
use syncline_engine::{
    Preview, PreviewError, PreviewRequest, RETRIED_STATES, RunRequest, StartError,
};

use crate::configs::must_config;
use crate::{App, AppError, Caller, audit};

/// A preview shows at most this many items.
const PREVIEW_MOST: u64 = 1_000;

/// A run as it is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunAsked {
    /// Only these items of the reading side.
    pub item_ids: Option<Vec<ItemId>>,
    /// Read everything.
    pub full: bool,
    /// Stop after this many items.
    pub limit: Option<u64>,
    /// Write nothing.
    pub dry_run: bool,
    /// Which way; the configuration's own when `None`.
    pub direction: Option<RunDirection>,
}

/// A run that was started.
pub struct RunStarted {
    /// Its id.
    pub execution_id: ExecutionId,
    /// Resolves when it ends.
    pub ended: tokio::sync::oneshot::Receiver<Execution>,
    /// Rules that rest meanwhile, one line each.
    pub warnings: Vec<String>,
}

impl App {
    /// Starts a run in the background.
    ///
    /// # Errors
    /// [`Fault::NotFound`], [`Fault::Invalid`] for an inactive configuration or rules that cannot run,
    /// [`Fault::Conflict`] with `execution_id` while one is going on, [`Fault::Unavailable`] while the server drains.
    pub async fn start_run(
        &self,
        caller: &Caller,
        id: ConfigId,
        asked: RunAsked,
    ) -> Result<RunStarted, AppError> {
        let request = RunRequest {
            config_id: id,
            trigger: Trigger::Manual,
            triggered_by: caller.actor.clone(),
            direction: asked.direction,
            dry_run: asked.dry_run,
            full: asked.full,
            item_ids: asked.item_ids,
            limit: asked.limit,
            batch: None,
            retry_of: None,
            job: None,
        };
        self.start(caller, request).await
    }

    /// Takes the failed items of an ended run up again.
    ///
    /// # Errors
    /// As [`App::start_run`]; [`Fault::Conflict`] when no item of that run failed.
    pub async fn retry_run(
        &self,
        caller: &Caller,
        id: ExecutionId,
    ) -> Result<RunStarted, AppError> {
        caller.needs(Role::Operator)?;
        let execution = self.execution(caller, id).await?;
        if execution.status == ExecutionStatus::Running {
            return Err(AppError::run_going_on(id));
        }
        let undone = OutcomeFilter { states: RETRIED_STATES.to_vec(), after: None };
        let view = self.store().view("failed items", move |tx| tx.outcomes(id, &undone, 1));
        if view.await?.is_empty() {
            return Err(AppError::conflict(format!(
                "no item of run {id} failed or waits; there is nothing to retry"
            )));
        }
        let request = RunRequest {
            config_id: execution.config_id,
            trigger: Trigger::Retry,
            triggered_by: caller.actor.clone(),
            direction: Some(execution.direction),
            dry_run: false,
            full: false,
            item_ids: None,
            limit: None,
            batch: None,
            retry_of: Some(id),
            job: None,
        };
        self.start(caller, request).await
    }

    /// What a run would do now, item by item; writes nothing.
    ///
    /// # Errors
    /// As [`App::start_run`], and a remote error when a tracker does not answer.
    pub async fn preview(
        &self,
        caller: &Caller,
        id: ConfigId,
        asked: RunAsked,
    ) -> Result<Preview, AppError> {
        let (request, [source, target]) = self.looking(caller, id, asked, PREVIEW_MOST).await?;
        self.engine().preview(request, source, target).await.map_err(preview_error)
    }

    /// What the engine needs to say what a run would do, of at most so many items.
    pub(super) async fn looking(
        &self,
        caller: &Caller,
        id: ConfigId,
        asked: RunAsked,
        most: u64,
    ) -> Result<(PreviewRequest, [Arc<dyn Connector>; 2]), AppError> {
        caller.needs(Role::Operator)?;
        caller.must_see(id)?;
        let (source, target) = self.both_ends(id).await?;
        let request = PreviewRequest {
            config_id: id,
            direction: asked.direction,
            item_ids: asked.item_ids,
            full: asked.full,
            limit: asked.limit.unwrap_or(most).min(most),
        };
        Ok((request, [source, target]))
    }

    /// Asks a run to stop; it ends soon, with what it has done so far.
    ///
    /// # Errors
    /// [`Fault::NotFound`], [`Fault::Conflict`] when it has ended.
    pub async fn cancel_run(&self, caller: &Caller, id: ExecutionId) -> Result<(), AppError> {
        caller.needs(Role::Operator)?;
        let execution = self.execution(caller, id).await?;
        let (caller, now) = (caller.clone(), self.now());
        let asked = self
            .store()
            .tx("cancel run", move |tx| {
                let asked = tx.request_cancel(id)?;
                if asked {
                    let target = format!("execution/{id}");
                    audit::record(tx, &caller, now, "execution.cancel", &target, json!({}))?;
                }
                Ok(asked)
            })
            .await?;
        if asked {
            return Ok(());
        }
        Err(AppError::conflict(format!("run {id} has ended already ({})", execution.status)))
    }

    /// The run of a configuration that is going on.
    pub(crate) async fn running_execution(
        &self,
        id: ConfigId,
    ) -> Result<Option<ExecutionId>, AppError> {
        let filter = ExecutionFilter {
            config_id: Some(id),
            status: Some(ExecutionStatus::Running),
            ..ExecutionFilter::default()
        };
        let found = self.store().view("running", move |tx| tx.executions(&filter, 1)).await?;
        Ok(found.first().map(|execution| execution.id))
    }

    /// Asks every run that uses a connector to stop.
    pub(crate) async fn cancel_runs_of_connector(&self, id: ConnectorId) -> Result<(), AppError> {
        self.store()
            .tx("cancel runs", move |tx| {
                let filter = ExecutionFilter {
                    status: Some(ExecutionStatus::Running),
                    ..ExecutionFilter::default()
                };
                for execution in tx.executions(&filter, 1_000)? {
                    let config = must_config(tx, execution.config_id)?;
                    if config.source_connector_id == id || config.target_connector_id == id {
                        tx.request_cancel(execution.id)?;
                    }
                }
                Ok(())
            })
            .await?;
        Ok(())
    }

    /// Both connectors of a configuration, opened.
    pub(crate) async fn both_ends(
        &self,
        id: ConfigId,
    ) -> Result<(Arc<dyn Connector>, Arc<dyn Connector>), AppError> {
        let config = self.store().view("config", move |tx| must_config(tx, id)).await?;
        let (source_row, source) = self.open_connector(config.source_connector_id).await?;
        let (target_row, target) = self.open_connector(config.target_connector_id).await?;
        for row in [source_row, target_row] {
            if !row.is_active {
                return Err(AppError::invalid(
                    "is_active",
                    format!("connector {} is inactive; set its is_active to true", row.name),
                ));
            }
        }
        Ok((source, target))
    }

    async fn start(&self, caller: &Caller, request: RunRequest) -> Result<RunStarted, AppError> {
        caller.needs(Role::Operator)?;
        caller.must_see(request.config_id)?;
        if self.runs().is_closing() {
            return Err(Fault::Unavailable("the server is shutting down".to_owned()).into());
        }
        let config_id = request.config_id;
        let (source, target) = self.both_ends(config_id).await?;
        let request = RunRequest { batch: self.batch_size().await?, ..request };
        let asked = request.clone();
        let started = self.engine().start(request).await.map_err(start_error)?;
        let details = json!({
            "config_id": config_id, "items": started.named(), "direction": asked.direction,
            "dry_run": asked.dry_run, "full": asked.full, "retry_of": asked.retry_of,
        });
        let execution_id = started.id();
        self.note_start(caller, execution_id, details).await;
        let warnings = started.spec().pauses();
        let engine = self.engine().clone();
        let run = async move { engine.drive(started, source, target).await };
        let ended = self.runs().drive(execution_id, config_id, run);
        Ok(RunStarted { execution_id, ended, warnings })
    }
}

impl App {
    /// One line in the trail for a run that somebody started. The run goes on without it: its own row says who, too.
    async fn note_start(&self, caller: &Caller, id: ExecutionId, details: Value) {
        let (caller, now) = (caller.clone(), self.now());
        let noted = self.store().tx("audit run", move |tx| {
            let target = format!("execution/{id}");
            audit::record(tx, &caller, now, "execution.start", &target, details.clone())
        });
        if let Err(fault) = noted.await {
            log::error!(execution_id = id.0; "the audit trail lacks the start of a run: {fault}");
        }
    }
}

pub(super) fn start_error(error: StartError) -> AppError {
    match error {
        StartError::NotFound(id) => Fault::no_such("sync configuration", id).into(),
        StartError::Inactive(message) => AppError::invalid("configId", message),
        StartError::Running(id) => AppError::run_going_on(id),
        StartError::Invalid(faults) => faults.into(),
        StartError::PlanRefused(why) | StartError::PlanNeeded(why) => AppError::conflict(why),
        StartError::Store(fault) => fault.into(),
    }
}

pub(super) fn preview_error(error: PreviewError) -> AppError {
    match error {
        PreviewError::NotFound(id) => Fault::no_such("sync configuration", id).into(),
        PreviewError::Invalid(faults) => faults.into(),
        PreviewError::Connector(error) => error.into(),
        PreviewError::Store(fault) => fault.into(),
    }
}
