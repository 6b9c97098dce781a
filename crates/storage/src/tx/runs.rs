//! Tables `executions`, `item_outcomes`.

use diesel::prelude::*;
use syncline_domain::ports::{ExecutionFilter, OutcomeFilter, RunTx};
use syncline_domain::{
    ConfigId, Execution, ExecutionId, ExecutionStatus, Fault, IntentState, ItemId, ItemOutcome,
    ItemState, NewExecution, OutcomeId, Timestamp, Totals,
};

use super::{DbTx, touched};
use crate::convert::{
    CHUNK, all, count, from_json, from_json_opt, limit as rows_at_most, time, to_json, to_json_opt,
    word,
};
use crate::db::{Db, on_db};
use crate::error::OrFault;
use crate::schema::{executions, intents, item_outcomes};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = executions, treat_none_as_default_value = false)]
struct Run {
    #[diesel(skip_insertion)]
    id: i64,
    config_id: i64,
    status: String,
    trigger_type: String,
    triggered_by: String,
    direction: String,
    is_dry_run: bool,
    is_full: bool,
    item_ids: Option<String>,
    cancel_requested: bool,
    totals: String,
    error: Option<String>,
    started_at_us: i64,
    ended_at_us: Option<i64>,
}

impl Run {
    fn new(new: &NewExecution) -> Result<Self, Fault> {
        Ok(Self {
            id: 0,
            config_id: new.config_id.0,
            status: ExecutionStatus::Running.as_str().to_owned(),
            trigger_type: new.trigger.as_str().to_owned(),
            triggered_by: new.triggered_by.clone(),
            direction: new.direction.as_str().to_owned(),
            is_dry_run: new.dry_run,
            is_full: new.full,
            item_ids: to_json_opt(new.item_ids.as_ref())?,
            cancel_requested: false,
            totals: to_json(&Totals::default())?,
            error: None,
            started_at_us: new.started_at.micros(),
            ended_at_us: None,
        })
    }

    fn into_domain(self) -> Result<Execution, Fault> {
        Ok(Execution {
            id: ExecutionId(self.id),
            config_id: ConfigId(self.config_id),
            status: word(&self.status)?,
            trigger: word(&self.trigger_type)?,
            triggered_by: self.triggered_by,
            direction: word(&self.direction)?,
            dry_run: self.is_dry_run,
            full: self.is_full,
            item_ids: from_json_opt(self.item_ids.as_deref(), "item ids")?,
            cancel_requested: self.cancel_requested,
            totals: from_json(&self.totals, "totals")?,
            error: from_json_opt(self.error.as_deref(), "run error")?,
            started_at: Timestamp::from_micros(self.started_at_us),
            ended_at: time(self.ended_at_us),
        })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = item_outcomes, treat_none_as_default_value = false)]
struct Outcome {
    #[diesel(skip_insertion)]
    id: i64,
    execution_id: i64,
    side: String,
    source_id: Option<String>,
    target_id: Option<String>,
    type_ref: String,
    title: String,
    state: String,
    rule: Option<String>,
    error: Option<String>,
    changes: String,
    at_us: i64,
}

impl Outcome {
    fn new(outcome: &ItemOutcome) -> Result<Self, Fault> {
        let text = |id: &Option<ItemId>| id.as_ref().map(|id| id.as_str().to_owned());
        Ok(Self {
            id: 0,
            execution_id: outcome.execution_id.0,
            side: outcome.side.as_str().to_owned(),
            source_id: text(&outcome.source_id),
            target_id: text(&outcome.target_id),
            type_ref: outcome.type_ref.clone(),
            // The one text here that comes from trackers as it is, and PostgreSQL keeps no NUL.
            title: outcome.title.replace('\0', "\u{fffd}"),
            state: outcome.state.as_str().to_owned(),
            rule: outcome.rule.clone(),
            error: to_json_opt(outcome.error.as_ref())?,
            changes: to_json(&outcome.changes)?,
            at_us: outcome.at.micros(),
        })
    }

    fn into_domain(self) -> Result<ItemOutcome, Fault> {
        Ok(ItemOutcome {
            id: OutcomeId(self.id),
            execution_id: ExecutionId(self.execution_id),
            side: word(&self.side)?,
            source_id: self.source_id.map(ItemId::new),
            target_id: self.target_id.map(ItemId::new),
            type_ref: self.type_ref,
            title: self.title,
            state: word(&self.state)?,
            rule: self.rule,
            error: from_json_opt(self.error.as_deref(), "item error")?,
            changes: from_json(&self.changes, "changes")?,
            at: Timestamp::from_micros(self.at_us),
        })
    }
}

/// Narrows a boxed query over runs to what the filter lets through, `before` left out.
macro_rules! let_through {
    ($query:expr, $filter:expr) => {{
        let mut query = $query;
        if let Some(id) = $filter.config_id {
            query = query.filter(executions::config_id.eq(id.0));
        }
        if let Some(status) = $filter.status {
            query = query.filter(executions::status.eq(status.as_str()));
        }
        if let Some(trigger) = $filter.trigger {
            query = query.filter(executions::trigger_type.eq(trigger.as_str()));
        }
        if let Some(since) = $filter.since {
            query = query.filter(executions::started_at_us.ge(since.micros()));
        }
        if let Some(scope) = &$filter.scope {
            let scope: Vec<i64> = scope.iter().map(|id| id.0).collect();
            query = query.filter(executions::config_id.eq_any(scope));
        }
        query
    }};
}

impl RunTx for DbTx<'_> {
    fn insert_execution(&mut self, new: &NewExecution) -> Result<ExecutionId, Fault> {
        let new = Run::new(new)?;
        let id = self.write()?.guarded(|db| {
            on_db!(db, c => diesel::insert_into(executions::table)
                .values(&new)
                .returning(executions::id)
                .get_result(c))
            .or_fault()
        })?;
        Ok(ExecutionId(id))
    }

    fn execution(&mut self, id: ExecutionId) -> Result<Option<Execution>, Fault> {
        let row: Option<Run> = on_db!(self.read(), c => executions::table
            .find(id.0)
            .select(Run::as_select())
            .get_result(c)
            .optional())
        .or_fault()?;
        row.map(Run::into_domain).transpose()
    }

    fn executions(
        &mut self,
        filter: &ExecutionFilter,
        limit: usize,
    ) -> Result<Vec<Execution>, Fault> {
        let rows: Vec<Run> = on_db!(self.read(), c, B => {
            let all = executions::table.select(Run::as_select()).into_boxed::<B>();
            let mut query = let_through!(all, filter);
            if let Some(before) = filter.before {
                query = query.filter(executions::id.lt(before.0));
            }
            query.order(executions::id.desc()).limit(rows_at_most(limit)).load(c)
        })
        .or_fault()?;
        all(rows, Run::into_domain)
    }

    fn count_executions(&mut self, filter: &ExecutionFilter) -> Result<u64, Fault> {
        let rows: i64 = on_db!(self.read(), c, B => {
            let all = executions::table.select(diesel::dsl::count_star()).into_boxed::<B>();
            let_through!(all, filter).get_result(c)
        })
        .or_fault()?;
        Ok(count(rows))
    }

    fn update_execution(&mut self, execution: &Execution) -> Result<(), Fault> {
        let totals = to_json(&execution.totals)?;
        let error = to_json_opt(execution.error.as_ref())?;
        let rows =
            on_db!(self.write()?, c => diesel::update(executions::table.find(execution.id.0))
            .set((
                executions::status.eq(execution.status.as_str()),
                executions::totals.eq(&totals),
                executions::error.eq(&error),
                executions::ended_at_us.eq(execution.ended_at.map(Timestamp::micros)),
                executions::cancel_requested.eq(execution.cancel_requested),
            ))
            .execute(c))
            .or_fault()?;
        touched(rows, "execution", execution.id)
    }

    fn request_cancel(&mut self, id: ExecutionId) -> Result<bool, Fault> {
        let running = ExecutionStatus::Running.as_str();
        let rows = on_db!(self.write()?, c => diesel::update(executions::table.find(id.0))
            .filter(executions::status.eq(running))
            .set(executions::cancel_requested.eq(true))
            .execute(c))
        .or_fault()?;
        Ok(rows > 0)
    }

    fn insert_outcomes(&mut self, outcomes: &[ItemOutcome]) -> Result<(), Fault> {
        self.write()?.guarded(|db| {
            for chunk in outcomes.chunks(CHUNK) {
                let new = chunk.iter().map(Outcome::new).collect::<Result<Vec<_>, _>>()?;
                on_db!(&mut *db, c => diesel::insert_into(item_outcomes::table)
                    .values(&new)
                    .execute(c))
                .or_fault()?;
            }
            Ok(())
        })
    }

    fn outcomes(
        &mut self,
        execution_id: ExecutionId,
        filter: &OutcomeFilter,
        limit: usize,
    ) -> Result<Vec<ItemOutcome>, Fault> {
        let states: Vec<&str> =
            filter.states.iter().map(|state: &ItemState| state.as_str()).collect();
        let rows: Vec<Outcome> = on_db!(self.read(), c, B => {
            let mut query = item_outcomes::table
                .filter(item_outcomes::execution_id.eq(execution_id.0))
                .select(Outcome::as_select())
                .into_boxed::<B>();
            if let Some(after) = filter.after {
                query = query.filter(item_outcomes::id.gt(after.0));
            }
            if !states.is_empty() {
                query = query.filter(item_outcomes::state.eq_any(&states));
            }
            query.order(item_outcomes::id).limit(rows_at_most(limit)).load(c)
        })
        .or_fault()?;
        all(rows, Outcome::into_domain)
    }

    fn prune_run_items(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault> {
        let db = self.write()?;
        let runs = to_go(db, before, limit)?;
        let mut left = limit;
        for chunk in runs.chunks(CHUNK) {
            let ids: Vec<i64> = on_db!(&mut *db, c => item_outcomes::table
                .filter(item_outcomes::execution_id.eq_any(chunk))
                .limit(rows_at_most(left))
                .select(item_outcomes::id)
                .load(c))
            .or_fault()?;
            for rows in ids.chunks(CHUNK) {
                on_db!(&mut *db, c => diesel::delete(item_outcomes::table
                    .filter(item_outcomes::id.eq_any(rows)))
                .execute(c))
                .or_fault()?;
            }
            left = left.saturating_sub(ids.len());
            if left == 0 {
                return Ok(count(limit));
            }
        }
        for chunk in runs.chunks(CHUNK) {
            let ids: Vec<i64> = on_db!(&mut *db, c => intents::table
                .filter(intents::execution_id.eq_any(chunk))
                .filter(intents::state.eq_any(FINISHED))
                .limit(rows_at_most(left))
                .select(intents::id)
                .load(c))
            .or_fault()?;
            for rows in ids.chunks(CHUNK) {
                on_db!(&mut *db, c =>
                    diesel::delete(intents::table.filter(intents::id.eq_any(rows))).execute(c))
                .or_fault()?;
            }
            left = left.saturating_sub(ids.len());
        }
        Ok(count(limit.saturating_sub(left)))
    }

    /// Finished intents of those runs go with them; open ones stay until somebody finds out about them.
    fn prune_executions(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault> {
        let db = self.write()?;
        let ids = to_go(db, before, limit)?;
        for chunk in ids.chunks(CHUNK) {
            on_db!(&mut *db, c => diesel::delete(intents::table)
                .filter(intents::execution_id.eq_any(chunk))
                .filter(intents::state.eq_any(FINISHED))
                .execute(c))
            .or_fault()?;
            on_db!(&mut *db, c => diesel::delete(executions::table)
                .filter(executions::id.eq_any(chunk))
                .execute(c))
            .or_fault()?;
        }
        Ok(count(ids.len()))
    }
}

/// Intents of which nobody has anything to find out any more.
const FINISHED: [&str; 2] = [IntentState::Done.as_str(), IntentState::Abandoned.as_str()];

/// The runs that go next.
fn to_go(db: &mut Db, before: Timestamp, limit: usize) -> Result<Vec<i64>, Fault> {
    on_db!(&mut *db, c => executions::table
        .filter(executions::ended_at_us.lt(before.micros()))
        .order(executions::id)
        .limit(rows_at_most(limit))
        .select(executions::id)
        .load(c))
    .or_fault()
}
