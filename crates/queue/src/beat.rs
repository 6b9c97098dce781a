//! Keeping claims alive, and hearing who is to stop.

use std::collections::HashMap;

use syncline_domain::ports::{JobFilter, StopReason, StoreExt as _};
use syncline_domain::{Heartbeat, JobClaim, JobId, JobStatus};

use crate::config::MOST_SLOTS;
use crate::worker::Worker;

impl Worker {
    /// Renews all claims at once, those included whose end is not recorded yet.
    pub(crate) async fn renew(&mut self) {
        let claims: Vec<JobClaim> = self
            .running
            .keys()
            .copied()
            .chain(self.unsettled.iter().map(|settlement| settlement.claim))
            .collect();
        let (now, lease) = (self.clock().now(), self.times().lease);
        let renewed =
            self.store().tx("renew_jobs", move |tx| tx.renew_jobs(&claims, now, lease)).await;
        match renewed {
            Ok(beats) => {
                self.store_answered();
                self.timers.beat_done();
                self.hear(&beats);
            }
            Err(fault) => self.store_failed("leases of running jobs were not renewed", &fault),
        }
    }

    fn hear(&self, beats: &[Heartbeat]) {
        let held: HashMap<JobId, bool> =
            beats.iter().map(|beat| (beat.id, beat.cancel_requested)).collect();
        for (claim, teller) in &self.running {
            match held.get(&claim.id) {
                None => teller.tell(StopReason::Lost),
                Some(true) => teller.tell(StopReason::Cancelled),
                Some(false) => {}
            }
        }
    }

    /// Looks, without writing, for due jobs and for wishes to stop.
    pub(crate) async fn poll(&mut self) {
        let works = !self.running.is_empty();
        let takes_more = self.free_slots() > 0;
        let looked = self
            .store()
            .view("queue_poll", move |tx| {
                let filter = JobFilter { status: Some(JobStatus::Running), ..JobFilter::default() };
                let running = if works { tx.jobs(&filter, MOST_SLOTS)? } else { vec![] };
                let next = if takes_more { tx.next_job_at()? } else { None };
                Ok((running, next))
            })
            .await;
        match looked {
            Ok((running, next)) => {
                self.store_answered();
                self.timers.poll_done();
                for job in running.iter().filter(|job| job.cancel_requested) {
                    let teller = job.claim().and_then(|claim| self.running.get(&claim));
                    if let Some(teller) = teller {
                        teller.tell(StopReason::Cancelled);
                    }
                }
                if takes_more {
                    self.look |= next.is_some_and(|next| next <= self.clock().now());
                    self.timers.note_next_job(next);
                }
            }
            Err(fault) => self.store_failed("the queue was not looked at", &fault),
        }
    }
}
