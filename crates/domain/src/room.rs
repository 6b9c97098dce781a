//! How many jobs may wait, held without counting at every one.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::ports::Tx;
use crate::{Enqueued, Fault, NewJob};

/// The limit on waiting jobs (`MAX_QUEUE_SIZE`), shared by everything in a process that queues jobs.
///
/// Whoever counts lets half of the room that is left be used before somebody counts again; the last places are counted
/// one by one. Invariant: where writing transactions run one after another and one process queues, no job is put in
/// while `limit` jobs wait. Several processes, or transactions side by side, may pass the limit by what they put in
/// between two counts. Jobs that go back to waiting after an attempt are never refused.
#[derive(Debug)]
pub struct WaitingRoom {
    limit: u64,
    /// How many jobs may be put in before the next count.
    uncounted: AtomicU64,
}

impl WaitingRoom {
    /// Room for `limit` waiting jobs.
    #[must_use]
    pub const fn new(limit: u64) -> Self {
        Self { limit, uncounted: AtomicU64::new(0) }
    }

    /// How many jobs may wait.
    #[must_use]
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// Queues a job if there is room; joining a waiting job takes none and is always allowed.
    ///
    /// # Errors
    /// [`Fault::Busy`] when the queue is full, and what the store answers. The transaction must fail with it: a job
    /// that turned out not to join a waiting one is in by then, and only the roll-back takes it out.
    pub fn enqueue(&self, tx: &mut dyn Tx, job: &NewJob) -> Result<Enqueued, Fault> {
        if self.take_uncounted() {
            let enqueued = tx.enqueue(job)?;
            if enqueued.folded {
                self.uncounted.fetch_add(1, Ordering::Relaxed);
            }
            return Ok(enqueued);
        }
        let waiting = tx.count_waiting_jobs()?;
        let left = self.limit.saturating_sub(waiting);
        if left == 0 && job.fold_key.is_none() {
            return Err(full(waiting));
        }
        let enqueued = tx.enqueue(job)?;
        if enqueued.folded {
            return Ok(enqueued);
        }
        let Some(left) = left.checked_sub(1) else { return Err(full(waiting)) };
        self.uncounted.store(left / 2, Ordering::Relaxed);
        Ok(enqueued)
    }

    /// Whether a job that joins no other would be refused now.
    ///
    /// # Errors
    /// What the store answers.
    pub fn is_full(&self, tx: &mut dyn Tx) -> Result<bool, Fault> {
        if self.uncounted.load(Ordering::Relaxed) > 0 {
            return Ok(false);
        }
        Ok(tx.count_waiting_jobs()? >= self.limit)
    }

    fn take_uncounted(&self) -> bool {
        let take = |left: u64| left.checked_sub(1);
        self.uncounted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

fn full(waiting: u64) -> Fault {
    Fault::Busy(format!(
        "the queue is full: {waiting} jobs wait (MAX_QUEUE_SIZE); try again when some are done"
    ))
}
