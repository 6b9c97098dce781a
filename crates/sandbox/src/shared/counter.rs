//! How many requests came, by method and route, and how many at once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// How many request lines are kept word for word.
const RECENT: usize = 500;

/// What the counter has seen since the start or the last reset.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RequestCounts {
    /// All requests, those answered by a fault included.
    pub total: u64,
    /// Requests by `METHOD route`, ids and names in the route replaced by a word in braces.
    pub by_route: BTreeMap<String, u64>,
    /// The most requests that were under way at once.
    pub peak_in_flight: u64,
    /// The latest request lines, oldest first, each with the status of its answer (0: none).
    pub recent: VecDeque<String>,
}

impl RequestCounts {
    /// Requests whose `METHOD route` contains `part`.
    #[must_use]
    pub fn matching(&self, part: &str) -> u64 {
        self.by_route.iter().filter(|(route, _)| route.contains(part)).map(|(_, count)| count).sum()
    }
}

#[derive(Default)]
struct State {
    counts: RequestCounts,
    in_flight: u64,
}

/// Counts requests.
#[derive(Default)]
pub(crate) struct Counter(Mutex<State>);

impl Counter {
    /// One more request is under way, until the guard is dropped.
    pub(crate) fn begin(&self, route: String) -> InFlight<'_> {
        let mut state = self.lock();
        state.counts.total = state.counts.total.saturating_add(1);
        let slot = state.counts.by_route.entry(route).or_insert(0);
        *slot = slot.saturating_add(1);
        state.in_flight = state.in_flight.saturating_add(1);
        state.counts.peak_in_flight = state.counts.peak_in_flight.max(state.in_flight);
        InFlight(self)
    }

    /// Keeps the line of an answered request.
    pub(crate) fn note(&self, line: &str, status: u16) {
        let mut state = self.lock();
        if state.counts.recent.len() >= RECENT {
            state.counts.recent.pop_front();
        }
        state.counts.recent.push_back(format!("{status} {line}"));
    }

    pub(crate) fn snapshot(&self) -> RequestCounts {
        self.lock().counts.clone()
    }

    pub(crate) fn clear(&self) {
        let mut state = self.lock();
        state.counts =
            RequestCounts { peak_in_flight: state.in_flight, ..RequestCounts::default() };
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is under way.
pub(crate) struct InFlight<'a>(&'a Counter);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.in_flight = state.in_flight.saturating_sub(1);
    }
}
