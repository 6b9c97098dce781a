//! The writes of a decision: one side after the other, each with its intent and the revision that was read.

use std::sync::Arc;

use serde_json::Value;
use syncline_domain::ports::{Connector, ConnectorError, ErrorKind, StoreExt as _};
use syncline_domain::{
    Conflict, ConflictKind, Fault, FieldRef, Fields, Item, ItemId, Resolution, ResolutionChoice,
    STATUS_REF, Side, canonical,
};

use super::want::{Lane, Wanted, is_missing, lane, made, wanted};
use crate::adopt::shows;
use crate::agree::agreement;
use crate::clash::Closing;
use crate::course::Course;
use crate::deletes;
use crate::error::Stop;
use crate::known::{PairMemory, of_pairs};
use crate::merge::Stance;
use crate::page::at;
use crate::pass::{Pass, value_of};
use crate::people::{Asking, resolve};
use crate::plan::Planned;
use crate::record::{Fact, pair_after, put_facts};
use crate::write::{Answer, send};

/// How often both items are read anew: two writes, and an item that moved on meanwhile.
const TRIES: u32 = 5;

/// Ends the reason of a failure that passes by itself.
pub(crate) const LATER: &str = "; the next run tries again";

/// What became of a decision.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Done {
    /// Both trackers show it, and the conflict is closed.
    Applied,
    /// Not, and why; for people.
    NotYet(String),
}

/// Both directions of a configuration.
struct Passes {
    forward: Pass,
    backward: Pass,
}

impl Passes {
    const fn writing(&self, side: Side) -> &Pass {
        match side {
            Side::Target => &self.forward,
            Side::Source => &self.backward,
        }
    }
}

/// Carries a decision out, under the lease of the course.
pub(crate) async fn carry_out(
    course: &Course,
    ends: [&Arc<dyn Connector>; 2],
    conflict: &Conflict,
    resolution: &Resolution,
) -> Result<Done, Stop> {
    let run = conflict.execution_id;
    let passes = Passes {
        forward: Pass::prepare(&course.spec, Side::Source, ends, run, false)?,
        backward: Pass::prepare(&course.spec, Side::Target, ends, run, false)?,
    };
    match (conflict.kind, &conflict.field) {
        (ConflictKind::Deletion, _) => of_deletion(course, &passes, conflict, resolution).await,
        (ConflictKind::Field, Some(about)) => {
            of_field(course, &passes, conflict, about, resolution).await
        }
        (ConflictKind::Field | ConflictKind::TypeMismatch, _) => {
            Ok(Done::NotYet(NO_FIELD.to_owned()))
        }
    }
}

const NO_FIELD: &str = "no value can be written here: map the two types, give one item another type, or take the pair apart; \
     the conflict then closes by itself";

const NO_PAIR: &str = "the two items are no pair any more; nothing was written";

async fn of_deletion(
    course: &Course,
    passes: &Passes,
    conflict: &Conflict,
    resolution: &Resolution,
) -> Result<Done, Stop> {
    let memory = memory_of(course, conflict).await?;
    match (memory, conflict.deleted_side) {
        (Some(memory), Some(deleted)) => {
            let pass = passes.writing(deleted);
            Box::pin(deletes::carry_out(course, pass, &memory, conflict, resolution)).await
        }
        _ => Ok(Done::NotYet(NO_PAIR.to_owned())),
    }
}

async fn of_field(
    course: &Course,
    passes: &Passes,
    conflict: &Conflict,
    about: &FieldRef,
    resolution: &Resolution,
) -> Result<Done, Stop> {
    for _ in 0..TRIES {
        let scene = match look(course, passes, conflict, about, resolution).await? {
            Ok(scene) => scene,
            Err(why) => return Ok(Done::NotYet(why)),
        };
        match step(course, passes, scene, resolution).await? {
            Step::Over => return Ok(Done::Applied),
            Step::Failed(why) => return Ok(Done::NotYet(why)),
            Step::Again => {}
        }
    }
    let why = "the items were changed again and again while the decision was written";
    Ok(Done::NotYet(format!("{why}{LATER}")))
}

/// Both items as they are now, and what each must show.
struct Scene {
    about: FieldRef,
    forward: Option<Lane>,
    backward: Option<Lane>,
    wanted: Wanted,
}

type Looked = Result<Scene, String>;

/// Why nothing can be written of a field of a pair at the moment.
fn paused(pass: &Pass, memory: &PairMemory, about: &FieldRef) -> Option<String> {
    let (source, target) = (&memory.pair.source_type, &memory.pair.target_type);
    if let Some(why) = pass.types_paused(source, target) {
        return Some(why.to_owned());
    }
    let rules = pass.plan.pair_between(source, target)?;
    if rules.written_field(about).is_some() {
        return None;
    }
    pass.field_paused(rules, about).map(str::to_owned)
}

async fn look(
    course: &Course,
    passes: &Passes,
    conflict: &Conflict,
    about: &FieldRef,
    resolution: &Resolution,
) -> Result<Looked, Stop> {
    let Some(memory) = memory_of(course, conflict).await? else {
        return Ok(Err(NO_PAIR.to_owned()));
    };
    let source = one_item(&passes.forward, &conflict.source_item_id).await?;
    let target = one_item(&passes.backward, &conflict.target_item_id).await?;
    let (Some(source), Some(target)) = (source, target) else {
        let gone = "one of the items is not there, or this account may not see it; restore it, or take the pair apart";
        return Ok(Err(gone.to_owned()));
    };
    if let Some(why) = paused(&passes.forward, &memory, about) {
        return Ok(Err(format!("the mapping of this field is paused: {why}{LATER}")));
    }
    let mut forward = lane(&passes.forward, source.clone(), target.clone(), &memory, about);
    let mut backward = match passes.forward.two_way {
        true => lane(&passes.backward, target.clone(), source.clone(), &memory, about),
        false => None,
    };
    let given = match resolution.choice {
        ResolutionChoice::Base if conflict.base_value.is_null() && is_unknown(&memory, about) => {
            let why = "nobody knows what both sides agreed on last; choose a side or give a value";
            return Ok(Err(why.to_owned()));
        }
        // The row's own: a decision that is carried out by half has moved the bases.
        ResolutionChoice::Base => &conflict.base_value,
        _ => &resolution.value,
    };
    let value = canonical_value(forward.as_ref(), given);
    let mut turned = match (&backward, resolution.choice) {
        (Some(_), ResolutionChoice::Value | ResolutionChoice::Base) => {
            let told = with_value(target, about, &value);
            lane(&passes.backward, told, source, &memory, about)
        }
        _ => None,
    };
    let lanes = [
        (&passes.forward, forward.as_mut()),
        (&passes.backward, backward.as_mut()),
        (&passes.backward, turned.as_mut()),
    ];
    for (pass, lane) in lanes {
        let Some(lane) = lane else { continue };
        let people = &mut *course.people.lock().await;
        resolve(people, pass, std::slice::from_mut(&mut lane.open), Asking::Always).await?;
        made(lane);
    }
    let source_form = turned.and_then(|lane| lane.made);
    let (choice, lanes) = (resolution.choice, (forward.as_ref(), backward.as_ref()));
    let wanted = wanted(choice, &value, lanes.0, lanes.1, source_form);
    Ok(wanted.map(|wanted| Scene { about: about.clone(), forward, backward, wanted }))
}

fn is_unknown(memory: &PairMemory, about: &FieldRef) -> bool {
    memory.base(Side::Target, about).is_none()
}

fn canonical_value(forward: Option<&Lane>, value: &Value) -> Value {
    forward.map_or_else(|| value.clone(), |lane| canonical(value, lane.one.field_type))
}

/// The target item, as if it showed this value.
fn with_value(mut item: Item, about: &FieldRef, value: &Value) -> Item {
    if about.as_str() == STATUS_REF {
        item.status = value.as_str().map(str::to_owned);
    } else {
        item.fields.insert(about.clone(), value.clone());
    }
    item
}

async fn memory_of(course: &Course, conflict: &Conflict) -> Result<Option<PairMemory>, Fault> {
    let (config, pair) = (conflict.config_id, conflict.pair_id);
    let item = conflict.source_item_id.clone();
    course
        .parts
        .store
        .view("conflict_pair", move |tx| {
            let rows = tx.pairs_by_items(config, Side::Source, std::slice::from_ref(&item))?;
            Ok(of_pairs(tx, rows)?.remove(&pair))
        })
        .await
}

async fn one_item(pass: &Pass, id: &ItemId) -> Result<Option<Item>, Stop> {
    let found = pass.reader.fetch(std::slice::from_ref(id)).await;
    let found = found.map_err(|error| at(pass.read, error))?;
    Ok(found.into_iter().find(|item| item.id == *id))
}

/// How one step towards the decision ended.
enum Step {
    /// Both trackers show it.
    Over,
    /// Something was written, or an item had moved on: look again.
    Again,
    /// It cannot go on.
    Failed(String),
}

async fn step(
    course: &Course,
    passes: &Passes,
    scene: Scene,
    resolution: &Resolution,
) -> Result<Step, Stop> {
    let Scene { about, forward, backward, wanted } = scene;
    let to_target = is_missing(forward.as_ref(), wanted.target.as_ref());
    let to_source = is_missing(backward.as_ref(), wanted.source.as_ref());
    let closing = Closing {
        conflict: resolution.conflict_id,
        field: None,
        resolution: Resolution {
            value: wanted.target.clone().unwrap_or_else(|| resolution.value.clone()),
            ..resolution.clone()
        },
    };
    match (forward, backward, to_target, to_source) {
        (Some(lane), _, true, is_first) => {
            let value = wanted.target.unwrap_or_default();
            let closing = (!is_first).then_some((about, closing));
            write(course, passes.writing(Side::Target), lane, value, closing).await
        }
        (_, Some(lane), false, true) => {
            let value = wanted.source.unwrap_or_default();
            write(course, passes.writing(Side::Source), lane, value, Some((about, closing))).await
        }
        (Some(lane), ..) => settle(course, &passes.forward, lane, (about, closing)).await,
        (None, Some(lane), ..) => settle(course, &passes.backward, lane, (about, closing)).await,
        (None, None, ..) => {
            let why = "no rule writes this field any more; ignore the conflict, or map the field";
            Ok(Step::Failed(why.to_owned()))
        }
    }
}

/// Nothing is to be written: what both sides show is agreed on.
async fn settle(
    course: &Course,
    pass: &Pass,
    mut lane: Lane,
    closing: (FieldRef, Closing),
) -> Result<Step, Stop> {
    let Some(there) = lane.open.there.clone() else { return Ok(Step::Again) };
    lane.one.stance = Stance::Agreed;
    lane.one.mapped = lane.made.unwrap_or_default();
    let item = there.id.clone();
    let planned = Planned {
        stances: vec![lane.one],
        closings: vec![closing],
        is_partial: true,
        ..Planned::untouched(lane.open)
    };
    let now = course.now();
    let fact = Fact::Happened {
        intent: None,
        pair: Box::new(pair_after(pass, &planned.open, &there, now)),
        agreed: agreement(pass, &planned, Some(&there)),
        item,
    };
    put_facts(course, pass, "resolve", vec![fact], now).await?;
    Ok(Step::Over)
}

/// Writes one side. The first of two writes leaves the side that it writes with news for the other one, so that a run
/// completes the decision whatever happens in between.
async fn write(
    course: &Course,
    pass: &Pass,
    mut lane: Lane,
    value: Value,
    closing: Option<(FieldRef, Closing)>,
) -> Result<Step, Stop> {
    let is_last = closing.is_some();
    let field = lane.one.field.clone();
    let kind = lane.one.field_type;
    if is_last {
        lane.one.stance = Stance::Write { resolved: false };
        lane.one.mapped = value.clone();
    } else {
        lane.one.stance = Stance::Merged;
        lane.one.mapped = lane.made.unwrap_or_default();
        lane.one.merged = Some(value.clone());
    }
    let is_status = field.as_str() == STATUS_REF;
    let closings =
        closing.into_iter().map(|(about, closing)| (about, closing.once_shown(&field))).collect();
    let planned = Planned {
        stances: vec![lane.one],
        status: value.as_str().filter(|_| is_status).map(str::to_owned),
        fields: if is_status {
            Fields::new()
        } else {
            Fields::from([(field.clone(), value.clone())])
        },
        closings,
        is_partial: true,
        ..Planned::untouched(lane.open)
    };
    let mut sent = send(course, pass, &Arc::new(vec![planned])).await?;
    Ok(match sent.answers.remove(&0) {
        Some(Answer::Done(item)) => {
            let shown = value_of(&item, &field);
            match (shows(&value, &shown, kind), is_last) {
                (true, true) => Step::Over,
                (true, false) => Step::Again,
                (false, _) => Step::Failed(not_kept(pass.write, &field, &value, &shown)),
            }
        }
        Some(Answer::Refused(error)) if error.kind == ErrorKind::VersionConflict => Step::Again,
        Some(Answer::Refused(error)) => Step::Failed(refused(pass.write, &error)),
        Some(Answer::NotSent) | None => match sent.stop {
            Some(stop) => return Err(stop),
            None => Step::Failed(format!("the write was not sent{LATER}")),
        },
    })
}

fn not_kept(side: Side, field: &FieldRef, wanted: &Value, shown: &Value) -> String {
    format!(
        "the {side} kept {shown} in {field} where {wanted} was written; check its workflow and the \
         account's rights, then resolve again or choose another value"
    )
}

pub(crate) fn refused(side: Side, error: &ConnectorError) -> String {
    let passes = error.kind.stops_run() || error.kind == ErrorKind::Ambiguous;
    let later = if passes { LATER } else { "" };
    format!("{side}: {}{later}", error.for_people())
}

/// Why a decision stopped on its way, for people.
pub(super) fn stopped(stop: &Stop) -> String {
    match stop {
        Stop::Connector { side, error } => refused(*side, error),
        other => format!("{other}{LATER}"),
    }
}

/// Keeps the reason with the decision.
pub(super) async fn note(course: &Course, resolution: &Resolution, why: &str) -> Result<(), Stop> {
    let row = Resolution { error: Some(why.to_owned()), ..resolution.clone() };
    course.fenced("note_resolution", move |tx| tx.update_resolution(&row)).await
}
