//! What a run tells while it goes on, and where tests may make it stop.

use serde::Serialize;

use crate::{ConfigId, ExecutionId, ExecutionStatus, ItemState, Totals};

/// Listens to runs: progress bars, live pages.
pub trait RunEvents: Send + Sync {
    /// Something happened. Must not block.
    fn emit(&self, event: RunEvent);
}

/// Something that happened in a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum RunEvent {
    /// It began.
    Started {
        /// The run.
        execution_id: ExecutionId,
        /// Its configuration.
        config_id: ConfigId,
    },
    /// It knows how many items there are, or knows better now.
    Expected {
        /// The run.
        execution_id: ExecutionId,
        /// How many.
        items: u64,
    },
    /// An item left the run in this state.
    Item {
        /// The run.
        execution_id: ExecutionId,
        /// The item, as people see it.
        title: String,
        /// The state.
        state: ItemState,
        /// The counts so far.
        totals: Totals,
    },
    /// It ended.
    Ended {
        /// The run.
        execution_id: ExecutionId,
        /// How.
        status: ExecutionStatus,
        /// The final counts.
        totals: Totals,
    },
}

/// Nobody listens.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEvents;

impl RunEvents for NoEvents {
    fn emit(&self, _event: RunEvent) {}
}

/// Named points at which a test makes a run die as if the process had been killed.
pub trait FaultPoints: Send + Sync {
    /// Called at every named point.
    ///
    /// # Errors
    /// [`Crash`] makes the run stop at once, leaving everything as it is.
    fn reach(&self, point: &'static str) -> Result<(), Crash>;
}

/// The run is to die here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stopped at fault point {0}")]
pub struct Crash(pub &'static str);

/// Nothing dies.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFaultPoints;

impl FaultPoints for NoFaultPoints {
    fn reach(&self, _point: &'static str) -> Result<(), Crash> {
        Ok(())
    }
}
