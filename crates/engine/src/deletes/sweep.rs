//! The look whether items of pairs are still there: trackers do not tell of deletions by themselves, or not reliably.
//!
//! A run asks for one fetch of items a side, and the next run goes on behind it; a run that reads everything asks for
//! all. Sides whose deletions are ignored are not looked at.

use std::collections::HashSet;
use std::sync::Arc;

use syncline_domain::ports::StoreExt as _;
use syncline_domain::{DeletePolicy, ItemId, Pair, PairId, PairState, Side};

use super::back::{come_back, wake};
use super::{Lost, connector, policy};
use crate::choose::gone;
use crate::course::{Course, Mode};
use crate::error::Stop;
use crate::outcome::Verdict;
use crate::page::{PageInput, at, process};
use crate::pass::Pass;
use crate::recover::Recovered;
use crate::turn::Turn;

/// Looks for deleted items on the sides that this pass answers for.
pub(crate) async fn sweep(
    course: &Course,
    pass: &Pass,
    recovered: &Arc<Recovered>,
) -> Result<(), Stop> {
    if course.mode == Mode::Dry || (course.mode == Mode::Preview && course.is_used_up()) {
        return Ok(());
    }
    // The second pass of a two-way run answers for the other side.
    let sides = [Some(pass.read), (!pass.two_way).then_some(pass.write)];
    for side in sides.into_iter().flatten() {
        if policy(pass, side) != DeletePolicy::Ignore {
            sweep_side(course, pass, recovered, side).await?;
        }
    }
    Ok(())
}

async fn sweep_side(
    course: &Course,
    pass: &Pass,
    recovered: &Arc<Recovered>,
    side: Side,
) -> Result<(), Stop> {
    let can = if side == pass.read { &pass.reader_can } else { &pass.writer_can };
    let limit = can.fetch_batch.clamp(1, 500);
    let config = pass.spec.config.id;
    let stored = course
        .parts
        .store
        .view("sweep_position", move |tx| tx.sweep_position(config, side))
        .await?;
    let mut after = stored.filter(|_| !pass.full);
    loop {
        course.may_go_on().await?;
        let slice = course
            .parts
            .store
            .view("pairs_to_sweep", move |tx| tx.pairs(config, after, 0, limit))
            .await?;
        after = slice.last().map(|pair| pair.id).filter(|_| slice.len() >= limit);
        look(course, pass, recovered, side, slice).await?;
        move_on(course, side, after).await?;
        if after.is_none() || !pass.full {
            return Ok(());
        }
    }
}

async fn move_on(course: &Course, side: Side, after: Option<PairId>) -> Result<(), Stop> {
    if !course.is_live() {
        return Ok(());
    }
    let (config, now) = (course.spec.config.id, course.now());
    course.fenced("move_sweep", move |tx| tx.put_sweep_position(config, side, after, now)).await
}

async fn look(
    course: &Course,
    pass: &Pass,
    recovered: &Arc<Recovered>,
    side: Side,
    pairs: Vec<Pair>,
) -> Result<(), Stop> {
    let asleep = asleep(course, side, &pairs).await?;
    let rests =
        |pair: &Pair| pass.spec.paused_between(&pair.source_type, &pair.target_type).is_some();
    let active: Vec<Pair> =
        pairs.into_iter().filter(|pair| pair.state == PairState::Active && !rests(pair)).collect();
    let ids: Vec<ItemId> =
        active.iter().chain(&asleep).filter_map(|pair| pair.item(side).cloned()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let found = connector(pass, side).fetch(&ids).await.map_err(|error| at(side, error))?;
    let there: HashSet<ItemId> = found.into_iter().map(|item| item.id).collect();
    let is_there = |pair: &&Pair| pair.item(side).is_some_and(|id| there.contains(id));
    wake(course, asleep.iter().filter(is_there).cloned().collect()).await?;
    let (here, away): (Vec<&Pair>, Vec<&Pair>) = active.iter().partition(is_there);
    come_back(course, side, here.iter().map(|pair| pair.id).collect()).await?;
    let lost: Vec<Lost> = away.into_iter().filter_map(|pair| lost(pass, side, pair)).collect();
    if lost.is_empty() {
        return Ok(());
    }
    course.expect(u64::try_from(lost.len()).unwrap_or(u64::MAX));
    let input = PageInput { lost, ..PageInput::default() };
    process(course, pass, recovered, input, Turn::alone()).await
}

/// The pairs that rest because their item of this side was deleted.
async fn asleep(course: &Course, side: Side, pairs: &[Pair]) -> Result<Vec<Pair>, Stop> {
    let resting = pairs.iter().filter(|pair| pair.state == PairState::Ignored);
    let ids: Vec<PairId> = resting.clone().map(|pair| pair.id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let found = course.parts.store.view("tombstones", move |tx| tx.tombstones(&ids)).await?;
    let is_of =
        |pair: &&Pair| found.iter().any(|one| one.pair_id == pair.id && one.deleted_side == side);
    Ok(resting.filter(is_of).cloned().collect())
}

fn lost(pass: &Pass, side: Side, pair: &Pair) -> Option<Lost> {
    let otherwise = Verdict::failed(gone(pair.item(side)));
    Some(Lost { item: pair.item(pass.read)?.clone(), side, otherwise })
}
