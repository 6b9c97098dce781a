//! What a run made of its items, made once more: by the rules of then, or by those of today.
//!
//! Nothing but the store is read, and nothing is written anywhere. History says what each rule read and made
//! ([`FieldEvent`]), copies of the rules say which rules these were ([`RulesCopy`](syncline_domain::RulesCopy)). Mapping
//! is pure, so the same rules make the same of the same values, or history says that they did not. What was looked up on
//! a tracker (accounts), decided by a person, or merged with the other side's change is told apart, never guessed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use syncline_domain::ports::{OutcomeFilter, StoreExt as _, Tx};
use syncline_domain::{
    ConfigId, ExecutionId, Fault, FieldEvent, FieldHow, FieldRef, FieldType, HistoryEntry,
    HistoryEvent, HistoryKind, Identity, Item, ItemId, ItemState, Pair, ReplayMode, STATUS_REF,
    Side, SyncConfig, SyncSpec, Timestamp, TypePair, is_excerpt, kept_value, same,
};
use syncline_mapping::{CompiledPair, MapContext, Mapped, Occasion, Plan};

use crate::engine::Engine;

/// Entries of a pair's history that are looked through for those of a run, the newest.
const ENTRIES: usize = 200;

/// What is to be replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayRequest {
    /// The configuration.
    pub config_id: ConfigId,
    /// The run whose entries are looked for; else the first entry of each item from this time on.
    pub run: Option<ExecutionId>,
    /// From when on entries are looked for without a run.
    pub since: Timestamp,
    /// Only these items of one side; all of the run when `None`.
    pub items: Option<(Side, Vec<ItemId>)>,
    /// By which rules.
    pub mode: ReplayMode,
    /// At most this many items.
    pub limit: usize,
}

/// What was replayed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replay {
    /// Item by item.
    pub items: Vec<ItemReplay>,
    /// There were more items than were asked for.
    pub is_truncated: bool,
}

/// One item, replayed.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemReplay {
    /// The item on the source.
    pub source_id: Option<ItemId>,
    /// The item on the target.
    pub target_id: Option<ItemId>,
    /// The side that was read; `None` where history has nothing.
    pub read: Option<Side>,
    /// What kind of event it was.
    pub kind: Option<HistoryKind>,
    /// The run that it belongs to.
    pub execution_id: Option<ExecutionId>,
    /// The configuration's version of the rules that acted then.
    pub config_version: Option<i64>,
    /// When it was recorded.
    pub at: Option<Timestamp>,
    /// Field by field, as recorded.
    pub fields: Vec<FieldReplay>,
    /// Why nothing could be replayed.
    pub reason: Option<String>,
}

/// How a replayed value compares with the recorded one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayVerdict {
    /// The rules make the same.
    Same,
    /// The rules make another value.
    Different,
    /// What the rule read is not kept whole.
    NotKept,
    /// No rule made the value.
    NotByRules,
}

impl ReplayVerdict {
    /// The word in replies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Different => "different",
            Self::NotKept => "not_kept",
            Self::NotByRules => "not_by_rules",
        }
    }
}

/// One field, replayed.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldReplay {
    /// The field of the side that was not read ([`STATUS_REF`] for the status).
    pub field: FieldRef,
    /// The rule of then, in words.
    pub rule: String,
    /// What became of the field then.
    pub how: FieldHow,
    /// What the rules made then.
    pub recorded: Value,
    /// What stayed on the other side then: what was written, or what was there.
    pub written: Value,
    /// What the rules make now; `None` when that cannot be said.
    pub replayed: Option<Value>,
    /// How the two compare.
    pub verdict: ReplayVerdict,
    /// What else there is to know.
    pub note: Option<String>,
}

/// What a run read of an item, and what the rules made of it, as far as history kept it.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedWrite {
    /// The side that was read.
    pub read: Side,
    /// The item as it was read: only values that rules read which settled something.
    pub item: Item,
    /// The type's reference on the other side.
    pub written_type: String,
    /// The other side had no copy yet.
    pub is_new: bool,
    /// What the rules made, by field of the other side ([`STATUS_REF`] for the status).
    pub made: BTreeMap<FieldRef, Made>,
    /// Fields of the reading side of which only the beginning is kept.
    pub not_kept: BTreeSet<FieldRef>,
}

/// What the rules made of some fields.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// The fields that were read.
    pub sources: Vec<FieldRef>,
    /// The value; `None` when only its beginning is kept.
    pub value: Option<Value>,
}

/// Puts an item together from what an entry of history says that rules read, by the rules of that time.
#[must_use]
pub fn recorded_write(spec: &SyncSpec, pair: &Pair, entry: &HistoryEntry) -> RecordedWrite {
    let HistoryEvent::V1 { kind, read, fields, .. } = &entry.event;
    let types = spec.types.iter().find(|types| {
        types.source.reference == pair.source_type && types.target.reference == pair.target_type
    });
    let (read_type, written_type) = match read {
        Side::Source => (&pair.source_type, &pair.target_type),
        Side::Target => (&pair.target_type, &pair.source_type),
    };
    let id = pair.item(*read).cloned().unwrap_or_default();
    let mut write = RecordedWrite {
        read: *read,
        item: Item::new(id, read_type, ""),
        written_type: written_type.clone(),
        is_new: matches!(kind, HistoryKind::Created | HistoryKind::Linked),
        made: BTreeMap::new(),
        not_kept: BTreeSet::new(),
    };
    for event in fields {
        let sources = types.map(|types| sources_of(types, *read, event)).unwrap_or_default();
        put_inputs(&mut write, &sources, event, types);
        let value = Some(made_by_rules(event)).filter(|value| !is_excerpt(value)).cloned();
        write.made.insert(event.field.clone(), Made { sources, value });
    }
    write
}

const fn made_by_rules(event: &FieldEvent) -> &Value {
    match &event.mapped {
        Some(mapped) => mapped,
        None => &event.value,
    }
}

/// The fields that the rule of an event read.
fn sources_of(types: &TypePair, read: Side, event: &FieldEvent) -> Vec<FieldRef> {
    let reference = |field: &syncline_domain::FieldSchema| FieldRef::new(field.reference.as_str());
    if event.field.as_str() == STATUS_REF && event.rule == "status mapping" {
        return vec![FieldRef::new(STATUS_REF)];
    }
    let writes = |field: &syncline_domain::FieldSchema| match event.field.as_str() {
        STATUS_REF => field.is_status,
        name => field.reference == name,
    };
    let rules = types.fields.iter();
    match read {
        Side::Source => rules
            .clone()
            .find(|rule| writes(&rule.target))
            .map(|rule| rule.sources.iter().map(reference).collect()),
        Side::Target => rules
            .clone()
            .find(|rule| rule.sources.first().is_some_and(writes))
            .map(|rule| vec![reference(&rule.target)]),
    }
    .unwrap_or_default()
}

fn put_inputs(
    write: &mut RecordedWrite,
    sources: &[FieldRef],
    event: &FieldEvent,
    types: Option<&TypePair>,
) {
    let input = event.input.as_ref().unwrap_or_else(|| made_by_rules(event));
    let alone = std::slice::from_ref(input);
    let values = match (sources.len(), input) {
        (0 | 1, _) => alone,
        (_, Value::Array(parts)) if parts.len() == sources.len() => parts.as_slice(),
        _ => &[],
    };
    if values.is_empty() {
        write.not_kept.extend(sources.iter().cloned());
    }
    for (field, value) in sources.iter().zip(values) {
        if is_excerpt(value) {
            write.not_kept.insert(field.clone());
            continue;
        }
        let end = types.map(|types| types.end(write.read));
        let schema = end.and_then(|end| end.field(field.as_str()));
        if field.as_str() == STATUS_REF || schema.is_some_and(|schema| schema.is_status) {
            write.item.status = value.as_str().map(str::to_owned);
        }
        if field.as_str() != STATUS_REF && !value.is_null() {
            write.item.fields.insert(field.clone(), value.clone());
        }
    }
}

pub(crate) async fn replay(engine: &Engine, request: ReplayRequest) -> Result<Replay, Fault> {
    engine.parts.store.view("replay", move |tx| replayed(tx, &request)).await
}

fn replayed(tx: &mut dyn Tx, request: &ReplayRequest) -> Result<Replay, Fault> {
    let config_id = request.config_id;
    let config = tx.config(config_id)?;
    let config = config.ok_or_else(|| Fault::no_such("sync configuration", config_id))?;
    let (wanted, is_truncated) = wanted(tx, request)?;
    let mut rules = Rules { config, mode: request.mode, known: BTreeMap::new() };
    let mut items = Vec::with_capacity(wanted.len());
    for (side, id) in wanted {
        items.push(item(tx, request, &mut rules, side, &id)?);
    }
    Ok(Replay { items, is_truncated })
}

/// The items to look at, each by the side that names it.
fn wanted(tx: &mut dyn Tx, request: &ReplayRequest) -> Result<(Vec<(Side, ItemId)>, bool), Fault> {
    let mut found: Vec<(Side, ItemId)> = match (&request.items, request.run) {
        (Some((side, ids)), _) => ids.iter().map(|id| (*side, id.clone())).collect(),
        (None, Some(run)) => {
            let unsettled = [ItemState::Unchanged, ItemState::Filtered];
            let states =
                ItemState::ALL.iter().copied().filter(|state| !unsettled.contains(state)).collect();
            let filter = OutcomeFilter { states, after: None };
            let rows = tx.outcomes(run, &filter, request.limit.saturating_add(1))?;
            let named = rows.into_iter().filter_map(|row| match (row.source_id, row.target_id) {
                (Some(source), _) => Some((Side::Source, source)),
                (None, Some(target)) => Some((Side::Target, target)),
                (None, None) => None,
            });
            named.collect()
        }
        (None, None) => Vec::new(),
    };
    let is_truncated = found.len() > request.limit;
    found.truncate(request.limit);
    let mut seen = BTreeSet::new();
    found.retain(|one| seen.insert(one.clone()));
    Ok((found, is_truncated))
}

/// Compiled rules by version and time of use.
struct Rules {
    config: SyncConfig,
    mode: ReplayMode,
    known: BTreeMap<(i64, String), SyncSpec>,
}

impl Rules {
    /// The rules for an entry, or why there are none.
    fn for_entry(
        &mut self,
        tx: &mut dyn Tx,
        entry: &HistoryEntry,
    ) -> Result<Result<(SyncSpec, SyncSpec), String>, Fault> {
        let version = entry.config_version;
        let copy = tx.rules_copy(self.config.id, version, entry.at)?;
        let then = match &copy {
            Some(copy) => {
                let key = (version, copy.digest.clone());
                match self.known.get(&key) {
                    Some(spec) => Some(spec.clone()),
                    None => copy.spec(&self.config).inspect(|spec| {
                        self.known.insert(key, spec.clone());
                    }),
                }
            }
            None => None,
        };
        let gone = || {
            format!(
                "the rules of version {version} of the configuration are no longer kept; replay by today's rules"
            )
        };
        Ok(match self.mode {
            ReplayMode::AsItWas => then.map(|then| (then.clone(), then)).ok_or_else(gone),
            ReplayMode::Now => {
                let now = self.today(tx)?;
                Ok((then.unwrap_or_else(|| now.clone()), now))
            }
        })
    }

    fn today(&mut self, tx: &mut dyn Tx) -> Result<SyncSpec, Fault> {
        let key = (0, String::new());
        if let Some(spec) = self.known.get(&key) {
            return Ok(spec.clone());
        }
        let spec = crate::spec::load(tx, self.config.id)?;
        self.known.insert(key, spec.clone());
        Ok(spec)
    }
}

fn item(
    tx: &mut dyn Tx,
    request: &ReplayRequest,
    rules: &mut Rules,
    side: Side,
    id: &ItemId,
) -> Result<ItemReplay, Fault> {
    let one = std::slice::from_ref(id);
    let Some(pair) = tx.pairs_by_items(request.config_id, side, one)?.into_iter().next() else {
        return Ok(nothing(
            side,
            id,
            "the item has no pair in this configuration, so history has nothing of it",
        ));
    };
    let entries = tx.history(pair.id, None, ENTRIES)?;
    let is_meant = |entry: &&HistoryEntry| match request.run {
        Some(run) => entry.execution_id == Some(run),
        None => entry.at >= request.since,
    };
    let Some(entry) = entries.iter().rev().find(is_meant) else {
        let why =
            "nothing was settled about the item: nothing had to be written, or its history is gone";
        return Ok(ItemReplay { target_id: pair.target_item_id, ..nothing(side, id, why) });
    };
    let HistoryEvent::V1 { kind, read, .. } = &entry.event;
    let mut told = ItemReplay {
        source_id: Some(pair.source_item_id.clone()),
        target_id: pair.target_item_id.clone(),
        read: Some(*read),
        kind: Some(*kind),
        execution_id: entry.execution_id,
        config_version: Some(entry.config_version),
        at: Some(entry.at),
        fields: Vec::new(),
        reason: None,
    };
    match rules.for_entry(tx, entry)? {
        Ok((then, by)) => match fields(&then, &by, &pair, entry) {
            Ok(fields) => told.fields = fields,
            Err(why) => told.reason = Some(why),
        },
        Err(why) => told.reason = Some(why),
    }
    Ok(told)
}

fn nothing(side: Side, id: &ItemId, why: &str) -> ItemReplay {
    let named = |one: Side| Some(id.clone()).filter(|_| one == side);
    ItemReplay {
        source_id: named(Side::Source),
        target_id: named(Side::Target),
        read: None,
        kind: None,
        execution_id: None,
        config_version: None,
        at: None,
        fields: Vec::new(),
        reason: Some(why.to_owned()),
    }
}

/// What the rules `by` make of what the rules `then` read.
fn fields(
    then: &SyncSpec,
    by: &SyncSpec,
    pair: &Pair,
    entry: &HistoryEntry,
) -> Result<Vec<FieldReplay>, String> {
    let HistoryEvent::V1 { kind, fields, .. } = &entry.event;
    let write = recorded_write(then, pair, entry);
    let plan = Plan::compile(by, write.read).map_err(|issues| {
        let parts: Vec<&str> = issues.iter().map(|issue| issue.message.as_str()).collect();
        format!("the rules cannot be compiled: {}", parts.join("; "))
    })?;
    let rules = plan.pair_between(&write.item.type_ref, &write.written_type).ok_or_else(|| {
        format!(
            "{} and {} are no longer mapped to each other",
            write.item.type_ref, write.written_type
        )
    })?;
    let occasion = if write.is_new { Occasion::Create } else { Occasion::Update };
    let run = entry.execution_id.map_or_else(String::new, |run| run.to_string());
    let context = MapContext::of(by, write.read, run);
    let mapped = plan.map_with(rules, &write.item, occasion, &context);
    let types = by.types.iter().find(|types| types.id == rules.id());
    let replay = Once { kind: *kind, write: &write, rules, types, mapped: &mapped };
    Ok(fields.iter().map(|event| replay.field(event)).collect())
}

/// One item's way through the rules, beside what is recorded of it.
struct Once<'a> {
    kind: HistoryKind,
    write: &'a RecordedWrite,
    rules: &'a CompiledPair,
    types: Option<&'a TypePair>,
    mapped: &'a Mapped,
}

impl Once<'_> {
    fn field(&self, event: &FieldEvent) -> FieldReplay {
        let recorded = made_by_rules(event);
        let told = |verdict, replayed: Option<Value>, note: Option<String>| FieldReplay {
            field: event.field.clone(),
            rule: event.rule.clone(),
            how: event.how,
            recorded: recorded.clone(),
            written: event.value.clone(),
            replayed: replayed.map(|value| kept_value(&value)),
            verdict,
            note,
        };
        let by_hand = match self.kind {
            HistoryKind::Decided => Some("a person decided"),
            HistoryKind::Found => {
                Some("the write was found on the tracker; what was read for it is not recorded")
            }
            _ => None,
        };
        if let Some(why) = by_hand {
            return told(ReplayVerdict::NotByRules, None, Some(why.to_owned()));
        }
        let sources = self.write.made.get(&event.field).map_or(&[][..], |made| &made.sources);
        let now_read = self.types.map(|types| sources_of(types, self.write.read, event));
        let read: BTreeSet<&FieldRef> = sources.iter().chain(now_read.iter().flatten()).collect();
        let missing: Vec<&str> = read
            .iter()
            .filter(|field| self.write.not_kept.contains(**field) || !self.is_recorded(field))
            .map(|field| field.as_str())
            .collect();
        if !missing.is_empty() {
            let why = format!("not kept whole: {}", missing.join(", "));
            return told(ReplayVerdict::NotKept, None, Some(why));
        }
        let made = match event.field.as_str() {
            STATUS_REF => self.mapped.status.clone().map(Value::String),
            _ => self.mapped.fields.get(&event.field).cloned(),
        };
        let fault = self.mapped.faults.iter().find(|fault| fault.field == event.field);
        if let Some(fault) = fault {
            return told(ReplayVerdict::Different, None, Some(fault.message.clone()));
        }
        let made = made.unwrap_or_default();
        let kind = self.rules.written_type_of(&event.field);
        let verdict = if alike(&made, recorded, kind) {
            ReplayVerdict::Same
        } else {
            ReplayVerdict::Different
        };
        told(verdict, Some(made), self.note(event, verdict))
    }

    /// Some recorded rule read the field, so that its value, or that it had none, is known.
    fn is_recorded(&self, field: &FieldRef) -> bool {
        self.write.made.values().any(|made| made.sources.contains(field))
    }

    fn note(&self, event: &FieldEvent, verdict: ReplayVerdict) -> Option<String> {
        let merged = event.how == FieldHow::Merged || event.how == FieldHow::Left;
        if merged && verdict == ReplayVerdict::Different {
            return Some("both sides had changed the field; what would come of both changes by these rules is not replayed".to_owned());
        }
        let rules = self.types.iter().flat_map(|types| &types.fields);
        let end = |rule: &syncline_domain::FieldRule| match self.write.read {
            Side::Source => Some(rule.target.reference.clone()),
            Side::Target => rule.sources.first().map(|field| field.reference.clone()),
        };
        let names_more =
            rules.filter(|rule| end(rule).as_deref() == Some(event.field.as_str())).any(|rule| {
                ["item.", "fields[", "{field."].iter().any(|word| rule.text().contains(word))
            });
        names_more.then(|| {
            "the rule also reads parts of the item that history does not keep; they were empty here".to_owned()
        })
    }
}

/// Whether a value made now is the one that was recorded, as history keeps it.
fn alike(made: &Value, recorded: &Value, kind: FieldType) -> bool {
    let kept = kept_value(made);
    if kept == *recorded || same(&kept, recorded, kind) {
        return true;
    }
    // Rules say whom to look for; what is recorded is the account that the tracker found.
    kind == FieldType::Identity && is_same_person(made, recorded)
}

fn is_same_person(wanted: &Value, found: &Value) -> bool {
    let (Some(wanted), Some(found)) = (Identity::from_value(wanted), Identity::from_value(found))
    else {
        return false;
    };
    let pairs =
        [(&wanted.email, &found.email), (&wanted.login, &found.login), (&wanted.name, &found.name)];
    pairs.into_iter().any(|(one, other)| match (one, other) {
        (Some(one), Some(other)) => one.trim().to_lowercase() == other.trim().to_lowercase(),
        _ => false,
    })
}
