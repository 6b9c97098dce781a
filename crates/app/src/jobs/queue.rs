//! What changes jobs.

use std::time::Duration;

use serde_json::{Value, json};
use syncline_domain::ports::{StoreExt as _, Tx};
use syncline_domain::{
    CancelAsked, ConfigId, Fault, ItemId, Job, JobKey, NewJob, Role, RunDirection, SYNC_ATTEMPTS,
    SYNC_JOB, SyncJob, Timestamp, Trigger,
};

use crate::configs::must_config;
use crate::schedules::must_be_active;
use crate::{App, AppError, Caller, audit};

/// A job may be put off for this many days at most.
pub const RUN_AT_MOST_DAYS: u64 = 366;

/// A job as it is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobAsked {
    /// Only these items of the reading side; at least one when given, each once.
    pub item_ids: Option<Vec<ItemId>>,
    /// Write nothing.
    pub dry_run: bool,
    /// Read everything.
    pub full: bool,
    /// Which way; the configuration's own when `None`.
    pub direction: Option<RunDirection>,
    /// Higher goes first, -100 to 100.
    pub priority: i32,
    /// Not before; at once when `None` or past.
    pub run_at: Option<Timestamp>,
}

/// What asking a job to stop came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It had not begun, and never will.
    AtOnce,
    /// It is running and ends soon.
    Soon,
}

impl App {
    /// Queues a run of a configuration. It never joins another job.
    ///
    /// # Errors
    /// [`Fault::NotFound`]; [`Fault::Conflict`] for an inactive configuration; [`Fault::Busy`] while the queue is full;
    /// [`Fault::Invalid`] for a `run_at` too far ahead.
    pub async fn queue_job(
        &self,
        caller: &Caller,
        id: ConfigId,
        asked: JobAsked,
    ) -> Result<JobKey, AppError> {
        caller.needs(Role::Operator)?;
        caller.must_see(id)?;
        let (caller, now) = (caller.clone(), self.now());
        let furthest = now.after(Duration::from_secs(RUN_AT_MOST_DAYS * 86_400));
        if asked.run_at.is_some_and(|at| at > furthest) {
            let text = format!("it is more than {RUN_AT_MOST_DAYS} days ahead; use a schedule");
            return Err(AppError::invalid("/run_at", text));
        }
        let room = std::sync::Arc::clone(&self.automation().room);
        let job = new_job(&caller, id, asked, now)?;
        Ok(self
            .store()
            .tx("queue job", move |tx| {
                must_be_active(&must_config(tx, id)?)?;
                let key = room.enqueue(tx, &job)?.key;
                let details = json!({
                    "config_id": id, "items": job.items.as_ref().map(Vec::len), "payload": job.payload,
                    "priority": job.priority, "run_at": job.run_at,
                });
                audit::record(tx, &caller, now, "job.queue", &format!("job/{key}"), details)?;
                Ok(key)
            })
            .await?)
    }

    /// Asks a job to stop.
    ///
    /// # Errors
    /// [`Fault::NotFound`]; [`Fault::Conflict`] when it has ended.
    pub async fn cancel_job(&self, caller: &Caller, id: &str) -> Result<Cancelled, AppError> {
        caller.needs(Role::Operator)?;
        let (caller, now, text) = (caller.clone(), self.now(), id.to_owned());
        let asked = self.store().tx("cancel job", move |tx| {
            let job = seen(tx, &caller, &text)?;
            let asked = match tx.cancel_job(job.id, now)? {
                CancelAsked::Cancelled => Cancelled::AtOnce,
                CancelAsked::Asked => Cancelled::Soon,
                CancelAsked::Ended(status) => {
                    return Err(Fault::Conflict(format!(
                        "job {text} has ended already ({status})"
                    )));
                }
            };
            // Its run stops at the next page; the worker hears of it with its next heartbeat only.
            if let (Cancelled::Soon, Some(run)) = (asked, job.execution_id) {
                tx.request_cancel(run)?;
            }
            audit::record(tx, &caller, now, "job.cancel", &format!("job/{text}"), Value::Null)?;
            Ok(asked)
        });
        Ok(asked.await?)
    }

    /// Queues a failed or cancelled job again, with all its attempts.
    ///
    /// # Errors
    /// [`Fault::NotFound`]; [`Fault::Conflict`] when it is in another status or its configuration is inactive;
    /// [`Fault::Busy`] while the queue is full.
    pub async fn retry_job(&self, caller: &Caller, id: &str) -> Result<JobKey, AppError> {
        caller.needs(Role::Operator)?;
        let (caller, now, text) = (caller.clone(), self.now(), id.to_owned());
        let room = std::sync::Arc::clone(&self.automation().room);
        let redriven = self.store().tx("retry job", move |tx| {
            let job = seen(tx, &caller, &text)?;
            if let Some(config) = job.config_id {
                must_be_active(&must_config(tx, config)?)?;
            }
            if room.is_full(tx)? {
                return Err(Fault::Busy(format!(
                    "the queue is full ({} jobs, MAX_QUEUE_SIZE); try again when some are done",
                    room.limit()
                )));
            }
            if !tx.redrive_job(job.id, now)? {
                return Err(Fault::Conflict(format!(
                    "job {text} is {}; only failed and cancelled jobs are queued again",
                    job.status
                )));
            }
            audit::record(tx, &caller, now, "job.retry", &format!("job/{text}"), Value::Null)?;
            Ok(job.key())
        });
        Ok(redriven.await?)
    }
}

/// A job in the caller's sight, by its shown id.
///
/// # Errors
/// [`Fault::NotFound`], the same for an id that is none, one that is gone, and one out of sight.
pub(crate) fn seen(tx: &mut dyn Tx, caller: &Caller, text: &str) -> Result<Job, Fault> {
    let missing = || Fault::no_such("job", text.chars().take(40).collect::<String>());
    let key = JobKey::parse(text).ok_or_else(missing)?;
    let job = tx.job(key.id)?.filter(|job| key.names(job)).ok_or_else(missing)?;
    let in_sight = match job.config_id {
        Some(config) => caller.sees(config),
        None => caller.scope.is_none(),
    };
    if in_sight { Ok(job) } else { Err(missing()) }
}

fn new_job(
    caller: &Caller,
    config_id: ConfigId,
    asked: JobAsked,
    now: Timestamp,
) -> Result<NewJob, AppError> {
    let work = SyncJob {
        direction: asked.direction,
        dry_run: asked.dry_run,
        full: asked.full,
        instant_us: None,
    };
    let payload = serde_json::to_value(work).map_err(|e| Fault::Internal(e.to_string()))?;
    Ok(NewJob {
        kind: SYNC_JOB.to_owned(),
        config_id: Some(config_id),
        fold_key: None,
        trigger: Trigger::Manual,
        triggered_by: caller.actor.clone(),
        payload,
        items: asked.item_ids,
        priority: asked.priority.clamp(-100, 100),
        run_at: asked.run_at.unwrap_or(now).max(now),
        max_attempts: SYNC_ATTEMPTS,
        created_at: now,
    })
}
