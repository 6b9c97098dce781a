//! What the store knows about the items of a page: read in one transaction, however many items there are.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;
use syncline_domain::ports::{Store, StoreExt as _, Tx};
use syncline_domain::{
    Base, ConfigId, Conflict, ConflictKind, ConnectorId, Fault, FieldRef, FieldType, Intent,
    IntentPlan, Item, ItemId, ItemRetry, LineageId, Pair, PairId, PairState, Side, Tombstone,
};

use crate::adopt::shows;
use crate::breaker::Trail;
use crate::recover::SKEW;

/// Bases under this prefix keep what the rules made of the other side, where the tracker shows it otherwise.
const SENT: &str = "@sent/";

/// The field reference under which the value that was sent is kept.
pub(crate) fn sent_ref(field: &FieldRef) -> FieldRef {
    FieldRef::new(format!("{SENT}{field}"))
}

/// Bases under this prefix keep the last writes of a field, by the target's field, for the breaker.
const WRITES: &str = "@writes/";

/// The base that keeps what hangs on a pair's items and was carried between them.
pub(crate) const HANGING: &str = "@hanging";

/// The field reference under which the last writes of a field are kept.
pub(crate) fn trail_ref(field: &FieldRef) -> FieldRef {
    FieldRef::new(format!("{WRITES}{field}"))
}

/// Which items of which side to ask about.
#[derive(Clone)]
pub(crate) struct Question {
    pub(crate) config: ConfigId,
    pub(crate) read: Side,
    pub(crate) reader: ConnectorId,
    pub(crate) writer: ConnectorId,
    pub(crate) items: Vec<ItemId>,
}

/// What the store knows about a page.
#[derive(Default)]
pub(crate) struct Known {
    pairs: HashMap<ItemId, PairMemory>,
    /// Items without a pair whose family has a member on the writing side already.
    visited: HashSet<ItemId>,
    retries: HashMap<ItemId, ItemRetry>,
    /// Creates on the reading side, of this and other configurations, whose outcome is not recorded.
    rivals: Vec<Intent>,
}

impl Known {
    /// Whether an item without a family may be what some configuration is just making: it will have one soon.
    pub(crate) fn may_be_a_copy(&self, item: &Item) -> bool {
        let title = Value::String(item.title.clone());
        self.rivals.iter().any(|intent| {
            let IntentPlan::V1 { type_ref, fields, .. } = &intent.plan;
            type_ref.as_deref() == Some(item.type_ref.as_str())
                && item.created_at >= intent.created_at.before(SKEW)
                && fields.values().any(|value| shows(value, &title, FieldType::String))
        })
    }

    /// The pair of an item.
    pub(crate) fn pair(&self, item: &ItemId) -> Option<&PairMemory> {
        self.pairs.get(item)
    }

    /// Takes the tombstone off an item's pair; answers the pair, which is active again.
    pub(crate) fn revive(&mut self, item: &ItemId) -> Option<Pair> {
        let memory = self.pairs.get_mut(item)?;
        memory.tombstone = None;
        memory.pair.state = PairState::Active;
        Some(memory.pair.clone())
    }

    /// Whether the family of an item without a pair has a member on the writing side already.
    pub(crate) fn has_visited(&self, item: &ItemId) -> bool {
        self.visited.contains(item)
    }

    /// The item's failures so far.
    pub(crate) fn retry(&self, item: &ItemId) -> Option<&ItemRetry> {
        self.retries.get(item)
    }
}

/// A pair with its bases and receipts.
#[derive(Clone, Debug)]
pub(crate) struct PairMemory {
    pub(crate) pair: Pair,
    /// One of its items was deleted.
    tombstone: Option<Tombstone>,
    source: SideMemory,
    target: SideMemory,
    /// Our last writes, by the target's field.
    trails: Vec<(FieldRef, Value)>,
    /// What a person is to decide, or wants no decision about.
    pub(crate) conflicts: Vec<Conflict>,
}

/// What is known of one side of a pair. Few fields each: a list is searched as fast as a map, and filled faster.
#[derive(Clone, Debug, Default)]
struct SideMemory {
    bases: Vec<(FieldRef, Value)>,
    sent: Vec<(FieldRef, Value)>,
    receipts: Vec<(FieldRef, String)>,
}

fn find<'a, T>(list: &'a [(FieldRef, T)], field: &FieldRef) -> Option<&'a T> {
    list.iter().find(|(name, _)| name == field).map(|(_, value)| value)
}

impl PairMemory {
    /// A pair of which nothing more is known.
    pub(crate) fn bare(pair: Pair) -> Self {
        Self {
            pair,
            tombstone: None,
            source: SideMemory::default(),
            target: SideMemory::default(),
            trails: Vec::new(),
            conflicts: Vec::new(),
        }
    }

    const fn side(&self, side: Side) -> &SideMemory {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }

    const fn side_mut(&mut self, side: Side) -> &mut SideMemory {
        match side {
            Side::Source => &mut self.source,
            Side::Target => &mut self.target,
        }
    }

    /// What is known of the deletion of one of its items.
    pub(crate) const fn tombstone(&self) -> Option<&Tombstone> {
        self.tombstone.as_ref()
    }

    /// Everything that this side showed when both were in step last.
    pub(crate) fn bases_of(&self, side: Side) -> &[(FieldRef, Value)] {
        &self.side(side).bases
    }

    /// What this side showed when both were in step last.
    pub(crate) fn base(&self, side: Side, field: &FieldRef) -> Option<&Value> {
        find(&self.side(side).bases, field)
    }

    /// What the rules made of the other side then, where it differs from the base.
    pub(crate) fn sent(&self, side: Side, field: &FieldRef) -> Option<&Value> {
        find(&self.side(side).sent, field)
    }

    /// The fingerprint of our last writing.
    pub(crate) fn receipt(&self, side: Side, field: &FieldRef) -> Option<&str> {
        find(&self.side(side).receipts, field).map(String::as_str)
    }

    /// The conflict about a field, by the target's name for it, that is not resolved.
    pub(crate) fn conflict(&self, about: &FieldRef) -> Option<&Conflict> {
        let mut rows = self.conflicts.iter();
        rows.find(|row| row.kind == ConflictKind::Field && row.field.as_ref() == Some(about))
    }

    /// The conflict about the item as a whole that is not resolved.
    pub(crate) fn conflict_of(&self, kind: ConflictKind) -> Option<&Conflict> {
        self.conflicts.iter().find(|row| row.kind == kind)
    }

    /// Our last writes of a field, by the target's name for it.
    pub(crate) fn trail(&self, about: &FieldRef) -> Option<Trail> {
        find(&self.trails, about).map(Trail::read)
    }

    fn remember(&mut self, base: Base) {
        if let Some(field) = base.field_ref.as_str().strip_prefix(WRITES) {
            if !base.value.is_null() {
                self.trails.push((FieldRef::from(field), base.value));
            }
            return;
        }
        if base.field_ref.as_str() == HANGING {
            return;
        }
        let side = self.side_mut(base.side);
        match base.field_ref.as_str().strip_prefix(SENT) {
            Some(field) => side.sent.push((FieldRef::from(field), base.value)),
            None => side.bases.push((base.field_ref, base.value)),
        }
    }
}

/// Reads what is known.
pub(crate) async fn load(store: &dyn Store, question: Question) -> Result<Known, Fault> {
    store.view("page_known", move |tx| read(tx, &question)).await
}

fn read(tx: &mut dyn Tx, question: &Question) -> Result<Known, Fault> {
    let Question { config, read, reader, writer, items } = question;
    let rows = tx.pairs_by_items(*config, *read, items)?;
    let pairs: HashMap<ItemId, PairMemory> = of_pairs(tx, rows)?
        .into_values()
        .filter_map(|memory| Some((memory.pair.item(*read)?.clone(), memory)))
        .collect();
    let unpaired: Vec<ItemId> =
        items.iter().filter(|item| !pairs.contains_key(*item)).cloned().collect();
    let visited = visited(tx, *reader, *writer, &unpaired)?;
    let retries = tx
        .retries(*config, *read, Some(items))?
        .into_iter()
        .map(|retry| (retry.item_id.clone(), retry))
        .collect();
    let rivals = match unpaired.iter().find(|item| !visited.contains(*item)) {
        Some(_) => rivals(tx, *reader)?,
        None => Vec::new(),
    };
    Ok(Known { pairs, visited, retries, rivals })
}

/// Creates on this connector whose outcome is not recorded. Those of the run's own configuration are of its other
/// direction: a copy of which nobody knows yet is no news of the side on which it was made.
fn rivals(tx: &mut dyn Tx, connector: ConnectorId) -> Result<Vec<Intent>, Fault> {
    let mut rivals = Vec::new();
    for other in tx.configs()? {
        for side in [Side::Source, Side::Target] {
            if other.connector(side) == connector {
                rivals.extend(tx.open_creates(other.id, side)?);
            }
        }
    }
    Ok(rivals)
}

/// Pairs with their bases and receipts.
pub(crate) fn of_pairs(
    tx: &mut dyn Tx,
    pairs: Vec<Pair>,
) -> Result<BTreeMap<PairId, PairMemory>, Fault> {
    let mut known: BTreeMap<PairId, PairMemory> =
        pairs.into_iter().map(|pair| (pair.id, PairMemory::bare(pair))).collect();
    let ids: Vec<PairId> = known.keys().copied().collect();
    if ids.is_empty() {
        return Ok(known);
    }
    let resting: Vec<PairId> = known
        .values()
        .filter(|memory| memory.pair.state == PairState::Ignored)
        .map(|memory| memory.pair.id)
        .collect();
    if !resting.is_empty() {
        for tombstone in tx.tombstones(&resting)? {
            if let Some(memory) = known.get_mut(&tombstone.pair_id) {
                memory.tombstone = Some(tombstone);
            }
        }
    }
    for base in tx.bases(&ids)? {
        if let Some(memory) = known.get_mut(&base.pair_id) {
            memory.remember(base);
        }
    }
    for conflict in tx.open_conflicts(&ids)? {
        if let Some(memory) = known.get_mut(&conflict.pair_id) {
            memory.conflicts.push(conflict);
        }
    }
    // A base is newer than the receipt beside it; receipts speak only where there are no bases.
    let bare =
        |memory: &PairMemory| memory.source.bases.is_empty() || memory.target.bases.is_empty();
    let ids: Vec<PairId> =
        known.iter().filter(|(_, memory)| bare(memory)).map(|(id, _)| *id).collect();
    if ids.is_empty() {
        return Ok(known);
    }
    for receipt in tx.receipts(&ids)? {
        if let Some(memory) = known.get_mut(&receipt.pair_id) {
            memory.side_mut(receipt.side).receipts.push((receipt.field_ref, receipt.hash));
        }
    }
    Ok(known)
}

fn visited(
    tx: &mut dyn Tx,
    reader: ConnectorId,
    writer: ConnectorId,
    items: &[ItemId],
) -> Result<HashSet<ItemId>, Fault> {
    if items.is_empty() {
        return Ok(HashSet::new());
    }
    let families = tx.lineages(reader, items)?;
    let ids: Vec<LineageId> = families.values().copied().collect();
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let there: HashSet<LineageId> = tx
        .lineage_members(&ids)?
        .into_iter()
        .filter(|member| member.connector_id == writer)
        .map(|member| member.lineage_id)
        .collect();
    Ok(families
        .into_iter()
        .filter(|(_, family)| there.contains(family))
        .map(|(item, _)| item)
        .collect())
}
