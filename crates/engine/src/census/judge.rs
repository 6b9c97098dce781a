//! The judgement: which field of a pair is not as it should be, and why.

use std::collections::BTreeMap;

use syncline_domain::ports::StoreExt as _;
use syncline_domain::{Item, ItemId, Pair, PairId, Side, Version};
use syncline_mapping::Occasion;

use super::compare::{Compared, compare};
use super::walk::fetched;
use super::{CensusDrift, DriftCause, Found, SLICE, Scan, is_active};
use crate::error::PreviewError;
use crate::known::{PairMemory, of_pairs};
use crate::pass::Pass;

/// How often a pair is looked at that a run changes meanwhile.
const TRIES: u32 = 3;

/// Pairs whose items were not found, as far as they are still pairs.
pub(super) async fn missing(
    scan: &Scan<'_>,
    found: &Found,
) -> Result<Vec<CensusDrift>, PreviewError> {
    let gone = &found.missing;
    let ids: Vec<PairId> = gone.source.union(&gone.target).copied().collect();
    let mut drift = Vec::new();
    for chunk in ids.chunks(SLICE) {
        for memory in memories(scan, chunk).await?.into_values() {
            let pair = &memory.pair;
            let (cause, side) =
                match (gone.source.contains(&pair.id), gone.target.contains(&pair.id)) {
                    (true, true) => (DriftCause::MissingOnBoth, None),
                    (true, false) => (DriftCause::MissingOnSource, Some(Side::Source)),
                    (false, _) => (DriftCause::MissingOnTarget, Some(Side::Target)),
                };
            let what = match side {
                None => "neither of the two items is there".to_owned(),
                Some(side) => format!(
                    "the {side} item {} is not there",
                    pair.item(side).map(ToString::to_string).unwrap_or_default()
                ),
            };
            let message = format!(
                "{what}: deleted, or hidden from this account; restore it, take the pair apart, or choose \
                 what is done about deleted items (source_delete_policy, target_delete_policy)"
            );
            drift.push(CensusDrift { side, ..of_pair(pair, cause, message) });
        }
    }
    Ok(drift)
}

async fn memories(
    scan: &Scan<'_>,
    ids: &[PairId],
) -> Result<BTreeMap<PairId, PairMemory>, PreviewError> {
    let ids = ids.to_vec();
    let store = &scan.engine.parts.store;
    let work = move |tx: &mut dyn syncline_domain::ports::Tx| {
        let mut pairs = Vec::with_capacity(ids.len());
        for id in &ids {
            pairs.extend(tx.pair(*id)?.filter(is_active));
        }
        of_pairs(tx, pairs)
    };
    Ok(store.view("census_memory", work).await?)
}

/// Looks at the suspects once more, on both sides, and says what is wrong with them.
pub(super) async fn suspects(
    scan: &Scan<'_>,
    found: &mut Found,
) -> Result<Vec<CensusDrift>, PreviewError> {
    let gone = [&found.missing.source, &found.missing.target];
    let mut left: Vec<PairId> = found
        .suspects
        .iter()
        .filter(|id| !gone.iter().any(|gone| gone.contains(id)))
        .copied()
        .collect();
    let mut drift = Vec::new();
    let size = scan.batch(Side::Source).min(scan.batch(Side::Target));
    for _ in 0..TRIES {
        let mut again = Vec::new();
        for chunk in left.chunks(size) {
            judge_chunk(scan, chunk, &mut drift, &mut again).await?;
        }
        left = again;
    }
    Ok(drift)
}

async fn judge_chunk(
    scan: &Scan<'_>,
    chunk: &[PairId],
    drift: &mut Vec<CensusDrift>,
    again: &mut Vec<PairId>,
) -> Result<(), PreviewError> {
    let before = memories(scan, chunk).await?;
    let ids = |side: Side| -> Vec<ItemId> {
        before.values().filter_map(|memory| memory.pair.item(side).cloned()).collect()
    };
    let sources = fetched(scan, Side::Source, &ids(Side::Source)).await?;
    let targets = fetched(scan, Side::Target, &ids(Side::Target)).await?;
    let after = memories(scan, chunk).await?;
    for (id, memory) in &after {
        // What a run wrote between the two looks is no drift.
        if before.get(id).is_none_or(|before| before.pair != memory.pair) {
            again.push(*id);
            continue;
        }
        let pair = &memory.pair;
        let source = sources.get(&pair.source_item_id);
        let target = pair.target_item_id.as_ref().and_then(|item| targets.get(item));
        if let (Some(source), Some(target)) = (source, target) {
            drift.extend(judge_pair(scan, memory, source, target));
        }
    }
    Ok(())
}

/// What is wrong with a pair whose two items are there.
fn judge_pair(
    scan: &Scan<'_>,
    memory: &PairMemory,
    source: &Item,
    target: &Item,
) -> Vec<CensusDrift> {
    let mut drift = Vec::new();
    for pass in scan.passes() {
        let (item, there) = match pass.read {
            Side::Source => (source, target),
            Side::Target => (target, source),
        };
        let Some(rules) = pass.rules_between(&item.type_ref, &there.type_ref) else {
            // Both ways say the same of it.
            if pass.read == Side::Source {
                drift.push(types(memory, source, target));
            }
            continue;
        };
        let mapped = pass.plan.map_with(rules, item, Occasion::Update, &pass.context);
        if let Some(text) = mapped.fault_text() {
            let message = format!("the rules make no value of the {} item: {text}", pass.read);
            let side = Some(pass.read);
            let cause = DriftCause::NotMappable;
            drift.push(CensusDrift { side, ..of_pair(&memory.pair, cause, message) });
        }
        let seen = (item, Some(there));
        for one in compare(scan, pass, rules, memory, seen, &mapped) {
            let moved = Moved {
                read: item.version != *memory.pair.version(pass.read)
                    || *memory.pair.version(pass.read) == Version::default(),
                write: there.version != *memory.pair.version(pass.write),
            };
            drift.extend(judge_field(pass, memory, one, moved));
        }
    }
    drift
}

/// Which items have another revision than at the last look.
#[derive(Clone, Copy)]
struct Moved {
    read: bool,
    write: bool,
}

fn judge_field(
    pass: &Pass,
    memory: &PairMemory,
    one: Compared,
    moved: Moved,
) -> Option<CensusDrift> {
    if one.agree || !one.is_odd() {
        return None;
    }
    let edited = |side: Side| match side {
        Side::Source => DriftCause::EditedOnSource,
        Side::Target => DriftCause::EditedOnTarget,
    };
    let (cause, side) = match (one.read_moved, one.write_moved) {
        _ if memory.conflict(&one.about).is_some() => (DriftCause::InConflict, None),
        (true, false) if moved.read => (edited(pass.read), Some(pass.read)),
        (false, true) if moved.write => (edited(pass.write), Some(pass.write)),
        (true, true) if moved.read && moved.write => (DriftCause::EditedOnBoth, None),
        (true, _) if !moved.read => (DriftCause::SilentlyDifferent, Some(pass.read)),
        (_, true) => (DriftCause::SilentlyDifferent, Some(pass.write)),
        _ => (DriftCause::RulesDiffer, None),
    };
    let name = crate::explain::field_in_words(one.field.as_str());
    let message = format!("{name}: {}", what_to_do(cause, side));
    Some(CensusDrift {
        field: Some(one.field),
        side,
        expected: Some(one.mapped),
        shown: one.shown,
        ..of_pair(&memory.pair, cause, message)
    })
}

fn what_to_do(cause: DriftCause, side: Option<Side>) -> String {
    match cause {
        DriftCause::EditedOnSource | DriftCause::EditedOnTarget | DriftCause::EditedOnBoth => {
            "edited since the last sync; a run takes it up as the configuration says".to_owned()
        }
        DriftCause::SilentlyDifferent => format!(
            "the {} shows another value than was recorded at the revision that it still has, so that no \
             ordinary run looks; run the configuration with full=true, or edit the item",
            side.map_or("item", |side| side.as_str())
        ),
        DriftCause::RulesDiffer => {
            "no side was edited, and the rules make another value now than was written; run the \
             configuration with full=true"
                .to_owned()
        }
        _ => "both sides differ, and an open conflict waits for a decision".to_owned(),
    }
}

fn types(memory: &PairMemory, source: &Item, target: &Item) -> CensusDrift {
    let message = format!(
        "types {:?} and {:?} are not mapped to each other; map them, or give one of the items another type",
        source.type_ref, target.type_ref
    );
    of_pair(&memory.pair, DriftCause::TypeMismatch, message)
}

fn of_pair(pair: &Pair, cause: DriftCause, message: String) -> CensusDrift {
    CensusDrift {
        cause,
        pair_id: Some(pair.id),
        source_id: Some(pair.source_item_id.clone()),
        target_id: pair.target_item_id.clone(),
        field: None,
        side: None,
        expected: None,
        shown: None,
        message,
    }
}
