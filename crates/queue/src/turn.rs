//! One turn: what ended is settled and the next jobs are claimed, in one transaction.

use std::collections::HashSet;
use std::sync::Arc;

use syncline_domain::ports::{JobFilter, StoreExt as _, Tx};
use syncline_domain::{Fault, Job, JobClaim, JobId, JobStatus, Settlement, Timestamp};

use crate::worker::Worker;

/// How many running jobs are looked through for claims that may have happened.
const MOST_LOOKED_THROUGH: usize = 10_000;

/// What a turn is to do.
struct Asked {
    holder: String,
    now: Timestamp,
    lease: std::time::Duration,
    settlements: Vec<Settlement>,
    free: usize,
    /// Claims of these instants may have happened ...
    doubtful: Vec<Timestamp>,
    /// ... and these are known.
    known: HashSet<JobClaim>,
}

/// What came of a turn.
struct Turned {
    settled: Vec<JobId>,
    claimed: Vec<Job>,
    adopted: usize,
    /// `None` when nobody looked, since every slot is taken.
    next_job_at: Option<Option<Timestamp>>,
}

impl Worker {
    pub(crate) async fn turn(&mut self) {
        self.look = false;
        let free = self.free_slots();
        if free == 0 && self.unsettled.is_empty() {
            return;
        }
        let asked = Arc::new(Asked {
            holder: self.queue.config.holder.clone(),
            now: self.clock().now(),
            lease: self.times().lease,
            settlements: self.unsettled.clone(),
            free,
            doubtful: self.doubtful.clone(),
            known: self.running.keys().copied().collect(),
        });
        let work = Arc::clone(&asked);
        // Two names, so that figures and fault points tell them apart.
        let name = if asked.settlements.is_empty() { "queue_claim" } else { "queue_turn" };
        match self.store().tx(name, move |tx| take(tx, &work)).await {
            Ok(turned) => self.turned(&asked, turned),
            Err(fault) => self.not_turned(&asked, &fault).await,
        }
    }

    fn turned(&mut self, asked: &Asked, turned: Turned) {
        self.store_answered();
        self.doubtful.clear();
        report_refused(&asked.settlements, &turned.settled);
        self.unsettled.clear();
        if let Some(next) = turned.next_job_at {
            self.timers.note_next_job(next);
        }
        if turned.adopted > 0 {
            // They were claimed a while ago.
            self.timers.beat_soon();
        }
        if self.running.is_empty() && !turned.claimed.is_empty() {
            // From here on there is something to keep alive; a claim is as good as a renewal.
            if turned.adopted == 0 {
                self.timers.beat_done();
            }
        }
        for job in turned.claimed {
            self.start(job);
        }
    }

    async fn not_turned(&mut self, asked: &Asked, fault: &Fault) {
        if asked.free > 0 {
            self.doubtful.push(asked.now);
        }
        self.look = true;
        self.store_failed("jobs were neither settled nor claimed", fault);
        let away = matches!(fault, Fault::Unavailable(_) | Fault::Busy(_));
        if !away && !asked.settlements.is_empty() {
            self.settle_each().await;
        }
    }

    /// The store took offence at something. Each outcome is settled alone, so that one that cannot be stored keeps no
    /// other waiting; its job is rescued when its lease ends.
    async fn settle_each(&mut self) {
        let mut left = std::mem::take(&mut self.unsettled).into_iter();
        while let Some(settlement) = left.next() {
            let one = [settlement.clone()];
            match self.store().tx("settle_job", move |tx| tx.settle_jobs(&one)).await {
                Ok(settled) => {
                    self.store_answered();
                    report_refused(&[settlement], &settled);
                }
                Err(fault @ (Fault::Unavailable(_) | Fault::Busy(_))) => {
                    log::debug!("still away: {fault}");
                    self.unsettled.push(settlement);
                    self.unsettled.extend(left);
                    return;
                }
                Err(fault) => {
                    let job = settlement.claim.id.0;
                    log::error!(job = job; "how a job ended cannot be stored, it will run again: {fault}");
                }
            }
        }
    }
}

fn take(tx: &mut dyn Tx, asked: &Asked) -> Result<Turned, Fault> {
    let settled =
        if asked.settlements.is_empty() { vec![] } else { tx.settle_jobs(&asked.settlements)? };
    if asked.free == 0 {
        return Ok(Turned { settled, claimed: vec![], adopted: 0, next_job_at: None });
    }
    let mut claimed = if asked.doubtful.is_empty() { vec![] } else { adopt(tx, asked)? };
    let adopted = claimed.len();
    let free = asked.free.saturating_sub(adopted);
    if free > 0 {
        claimed.extend(tx.claim_jobs(&asked.holder, asked.now, asked.lease, free)?);
    }
    let next_job_at = if claimed.len() < asked.free { Some(tx.next_job_at()?) } else { None };
    Ok(Turned { settled, claimed, adopted, next_job_at })
}

/// Jobs that a claim of ours took although we were told that it failed.
fn adopt(tx: &mut dyn Tx, asked: &Asked) -> Result<Vec<Job>, Fault> {
    let filter = JobFilter { status: Some(JobStatus::Running), ..JobFilter::default() };
    let mut found = tx.jobs(&filter, MOST_LOOKED_THROUGH)?;
    found.retain(|job| {
        let ours = job.lease.as_ref().is_some_and(|lease| lease.holder == asked.holder);
        let unknown = job.claim().is_some_and(|claim| !asked.known.contains(&claim));
        let then = job.started_at.is_some_and(|at| asked.doubtful.contains(&at));
        ours && unknown && then
    });
    found.truncate(asked.free);
    Ok(found)
}

fn report_refused(asked: &[Settlement], settled: &[JobId]) {
    for settlement in asked {
        let job = settlement.claim.id;
        if !settled.contains(&job) {
            log::warn!(job = job.0; "the end of a job is not recorded: its lease was lost, or it is recorded already");
        }
    }
}
