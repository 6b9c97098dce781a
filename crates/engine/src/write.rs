//! Writes on their way: intents first, then the calls, and each answer recorded as soon as it is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream;
use syncline_domain::ports::{ConnectorError, ErrorKind, Marker, Write, WriteKind};
use syncline_domain::{
    FieldRef, Fields, Intent, IntentId, IntentPlan, IntentState, Item, OpId, WriteOp,
};

use crate::agree::agreed_by_merge;
use crate::course::Course;
use crate::error::Stop;
use crate::lease::Keeper;
use crate::pass::{Pass, input_of};
use crate::plan::Planned;
use crate::points;
use crate::record::{Finished, record};
use crate::stance::is_write;

/// How one write ended.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// The tracker did it and shows this item.
    Done(Box<Item>),
    /// It did not, or nobody knows.
    Refused(ConnectorError),
    /// It was never sent.
    NotSent,
}

/// A write with its intent.
struct Ready {
    at: usize,
    intent: IntentId,
    write: Write,
}

/// What became of a batch of writes.
#[derive(Default)]
pub(crate) struct Sent {
    /// By the place of the planned write.
    pub(crate) answers: BTreeMap<usize, Answer>,
    /// Why nothing more was sent.
    pub(crate) stop: Option<Stop>,
}

/// Records intents, sends the writes and records the answers.
///
/// # Errors
/// When the run must end at once, with everything left as it is for the next run to find.
pub(crate) async fn send(
    course: &Course,
    pass: &Pass,
    planned: &Arc<Vec<Planned>>,
) -> Result<Sent, Stop> {
    if planned.is_empty() {
        return Ok(Sent::default());
    }
    course.reach(points::INTENTS_BEFORE_COMMIT)?;
    course.may_go_on().await?;
    let ready = put_intents(course, pass, planned).await?;
    course.reach(points::INTENTS_AFTER_COMMIT)?;

    let size = pass.writer_can.write_batch.max(1);
    let shared = Shared { course, pass, keeper: course.keeper() };
    let mut sent = Sent::default();
    let calls: Vec<_> = ready.chunks(size).map(|chunk| call(&shared, chunk)).collect();
    let mut waves =
        stream::iter(calls).buffer_unordered(pass.concurrency()).ready_chunks(pass.concurrency());
    while let Some(wave) = waves.next().await {
        let mut finished = Vec::new();
        for done in wave {
            let (answers, stop) = done?;
            sent.stop = sent.stop.or(stop);
            finished.extend(answers);
        }
        for one in &finished {
            sent.answers.insert(one.at, one.answer.clone());
        }
        record(course, pass, planned, finished).await?;
        course.reach(points::WRITE_AFTER_COMMIT)?;
        if let Err(stop) = course.may_go_on().await {
            course.halt(&stop);
            match stop {
                Stop::LeaseLost | Stop::Crash(_) | Stop::Store(_) => return Err(stop),
                other => sent.stop = sent.stop.or(Some(other)),
            }
        }
    }
    Ok(sent)
}

/// What all calls of a batch share.
struct Shared<'a> {
    course: &'a Course,
    pass: &'a Pass,
    keeper: Option<Arc<Keeper>>,
}

type Called = Result<(Vec<Finished>, Option<Stop>), Stop>;

async fn call(shared: &Shared<'_>, chunk: &[Ready]) -> Called {
    let finish = |one: &Ready, answer| Finished { at: one.at, intent: one.intent, answer };
    if let Some(keeper) = &shared.keeper {
        keeper.ensure().await?;
    }
    if let Some(stop) = shared.course.halted() {
        return Ok((chunk.iter().map(|one| finish(one, Answer::NotSent)).collect(), Some(stop)));
    }
    shared.course.reach(points::WRITE_BEFORE_CALL)?;
    let writes: Vec<Write> = chunk.iter().map(|one| one.write.clone()).collect();
    let mut outcomes = shared.pass.writer.apply(&writes).await.into_iter();
    shared.course.reach(points::WRITE_AFTER_CALL)?;
    let mut stop = None;
    let mut finished = Vec::with_capacity(chunk.len());
    for one in chunk {
        let answer = match outcomes.next().unwrap_or_else(|| Err(no_answer())) {
            Ok(item) => Answer::Done(Box::new(item)),
            Err(error) => {
                if error.kind.stops_run() {
                    let at_fault =
                        Stop::Connector { side: shared.pass.write, error: error.clone() };
                    shared.course.halt(&at_fault);
                    stop = Some(at_fault);
                }
                Answer::Refused(error)
            }
        };
        finished.push(finish(one, answer));
    }
    Ok((finished, stop))
}

fn no_answer() -> ConnectorError {
    ConnectorError::new(ErrorKind::Ambiguous, "the tracker gave no answer for this write")
}

async fn put_intents(
    course: &Course,
    pass: &Pass,
    planned: &[Planned],
) -> Result<Vec<Ready>, Stop> {
    let now = course.now();
    let writes: Vec<Write> = planned.iter().map(|one| to_send(course, pass, one)).collect();
    let intents: Vec<Intent> = planned
        .iter()
        .zip(&writes)
        .map(|(one, write)| Intent {
            id: IntentId(0),
            config_id: pass.spec.config.id,
            execution_id: course.execution.id,
            op_id: write.op_id.clone(),
            op: if one.is_create() { WriteOp::Create } else { WriteOp::Update },
            side: pass.write,
            from_item_id: one.open.item.id.clone(),
            item_id: match &write.kind {
                WriteKind::Create { .. } => None,
                WriteKind::Update { id, .. } | WriteKind::Delete { id, .. } => Some(id.clone()),
            },
            plan: IntentPlan::V1 {
                type_ref: one.is_create().then(|| one.open.mapped.type_ref.clone()),
                status: write.status.clone(),
                fields: write.fields.clone(),
                comment: None,
                from_comment_id: None,
                agreed: agreed_by_merge(pass, one),
                seen: seen(pass, one),
                made_from: made_from(one),
                expected: write.kind.expected().cloned(),
            },
            state: IntentState::Open,
            created_at: now,
        })
        .collect();
    let ids = course.fenced("put_intents", move |tx| tx.insert_intents(&intents)).await?;
    let ready = writes.into_iter().zip(ids).enumerate();
    Ok(ready.map(|(at, (write, intent))| Ready { at, intent, write }).collect())
}

/// What the reading side shows of the fields that the written values were made from. A field that also waits for a
/// person is left out: its base must not move.
fn seen(pass: &Pass, planned: &Planned) -> Fields {
    let open = &planned.open;
    let Some(rules) = pass.rules_between(&open.item.type_ref, &open.mapped.type_ref) else {
        return Fields::new();
    };
    let waits = |field: &FieldRef| {
        planned.stances.iter().any(|one| one.stance.blocks() && one.sources.contains(field))
    };
    let written = planned.stances.iter().filter(|one| is_write(one));
    let sources = written.flat_map(|one| &one.sources).filter(|field| !waits(field));
    sources.map(|field| (field.clone(), input_of(rules, &open.item, field))).collect()
}

/// From which fields of the reading side each written value was made.
fn made_from(planned: &Planned) -> BTreeMap<FieldRef, Vec<FieldRef>> {
    let written = planned.stances.iter().filter(|one| is_write(one));
    written.map(|one| (one.field.clone(), one.sources.clone())).collect()
}

/// What is sent: what a reviewed plan holds, as it is stored, and otherwise what was planned now.
fn to_send(course: &Course, pass: &Pass, planned: &Planned) -> Write {
    let stored = course
        .reviewed()
        .and_then(|reviewed| reviewed.write(pass.read, &planned.open.item.id)?.write());
    stored.unwrap_or_else(|| write_of(pass, planned, course.parts.ids.op_id()))
}

pub(crate) fn write_of(pass: &Pass, planned: &Planned, op_id: OpId) -> Write {
    let open = &planned.open;
    let kind = match open.memory.as_ref().and_then(|memory| {
        Some((memory.pair.item(pass.write)?.clone(), memory.pair.version(pass.write).clone()))
    }) {
        Some((id, known)) => WriteKind::Update {
            id,
            expected: Some(open.there.as_ref().map_or(known, |there| there.version.clone())),
        },
        None => WriteKind::Create { type_ref: open.mapped.type_ref.clone() },
    };
    let marker = pass
        .marker_field()
        .filter(|_| planned.is_create())
        .map(|field| Marker { field: field.clone(), value: op_id.to_string() });
    Write { op_id, kind, status: planned.status.clone(), fields: planned.fields.clone(), marker }
}
