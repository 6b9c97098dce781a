//! The comparison of a pair's fields with each other and with what was recorded.

use serde_json::Value;
use syncline_domain::{FieldRef, FieldType, Item, STATUS_REF, Side, When, same};
use syncline_mapping::{CompiledPair, Mapped};

use super::Scan;
use crate::known::PairMemory;
use crate::merge::alike;
use crate::pass::{Pass, value_of};
use crate::stance::{input_changed, status_changed};

/// A field, as both sides and the store have it.
pub(super) struct Compared {
    pub(super) field: FieldRef,
    /// The target's name for it, by which conflicts know it.
    pub(super) about: FieldRef,
    /// What the rules make of the side that is read.
    pub(super) mapped: Value,
    /// What the other side shows; `None` when nobody looked.
    pub(super) shown: Option<Value>,
    pub(super) read_moved: bool,
    pub(super) write_moved: bool,
    /// Both sides say the same.
    pub(super) agree: bool,
    /// The rules make another value now than was written.
    pub(super) rules_differ: bool,
}

impl Compared {
    pub(super) const fn is_odd(&self) -> bool {
        self.read_moved || self.write_moved || self.rules_differ
    }
}

/// Compares the fields that this pass answers for, field by field.
pub(super) fn compare(
    scan: &Scan<'_>,
    pass: &Pass,
    rules: &CompiledPair,
    memory: &PairMemory,
    (item, there): (&Item, Option<&Item>),
    mapped: &Mapped,
) -> Vec<Compared> {
    let mut all = Vec::new();
    for written in rules.written() {
        let twin = pass.twins.of_field(rules, &written.field);
        // What has a twin was compared on the way there.
        if scan.backward.is_some() && pass.read == Side::Target && twin.is_some() {
            continue;
        }
        let Some(made) = mapped.fields.get(&written.field) else { continue };
        let base = memory.base(pass.write, &written.field);
        // Such a field gets a value when others do, never by itself.
        if written.when == When::UpdateOnly && base.is_none() {
            continue;
        }
        let sent = memory.sent(pass.write, &written.field).or(base);
        let shown = there.map(|there| value_of(there, &written.field));
        let moved = |f: &FieldRef| input_changed(pass, rules, item, memory, f);
        // Whom a rule names is found out when it is written; and a way that loses something says nothing by itself.
        let is_plain = !written.is_identity() && !pass.is_open_ended(written);
        let speaks = is_plain && (twin.is_none() || scan.spec.config.needs_full);
        let about = match (pass.read, &twin) {
            (Side::Target, _) => written.sources.first().cloned(),
            (Side::Source, _) => None,
        };
        all.push(Compared {
            about: about.unwrap_or_else(|| written.field.clone()),
            read_moved: written.sources.iter().any(moved),
            write_moved: shown.as_ref().is_some_and(|now| is_moved(base, now, written.field_type)),
            agree: shown.as_ref().is_some_and(|now| alike(made, now, written.field_type)),
            rules_differ: speaks && differs(made, sent, written.field_type),
            mapped: made.clone(),
            field: written.field.clone(),
            shown,
        });
    }
    all.extend(compare_status(scan, pass, rules, memory, (item, there), mapped));
    all
}

fn compare_status(
    scan: &Scan<'_>,
    pass: &Pass,
    rules: &CompiledPair,
    memory: &PairMemory,
    (item, there): (&Item, Option<&Item>),
    mapped: &Mapped,
) -> Option<Compared> {
    let field = FieldRef::new(STATUS_REF);
    let twin = pass.twins.of_field(rules, &field);
    if scan.backward.is_some() && pass.read == Side::Target && twin.is_some() {
        return None;
    }
    let made = Value::from(mapped.status.as_deref()?);
    let read = item.status.as_deref()?;
    let base = memory.base(pass.write, &field);
    let sent = memory.sent(pass.write, &field).or(base);
    let means = |other: &Value| other.as_str().is_some_and(|o| rules.status_equivalent(read, o));
    let shown = there.map(|there| value_of(there, &field));
    let kind = FieldType::Picklist;
    Some(Compared {
        read_moved: status_changed(pass, item, memory),
        write_moved: shown.as_ref().is_some_and(|now| is_moved(base, now, kind)),
        agree: shown.as_ref().is_some_and(|now| alike(&made, now, kind) || means(now)),
        rules_differ: (twin.is_none() || scan.spec.config.needs_full)
            && differs(&made, sent, kind)
            && !sent.is_some_and(means),
        mapped: made,
        about: field.clone(),
        field,
        shown,
    })
}

/// Nothing is cleared that was never agreed on, so nothing is missing where the rules make nothing.
fn differs(made: &Value, sent: Option<&Value>, kind: FieldType) -> bool {
    sent.map_or_else(|| !same(made, &Value::Null, kind), |sent| !alike(made, sent, kind))
}

fn is_moved(base: Option<&Value>, now: &Value, kind: FieldType) -> bool {
    base.map_or_else(|| !same(now, &Value::Null, kind), |base| !alike(now, base, kind))
}

/// Whether a field that rules write shows something else than at the last look.
pub(super) fn written_moved(
    pass: &Pass,
    rules: &CompiledPair,
    memory: &PairMemory,
    item: &Item,
) -> bool {
    let status = FieldRef::new(STATUS_REF);
    rules.written().iter().any(|written| {
        let base = memory.base(pass.write, &written.field);
        is_moved(base, &value_of(item, &written.field), written.field_type)
    }) || (rules.writes_status()
        && memory.base(pass.write, &status).is_some_and(|base| {
            is_moved(Some(base), &value_of(item, &status), FieldType::Picklist)
        }))
}
