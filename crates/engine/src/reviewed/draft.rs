//! What a preview would write, as rows of a plan.

use std::collections::BTreeSet;

use syncline_domain::ports::{Write, WriteKind};
use syncline_domain::{
    ItemId, OpId, PlanId, PlanOperation, PlanWriteId, PlannedWrite, Side, Version,
};

use crate::course::{Course, Mode};
use crate::outcome::Settled;
use crate::pass::Pass;
use crate::plan::Planned;
use crate::write::write_of;

/// What would be sent for one item.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Draft {
    operation: PlanOperation,
    written_side: Side,
    op_id: OpId,
    write: Option<Write>,
    /// The reading side's revision, where there is an item.
    read_version: Option<Version>,
    /// The writing side's revision, where there is an item.
    write_version: Option<Version>,
    comments: Vec<String>,
}

fn is_wanted(course: &Course) -> bool {
    course.mode == Mode::Preview
}

/// The draft of a create, an update or a link; previews only.
pub(crate) fn of_planned(course: &Course, pass: &Pass, planned: &Planned) -> Option<Box<Draft>> {
    if !is_wanted(course) {
        return None;
    }
    let open = &planned.open;
    let operation = match (planned.is_create(), open.linked) {
        (true, _) => PlanOperation::Create,
        (false, true) => PlanOperation::Link,
        (false, false) => PlanOperation::Update,
    };
    let op_id = course.parts.ids.op_id();
    let write = write_of(pass, planned, op_id.clone());
    let write_version = match &write.kind {
        WriteKind::Create { .. } => None,
        WriteKind::Update { expected, .. } | WriteKind::Delete { expected, .. } => expected.clone(),
    };
    Some(Box::new(Draft {
        operation,
        written_side: pass.write,
        op_id,
        write: Some(write),
        read_version: Some(open.item.version.clone()),
        write_version,
        comments: Vec::new(),
    }))
}

/// The draft of a write that follows a deletion; previews only.
pub(crate) fn of_removal(course: &Course, side: Side, write: Write) -> Option<Box<Draft>> {
    let (operation, expected) = match &write.kind {
        WriteKind::Delete { expected, .. } => (PlanOperation::Delete, expected.clone()),
        WriteKind::Update { expected, .. } => (PlanOperation::Close, expected.clone()),
        WriteKind::Create { .. } => return None,
    };
    is_wanted(course).then(|| {
        Box::new(Draft {
            operation,
            written_side: side,
            op_id: write.op_id.clone(),
            write: Some(write),
            read_version: None,
            write_version: expected,
            comments: Vec::new(),
        })
    })
}

/// The draft of a note that an item is no longer synced; previews only.
pub(crate) fn of_note(course: &Course, side: Side, note: &str) -> Option<Box<Draft>> {
    is_wanted(course).then(|| {
        Box::new(Draft {
            operation: PlanOperation::Unlink,
            written_side: side,
            op_id: course.parts.ids.op_id(),
            write: None,
            read_version: None,
            write_version: None,
            comments: vec![note.to_owned()],
        })
    })
}

/// The writes of a plan, in the order in which a run would come to them; an item is removed once, though both ways of
/// looking at its pair come to it.
pub(crate) fn writes_of(settled: &[Settled]) -> Vec<PlannedWrite> {
    let mut removed: BTreeSet<(Side, ItemId)> = BTreeSet::new();
    let mut seen: BTreeSet<(Side, ItemId)> = BTreeSet::new();
    let mut writes = Vec::new();
    for one in settled {
        let Some(write) = one.draft.as_ref().map(|draft| written(one, draft)) else { continue };
        let twice = super::is_removal(&write)
            && write
                .item(write.written_side)
                .is_some_and(|item| !removed.insert((write.written_side, item.clone())));
        if !twice && seen.insert((write.read_side, one.item.clone())) {
            writes.push(write);
        }
    }
    writes
}

fn written(settled: &Settled, draft: &Draft) -> PlannedWrite {
    let outcome = &settled.outcome;
    let version = |side: Side| {
        // What follows a deletion knows the revision of the item that is left, whichever side was read.
        match side == draft.written_side {
            true => draft.write_version.clone(),
            false => draft.read_version.clone(),
        }
    };
    let write = draft.write.as_ref();
    PlannedWrite {
        id: PlanWriteId(0),
        plan_id: PlanId(0),
        read_side: outcome.side,
        written_side: draft.written_side,
        operation: draft.operation,
        op_id: draft.op_id.clone(),
        source_id: outcome.source_id.clone(),
        target_id: outcome.target_id.clone(),
        source_version: version(Side::Source),
        target_version: version(Side::Target),
        item_type: outcome.type_ref.clone(),
        title: outcome.title.clone(),
        type_ref: write.and_then(|write| match &write.kind {
            WriteKind::Create { type_ref } => Some(type_ref.clone()),
            WriteKind::Update { .. } | WriteKind::Delete { .. } => None,
        }),
        status: write.and_then(|write| write.status.clone()),
        fields: write.map(|write| write.fields.clone()).unwrap_or_default(),
        marker_field: write.and_then(|write| Some(write.marker.as_ref()?.field.clone())),
        comments: draft.comments.clone(),
        changes: outcome.changes.clone(),
        rule: outcome.rule.clone(),
    }
}
