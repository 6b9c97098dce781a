//! Bodies about conflicts.

use serde_json::Value;
use utoipa::ToSchema;

/// A decision: `use`, or `resolved_value`.
#[derive(ToSchema)]
pub(crate) struct DecisionBody {
    /// The value that both sides shall show, in the target field's form; null empties the field. Not for a
    /// deletion_conflict.
    #[schema(value_type = Value)]
    resolved_value: Option<Value>,
    /// source, target or base (what both agreed on last). Of a deletion_conflict: the side that deleted the item, to
    /// carry the deletion over as the configuration says, or the other one, to keep the item, which is made again.
    r#use: Option<String>,
    /// Why; kept with the decision.
    #[schema(max_length = 10_000)]
    rationale: Option<String>,
    /// Who decides; ignored when a key names the person.
    #[schema(max_length = 200, min_length = 1)]
    resolved_by: Option<String>,
    /// Write it now (the default); otherwise the next run does.
    apply_immediately: Option<bool>,
}

/// Which strategy decides.
#[derive(ToSchema)]
pub(crate) struct AutoBody {
    /// last-write-wins, source-priority, target-priority or merge
    strategy: String,
}

/// Which strategy decides about which conflicts.
#[derive(ToSchema)]
pub(crate) struct BatchBody {
    /// 1 to 100, each once.
    conflict_ids: Vec<i64>,
    /// last-write-wins, source-priority, target-priority or merge
    strategy: String,
}
