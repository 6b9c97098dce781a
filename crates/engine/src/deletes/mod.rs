//! Items of pairs that people deleted: noticed, confirmed, and followed by the configured policy.
//!
//! An item counts as deleted only when its tracker says so when asked a second time ([`Presence::Deleted`]): an account
//! that lost a right sees the same as one whose item is gone. What left the filter is there, and is not deleted.
//!
//! Files: `rule` (what the policy comes to; pure), `act` (writes and records it), `sweep` (looks whether items are still
//! there), `back` (pairs whose item came back).
//!
//! # Invariants
//! - Nothing is deleted or closed that we hold no receipt for.
//! - A deleted item is not made again: its pair stays, with a tombstone, until the item comes back.
//! - The intent of a deletion is committed before the call. One without a known outcome is given up by the next run,
//!   which looks at both items anew.

mod act;
mod back;
mod rule;
mod sweep;

use syncline_domain::ports::{Connector, Presence};
use syncline_domain::{
    DeletePolicy, Fields, Item, ItemId, PairState, Side, TargetEdits, Tombstone,
};

use crate::course::Course;
use crate::error::Stop;
use crate::known::PairMemory;
use crate::outcome::{Brief, RetryMove, Verdict};
use crate::page::{Page, at};
use crate::pass::Pass;
use crate::retry::backoff;
use rule::{Fate, fate};

pub(crate) use back::revive;
pub(crate) use sweep::sweep;

/// An item of a pair that was not found.
#[derive(Clone, Debug)]
pub(crate) struct Lost {
    /// The pair's item on the reading side, by which the page knows it.
    pub(crate) item: ItemId,
    /// The side on which the item was not found.
    pub(crate) side: Side,
    /// How it leaves the run when it turns out not to be deleted, or has no pair.
    pub(crate) otherwise: Verdict,
}

/// A pair one of whose items was deleted, and that is sure.
struct Gone<'a> {
    memory: &'a PairMemory,
    /// The side on which it was deleted.
    side: Side,
}

impl Gone<'_> {
    /// The side on which an item is left.
    const fn left_side(&self) -> Side {
        self.side.other()
    }

    fn left(&self) -> ItemId {
        self.memory.pair.item(self.left_side()).cloned().unwrap_or_default()
    }
}

/// The connector of a side.
fn connector(pass: &Pass, side: Side) -> &dyn Connector {
    if side == pass.read { pass.reader.as_ref() } else { pass.writer.as_ref() }
}

/// What the configuration says about items that are deleted on `side`.
fn policy(pass: &Pass, side: Side) -> DeletePolicy {
    let options = &pass.spec.config.options;
    match side {
        Side::Source => options.source_delete_policy,
        Side::Target => options.target_delete_policy,
    }
}

/// The option that holds it, by its name.
const fn option_of(side: Side) -> &'static str {
    match side {
        Side::Source => "source_delete_policy",
        Side::Target => "target_delete_policy",
    }
}

/// Why nothing happens to an item whose partner was deleted.
pub(crate) fn resting(tombstone: &Tombstone) -> String {
    format!(
        "its item on the {side} was deleted ({option} is {policy}); it is not made again",
        side = tombstone.deleted_side,
        option = option_of(tombstone.deleted_side),
        policy = tombstone.policy,
    )
}

/// Takes lost items through the run.
pub(crate) async fn judge(
    course: &Course,
    pass: &Pass,
    page: &mut Page,
    lost: Vec<Lost>,
) -> Result<(), Stop> {
    for one in lost {
        let memory = page.known.pair(&one.item).cloned();
        let copy = memory.as_ref().and_then(|memory| memory.pair.item(pass.write).cloned());
        let brief = Brief { copy: copy.clone(), ..Brief::bare(&one.item) };
        page.waiting.entry(one.item.clone()).or_insert(brief);
        let item = one.item.clone();
        let verdict = match &memory {
            None => one.otherwise,
            Some(memory) if memory.pair.state == PairState::Ignored => {
                Verdict::filtered(memory.tombstone().map_or_else(by_hand, resting))
            }
            Some(memory) => confirmed(course, pass, one, memory).await?,
        };
        page.settle(course, pass, (&item, copy), verdict, Fields::new());
    }
    Ok(())
}

/// Why nothing happens to a pair that somebody took apart.
pub(crate) fn by_hand() -> String {
    "taken apart by hand".to_owned()
}

/// Asks a second time, and follows the policy when the item is surely deleted.
async fn confirmed(
    course: &Course,
    pass: &Pass,
    lost: Lost,
    memory: &PairMemory,
) -> Result<Verdict, Stop> {
    let Some(id) = memory.pair.item(lost.side) else { return Ok(lost.otherwise) };
    match connector(pass, lost.side).probe(id).await {
        Ok(Presence::Deleted) => follow(course, pass, &Gone { memory, side: lost.side }).await,
        Ok(Presence::Forbidden) => Ok(lost.otherwise),
        Ok(Presence::Present) => Ok(Verdict::waiting(
            "it was not found at first, and is there all the same; the next run looks again",
            None,
            RetryMove::Later(course.now().after(backoff(0))),
        )),
        Err(error) if error.kind.stops_run() => Err(at(lost.side, error)),
        Err(error) => Ok(Verdict::refused(&error)),
    }
}

async fn follow(course: &Course, pass: &Pass, gone: &Gone<'_>) -> Result<Verdict, Stop> {
    let policy = policy(pass, gone.side);
    match policy {
        DeletePolicy::Ignore | DeletePolicy::Unlink => {
            act::bury(course, pass, gone, policy).await?;
            Ok(Verdict::filtered(told(gone, policy)))
        }
        DeletePolicy::Close | DeletePolicy::Delete => remove(course, pass, gone, policy).await,
    }
}

/// What happened, in words.
fn told(gone: &Gone<'_>, policy: DeletePolicy) -> String {
    let (side, option) = (gone.side, option_of(gone.side));
    let left = match policy {
        DeletePolicy::Ignore => "the other item stays as it is",
        DeletePolicy::Unlink => "the other item stays, with a note, and is no longer synced",
        DeletePolicy::Close => "the other item was closed",
        DeletePolicy::Delete => "the other item was deleted, too",
    };
    format!("deleted on the {side} ({option} is {policy}): {left}")
}

/// Closes or deletes the item that is left, unless something speaks against it.
async fn remove(
    course: &Course,
    pass: &Pass,
    gone: &Gone<'_>,
    policy: DeletePolicy,
) -> Result<Verdict, Stop> {
    let left = match act::look(pass, gone).await? {
        act::Left::There(item) => item,
        act::Left::Gone => return act::both_gone(course, pass, gone, None).await,
        act::Left::Unknown(verdict) => return Ok(verdict),
    };
    match fate(&question(pass, gone, &left)) {
        Fate::Go => {}
        Fate::Keep => {
            act::bury(course, pass, gone, DeletePolicy::Unlink).await?;
            return Ok(Verdict::filtered(format!(
                "deleted on the {}, but the other item was edited since, which counts for more here: it stays, with a \
                 note, and is no longer synced",
                gone.side
            )));
        }
        Fate::Ask => {
            return Ok(Verdict::conflicted(format!(
                "deleted on the {}, while the other item was edited: decide whether it stays",
                gone.side
            )));
        }
    }
    if !act::is_ours(course, gone).await? {
        act::bury(course, pass, gone, DeletePolicy::Unlink).await?;
        return Ok(Verdict::filtered(format!(
            "deleted on the {}; the other item was never written by this configuration, so it is not ours to remove: it \
             stays, with a note, and is no longer synced",
            gone.side
        )));
    }
    act::remove(course, pass, gone, &left, policy).await
}

fn question(pass: &Pass, gone: &Gone<'_>, left: &Item) -> rule::Question {
    let config = &pass.spec.config;
    rule::Question {
        edited: rule::edited(&pass.spec, gone.memory, gone.left_side(), left),
        two_way: pass.two_way,
        deleted: gone.side,
        resolution: config.conflict_resolution,
        keeps_target: config.options.target_edits == TargetEdits::Keep,
    }
}
