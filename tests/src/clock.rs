//! Real time that a test may move ahead.

use std::sync::Arc;
use std::time::Duration;

use syncline_domain::Timestamp;
use syncline_domain::ports::{BoxFuture, Clock};
use syncline_engine::SystemClock;
use tokio::sync::watch;
use tokio::time::timeout;

/// The machine's clock plus what the test added. Clones tell the same time.
///
/// Unlike a clock by hand it goes on by itself, as sockets need; moving it ahead wakes whoever is due by then.
#[derive(Clone)]
pub struct TestClock {
    real: SystemClock,
    ahead: Arc<watch::Sender<Duration>>,
}

impl Default for TestClock {
    fn default() -> Self {
        Self { real: SystemClock::new(), ahead: Arc::new(watch::Sender::new(Duration::ZERO)) }
    }
}

impl TestClock {
    /// Moves wall and monotonic time ahead.
    pub fn advance(&self, span: Duration) {
        self.ahead.send_modify(|ahead| *ahead = ahead.saturating_add(span));
    }

    fn ahead(&self) -> Duration {
        *self.ahead.borrow()
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.real.now().after(self.ahead())
    }

    fn monotonic(&self) -> Duration {
        self.real.monotonic().saturating_add(self.ahead())
    }

    fn sleep_until(&self, at: Duration) -> BoxFuture<'static, ()> {
        let (clock, mut moved) = (self.clone(), self.ahead.subscribe());
        Box::pin(async move {
            loop {
                let left = at.saturating_sub(clock.monotonic());
                if left.is_zero() {
                    return;
                }
                // Either the time is over or the clock has jumped: both are looked at again.
                drop(timeout(left, moved.changed()).await);
            }
        })
    }
}
