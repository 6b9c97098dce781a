//! Looking at conflicts.

use std::collections::BTreeMap;

use syncline_domain::ports::{ConflictFilter, StoreExt as _, Tx};
use syncline_domain::{
    ConfigId, Conflict, ConflictCounts, ConflictId, Execution, Fault, Resolution,
};

use crate::configs::must_config;
use crate::{App, AppError, Caller};

/// Conflicts that are read at once.
const PAGE: usize = 500;

/// A conflict with the name of its configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct ConflictView {
    /// The row.
    pub conflict: Conflict,
    /// What its configuration is called.
    pub config_name: String,
}

/// Some conflicts, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct ConflictPage {
    /// The conflicts.
    pub conflicts: Vec<ConflictView>,
    /// How many there are in all.
    pub total: u64,
    /// Where the next page starts; `None` on the last.
    pub next_cursor: Option<ConflictId>,
}

/// A conflict with what was decided about it.
#[derive(Clone, Debug, PartialEq)]
pub struct ConflictState {
    /// The conflict.
    pub view: ConflictView,
    /// The decisions, oldest first.
    pub resolutions: Vec<Resolution>,
}

impl App {
    /// Conflicts in the caller's sight, newest first.
    ///
    /// # Errors
    /// [`Fault::NotFound`] for a configuration out of sight.
    pub async fn conflicts(
        &self,
        caller: &Caller,
        mut filter: ConflictFilter,
        offset: usize,
        limit: usize,
    ) -> Result<ConflictPage, AppError> {
        if let Some(id) = filter.config_id {
            caller.must_see(id)?;
        }
        filter.scope.clone_from(&caller.scope);
        Ok(self
            .store()
            .view("conflicts", move |tx| {
                if let Some(id) = filter.config_id {
                    must_config(tx, id)?;
                }
                let mut found = tx.conflicts(&filter, offset, limit.saturating_add(1))?;
                let more = found.len() > limit;
                found.truncate(limit);
                let next_cursor = found.last().filter(|_| more).map(|conflict| conflict.id);
                let total = tx.count_conflicts(&filter)?;
                Ok(ConflictPage { conflicts: named(tx, found)?, total, next_cursor })
            })
            .await?)
    }

    /// One conflict with the decisions about it.
    ///
    /// # Errors
    /// [`Fault::NotFound`], also for a conflict of a configuration out of sight.
    pub async fn conflict(
        &self,
        caller: &Caller,
        id: ConflictId,
    ) -> Result<ConflictState, AppError> {
        let caller = caller.clone();
        Ok(self
            .store()
            .view("conflict", move |tx| {
                let conflict = seen(tx, &caller, id)?;
                let config_name = must_config(tx, conflict.config_id)?.name;
                let resolutions = tx.resolutions(id)?;
                Ok(ConflictState { view: ConflictView { conflict, config_name }, resolutions })
            })
            .await?)
    }

    /// How many conflicts of a configuration stand where.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn conflict_counts(
        &self,
        caller: &Caller,
        id: ConfigId,
    ) -> Result<ConflictCounts, AppError> {
        caller.must_see(id)?;
        Ok(self
            .store()
            .view("conflict counts", move |tx| {
                must_config(tx, id)?;
                tx.conflict_counts(id)
            })
            .await?)
    }
}

/// A conflict in the caller's sight.
pub(super) fn seen(tx: &mut dyn Tx, caller: &Caller, id: ConflictId) -> Result<Conflict, Fault> {
    let found = tx.conflict(id)?.filter(|conflict| caller.sees(conflict.config_id));
    found.ok_or_else(|| Fault::no_such("conflict", id))
}

/// The conflicts that a run found first, newest first, at most `most`.
///
/// Runs of one configuration follow each other, so that the conflicts of older ones have lower ids.
pub(crate) fn found_by(
    tx: &mut dyn Tx,
    execution: &Execution,
    most: usize,
) -> Result<Vec<ConflictView>, Fault> {
    let config_id = Some(execution.config_id);
    let mut filter = ConflictFilter { config_id, ..ConflictFilter::default() };
    let mut found = Vec::new();
    loop {
        let page = tx.conflicts(&filter, 0, PAGE)?;
        let Some(last) = page.last() else { break };
        filter.before = Some(last.id);
        let is_past = last.execution_id < execution.id;
        found.extend(page.into_iter().filter(|one| one.execution_id == execution.id));
        if is_past || found.len() >= most {
            break;
        }
    }
    found.truncate(most);
    named(tx, found)
}

fn named(tx: &mut dyn Tx, conflicts: Vec<Conflict>) -> Result<Vec<ConflictView>, Fault> {
    let mut names: BTreeMap<ConfigId, String> = BTreeMap::new();
    let mut views = Vec::with_capacity(conflicts.len());
    for conflict in conflicts {
        let config_name = match names.get(&conflict.config_id) {
            Some(name) => name.clone(),
            None => {
                let name = must_config(tx, conflict.config_id)?.name;
                names.insert(conflict.config_id, name.clone());
                name
            }
        };
        views.push(ConflictView { conflict, config_name });
    }
    Ok(views)
}
