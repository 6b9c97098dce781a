//! Whether a plan may be applied, the taking of it, and its end.

use syncline_domain::ports::Tx;
use syncline_domain::{
    Execution, ExecutionId, ExecutionStatus, Fault, PlanId, PlanState, RequirePlan, RulesReview,
    StoredPlan, SyncSpec, Timestamp, Trigger,
};

use super::Reviewed;
use crate::start::RunRequest;

/// Writes of a plan that are read at once.
const PAGE: usize = 1_000;

/// Why a plan is not applied, in words.
fn refusal(plan: &StoredPlan, spec: &SyncSpec, now: Timestamp) -> Option<String> {
    let id = plan.id;
    if plan.state != PlanState::Open {
        let run = plan.execution_id.map_or_else(String::new, |run| format!(" by run {run}"));
        return Some(format!("plan {id} was applied already{run}; make a new one"));
    }
    if now >= plan.expires_at {
        return Some(format!("plan {id} expired at {}; make a new one", plan.expires_at));
    }
    if plan.config_version != spec.config.version {
        return Some(format!(
            "the rules, filters or options of sync configuration {:?} were changed after plan {id} was made (version {}, \
             now {}); make a new one",
            spec.config.name, plan.config_version, spec.config.version
        ));
    }
    let over = plan.limits.iter().find(|limit| limit.exceeded)?;
    Some(format!(
        "plan {id} exceeds {} = {}: it wants {}; raise the limit or make a plan of fewer items",
        over.option, over.limit, over.planned
    ))
}

/// Takes a plan for the run that applies it, in the transaction that makes the run's row. `Ok(Err)` says why not.
pub(crate) fn take(
    tx: &mut dyn Tx,
    spec: &SyncSpec,
    id: PlanId,
    now: Timestamp,
) -> Result<Result<Reviewed, String>, Fault> {
    let plan = tx.plan(id)?.ok_or_else(|| Fault::no_such("plan", id))?;
    if let Some(why) = refusal(&plan, spec, now) {
        return Ok(Err(why));
    }
    let mut writes = Vec::new();
    loop {
        let after = writes.last().map(|write: &syncline_domain::PlannedWrite| write.id);
        let page = tx.plan_writes(id, after, PAGE)?;
        let is_last = page.len() < PAGE;
        writes.extend(page);
        if is_last {
            return Ok(Ok(Reviewed::new(plan, writes)));
        }
    }
}

impl Reviewed {
    /// Moves the plan on: it is this run's from now on, and nobody else's.
    pub(crate) fn put_taken(&self, tx: &mut dyn Tx, run: &Execution) -> Result<(), Fault> {
        tx.update_plan(&StoredPlan {
            state: PlanState::Applying,
            execution_id: Some(run.id),
            applied_by: Some(run.triggered_by.clone()),
            applied_at: Some(run.started_at),
            ..self.plan.clone()
        })
    }
}

/// The end of the run that applied a plan. A plan of everything that came to its end stands for a review of the rules.
pub(crate) fn end(tx: &mut dyn Tx, plan: PlanId, run: &Execution) -> Result<(), Fault> {
    let Some(plan) = tx.plan(plan)? else { return Ok(()) };
    let came_to_its_end =
        matches!(run.status, ExecutionStatus::Completed | ExecutionStatus::CompletedWithErrors);
    let state = if came_to_its_end { PlanState::Applied } else { PlanState::Stopped };
    tx.update_plan(&StoredPlan { state, ..plan.clone() })?;
    if !came_to_its_end || !plan.is_whole {
        return Ok(());
    }
    tx.put_rules_review(&RulesReview {
        config_id: plan.config_id,
        config_version: plan.config_version,
        plan_id: plan.id,
        reviewed_at: run.ended_at.unwrap_or(run.started_at),
    })
}

/// The plan of a run whose process died is not applied further.
pub(crate) fn end_of_run(tx: &mut dyn Tx, run: ExecutionId) -> Result<(), Fault> {
    match tx.plan_of_run(run)? {
        Some(plan) => tx.update_plan(&StoredPlan { state: PlanState::Stopped, ..plan }),
        None => Ok(()),
    }
}

/// Why a run that nobody started by hand must wait for a plan.
pub(crate) fn needs_review(
    tx: &mut dyn Tx,
    spec: &SyncSpec,
    request: &RunRequest,
) -> Result<Option<String>, Fault> {
    let config = &spec.config;
    let by_itself = match request.trigger {
        Trigger::Manual => false,
        Trigger::Scheduled | Trigger::Webhook => true,
        Trigger::Retry => request.retry_of.is_none(),
    };
    // A full walk since the rules changed has brought them into force already; without one they are new.
    let is_new = config.needs_full || config.last_sync_at.is_none();
    if config.options.require_plan == RequirePlan::Never || request.dry_run || !by_itself || !is_new
    {
        return Ok(None);
    }
    let review = tx.rules_review(config.id)?;
    if review.is_some_and(|review| review.config_version == config.version) {
        return Ok(None);
    }
    Ok(Some(format!(
        "the rules of sync configuration {:?} were changed, and its option require_plan is {}: make a plan and apply it \
         first (POST /api/execute/preview/{id}, then /api/execute/apply/PLAN; or syncline plan {id}, then syncline apply \
         PLAN)",
        config.name,
        config.options.require_plan,
        id = config.id
    )))
}
