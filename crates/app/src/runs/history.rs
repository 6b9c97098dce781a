//! What runs did.

use syncline_domain::ports::{ExecutionFilter, OutcomeFilter, StoreExt as _};
use syncline_domain::{
    ConfigId, Execution, ExecutionId, Fault, ItemOutcome, ItemState, OutcomeId, SyncConfig,
};

use crate::configs::must_config;
use crate::conflicts::found_by;
use crate::{App, AppError, Caller, ConflictView};

/// Some runs, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionPage {
    /// The runs, with their configurations' rows.
    pub executions: Vec<(Execution, SyncConfig)>,
    /// How many there are in all.
    pub total: u64,
    /// Where the next page starts; `None` on the last.
    pub next_cursor: Option<ExecutionId>,
}

/// Some outcomes of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct OutcomePage {
    /// The outcomes, oldest first.
    pub items: Vec<ItemOutcome>,
    /// Where the next page starts; `None` on the last.
    pub next_cursor: Option<OutcomeId>,
}

/// A run with what a person wants to see at once.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionState {
    /// The run.
    pub execution: Execution,
    /// Its configuration.
    pub config: SyncConfig,
    /// Items that are not well, at most 1,000.
    pub errors: Vec<ItemOutcome>,
    /// Conflicts that it found first, newest first, at most 1,000.
    pub conflicts: Vec<ConflictView>,
}

const MOST: usize = 1_000;

impl App {
    /// Runs in the caller's sight, newest first.
    ///
    /// # Errors
    /// [`Fault::NotFound`] for a configuration out of sight.
    pub async fn executions(
        &self,
        caller: &Caller,
        mut filter: ExecutionFilter,
        offset: usize,
        limit: usize,
    ) -> Result<ExecutionPage, AppError> {
        if let Some(id) = filter.config_id {
            caller.must_see(id)?;
        }
        filter.scope.clone_from(&caller.scope);
        Ok(self
            .store()
            .view("executions", move |tx| {
                if let Some(id) = filter.config_id {
                    must_config(tx, id)?;
                }
                let most = offset.saturating_add(limit).saturating_add(1);
                let mut found = tx.executions(&filter, most)?;
                found.drain(..offset.min(found.len()));
                let more = found.len() > limit;
                found.truncate(limit);
                let next_cursor = found.last().filter(|_| more).map(|execution| execution.id);
                let total = tx.count_executions(&filter)?;
                let mut executions = Vec::with_capacity(found.len());
                for execution in found {
                    let config = must_config(tx, execution.config_id)?;
                    executions.push((execution, config));
                }
                Ok(ExecutionPage { executions, total, next_cursor })
            })
            .await?)
    }

    /// One run.
    ///
    /// # Errors
    /// [`Fault::NotFound`], also for a run of a configuration out of sight.
    pub async fn execution(&self, caller: &Caller, id: ExecutionId) -> Result<Execution, AppError> {
        let found = self.store().view("execution", move |tx| tx.execution(id)).await?;
        let seen = found.filter(|execution| caller.sees(execution.config_id));
        seen.ok_or_else(|| Fault::no_such("execution", id).into())
    }

    /// One run with its errors and conflicts, live while it goes on.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn execution_state(
        &self,
        caller: &Caller,
        id: ExecutionId,
    ) -> Result<ExecutionState, AppError> {
        self.execution(caller, id).await?;
        Ok(self
            .store()
            .view("execution state", move |tx| {
                let execution = tx.execution(id)?.ok_or_else(|| Fault::no_such("execution", id))?;
                let config = must_config(tx, execution.config_id)?;
                let states = vec![ItemState::Failed, ItemState::Quarantined];
                let errors = tx.outcomes(id, &OutcomeFilter { states, after: None }, MOST)?;
                let conflicts = found_by(tx, &execution, MOST)?;
                Ok(ExecutionState { execution, config, errors, conflicts })
            })
            .await?)
    }

    /// What became of the items of a run.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn outcomes(
        &self,
        caller: &Caller,
        id: ExecutionId,
        filter: OutcomeFilter,
        limit: usize,
    ) -> Result<OutcomePage, AppError> {
        self.execution(caller, id).await?;
        let mut items = self
            .store()
            .view("outcomes", move |tx| tx.outcomes(id, &filter, limit.saturating_add(1)))
            .await?;
        let more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = items.last().filter(|_| more).map(|outcome| outcome.id);
        Ok(OutcomePage { items, next_cursor })
    }

    /// The items of a run for a reply: failures first, at most 1,000, and whether there are more.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn outcomes_for_reply(
        &self,
        id: ExecutionId,
    ) -> Result<(Vec<ItemOutcome>, bool), AppError> {
        let bad =
            [ItemState::Failed, ItemState::Quarantined, ItemState::Conflicted, ItemState::Waiting];
        Ok(self
            .store()
            .view("outcomes for reply", move |tx| {
                let first = OutcomeFilter { states: bad.to_vec(), after: None };
                let mut items = tx.outcomes(id, &first, MOST + 1)?;
                let good: Vec<ItemState> =
                    ItemState::ALL.iter().copied().filter(|state| !bad.contains(state)).collect();
                let rest = (MOST + 1).saturating_sub(items.len());
                let filter = OutcomeFilter { states: good, after: None };
                items.extend(tx.outcomes(id, &filter, rest)?);
                let truncated = items.len() > MOST;
                items.truncate(MOST);
                Ok((items, truncated))
            })
            .await?)
    }

    /// The newest run of a configuration.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn last_execution(
        &self,
        caller: &Caller,
        id: ConfigId,
    ) -> Result<Option<Execution>, AppError> {
        let filter = ExecutionFilter { config_id: Some(id), ..ExecutionFilter::default() };
        let page = self.executions(caller, filter, 0, 1).await?;
        Ok(page.executions.into_iter().next().map(|(execution, _)| execution))
    }
}
