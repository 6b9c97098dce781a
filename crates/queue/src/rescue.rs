//! Jobs of workers that are gone.

use std::sync::Arc;

use syncline_domain::ports::{JobFilter, StoreExt as _, Tx};
use syncline_domain::{Fault, Job, JobId, JobStatus, Settlement, Timestamp};

use crate::queue::LeftBehind;
use crate::worker::Worker;

/// How many jobs are rescued in one transaction.
const BATCH: usize = 500;
/// How many running jobs are looked through for abandoned ones that are done.
const MOST_LOOKED_THROUGH: usize = 10_000;

impl Worker {
    /// Takes jobs from workers whose leases ended or that are certainly dead.
    pub(crate) async fn rescue(&mut self) {
        match self.rescue_all().await {
            Ok(()) => {
                self.store_answered();
                self.timers.rescue_done();
            }
            Err(fault) => self.store_failed("jobs of dead workers were not looked for", &fault),
        }
    }

    async fn rescue_all(&mut self) -> Result<(), Fault> {
        let holders = self.store().view("job_holders", |tx| tx.job_holders()).await?;
        let (own, is_dead) = (&self.queue.config.holder, &self.queue.parts.is_dead);
        let dead: Vec<String> =
            holders.into_iter().filter(|holder| holder != own && is_dead(holder)).collect();
        loop {
            let (now, dead) = (self.clock().now(), dead.clone());
            let left_behind = Arc::clone(&self.queue.parts.left_behind);
            let (finished, rescued) = self
                .store()
                .tx("rescue_jobs", move |tx| {
                    let finished = finish(tx, now, &dead, &left_behind)?;
                    Ok((finished, tx.rescue_jobs(now, &dead, BATCH)?))
                })
                .await?;
            self.look |= !finished.is_empty() || !rescued.is_empty();
            for id in finished {
                log::warn!(job = id.0; "a job's worker died after the work was done; its end is recorded now");
            }
            rescued.iter().for_each(report);
            if rescued.len() < BATCH {
                return Ok(());
            }
        }
    }
}

/// Settles abandoned jobs whose work has come to its end, under the claims of their dead workers.
fn finish(
    tx: &mut dyn Tx,
    now: Timestamp,
    dead: &[String],
    left_behind: &LeftBehind,
) -> Result<Vec<JobId>, Fault> {
    let filter = JobFilter { status: Some(JobStatus::Running), ..JobFilter::default() };
    let mut done = Vec::new();
    for job in tx.jobs(&filter, MOST_LOOKED_THROUGH)? {
        let (Some(lease), Some(claim)) = (&job.lease, job.claim()) else { continue };
        if lease.until > now && !dead.contains(&lease.holder) {
            continue;
        }
        if let Some(outcome) = left_behind(tx, &job)? {
            done.push(Settlement { claim, outcome, at: now });
        }
    }
    if done.is_empty() { Ok(vec![]) } else { tx.settle_jobs(&done) }
}

fn report(job: &Job) {
    let (id, attempts) = (job.id.0, job.attempts);
    match job.status {
        JobStatus::Failed => {
            log::error!(job = id, attempts = attempts; "a job's worker died in its last attempt; it is given up");
        }
        JobStatus::Cancelled => log::info!(job = id; "a cancelled job's worker died"),
        _ => log::warn!(job = id, attempts = attempts; "a job's worker died; it runs again"),
    }
}
