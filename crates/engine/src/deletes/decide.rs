//! A person's decision about an edit against a deletion: the item stays and is made again, or the deletion is followed.

use std::slice;
use std::sync::Arc;

use syncline_domain::ports::{ErrorKind, StoreExt as _};
use syncline_domain::{
    Conflict, ConflictKind, DeletePolicy, Fields, Item, ItemError, ItemState, Resolution,
    ResolutionChoice, STATUS_REF, Side, WriteOp,
};
use syncline_mapping::Occasion;

use super::act::{self, Left};
use super::end::Displaced;
use super::{Gone, back, policy, rule};
use crate::clash::{self, Closing, put_found};
use crate::course::Course;
use crate::error::Stop;
use crate::known::PairMemory;
use crate::outcome::Verdict;
use crate::pass::Pass;
use crate::people::{Asking, resolve};
use crate::plan::{Decision, Open, mapping_fault, plan_item};
use crate::resolve::{Done, LATER, refused};
use crate::write::{Answer, send};

/// Carries a decision out. `pass` reads the side of the item that is left, and writes the one that deleted it.
///
/// # Errors
/// What stopped it, where that may pass by itself.
pub(crate) async fn carry_out(
    course: &Course,
    pass: &Pass,
    memory: &PairMemory,
    conflict: &Conflict,
    decision: &Resolution,
) -> Result<Done, Stop> {
    let keeps = match keeps(pass.write, decision.choice) {
        Ok(keeps) => keeps,
        Err(why) => return Ok(not_yet(why)),
    };
    let decided = Some(decision);
    let gone = Gone { memory, side: pass.write, decided };
    if is_in_doubt(course, &gone).await? {
        let why = "an earlier try to make the item again has no known outcome";
        return Ok(later(why));
    }
    match act::look_at(pass, gone.side, gone.lost()).await? {
        Left::Gone => {}
        Left::There(_) => return is_there(course, &gone, keeps.then_some(decision)).await,
        Left::Unknown(verdict) => return Ok(undone(&verdict)),
    }
    match (act::look(pass, &gone).await?, keeps) {
        (Left::There(left), true) => keep(course, pass, &gone, *left, decision).await,
        (Left::There(left), false) => follow(course, pass, &gone, &left, conflict).await,
        (Left::Gone, false) => {
            act::both_gone(course, pass, &gone, None).await?;
            Ok(Done::Applied)
        }
        (Left::Gone, true) => {
            act::both_gone(course, pass, &Gone { decided: None, ..gone }, None).await?;
            Ok(not_yet("the other item was deleted, too: there is nothing left to keep"))
        }
        (Left::Unknown(verdict), _) => Ok(undone(&verdict)),
    }
}

/// Whether the choice is that of the side which still has the item.
fn keeps(deleted: Side, choice: ResolutionChoice) -> Result<bool, &'static str> {
    match choice {
        ResolutionChoice::Source => Ok(deleted == Side::Target),
        ResolutionChoice::Target => Ok(deleted == Side::Source),
        ResolutionChoice::Base | ResolutionChoice::Value => Err(
            "this conflict is about whether an item stays, not about the value of a field; choose a side",
        ),
        ResolutionChoice::Agreement => Err("nobody has decided yet; choose a side"),
    }
}

fn not_yet(why: impl Into<String>) -> Done {
    Done::NotYet(why.into())
}

fn later(why: &str) -> Done {
    not_yet(format!("{why}{LATER}"))
}

/// Why it was not done.
fn undone(verdict: &Verdict) -> Done {
    let told = verdict.error.as_ref().map(|error| error.message.clone());
    let why = verdict.rule.clone().or(told).unwrap_or_default();
    if verdict.state == ItemState::Waiting { later(&why) } else { not_yet(why) }
}

/// Whether the item may have been made again already, without anybody knowing.
async fn is_in_doubt(course: &Course, gone: &Gone<'_>) -> Result<bool, Stop> {
    let (config, side, left) = (course.spec.config.id, gone.side, gone.left());
    let intents = course.parts.store.view("intents", move |tx| tx.open_intents(config)).await?;
    let mut intents = intents.into_iter().filter(|one| one.op == WriteOp::Create);
    Ok(intents.any(|one| one.side == side && one.from_item_id == left))
}

/// The deleted item came back before anything was done. That is what whoever wants to keep it wanted.
async fn is_there(
    course: &Course,
    gone: &Gone<'_>,
    keeps: Option<&Resolution>,
) -> Result<Done, Stop> {
    let rows: Vec<Conflict> =
        gone.memory.conflict_of(ConflictKind::Deletion).cloned().into_iter().collect();
    let decision = keeps.cloned();
    let (two_way, now) = (course.is_two_way(), course.now());
    course
        .fenced("end_deletion_conflict", move |tx| {
            if let Some(decision) = &decision {
                Closing::carried_out(decision).put(tx, now)?;
            }
            back::put_back(tx, &rows, two_way, now)
        })
        .await?;
    Ok(match keeps {
        Some(_) => Done::Applied,
        None => not_yet(
            "the deleted item is there again: nothing was removed, and the conflict is over",
        ),
    })
}

/// Carries the deletion over, as the configuration says it is done.
async fn follow(
    course: &Course,
    pass: &Pass,
    gone: &Gone<'_>,
    left: &Item,
    conflict: &Conflict,
) -> Result<Done, Stop> {
    let policy = policy(pass, gone.side);
    if matches!(policy, DeletePolicy::Ignore | DeletePolicy::Unlink) {
        act::bury(course, pass, gone, policy).await?;
        return Ok(Done::Applied);
    }
    if is_news(course, pass, gone, left, conflict).await? {
        return Ok(not_yet(
            "the item was edited again since anybody saw this conflict; look at what it shows now, and decide again",
        ));
    }
    if !act::is_ours(course, gone).await? {
        return Ok(not_yet(format!(
            "the item on the {left} was never written by this configuration, so it is not ours to remove: delete it \
             there, and the conflict is over, or choose {left} to keep it",
            left = gone.left_side()
        )));
    }
    match act::remove(course, pass, gone, left, policy).await {
        Ok(verdict) if verdict.state == ItemState::Deleted => Ok(Done::Applied),
        Ok(verdict) => Ok(undone(&verdict)),
        // Nothing but this decision has to wait.
        Err(Stop::Limit(why)) => Ok(later(&why)),
        Err(stop) => Err(stop),
    }
}

/// Whether the item that is left says something that the conflict does not; the conflict then shows it.
async fn is_news(
    course: &Course,
    pass: &Pass,
    gone: &Gone<'_>,
    left: &Item,
    conflict: &Conflict,
) -> Result<bool, Stop> {
    let edits = rule::edits(&pass.spec, gone.memory, gone.left_side(), left);
    let now = course.now();
    let found = clash::of_deletion(pass, gone.memory, left, gone.side, &edits, now);
    if edits.is_empty() || is_as_shown(pass, gone, left, (&found, conflict)) {
        return Ok(false);
    }
    let config = course.spec.config.id;
    course
        .fenced("refresh_conflict", move |tx| put_found(tx, config, slice::from_ref(&found), now))
        .await?;
    Ok(true)
}

/// The status does not count where the item is closed already, perhaps by us: an answer may have been lost.
fn is_as_shown(
    pass: &Pass,
    gone: &Gone<'_>,
    left: &Item,
    (found, shown): (&Conflict, &Conflict),
) -> bool {
    let closes = policy(pass, gone.side) == DeletePolicy::Close;
    let is_closed =
        closes && left.status.is_some() && left.status == act::status_to_close(pass, gone);
    let values = |row: &Conflict| {
        let value = match gone.left_side() {
            Side::Source => &row.source_value,
            Side::Target => &row.target_value,
        };
        let mut fields = value.as_object().cloned().unwrap_or_default();
        if is_closed {
            fields.remove(STATUS_REF);
        }
        fields
    };
    values(found) == values(shown)
}

/// Makes the item again where its tracker had it; where the configuration never writes, it only stays.
async fn keep(
    course: &Course,
    pass: &Pass,
    gone: &Gone<'_>,
    left: Item,
    decision: &Resolution,
) -> Result<Done, Stop> {
    if !pass.two_way && pass.write == Side::Source {
        act::bury(course, pass, gone, DeletePolicy::Unlink).await?;
        return Ok(Done::Applied);
    }
    let mut open = match opened(pass, gone, left) {
        Ok(open) => open,
        Err(why) => return Ok(not_yet(why)),
    };
    let people = &mut *course.people.lock().await;
    resolve(people, pass, slice::from_mut(&mut open), Asking::Always).await?;
    let Decision::Write(mut planned) = plan_item(pass, open, course.now()) else {
        return Ok(not_yet("the rules make nothing of the item that is left; map its fields"));
    };
    let old = &gone.memory.pair;
    planned.in_place_of = Some(Box::new(Displaced::by_decision(old, gone.side, decision)));
    let mut sent = send(course, pass, &Arc::new(vec![*planned])).await?;
    match sent.answers.remove(&0) {
        Some(Answer::Done(_)) => Ok(Done::Applied),
        Some(Answer::Refused(error))
            if error.kind == ErrorKind::Ambiguous || !error.kind.stops_run() =>
        {
            Ok(not_yet(refused(pass.write, &error)))
        }
        Some(Answer::Refused(error)) => Err(crate::page::at(pass.write, error)),
        Some(Answer::NotSent) | None => match sent.stop {
            Some(stop) => Err(stop),
            None => Ok(later("the item was not sent")),
        },
    }
}

/// The item that is left, as one that has no copy.
fn opened(pass: &Pass, gone: &Gone<'_>, left: Item) -> Result<Open, String> {
    let pair = &gone.memory.pair;
    let lost_type = match gone.side {
        Side::Source => &pair.source_type,
        Side::Target => &pair.target_type,
    };
    let rules = pass.rules_between(&left.type_ref, lost_type);
    let rules = rules.or_else(|| pass.plan.pair_for(&left.type_ref));
    let rules =
        rules.ok_or_else(|| format!("type {:?} is not mapped; map it first", left.type_ref))?;
    let mapped = pass.plan.map_traced_with(rules, &left, Occasion::Create, &pass.context);
    if let Some(ItemError { message, .. }) = mapping_fault(&mapped) {
        return Err(message);
    }
    Ok(Open {
        item: left,
        mapped,
        memory: None,
        there: None,
        linked: false,
        tries: 0,
        people: Fields::new(),
    })
}
