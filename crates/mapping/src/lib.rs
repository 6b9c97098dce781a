//! Mapping: what an item of one tracker looks like in another.

mod compile;
mod context;
mod convert;
mod expression;
mod issue;
mod people;
mod plan;
mod rules;
mod scope;
mod status;
mod template;
mod trace;
mod transform;

pub use context::MapContext;
pub use issue::{Issue, Severity};
pub use plan::{CompiledPair, Plan, WrittenField};
pub use trace::{MapFault, MapWarning, Mapped, Occasion, TraceLine, TraceStep};
pub use transform::{ArgInfo, Example, TransformationInfo, catalogue};
