//! Jobs. In this part names are written in camelCase, and times are epoch milliseconds.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use syncline_app::{JobResult, JobView, QueueFigures};
use syncline_domain::{ItemId, JobStatus, Timestamp};
use utoipa::ToSchema;

use super::executions::{ErrorView, OutcomeView};

/// A job was queued.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobQueued {
    pub(crate) message: String,
    pub(crate) job_id: String,
}

/// One job.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobOne {
    pub(crate) job: JobRow,
}

/// Jobs, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobList {
    pub(crate) total: u64,
    pub(crate) count: usize,
    pub(crate) jobs: Vec<JobRow>,
    /// Send it as `cursor` for the next page; null on the last.
    pub(crate) next_cursor: Option<String>,
}

/// A job.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobRow {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    config_id: Option<i64>,
    config_name: Option<String>,
    /// queued, running, completed, failed or cancelled
    status: String,
    /// manual, scheduled, webhook or retry
    trigger: String,
    triggered_by: String,
    dry_run: bool,
    full: bool,
    direction: Option<String>,
    priority: i32,
    /// How many items it names; null when it is about all.
    item_count: Option<u64>,
    /// The first of them; only for one job, not in lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    work_item_ids: Vec<String>,
    /// epoch milliseconds
    created_at: i64,
    /// Not before; epoch milliseconds.
    run_at: i64,
    /// When the latest attempt began; epoch milliseconds.
    started_at: Option<i64>,
    /// epoch milliseconds
    completed_at: Option<i64>,
    attempts: u32,
    max_attempts: u32,
    /// Somebody asked it to stop.
    cancel_requested: bool,
    /// Why the last attempt failed.
    error: Option<ErrorView>,
    /// It was given up after its attempts; POST /api/jobs/{jobId}/retry queues it again.
    dead: bool,
    dead_reason: Option<String>,
    /// The run of the latest attempt.
    execution_id: Option<i64>,
    /// What came out, once it has ended; only for one job, not in lists.
    result: Option<ResultView>,
}

/// What came out of a job.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ResultView {
    execution_id: Option<i64>,
    total: u64,
    created: u64,
    updated: u64,
    skipped: u64,
    errors: u64,
    /// Failures first.
    items: Vec<OutcomeView>,
    /// There are more items than these.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    items_truncated: bool,
}

impl From<JobResult> for ResultView {
    fn from(result: JobResult) -> Self {
        Self {
            execution_id: result.execution_id.map(|id| id.0),
            total: result.total,
            created: result.created,
            updated: result.updated,
            skipped: result.skipped,
            errors: result.errors,
            items: result.items.into_iter().map(OutcomeView::from).collect(),
            items_truncated: result.items_truncated,
        }
    }
}

impl From<JobView> for JobRow {
    fn from(view: JobView) -> Self {
        let JobView { job, config_name, item_ids, result } = view;
        let flag = |name: &str| job.payload.get(name).and_then(Value::as_bool).unwrap_or(false);
        let direction = job.payload.get("direction").and_then(Value::as_str).map(str::to_owned);
        Self {
            id: job.key().to_string(),
            config_id: job.config_id.map(|id| id.0),
            config_name,
            status: job.status.to_string(),
            trigger: job.trigger.to_string(),
            dry_run: flag("dry_run"),
            full: flag("full"),
            direction,
            priority: job.priority,
            item_count: job.names_items.then_some(job.item_count),
            work_item_ids: item_ids.into_iter().map(ItemId::into_string).collect(),
            created_at: job.created_at.millis(),
            run_at: job.run_at.millis(),
            started_at: job.started_at.map(Timestamp::millis),
            completed_at: job.completed_at.map(Timestamp::millis),
            attempts: job.attempts,
            max_attempts: job.max_attempts,
            cancel_requested: job.cancel_requested,
            dead: job.status == JobStatus::Failed && job.dead_reason.is_some(),
            execution_id: job.execution_id.map(|id| id.0),
            result: result.map(ResultView::from),
            kind: job.kind,
            triggered_by: job.triggered_by,
            error: job.error.map(ErrorView::from),
            dead_reason: job.dead_reason,
        }
    }
}

/// The queue.
#[derive(Serialize, ToSchema)]
pub(crate) struct QueueOne {
    pub(crate) queue: QueueView,
}

/// The queue in figures.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueueView {
    /// Somebody works at jobs, or would if there were any.
    is_processing: bool,
    queued_jobs: u64,
    active_jobs: u64,
    max_concurrent: usize,
    completed_jobs: u64,
    failed_jobs: u64,
    dead_jobs: u64,
    /// For how long the first due job has been waiting.
    oldest_queued_seconds: Option<u64>,
    /// How many jobs may wait.
    max_queue_size: u64,
}

impl From<QueueFigures> for QueueView {
    fn from(figures: QueueFigures) -> Self {
        let counts = figures.counts;
        Self {
            is_processing: figures.is_processing,
            queued_jobs: counts.queued,
            active_jobs: counts.running,
            max_concurrent: figures.max_concurrent,
            completed_jobs: counts.completed,
            failed_jobs: counts.failed,
            dead_jobs: counts.dead,
            oldest_queued_seconds: figures.oldest_wait.as_ref().map(Duration::as_secs),
            max_queue_size: figures.max_waiting,
        }
    }
}
