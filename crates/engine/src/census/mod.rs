//! A census: both sides are read, compared with each other and with what was recorded, and every drift is listed with its
//! cause. Nothing is written, neither to a tracker nor to the store.
//!
//! 1. `walk`: both sides are walked once. Each item is compared with what the store has of its pair, so that nothing but
//!    ids stays in memory; what looks odd is a suspect.
//! 2. Items of pairs that no walk named are fetched by their ids: outside the filter, or missing.
//! 3. `judge`: suspects are fetched once more on both sides and judged field by field. A pair that a run changed meanwhile
//!    is looked at again, so that a census may go on beside runs.

mod compare;
mod judge;
mod strangers;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use syncline_domain::ports::{
    ChangeQuery, Connector, ConnectorError, PortableFilter, StoreExt as _,
};
use syncline_domain::{
    ConfigId, Fault, FieldRef, ItemId, Pair, PairId, PairState, Side, SyncSpec, Timestamp,
};

use crate::engine::Engine;
use crate::error::PreviewError;
use crate::images;
use crate::pass::Pass;
use crate::recover::SKEW;
use crate::start::faults_of;

use strangers::Strangers;

/// Drifts that are listed at most; all are counted.
const MOST: usize = 1_000;
/// Pairs that are read at once.
const SLICE: usize = 500;

/// Why a pair, an item or a field is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DriftCause {
    /// The source item of a pair is not there: deleted, or hidden from the account.
    MissingOnSource,
    /// The target item of a pair is not there.
    MissingOnTarget,
    /// A pair without any item.
    MissingOnBoth,
    /// The types of the two items are not mapped to each other.
    TypeMismatch,
    /// The rules make no value of the source item.
    NotMappable,
    /// The field was edited on the source since the last sync.
    EditedOnSource,
    /// The field was edited on the target since the last sync.
    EditedOnTarget,
    /// The field was edited on both sides since the last sync.
    EditedOnBoth,
    /// The field differs from what was recorded although the item has the recorded revision: no run would notice.
    SilentlyDifferent,
    /// Neither side was edited, and the rules make another value now than was written.
    RulesDiffer,
    /// The field waits in an open conflict.
    InConflict,
    /// A source item that takes part has no pair.
    UnpairedOnSource,
    /// A target item that takes part has no pair (two-way only).
    UnpairedOnTarget,
    /// An item without a pair says the same as one that has one.
    Duplicate,
}

impl DriftCause {
    /// The word in replies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingOnSource => "missing_on_source",
            Self::MissingOnTarget => "missing_on_target",
            Self::MissingOnBoth => "missing_on_both",
            Self::TypeMismatch => "type_mismatch",
            Self::NotMappable => "not_mappable",
            Self::EditedOnSource => "edited_on_source",
            Self::EditedOnTarget => "edited_on_target",
            Self::EditedOnBoth => "edited_on_both",
            Self::SilentlyDifferent => "silently_different",
            Self::RulesDiffer => "rules_differ",
            Self::InConflict => "in_conflict",
            Self::UnpairedOnSource => "unpaired_on_source",
            Self::UnpairedOnTarget => "unpaired_on_target",
            Self::Duplicate => "duplicate",
        }
    }
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct CensusDrift {
    /// Why.
    pub cause: DriftCause,
    /// The pair, where there is one.
    pub pair_id: Option<PairId>,
    /// The item on the source.
    pub source_id: Option<ItemId>,
    /// The item on the target.
    pub target_id: Option<ItemId>,
    /// The field of the side that rules write, for a drift of a field.
    pub field: Option<FieldRef>,
    /// The side that is at fault, where one is.
    pub side: Option<Side>,
    /// What the rules make of the side that they read.
    pub expected: Option<Value>,
    /// What the other side shows.
    pub shown: Option<Value>,
    /// What is wrong and what to do.
    pub message: String,
}

/// What a census found.
#[derive(Clone, Debug, PartialEq)]
pub struct Census {
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Items that the walk of the source named.
    pub source_items: u64,
    /// Items that the walk of the target named.
    pub target_items: u64,
    /// Pairs that runs keep in step.
    pub pairs: u64,
    /// Pairs that rest: taken apart by hand, one of their items was deleted, or the mapping of their types is paused.
    pub resting: u64,
    /// Pairs without any drift.
    pub in_step: u64,
    /// How many drifts there are of each cause.
    pub counts: BTreeMap<DriftCause, u64>,
    /// The drifts, at most 1,000.
    pub drift: Vec<CensusDrift>,
}

impl Census {
    /// All drifts, also those that are not listed.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }
}

/// What a census works with.
struct Scan<'a> {
    engine: &'a Engine,
    spec: Arc<SyncSpec>,
    forward: Pass,
    /// The way back, in a two-way configuration.
    backward: Option<Pass>,
    target_query: ChangeQuery,
}

impl Scan<'_> {
    /// Both ways, as far as the configuration goes them.
    fn passes(&self) -> impl Iterator<Item = &Pass> {
        std::iter::once(&self.forward).chain(&self.backward)
    }

    fn connector(&self, side: Side) -> &Arc<dyn Connector> {
        if side == self.forward.read { &self.forward.reader } else { &self.forward.writer }
    }

    /// The pair's types are paused: nobody expects it to be in step.
    fn is_paused(&self, pair: &Pair) -> bool {
        self.spec.paused_between(&pair.source_type, &pair.target_type).is_some()
    }

    /// Items of one request at most.
    fn batch(&self, side: Side) -> usize {
        let can = if side == self.forward.read {
            &self.forward.reader_can
        } else {
            &self.forward.writer_can
        };
        can.fetch_batch.clamp(1, SLICE)
    }

    const fn query(&self, side: Side) -> &ChangeQuery {
        match side {
            Side::Source => &self.forward.query,
            Side::Target => &self.target_query,
        }
    }

    /// Active pairs, from the one after `after`, and where the next slice begins.
    async fn slice(
        &self,
        after: Option<PairId>,
    ) -> Result<(Vec<Pair>, Option<PairId>), PreviewError> {
        let config = self.spec.config.id;
        let store = &self.engine.parts.store;
        let pairs = store.view("census_pairs", move |tx| tx.pairs(config, after, 0, SLICE)).await?;
        let next = pairs.last().map(|pair| pair.id).filter(|_| pairs.len() >= SLICE);
        Ok((pairs, next))
    }
}

/// One of each side.
#[derive(Default)]
struct Sided<T> {
    source: T,
    target: T,
}

impl<T> Sided<T> {
    const fn of(&self, side: Side) -> &T {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }

    const fn of_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Source => &mut self.source,
            Side::Target => &mut self.target,
        }
    }
}

/// What is known so far.
#[derive(Default)]
struct Found {
    /// Items that a walk named.
    items: Sided<u64>,
    /// Pairs whose item was seen.
    seen: Sided<BTreeSet<PairId>>,
    /// Pairs that are to be judged.
    suspects: BTreeSet<PairId>,
    /// Pairs whose item was not found.
    missing: Sided<BTreeSet<PairId>>,
    strangers: Strangers,
}

pub(crate) async fn census(
    engine: &Engine,
    config: ConfigId,
    source: Arc<dyn Connector>,
    target: Arc<dyn Connector>,
) -> Result<Census, PreviewError> {
    let started_at = engine.parts.clock.now();
    let scan = prepare(engine, config, [&source, &target]).await?;
    let mut found = Found::default();
    for side in [Side::Source, Side::Target] {
        walk::walk(&scan, &mut found, side).await?;
    }
    let (pairs, resting) = walk::rest(&scan, &mut found).await?;
    let mut drift = judge::missing(&scan, &found).await?;
    drift.extend(judge::suspects(&scan, &mut found).await?);
    drift.extend(found.strangers.judge(&scan).await?);
    let off: BTreeSet<PairId> = drift.iter().filter_map(|one| one.pair_id).collect();
    let mut counts = BTreeMap::new();
    for one in &drift {
        *counts.entry(one.cause).or_insert(0) += 1;
    }
    drift.truncate(MOST);
    Ok(Census {
        started_at,
        ended_at: engine.parts.clock.now(),
        source_items: found.items.source,
        target_items: found.items.target,
        pairs,
        resting,
        in_step: pairs.saturating_sub(u64::try_from(off.len()).unwrap_or(u64::MAX)),
        counts,
        drift,
    })
}

async fn prepare<'a>(
    engine: &'a Engine,
    config: ConfigId,
    ends: [&Arc<dyn Connector>; 2],
) -> Result<Scan<'a>, PreviewError> {
    let spec = match engine.load_spec(config).await {
        Ok(spec) => Arc::new(spec),
        Err(Fault::NotFound(_)) => return Err(PreviewError::NotFound(config)),
        Err(fault) => return Err(fault.into()),
    };
    let faults = faults_of(&spec, None);
    if !faults.is_empty() {
        return Err(PreviewError::Invalid(faults));
    }
    let [source, target] = &images::shown(&engine.parts.store, &spec, ends);
    let prepare = |side| match Pass::prepare(&spec, side, [source, target], 0.into(), true) {
        Ok(pass) => Ok(pass),
        Err(Fault::Invalid(faults)) => Err(PreviewError::Invalid(faults)),
        Err(fault) => Err(PreviewError::Store(fault)),
    };
    let forward = prepare(Side::Source)?;
    let backward = if forward.two_way { Some(prepare(Side::Target)?) } else { None };
    let target_query =
        backward.as_ref().map_or_else(|| copies(&forward), |pass| pass.query.clone());
    Ok(Scan { engine, spec, forward, backward, target_query })
}

/// Where our copies are to be found in a one-way configuration: among the items that are younger than it.
fn copies(pass: &Pass) -> ChangeQuery {
    let mut types = BTreeSet::new();
    let mut fields = BTreeSet::new();
    for pair in pass.plan.pairs() {
        types.insert(pair.written_type().to_owned());
        fields.extend(pair.written().iter().map(|written| written.field.clone()));
    }
    ChangeQuery {
        types: types.into_iter().collect(),
        native: None,
        portable: PortableFilter {
            created_after: Some(pass.spec.config.created_at.before(SKEW)),
            ..PortableFilter::default()
        },
        fields: fields.into_iter().collect(),
    }
}

/// A tracker that did not answer.
fn failed(error: ConnectorError) -> PreviewError {
    PreviewError::Connector(error)
}

const fn is_active(pair: &Pair) -> bool {
    matches!(pair.state, PairState::Active)
}
