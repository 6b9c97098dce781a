//! Mapping: what an item of one tracker looks like in another.

mod check;
mod compile;
mod context;
mod convert;
mod expression;
mod fit;
mod issue;
mod people;
mod plan;
mod rules;
mod scope;
mod status;
mod suggest;
mod template;
mod trace;
mod transform;
mod validate;

pub use check::{check_expression, check_rule, check_transformation, check_value_map};
pub use context::MapContext;
pub use issue::{Issue, Severity};
pub use plan::{CompiledPair, Plan, WrittenField};
pub use suggest::{
    FieldSuggestion, StatusSuggestion, SuggestionSummary, Suggestions, suggest, suggestion_score,
};
pub use trace::{MapFault, MapWarning, Mapped, Occasion, TraceLine, TraceStep};
pub use transform::{ArgInfo, Example, TransformationInfo, catalogue};
pub use validate::validate;
