//! What is to become of each field of an item: the merge of one field, fed from bases, rules and items.

use std::borrow::Cow;

use serde_json::Value;
use syncline_domain::{FieldRef, FieldType, Item, STATUS_REF, Side, When, fingerprint, same};
use syncline_mapping::CompiledPair;

use crate::known::PairMemory;
use crate::merge::{FieldView, Stance, decide};
use crate::pass::{Pass, input_of, value_of};
use crate::plan::Open;

/// A field with what is to become of it.
#[derive(Clone, Debug)]
pub(crate) struct FieldStance {
    pub(crate) field: FieldRef,
    pub(crate) stance: Stance,
    pub(crate) mapped: Value,
    pub(crate) field_type: FieldType,
    pub(crate) sources: Vec<FieldRef>,
    pub(crate) rule: String,
    /// It gets a value when others do, never by itself.
    pub(crate) passive: bool,
}

pub(crate) const fn is_write(one: &FieldStance) -> bool {
    matches!(one.stance, Stance::Write { .. })
}

/// A new copy gets every value there is.
pub(crate) fn created_stances(rules: &CompiledPair, open: &Open) -> Vec<FieldStance> {
    let fields = rules.written().iter().filter_map(|written| {
        Some(FieldStance {
            field: written.field.clone(),
            stance: Stance::Write { resolved: false },
            mapped: open.mapped.fields.get(&written.field)?.clone(),
            field_type: written.field_type,
            sources: written.sources.clone(),
            rule: written.rule.clone(),
            passive: false,
        })
    });
    let status = open.mapped.status.iter().map(|status| FieldStance {
        stance: Stance::Write { resolved: false },
        ..status_stance(status)
    });
    fields.chain(status).collect()
}

fn status_stance(status: &str) -> FieldStance {
    FieldStance {
        field: FieldRef::new(STATUS_REF),
        stance: Stance::Silent,
        mapped: Value::String(status.to_owned()),
        field_type: FieldType::Picklist,
        sources: vec![FieldRef::new(STATUS_REF)],
        rule: "status mapping".to_owned(),
        passive: false,
    }
}

/// A copy gets what the merge of each field says.
pub(crate) fn paired_stances(
    pass: &Pass,
    rules: &CompiledPair,
    open: &Open,
    memory: &PairMemory,
) -> Vec<FieldStance> {
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
        stances.push(FieldStance {
            field: written.field.clone(),
            stance: decide(view, pass.policy(written.conflict_resolution, &open.item, there)),
            mapped: mapped.clone(),
            field_type: written.field_type,
            sources: written.sources.clone(),
            rule: written.rule.clone(),
            passive: written.when == When::UpdateOnly && base.is_none() && !open.linked,
        });
    }
    stances.extend(paired_status(pass, rules, open, memory));
    stances
}

/// A changed rule speaks although no value changed, but only from the source: a way back may lose something.
pub(crate) fn rules_moved(pass: &Pass) -> bool {
    pass.spec.config.needs_full && pass.read == Side::Source
}

fn paired_status(
    pass: &Pass,
    rules: &CompiledPair,
    open: &Open,
    memory: &PairMemory,
) -> Option<FieldStance> {
    let stance = status_stance(open.mapped.status.as_deref()?);
    let base = memory.base(pass.write, &stance.field);
    let agreed = memory.sent(pass.write, &stance.field).or(base);
    let now = open.there.as_ref().map(|item| value_of(item, &stance.field));
    let means_the_same = |other: Option<&Value>| {
        let (Some(read), Some(Value::String(other))) = (open.item.status.as_deref(), other) else {
            return false;
        };
        rules.status_equivalent(read, other)
    };
    let decided = if means_the_same(agreed) {
        Stance::Silent
    } else if means_the_same(now.as_ref()) {
        Stance::Agreed
    } else {
        let view = FieldView {
            mapped: &stance.mapped,
            agreed,
            base,
            now: now.as_ref(),
            inputs_changed: rules_moved(pass) || status_changed(pass, &open.item, memory),
            field_type: FieldType::Picklist,
        };
        decide(view, pass.policy(None, &open.item, open.there.as_ref()))
    };
    Some(FieldStance { stance: decided, ..stance })
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
