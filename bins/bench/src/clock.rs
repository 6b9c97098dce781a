//! The machine's clock, whose wall can be moved ahead.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use syncline_domain::Timestamp;
use syncline_domain::ports::{BoxFuture, Clock};
use syncline_engine::SystemClock;

/// Shared by sandboxes and product, so that hours can pass between two syncs.
#[derive(Clone, Debug, Default)]
pub(crate) struct ShiftClock {
    machine: SystemClock,
    ahead_micros: Arc<AtomicU64>,
}

impl ShiftClock {
    /// Moves the wall ahead.
    pub(crate) fn advance(&self, span: Duration) {
        let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        self.ahead_micros.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for ShiftClock {
    fn now(&self) -> Timestamp {
        let ahead = Duration::from_micros(self.ahead_micros.load(Ordering::SeqCst));
        self.machine.now().after(ahead)
    }

    fn monotonic(&self) -> Duration {
        self.machine.monotonic()
    }

    fn sleep_until(&self, at: Duration) -> BoxFuture<'static, ()> {
        self.machine.sleep_until(at)
    }
}
