//! Jobs.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use syncline_domain::ports::{JobFilter, JobTx, Topic};
use syncline_domain::{
    CancelAsked, ConfigId, Enqueued, ExecutionId, Fault, Heartbeat, ItemId, Job, JobClaim, JobId,
    JobStatus, NewJob, QueueCounts, Settlement, Timestamp,
};

use super::job_rows::JobRow;
use super::tables::Tables;
use super::{MemTx, count};

fn in_scope(job: &Job, scope: Option<&[ConfigId]>) -> bool {
    scope.is_none_or(|scope| job.config_id.is_some_and(|id| scope.contains(&id)))
}

fn passes(job: &Job, filter: &JobFilter) -> bool {
    filter.config_id.is_none_or(|id| job.config_id == Some(id))
        && filter.status.is_none_or(|status| job.status == status)
        && filter.dead.is_none_or(|dead| job.dead_reason.is_some() == dead)
        && in_scope(job, filter.scope.as_deref())
}

const fn ended(status: JobStatus) -> bool {
    matches!(status, JobStatus::Completed | JobStatus::Failed | JobStatus::Cancelled)
}

/// Configurations that have a job running.
fn busy(tables: &Tables) -> BTreeSet<ConfigId> {
    let running = tables.jobs.all().filter(|row| row.job.status == JobStatus::Running);
    running.filter_map(|row| row.job.config_id).collect()
}

/// Due jobs that may start, in the order of claiming.
fn claimable(tables: &Tables, now: Timestamp, limit: usize) -> Vec<JobId> {
    let due = |row: &&JobRow| row.job.status == JobStatus::Queued && row.job.run_at <= now;
    let mut jobs: Vec<&Job> = tables.jobs.all().filter(due).map(|row| &row.job).collect();
    jobs.sort_by_key(|job| (std::cmp::Reverse(job.priority), job.run_at, job.id));
    let mut taken = busy(tables);
    jobs.retain(|job| job.config_id.is_none_or(|config| taken.insert(config)));
    jobs.into_iter().map(|job| job.id).take(limit).collect()
}

/// Jobs whose workers are gone, the longest gone first.
fn abandoned(tables: &Tables, now: Timestamp, dead: &[String], limit: usize) -> Vec<JobId> {
    let mut found: Vec<(Timestamp, JobId)> = tables
        .jobs
        .all()
        .filter_map(|row| row.job.lease.as_ref().map(|lease| (lease, row.job.id)))
        .filter(|(lease, _)| lease.until <= now || dead.contains(&lease.holder))
        .map(|(lease, id)| (lease.until, id))
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, id)| id).take(limit).collect()
}

/// The jobs that go next.
fn to_go(tables: &Tables, keep: u64, before: Timestamp, limit: usize) -> Vec<JobId> {
    let keep = usize::try_from(keep).unwrap_or(usize::MAX);
    let ended = tables.jobs.all().rev().map(|row| &row.job).filter(|job| ended(job.status));
    let mut old: Vec<JobId> = ended
        .skip(keep)
        .filter(|job| job.completed_at.is_some_and(|at| at < before))
        .map(|job| job.id)
        .collect();
    old.reverse();
    old.truncate(limit);
    old
}

impl JobTx for MemTx<'_> {
    fn enqueue(&mut self, new: &NewJob) -> Result<Enqueued, Fault> {
        let tables = self.write()?;
        tables.config_there(new.config_id)?;
        let same = new.fold_key.as_ref().and_then(|key| {
            let found = tables.jobs.all().find(|row| row.fold_key.as_ref() == Some(key));
            found.map(|row| row.job.id)
        });
        let mut folded = None;
        if let Some(row) = same.and_then(|id| tables.jobs.get_mut(id.0)) {
            if row.take_in(new) {
                folded = Some(row.job.key());
            } else {
                row.fold_key = None;
            }
        }
        let key = folded.or_else(|| {
            let id = tables.jobs.add(|id| JobRow::new(id, new));
            tables.jobs.get(id).map(|row| row.job.key())
        });
        self.ring(Topic::Jobs);
        let key = key.ok_or_else(|| Fault::Internal("a new job is not there".to_owned()))?;
        Ok(Enqueued { key, folded: folded.is_some() })
    }

    fn count_waiting_jobs(&mut self) -> Result<u64, Fault> {
        Ok(count(self.tables.jobs.all().filter(|row| row.job.status == JobStatus::Queued)))
    }

    fn claim_jobs(
        &mut self,
        holder: &str,
        now: Timestamp,
        ttl: Duration,
        limit: usize,
    ) -> Result<Vec<Job>, Fault> {
        let tables = self.write()?;
        let mut jobs = Vec::new();
        for id in claimable(tables, now, limit) {
            if let Some(row) = tables.jobs.get_mut(id.0) {
                row.claim(holder, now, ttl);
                jobs.push(row.job.clone());
            }
        }
        Ok(jobs)
    }

    fn renew_jobs(
        &mut self,
        claims: &[JobClaim],
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Vec<Heartbeat>, Fault> {
        let tables = self.write()?;
        let mut beats = Vec::new();
        for claim in claims {
            if let Some(row) = tables.held_job(*claim)
                && let Some(lease) = &mut row.job.lease
            {
                lease.until = now.after(ttl);
                let cancel_requested = row.job.cancel_requested;
                beats.push(Heartbeat { id: claim.id, cancel_requested });
            }
        }
        Ok(beats)
    }

    fn note_job_run(&mut self, claim: JobClaim, execution: ExecutionId) -> Result<(), Fault> {
        let row = self.write()?.held_job(claim).ok_or_else(|| {
            Fault::Conflict(format!("job {} was taken by somebody else", claim.id))
        })?;
        row.job.execution_id = Some(execution);
        Ok(())
    }

    fn settle_jobs(&mut self, settlements: &[Settlement]) -> Result<Vec<JobId>, Fault> {
        let tables = self.write()?;
        let mut settled = Vec::new();
        for settlement in settlements {
            if let Some(row) = tables.held_job(settlement.claim) {
                row.settle(&settlement.outcome, settlement.at);
                settled.push(row.job.id);
            }
        }
        if !settled.is_empty() {
            self.ring(Topic::Jobs);
        }
        Ok(settled)
    }

    fn rescue_jobs(
        &mut self,
        now: Timestamp,
        dead_holders: &[String],
        limit: usize,
    ) -> Result<Vec<Job>, Fault> {
        let tables = self.write()?;
        let mut jobs = Vec::new();
        for id in abandoned(tables, now, dead_holders, limit) {
            if let Some(row) = tables.jobs.get_mut(id.0) {
                row.rescue(now);
                jobs.push(row.job.clone());
            }
        }
        if !jobs.is_empty() {
            self.ring(Topic::Jobs);
        }
        Ok(jobs)
    }

    fn job_holders(&mut self) -> Result<Vec<String>, Fault> {
        let leases = self.tables.jobs.all().filter_map(|row| row.job.lease.as_ref());
        let holders: BTreeSet<String> = leases.map(|lease| lease.holder.clone()).collect();
        Ok(holders.into_iter().collect())
    }

    fn next_job_at(&mut self) -> Result<Option<Timestamp>, Fault> {
        let busy = busy(self.tables);
        let waiting = self.tables.jobs.all().filter(|row| row.job.status == JobStatus::Queued);
        Ok(waiting
            .filter(|row| row.job.config_id.is_none_or(|config| !busy.contains(&config)))
            .map(|row| row.job.run_at)
            .min())
    }

    fn job(&mut self, id: JobId) -> Result<Option<Job>, Fault> {
        Ok(self.tables.jobs.get(id.0).map(|row| row.job.clone()))
    }

    fn job_items(&mut self, id: JobId, limit: usize) -> Result<Vec<ItemId>, Fault> {
        let row = self.tables.jobs.get(id.0);
        Ok(row.map(|row| row.items.iter().take(limit).cloned().collect()).unwrap_or_default())
    }

    fn jobs(&mut self, filter: &JobFilter, limit: usize) -> Result<Vec<Job>, Fault> {
        let rows = self.tables.jobs.all().rev().map(|row| &row.job);
        Ok(rows
            .filter(|job| passes(job, filter))
            .filter(|job| filter.before.is_none_or(|before| job.id < before))
            .take(limit)
            .cloned()
            .collect())
    }

    fn count_jobs(&mut self, filter: &JobFilter) -> Result<u64, Fault> {
        Ok(count(self.tables.jobs.all().filter(|row| passes(&row.job, filter))))
    }

    fn queue_counts(&mut self, scope: Option<&[ConfigId]>) -> Result<QueueCounts, Fault> {
        let mut counts = QueueCounts::default();
        for row in self.tables.jobs.all().filter(|row| in_scope(&row.job, scope)) {
            match row.job.status {
                JobStatus::Queued => {
                    counts.queued += 1;
                    let at = row.job.run_at;
                    counts.oldest_due_at = Some(counts.oldest_due_at.map_or(at, |o| o.min(at)));
                }
                JobStatus::Running => counts.running += 1,
                JobStatus::Completed => counts.completed += 1,
                JobStatus::Failed => counts.failed += 1,
                JobStatus::Cancelled => {}
            }
            counts.dead += u64::from(row.job.dead_reason.is_some());
        }
        Ok(counts)
    }

    fn cancel_job(&mut self, id: JobId, now: Timestamp) -> Result<CancelAsked, Fault> {
        let row = self.write()?.jobs.get_mut(id.0).ok_or_else(|| Fault::no_such("job", id))?;
        Ok(match row.job.status {
            JobStatus::Queued => {
                row.cancel_waiting(now);
                CancelAsked::Cancelled
            }
            JobStatus::Running => {
                row.job.cancel_requested = true;
                CancelAsked::Asked
            }
            status => CancelAsked::Ended(status),
        })
    }

    fn redrive_job(&mut self, id: JobId, now: Timestamp) -> Result<bool, Fault> {
        let row = self.write()?.jobs.get_mut(id.0);
        let again =
            |row: &&mut JobRow| matches!(row.job.status, JobStatus::Failed | JobStatus::Cancelled);
        let Some(row) = row.filter(again) else {
            return Ok(false);
        };
        row.redrive(now);
        self.ring(Topic::Jobs);
        Ok(true)
    }

    fn prune_job_items(
        &mut self,
        keep: u64,
        before: Timestamp,
        limit: usize,
    ) -> Result<u64, Fault> {
        let tables = self.write()?;
        let mut left = limit;
        for id in to_go(tables, keep, before, limit) {
            if let Some(row) = tables.jobs.get_mut(id.0) {
                let gone = row.items.len().min(left);
                Arc::make_mut(&mut row.items).drain(..gone);
                left -= gone;
            }
        }
        Ok(u64::try_from(limit - left).unwrap_or(u64::MAX))
    }

    fn prune_jobs(&mut self, keep: u64, before: Timestamp, limit: usize) -> Result<u64, Fault> {
        let tables = self.write()?;
        let old = to_go(tables, keep, before, limit);
        for id in &old {
            tables.jobs.remove(id.0);
        }
        Ok(count(old.iter()))
    }
}
