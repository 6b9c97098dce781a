//! Hands the events of runs to everybody who listens.

use syncline_domain::ports::{RunEvent, RunEvents};
use tokio::sync::broadcast;

/// Events that a slow listener may be behind before it misses some.
const BEHIND: usize = 1_024;

/// Every event of every run of this process.
#[derive(Clone, Debug)]
pub struct EventHub {
    sender: broadcast::Sender<RunEvent>,
}

impl Default for EventHub {
    fn default() -> Self {
        Self { sender: broadcast::channel(BEHIND).0 }
    }
}

impl EventHub {
    /// Listens from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<RunEvent> {
        self.sender.subscribe()
    }
}

impl RunEvents for EventHub {
    fn emit(&self, event: RunEvent) {
        // Nobody listening is fine.
        drop(self.sender.send(event));
    }
}
