//! What each side must show for a decision: pure, from both items as they are now.

use serde_json::Value;
use syncline_domain::{FieldRef, Fields, Item, ResolutionChoice, STATUS_REF, Side};
use syncline_mapping::{CompiledPair, Occasion};

use crate::known::PairMemory;
use crate::merge::alike;
use crate::pass::{Pass, value_of};
use crate::plan::Open;
use crate::stance::{FieldStance, field_stance, status_stance};
use crate::twins::made_for;

/// One direction of the field that is decided about.
pub(super) struct Lane {
    /// The item that is read, and the one that would be written.
    pub(super) open: Open,
    /// The field of the writing side; what the rules make of the reading side is its mapped value.
    pub(super) one: FieldStance,
    /// What the rules make of the reading side; `None` where they cannot.
    pub(super) made: Option<Value>,
}

impl Lane {
    /// What the writing side shows now.
    pub(super) fn now(&self) -> Value {
        self.open.there.as_ref().map(|there| value_of(there, &self.one.field)).unwrap_or_default()
    }

    /// Why the rules make nothing of the reading side.
    pub(super) fn fault(&self) -> String {
        let faults = &self.open.mapped.faults;
        let fault = faults.iter().find(|fault| fault.field == self.one.field);
        fault.map_or_else(
            || format!("the rules make no value for {}", self.one.field),
            |fault| format!("{}: {}", fault.field, fault.message),
        )
    }
}

/// The direction in which `pass` reads, where a rule or the status mapping writes the field in it.
pub(super) fn lane(
    pass: &Pass,
    item: Item,
    there: Item,
    memory: &PairMemory,
    about: &FieldRef,
) -> Option<Lane> {
    let rules = pass.rules_between(&item.type_ref, &there.type_ref)?;
    let mapped = pass.plan.map_with(rules, &item, Occasion::Update, &pass.context);
    let one = stance_about(pass, rules, about)?;
    let open = Open {
        item,
        mapped,
        memory: Some(memory.clone()),
        there: Some(there),
        linked: false,
        tries: 0,
        people: Fields::new(),
    };
    Some(Lane { open, one, made: None })
}

/// The field that is written in this direction; conflicts know it by the target's name.
fn stance_about(pass: &Pass, rules: &CompiledPair, about: &FieldRef) -> Option<FieldStance> {
    let mut one = if about.as_str() == STATUS_REF {
        status_stance(rules.writes_status().then_some("")?)
    } else {
        let mut written = rules.written().iter();
        let written = written.find(|written| match pass.read {
            Side::Source => written.field == *about,
            Side::Target => written.sources == [about.clone()],
        })?;
        field_stance(written, Value::Null)
    };
    one.about = about.clone();
    one.twin = pass.twins.of_field(rules, &one.field).map(|twin| twin.field);
    "a person's decision".clone_into(&mut one.rule);
    Some(one)
}

/// What the rules make of the reading side, people found.
pub(super) fn made(lane: &mut Lane) {
    lane.made = made_for(&lane.open.mapped, &lane.one.field);
}

/// The values that both sides must show; `None` where a side stays as it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wanted {
    pub(super) source: Option<Value>,
    pub(super) target: Option<Value>,
}

/// What a choice asks for; `value` is the one that was given, or the last one both agreed on, and `source_form` its way
/// back.
///
/// # Errors
/// Why it cannot be carried out, for people.
pub(super) fn wanted(
    choice: ResolutionChoice,
    value: &Value,
    forward: Option<&Lane>,
    backward: Option<&Lane>,
    source_form: Option<Value>,
) -> Result<Wanted, String> {
    let no_way =
        || "no rule writes this field any more; choose the side whose value is right".to_owned();
    match choice {
        ResolutionChoice::Source => {
            let Some(lane) = forward else { return Ok(Wanted { source: None, target: None }) };
            let made = lane.made.clone().ok_or_else(|| lane.fault())?;
            Ok(Wanted { source: None, target: Some(made) })
        }
        ResolutionChoice::Target => {
            let Some(lane) = backward else { return Ok(Wanted { source: None, target: None }) };
            let made = lane.made.clone().ok_or_else(|| lane.fault())?;
            Ok(Wanted { source: Some(made), target: None })
        }
        ResolutionChoice::Base | ResolutionChoice::Value => {
            forward.ok_or_else(no_way)?;
            if let (Some(lane), None) = (backward, &source_form) {
                return Err(lane.fault());
            }
            Ok(Wanted { source: source_form, target: Some(value.clone()) })
        }
        ResolutionChoice::Agreement => {
            Err("nobody has decided yet; choose a side or give a value".to_owned())
        }
    }
}

/// Whether the side does not show the wanted value yet.
pub(super) fn is_missing(lane: Option<&Lane>, wanted: Option<&Value>) -> bool {
    let (Some(lane), Some(wanted)) = (lane, wanted) else { return false };
    !alike(wanted, &lane.now(), lane.one.field_type)
        && !crate::adopt::shows(wanted, &lane.now(), lane.one.field_type)
}
