//! Tables `jobs` and `job_items`.

mod claim;
mod enqueue;
mod list;
mod row;
mod settle;

use std::time::Duration;

use syncline_domain::ports::{JobFilter, JobTx, Topic};
use syncline_domain::{
    CancelAsked, ConfigId, Enqueued, ExecutionId, Fault, Heartbeat, ItemId, Job, JobClaim, JobId,
    NewJob, QueueCounts, Settlement, Timestamp,
};

use super::DbTx;

impl JobTx for DbTx<'_> {
    fn enqueue(&mut self, job: &NewJob) -> Result<Enqueued, Fault> {
        let enqueued = enqueue::enqueue(self.write()?, job)?;
        self.wake(Topic::Jobs);
        Ok(enqueued)
    }

    fn count_waiting_jobs(&mut self) -> Result<u64, Fault> {
        list::count_waiting(self.read())
    }

    fn claim_jobs(
        &mut self,
        holder: &str,
        now: Timestamp,
        ttl: Duration,
        limit: usize,
    ) -> Result<Vec<Job>, Fault> {
        claim::claim(self.write()?, holder, now, ttl, limit)
    }

    fn renew_jobs(
        &mut self,
        claims: &[JobClaim],
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Vec<Heartbeat>, Fault> {
        claim::renew(self.write()?, claims, now, ttl)
    }

    fn note_job_run(&mut self, claim: JobClaim, execution: ExecutionId) -> Result<(), Fault> {
        claim::note_run(self.write()?, claim, execution)
    }

    fn settle_jobs(&mut self, settlements: &[Settlement]) -> Result<Vec<JobId>, Fault> {
        let settled = settle::settle(self.write()?, settlements)?;
        self.wake_if(Topic::Jobs, !settled.is_empty());
        Ok(settled)
    }

    fn rescue_jobs(
        &mut self,
        now: Timestamp,
        dead_holders: &[String],
        limit: usize,
    ) -> Result<Vec<Job>, Fault> {
        let rescued = settle::rescue(self.write()?, now, dead_holders, limit)?;
        self.wake_if(Topic::Jobs, !rescued.is_empty());
        Ok(rescued)
    }

    fn job_holders(&mut self) -> Result<Vec<String>, Fault> {
        list::holders(self.read())
    }

    fn next_job_at(&mut self) -> Result<Option<Timestamp>, Fault> {
        list::next_at(self.read())
    }

    fn job(&mut self, id: JobId) -> Result<Option<Job>, Fault> {
        list::job(self.read(), id)
    }

    fn job_items(&mut self, id: JobId, limit: usize) -> Result<Vec<ItemId>, Fault> {
        list::items(self.read(), id, limit)
    }

    fn jobs(&mut self, filter: &JobFilter, limit: usize) -> Result<Vec<Job>, Fault> {
        list::jobs(self.read(), filter, limit)
    }

    fn count_jobs(&mut self, filter: &JobFilter) -> Result<u64, Fault> {
        list::count_jobs(self.read(), filter)
    }

    fn queue_counts(&mut self, scope: Option<&[ConfigId]>) -> Result<QueueCounts, Fault> {
        list::counts(self.read(), scope)
    }

    fn cancel_job(&mut self, id: JobId, now: Timestamp) -> Result<CancelAsked, Fault> {
        settle::cancel(self.write()?, id, now)
    }

    fn redrive_job(&mut self, id: JobId, now: Timestamp) -> Result<bool, Fault> {
        let again = settle::redrive(self.write()?, id, now)?;
        self.wake_if(Topic::Jobs, again);
        Ok(again)
    }

    fn prune_job_items(
        &mut self,
        keep: u64,
        before: Timestamp,
        limit: usize,
    ) -> Result<u64, Fault> {
        settle::prune_items(self.write()?, keep, before, limit)
    }

    fn prune_jobs(&mut self, keep: u64, before: Timestamp, limit: usize) -> Result<u64, Fault> {
        settle::prune(self.write()?, keep, before, limit)
    }
}
