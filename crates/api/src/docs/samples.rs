//! Bodies about mapping tests and replays.

use serde_json::Value;
use utoipa::ToSchema;

use super::SampleBody;

/// An item, and what the rules must make of it; 128 KiB at most.
#[derive(ToSchema)]
pub(crate) struct MappingTestBody {
    /// Unique in its configuration.
    #[schema(max_length = 200, min_length = 1)]
    name: String,
    /// source_to_target or target_to_source
    direction: String,
    item: SampleBody,
    expected: ExpectedBody,
    /// create (the default) or update: rules may act on one of them only
    occasion: Option<String>,
    /// named (the default): what expected names is compared; all: nothing else may come out
    compare: Option<String>,
}

/// What must come out. At least one of them.
#[derive(ToSchema)]
pub(crate) struct ExpectedBody {
    /// The type's name or the tracker's word for it.
    r#type: Option<String>,
    status: Option<String>,
    /// Values by field; null where a field must get no value.
    #[schema(value_type = Option<Object>)]
    fields: Option<Value>,
}

/// Which mapping tests to run.
#[derive(ToSchema)]
pub(crate) struct MappingTestRunBody {
    /// All unless given.
    mapping_test_ids: Option<Vec<i64>>,
    /// Tell how each value came about.
    trace: Option<bool>,
}

/// Where to take a sample from: item_id and side, delivery_id, or execution_id and item_id.
#[derive(ToSchema)]
pub(crate) struct CaptureBody {
    /// Says where it was captured unless given.
    #[schema(max_length = 200, min_length = 1)]
    name: Option<String>,
    /// A text or a whole number; needed with a delivery that names several items.
    #[schema(value_type = Value)]
    item_id: Option<Value>,
    /// source or target
    side: Option<String>,
    delivery_id: Option<i64>,
    execution_id: Option<i64>,
    /// Replace what is about people (the default). Secrets are replaced either way.
    mask: Option<bool>,
    /// Fields of that side, by reference, that are replaced whatever they hold.
    mask_fields: Option<Vec<String>>,
    /// create (the default) or update; a run says itself which it was
    occasion: Option<String>,
    /// named (the default) or all
    compare: Option<String>,
}

/// How to replay a delivery.
#[derive(ToSchema)]
pub(crate) struct DeliveryReplayBody {
    /// now (the default), or as_it_was: by the rules of then, which writes nothing
    mode: Option<String>,
    /// Queue nothing and write nothing: only say what the rules make of what was read then.
    dry_run: Option<bool>,
}

/// How to replay a job.
#[derive(ToSchema)]
pub(crate) struct JobReplayBody {
    /// as_it_was (the default) or now: whose rules
    mode: Option<String>,
}
