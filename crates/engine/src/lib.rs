//! One sync run as explicit steps over two connectors and a store.

mod drive;
mod engine;
mod error;
mod lease;
mod orphans;
mod pairs;
mod points;
mod preview;
pub mod spec;
mod start;
mod system;

/// Named points at which a test may make a run die; [`fault_points::ALL`] lists them.
pub mod fault_points {
    pub use crate::points::*;
}

pub use engine::{Engine, EngineParts, RunReport};
pub use error::{PairError, PreviewError, StartError};
pub use pairs::OnNextRun;
pub use preview::{Preview, PreviewAction, PreviewItem, PreviewRequest, PreviewSummary};
pub use start::{RunRequest, StartedRun};
pub use system::{SystemClock, SystemIds, SystemRng};
