//! Asking a worker to stop, and asking again.

use tokio_util::sync::CancellationToken;

/// Tells a worker to stop. Clones are the same signal.
#[derive(Clone, Debug, Default)]
pub struct StopSignal {
    drain: CancellationToken,
    now: CancellationToken,
}

impl StopSignal {
    /// A signal that nobody has given yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Is cancelled when a stop is asked for, for loops that know tokens only.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.drain.clone()
    }

    /// Asks to claim nothing more and to end when the running jobs have, or their time is over.
    pub fn drain(&self) {
        self.drain.cancel();
    }

    /// Asks to end at once.
    pub fn end_now(&self) {
        self.drain.cancel();
        self.now.cancel();
    }

    /// Whether a stop was asked for.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }

    /// Whether the worker is to end at once.
    #[must_use]
    pub fn is_now(&self) -> bool {
        self.now.is_cancelled()
    }

    /// Resolves when a stop was asked for.
    pub async fn draining(&self) {
        self.drain.cancelled().await;
    }

    /// Resolves when the worker is to end at once.
    pub async fn now(&self) {
        self.now.cancelled().await;
    }
}
