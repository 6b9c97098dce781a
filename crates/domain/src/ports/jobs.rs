//! The queue's part of a transaction, and what runs a job.

use std::time::Duration;

use super::BoxFuture;
use crate::{
    CancelAsked, ConfigId, Enqueued, ExecutionId, Fault, Heartbeat, ItemId, Job, JobClaim, JobId,
    JobOutcome, JobStatus, NewJob, QueueCounts, Settlement, Timestamp,
};

/// Which jobs to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Of this configuration only.
    pub config_id: Option<ConfigId>,
    /// In this status only.
    pub status: Option<JobStatus>,
    /// Only those given up after their attempts, or only the others.
    pub dead: Option<bool>,
    /// With an id below this: the page after the one that ended there.
    pub before: Option<JobId>,
    /// Of these configurations only (a key's scope).
    pub scope: Option<Vec<ConfigId>>,
}

/// Jobs. Whatever queues a job or ends an attempt wakes [`super::Topic::Jobs`] when its transaction commits.
pub trait JobTx {
    /// Queues a job, or lets its items join the waiting job with the same fold key.
    ///
    /// A job takes others in while it is queued, was never claimed and would not have more than
    /// [`crate::MOST_FOLDED_ITEMS`] items; else a new one takes over its key. A job without named items takes in
    /// everything and stays one without; one with named items that takes in one without names none any more. Joining
    /// makes it due at the earlier time and gives it the higher priority; all its other columns stay. An unknown
    /// configuration: [`Fault::Conflict`].
    fn enqueue(&mut self, job: &NewJob) -> Result<Enqueued, Fault>;
    /// How many jobs wait, those between attempts included.
    fn count_waiting_jobs(&mut self) -> Result<u64, Fault>;
    /// Takes due jobs, higher priority first, then the longer due, then the older, at most `limit`: running, one
    /// attempt more that began now and has no run yet, a new token, a lease until `now + ttl`. Of a configuration at
    /// most one, and none while one runs.
    fn claim_jobs(
        &mut self,
        holder: &str,
        now: Timestamp,
        ttl: Duration,
        limit: usize,
    ) -> Result<Vec<Job>, Fault>;
    /// Makes leases last until `now + ttl`; answers for those that are still held. A lease that is over is held until
    /// somebody takes its job.
    fn renew_jobs(
        &mut self,
        claims: &[JobClaim],
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Vec<Heartbeat>, Fault>;
    /// Notes the run of the current attempt.
    ///
    /// # Errors
    /// [`Fault::Conflict`] when the claim was lost.
    fn note_job_run(&mut self, claim: JobClaim, execution: ExecutionId) -> Result<(), Fault>;
    /// Ends attempts; answers the jobs whose claim still held. A retry on the last attempt gives the job up; a retry or
    /// a release of a job that somebody asked to stop cancels it.
    fn settle_jobs(&mut self, settlements: &[Settlement]) -> Result<Vec<JobId>, Fault>;
    /// Takes running jobs from workers that let their lease end, or that are in `dead_holders`: queued again under
    /// their old run-at, so that they keep their place before younger ones; cancelled when somebody had asked, else
    /// given up when it was the last attempt. At most `limit`; answers them as they are now.
    fn rescue_jobs(
        &mut self,
        now: Timestamp,
        dead_holders: &[String],
        limit: usize,
    ) -> Result<Vec<Job>, Fault>;
    /// Who works at jobs now, each once.
    fn job_holders(&mut self) -> Result<Vec<String>, Fault>;
    /// The earliest run-at among waiting jobs whose configuration has none running.
    fn next_job_at(&mut self) -> Result<Option<Timestamp>, Fault>;

    /// Reads one.
    fn job(&mut self, id: JobId) -> Result<Option<Job>, Fault>;
    /// The items a job names, at most `limit`, in their order.
    fn job_items(&mut self, id: JobId, limit: usize) -> Result<Vec<ItemId>, Fault>;
    /// Reads jobs, newest (highest id) first, at most `limit`.
    fn jobs(&mut self, filter: &JobFilter, limit: usize) -> Result<Vec<Job>, Fault>;
    /// How many jobs the filter lets through (`before` does not count).
    fn count_jobs(&mut self, filter: &JobFilter) -> Result<u64, Fault>;
    /// The queue in figures; all jobs when `scope` is `None`, else those of these configurations.
    fn queue_counts(&mut self, scope: Option<&[ConfigId]>) -> Result<QueueCounts, Fault>;
    /// Asks a job to stop; a waiting one is cancelled at once. Unknown id: [`Fault::NotFound`].
    fn cancel_job(&mut self, id: JobId, now: Timestamp) -> Result<CancelAsked, Fault>;
    /// Queues a failed or cancelled job again with all its attempts, due now, its result and the reasons why it ended
    /// forgotten (but not its last error); false when it is in another status or gone.
    fn redrive_job(&mut self, id: JobId, now: Timestamp) -> Result<bool, Fault>;
    /// Deletes the named items of the first `limit` jobs that [`JobTx::prune_jobs`] would delete, at most `limit` rows;
    /// answers how many.
    fn prune_job_items(&mut self, keep: u64, before: Timestamp, limit: usize)
    -> Result<u64, Fault>;
    /// Deletes jobs that ended before this, those with the lowest ids first, at most `limit`, always leaving the `keep`
    /// ended ones with the highest ids; answers how many.
    fn prune_jobs(&mut self, keep: u64, before: Timestamp, limit: usize) -> Result<u64, Fault>;
}

/// Does the work of one kind of job.
pub trait JobHandler: Send + Sync {
    /// Runs one attempt. What it answers is settled by the worker under the claim; a panic counts as
    /// [`JobOutcome::Retry`].
    fn run<'a>(&'a self, job: &'a Job, context: &'a dyn JobContext) -> BoxFuture<'a, JobOutcome>;
}

/// What a handler may ask while it works.
pub trait JobContext: Send + Sync {
    /// Whether it should stop soon, and why.
    fn stop(&self) -> Option<StopReason>;
    /// Resolves when it should stop.
    fn stopped(&self) -> BoxFuture<'_, StopReason>;
}

/// Why a handler should stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// Somebody cancelled the job: answer [`JobOutcome::Cancelled`].
    Cancelled,
    /// The process ends: answer [`JobOutcome::Released`].
    Draining,
    /// Another worker has the job now: write nothing more.
    Lost,
}
