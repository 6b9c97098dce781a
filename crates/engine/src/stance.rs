//! What is to become of each field of an item: the merge of one field, fed from bases, rules and items.

use std::borrow::Cow;
use std::cell::OnceCell;

use serde_json::Value;
use syncline_domain::{
    ConflictResolution, FieldRef, FieldType, Item, STATUS_REF, Side, Timestamp, When, fingerprint,
    same,
};
use syncline_mapping::{CompiledPair, Mapped, WrittenField};

use crate::breaker::Trail;
use crate::clash::is_ignored;
use crate::known::PairMemory;
use crate::merge::{Decided, FieldView, Policy, Stance, decide, moved};
use crate::pass::{Pass, input_of, value_of};
use crate::plan::Open;
use crate::twins::made_for;

/// A field with what is to become of it.
#[derive(Clone, Debug)]
pub(crate) struct FieldStance {
    pub(crate) field: FieldRef,
    pub(crate) stance: Stance,
    pub(crate) mapped: Value,
    /// The value made of both sides' changes, where that is written instead.
    pub(crate) merged: Option<Value>,
    pub(crate) field_type: FieldType,
    pub(crate) sources: Vec<FieldRef>,
    /// The target's name for it, by which conflicts know it.
    pub(crate) about: FieldRef,
    /// The field of the reading side that its values travel back to.
    pub(crate) twin: Option<FieldRef>,
    /// The strategy that decides what clashes.
    pub(crate) strategy: Option<ConflictResolution>,
    pub(crate) rule: String,
    /// It gets a value when others do, never by itself.
    pub(crate) passive: bool,
    /// The writing side was changed since both were in step.
    pub(crate) other_moved: bool,
    /// Why a person must decide.
    pub(crate) note: Option<String>,
    /// Our last writes of the field, once this comes true.
    pub(crate) trail: Option<Trail>,
}

impl FieldStance {
    /// The value that is written.
    pub(crate) fn value(&self) -> &Value {
        self.merged.as_ref().unwrap_or(&self.mapped)
    }
}

pub(crate) const fn is_write(one: &FieldStance) -> bool {
    one.stance.writes()
}

/// A new copy gets every value there is.
pub(crate) fn created_stances(rules: &CompiledPair, open: &Open) -> Vec<FieldStance> {
    let fields = rules.written().iter().filter_map(|written| {
        let mapped = open.mapped.fields.get(&written.field)?.clone();
        Some(FieldStance {
            stance: Stance::Write { resolved: false },
            ..field_stance(written, mapped)
        })
    });
    let status = open.mapped.status.iter().map(|status| FieldStance {
        stance: Stance::Write { resolved: false },
        ..status_stance(status)
    });
    fields.chain(status).collect()
}

/// A field of which nothing is decided yet.
pub(crate) fn field_stance(written: &WrittenField, mapped: Value) -> FieldStance {
    FieldStance {
        field: written.field.clone(),
        mapped,
        field_type: written.field_type,
        sources: written.sources.clone(),
        about: written.field.clone(),
        rule: written.rule.clone(),
        ..status_stance("")
    }
}

/// A status of which nothing is decided yet.
pub(crate) fn status_stance(status: &str) -> FieldStance {
    let field = FieldRef::new(STATUS_REF);
    FieldStance {
        stance: Stance::Silent,
        mapped: Value::String(status.to_owned()),
        merged: None,
        field_type: FieldType::Picklist,
        sources: vec![field.clone()],
        about: field.clone(),
        field,
        twin: None,
        strategy: None,
        rule: "status mapping".to_owned(),
        passive: false,
        other_moved: false,
        note: None,
        trail: None,
    }
}

/// What the two sides say of a field, both in the target's form.
#[derive(Clone, Debug)]
pub(crate) struct Sides {
    pub(crate) source: Value,
    pub(crate) target: Value,
    pub(crate) kind: FieldType,
}

/// A paired item while its fields are decided about.
pub(crate) struct Scene<'a> {
    pub(crate) pass: &'a Pass,
    pub(crate) rules: &'a CompiledPair,
    pub(crate) open: &'a Open,
    pub(crate) memory: &'a PairMemory,
    pub(crate) now: Timestamp,
    /// What the other direction makes of the copy; made when somebody asks.
    back: OnceCell<Option<Mapped>>,
}

impl<'a> Scene<'a> {
    pub(crate) const fn new(
        pass: &'a Pass,
        rules: &'a CompiledPair,
        open: &'a Open,
        memory: &'a PairMemory,
        now: Timestamp,
    ) -> Self {
        Self { pass, rules, open, memory, now, back: OnceCell::new() }
    }

    /// What both sides say of a field; a side that nobody looked at says what it said last.
    pub(crate) fn sides(&self, one: &FieldStance) -> Sides {
        let Self { pass, rules, open, memory, .. } = self;
        let there = open.there.as_ref();
        let shown = || match there {
            Some(item) => value_of(item, &one.field),
            None => memory.base(pass.write, &one.field).cloned().unwrap_or_default(),
        };
        match pass.read {
            Side::Source => {
                Sides { source: one.mapped.clone(), target: shown(), kind: one.field_type }
            }
            Side::Target => {
                let back = self
                    .back
                    .get_or_init(|| there.and_then(|there| pass.twins.map_back(rules, there)));
                let source = back.as_ref().and_then(|back| made_for(back, &one.about));
                Sides {
                    source: source.unwrap_or_else(shown),
                    target: input_of(rules, &open.item, &one.about),
                    kind: rules.read_type_of(&one.about),
                }
            }
        }
    }

    /// Names a field's other end, and says by what it is decided about.
    fn policy(&self, one: &mut FieldStance) -> Policy {
        let twin = self.pass.twins.of_field(self.rules, &one.field);
        if self.pass.read == Side::Target
            && let Some(read) = twin.as_ref().map(|twin| &twin.field).or(one.sources.first())
        {
            one.about = read.clone();
        }
        let Some(twin) = twin else { return self.pass.policy_one_way() };
        let own = twin.resolution;
        one.twin = Some(twin.field);
        one.strategy = Some(own.unwrap_or(self.pass.spec.config.conflict_resolution));
        self.pass.policy_both_ways(own, self.times(one))
    }

    /// When the read and the written value were changed. A value that waits in a conflict was changed when that was
    /// found: since then the item may have been changed by ourselves.
    fn times(&self, one: &FieldStance) -> (Timestamp, Option<Timestamp>) {
        let (read, there) = (self.open.item.changed_at, self.open.there.as_ref());
        let written = there.map(|item| item.changed_at);
        let Some(row) = self.memory.conflict(&one.about) else { return (read, written) };
        let sides = self.sides(one);
        let waiting = |side: Side| {
            let at = match side {
                Side::Source => row.source_changed_at,
                Side::Target => row.target_changed_at,
            };
            at.filter(|_| sides.is_as_in(row, side))
        };
        let (reading, writing) = (waiting(self.pass.read), waiting(self.pass.write));
        (reading.unwrap_or(read), written.map(|at| writing.unwrap_or(at)))
    }

    /// What holds a decision up: a conflict that is ignored, or the breaker.
    fn settle(&self, decided: Decided, mut one: FieldStance) -> FieldStance {
        one.stance = decided.stance;
        one.merged = decided.merged;
        match one.stance {
            Stance::Write { .. } | Stance::Merged | Stance::Left { .. } if !self.open.linked => {
                self.watch(&mut one);
            }
            Stance::Conflict => {
                let why = self.stopped(&one).unwrap_or_else(|| clash_in_words(&one));
                self.wait(&mut one, why);
            }
            _ => {}
        }
        one
    }

    /// Why the breaker has stopped the field, as long as nobody has decided.
    fn stopped(&self, one: &FieldStance) -> Option<String> {
        let row = self.memory.conflict(&one.about)?;
        let trail = self.memory.trail(&one.about)?;
        trail.is_stopped().then(|| row.reason.clone())
    }

    /// The breaker's look at what is to move.
    fn watch(&self, one: &mut FieldStance) {
        let trail = self.memory.trail(&one.about).unwrap_or_default();
        let hash = fingerprint(one.value(), one.field_type);
        let (side, writes) = (self.pass.write, one.stance.writes());
        let objection = || trail.objects(side, &hash, self.now).filter(|_| writes);
        match self.stopped(one).or_else(objection) {
            Some(why) => {
                one.merged = None;
                one.trail = Some(trail.stop());
                self.wait(one, why);
            }
            None => one.trail = writes.then(|| trail.after(side, &hash, self.now)),
        }
    }

    /// A person decides, or wanted no decision about these two values.
    fn wait(&self, one: &mut FieldStance, why: String) {
        one.stance = Stance::Conflict;
        let row = self.memory.conflict(&one.about);
        if row.is_some_and(|row| is_ignored(row, &self.sides(one))) {
            one.stance = Stance::Ignored;
        }
        one.note = Some(why);
    }
}

fn clash_in_words(one: &FieldStance) -> String {
    match one.strategy {
        Some(ConflictResolution::LastWriteWins) => {
            "both sides changed it, and nobody can tell which change was the last".to_owned()
        }
        _ => "both sides changed it since they agreed last".to_owned(),
    }
}

/// A copy gets what the merge of each field says.
pub(crate) fn paired_stances(scene: &Scene<'_>) -> Vec<FieldStance> {
    let Scene { pass, rules, open, memory, .. } = scene;
    let there = open.there.as_ref();
    let mut stances = Vec::with_capacity(rules.written().len() + 1);
    for written in rules.written() {
        let Some(mapped) = open.mapped.fields.get(&written.field) else { continue };
        let base = memory.base(pass.write, &written.field);
        let now = there.map(|item| value_of(item, &written.field));
        let inputs_changed = pass.is_open_ended(written)
            || rules_moved(pass)
            || written.sources.iter().any(|f| input_changed(pass, rules, &open.item, memory, f));
        let view = FieldView {
            mapped,
            agreed: memory.sent(pass.write, &written.field).or(base),
            base,
            now: now.as_ref(),
            inputs_changed,
            field_type: written.field_type,
        };
        let mut one = field_stance(written, mapped.clone());
        one.passive = written.when == When::UpdateOnly && base.is_none() && !open.linked;
        one.other_moved = moved(view);
        let policy = scene.policy(&mut one);
        stances.push(scene.settle(decide(view, policy), one));
    }
    stances.extend(paired_status(scene));
    stances
}

/// A changed rule speaks although no value changed, but only from the source: a way back may lose something.
pub(crate) fn rules_moved(pass: &Pass) -> bool {
    pass.spec.config.needs_full && pass.read == Side::Source
}

fn paired_status(scene: &Scene<'_>) -> Option<FieldStance> {
    let Scene { pass, rules, open, memory, .. } = scene;
    let mut one = status_stance(open.mapped.status.as_deref()?);
    let base = memory.base(pass.write, &one.field);
    let agreed = memory.sent(pass.write, &one.field).or(base);
    let now = open.there.as_ref().map(|item| value_of(item, &one.field));
    let means_the_same = |other: Option<&Value>| {
        let (Some(read), Some(Value::String(other))) = (open.item.status.as_deref(), other) else {
            return false;
        };
        rules.status_equivalent(read, other)
    };
    let mapped = one.mapped.clone();
    let view = FieldView {
        mapped: &mapped,
        agreed,
        base,
        now: now.as_ref(),
        inputs_changed: rules_moved(pass) || status_changed(pass, &open.item, memory),
        field_type: FieldType::Picklist,
    };
    one.other_moved = moved(view);
    let policy = scene.policy(&mut one);
    let decided = if means_the_same(agreed) {
        Stance::Silent.into()
    } else if means_the_same(now.as_ref()) {
        Stance::Agreed.into()
    } else {
        decide(view, policy)
    };
    Some(scene.settle(decided, one))
}

/// Whether a value that rules read differs from its base, and is no writing of ours.
pub(crate) fn input_changed(
    pass: &Pass,
    rules: &CompiledPair,
    item: &Item,
    memory: &PairMemory,
    field: &FieldRef,
) -> bool {
    let now = match item.fields.get(field) {
        Some(value) => Cow::Borrowed(value),
        None => Cow::Owned(input_of(rules, item, field)),
    };
    match memory.base(pass.read, field) {
        // The base is newer than any receipt: a value that somebody set back to what we wrote once is news.
        Some(base) => *now != *base && !same(&now, base, rules.read_type_of(field)),
        None => {
            let kind = rules.read_type_of(field);
            memory.receipt(pass.read, field).is_none_or(|hash| hash != fingerprint(&now, kind))
        }
    }
}

/// Whether the status differs from its base.
pub(crate) fn status_changed(pass: &Pass, item: &Item, memory: &PairMemory) -> bool {
    let Some(base) = memory.base(pass.read, &pass.status) else { return true };
    item.status.as_deref() != base.as_str()
        && !same(&value_of(item, &pass.status), base, FieldType::Picklist)
}
