//! What is to become of a page's items: look-ups, looks at copies, and the plan for each.

use std::collections::HashMap;

use syncline_domain::ports::{ConnectorError, ErrorKind};
use syncline_domain::{Item, ItemError, ItemId, ItemState, Pair};

use crate::agree::agreement;
use crate::course::Course;
use crate::deletes::{Lost, is_back, judge};
use crate::error::Stop;
use crate::existing::{self, Found};
use crate::known::PairMemory;
use crate::outcome::{Verdict, error_of};
use crate::page::{Page, at, pair_seen};
use crate::pass::Pass;
use crate::plan::{Decision, Open, Planned, plan_item};
use crate::record::{Fact, pair_after};
use crate::reviewed;

/// Decides about all open items; what is to be written comes back.
pub(crate) async fn choose(
    course: &Course,
    pass: &Pass,
    page: &mut Page,
    opens: Vec<Open>,
) -> Result<Vec<Planned>, Stop> {
    let (paired, unpaired): (Vec<_>, Vec<_>) =
        opens.into_iter().partition(|open| open.memory.is_some());
    let mut planned = Vec::new();
    let mut to_look = Vec::new();
    for found in existing::look_up(course, pass, unpaired).await? {
        match found {
            Found::Settled(open, verdict) => {
                let mapped = open.mapped.fields;
                page.settle(course, pass, (&open.item.id, None), verdict, mapped);
            }
            Found::Nothing(open) => decide(course, pass, page, *open, &mut planned, &mut to_look),
            Found::One(mut open, there) => {
                let pair = pair_after(pass, &open, &there, course.now());
                open.memory = Some(PairMemory::bare(Pair { sync_count: 0, ..pair }));
                open.there = Some(*there);
                open.linked = true;
                decide(course, pass, page, *open, &mut planned, &mut to_look);
            }
        }
    }
    for open in paired {
        decide(course, pass, page, open, &mut planned, &mut to_look);
    }
    let looked = look_at_copies(course, pass, page, to_look).await?;
    for open in looked {
        decide(course, pass, page, open, &mut planned, &mut Vec::new());
    }
    Ok(planned)
}

pub(crate) fn decide(
    course: &Course,
    pass: &Pass,
    page: &mut Page,
    open: Open,
    planned: &mut Vec<Planned>,
    to_look: &mut Vec<Open>,
) {
    match plan_item(pass, open, course.now()) {
        Decision::LookFirst(open) => to_look.push(*open),
        Decision::Nothing(one) => {
            if let Some(verdict) = reviewed::allows_nothing(course, pass, &one) {
                refuse(course, pass, page, *one, verdict);
                return;
            }
            page.note_conflicts(&one);
            nothing(course, pass, page, *one);
        }
        Decision::Write(one) => match left_alone(pass, &one) {
            Some(why) => {
                let copy = copy_of(pass, &one.open);
                let verdict = Verdict::filtered(why);
                let mapped = one.open.mapped.fields;
                page.settle(course, pass, (&one.open.item.id, copy), verdict, mapped);
            }
            None => match reviewed::allows(course, pass, &one) {
                Ok(()) => {
                    page.note_conflicts(&one);
                    planned.push(*one);
                }
                Err(verdict) => refuse(course, pass, page, *one, *verdict),
            },
        },
    }
}

/// An item whose planned write is not that of the plan which the run applies.
fn refuse(course: &Course, pass: &Pass, page: &mut Page, planned: Planned, verdict: Verdict) {
    let copy = copy_of(pass, &planned.open).filter(|_| !planned.open.linked);
    let open = planned.open;
    page.settle(course, pass, (&open.item.id, copy), verdict, open.mapped.fields);
}

/// Why an option keeps a planned update from being written.
fn left_alone(pass: &Pass, planned: &Planned) -> Option<&'static str> {
    let options = &pass.spec.config.options;
    if planned.is_create() || planned.open.linked {
        None
    } else if options.create_only {
        Some("create_only: copies are not changed afterwards")
    } else if !options.update_existing {
        Some("update_existing is off: copies are not changed")
    } else {
        None
    }
}

/// An item with nothing to write; its bases may move all the same.
fn nothing(course: &Course, pass: &Pass, page: &mut Page, planned: Planned) {
    let open = &planned.open;
    let copy = copy_of(pass, open);
    let done_before =
        open.memory.as_ref().is_some_and(|memory| course.has_left(pass, &memory.pair));
    let mut verdict = page.recovered.relabel(pass.read, &open.item.id, verdict_of(&planned));
    if open.linked {
        verdict.draft = reviewed::of_planned(course, pass, &planned);
    }
    if let Some(memory) = &open.memory {
        let agreed = agreement(pass, &planned, open.there.as_ref());
        let moved = open.item.version != *memory.pair.version(pass.read);
        if open.linked || moved || !agreed.is_empty() {
            let pair = Box::new(match (&open.there, open.linked) {
                (Some(there), true) => pair_after(pass, open, there, course.now()),
                _ => pair_seen(pass, &memory.pair, &open.item),
            });
            let item = copy.clone().unwrap_or_default();
            page.moves.push(Fact::Happened { intent: None, pair, agreed, item });
        }
    }
    let id = open.item.id.clone();
    let told_before = match &open.memory {
        Some(memory) if verdict.state == ItemState::Conflicted => {
            !course.tell_conflicted(memory.pair.id) && pass.is_second
        }
        _ => false,
    };
    if told_before || (done_before && verdict.state == ItemState::Unchanged) {
        page.leave_again(&id);
    } else {
        page.settle(course, pass, (&id, copy), verdict, planned.open.mapped.fields);
    }
}

pub(crate) fn copy_of(pass: &Pass, open: &Open) -> Option<ItemId> {
    open.memory.as_ref().and_then(|memory| memory.pair.item(pass.write).cloned())
}

/// Reads the copies of these items; an item whose copy is gone is settled.
pub(crate) async fn look_at_copies(
    course: &Course,
    pass: &Pass,
    page: &mut Page,
    opens: Vec<Open>,
) -> Result<Vec<Open>, Stop> {
    let ids: Vec<ItemId> = opens.iter().filter_map(|open| copy_of(pass, open)).collect();
    let mut there: HashMap<ItemId, Item> = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(pass.writer_can.fetch_batch.max(1)) {
        let items = pass.writer.fetch(chunk).await.map_err(|error| at(pass.write, error))?;
        there.extend(items.into_iter().map(|item| (item.id.clone(), item)));
    }
    let mut looked = Vec::with_capacity(opens.len());
    let mut lost = Vec::new();
    for mut open in opens {
        let copy = copy_of(pass, &open);
        match copy.as_ref().and_then(|id| there.remove(id)) {
            Some(item) => {
                let back = open.memory.as_ref().and_then(|memory| is_back(memory, pass.write));
                page.moves.extend(back.map(|closing| Fact::Over(Box::new(closing))));
                open.there = Some(item);
                looked.push(open);
            }
            None => lost.push(lost_copy(pass, &open)),
        }
    }
    judge(course, pass, page, lost).await?;
    Ok(looked)
}

/// An item whose copy was not found.
pub(crate) fn lost_copy(pass: &Pass, open: &Open) -> Lost {
    let otherwise = Verdict::failed(gone(copy_of(pass, open).as_ref()));
    Lost { item: open.item.id.clone(), side: pass.write, otherwise }
}

pub(crate) fn gone(copy: Option<&ItemId>) -> ItemError {
    let id = copy.map(ToString::to_string).unwrap_or_default();
    let detail = format!("its copy {id} is not there: deleted, or hidden from this account");
    let error = ConnectorError::new(ErrorKind::NotFound, detail);
    error_of(&error.advise("take the pair apart to have a new copy made, or restore the copy"))
}

/// The state in which an item leaves the run when its plan comes true.
pub(crate) fn verdict_of(planned: &Planned) -> Verdict {
    let writes = !planned.changes.is_empty();
    let state = if planned.is_create() {
        ItemState::Created
    } else if planned.open.linked {
        ItemState::Linked
    } else if writes {
        ItemState::Updated
    } else {
        ItemState::Unchanged
    };
    let verdict = match conflicts_in_words(planned) {
        None => Verdict::well(state),
        Some(words) => Verdict::conflicted(words),
    };
    let notes = if writes || planned.is_create() { notes(planned) } else { None };
    Verdict {
        resolved: planned.resolved,
        rule: notes.or(verdict.rule.clone()),
        ..verdict.with_changes(planned.changes.clone())
    }
}

/// Which fields wait, and why.
fn conflicts_in_words(planned: &Planned) -> Option<String> {
    let clashes = planned.clashes.iter();
    let said: Vec<String> = clashes
        .filter_map(|one| Some(format!("{}: {}", one.field.as_ref()?, one.reason)))
        .collect();
    (!said.is_empty()).then(|| format!("{}; decide which value stays", said.join("; ")))
}

/// What a person may want to know about values that were written or left out.
fn notes(planned: &Planned) -> Option<String> {
    let warnings = &planned.open.mapped.warnings;
    let notes: Vec<String> =
        warnings.iter().map(|one| format!("{}: {}", one.field, one.message)).collect();
    (!notes.is_empty()).then(|| notes.join("; "))
}
