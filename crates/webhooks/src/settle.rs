//! Items that change again and again: the first event of one starts its run at once, those that follow a run wait a
//! while and share the next one.
//!
//! What is kept here is only a hint of which job to ask about, in the memory of this process; the store says when that
//! job began. Whoever finds no hint runs the item at once, so that nothing is ever late for more than the wait, and
//! nothing is lost: an event that waits has its durable job, too.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use syncline_domain::ports::Tx;
use syncline_domain::{ConfigId, Fault, ItemId, Job, JobId, JobStatus, RunDirection, Timestamp};

/// How many items are kept before the older half may be forgotten.
const MOST: usize = 10_000;

/// An item of one side of a configuration.
type Key = (ConfigId, RunDirection, ItemId);

/// Which job an item went into last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Last {
    job: JobId,
    /// It is the job of those that wait.
    waits: bool,
}

/// Remembers where items went.
pub(crate) struct Settling {
    wait: Duration,
    kept: Mutex<Halves>,
}

/// The newer half, and the older one that goes when the newer is full.
#[derive(Default)]
struct Halves {
    new: HashMap<Key, Last>,
    old: HashMap<Key, Last>,
}

impl Halves {
    fn get(&self, key: &Key) -> Option<Last> {
        self.new.get(key).or_else(|| self.old.get(key)).copied()
    }

    fn put(&mut self, key: Key, last: Last) {
        if self.new.len() >= MOST / 2 {
            self.old = std::mem::take(&mut self.new);
        }
        self.new.insert(key, last);
    }
}

impl Settling {
    /// With this wait between the beginnings of two runs of an item; nothing waits when it is zero.
    pub(crate) fn new(wait: Duration) -> Self {
        Self { wait, kept: Mutex::default() }
    }

    /// Until when a run for these items waits; `None` when it may begin at once, as it may for any item that has not
    /// just had its run.
    ///
    /// # Errors
    /// What the store answers.
    pub(crate) fn until(
        &self,
        tx: &mut dyn Tx,
        config: ConfigId,
        direction: RunDirection,
        items: &[ItemId],
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Fault> {
        let Some(jobs) = self.last_jobs(config, direction, items) else { return Ok(None) };
        let mut until = None;
        for last in jobs {
            let job = tx.job(last.job)?.filter(|job| job.config_id == Some(config));
            let Some(at) = job.and_then(|job| self.ready(&job, last.waits, now)) else {
                return Ok(None);
            };
            until = until.max(Some(at));
        }
        Ok(until)
    }

    /// Remembers that the items went into this job.
    pub(crate) fn note(
        &self,
        config: ConfigId,
        direction: RunDirection,
        items: &[ItemId],
        job: JobId,
        waits: bool,
    ) {
        if self.wait.is_zero() {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for item in items {
            kept.put((config, direction, item.clone()), Last { job, waits });
        }
    }

    /// The jobs that the items went into last, each once; `None` when one of them is not known.
    fn last_jobs(
        &self,
        config: ConfigId,
        direction: RunDirection,
        items: &[ItemId],
    ) -> Option<Vec<Last>> {
        if self.wait.is_zero() {
            return None;
        }
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut jobs: Vec<Last> = Vec::new();
        for item in items {
            let last = kept.get(&(config, direction, item.clone()))?;
            if !jobs.contains(&last) {
                jobs.push(last);
            }
        }
        Some(jobs)
    }

    /// When an item of this job may run again; `None` for at once.
    fn ready(&self, job: &Job, waits: bool, now: Timestamp) -> Option<Timestamp> {
        match job.started_at {
            // A wall clock that was set back must not make anybody wait for longer than the wait.
            Some(began) => Some(began.min(now).after(self.wait)).filter(|at| *at > now),
            // Nobody has begun it: what comes joins it.
            None => Some(job.run_at).filter(|_| waits && job.status == JobStatus::Queued),
        }
    }
}
