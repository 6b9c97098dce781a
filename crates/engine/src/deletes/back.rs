//! Items that came back: their pairs live again, and what was undecided about their deletion is over.

use serde_json::Value;
use syncline_domain::ports::{StoreExt as _, Tx};
use syncline_domain::{
    ConfigId, Conflict, ConflictKind, ErrorType, Fault, Item, ItemError, ItemId, ItemRetry, Pair,
    PairId, PairState, Side, Timestamp,
};

use crate::clash::Closing;
use crate::course::Course;
use crate::error::Stop;
use crate::known::PairMemory;
use crate::page::Page;
use crate::pass::Pass;

/// Wakes the pairs of items that were deleted on the reading side once and are there again.
pub(crate) async fn revive(
    course: &Course,
    pass: &Pass,
    page: &mut Page,
    items: &[Item],
) -> Result<(), Stop> {
    let is_back = |item: &&Item| {
        let memory = page.known.pair(&item.id);
        let tombstone = memory.and_then(|memory| memory.tombstone());
        tombstone.is_some_and(|tombstone| tombstone.deleted_side == pass.read)
    };
    let back: Vec<_> = items.iter().filter(is_back).map(|item| item.id.clone()).collect();
    if back.is_empty() {
        return Ok(());
    }
    let pairs: Vec<Pair> = back.iter().filter_map(|id| page.known.revive(id)).collect();
    if reads(pass.two_way, pass.write) {
        // What was edited on the other side while the pair rested is behind the cursor there.
        page.to_ask.extend(pairs.iter().filter_map(|pair| pair.item(pass.write).cloned()));
    }
    if !course.is_live() {
        return Ok(());
    }
    course
        .fenced("revive_pairs", move |tx| pairs.iter().try_for_each(|pair| lives_again(tx, pair)))
        .await
}

fn lives_again(tx: &mut dyn Tx, pair: &Pair) -> Result<(), Fault> {
    tx.update_pair(&Pair { state: PairState::Active, ..pair.clone() })?;
    tx.clear_tombstone(pair.id)
}

/// Wakes pairs whose deleted items are there again, on a side that runs may not read by themselves.
pub(super) async fn wake(course: &Course, pairs: Vec<Pair>) -> Result<(), Stop> {
    if pairs.is_empty() {
        return Ok(());
    }
    let (two_way, now) = (course.is_two_way(), course.now());
    course
        .fenced("wake_pairs", move |tx| {
            for pair in &pairs {
                lives_again(tx, pair)?;
                for side in [Side::Source, Side::Target] {
                    if let Some(item) = pair.item(side).filter(|_| reads(two_way, side)) {
                        look_again(tx, pair.config_id, side, item, now)?;
                    }
                }
            }
            Ok(())
        })
        .await
}

/// Whether runs read this side at all.
pub(crate) const fn reads(two_way: bool, side: Side) -> bool {
    two_way || matches!(side, Side::Source)
}

const IS_BACK: &str = "the deleted item is there again";

/// The conflict about the deletion of an item that is there again on `side`.
pub(crate) fn is_back(memory: &PairMemory, side: Side) -> Option<Closing> {
    let row = memory.conflict_of(ConflictKind::Deletion);
    let row = row.filter(|row| row.deleted_side == Some(side))?;
    Some(Closing::by_agreement(row.id, Value::Null, IS_BACK))
}

/// Ends the conflicts about deletions among these pairs, whose items of `side` are there.
pub(super) async fn come_back(course: &Course, side: Side, pairs: Vec<PairId>) -> Result<(), Stop> {
    let open =
        course.parts.store.view("conflicts_of_pairs", move |tx| tx.open_conflicts(&pairs)).await?;
    let is_about =
        |row: &Conflict| row.kind == ConflictKind::Deletion && row.deleted_side == Some(side);
    let back: Vec<Conflict> = open.into_iter().filter(is_about).collect();
    if back.is_empty() {
        return Ok(());
    }
    let (two_way, now) = (course.is_two_way(), course.now());
    course.fenced("end_deletion_conflicts", move |tx| put_back(tx, &back, two_way, now)).await
}

/// Ends conflicts about deletions of items that are there again. The walk may have passed the edits of the other side
/// long ago: their items are looked at.
pub(super) fn put_back(
    tx: &mut dyn Tx,
    rows: &[Conflict],
    two_way: bool,
    now: Timestamp,
) -> Result<(), Fault> {
    for row in rows {
        Closing::by_agreement(row.id, Value::Null, IS_BACK).put(tx, now)?;
        let (side, item) = match row.deleted_side {
            Some(Side::Source) => (Side::Target, &row.target_item_id),
            Some(Side::Target) => (Side::Source, &row.source_item_id),
            None => continue,
        };
        if reads(two_way, side) {
            look_again(tx, row.config_id, side, item, now)?;
        }
    }
    Ok(())
}

fn look_again(
    tx: &mut dyn Tx,
    config_id: ConfigId,
    side: Side,
    item: &ItemId,
    now: Timestamp,
) -> Result<(), Fault> {
    if !tx.retries(config_id, side, Some(std::slice::from_ref(item)))?.is_empty() {
        return Ok(());
    }
    tx.put_retry(&ItemRetry {
        config_id,
        side,
        item_id: item.clone(),
        error: ItemError {
            error_type: ErrorType::Conflict,
            message: "a deleted item is there again, and edits of its pair are to travel"
                .to_owned(),
            field: None,
        },
        attempts: 0,
        next_try_at: now,
        first_failed_at: now,
    })
}
