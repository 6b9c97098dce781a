//! Provisional.

use std::time::Duration;

use syncline_domain::ports::{JobFilter, JobTx};
use syncline_domain::{
    CancelAsked, ConfigId, Enqueued, ExecutionId, Fault, Heartbeat, ItemId, Job, JobClaim, JobId,
    NewJob, QueueCounts, Settlement, Timestamp,
};

use super::MemTx;

impl JobTx for MemTx<'_> {
    fn enqueue(&mut self, _job: &NewJob) -> Result<Enqueued, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn count_waiting_jobs(&mut self) -> Result<u64, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn claim_jobs(
        &mut self,
        _holder: &str,
        _now: Timestamp,
        _ttl: Duration,
        _limit: usize,
    ) -> Result<Vec<Job>, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn renew_jobs(
        &mut self,
        _claims: &[JobClaim],
        _now: Timestamp,
        _ttl: Duration,
    ) -> Result<Vec<Heartbeat>, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn note_job_run(&mut self, _claim: JobClaim, _execution: ExecutionId) -> Result<(), Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn settle_jobs(&mut self, _settlements: &[Settlement]) -> Result<Vec<JobId>, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn rescue_jobs(
        &mut self,
        _now: Timestamp,
        _dead_holders: &[String],
        _limit: usize,
    ) -> Result<Vec<Job>, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn job_holders(&mut self) -> Result<Vec<String>, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn next_job_at(&mut self) -> Result<Option<Timestamp>, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn job(&mut self, _id: JobId) -> Result<Option<Job>, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn job_items(&mut self, _id: JobId, _limit: usize) -> Result<Vec<ItemId>, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn jobs(&mut self, _filter: &JobFilter, _limit: usize) -> Result<Vec<Job>, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn count_jobs(&mut self, _filter: &JobFilter) -> Result<u64, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn queue_counts(&mut self, _scope: Option<&[ConfigId]>) -> Result<QueueCounts, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn cancel_job(&mut self, _id: JobId, _now: Timestamp) -> Result<CancelAsked, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn redrive_job(&mut self, _id: JobId, _now: Timestamp) -> Result<bool, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn prune_jobs(&mut self, _keep: u64, _before: Timestamp, _limit: usize) -> Result<u64, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }
}
