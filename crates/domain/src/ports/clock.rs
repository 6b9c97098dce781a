//! Time and chance, as ports: nobody below `bins` reads the machine's clock.

use std::time::Duration;

use super::BoxFuture;
use crate::Timestamp;

/// Tells the time and waits for it.
pub trait Clock: Send + Sync {
    /// The wall clock. It may jump in either direction.
    fn now(&self) -> Timestamp;

    /// Time since some fixed point; never goes back. Durations are measured with this.
    fn monotonic(&self) -> Duration;

    /// Resolves when [`Clock::monotonic`] has reached `at`.
    fn sleep_until(&self, at: Duration) -> BoxFuture<'static, ()>;

    /// Resolves after `span`.
    fn sleep(&self, span: Duration) -> BoxFuture<'static, ()> {
        self.sleep_until(self.monotonic().saturating_add(span))
    }
}

/// Chance, seeded in tests.
pub trait Rng: Send + Sync {
    /// Fills `bytes` with unpredictable bytes.
    fn fill(&self, bytes: &mut [u8]);

    /// An unpredictable number.
    fn next_u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

/// Makes names that nobody else makes.
pub trait IdGen: Send + Sync {
    /// A name for one planned write: 32 hex digits.
    fn op_id(&self) -> crate::OpId;
}
