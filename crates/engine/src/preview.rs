//! What a run would do now, without doing it.

use std::sync::Arc;

use serde::Serialize;
use syncline_domain::ports::{Connector, StoreExt as _};
use syncline_domain::{
    Change, ConfigId, Execution, ExecutionId, ExecutionStatus, Fault, Fields, ItemError, ItemId,
    ItemState, PLAN_LASTS, PlanId, PlanState, PlanTotals, PlannedWrite, RunDirection, Side,
    StoredPlan, SyncSpec, Totals, Trigger,
};

use crate::course::{Course, Mode};
use crate::drive::go;
use crate::engine::Engine;
use crate::error::{PreviewError, Stop};
use crate::outcome::Settled;
use crate::people::People;
use crate::reviewed::{limits_of, writes_of};
use crate::start::{direction_of, faults_of};

/// What to preview.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewRequest {
    /// The configuration. It need not be active.
    pub config_id: ConfigId,
    /// Which way; the configuration's own way when absent.
    pub direction: Option<RunDirection>,
    /// Read everything, not only what changed.
    pub full: bool,
    /// Only these items of the reading side.
    pub item_ids: Option<Vec<ItemId>>,
    /// At most this many items.
    pub limit: u64,
}

/// What a run would do.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Preview {
    /// The items, in the order in which the run would take them.
    pub items: Vec<PreviewItem>,
    /// The counts.
    pub summary: PreviewSummary,
    /// The limit was reached: there may be more.
    pub truncated: bool,
}

/// What a run would do with one item.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PreviewItem {
    /// The side it was read from.
    pub side: Side,
    /// The item on the configuration's source, where there is one.
    pub source_id: Option<ItemId>,
    /// The item on the configuration's target, where there is one.
    pub target_id: Option<ItemId>,
    /// The type's reference on the reading side.
    pub source_type: String,
    /// One line that names the item to people.
    pub title: String,
    /// What would happen.
    pub action: PreviewAction,
    /// The fields that would be written.
    pub changes: Vec<Change>,
    /// All values the rules make, whether they would be written or not.
    pub mapped_fields: Fields,
    /// Which rule decided, where one did.
    pub rule: Option<String>,
    /// What is wrong, where something is.
    pub error: Option<ItemError>,
}

/// What would happen to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PreviewAction {
    /// A copy would be made.
    Create,
    /// Its copy would be changed.
    Update,
    /// It would be joined with an item that is there already.
    Link,
    /// Nothing.
    Unchanged,
    /// A field waits for a person.
    Conflict,
    /// A rule leaves it out.
    Filtered,
    /// It waits for something.
    Waiting,
    /// It could not be synced.
    Error,
}

impl From<ItemState> for PreviewAction {
    fn from(state: ItemState) -> Self {
        match state {
            ItemState::Created => Self::Create,
            ItemState::Updated | ItemState::Deleted => Self::Update,
            ItemState::Linked => Self::Link,
            ItemState::Unchanged => Self::Unchanged,
            ItemState::Conflicted => Self::Conflict,
            ItemState::Filtered => Self::Filtered,
            ItemState::Waiting => Self::Waiting,
            ItemState::Failed | ItemState::Quarantined => Self::Error,
        }
    }
}

/// How many items would meet what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PreviewSummary {
    /// Copies that would be made.
    pub to_create: u64,
    /// Copies that would be changed.
    pub to_update: u64,
    /// Items that would be joined.
    pub to_link: u64,
    /// Items with nothing to write.
    pub unchanged: u64,
    /// Items of which a field waits for a person.
    pub conflicts: u64,
    /// Items that a rule leaves out.
    pub filtered: u64,
    /// Items that wait for something.
    pub waiting: u64,
    /// Items that could not be synced.
    pub errors: u64,
}

/// What a run would do, and the plan that comes of it; nobody has stored it yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Drafted {
    /// What a run would do, item by item.
    pub preview: Preview,
    /// The plan, without an id.
    pub plan: StoredPlan,
    /// Its writes, in the order in which a run would come to them.
    pub writes: Vec<PlannedWrite>,
}

/// The most writes of one plan. What is beyond them is in the next one, since what was applied is not planned again.
const MOST_WRITES: usize = 10_000;

pub(crate) async fn draft(
    engine: &Engine,
    request: PreviewRequest,
    by: &str,
    source: Arc<dyn Connector>,
    target: Arc<dyn Connector>,
) -> Result<Drafted, PreviewError> {
    let spec = match engine.load_spec(request.config_id).await {
        Ok(spec) => spec,
        Err(Fault::NotFound(_)) => return Err(PreviewError::NotFound(request.config_id)),
        Err(fault) => return Err(fault.into()),
    };
    let faults = faults_of(&spec, request.direction);
    if !faults.is_empty() {
        return Err(PreviewError::Invalid(faults));
    }
    let row = row_of(engine, &spec, &request);
    // One more than asked for tells whether there is more.
    let limit = Some(request.limit.saturating_add(1));
    let parts = engine.parts.clone();
    let course = Course::new(parts, spec, Mode::Preview, row, None, limit, People::default());
    match go(&course, &source, &target).await {
        Ok(_) | Err(Stop::Limit(_)) => {}
        Err(stop) => return Err(error_of(stop)),
    }
    let (spec, direction) = (Arc::clone(&course.spec), course.execution.direction);
    let most = usize::try_from(request.limit).unwrap_or(usize::MAX);
    let mut settled = course.collected();
    let truncated = settled.len() > most;
    settled.truncate(most);
    let mut writes = writes_of(&settled);
    let preview = summed_up(settled, truncated);
    let is_whole =
        request.item_ids.is_none() && !truncated && direction == direction_of(&spec, None);
    let is_truncated = truncated || writes.len() > MOST_WRITES;
    writes.truncate(MOST_WRITES);
    let mut totals = PlanTotals::default();
    writes.iter().for_each(|write| totals.count(write));
    let config = request.config_id;
    let pairs = engine.parts.store.view("count_pairs", move |tx| tx.count_pairs(config)).await?;
    let now = engine.parts.clock.now();
    let plan = StoredPlan {
        id: PlanId(0),
        config_id: config,
        config_version: spec.config.version,
        direction,
        full: request.full,
        is_whole,
        is_truncated,
        totals,
        limits: limits_of(&spec.config.options, &writes, pairs),
        created_by: by.to_owned(),
        created_at: now,
        expires_at: now.after(PLAN_LASTS),
        state: PlanState::Open,
        execution_id: None,
        applied_by: None,
        applied_at: None,
    };
    Ok(Drafted { preview, plan, writes })
}

/// The run that is not made.
fn row_of(engine: &Engine, spec: &SyncSpec, request: &PreviewRequest) -> Execution {
    Execution {
        id: ExecutionId(0),
        config_id: request.config_id,
        status: ExecutionStatus::Running,
        trigger: Trigger::Manual,
        triggered_by: String::new(),
        direction: direction_of(spec, request.direction),
        dry_run: true,
        full: request.full,
        item_ids: request.item_ids.clone(),
        cancel_requested: false,
        totals: Totals::default(),
        error: None,
        started_at: engine.parts.clock.now(),
        ended_at: None,
    }
}

fn error_of(stop: Stop) -> PreviewError {
    match stop {
        Stop::Connector { error, .. } => PreviewError::Connector(error),
        Stop::Store(Fault::Invalid(faults)) => PreviewError::Invalid(faults),
        Stop::Store(fault) => PreviewError::Store(fault),
        other => PreviewError::Store(Fault::Internal(other.to_string())),
    }
}

fn summed_up(settled: Vec<Settled>, truncated: bool) -> Preview {
    let mut preview = Preview { truncated, ..Preview::default() };
    for one in settled {
        let item = item_of(one);
        preview.summary.count(item.action);
        preview.items.push(item);
    }
    preview
}

fn item_of(settled: Settled) -> PreviewItem {
    let outcome = settled.outcome;
    PreviewItem {
        side: outcome.side,
        source_id: outcome.source_id,
        target_id: outcome.target_id,
        source_type: outcome.type_ref,
        title: outcome.title,
        action: outcome.state.into(),
        changes: outcome.changes,
        mapped_fields: settled.mapped,
        rule: outcome.rule,
        error: outcome.error,
    }
}

impl PreviewSummary {
    const fn count(&mut self, action: PreviewAction) {
        let slot = match action {
            PreviewAction::Create => &mut self.to_create,
            PreviewAction::Update => &mut self.to_update,
            PreviewAction::Link => &mut self.to_link,
            PreviewAction::Unchanged => &mut self.unchanged,
            PreviewAction::Conflict => &mut self.conflicts,
            PreviewAction::Filtered => &mut self.filtered,
            PreviewAction::Waiting => &mut self.waiting,
            PreviewAction::Error => &mut self.errors,
        };
        *slot = slot.saturating_add(1);
    }
}
