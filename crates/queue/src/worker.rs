//! The loop: what the worker knows, and what it does when.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use syncline_domain::ports::{Clock, StopReason, Store, Topic, Wakeup};
use syncline_domain::{Fault, Job, JobClaim, JobOutcome, Settlement, Timestamp};
use tokio::task::{JoinError, JoinSet};

use crate::attempt::{Finished, attempt, judged, no_handler};
use crate::context::{Teller, pair};
use crate::end::Ending;
use crate::queue::Queue;
use crate::stop::StopSignal;
use crate::timers::Timers;

/// Everything a worker knows. One task owns it.
pub(crate) struct Worker {
    pub(crate) queue: Queue,
    pub(crate) stop: StopSignal,
    pub(crate) timers: Timers,
    /// The handlers at work; dropped, they stop.
    pub(crate) tasks: JoinSet<Finished>,
    pub(crate) running: BTreeMap<JobClaim, Teller>,
    /// How attempts ended that the store does not know of yet.
    pub(crate) unsettled: Vec<Settlement>,
    /// The instants of claims of which nobody knows whether they happened.
    pub(crate) doubtful: Vec<Timestamp>,
    /// There may be something to claim.
    pub(crate) look: bool,
    /// When running jobs are told that the time to end in peace is over, and when they are ended.
    pub(crate) drain: Option<Drain>,
}

/// The steps of the way out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drain {
    pub(crate) tell_at: Duration,
    pub(crate) end_at: Duration,
}

impl Worker {
    pub(crate) fn new(queue: Queue, stop: StopSignal) -> Self {
        let timers = Timers::new(Arc::clone(&queue.parts.clock), queue.config.times);
        Self {
            queue,
            stop,
            timers,
            tasks: JoinSet::new(),
            running: BTreeMap::new(),
            unsettled: Vec::new(),
            doubtful: Vec::new(),
            look: true,
            drain: None,
        }
    }

    pub(crate) async fn run(mut self) -> Ending {
        // Made before the first look, so that nothing committed after it is missed.
        let mut wakeup = self.store().wakeup(Topic::Jobs);
        loop {
            self.work().await;
            if self.is_done() {
                return self.end().await;
            }
            if self.has_more_to_do() {
                // Jobs that finish meanwhile share the next transaction.
                tokio::task::yield_now().await;
                continue;
            }
            self.wait(wakeup.as_mut()).await;
        }
    }

    /// Does everything that is due.
    async fn work(&mut self) {
        self.collect();
        self.note_stop();
        if self.works() && !self.timers.is_away() && self.timers.beat_is_due() {
            self.renew().await;
        }
        if self.drain.is_none() && !self.timers.is_away() && self.timers.rescue_is_due() {
            self.rescue().await;
        }
        if !self.timers.is_away() && self.timers.poll_is_due() {
            self.poll().await;
        }
        self.look |= self.timers.take_due_job();
        if self.has_more_to_do() {
            self.turn().await;
        }
    }

    async fn wait(&mut self, wakeup: &mut dyn Wakeup) {
        let timer = self.clock().sleep_until(self.next_time());
        let takes_more = self.free_slots() > 0;
        let drains = self.drain.is_some();
        // In order, so that a history replays; whatever is due by time is looked at after every event.
        tokio::select! {
            biased;
            () = self.stop.now() => {}
            () = self.stop.draining(), if !drains => {}
            Some(done) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                self.finished(done);
                // Whatever else is about to finish shares the transaction.
                tokio::task::yield_now().await;
            }
            () = wakeup.woken(), if takes_more => self.look = true,
            () = timer => {}
        }
    }

    fn next_time(&self) -> Duration {
        let own = self.timers.next(self.works(), self.drain.is_some());
        let way_out = self.drain.map(|drain| {
            if self.clock().monotonic() < drain.tell_at { drain.tell_at } else { drain.end_at }
        });
        way_out.map_or(own, |at| own.min(at))
    }

    /// Takes over every attempt that has ended.
    pub(crate) fn collect(&mut self) {
        while let Some(done) = self.tasks.try_join_next() {
            self.finished(done);
        }
    }

    fn finished(&mut self, done: Result<Finished, JoinError>) {
        // A handler that was ended from outside has no outcome; whoever ended it released the job.
        let Ok(Finished { claim, outcome }) = done else { return };
        let Some(teller) = self.running.remove(&claim) else { return };
        self.look = true;
        match judged(outcome, teller.told()) {
            Some(outcome) => self.settle_later(claim, outcome),
            None => {
                log::warn!(job = claim.id.0; "a job that another worker took over ended here; nothing is recorded")
            }
        }
    }

    fn settle_later(&mut self, claim: JobClaim, outcome: JobOutcome) {
        log_outcome(claim, &outcome);
        self.unsettled.push(Settlement { claim, outcome, at: self.clock().now() });
    }

    /// Starts a claimed job.
    pub(crate) fn start(&mut self, job: Job) {
        let Some(claim) = job.claim() else {
            log::error!(job = job.id.0; "the store gave out a job without a claim");
            return;
        };
        if job.cancel_requested {
            return self.settle_later(claim, JobOutcome::Cancelled { result: None });
        }
        let Some(handler) = self.queue.parts.handlers.get(&job.kind).map(Arc::clone) else {
            return self.settle_later(claim, no_handler(&job.kind));
        };
        log::debug!(job = job.id.0, kind = job.kind.as_str(), attempt = job.attempts; "job started");
        let (teller, context) = pair();
        let parts = &self.queue.parts;
        let (clock, rng) = (Arc::clone(&parts.clock), Arc::clone(&parts.rng));
        self.running.insert(claim, teller);
        self.tasks.spawn(attempt(handler, job, claim, context, clock, rng));
    }

    /// Notes that a stop was asked for, and goes on along the way out.
    fn note_stop(&mut self) {
        let now = self.clock().monotonic();
        if self.stop.is_draining() && self.drain.is_none() {
            let tell_at = now.saturating_add(self.times().drain);
            let end_at = tell_at.saturating_add(self.times().grace);
            self.drain = Some(Drain { tell_at, end_at });
            log::info!(running = self.running.len(); "no more jobs are taken; running ones may end");
        }
        if self.drain.is_some_and(|drain| now >= drain.tell_at) {
            self.running.values().for_each(|teller| teller.tell(StopReason::Draining));
        }
    }

    fn is_done(&self) -> bool {
        let Some(drain) = self.drain else { return false };
        let idle = self.running.is_empty() && self.unsettled.is_empty();
        idle || self.stop.is_now() || self.clock().monotonic() >= drain.end_at
    }

    fn has_more_to_do(&self) -> bool {
        let wants = self.look || !self.unsettled.is_empty();
        wants && !self.timers.is_away()
    }

    /// Whether there are claims to keep alive.
    pub(crate) fn works(&self) -> bool {
        !self.running.is_empty() || !self.unsettled.is_empty()
    }

    pub(crate) fn free_slots(&self) -> usize {
        if self.drain.is_some() {
            return 0;
        }
        self.queue.config.slots.get().saturating_sub(self.running.len())
    }

    /// Leaves the store alone for a moment.
    pub(crate) fn store_failed(&mut self, what: &str, fault: &Fault) {
        let first = self.timers.store_failed();
        let level = if first { log::Level::Warn } else { log::Level::Debug };
        log::log!(level, "{what}: {fault}; trying again");
    }

    pub(crate) fn store_answered(&mut self) {
        if self.timers.store_answered() {
            log::info!("the store answers again");
        }
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.queue.parts.store)
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.queue.parts.clock.as_ref()
    }

    pub(crate) fn times(&self) -> crate::QueueTimes {
        self.queue.config.times
    }
}

fn log_outcome(claim: JobClaim, outcome: &JobOutcome) {
    let job = claim.id.0;
    match outcome {
        JobOutcome::Completed { .. } => log::debug!(job = job; "job done"),
        JobOutcome::Cancelled { .. } => log::info!(job = job; "job cancelled"),
        JobOutcome::Released { run_at } => {
            log::debug!(job = job; "job handed back until {run_at}");
        }
        JobOutcome::Retry { error, run_at } => {
            log::warn!(job = job; "job not done, again at {run_at}: {}", error.message);
        }
        JobOutcome::Failed { error, .. } => {
            log::warn!(job = job; "job failed: {}", error.message);
        }
    }
}
