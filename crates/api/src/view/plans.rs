//! Stored plans and their writes.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use syncline_app::{PlanPage, PlanState, PlanView};
use syncline_domain::{PlanLimit, PlanTotals, PlannedWrite, StoredPlan};
use utoipa::ToSchema;

use super::executions::ChangeView;

/// A plan: what a run would write, kept so that it can be looked at and applied.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanRow {
    id: i64,
    sync_config_id: i64,
    sync_config_name: String,
    /// The version of rules, filters and options that it was made with; once they change it is refused.
    config_version: i64,
    direction: String,
    full: bool,
    /// There was more to write than one plan holds; the rest comes in the next one.
    truncated: bool,
    totals: TotalsView,
    limits: Vec<LimitView>,
    /// open, applying, applied or stopped
    state: String,
    /// Its time is over: it is refused.
    expired: bool,
    /// The configuration was changed since: it is refused.
    outdated: bool,
    created_by: String,
    created_at: String,
    expires_at: String,
    /// The run that applies it, or did.
    execution_id: Option<i64>,
    execution_status: Option<String>,
    applied_by: Option<String>,
    applied_at: Option<String>,
}

/// How many writes of which kind a plan holds.
#[derive(Serialize, ToSchema)]
pub(crate) struct TotalsView {
    items: u64,
    creates: u64,
    updates: u64,
    links: u64,
    closes: u64,
    deletes: u64,
    unlinks: u64,
    /// Values that are set, statuses included.
    values: u64,
}

impl From<PlanTotals> for TotalsView {
    fn from(totals: PlanTotals) -> Self {
        Self {
            items: totals.items(),
            creates: totals.creates,
            updates: totals.updates,
            links: totals.links,
            closes: totals.closes,
            deletes: totals.deletes,
            unlinks: totals.unlinks,
            values: totals.values,
        }
    }
}

/// A limit of the configuration beside what the plan wants.
#[derive(Serialize, ToSchema)]
pub(crate) struct LimitView {
    option: String,
    limit: u64,
    planned: u64,
    /// The plan wants more than the limit allows: it is refused.
    exceeded: bool,
}

impl From<PlanLimit> for LimitView {
    fn from(limit: PlanLimit) -> Self {
        let PlanLimit { option, limit, planned, exceeded } = limit;
        Self { option, limit, planned, exceeded }
    }
}

/// What a preview says of the plan that was stored of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanHead {
    expires_at: String,
    /// There was more to write than one plan holds; the rest comes in the next one.
    truncated: bool,
    totals: TotalsView,
    limits: Vec<LimitView>,
}

impl From<StoredPlan> for PlanHead {
    fn from(plan: StoredPlan) -> Self {
        Self {
            expires_at: plan.expires_at.to_iso(),
            truncated: plan.is_truncated,
            totals: plan.totals.into(),
            limits: plan.limits.into_iter().map(LimitView::from).collect(),
        }
    }
}

impl From<PlanView> for PlanRow {
    fn from(view: PlanView) -> Self {
        let plan = view.plan;
        Self {
            id: plan.id.0,
            sync_config_id: plan.config_id.0,
            sync_config_name: view.config_name,
            config_version: plan.config_version,
            direction: plan.direction.to_string(),
            full: plan.full,
            truncated: plan.is_truncated,
            totals: plan.totals.into(),
            limits: plan.limits.into_iter().map(LimitView::from).collect(),
            state: plan.state.to_string(),
            expired: view.is_expired,
            outdated: view.is_outdated,
            created_by: plan.created_by,
            created_at: plan.created_at.to_iso(),
            expires_at: plan.expires_at.to_iso(),
            execution_id: plan.execution_id.map(|id| id.0),
            execution_status: view.execution_status.map(|status| status.to_string()),
            applied_by: plan.applied_by,
            applied_at: plan.applied_at.map(|at| at.to_iso()),
        }
    }
}

/// Plans, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanList {
    count: usize,
    plans: Vec<PlanRow>,
    next_cursor: Option<String>,
}

impl From<PlanPage> for PlanList {
    fn from(page: PlanPage) -> Self {
        Self {
            count: page.plans.len(),
            plans: page.plans.into_iter().map(PlanRow::from).collect(),
            next_cursor: page.next_cursor.map(|id| id.to_string()),
        }
    }
}

/// A plan with its writes.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanOne {
    plan: PlanRow,
    /// In the order of the plan.
    items: Vec<PlanItem>,
    next_cursor: Option<String>,
}

/// One write: exactly what is sent for one item, and why.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanItem {
    /// The side whose reading led to it: source or target
    read_side: String,
    /// source or target
    written_side: String,
    /// create, update, link, close, delete or unlink
    operation: String,
    source_id: Option<String>,
    target_id: Option<String>,
    /// The revision that the source item must still be in.
    source_version: Option<String>,
    /// The revision that the target item must still be in.
    target_version: Option<String>,
    source_type: String,
    title: String,
    /// The type of what is made.
    create_type: Option<String>,
    status: Option<String>,
    #[schema(value_type = Object)]
    fields: BTreeMap<String, Value>,
    /// The field that gets our marker.
    marker_field: Option<String>,
    comments: Vec<String>,
    changes: Vec<ChangeView>,
    rule: Option<String>,
}

impl From<PlannedWrite> for PlanItem {
    fn from(write: PlannedWrite) -> Self {
        Self {
            read_side: write.read_side.to_string(),
            written_side: write.written_side.to_string(),
            operation: write.operation.to_string(),
            source_id: write.source_id.map(|id| id.into_string()),
            target_id: write.target_id.map(|id| id.into_string()),
            source_version: write.source_version.map(|version| version.into_string()),
            target_version: write.target_version.map(|version| version.into_string()),
            source_type: write.item_type,
            title: write.title,
            create_type: write.type_ref,
            status: write.status,
            fields: write.fields.into_iter().map(|(k, v)| (k.into_string(), v)).collect(),
            marker_field: write.marker_field.map(|field| field.into_string()),
            comments: write.comments,
            changes: write.changes.into_iter().map(ChangeView::from).collect(),
            rule: write.rule,
        }
    }
}

impl From<PlanState> for PlanOne {
    fn from(state: PlanState) -> Self {
        Self {
            plan: state.view.into(),
            items: state.writes.into_iter().map(PlanItem::from).collect(),
            next_cursor: state.next_cursor.map(|id| id.to_string()),
        }
    }
}
