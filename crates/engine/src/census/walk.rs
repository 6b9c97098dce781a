//! The walks over both sides: what is there, and what looks odd.

use std::collections::{BTreeMap, BTreeSet};

use syncline_domain::ports::ChangePage;
use syncline_domain::{Item, ItemId, Pair, Side};
use syncline_mapping::Occasion;

use super::compare::{Compared, compare, written_moved};
use super::{Found, Scan, failed, is_active};
use crate::error::PreviewError;
use crate::known::{self, Known, PairMemory, Question};
use crate::pass::Pass;

/// Walks one side.
pub(super) async fn walk(
    scan: &Scan<'_>,
    found: &mut Found,
    side: Side,
) -> Result<(), PreviewError> {
    let mut pages = scan.connector(side).changes(scan.query(side).clone(), None);
    let mut seen = 0_u64;
    while let Some(page) = pages.next_page(scan.batch(side)).await.map_err(failed)? {
        let ChangePage { items, total, .. } = page;
        seen = seen.saturating_add(u64::try_from(items.len()).unwrap_or(u64::MAX));
        look(scan, found, side, items).await?;
        if total.is_some_and(|total| seen >= total) {
            break;
        }
    }
    *found.items.of_mut(side) = seen;
    Ok(())
}

/// Looks at items of one side with what the store knows of them.
async fn look(
    scan: &Scan<'_>,
    found: &mut Found,
    side: Side,
    items: Vec<Item>,
) -> Result<(), PreviewError> {
    let config = &scan.spec.config;
    let question = Question {
        config: config.id,
        read: side,
        reader: config.connector(side),
        writer: config.connector(side.other()),
        items: items.iter().map(|item| item.id.clone()).collect(),
    };
    let known = known::load(scan.engine.parts.store.as_ref(), question).await?;
    for item in items {
        match known.pair(&item.id) {
            Some(memory) if is_active(&memory.pair) && !scan.is_paused(&memory.pair) => {
                paired(scan, found, side, memory, &item);
            }
            // It rests: a person or a policy wanted it so.
            Some(_) => {}
            None => stranger(scan, found, side, &known, &item),
        }
    }
    Ok(())
}

fn paired(scan: &Scan<'_>, found: &mut Found, side: Side, memory: &PairMemory, item: &Item) {
    found.seen.of_mut(side).insert(memory.pair.id);
    found.strangers.know(scan, side, item);
    if is_odd(scan, side, memory, item) {
        found.suspects.insert(memory.pair.id);
    }
}

/// Whether an item is not as the store has its pair.
fn is_odd(scan: &Scan<'_>, side: Side, memory: &PairMemory, item: &Item) -> bool {
    if memory.conflicts.iter().any(|row| row.field.is_some()) {
        return true;
    }
    scan.passes().any(|pass| {
        if pass.read == side {
            reads_odd(scan, pass, memory, item)
        } else {
            shows_odd(pass, memory, item)
        }
    })
}

fn reads_odd(scan: &Scan<'_>, pass: &Pass, memory: &PairMemory, item: &Item) -> bool {
    let written = match pass.write {
        Side::Source => &memory.pair.source_type,
        Side::Target => &memory.pair.target_type,
    };
    let Some(rules) = pass.rules_between(&item.type_ref, written) else { return true };
    let mapped = pass.plan.map_with(rules, item, Occasion::Update, &pass.context);
    if mapped.fault_text().is_some() {
        return true;
    }
    let fields = compare(scan, pass, rules, memory, (item, None), &mapped);
    fields.iter().any(Compared::is_odd)
}

/// Whether the copy shows something else than at the last look.
fn shows_odd(pass: &Pass, memory: &PairMemory, item: &Item) -> bool {
    let read = match pass.read {
        Side::Source => &memory.pair.source_type,
        Side::Target => &memory.pair.target_type,
    };
    let Some(rules) = pass.rules_between(read, &item.type_ref) else { return true };
    written_moved(pass, rules, memory, item)
}

fn stranger(scan: &Scan<'_>, found: &mut Found, side: Side, known: &Known, item: &Item) {
    if !waits(scan, side, item) && !known.has_visited(&item.id) && !known.may_be_a_copy(item) {
        let failure = known.retry(&item.id).map(|retry| retry.error.message.clone());
        found.strangers.note(scan, side, item, failure);
    }
}

/// A rule that a new copy of the item would need is paused.
fn waits(scan: &Scan<'_>, side: Side, item: &Item) -> bool {
    let mut passes = scan.passes().filter(|pass| pass.read == side);
    passes.any(|pass| {
        let rules = pass.plan.pair_for(&item.type_ref);
        let status = item.status.as_deref();
        pass.type_paused(&item.type_ref).is_some()
            || rules
                .zip(status)
                .is_some_and(|(rules, status)| rules.status_paused(status).is_some())
    })
}

/// Items of pairs that no walk named; answers how many pairs are active, and how many rest.
pub(super) async fn rest(scan: &Scan<'_>, found: &mut Found) -> Result<(u64, u64), PreviewError> {
    let (mut active, mut resting) = (0_u64, 0_u64);
    let mut after = None;
    loop {
        let (pairs, next) = scan.slice(after).await?;
        let all = u64::try_from(pairs.len()).unwrap_or(u64::MAX);
        let takes_part = |pair: &Pair| is_active(pair) && !scan.is_paused(pair);
        let pairs: Vec<Pair> = pairs.into_iter().filter(takes_part).collect();
        let kept = u64::try_from(pairs.len()).unwrap_or(u64::MAX);
        active = active.saturating_add(kept);
        resting = resting.saturating_add(all.saturating_sub(kept));
        for side in [Side::Source, Side::Target] {
            fetch_unseen(scan, found, side, &pairs).await?;
        }
        after = next;
        if after.is_none() {
            return Ok((active, resting));
        }
    }
}

async fn fetch_unseen(
    scan: &Scan<'_>,
    found: &mut Found,
    side: Side,
    pairs: &[Pair],
) -> Result<(), PreviewError> {
    let unseen: Vec<&Pair> =
        pairs.iter().filter(|pair| !found.seen.of(side).contains(&pair.id)).collect();
    for chunk in unseen.chunks(scan.batch(side)) {
        let ids: Vec<ItemId> = chunk.iter().filter_map(|pair| pair.item(side).cloned()).collect();
        let items = scan.connector(side).fetch(&ids).await.map_err(failed)?;
        let there: BTreeSet<ItemId> = items.iter().map(|item| item.id.clone()).collect();
        let lost = chunk.iter().filter(|pair| pair.item(side).is_none_or(|id| !there.contains(id)));
        found.missing.of_mut(side).extend(lost.map(|pair| pair.id));
        look(scan, found, side, items).await?;
    }
    Ok(())
}

/// Items by their ids.
pub(super) async fn fetched(
    scan: &Scan<'_>,
    side: Side,
    ids: &[ItemId],
) -> Result<BTreeMap<ItemId, Item>, PreviewError> {
    let mut all = BTreeMap::new();
    for chunk in ids.chunks(scan.batch(side)) {
        let items = scan.connector(side).fetch(chunk).await.map_err(failed)?;
        all.extend(items.into_iter().map(|item| (item.id.clone(), item)));
    }
    Ok(all)
}
