//! Schedules and what became of them. In this part names are written in camelCase.

use serde::Serialize;
use syncline_app::{ScheduledConfig, SchedulerState, Upcoming};
use syncline_domain::{JobKey, Occurrence, Timestamp};
use utoipa::ToSchema;

/// The scheduler.
#[derive(Serialize, ToSchema)]
pub(crate) struct SchedulerOne {
    pub(crate) scheduler: SchedulerView,
}

/// The scheduler after it was switched.
#[derive(Serialize, ToSchema)]
pub(crate) struct SchedulerSwitched {
    pub(crate) message: String,
    pub(crate) status: SchedulerView,
}

/// What the scheduler is doing.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SchedulerView {
    /// It is switched on and the environment lets it run.
    is_running: bool,
    job_count: usize,
    jobs: Vec<ScheduledView>,
    /// It does what it was told.
    is_healthy: bool,
    /// running, stopped, disabled (by SCHEDULER_ENABLED), or waiting when no process does it
    status: String,
    last_heartbeat: Option<String>,
    /// The process that schedules.
    leader: Option<String>,
}

/// A scheduled configuration.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ScheduledView {
    config_id: i64,
    config_name: String,
    /// It is armed: its next run is known and will come.
    is_running: bool,
    /// A run of it is going on.
    running_now: bool,
    cron_expression: Option<String>,
    timezone: String,
    next_run: Option<String>,
    last_run: Option<String>,
    /// Why it is not armed, when its expression or time zone cannot be read.
    error: Option<String>,
}

impl From<SchedulerState> for SchedulerView {
    fn from(state: SchedulerState) -> Self {
        Self {
            is_running: state.is_running,
            job_count: state.jobs.len(),
            is_healthy: state.is_healthy(),
            status: state.word().to_owned(),
            last_heartbeat: state.last_heartbeat.map(Timestamp::to_iso),
            leader: state.leader,
            jobs: state.jobs.into_iter().map(ScheduledView::from).collect(),
        }
    }
}

impl From<ScheduledConfig> for ScheduledView {
    fn from(scheduled: ScheduledConfig) -> Self {
        let config = scheduled.config;
        Self {
            config_id: config.id.0,
            config_name: config.name,
            is_running: scheduled.armed,
            running_now: scheduled.running_now,
            cron_expression: config.schedule_cron,
            timezone: config.timezone,
            next_run: config.next_sync_at.filter(|_| scheduled.armed).map(Timestamp::to_iso),
            last_run: config.last_sync_at.map(Timestamp::to_iso),
            error: scheduled.error,
        }
    }
}

/// A configuration was scheduled.
#[derive(Serialize, ToSchema)]
pub(crate) struct Scheduled {
    pub(crate) message: String,
    pub(crate) next_run: NextRun,
}

/// When it runs next.
#[derive(Serialize, ToSchema)]
pub(crate) struct NextRun {
    /// epoch milliseconds
    next_sync_at: Option<i64>,
    iso: Option<String>,
    timezone: String,
}

impl NextRun {
    pub(crate) fn new(next: Option<Timestamp>, timezone: String) -> Self {
        Self {
            next_sync_at: next.map(Timestamp::millis),
            iso: next.map(Timestamp::to_iso),
            timezone,
        }
    }
}

/// When something runs, or would.
#[derive(Serialize, ToSchema)]
pub(crate) struct NextRuns {
    /// Something is really going to run; false for a preview.
    scheduled: bool,
    /// The expression, normalised.
    schedule_cron: Option<String>,
    /// What it says.
    description: Option<String>,
    timezone: String,
    count: usize,
    next_runs: Vec<Instant>,
}

#[derive(Serialize, ToSchema)]
struct Instant {
    epoch_ms: i64,
    iso: String,
}

impl From<Upcoming> for NextRuns {
    fn from(upcoming: Upcoming) -> Self {
        let instant = |at: Timestamp| Instant { epoch_ms: at.millis(), iso: at.to_iso() };
        Self {
            scheduled: upcoming.scheduled,
            schedule_cron: upcoming.cron,
            description: upcoming.description,
            timezone: upcoming.timezone,
            count: upcoming.instants.len(),
            next_runs: upcoming.instants.into_iter().map(instant).collect(),
        }
    }
}

/// What became of the instants of a schedule, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct OccurrenceList {
    pub(crate) count: usize,
    pub(crate) occurrences: Vec<OccurrenceView>,
    /// Send it as `cursor` for the next page; null on the last.
    pub(crate) next_cursor: Option<String>,
}

/// One instant.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OccurrenceView {
    id: i64,
    config_id: i64,
    /// The instant that the expression names.
    instant: String,
    /// queued, late, missed or skipped
    state: String,
    /// The job that was queued for it, while it is kept.
    job_id: Option<String>,
    /// Why, where there was a choice.
    note: Option<String>,
    decided_at: String,
}

impl OccurrenceView {
    pub(crate) fn new(occurrence: Occurrence, job: Option<JobKey>) -> Self {
        Self {
            id: occurrence.id.0,
            config_id: occurrence.config_id.0,
            instant: occurrence.instant.to_iso(),
            state: occurrence.state.to_string(),
            job_id: job.map(|key| key.to_string()),
            note: occurrence.note,
            decided_at: occurrence.decided_at.to_iso(),
        }
    }
}
