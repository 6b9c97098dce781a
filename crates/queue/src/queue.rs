//! The worker's front: what it is made of, and how it is run.

use std::collections::BTreeMap;
use std::sync::Arc;

use syncline_domain::ports::{Clock, JobHandler, Rng, Store, Tx};
use syncline_domain::{Fault, Job, JobOutcome};

use crate::config::{QueueConfig, Slots};
use crate::end::Ending;
use crate::stop::StopSignal;
use crate::worker::Worker;

/// Handlers by the kind of their jobs.
pub type Handlers = BTreeMap<String, Arc<dyn JobHandler>>;

/// Says whether the worker of that name is certainly dead. Asked about other workers only; in doubt it says no, and the
/// lease decides.
pub type IsDead = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Says how the attempt of a worker that is gone ended, when the store knows; `None` when it did not end. Asked in the
/// transaction that rescues the job.
pub type LeftBehind =
    Arc<dyn Fn(&mut dyn Tx, &Job) -> Result<Option<JobOutcome>, Fault> + Send + Sync>;

/// What a worker is made of.
#[derive(Clone)]
pub struct QueueParts {
    /// Keeps the jobs.
    pub store: Arc<dyn Store>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Spreads retries.
    pub rng: Arc<dyn Rng>,
    /// Do the work.
    pub handlers: Handlers,
    /// Knows dead workers.
    pub is_dead: IsDead,
    /// Knows what they had done.
    pub left_behind: LeftBehind,
}

impl QueueParts {
    /// With leases alone to say who is dead, and nothing known of what dead workers did.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        handlers: Handlers,
    ) -> Self {
        let is_dead: IsDead = Arc::new(|_| false);
        Self { store, clock, rng, handlers, is_dead, left_behind: Arc::new(|_, _| Ok(None)) }
    }
}

/// A worker. Several may work over one store, in one process or in many.
#[derive(Clone)]
pub struct Queue {
    pub(crate) parts: QueueParts,
    pub(crate) config: QueueConfig,
}

impl Queue {
    /// A worker that does nothing yet.
    #[must_use]
    pub const fn new(parts: QueueParts, config: QueueConfig) -> Self {
        Self { parts, config }
    }

    /// How many jobs run at a time; may be changed while the worker works.
    #[must_use]
    pub fn slots(&self) -> Slots {
        self.config.slots()
    }

    /// Works until it is told to stop. Never fails: while the store is away it waits for it.
    ///
    /// Dropping the future is as if the process died: running handlers are dropped, and their jobs are rescued by the
    /// next worker that sees their leases end.
    pub async fn run(&self, stop: StopSignal) -> Ending {
        Worker::new(self.clone(), stop).run().await
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kinds: Vec<&String> = self.parts.handlers.keys().collect();
        f.debug_struct("Queue").field("config", &self.config).field("kinds", &kinds).finish()
    }
}
