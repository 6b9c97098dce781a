//! What a census found.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use syncline_app::{Census, CensusDrift};
use syncline_domain::{Lookout, STATUS_REF};
use utoipa::ToSchema;

/// What a census found. Nothing was written to a tracker.
#[derive(Serialize, ToSchema)]
pub(crate) struct CensusView {
    census: CensusBody,
}

/// The last census of a configuration.
#[derive(Serialize, ToSchema)]
pub(crate) struct LastCensus {
    /// How often one is taken by itself; 0: never.
    every_hours: u32,
    /// When the next one comes by itself.
    next_at: Option<String>,
    /// What the last one found: times, counts by cause, and the first 100 drifts; null before the first.
    #[schema(value_type = Value)]
    census: Option<Value>,
    /// Tries since then that failed.
    failures: u32,
    /// Why the last of them failed.
    error: Option<String>,
}

impl LastCensus {
    pub(crate) fn new(every_hours: u32, look: Option<Lookout>) -> Self {
        let next_at = look.as_ref().filter(|_| every_hours > 0).map(|look| look.due_at.to_iso());
        Self {
            every_hours,
            next_at,
            failures: look.as_ref().map_or(0, |look| look.failures),
            error: look.as_ref().and_then(|look| look.error.clone()),
            census: look.and_then(|look| look.found),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct CensusBody {
    started_at: String,
    ended_at: String,
    /// Items that were read on the source.
    source_items: u64,
    /// Items that were read on the target.
    target_items: u64,
    /// Pairs that runs keep in step.
    pairs: u64,
    /// Pairs that rest: taken apart by hand, or one of their items was deleted.
    resting: u64,
    /// Pairs without any drift.
    in_step: u64,
    /// All drifts, also those that are not listed.
    drift_total: u64,
    /// How many drifts there are of each cause.
    causes: BTreeMap<String, u64>,
    /// At most 1,000.
    drift: Vec<CensusDriftView>,
    drift_truncated: bool,
}

/// One thing that is not as it should be.
#[derive(Serialize, ToSchema)]
struct CensusDriftView {
    /// missing_on_source, missing_on_target, missing_on_both, type_mismatch, not_mappable, edited_on_source,
    /// edited_on_target, edited_on_both, silently_different, rules_differ, in_conflict, unpaired_on_source,
    /// unpaired_on_target or duplicate
    cause: String,
    pair_id: Option<i64>,
    source_id: Option<String>,
    target_id: Option<String>,
    /// The field of the side that rules write; status for the status; null when it is about the item.
    field: Option<String>,
    /// The side at fault, where one is: source or target.
    side: Option<String>,
    /// What the rules make of the side that they read.
    #[schema(value_type = Value)]
    expected: Value,
    /// What the other side shows.
    #[schema(value_type = Value)]
    shown: Value,
    /// What is wrong and what to do.
    message: String,
}

impl From<Census> for CensusView {
    fn from(census: Census) -> Self {
        let drift_total = census.total();
        let listed = u64::try_from(census.drift.len()).unwrap_or(u64::MAX);
        let causes = census.counts.into_iter();
        Self {
            census: CensusBody {
                started_at: census.started_at.to_iso(),
                ended_at: census.ended_at.to_iso(),
                source_items: census.source_items,
                target_items: census.target_items,
                pairs: census.pairs,
                resting: census.resting,
                in_step: census.in_step,
                drift_total,
                causes: causes.map(|(cause, n)| (cause.as_str().to_owned(), n)).collect(),
                drift: census.drift.into_iter().map(CensusDriftView::from).collect(),
                drift_truncated: drift_total > listed,
            },
        }
    }
}

impl From<CensusDrift> for CensusDriftView {
    fn from(one: CensusDrift) -> Self {
        let field = one.field.map(|field| match field.as_str() {
            STATUS_REF => "status".to_owned(),
            other => other.to_owned(),
        });
        Self {
            cause: one.cause.as_str().to_owned(),
            pair_id: one.pair_id.map(|id| id.0),
            source_id: one.source_id.map(|id| id.into_string()),
            target_id: one.target_id.map(|id| id.into_string()),
            field,
            side: one.side.map(|side| side.to_string()),
            expected: one.expected.unwrap_or_default(),
            shown: one.shown.unwrap_or_default(),
            message: one.message,
        }
    }
}
