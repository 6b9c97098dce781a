//! When the worker does what by itself. All times are monotonic; the wall may jump.

use std::sync::Arc;
use std::time::Duration;

use syncline_domain::Timestamp;
use syncline_domain::ports::Clock;

use crate::config::QueueTimes;

/// The first wait for a store that is away, and the longest.
const AWAY_FIRST: Duration = Duration::from_millis(100);
const AWAY_LONGEST: Duration = Duration::from_secs(5);

/// When the worker does what by itself.
pub(crate) struct Timers {
    clock: Arc<dyn Clock>,
    times: QueueTimes,
    beat_at: Duration,
    /// By the wall clock: leases end by it, so after a jump they are renewed before anybody looks at them.
    beat_by: Timestamp,
    rescue_at: Duration,
    poll_at: Duration,
    next_job_at: Option<Duration>,
    away_until: Option<Duration>,
    failures: u32,
}

impl Timers {
    /// Everything is due now.
    pub(crate) fn new(clock: Arc<dyn Clock>, times: QueueTimes) -> Self {
        let (now, wall) = (clock.monotonic(), clock.now());
        Self {
            clock,
            times,
            beat_at: now,
            beat_by: wall,
            rescue_at: now,
            poll_at: now,
            next_job_at: None,
            away_until: None,
            failures: 0,
        }
    }

    pub(crate) fn beat_is_due(&self) -> bool {
        self.clock.monotonic() >= self.beat_at || self.clock.now() >= self.beat_by
    }

    pub(crate) fn beat_done(&mut self) {
        self.beat_at = self.clock.monotonic().saturating_add(self.times.heartbeat);
        self.beat_by = self.clock.now().after(self.times.heartbeat);
    }

    /// Renews with the next look.
    pub(crate) fn beat_soon(&mut self) {
        self.beat_at = self.clock.monotonic();
    }

    pub(crate) fn rescue_is_due(&self) -> bool {
        self.clock.monotonic() >= self.rescue_at
    }

    pub(crate) fn rescue_done(&mut self) {
        self.rescue_at = self.clock.monotonic().saturating_add(self.times.rescue);
    }

    pub(crate) fn poll_is_due(&self) -> bool {
        self.clock.monotonic() >= self.poll_at
    }

    pub(crate) fn poll_done(&mut self) {
        self.poll_at = self.clock.monotonic().saturating_add(self.times.poll);
    }

    /// Notes the next job's time. One that is due and was not to be had waits for a wake-up or the poll.
    pub(crate) fn note_next_job(&mut self, next: Option<Timestamp>) {
        let now = self.clock.now();
        self.next_job_at = next
            .filter(|next| *next > now)
            .map(|next| self.clock.monotonic().saturating_add(next.since(now)));
    }

    /// Whether the noted job is due by now; once.
    pub(crate) fn take_due_job(&mut self) -> bool {
        let due = self.next_job_at.is_some_and(|at| self.clock.monotonic() >= at);
        if due {
            self.next_job_at = None;
        }
        due
    }

    /// Whether the store is to be left alone for a moment.
    pub(crate) fn is_away(&self) -> bool {
        self.away_until.is_some_and(|until| self.clock.monotonic() < until)
    }

    /// The store did not answer; true the first time in a row.
    pub(crate) fn store_failed(&mut self) -> bool {
        let wait = AWAY_FIRST.saturating_mul(2_u32.saturating_pow(self.failures));
        self.away_until = Some(self.clock.monotonic().saturating_add(wait.min(AWAY_LONGEST)));
        self.failures = self.failures.saturating_add(1);
        self.failures == 1
    }

    /// The store answered; true when it had not before.
    pub(crate) fn store_answered(&mut self) -> bool {
        self.away_until = None;
        std::mem::take(&mut self.failures) > 0
    }

    /// When there is something to do next; who drains rescues nobody.
    pub(crate) fn next(&self, works: bool, drains: bool) -> Duration {
        if let Some(until) = self.away_until
            && self.is_away()
        {
            return until;
        }
        let beat = works.then_some(self.beat_at);
        let rescue = (!drains).then_some(self.rescue_at);
        let job = self.next_job_at.filter(|_| !drains);
        [rescue, Some(self.poll_at), beat, job].into_iter().flatten().min().unwrap_or(self.poll_at)
    }
}
