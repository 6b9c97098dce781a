//! Conflicts: looking at them, deciding about them, and putting them aside.
//!
//! A decision is a row before anything is written to a tracker; it counts as applied only when both trackers were read
//! back and show it.

mod batch;
mod carry;
mod decide;
mod look;
mod strategy;

pub use batch::BatchLine;
pub use carry::Decided;
pub use decide::DecisionAsked;
pub use look::{ConflictPage, ConflictState, ConflictView};

pub(crate) use look::found_by;
