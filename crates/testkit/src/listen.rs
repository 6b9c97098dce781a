//! What listens to runs and what makes them die.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use syncline_domain::ports::{Crash, FaultPoints, RunEvent, RunEvents};

/// Keeps every event of every run.
#[derive(Debug, Default)]
pub struct RecordingEvents {
    events: Mutex<Vec<RunEvent>>,
}

impl RecordingEvents {
    /// Nothing recorded yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The events so far, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<RunEvent> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.clone()
    }

    /// The events so far, which are forgotten.
    #[must_use]
    pub fn take(&self) -> Vec<RunEvent> {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *events)
    }
}

impl RunEvents for RecordingEvents {
    fn emit(&self, event: RunEvent) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.push(event);
    }
}

/// Makes a run die at the n-th reach of a named point. Without a plan it only lists the points, which is how a test
/// finds all there are and then dies at each of them in turn.
#[derive(Debug, Default)]
pub struct ScriptedFaultPoints {
    state: Mutex<Points>,
}

#[derive(Debug, Default)]
struct Points {
    planned: Vec<(String, u64)>,
    seen: BTreeMap<&'static str, u64>,
    reached: Vec<&'static str>,
}

impl ScriptedFaultPoints {
    /// Nothing dies.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Dies at the `nth` reach (from 1) of `point`, once.
    #[must_use]
    pub fn crash_at(point: &str, nth: u64) -> Self {
        let points = Self::default();
        points.plan(point, nth);
        points
    }

    /// Plans one more death at the `nth` reach (from 1, counted from now on) of `point`.
    pub fn plan(&self, point: &str, nth: u64) {
        let mut state = self.lock();
        let seen = state.seen.get(point).copied().unwrap_or(0);
        state.planned.push((point.to_owned(), seen + nth));
    }

    /// Every point in the order in which it was reached.
    #[must_use]
    pub fn reached(&self) -> Vec<&'static str> {
        self.lock().reached.clone()
    }

    /// How often each point was reached.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.lock().seen.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Points> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FaultPoints for ScriptedFaultPoints {
    fn reach(&self, point: &'static str) -> Result<(), Crash> {
        let mut state = self.lock();
        state.reached.push(point);
        let seen = state.seen.entry(point).or_insert(0);
        *seen += 1;
        let now = *seen;
        let dies = state.planned.iter().any(|(p, nth)| p == point && *nth == now);
        if dies { Err(Crash(point)) } else { Ok(()) }
    }
}
