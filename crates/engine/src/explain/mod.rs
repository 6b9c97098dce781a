//! Why is this value here: the history of a pair's field, its rules, runs, conflicts and decisions, told in order.
//!
//! Nothing but the store is read: no request goes to a tracker.

mod fields;
mod steps;
mod words;

use std::collections::BTreeMap;

use serde_json::Value;
use syncline_domain::ports::{StoreExt as _, Tx};
use syncline_domain::{
    Base, ConfigId, Conflict, Execution, ExecutionId, Fault, FieldRef, HistoryEntry, HistoryId,
    ItemId, Pair, PairState, Resolution, Side, StepTaken, SyncSpec, Timestamp, Tombstone,
};

use crate::engine::Engine;

pub(crate) use words::field_in_words;
pub use words::value_in_words;

/// Entries of history that an explanation looks at, the newest.
const ENTRIES: usize = 500;
/// Conflicts that an explanation looks at, the newest.
const CONFLICTS: usize = 50;
/// Events of one field that an explanation tells, the newest.
const EVENTS: usize = 20;

/// Some entries of a pair's history, newest first, with what they refer to.
#[derive(Clone, Debug, PartialEq)]
pub struct PairHistory {
    /// The pair.
    pub pair: Pair,
    /// Its entries.
    pub entries: Vec<HistoryEntry>,
    /// The runs of these entries that are still kept.
    pub runs: BTreeMap<ExecutionId, Execution>,
    /// How many entries it has in all.
    pub total: u64,
    /// Where the next page starts; `None` on the last.
    pub next: Option<HistoryId>,
}

/// Why the fields of a pair have the values that they have.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// The pair.
    pub pair: Pair,
    /// One for each field that was asked for.
    pub fields: Vec<FieldExplained>,
}

/// Why a field has its value.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldExplained {
    /// The target's field ([`syncline_domain::STATUS_REF`] for the status).
    pub field: FieldRef,
    /// The source's fields that go with it.
    pub source_fields: Vec<FieldRef>,
    /// The rule that is in force now, in words.
    pub rule: String,
    /// The configuration's version now.
    pub config_version: i64,
    /// What the source showed when both sides were in step last; `None` when nobody knows.
    pub source_value: Option<Value>,
    /// What the target showed then.
    pub target_value: Option<Value>,
    /// When that was recorded.
    pub agreed_at: Option<Timestamp>,
    /// The whole story for people, one sentence or two each.
    pub sentences: Vec<String>,
    /// The same for programs, oldest first.
    pub steps: Vec<ExplainStep>,
}

/// What a step of an explanation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// The two items became a pair.
    Paired,
    /// A value was read on one side.
    Observed,
    /// A rule made a value of it.
    Mapped,
    /// A value was made of both sides' changes.
    Merged,
    /// The configured strategy chose a side.
    Strategy,
    /// A value was written.
    Written,
    /// A value stayed as it was.
    Stayed,
    /// A conflict was found.
    Conflict,
    /// Somebody decided about a conflict.
    Decision,
}

impl StepKind {
    /// The word in replies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paired => "paired",
            Self::Observed => "observed",
            Self::Mapped => "mapped",
            Self::Merged => "merged",
            Self::Strategy => "strategy",
            Self::Written => "written",
            Self::Stayed => "stayed",
            Self::Conflict => "conflict",
            Self::Decision => "decision",
        }
    }
}

/// The run that a step belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSeen {
    /// Its id.
    pub id: ExecutionId,
    /// What started it, and who or what in words; `None` when the run is no longer kept.
    pub trigger: Option<(syncline_domain::Trigger, String)>,
}

/// One step of an explanation.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplainStep {
    /// What it is about.
    pub kind: StepKind,
    /// When.
    pub at: Timestamp,
    /// In words.
    pub text: String,
    /// The side that it is about.
    pub side: Option<Side>,
    /// The field on that side.
    pub field: Option<FieldRef>,
    /// The value.
    pub value: Option<Value>,
    /// What was there before, or what lost.
    pub other_value: Option<Value>,
    /// The item's revision.
    pub revision: Option<String>,
    /// Who had changed the item, or who decided.
    pub actor: Option<String>,
    /// The rule in words.
    pub rule: Option<String>,
    /// The version of the configuration that acted.
    pub config_version: Option<i64>,
    /// The steps of the rule.
    pub transformation: Vec<StepTaken>,
    /// The run.
    pub run: Option<RunSeen>,
    /// The conflict.
    pub conflict: Option<syncline_domain::ConflictId>,
}

/// All that the store knows of a pair.
struct Memory {
    spec: SyncSpec,
    pair: Pair,
    bases: Vec<Base>,
    /// Oldest first.
    entries: Vec<HistoryEntry>,
    /// There are older ones.
    is_cut: bool,
    runs: BTreeMap<ExecutionId, Execution>,
    conflicts: Vec<(Conflict, Vec<Resolution>)>,
    tombstone: Option<Tombstone>,
}

pub(crate) async fn history(
    engine: &Engine,
    config: ConfigId,
    source_item: ItemId,
    before: Option<HistoryId>,
    limit: usize,
) -> Result<PairHistory, Fault> {
    let work = move |tx: &mut dyn Tx| {
        let pair = pair_of(tx, config, &source_item)?;
        let mut entries = tx.history(pair.id, before, limit.saturating_add(1))?;
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| more).map(|entry| entry.id);
        let runs = runs_of(tx, entries.iter().filter_map(|entry| entry.execution_id))?;
        Ok(PairHistory { total: tx.count_history(pair.id)?, pair, entries, runs, next })
    };
    engine.parts.store.view("history", work).await
}

pub(crate) async fn explain(
    engine: &Engine,
    config: ConfigId,
    source_item: ItemId,
    field: Option<String>,
) -> Result<Explained, Fault> {
    let work = move |tx: &mut dyn Tx| load(tx, config, &source_item);
    let memory = engine.parts.store.view("explain", work).await?;
    let asked = fields::asked(&memory.spec, &memory.pair, field.as_deref())?;
    let fields = asked.iter().map(|one| steps::tell(&memory, one)).collect();
    Ok(Explained { pair: memory.pair, fields })
}

fn load(tx: &mut dyn Tx, config: ConfigId, item: &ItemId) -> Result<Memory, Fault> {
    let spec = crate::spec::load(tx, config)?;
    let pair = pair_of(tx, config, item)?;
    let mut entries = tx.history(pair.id, None, ENTRIES)?;
    entries.reverse();
    let mut conflicts = Vec::new();
    for conflict in tx.pair_conflicts(pair.id, CONFLICTS)? {
        let decisions = tx.resolutions(conflict.id)?;
        conflicts.push((conflict, decisions));
    }
    let named = entries.iter().filter_map(|entry| entry.execution_id);
    let runs = runs_of(tx, named.chain(conflicts.iter().map(|(row, _)| row.execution_id)))?;
    Ok(Memory {
        bases: tx.bases(&[pair.id])?,
        is_cut: entries.len() == ENTRIES,
        tombstone: tx.tombstones(&[pair.id])?.pop(),
        spec,
        pair,
        entries,
        runs,
        conflicts,
    })
}

fn runs_of(
    tx: &mut dyn Tx,
    ids: impl Iterator<Item = ExecutionId>,
) -> Result<BTreeMap<ExecutionId, Execution>, Fault> {
    let mut runs = BTreeMap::new();
    for id in ids {
        if let std::collections::btree_map::Entry::Vacant(slot) = runs.entry(id)
            && let Some(run) = tx.execution(id)?
        {
            slot.insert(run);
        }
    }
    Ok(runs)
}

/// The pair of a source item, or what to do when there is none.
fn pair_of(tx: &mut dyn Tx, config: ConfigId, item: &ItemId) -> Result<Pair, Fault> {
    if tx.config(config)?.is_none() {
        return Err(Fault::no_such("sync configuration", config));
    }
    let items = std::slice::from_ref(item);
    if let Some(pair) = tx.pairs_by_items(config, Side::Source, items)?.pop() {
        return Ok(pair);
    }
    let of_target = tx.pairs_by_items(config, Side::Target, items)?.pop();
    Err(Fault::NotFound(match of_target {
        Some(pair) => format!(
            "item {item} is on the target; its source item is {0}: ask for {0}",
            pair.source_item_id
        ),
        None => format!(
            "source item {item} has no pair in sync configuration {config}: it was never copied, or its \
             pair was taken apart; check the id, or run the configuration for this item and look at \
             what becomes of it"
        ),
    }))
}

impl Memory {
    /// Whether runs keep the two items in step.
    fn rests(&self) -> bool {
        self.pair.state != PairState::Active
    }

    fn run(&self, id: ExecutionId) -> RunSeen {
        let run = self.runs.get(&id);
        RunSeen { id, trigger: run.map(|run| (run.trigger, run.triggered_by.clone())) }
    }

    fn base(&self, side: Side, field: &FieldRef) -> Option<&Base> {
        self.bases.iter().find(|base| base.side == side && base.field_ref == *field)
    }
}
