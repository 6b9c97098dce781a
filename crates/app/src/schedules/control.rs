//! The scheduler's switch, and what it is doing.

use serde_json::json;
use syncline_domain::ports::{ExecutionFilter, Lease, StoreExt as _, Tx};
use syncline_domain::{ExecutionStatus, Fault, Role, SyncConfig, Timestamp, TriggerType};
use syncline_scheduler::{LEADER_LEASE, LEADER_TTL, RUNNING_SETTING, Schedule, ScheduleError};

use crate::{App, AppError, Caller, audit};

/// The scheduler as people see it.
#[derive(Clone, Debug, PartialEq)]
pub struct SchedulerState {
    /// Switched on, and not kept off by the environment.
    pub is_running: bool,
    /// The environment lets it run (`SCHEDULER_ENABLED`).
    pub enabled: bool,
    /// The process that schedules, while one does.
    pub leader: Option<String>,
    /// When the last process that scheduled said so.
    pub last_heartbeat: Option<Timestamp>,
    /// Scheduled configurations in the caller's sight.
    pub jobs: Vec<ScheduledConfig>,
}

/// A scheduled configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduledConfig {
    /// The configuration.
    pub config: SyncConfig,
    /// Its next instant is known and will be acted on.
    pub armed: bool,
    /// A run of it is going on.
    pub running_now: bool,
    /// Why it cannot be armed, when its expression or zone cannot be read.
    pub error: Option<String>,
}

impl SchedulerState {
    /// One word: `running`, `stopped`, `disabled`, or `waiting` when it should run and no process does it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match (self.enabled, self.is_running, self.leader.is_some()) {
            (false, _, _) => "disabled",
            (true, false, _) => "stopped",
            (true, true, true) => "running",
            (true, true, false) => "waiting",
        }
    }

    /// It does what it was told.
    #[must_use]
    pub const fn is_healthy(&self) -> bool {
        !self.is_running || self.leader.is_some()
    }
}

impl App {
    /// What the scheduler is doing.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn scheduler_state(&self, caller: &Caller) -> Result<SchedulerState, AppError> {
        let (caller, now) = (caller.clone(), self.now());
        let enabled = self.automation().scheduler_enabled;
        Ok(self
            .store()
            .view("scheduler state", move |tx| {
                let on = tx.settings()?.get(RUNNING_SETTING).is_none_or(|text| text != "false");
                let is_running = enabled && on;
                let lease = tx.lease(LEADER_LEASE)?;
                let leader = lease.as_ref().filter(|lease| lease.expires_at > now);
                Ok(SchedulerState {
                    is_running,
                    enabled,
                    leader: leader.map(|lease| lease.holder.clone()),
                    last_heartbeat: lease.as_ref().map(beat),
                    jobs: scheduled(tx, &caller, is_running)?,
                })
            })
            .await?)
    }

    /// Switches the scheduler on, for all processes and over restarts; it may be on already.
    ///
    /// # Errors
    /// [`Fault::Conflict`] while the environment keeps it off.
    pub async fn start_scheduler(&self, caller: &Caller) -> Result<SchedulerState, AppError> {
        if !self.automation().scheduler_enabled {
            caller.needs(Role::Operator)?;
            caller.must_see_all()?;
            return Err(AppError::conflict(
                "SCHEDULER_ENABLED=false keeps the scheduler off; remove it from the environment and restart",
            ));
        }
        self.switch_scheduler(caller, true).await
    }

    /// Switches the scheduler off, for all processes and over restarts; it may be off already.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn stop_scheduler(&self, caller: &Caller) -> Result<SchedulerState, AppError> {
        self.switch_scheduler(caller, false).await
    }

    async fn switch_scheduler(
        &self,
        caller: &Caller,
        on: bool,
    ) -> Result<SchedulerState, AppError> {
        caller.needs(Role::Operator)?;
        caller.must_see_all()?;
        let (who, now) = (caller.clone(), self.now());
        self.store()
            .tx("scheduler switch", move |tx| {
                let text = if on { "true" } else { "false" };
                tx.put_setting(RUNNING_SETTING, Some(text), now)?;
                let action = if on { "scheduler.start" } else { "scheduler.stop" };
                audit::record(tx, &who, now, action, "scheduler", json!({}))
            })
            .await?;
        self.scheduler_state(caller).await
    }
}

/// A lease says when it ends; it was renewed its whole span before.
fn beat(lease: &Lease) -> Timestamp {
    lease.expires_at.before(LEADER_TTL)
}

fn scheduled(
    tx: &mut dyn Tx,
    caller: &Caller,
    is_running: bool,
) -> Result<Vec<ScheduledConfig>, Fault> {
    let filter = ExecutionFilter {
        status: Some(ExecutionStatus::Running),
        scope: caller.scope.clone(),
        ..ExecutionFilter::default()
    };
    let running = tx.executions(&filter, 10_000)?;
    let configs = tx.configs()?.into_iter().filter(|config| {
        config.is_active && config.trigger_type == TriggerType::Scheduled && caller.sees(config.id)
    });
    Ok(configs
        .map(|config| {
            let error = unreadable(&config);
            ScheduledConfig {
                armed: is_running && config.next_sync_at.is_some() && error.is_none(),
                running_now: running.iter().any(|run| run.config_id == config.id),
                error,
                config,
            }
        })
        .collect())
}

/// Rows are checked when they are saved; one that was changed by hand, or by an older zone table, says so itself.
fn unreadable(config: &SyncConfig) -> Option<String> {
    let cron = config.schedule_cron.as_deref().unwrap_or_default();
    let error = Schedule::parse(cron, &config.timezone).err()?;
    let field = match &error {
        ScheduleError::Cron(_) => "schedule_cron",
        ScheduleError::Zone(_) => "timezone",
    };
    Some(format!("{field}: {error}"))
}
