//! Runs, what became of their items, and pairs.

use serde::Serialize;
use serde_json::Value;
use syncline_app::{ExecutionState, PairView};
use syncline_domain::{
    Change, Execution, ExecutionStatus, ItemError, ItemOutcome, ItemState, Pair, SyncConfig, Totals,
};
use utoipa::ToSchema;

use super::conflicts::ConflictRow;

/// A run.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExecutionView {
    id: i64,
    sync_config_id: i64,
    sync_config_name: String,
    source_connector_id: i64,
    target_connector_id: i64,
    status: String,
    trigger: String,
    triggered_by: String,
    direction: String,
    dry_run: bool,
    full: bool,
    started_at: String,
    ended_at: Option<String>,
    /// The same as `ended_at`.
    completed_at: Option<String>,
    duration_ms: Option<i64>,
    items_synced: u64,
    items_failed: u64,
    counts: Counts,
    error: Option<ErrorView>,
}

/// How many items left the run in each state.
#[derive(Serialize, ToSchema)]
pub(crate) struct Counts {
    total: u64,
    created: u64,
    updated: u64,
    linked: u64,
    deleted: u64,
    unchanged: u64,
    filtered: u64,
    waiting: u64,
    conflicted: u64,
    failed: u64,
    quarantined: u64,
}

impl From<Totals> for Counts {
    fn from(totals: Totals) -> Self {
        Self {
            total: totals.total(),
            created: totals.created,
            updated: totals.updated,
            linked: totals.linked,
            deleted: totals.deleted,
            unchanged: totals.unchanged,
            filtered: totals.filtered,
            waiting: totals.waiting,
            conflicted: totals.conflicted,
            failed: totals.failed,
            quarantined: totals.quarantined,
        }
    }
}

/// Why something failed.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorView {
    #[serde(rename = "type")]
    kind: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

impl From<ItemError> for ErrorView {
    fn from(error: ItemError) -> Self {
        Self {
            kind: error.error_type.to_string(),
            message: error.message,
            field: error.field.map(|field| field.into_string()),
        }
    }
}

impl ExecutionView {
    pub(crate) fn new(execution: Execution, config: &SyncConfig) -> Self {
        let ended_at = execution.ended_at.map(|at| at.to_iso());
        let totals = execution.totals;
        Self {
            id: execution.id.0,
            sync_config_id: execution.config_id.0,
            sync_config_name: config.name.clone(),
            source_connector_id: config.source_connector_id.0,
            target_connector_id: config.target_connector_id.0,
            status: execution.status.to_string(),
            trigger: execution.trigger.to_string(),
            triggered_by: execution.triggered_by,
            direction: execution.direction.to_string(),
            dry_run: execution.dry_run,
            full: execution.full,
            started_at: execution.started_at.to_iso(),
            completed_at: ended_at.clone(),
            ended_at,
            duration_ms: execution.ended_at.map(|at| at.millis() - execution.started_at.millis()),
            items_synced: totals.synced(),
            items_failed: totals.errors(),
            counts: totals.into(),
            error: execution.error.map(ErrorView::from),
        }
    }
}

/// Runs, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExecutionList {
    pub(crate) total: u64,
    pub(crate) count: usize,
    pub(crate) executions: Vec<ExecutionView>,
    /// Send it as `cursor` for the next page; null on the last.
    pub(crate) next_cursor: Option<String>,
}

/// One run, live while it goes on.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExecutionOne {
    execution: ExecutionView,
    errors: Vec<ErrorLine>,
    logs: Vec<LogLine>,
    /// Conflicts that this run found first.
    conflicts: Vec<ConflictRow>,
}

/// An item that is not well.
#[derive(Serialize, ToSchema)]
struct ErrorLine {
    item_id: Option<String>,
    error_type: String,
    message: String,
    field: Option<String>,
    created_at: String,
}

/// Something that happened to the run as a whole.
#[derive(Serialize, ToSchema)]
struct LogLine {
    at: String,
    level: String,
    message: String,
}

impl From<ExecutionState> for ExecutionOne {
    fn from(state: ExecutionState) -> Self {
        let logs = log_lines(&state.execution);
        Self {
            errors: state.errors.into_iter().filter_map(error_line).collect(),
            conflicts: state.conflicts.into_iter().map(ConflictRow::from).collect(),
            logs,
            execution: ExecutionView::new(state.execution, &state.config),
        }
    }
}

fn log_lines(execution: &Execution) -> Vec<LogLine> {
    let mut lines = vec![LogLine {
        at: execution.started_at.to_iso(),
        level: "info".to_owned(),
        message: format!("started ({}, by {})", execution.trigger, execution.triggered_by),
    }];
    let end = execution.ended_at.unwrap_or(execution.started_at).to_iso();
    if let Some(error) = &execution.error {
        let message = error.message.clone();
        lines.push(LogLine { at: end.clone(), level: "error".to_owned(), message });
    }
    if execution.status != ExecutionStatus::Running {
        let message = format!(
            "ended {}: {} synced, {} not well, {} in all",
            execution.status,
            execution.totals.synced(),
            execution.totals.errors(),
            execution.totals.total()
        );
        lines.push(LogLine { at: end, level: "info".to_owned(), message });
    }
    lines
}

fn error_line(outcome: ItemOutcome) -> Option<ErrorLine> {
    let error = outcome.error?;
    Some(ErrorLine {
        item_id: outcome.source_id.or(outcome.target_id).map(|id| id.into_string()),
        error_type: error.error_type.to_string(),
        message: error.message,
        field: error.field.map(|field| field.into_string()),
        created_at: outcome.at.to_iso(),
    })
}

/// What became of an item.
#[derive(Serialize, ToSchema)]
pub(crate) struct OutcomeView {
    source_id: Option<String>,
    target_id: Option<String>,
    source_type: String,
    title: String,
    /// created, updated, linked, deleted, unchanged, filtered, waiting, conflicted, failed or quarantined
    action: String,
    success: bool,
    rule: Option<String>,
    error: Option<ErrorView>,
    changes: Vec<ChangeView>,
}

/// One change of one field.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChangeView {
    field: String,
    #[schema(value_type = Value)]
    old: Value,
    #[schema(value_type = Value)]
    new: Value,
    rule: String,
}

impl From<Change> for ChangeView {
    fn from(change: Change) -> Self {
        Self {
            field: change.field.into_string(),
            old: change.old,
            new: change.new,
            rule: change.rule,
        }
    }
}

impl From<ItemOutcome> for OutcomeView {
    fn from(outcome: ItemOutcome) -> Self {
        use ItemState::{Conflicted, Failed, Quarantined};
        Self {
            source_id: outcome.source_id.map(|id| id.into_string()),
            target_id: outcome.target_id.map(|id| id.into_string()),
            source_type: outcome.type_ref,
            title: outcome.title,
            success: !matches!(outcome.state, Failed | Quarantined | Conflicted),
            action: outcome.state.to_string(),
            rule: outcome.rule,
            error: outcome.error.map(ErrorView::from),
            changes: outcome.changes.into_iter().map(ChangeView::from).collect(),
        }
    }
}

/// What became of the items of a run.
#[derive(Serialize, ToSchema)]
pub(crate) struct OutcomeList {
    pub(crate) count: usize,
    pub(crate) items: Vec<OutcomeView>,
    /// Send it as `cursor` for the next page; null on the last.
    pub(crate) next_cursor: Option<String>,
}

/// A run has ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunEnded {
    message: String,
    dry_run: bool,
    execution_id: i64,
    execution_status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorView>,
    results: Results,
}

/// The counts of a run and its items, failures first.
#[derive(Serialize, ToSchema)]
pub(crate) struct Results {
    total: u64,
    created: u64,
    updated: u64,
    linked: u64,
    deleted: u64,
    skipped: u64,
    errors: u64,
    conflicts_detected: u64,
    conflicts_resolved: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    would_create: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    would_update: Option<u64>,
    items: Vec<OutcomeView>,
    /// There are more items than these.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    items_truncated: bool,
}

impl RunEnded {
    pub(crate) fn new(execution: Execution, items: Vec<ItemOutcome>, truncated: bool) -> Self {
        let totals = execution.totals;
        let dry = execution.dry_run;
        Self {
            message: ended_text(&execution),
            dry_run: dry,
            execution_id: execution.id.0,
            execution_status: execution.status.to_string(),
            error: execution.error.map(ErrorView::from),
            results: Results {
                total: totals.total(),
                created: totals.created,
                updated: totals.updated,
                linked: totals.linked,
                deleted: totals.deleted,
                skipped: totals.skipped(),
                errors: totals.errors(),
                conflicts_detected: totals.conflicted,
                conflicts_resolved: totals.conflicts_resolved,
                would_create: dry.then_some(totals.created),
                would_update: dry.then_some(totals.updated),
                items: items.into_iter().map(OutcomeView::from).collect(),
                items_truncated: truncated,
            },
        }
    }
}

fn ended_text(execution: &Execution) -> String {
    let kind = if execution.dry_run { "dry run" } else { "sync" };
    match execution.status {
        ExecutionStatus::Running => format!("{kind} is going on"),
        ExecutionStatus::Completed => format!("{kind} completed"),
        ExecutionStatus::CompletedWithErrors => {
            format!("{kind} completed, but {} item(s) are not well", execution.totals.errors())
        }
        ExecutionStatus::Failed => format!("{kind} failed"),
        ExecutionStatus::Cancelled => format!("{kind} was cancelled"),
    }
}

/// A run was started and goes on.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunAccepted {
    pub(crate) message: String,
    pub(crate) execution_id: i64,
}

/// Pairs of a configuration.
#[derive(Serialize, ToSchema)]
pub(crate) struct PairList {
    total: u64,
    count: usize,
    items: Vec<PairRow>,
}

#[derive(Serialize, ToSchema)]
struct PairRow {
    id: i64,
    sync_config_id: i64,
    source_connector_id: i64,
    target_connector_id: i64,
    source_item_id: String,
    target_item_id: Option<String>,
    source_type: String,
    target_type: String,
    source_url: String,
    target_url: String,
    /// active, or ignored when somebody took the pair apart for good
    state: String,
    last_synced_at: String,
    sync_count: i64,
    created_at: String,
}

impl From<PairView> for PairList {
    fn from(view: PairView) -> Self {
        let config = view.config;
        let items: Vec<PairRow> =
            view.pairs.into_iter().map(|pair| PairRow::new(pair, &config)).collect();
        Self { total: view.total, count: items.len(), items }
    }
}

impl PairRow {
    fn new(pair: Pair, config: &SyncConfig) -> Self {
        Self {
            id: pair.id.0,
            sync_config_id: pair.config_id.0,
            source_connector_id: config.source_connector_id.0,
            target_connector_id: config.target_connector_id.0,
            source_item_id: pair.source_item_id.into_string(),
            target_item_id: pair.target_item_id.map(|id| id.into_string()),
            source_type: pair.source_type,
            target_type: pair.target_type,
            source_url: pair.source_url,
            target_url: pair.target_url,
            state: pair.state.as_str().to_owned(),
            last_synced_at: pair.last_synced_at.to_iso(),
            sync_count: pair.sync_count,
            created_at: pair.created_at.to_iso(),
        }
    }
}

/// Two items were joined by hand.
#[derive(Serialize, ToSchema)]
pub(crate) struct PairMade {
    pub(crate) message: String,
    pub(crate) pair_id: i64,
}
