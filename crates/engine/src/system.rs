//! The machine's clock and chance behind the ports: the one place that reads them.

use std::time::{Duration, Instant};

use ring::rand::{SecureRandom as _, SystemRandom};
use syncline_domain::ports::{BoxFuture, Clock, IdGen, Rng};
use syncline_domain::{OpId, Timestamp};

/// The machine's clock. Sleeping needs a tokio runtime with timers.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time begins now.
    #[must_use]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that all others ask for")]
    fn now(&self) -> Timestamp {
        chrono::Utc::now().into()
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    fn sleep_until(&self, at: Duration) -> BoxFuture<'static, ()> {
        let span = at.saturating_sub(self.monotonic());
        Box::pin(tokio::time::sleep(span))
    }
}

/// The operating system's source of unpredictable bytes.
#[derive(Clone, Debug)]
pub struct SystemRng {
    source: SystemRandom,
}

impl SystemRng {
    /// A source that asks the operating system each time.
    #[must_use]
    pub fn new() -> Self {
        Self { source: SystemRandom::new() }
    }
}

impl Default for SystemRng {
    fn default() -> Self {
        Self::new()
    }
}

impl Rng for SystemRng {
    fn fill(&self, bytes: &mut [u8]) {
        // A machine without entropy at all leaves zeroes; names then still differ by the database's unique keys.
        if self.source.fill(bytes).is_err() {
            log::error!("the operating system gave no random bytes");
        }
    }
}

/// Names made of 128 unpredictable bits.
#[derive(Clone, Debug, Default)]
pub struct SystemIds {
    rng: SystemRng,
}

impl SystemIds {
    /// Names from the operating system's chance.
    #[must_use]
    pub fn new() -> Self {
        Self { rng: SystemRng::new() }
    }
}

impl IdGen for SystemIds {
    fn op_id(&self) -> OpId {
        let mut bytes = [0; 16];
        self.rng.fill(&mut bytes);
        OpId::new(format!("{:032x}", u128::from_be_bytes(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_32_hex_digits_and_differ() {
        let ids = SystemIds::new();
        let (one, two) = (ids.op_id(), ids.op_id());
        assert_ne!(one, two);
        assert_eq!(one.as_str().len(), 32);
        assert!(one.as_str().bytes().all(|b| b.is_ascii_hexdigit()));
    }
}
