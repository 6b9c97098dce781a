//! Mapping tests: samples kept with a configuration, run when its rules change, and captured from what is there.

mod capture;
mod keep;
mod read;
mod run;

pub use capture::Captured;
pub use run::{MappingTestLine, TestReport};
pub(crate) use run::{failures, warnings};
