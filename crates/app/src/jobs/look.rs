//! What people see of jobs.

use std::collections::BTreeMap;

use serde_json::Value;
use syncline_domain::ports::{JobFilter, OutcomeFilter, StoreExt as _, Tx};
use syncline_domain::{
    ConfigId, ExecutionId, Fault, ItemId, ItemOutcome, ItemState, Job, JobId, JobStatus, Totals,
};

use super::queue::seen;
use crate::configs::must_config;
use crate::{App, AppError, Caller};

/// Items of a result, and named items of a job, at most.
const MOST_ITEMS: usize = 1_000;

/// A job as people see it.
#[derive(Clone, Debug, PartialEq)]
pub struct JobView {
    /// The row.
    pub job: Job,
    /// Its configuration's name.
    pub config_name: Option<String>,
    /// The items that it names, at most 1,000; empty in lists.
    pub item_ids: Vec<ItemId>,
    /// What came out, once it has ended; only for one job, not in lists.
    pub result: Option<JobResult>,
}

/// What came out of a job that ran a configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct JobResult {
    /// The run.
    pub execution_id: Option<ExecutionId>,
    /// All items.
    pub total: u64,
    /// Copies made.
    pub created: u64,
    /// Copies changed.
    pub updated: u64,
    /// Unchanged, filtered and waiting.
    pub skipped: u64,
    /// Failed and quarantined.
    pub errors: u64,
    /// What became of the items, failures first, at most 1,000.
    pub items: Vec<ItemOutcome>,
    /// There are more items.
    pub items_truncated: bool,
}

/// Some jobs, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct JobPage {
    /// The jobs.
    pub jobs: Vec<JobView>,
    /// How many there are in all.
    pub total: u64,
    /// Where the next page starts; `None` on the last.
    pub next_cursor: Option<JobId>,
}

impl App {
    /// One job, by its shown id.
    ///
    /// # Errors
    /// [`Fault::NotFound`], also for an id that is none.
    pub async fn job(&self, caller: &Caller, id: &str) -> Result<JobView, AppError> {
        let (caller, text) = (caller.clone(), id.to_owned());
        Ok(self
            .store()
            .view("job", move |tx| {
                let job = seen(tx, &caller, &text)?;
                let config_name = match job.config_id {
                    Some(config) => tx.config(config)?.map(|config| config.name),
                    None => None,
                };
                let item_ids =
                    if job.names_items { tx.job_items(job.id, MOST_ITEMS)? } else { Vec::new() };
                let result = result_of(tx, &job)?;
                Ok(JobView { config_name, item_ids, result, job })
            })
            .await?)
    }

    /// Jobs in the caller's sight, newest first.
    ///
    /// # Errors
    /// [`Fault::NotFound`] for a configuration out of sight.
    pub async fn jobs(
        &self,
        caller: &Caller,
        mut filter: JobFilter,
        offset: usize,
        limit: usize,
    ) -> Result<JobPage, AppError> {
        if let Some(id) = filter.config_id {
            caller.must_see(id)?;
        }
        filter.scope.clone_from(&caller.scope);
        Ok(self
            .store()
            .view("jobs", move |tx| {
                if let Some(id) = filter.config_id {
                    must_config(tx, id)?;
                }
                let most = offset.saturating_add(limit).saturating_add(1);
                let mut found = tx.jobs(&filter, most)?;
                found.drain(..offset.min(found.len()));
                let more = found.len() > limit;
                found.truncate(limit);
                let next_cursor = found.last().filter(|_| more).map(|job| job.id);
                let total = tx.count_jobs(&filter)?;
                Ok(JobPage { jobs: named(tx, found)?, total, next_cursor })
            })
            .await?)
    }
}

fn named(tx: &mut dyn Tx, jobs: Vec<Job>) -> Result<Vec<JobView>, Fault> {
    let mut names: BTreeMap<ConfigId, Option<String>> = BTreeMap::new();
    let mut views = Vec::with_capacity(jobs.len());
    for job in jobs {
        let config_name = match job.config_id {
            None => None,
            Some(id) => match names.get(&id) {
                Some(name) => name.clone(),
                None => {
                    let name = tx.config(id)?.map(|config| config.name);
                    names.insert(id, name.clone());
                    name
                }
            },
        };
        views.push(JobView { job, config_name, item_ids: Vec::new(), result: None });
    }
    Ok(views)
}

/// What came out, once the job has ended: counted by its run, or, when that is gone, as the job itself kept it.
fn result_of(tx: &mut dyn Tx, job: &Job) -> Result<Option<JobResult>, Fault> {
    if matches!(job.status, JobStatus::Queued | JobStatus::Running) {
        return Ok(None);
    }
    let run = match job.execution_id {
        Some(id) => tx.execution(id)?,
        None => None,
    };
    let Some(run) = run else { return Ok(job.result.as_ref().map(kept)) };
    let (items, items_truncated) = items_of(tx, run.id)?;
    Ok(Some(JobResult { items, items_truncated, ..counted(Some(run.id), &run.totals) }))
}

const fn counted(execution_id: Option<ExecutionId>, totals: &Totals) -> JobResult {
    JobResult {
        execution_id,
        total: totals.total(),
        created: totals.created,
        updated: totals.updated,
        skipped: totals.skipped(),
        errors: totals.errors(),
        items: Vec::new(),
        items_truncated: false,
    }
}

fn kept(result: &Value) -> JobResult {
    let number = |name: &str| result.get(name).and_then(Value::as_u64).unwrap_or_default();
    JobResult {
        execution_id: result.get("executionId").and_then(Value::as_i64).map(ExecutionId),
        total: number("total"),
        created: number("created"),
        updated: number("updated"),
        skipped: number("skipped"),
        errors: number("errors"),
        items: Vec::new(),
        items_truncated: number("total") > 0,
    }
}

fn items_of(tx: &mut dyn Tx, id: ExecutionId) -> Result<(Vec<ItemOutcome>, bool), Fault> {
    let bad =
        [ItemState::Failed, ItemState::Quarantined, ItemState::Conflicted, ItemState::Waiting];
    let good = ItemState::ALL.iter().copied().filter(|state| !bad.contains(state)).collect();
    let mut items = Vec::new();
    for states in [bad.to_vec(), good] {
        let rest = (MOST_ITEMS + 1).saturating_sub(items.len());
        items.extend(tx.outcomes(id, &OutcomeFilter { states, after: None }, rest)?);
    }
    let truncated = items.len() > MOST_ITEMS;
    items.truncate(MOST_ITEMS);
    Ok((items, truncated))
}
