//! Schedules: when configurations run by themselves, and whether anything runs by itself at all.

mod arm;
mod control;
mod look;

pub use arm::{Armed, Upcoming};
pub(crate) use arm::{arm, must_be_active};
pub use control::{ScheduledConfig, SchedulerState};
pub use look::OccurrencePage;
