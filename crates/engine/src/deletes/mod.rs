//! Items of pairs that people deleted: noticed, confirmed, and followed by the configured policy.
//!
//! An item counts as deleted only when its tracker says so when asked a second time ([`Presence::Deleted`]): an account
//! that lost a right sees the same as one whose item is gone. What left the filter is there, and is not deleted.
//!
//! An item that was edited on the other side meanwhile is a conflict where the configuration does not say who wins: a
//! person decides, and nothing is removed or made until then.
//!
//! Files: `rule` (what the policy comes to; pure), `act` (writes and records it), `sweep` (looks whether items are still
//! there), `back` (items that came back), `decide` (carries out what a person decided), `end` (what is over with a pair).
//!
//! # Invariants
//! - Nothing is deleted or closed that we hold no receipt for.
//! - A deleted item is not made again: its pair stays, with a tombstone, until the item comes back.
//! - The intent of a deletion is committed before the call. One without a known outcome is given up by the next run,
//!   which looks at both items anew.

mod act;
mod back;
mod decide;
mod end;
mod rule;
mod sweep;

use syncline_domain::ports::{Connector, Presence};
use syncline_domain::{
    Conflict, ConflictKind, DeletePolicy, Fields, ItemId, ItemState, PairState, Resolution, Side,
    TargetEdits, Tombstone,
};

use crate::clash;
use crate::course::Course;
use crate::error::Stop;
use crate::known::PairMemory;
use crate::outcome::{Brief, RetryMove, Verdict};
use crate::page::{Page, at};
use crate::pass::Pass;
use crate::retry::backoff;
use crate::reviewed;
use end::End;
use rule::{Fate, fate};

pub(crate) use back::{is_back, reads, revive};
pub(crate) use decide::carry_out;
pub(crate) use end::{Displaced, displaced_by};
pub(crate) use rule::Edit;
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
    /// The decision of a person that is carried out with it.
    decided: Option<&'a Resolution>,
}

impl Gone<'_> {
    /// The side on which an item is left.
    const fn left_side(&self) -> Side {
        self.side.other()
    }

    /// The item by which the page knows the pair.
    fn read_by(&self, pass: &Pass) -> ItemId {
        self.memory.pair.item(pass.read).cloned().unwrap_or_default()
    }

    fn left(&self) -> ItemId {
        self.memory.pair.item(self.left_side()).cloned().unwrap_or_default()
    }

    fn lost(&self) -> ItemId {
        self.memory.pair.item(self.side).cloned().unwrap_or_default()
    }

    /// What is over once the deletion is followed.
    fn end(&self, why: String) -> End {
        End::of(self.memory.pair.id, self.decided, why)
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
        // Comments would have nowhere to go, or nobody to come from.
        page.untouch(&item);
        let refusal = reviewed::lost_on_the_way(course, pass, &one);
        let judged = match (&memory, refusal) {
            (_, Some(refusal)) => refusal.into(),
            (None, None) => one.otherwise.into(),
            (Some(memory), None) if memory.pair.state == PairState::Ignored => {
                Verdict::filtered(memory.tombstone().map_or_else(by_hand, resting)).into()
            }
            (Some(memory), None) => {
                match rests(pass, memory).or_else(|| held(page, &one, memory)) {
                    Some(verdict) => verdict.into(),
                    None => confirmed(course, pass, one, memory).await?,
                }
            }
        };
        let verdict = match judged {
            Judged::Settled(verdict) => verdict,
            Judged::Clash(conflict) => clashed(page, &item, memory.as_ref(), *conflict),
        };
        // One that was to be tried again leaves the run all the same, or it would be tried for ever.
        let told_before = verdict.state == ItemState::Conflicted
            && memory.is_some_and(|memory| !course.tell_conflicted(memory.pair.id))
            && page.known.retry(&item).is_none();
        if told_before {
            page.waiting.remove(&item);
        } else {
            page.settle(course, pass, (&item, copy), verdict, Fields::new());
        }
    }
    Ok(())
}

/// What became of a lost item.
enum Judged {
    Settled(Verdict),
    /// A person decides.
    Clash(Box<Conflict>),
}

impl From<Verdict> for Judged {
    fn from(verdict: Verdict) -> Self {
        Self::Settled(verdict)
    }
}

/// Types that a tracker no longer shows take their items along; that says nothing of a deletion.
fn rests(pass: &Pass, memory: &PairMemory) -> Option<Verdict> {
    let (source, target) = (&memory.pair.source_type, &memory.pair.target_type);
    pass.spec.paused_between(source, target).map(|pair| Verdict::paused(&pair.reason))
}

/// An earlier write whose outcome is not known holds the pair's other item.
fn held(page: &Page, lost: &Lost, memory: &PairMemory) -> Option<Verdict> {
    let (left, item) = (lost.side.other(), memory.pair.item(lost.side.other())?);
    page.recovered.held(left, item).map(crate::recover::Hold::verdict)
}

fn clashed(
    page: &mut Page,
    item: &ItemId,
    memory: Option<&PairMemory>,
    conflict: Conflict,
) -> Verdict {
    let known = memory.and_then(|memory| memory.conflict_of(ConflictKind::Deletion));
    if known.is_some_and(|row| clash::is_old_news(row, &conflict)) {
        return Verdict::well(ItemState::Unchanged)
            .by_rule("an ignored conflict of an edit with a deletion");
    }
    let verdict = Verdict::conflicted(conflict.reason.clone());
    page.note_clash(item, conflict);
    verdict
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
) -> Result<Judged, Stop> {
    let Some(id) = memory.pair.item(lost.side) else { return Ok(lost.otherwise.into()) };
    match connector(pass, lost.side).probe(id).await {
        Ok(Presence::Deleted) => {
            follow(course, pass, &Gone { memory, side: lost.side, decided: None }).await
        }
        Ok(Presence::Forbidden) => Ok(lost.otherwise.into()),
        Ok(Presence::Present) if course.reviewed().is_some() => Ok(lost.otherwise.into()),
        Ok(Presence::Present) => Ok(Verdict::waiting(
            "it was not found at first, and is there all the same; the next run looks again",
            None,
            RetryMove::Later(course.now().after(backoff(0))),
        )
        .into()),
        Err(error) if error.kind.stops_run() => Err(at(lost.side, error)),
        Err(error) => Ok(Verdict::refused(&error).into()),
    }
}

async fn follow(course: &Course, pass: &Pass, gone: &Gone<'_>) -> Result<Judged, Stop> {
    let policy = policy(pass, gone.side);
    match policy {
        DeletePolicy::Ignore => {
            act::bury(course, pass, gone, policy).await?;
            Ok(Verdict::filtered(told(gone, policy)).into())
        }
        DeletePolicy::Unlink => Ok(unlink(course, pass, gone, told(gone, policy)).await?.into()),
        DeletePolicy::Close | DeletePolicy::Delete => remove(course, pass, gone, policy).await,
    }
}

/// Takes the pair apart, and leaves a note at the item that is left.
async fn unlink(
    course: &Course,
    pass: &Pass,
    gone: &Gone<'_>,
    why: String,
) -> Result<Verdict, Stop> {
    let note = act::note(pass, gone);
    if let Some(refusal) = reviewed::allows_note(course, pass, &gone.read_by(pass), note.as_deref())
    {
        return Ok(refusal);
    }
    act::bury(course, pass, gone, DeletePolicy::Unlink).await?;
    let draft = note.and_then(|note| reviewed::of_note(course, gone.left_side(), &note));
    Ok(Verdict::filtered(why).drafted(draft))
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
) -> Result<Judged, Stop> {
    let left = match act::look(pass, gone).await? {
        act::Left::There(item) => item,
        act::Left::Gone => return Ok(act::both_gone(course, pass, gone, None).await?.into()),
        act::Left::Unknown(verdict) => return Ok(verdict.into()),
    };
    let edits = rule::edits(&pass.spec, gone.memory, gone.left_side(), &left);
    match fate(&question(pass, gone, &edits)) {
        Fate::Go => {}
        Fate::Keep => {
            let why = format!(
                "deleted on the {}, but the other item was edited since, which counts for more here: it stays, with a \
                 note, and is no longer synced",
                gone.side
            );
            return Ok(unlink(course, pass, gone, why).await?.into());
        }
        Fate::Ask => {
            let (memory, side, now) = (gone.memory, gone.side, course.now());
            let conflict = clash::of_deletion(pass, memory, &left, side, &edits, now);
            return Ok(Judged::Clash(Box::new(conflict)));
        }
    }
    if !act::is_ours(course, gone).await? {
        let why = format!(
            "deleted on the {}; the other item was never written by this configuration, so it is not ours to remove: it \
             stays, with a note, and is no longer synced",
            gone.side
        );
        return Ok(unlink(course, pass, gone, why).await?.into());
    }
    Ok(act::remove(course, pass, gone, &left, policy).await?.into())
}

fn question(pass: &Pass, gone: &Gone<'_>, edits: &[Edit]) -> rule::Question {
    let config = &pass.spec.config;
    rule::Question {
        edited: !edits.is_empty(),
        two_way: pass.two_way,
        deleted: gone.side,
        resolution: config.conflict_resolution,
        keeps_target: config.options.target_edits == TargetEdits::Keep,
    }
}
