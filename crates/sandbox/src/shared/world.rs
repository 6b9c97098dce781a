//! What one running sandbox shares between its tracker, its control routes and its handle.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::clock::SandboxClock;
use super::counter::Counter;
use super::effects::{EffectLog, NewEffect};
use super::faults::FaultEngine;
use super::options::SandboxOptions;

/// Clock, logs, faults and dials of one sandbox.
pub(crate) struct World {
    pub(crate) clock: SandboxClock,
    pub(crate) effects: EffectLog,
    pub(crate) counter: Counter,
    pub(crate) faults: FaultEngine,
    latency_us: AtomicU64,
    search_lag_ms: AtomicU64,
}

impl World {
    pub(crate) fn new(options: &SandboxOptions) -> Arc<Self> {
        let world = Self {
            clock: SandboxClock::new(Arc::clone(&options.clock)),
            effects: EffectLog::default(),
            counter: Counter::default(),
            faults: FaultEngine::default(),
            latency_us: AtomicU64::new(0),
            search_lag_ms: AtomicU64::new(0),
        };
        world.set_latency(options.latency);
        world.set_search_lag(options.search_lag);
        Arc::new(world)
    }

    /// How long each answer is held back, in real time.
    pub(crate) fn latency(&self) -> Duration {
        Duration::from_micros(self.latency_us.load(Ordering::Relaxed))
    }

    pub(crate) fn set_latency(&self, latency: Duration) {
        let us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.latency_us.store(us, Ordering::Relaxed);
    }

    /// How long a new ticket stays out of queries, in milliseconds of sandbox time.
    pub(crate) fn search_lag_ms(&self) -> i64 {
        i64::try_from(self.search_lag_ms.load(Ordering::Relaxed)).unwrap_or(i64::MAX)
    }

    pub(crate) fn set_search_lag(&self, lag: Duration) {
        let ms = u64::try_from(lag.as_millis()).unwrap_or(u64::MAX);
        self.search_lag_ms.store(ms, Ordering::Relaxed);
    }

    /// Writes down an effect at sandbox time.
    pub(crate) fn effect(&self, new: NewEffect) {
        self.effects.add(self.clock.now(), new);
    }
}
