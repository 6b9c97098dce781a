//! What is to become of one item: pure, from what was read and what is known.

use serde_json::Value;
use syncline_domain::{
    Change, Conflict, ConflictKind, ErrorType, FieldRef, Fields, Item, ItemError, ItemState,
    PairState, STATUS_REF, Side, TargetEdits, Timestamp,
};
use syncline_mapping::{CompiledPair, Mapped, Occasion};

use crate::clash::{self, Closing};
use crate::deletes::{self, Displaced};
use crate::known::{Known, PairMemory};
use crate::merge::{Policy, Stance};
use crate::outcome::{RetryMove, Verdict};
use crate::pass::{Pass, value_of};
use crate::retry::{backoff, is_quarantined};
use crate::stance::{
    FieldStance, Scene, created_stances, input_changed, is_write, paired_stances, status_changed,
};

/// An item for which something may have to be done.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    /// The item, as read.
    pub(crate) item: Item,
    /// What the rules make of it.
    pub(crate) mapped: Mapped,
    /// Its pair.
    pub(crate) memory: Option<PairMemory>,
    /// Its copy as it is now, when somebody looked.
    pub(crate) there: Option<Item>,
    /// It was joined with its copy in this run.
    pub(crate) linked: bool,
    /// How often its copy had moved on when we came to write.
    pub(crate) tries: u32,
    /// The people among its values, as the rules named them.
    pub(crate) people: Fields,
}

/// After the first look at an item.
pub(crate) enum Look {
    /// It is settled.
    Done(Verdict),
    /// Its type no longer goes with that of its copy.
    Clash(Verdict, Box<Conflict>),
    /// There may be something to do.
    Open(Box<Open>),
}

/// Looks at an item with what the store knows of it.
pub(crate) fn first_look(pass: &Pass, known: &Known, item: Item, now: Timestamp) -> Look {
    let memory = known.pair(&item.id);
    let usual = match (pass.plan.pair_for(&item.type_ref), pass.type_paused(&item.type_ref)) {
        (usual, Some(why)) if memory.is_none() || usual.is_none() => {
            return Look::Done(Verdict::paused(why));
        }
        (Some(usual), _) => usual,
        (None, _) => {
            let why = format!("type {:?} is not mapped", item.type_ref);
            return Look::Done(Verdict::filtered(why));
        }
    };
    if memory.is_some_and(|memory| memory.pair.state == PairState::Ignored) {
        let tombstone = memory.and_then(PairMemory::tombstone);
        return Look::Done(Verdict::filtered(
            tombstone.map_or_else(deletes::by_hand, deletes::resting),
        ));
    }
    let rules = match memory {
        Some(memory) => match pass.rules_between(&item.type_ref, written_type(pass, memory)) {
            Some(rules) => rules,
            None => {
                return match pass.types_paused(&item.type_ref, written_type(pass, memory)) {
                    Some(why) => Look::Done(Verdict::paused(why)),
                    None => types_clash(pass, memory, &item, now),
                };
            }
        },
        None => usual,
    };
    if let Some(retry) = known.retry(&item.id).filter(|r| is_quarantined(r, item.changed_at, now)) {
        let verdict = Verdict {
            error: Some(retry.error.clone()),
            retry: RetryMove::Keep,
            ..Verdict::well(ItemState::Quarantined)
        };
        return Look::Done(verdict);
    }
    if let Some(why) = item.status.as_deref().and_then(|status| rules.status_paused(status)) {
        return Look::Done(Verdict::paused(why));
    }
    match memory {
        Some(memory)
            if !pass.is_thorough
                && is_quiet(pass, rules, &item, memory)
                && (!pass.full || is_settled(pass, rules, memory)) =>
        {
            return Look::Done(Verdict::well(ItemState::Unchanged));
        }
        None if known.has_visited(&item.id) => {
            let why = "its family of copies has a member on the other side already";
            return Look::Done(Verdict::filtered(why));
        }
        None if known.may_be_a_copy(&item) => {
            let why = "it may be a copy that was just made and is not recorded yet";
            let later = RetryMove::Later(now.after(backoff(0)));
            return Look::Done(Verdict::waiting(why, None, later));
        }
        _ => {}
    }
    let (plan, context) = (&pass.plan, &pass.context);
    let mapped = match memory {
        Some(_) => plan.map_with(rules, &item, Occasion::Update, context),
        // All of a new copy is told in its history.
        None => plan.map_traced_with(rules, &item, Occasion::Create, context),
    };
    match mapping_fault(&mapped) {
        Some(error) => Look::Done(match lacks_paused(pass, rules, &mapped) {
            Some(why) => Verdict::paused(why),
            None => Verdict::failed(error),
        }),
        None => Look::Open(Box::new(Open {
            memory: memory.cloned(),
            item,
            mapped,
            there: None,
            linked: false,
            tries: 0,
            people: Fields::new(),
        })),
    }
}

fn types_clash(pass: &Pass, memory: &PairMemory, item: &Item, now: Timestamp) -> Look {
    let conflict = clash::of_types(pass, memory, item, written_type(pass, memory), now);
    let known = memory.conflict_of(ConflictKind::TypeMismatch);
    if known.is_some_and(|row| clash::is_old_news(row, &conflict)) {
        return Look::Done(Verdict::well(ItemState::Unchanged).by_rule("an ignored type mismatch"));
    }
    Look::Clash(Verdict::conflicted(conflict.reason.clone()), Box::new(conflict))
}

/// The mismatch of types that this look finds gone.
pub(crate) fn fits_again(pass: &Pass, memory: &PairMemory, item: &Item) -> Option<Closing> {
    let row = memory.conflict_of(ConflictKind::TypeMismatch)?;
    pass.rules_between(&item.type_ref, written_type(pass, memory))?;
    let why = "the two types are mapped to each other again";
    Some(Closing::by_agreement(row.id, Value::Null, why))
}

fn written_type<'a>(pass: &Pass, memory: &'a PairMemory) -> &'a str {
    match pass.write {
        Side::Source => &memory.pair.source_type,
        Side::Target => &memory.pair.target_type,
    }
}

/// Why an item cannot be made: all that it lacks are required fields whose rules are paused.
fn lacks_paused<'a>(pass: &'a Pass, rules: &CompiledPair, mapped: &Mapped) -> Option<&'a str> {
    let mut why = None;
    for fault in &mapped.faults {
        if rules.written_field(&fault.field).is_some() {
            return None;
        }
        why = Some(pass.field_paused(rules, &fault.field)?);
    }
    why
}

pub(crate) fn mapping_fault(mapped: &Mapped) -> Option<ItemError> {
    Some(ItemError {
        error_type: ErrorType::Mapping,
        message: mapped.fault_text()?,
        field: mapped.faults.first().map(|fault| fault.field.clone()),
    })
}

/// Whether nothing that the rules read differs from its base: the item is as it was, or shows our own writing.
fn is_quiet(pass: &Pass, rules: &CompiledPair, item: &Item, memory: &PairMemory) -> bool {
    let same_version = item.version == *memory.pair.version(pass.read);
    let nothing_waits = same_version || !memory.conflicts.iter().any(|row| row.field.is_some());
    nothing_waits
        && rules.written().iter().all(|written| {
            (same_version || !pass.is_open_ended(written))
                && written
                    .sources
                    .iter()
                    .all(|field| !input_changed(pass, rules, item, memory, field))
        })
        && (!rules.writes_status() || !status_changed(pass, item, memory))
}

/// Whether the copy has everything that the rules make of a quiet item: no field waits for an update, for a person who
/// was not found, or for a value that depends on more than the item.
fn is_settled(pass: &Pass, rules: &CompiledPair, memory: &PairMemory) -> bool {
    rules.written().iter().all(|written| {
        let base = memory.base(pass.write, &written.field);
        base.is_some_and(|base| !written.is_identity() || !base.is_null())
            && !pass.is_open_ended(written)
    }) && (!rules.writes_status() || memory.base(pass.write, &pass.status).is_some())
}

/// A write that was planned.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) open: Open,
    pub(crate) stances: Vec<FieldStance>,
    pub(crate) status: Option<String>,
    pub(crate) fields: Fields,
    pub(crate) changes: Vec<Change>,
    /// Conflicts that the configured strategy settled.
    pub(crate) resolved: u64,
    /// Fields that wait for a person.
    pub(crate) clashes: Vec<Conflict>,
    /// Conflicts that are done with once this comes true, each with the field that it is about.
    pub(crate) closings: Vec<(FieldRef, Closing)>,
    /// The copy has something to say that nobody would ask it for.
    pub(crate) ask_copy: bool,
    /// Nothing but the named fields is decided about: other bases stay.
    pub(crate) is_partial: bool,
    /// The pair that gives way to the one of a new copy.
    pub(crate) in_place_of: Option<Box<Displaced>>,
}

impl Planned {
    /// A plan that writes nothing.
    pub(crate) const fn untouched(open: Open) -> Self {
        Self {
            open,
            stances: Vec::new(),
            status: None,
            fields: Fields::new(),
            changes: Vec::new(),
            resolved: 0,
            clashes: Vec::new(),
            closings: Vec::new(),
            ask_copy: false,
            is_partial: false,
            in_place_of: None,
        }
    }

    pub(crate) const fn is_create(&self) -> bool {
        self.open.memory.is_none()
    }
}

/// What is to be done about an open item.
pub(crate) enum Decision {
    /// Its copy must be looked at first.
    LookFirst(Box<Open>),
    /// Nothing is to be written; bases may move.
    Nothing(Box<Planned>),
    /// Something is to be written.
    Write(Box<Planned>),
}

/// Decides field by field.
pub(crate) fn plan_item(pass: &Pass, open: Open, now: Timestamp) -> Decision {
    let Some(rules) = pass.rules_between(&open.item.type_ref, &open.mapped.type_ref) else {
        return Decision::Nothing(Box::new(Planned::untouched(open)));
    };
    let stances = match &open.memory {
        None => created_stances(rules, &open),
        Some(memory) => paired_stances(&Scene::new(pass, rules, &open, memory, now)),
    };
    if open.memory.is_some() && open.there.is_none() && must_look(pass, &open, &stances) {
        return Decision::LookFirst(Box::new(open));
    }
    let (clashes, closings, ask_copy) = match &open.memory {
        Some(memory) => {
            let scene = Scene::new(pass, rules, &open, memory, now);
            (found(&scene, &stances), done_with(&scene, &stances), speaks_there(memory, &stances))
        }
        None => (Vec::new(), Vec::new(), false),
    };
    let planned = assemble(pass.write, open, stances);
    let planned = Planned { clashes, closings, ask_copy, ..planned };
    if planned.is_create() || planned.status.is_some() || !planned.fields.is_empty() {
        Decision::Write(Box::new(planned))
    } else {
        Decision::Nothing(Box::new(planned))
    }
}

/// Whether the copy must be read before the item is decided about.
///
/// Not for the sake of lost updates: the write names the revision that we know, and a tracker without a check of
/// revisions has its connector compare right before it writes.
fn must_look(pass: &Pass, open: &Open, stances: &[FieldStance]) -> bool {
    let memory = open.memory.as_ref();
    let waits = |row: &Conflict| row.kind != ConflictKind::TypeMismatch;
    if memory.is_some_and(|memory| memory.conflicts.iter().any(waits)) {
        return true;
    }
    if pass.two_way && stances.iter().any(|one| one.stance == Stance::Conflict) {
        return true;
    }
    let mut writes = stances.iter().filter(|one| is_write(one) && !one.passive).peekable();
    if writes.peek().is_none() {
        return false;
    }
    let keeps = matches!(pass.policy_one_way(), Policy::OneWay(TargetEdits::Keep));
    let unknown = |one: &FieldStance| {
        memory.is_none_or(|memory| memory.base(pass.write, &one.field).is_none())
    };
    pass.two_way || keeps || writes.any(unknown)
}

/// The fields that wait for a person.
fn found(scene: &Scene<'_>, stances: &[FieldStance]) -> Vec<Conflict> {
    let seen = (&scene.open.item, scene.open.there.as_ref());
    stances
        .iter()
        .filter(|one| one.stance == Stance::Conflict)
        .map(|one| {
            let sides = scene.sides(one);
            clash::about_field(scene.pass, seen, scene.memory, one, sides, scene.now)
        })
        .collect()
}

/// The conflicts that are over: both sides say the same, or only one still differs from what they agreed on last.
fn done_with(scene: &Scene<'_>, stances: &[FieldStance]) -> Vec<(FieldRef, Closing)> {
    if scene.open.there.is_none() {
        return Vec::new();
    }
    let of_one = |one: &FieldStance| {
        let row = scene.memory.conflict(&one.about)?;
        let value = match scene.pass.write {
            Side::Target => one.value().clone(),
            Side::Source => scene.sides(one).target,
        };
        let closing = match (one.stance, one.strategy) {
            (Stance::Agreed, _) => {
                Closing::by_agreement(row.id, value, "both sides say the same again")
            }
            (Stance::Silent, _) if !one.other_moved => {
                Closing::by_agreement(row.id, value, "both sides went back to what they agreed on")
            }
            (Stance::Write { resolved: true }, Some(strategy)) => {
                Closing::by_strategy(row.id, value, scene.pass.read, strategy)
                    .once_shown(&one.field)
            }
            (Stance::Write { .. }, _) => {
                let why = "only one side still differed from what they agreed on last";
                Closing::by_agreement(row.id, value, why).once_shown(&one.field)
            }
            _ => return None,
        };
        Some((one.about.clone(), closing))
    };
    stances.iter().filter_map(of_one).collect()
}

/// Whether the copy's value of a field that was in conflict is to travel now: the walk may have named the copy long ago.
fn speaks_there(memory: &PairMemory, stances: &[FieldStance]) -> bool {
    stances.iter().any(|one| {
        let speaks = match one.stance {
            Stance::Silent => one.other_moved && one.twin.is_some(),
            Stance::Left { .. } => true,
            _ => false,
        };
        speaks && memory.conflict(&one.about).is_some()
    })
}

fn assemble(write: Side, open: Open, mut stances: Vec<FieldStance>) -> Planned {
    if !stances.iter().any(|one| is_write(one) && !one.passive) {
        for one in stances.iter_mut().filter(|one| one.passive) {
            one.stance = Stance::Silent;
        }
    }
    let mut planned = Planned::untouched(open);
    for one in &stances {
        match one.stance {
            Stance::Write { .. } | Stance::Merged => {
                let resolved = one.stance == Stance::Write { resolved: true };
                planned.resolved += u64::from(resolved);
                planned.changes.push(Change {
                    field: one.field.clone(),
                    old: old_value(write, &planned.open, one),
                    new: one.value().clone(),
                    rule: match one.merged {
                        Some(_) => format!("both sides' changes, merged; {}", one.rule),
                        None => one.rule.clone(),
                    },
                });
                match one.value() {
                    Value::String(status) if one.field.as_str() == STATUS_REF => {
                        planned.status = Some(status.clone());
                    }
                    value => drop(planned.fields.insert(one.field.clone(), value.clone())),
                }
            }
            Stance::Left { resolved } => planned.resolved += u64::from(resolved),
            Stance::Silent | Stance::Agreed | Stance::Kept | Stance::Conflict | Stance::Ignored => {
            }
        }
    }
    planned.stances = stances;
    planned
}

fn old_value(write: Side, open: &Open, one: &FieldStance) -> Value {
    match (&open.there, &open.memory) {
        (Some(there), _) => value_of(there, &one.field),
        (None, Some(memory)) => memory.base(write, &one.field).cloned().unwrap_or(Value::Null),
        (None, None) => Value::Null,
    }
}
