//! One job with what the port does not show, and its steps from status to status.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use syncline_domain::{
    ItemId, Job, JobId, JobLease, JobOutcome, JobStatus, MOST_FOLDED_ITEMS, NewJob, Timestamp,
};

/// A job, its key for folding, its items and the token that outlives its leases.
#[derive(Clone)]
pub(super) struct JobRow {
    pub(super) job: Job,
    /// `None` once the job was claimed, ended, or handed its key on.
    pub(super) fold_key: Option<String>,
    pub(super) items: Arc<Vec<ItemId>>,
    token: i64,
}

impl JobRow {
    pub(super) fn new(id: i64, new: &NewJob) -> Self {
        let items = distinct(&[], new.items.as_deref().unwrap_or_default());
        let new = new.clone();
        Self {
            job: Job {
                id: JobId(id),
                kind: new.kind,
                config_id: new.config_id,
                trigger: new.trigger,
                triggered_by: new.triggered_by,
                payload: new.payload,
                names_items: new.items.is_some(),
                item_count: count(&items),
                priority: new.priority,
                status: JobStatus::Queued,
                run_at: new.run_at,
                attempts: 0,
                max_attempts: new.max_attempts,
                error: None,
                dead_reason: None,
                cancel_requested: false,
                execution_id: None,
                lease: None,
                result: None,
                created_at: new.created_at,
                started_at: None,
                completed_at: None,
            },
            fold_key: new.fold_key,
            items: Arc::new(items),
            token: 0,
        }
    }

    /// Takes a job in; false when it would name too many items then.
    pub(super) fn take_in(&mut self, new: &NewJob) -> bool {
        let items = match (&new.items, self.job.names_items) {
            (Some(items), true) => distinct(&self.items, items),
            _ => Vec::new(),
        };
        if count(&items) > MOST_FOLDED_ITEMS {
            return false;
        }
        self.job.names_items &= new.items.is_some();
        self.job.item_count = count(&items);
        self.job.priority = self.job.priority.max(new.priority);
        self.job.run_at = self.job.run_at.min(new.run_at);
        self.items = Arc::new(items);
        true
    }

    pub(super) fn claim(&mut self, holder: &str, now: Timestamp, ttl: Duration) {
        self.token += 1;
        self.fold_key = None;
        self.job.status = JobStatus::Running;
        self.job.attempts += 1;
        self.job.execution_id = None;
        self.job.started_at = Some(now);
        let holder = holder.to_owned();
        self.job.lease = Some(JobLease { holder, token: self.token, until: now.after(ttl) });
    }

    pub(super) fn holds(&self, token: i64) -> bool {
        self.job.lease.as_ref().is_some_and(|lease| lease.token == token)
    }

    pub(super) fn settle(&mut self, outcome: &JobOutcome, at: Timestamp) {
        self.job.lease = None;
        match outcome.clone() {
            JobOutcome::Completed { result } => {
                self.job.error = None;
                self.job.result = result;
                self.end(JobStatus::Completed, at);
            }
            JobOutcome::Failed { error, result } => {
                self.job.error = Some(error);
                self.job.result = result;
                self.end(JobStatus::Failed, at);
            }
            JobOutcome::Cancelled { result } => {
                self.job.result = result;
                self.end(JobStatus::Cancelled, at);
            }
            JobOutcome::Released { run_at } => {
                self.job.attempts = self.job.attempts.saturating_sub(1);
                self.again(run_at, at);
            }
            JobOutcome::Retry { error, run_at } => {
                let reason = format!("{} attempts failed: {}", self.job.attempts, error.message);
                self.job.error = Some(error);
                self.again_or_dead(run_at, at, reason);
            }
        }
    }

    /// Takes it from a worker that is gone.
    pub(super) fn rescue(&mut self, now: Timestamp) {
        self.job.lease = None;
        let reason = format!("the worker of attempt {} vanished", self.job.attempts);
        self.again_or_dead(self.job.run_at, now, reason);
    }

    pub(super) fn cancel_waiting(&mut self, now: Timestamp) {
        self.job.cancel_requested = true;
        self.end(JobStatus::Cancelled, now);
    }

    pub(super) fn redrive(&mut self, now: Timestamp) {
        self.job.status = JobStatus::Queued;
        self.job.run_at = now;
        self.job.attempts = 0;
        self.job.dead_reason = None;
        self.job.cancel_requested = false;
        self.job.result = None;
        self.job.completed_at = None;
    }

    fn again_or_dead(&mut self, run_at: Timestamp, at: Timestamp, reason: String) {
        if self.job.attempts < self.job.max_attempts || self.job.cancel_requested {
            self.again(run_at, at);
        } else {
            self.job.dead_reason = Some(reason);
            self.end(JobStatus::Failed, at);
        }
    }

    fn again(&mut self, run_at: Timestamp, at: Timestamp) {
        if self.job.cancel_requested {
            self.end(JobStatus::Cancelled, at);
        } else {
            self.job.status = JobStatus::Queued;
            self.job.run_at = run_at;
        }
    }

    fn end(&mut self, status: JobStatus, at: Timestamp) {
        self.fold_key = None;
        self.job.status = status;
        self.job.completed_at = Some(at);
    }
}

/// `had` and then those of `more` that are new, each once, in their order.
fn distinct(had: &[ItemId], more: &[ItemId]) -> Vec<ItemId> {
    let mut seen = BTreeSet::new();
    had.iter().chain(more).filter(|item| seen.insert(*item)).cloned().collect()
}

fn count(items: &[ItemId]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}
