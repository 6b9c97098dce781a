//! Runs and what became of their items.

use std::collections::BTreeSet;

use syncline_domain::ports::{ExecutionFilter, OutcomeFilter, RunTx};
use syncline_domain::{
    Execution, ExecutionId, ExecutionStatus, Fault, Intent, IntentState, ItemOutcome, NewExecution,
    OutcomeId, Timestamp, Totals,
};

use super::MemTx;

fn passes(run: &Execution, filter: &ExecutionFilter) -> bool {
    let own = filter.config_id.is_none_or(|id| run.config_id == id);
    let scoped = filter.scope.as_ref().is_none_or(|scope| scope.contains(&run.config_id));
    own && scoped
        && filter.status.is_none_or(|status| run.status == status)
        && filter.trigger.is_none_or(|trigger| run.trigger == trigger)
        && filter.since.is_none_or(|since| run.started_at >= since)
}

impl RunTx for MemTx<'_> {
    fn insert_execution(&mut self, new: &NewExecution) -> Result<ExecutionId, Fault> {
        let tables = self.write()?;
        if tables.configs.get(new.config_id.0).is_none() {
            return Err(Fault::Conflict(format!("there is no configuration {}", new.config_id)));
        }
        let new = new.clone();
        Ok(ExecutionId(tables.executions.add(|id| Execution {
            id: ExecutionId(id),
            config_id: new.config_id,
            status: ExecutionStatus::Running,
            trigger: new.trigger,
            triggered_by: new.triggered_by,
            direction: new.direction,
            dry_run: new.dry_run,
            full: new.full,
            item_ids: new.item_ids,
            cancel_requested: false,
            totals: Totals::default(),
            error: None,
            started_at: new.started_at,
            ended_at: None,
        })))
    }

    fn execution(&mut self, id: ExecutionId) -> Result<Option<Execution>, Fault> {
        Ok(self.tables.executions.get(id.0).cloned())
    }

    fn executions(
        &mut self,
        filter: &ExecutionFilter,
        limit: usize,
    ) -> Result<Vec<Execution>, Fault> {
        let rows = self.tables.executions.all().rev();
        Ok(rows
            .filter(|run| passes(run, filter))
            .filter(|run| filter.before.is_none_or(|before| run.id < before))
            .take(limit)
            .cloned()
            .collect())
    }

    fn count_executions(&mut self, filter: &ExecutionFilter) -> Result<u64, Fault> {
        let rows = self.tables.executions.all();
        let count = rows.filter(|run| passes(run, filter)).count();
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    }

    fn update_execution(&mut self, execution: &Execution) -> Result<(), Fault> {
        let slot = self
            .write()?
            .executions
            .get_mut(execution.id.0)
            .ok_or_else(|| Fault::no_such("execution", execution.id))?;
        slot.status = execution.status;
        slot.totals = execution.totals;
        slot.error.clone_from(&execution.error);
        slot.ended_at = execution.ended_at;
        slot.cancel_requested = execution.cancel_requested;
        Ok(())
    }

    fn request_cancel(&mut self, id: ExecutionId) -> Result<bool, Fault> {
        let Some(slot) = self.write()?.executions.get_mut(id.0) else {
            return Ok(false);
        };
        let running = slot.status == ExecutionStatus::Running;
        slot.cancel_requested |= running;
        Ok(running)
    }

    fn insert_outcomes(&mut self, outcomes: &[ItemOutcome]) -> Result<(), Fault> {
        let tables = self.write()?;
        for outcome in outcomes {
            if tables.executions.get(outcome.execution_id.0).is_none() {
                return Err(Fault::Conflict(format!(
                    "there is no execution {}",
                    outcome.execution_id
                )));
            }
            tables.last_outcome += 1;
            let id = OutcomeId(tables.last_outcome);
            let row = ItemOutcome { id, ..outcome.clone() };
            tables.outcomes.put((outcome.execution_id, id), row);
        }
        Ok(())
    }

    fn outcomes(
        &mut self,
        execution_id: ExecutionId,
        filter: &OutcomeFilter,
        limit: usize,
    ) -> Result<Vec<ItemOutcome>, Fault> {
        let after = filter.after.map_or(i64::MIN, |id| id.0.saturating_add(1));
        Ok(self
            .tables
            .outcomes
            .from((execution_id, OutcomeId(after)))
            .take_while(|((run, _), _)| *run == execution_id)
            .map(|(_, row)| row)
            .filter(|row| filter.states.is_empty() || filter.states.contains(&row.state))
            .take(limit)
            .cloned()
            .collect())
    }

    fn prune_run_items(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault> {
        let tables = self.write()?;
        let old: BTreeSet<ExecutionId> = tables
            .executions
            .all()
            .filter(|run| run.ended_at.is_some_and(|at| at < before))
            .map(|run| run.id)
            .take(limit)
            .collect();
        let outcomes: BTreeSet<(ExecutionId, OutcomeId)> = tables
            .outcomes
            .all()
            .map(|(key, _)| *key)
            .filter(|(run, _)| old.contains(run))
            .take(limit)
            .collect();
        tables.outcomes.keep(|key, _| !outcomes.contains(key));
        let ended = |intent: &Intent| {
            let ended = matches!(intent.state, IntentState::Done | IntentState::Abandoned);
            ended && old.contains(&intent.execution_id)
        };
        let intents = tables.intents.prune(limit - outcomes.len(), ended);
        Ok(u64::try_from(outcomes.len()).unwrap_or(u64::MAX).saturating_add(intents))
    }

    fn prune_executions(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault> {
        let tables = self.write()?;
        let old: BTreeSet<ExecutionId> = tables
            .executions
            .all()
            .filter(|run| run.ended_at.is_some_and(|at| at < before))
            .map(|run| run.id)
            .take(limit)
            .collect();
        tables.executions.keep(|run| !old.contains(&run.id));
        tables.outcomes.keep(|(run, _), _| !old.contains(run));
        Ok(u64::try_from(old.len()).unwrap_or(u64::MAX))
    }
}
