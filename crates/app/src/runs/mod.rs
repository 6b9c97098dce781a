//! Running syncs, looking at runs, and asking what a run would do.

mod census;
mod follow;
mod history;
mod pairs;
mod plans;
mod replay;
mod start;
mod trial;
mod why;

pub use follow::FollowUp;
pub use history::{ExecutionPage, ExecutionState, OutcomePage};
pub use pairs::{OnNextRun, PairView};
pub use plans::{PlanPage, PlanState, PlanView, Planned};
pub use replay::Replayed;
pub use start::{RunAsked, RunStarted};
pub use trial::item_id;
pub use trial::{Trial, Validation};
