//! Jobs: queueing them, looking at them, stopping them, and queueing them again.

mod figures;
mod look;
mod queue;

pub use figures::QueueFigures;
pub use look::{JobPage, JobResult, JobView};
pub(crate) use queue::seen;
pub use queue::{Cancelled, JobAsked, RUN_AT_MOST_DAYS};
