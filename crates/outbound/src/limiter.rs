//! One limiter per credential: how many calls at once, how close together, and when none at all.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use syncline_domain::Timestamp;
use syncline_domain::ports::Clock;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::hints::Hints;

/// What we allow ourselves on one credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls at once; at least 1.
    pub max_in_flight: usize,
    /// Least time between the starts of two calls.
    pub min_interval: Duration,
}

impl Default for Limits {
    /// Four at once, no interval.
    fn default() -> Self {
        Self { max_in_flight: 4, min_interval: Duration::ZERO }
    }
}

/// What is known about a credential's budget: for metrics, and for runs that want to go slower.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Budget {
    /// Calls (or units) per window, as last told.
    pub limit: Option<f64>,
    /// What is left of it, as last told.
    pub remaining: Option<f64>,
    /// When the window ends, as last told.
    pub resets_at: Option<Timestamp>,
    /// How long nothing is sent from now on.
    pub paused_for: Duration,
    /// Calls that are running.
    pub in_flight: usize,
    /// How many answers asked for a pause so far.
    pub pauses: u64,
}

/// Shared by all clients of a credential.
pub(crate) struct Limiter {
    limits: Limits,
    slots: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    paused_until: Duration,
    next_start: Duration,
    budget: Budget,
}

/// A pause longer than the caller is ready to wait.
#[derive(Debug)]
pub(crate) struct TooLong(pub(crate) Duration);

impl Limiter {
    pub(crate) fn new(limits: Limits) -> Self {
        let limits = Limits { max_in_flight: limits.max_in_flight.clamp(1, 1_000), ..limits };
        Self {
            limits,
            slots: Arc::new(Semaphore::new(limits.max_in_flight)),
            state: Mutex::default(),
        }
    }

    /// Waits for a slot, for the end of a pause, and for our turn.
    pub(crate) async fn acquire(
        &self,
        clock: &dyn Clock,
        longest: Duration,
    ) -> Result<Option<OwnedSemaphorePermit>, TooLong> {
        // The semaphore is never closed, so there is always a permit.
        let permit = Arc::clone(&self.slots).acquire_owned().await.ok();
        loop {
            let now = clock.monotonic();
            match self.turn(now) {
                Turn::Now => return Ok(permit),
                Turn::Paused(until) if until.saturating_sub(now) > longest => {
                    return Err(TooLong(until.saturating_sub(now)));
                }
                Turn::Paused(until) => clock.sleep_until(until).await,
                Turn::At(start) => {
                    clock.sleep_until(start).await;
                    // A pause may have begun meanwhile; the turn itself is already ours.
                    let paused_until = self.state().paused_until;
                    if paused_until <= clock.monotonic() {
                        return Ok(permit);
                    }
                }
            }
        }
    }

    fn turn(&self, now: Duration) -> Turn {
        let mut state = self.state();
        if state.paused_until > now {
            return Turn::Paused(state.paused_until);
        }
        let start = state.next_start.max(now);
        state.next_start = start.saturating_add(self.limits.min_interval);
        if start > now { Turn::At(start) } else { Turn::Now }
    }

    /// Learns from the headers of an answer.
    pub(crate) fn note(&self, hints: &Hints, clock: &dyn Clock) {
        let mut state = self.state();
        let budget = &mut state.budget;
        budget.limit = hints.limit.or(budget.limit);
        budget.remaining = hints.remaining.or(budget.remaining);
        budget.resets_at = match hints.reset_in {
            Some(span) => Some(clock.now().after(span)),
            None => budget.resets_at,
        };
        drop(state);
        if let Some(pause) = hints.pause() {
            self.pause(clock, pause);
        }
    }

    /// Nothing is sent for `span` from now; a longer pause that is under way stays.
    pub(crate) fn pause(&self, clock: &dyn Clock, span: Duration) {
        let until = clock.monotonic().saturating_add(span);
        let mut state = self.state();
        state.paused_until = state.paused_until.max(until);
        state.budget.pauses = state.budget.pauses.saturating_add(1);
    }

    pub(crate) fn budget(&self, clock: &dyn Clock) -> Budget {
        let now = clock.monotonic();
        let state = self.state();
        Budget {
            paused_for: state.paused_until.saturating_sub(now),
            in_flight: self.limits.max_in_flight.saturating_sub(self.slots.available_permits()),
            ..state.budget
        }
    }

    /// The state holds plain numbers, so one that a panic left behind is still good.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Turn {
    Now,
    At(Duration),
    Paused(Duration),
}
