//! One sync run as explicit steps over two connectors and a store.

mod adopt;
mod agree;
mod choose;
mod comments;
mod commit;
mod course;
mod drive;
mod engine;
mod error;
mod existing;
mod known;
mod lease;
mod limits;
mod merge;
mod orphans;
mod outcome;
mod page;
mod pairs;
mod pass;
mod people;
mod perform;
mod plan;
mod points;
mod preview;
mod record;
mod recover;
mod retry;
pub mod spec;
mod start;
mod system;
mod walk;
mod write;

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
