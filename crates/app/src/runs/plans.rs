//! Plans: made by a preview, looked at, and applied once.

use serde_json::{Value, json};
use syncline_domain::ports::{PlanFilter, StoreExt as _, Tx};
use syncline_domain::{
    ConfigId, ExecutionStatus, Fault, PlanId, PlanWriteId, PlannedWrite, Role, StoredPlan,
};
use syncline_engine::{ApplyRequest, Preview};

use super::start::{RunAsked, RunStarted, preview_error, start_error};
use crate::configs::must_config;
use crate::{App, AppError, Caller, audit, samples};

/// A plan is made of at most this many items, of whatever state.
const PLAN_MOST: u64 = 1_000_000;

/// A preview with the plan that was stored of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// What a run would do, item by item.
    pub preview: Preview,
    /// The plan.
    pub plan: StoredPlan,
}

/// A plan as people look at it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanView {
    /// The row.
    pub plan: StoredPlan,
    /// What its configuration is called.
    pub config_name: String,
    /// How the run stands that applies it.
    pub execution_status: Option<ExecutionStatus>,
    /// Its time is over.
    pub is_expired: bool,
    /// The configuration was changed since: it is refused.
    pub is_outdated: bool,
}

/// Some plans, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanPage {
    /// The plans.
    pub plans: Vec<PlanView>,
    /// Where the next page starts; `None` on the last.
    pub next_cursor: Option<PlanId>,
}

/// A plan with some of its writes, in the plan's order.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanState {
    /// The plan.
    pub view: PlanView,
    /// The writes.
    pub writes: Vec<PlannedWrite>,
    /// Where the next page of writes starts; `None` on the last.
    pub next_cursor: Option<PlanWriteId>,
}

impl App {
    /// What a run would do now, stored as a plan that can be applied; no tracker is written.
    ///
    /// # Errors
    /// As [`App::preview`].
    pub async fn plan(
        &self,
        caller: &Caller,
        id: ConfigId,
        asked: RunAsked,
    ) -> Result<Planned, AppError> {
        let (request, [source, target]) = self.looking(caller, id, asked, PLAN_MOST).await?;
        let drafted = self.engine().draft(request, &caller.actor, source, target).await;
        let drafted = drafted.map_err(preview_error)?;
        let (plan, writes) = (drafted.plan.clone(), drafted.writes);
        let stored = self.store().tx("store_plan", move |tx| tx.insert_plan(&plan, &writes));
        let plan = StoredPlan { id: stored.await?, ..drafted.plan };
        Ok(Planned { preview: drafted.preview, plan })
    }

    /// Plans in the caller's sight, newest first.
    ///
    /// # Errors
    /// [`Fault::NotFound`] for a configuration out of sight.
    pub async fn plans(
        &self,
        caller: &Caller,
        mut filter: PlanFilter,
        limit: usize,
    ) -> Result<PlanPage, AppError> {
        if let Some(id) = filter.config_id {
            caller.must_see(id)?;
        }
        filter.scope.clone_from(&caller.scope);
        let now = self.now();
        Ok(self
            .store()
            .view("plans", move |tx| {
                if let Some(id) = filter.config_id {
                    must_config(tx, id)?;
                }
                let mut found = tx.plans(&filter, limit.saturating_add(1))?;
                let more = found.len() > limit;
                found.truncate(limit);
                let next_cursor = found.last().filter(|_| more).map(|plan| plan.id);
                let plans = found.into_iter().map(|plan| viewed(tx, plan, now));
                Ok(PlanPage { plans: plans.collect::<Result<_, _>>()?, next_cursor })
            })
            .await?)
    }

    /// One plan with its writes from the one after `after` on, at most `limit`.
    ///
    /// # Errors
    /// [`Fault::NotFound`], also for a plan of a configuration out of sight.
    pub async fn stored_plan(
        &self,
        caller: &Caller,
        id: PlanId,
        after: Option<PlanWriteId>,
        limit: usize,
    ) -> Result<PlanState, AppError> {
        let (caller, now) = (caller.clone(), self.now());
        Ok(self
            .store()
            .view("plan", move |tx| {
                let plan = seen(tx, &caller, id)?;
                let view = viewed(tx, plan, now)?;
                let mut writes = tx.plan_writes(id, after, limit.saturating_add(1))?;
                let more = writes.len() > limit;
                writes.truncate(limit);
                let next_cursor = writes.last().filter(|_| more).map(|write| write.id);
                Ok(PlanState { view, writes, next_cursor })
            })
            .await?)
    }

    /// Performs a plan in the background: what it holds, and nothing else. Items that moved on since are refused, each
    /// in a row of the run. Mapping tests that fail are passed over with `ignore_tests` only.
    ///
    /// # Errors
    /// [`Fault::NotFound`]; [`Fault::Conflict`] for a plan that was applied already, has expired, exceeds a limit, whose
    /// configuration has mapping tests that fail, or was made before its configuration changed, and while a run of the configuration is going on; otherwise as
    /// [`App::start_run`].
    pub async fn apply_plan(
        &self,
        caller: &Caller,
        id: PlanId,
        ignore_tests: bool,
    ) -> Result<RunStarted, AppError> {
        caller.needs(Role::Operator)?;
        if self.runs().is_closing() {
            return Err(Fault::Unavailable("the server is shutting down".to_owned()).into());
        }
        let who = caller.clone();
        let (plan, failing) = self
            .store()
            .view("plan", move |tx| {
                let plan = seen(tx, &who, id)?;
                let failing = match ignore_tests || plan.state != syncline_domain::PlanState::Open {
                    true => Vec::new(),
                    false => samples::failures(tx, plan.config_id)?,
                };
                Ok((plan, failing))
            })
            .await?;
        if !failing.is_empty() {
            return Err(AppError::conflict(format!(
                "plan {id} is refused: mapping tests of its configuration fail ({}); mend the rules or the tests, or send ignore_mapping_tests: true",
                failing.join(", ")
            ))
            .with("mapping_tests", failing));
        }
        let (source, target) = self.both_ends(plan.config_id).await?;
        let request = ApplyRequest {
            plan_id: id,
            applied_by: caller.actor.clone(),
            batch: self.batch_size().await?,
        };
        let started = self.engine().start_plan(request).await.map_err(start_error)?;
        let execution_id = started.id();
        let details = json!({
            "config_id": plan.config_id, "execution_id": execution_id, "items": plan.totals.items(),
            "ignore_mapping_tests": ignore_tests
        });
        self.note_apply(caller, id, details).await;
        let warnings = started.spec().pauses();
        let engine = self.engine().clone();
        let run = async move { engine.drive(started, source, target).await };
        let ended = self.runs().drive(execution_id, plan.config_id, run);
        Ok(RunStarted { execution_id, ended, warnings })
    }

    /// One line in the trail for a run that is going on already: its own row says who, too.
    async fn note_apply(&self, caller: &Caller, id: PlanId, details: Value) {
        let (caller, now) = (caller.clone(), self.now());
        let noted = self.store().tx("audit plan", move |tx| {
            audit::record(tx, &caller, now, "plan.apply", &format!("plan/{id}"), details.clone())
        });
        if let Err(fault) = noted.await {
            log::error!(plan = id.0; "the audit trail lacks the start of a run: {fault}");
        }
    }
}

/// A plan in the caller's sight.
fn seen(tx: &mut dyn Tx, caller: &Caller, id: PlanId) -> Result<StoredPlan, Fault> {
    let found = tx.plan(id)?.filter(|plan| caller.sees(plan.config_id));
    found.ok_or_else(|| Fault::no_such("plan", id))
}

fn viewed(
    tx: &mut dyn Tx,
    plan: StoredPlan,
    now: syncline_domain::Timestamp,
) -> Result<PlanView, Fault> {
    let config = must_config(tx, plan.config_id)?;
    let run = plan.execution_id.map(|id| tx.execution(id)).transpose()?.flatten();
    let is_open = plan.state == syncline_domain::PlanState::Open;
    Ok(PlanView {
        config_name: config.name,
        execution_status: run.map(|run| run.status),
        is_expired: is_open && now >= plan.expires_at,
        is_outdated: is_open && plan.config_version != config.version,
        plan,
    })
}
