//! The sandbox's own clock: the caller's clock, shifted.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use syncline_domain::Timestamp;
use syncline_domain::ports::Clock;

/// Sandbox time: the caller's clock plus a shift that tests set.
///
/// Invariant: it never goes back by itself; only [`SandboxClock::set`] may turn it back.
pub(crate) struct SandboxClock {
    base: Arc<dyn Clock>,
    shift_ms: AtomicI64,
}

impl SandboxClock {
    pub(crate) fn new(base: Arc<dyn Clock>) -> Self {
        Self { base, shift_ms: AtomicI64::new(0) }
    }

    /// Milliseconds since the epoch, in sandbox time.
    pub(crate) fn now_ms(&self) -> i64 {
        self.base.now().millis().saturating_add(self.shift_ms.load(Ordering::SeqCst))
    }

    /// Sandbox time as the domain writes it.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now_ms())
    }

    /// From now on the sandbox says `now_ms` and runs on from there.
    pub(crate) fn set(&self, now_ms: i64) {
        let shift = now_ms.saturating_sub(self.base.now().millis());
        self.shift_ms.store(shift, Ordering::SeqCst);
    }

    /// Moves sandbox time ahead.
    pub(crate) fn advance(&self, by: Duration) {
        let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.shift_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// Makes sure that sandbox time has reached `at_ms`: two writes to one item never carry the
    /// same instant, and no item may have changed in the future.
    pub(crate) fn reach(&self, at_ms: i64) {
        let behind = at_ms.saturating_sub(self.now_ms());
        if behind > 0 {
            self.shift_ms.fetch_add(behind, Ordering::SeqCst);
        }
    }
}
