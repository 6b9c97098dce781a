//! Holds a run to the plan that it applies: what was planned anew must be what is stored.

use syncline_domain::ports::{Write, WriteKind};
use syncline_domain::{Item, ItemId, OpId, PlanOperation, PlannedWrite, Side, Version};

use super::{is_removal, refused};
use crate::course::Course;
use crate::deletes::Lost;
use crate::outcome::Verdict;
use crate::pass::Pass;
use crate::plan::Planned;
use crate::write::write_of;

/// Why an item that was read is not taken further: it moved on since the plan, by somebody else's hand.
pub(crate) fn has_moved(course: &Course, pass: &Pass, item: &Item) -> Option<Verdict> {
    let reviewed = course.reviewed()?;
    let Some(planned) = reviewed.write(pass.read, &item.id) else {
        return Some(refused("the plan does not name it"));
    };
    let foreseen = reviewed.own(pass.read, &item.id);
    let foreseen = foreseen.as_ref().or(planned.version(pass.read));
    (foreseen != Some(&item.version)).then(|| moved(pass.read, &item.id, foreseen, &item.version))
}

fn moved(side: Side, item: &ItemId, foreseen: Option<&Version>, found: &Version) -> Verdict {
    let foreseen = foreseen.map_or("none", Version::as_str);
    refused(format_args!(
        "{side} item {item} has moved on since the plan was made, from revision {foreseen} to {found}",
        found = found.as_str()
    ))
}

/// Why a write that was planned anew is not sent.
pub(crate) fn allows(course: &Course, pass: &Pass, planned: &Planned) -> Result<(), Box<Verdict>> {
    let Some(reviewed) = course.reviewed() else { return Ok(()) };
    let item = &planned.open.item.id;
    let Some(stored) = reviewed.write(pass.read, item) else {
        return Err(Box::new(refused("the plan does not name it")));
    };
    let Some(foreseen) = stored.write().filter(|_| !is_removal(stored)) else {
        return Err(Box::new(others(stored)));
    };
    let found = write_of(pass, planned, foreseen.op_id.clone());
    if let Some(verdict) = copy_moved(stored, &found) {
        return Err(Box::new(verdict));
    }
    let same_way = (stored.operation == PlanOperation::Link) == planned.open.linked;
    if same_way && found == foreseen { Ok(()) } else { Err(Box::new(others(stored))) }
}

/// Why an item with nothing to write leaves the run refused all the same: its copy moved on, which may be why there is
/// nothing to write, or it would be joined with an item that the plan does not name.
pub(crate) fn allows_nothing(course: &Course, pass: &Pass, planned: &Planned) -> Option<Verdict> {
    let stored = course.reviewed()?.write(pass.read, &planned.open.item.id)?;
    let pair = &planned.open.memory.as_ref()?.pair;
    let found =
        planned.open.there.as_ref().map_or(pair.version(pass.write), |there| &there.version);
    let same_copy = pair.item(pass.write) == stored.item(pass.write);
    if let (true, Some(foreseen)) = (same_copy, stored.version(pass.write))
        && foreseen != found
    {
        return pair.item(pass.write).map(|copy| moved(pass.write, copy, Some(foreseen), found));
    }
    let is_foreseen = same_copy && stored.operation == PlanOperation::Link;
    (planned.open.linked && !is_foreseen).then(|| others(stored))
}

fn copy_moved(stored: &PlannedWrite, found: &Write) -> Option<Verdict> {
    let side = stored.written_side;
    match &found.kind {
        WriteKind::Update { id, expected } | WriteKind::Delete { id, expected } => {
            let same = stored.item(side) == Some(id);
            let foreseen = stored.version(side);
            let found = expected.as_ref().filter(|_| same)?;
            (foreseen != Some(found)).then(|| moved(side, id, foreseen, found))
        }
        WriteKind::Create { .. } => None,
    }
}

fn others(stored: &PlannedWrite) -> Verdict {
    refused(format_args!(
        "the rules no longer come to the planned {} with the planned values",
        stored.operation
    ))
}

/// Why a write that follows a deletion is not sent; the name under which it is sent otherwise.
pub(crate) fn allows_removal(
    course: &Course,
    pass: &Pass,
    item: &ItemId,
    write: &Write,
) -> Result<Option<OpId>, Box<Verdict>> {
    let Some(reviewed) = course.reviewed() else { return Ok(None) };
    let Some(stored) = reviewed.write(pass.read, item) else {
        return Err(Box::new(refused("the plan does not name it")));
    };
    if let Some(verdict) = copy_moved(stored, write) {
        return Err(Box::new(verdict));
    }
    let found = Write { op_id: stored.op_id.clone(), ..write.clone() };
    match stored.write().filter(|_| is_removal(stored)) {
        Some(foreseen) if foreseen == found => Ok(Some(foreseen.op_id)),
        _ => Err(Box::new(others(stored))),
    }
}

/// Why the note about a deleted partner is not left.
pub(crate) fn allows_note(
    course: &Course,
    pass: &Pass,
    item: &ItemId,
    note: Option<&str>,
) -> Option<Verdict> {
    let reviewed = course.reviewed()?;
    let Some(stored) = reviewed.write(pass.read, item) else {
        return Some(refused("the plan does not name it"));
    };
    let foreseen = stored.operation == PlanOperation::Unlink
        && stored.comments.iter().map(String::as_str).eq(note);
    (!foreseen).then(|| others(stored))
}

/// Why nothing follows from an item that was not found: the plan foresaw no deletion.
pub(crate) fn lost_on_the_way(course: &Course, pass: &Pass, lost: &Lost) -> Option<Verdict> {
    let reviewed = course.reviewed()?;
    let is_foreseen = reviewed.write(pass.read, &lost.item).is_some_and(is_removal);
    (!is_foreseen).then(|| {
        refused(format_args!(
            "its {} item is not there any more, or hidden from this account",
            lost.side
        ))
    })
}
