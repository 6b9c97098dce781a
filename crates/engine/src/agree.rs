//! What both sides agreed on, once a write or a look is done with: the new bases and receipts of a pair.

use std::collections::BTreeSet;

use serde_json::Value;
use syncline_domain::{
    Base, FieldRef, Fields, HistoryEntry, Item, PairId, Receipt, STATUS_REF, Side, Timestamp,
    Version, When, fingerprint, same,
};
use syncline_mapping::CompiledPair;

use crate::adopt::shows;
use crate::clash::Closing;
use crate::history::{self, Story};
use crate::known::{PairMemory, sent_ref, trail_ref};
use crate::merge::{Stance, alike};
use crate::pass::{Pass, input_of, value_of};
use crate::plan::{Open, Planned};
use crate::stance::FieldStance;

/// New bases and receipts, before the pair has its id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agreement {
    bases: Vec<(Side, FieldRef, Value)>,
    receipts: Vec<(FieldRef, String)>,
    /// Conflicts that are done with.
    closings: Vec<Closing>,
    write: Option<Side>,
    version: Version,
    /// What history tells of it.
    story: Option<Box<Story>>,
}

impl Agreement {
    /// The bases, as rows.
    pub(crate) fn bases(&self, pair_id: PairId, now: Timestamp) -> Vec<Base> {
        self.bases
            .iter()
            .map(|(side, field, value)| Base {
                pair_id,
                side: *side,
                field_ref: field.clone(),
                value: value.clone(),
                updated_at: now,
            })
            .collect()
    }

    /// The receipts, as rows.
    pub(crate) fn receipts(&self, pair_id: PairId, now: Timestamp) -> Vec<Receipt> {
        let Some(side) = self.write else { return Vec::new() };
        self.receipts
            .iter()
            .map(|(field, hash)| Receipt {
                pair_id,
                side,
                field_ref: field.clone(),
                hash: hash.clone(),
                version: self.version.clone(),
                written_at: now,
            })
            .collect()
    }

    /// The entry in the pair's history, where there is something to tell.
    pub(crate) fn history(&self, pair_id: PairId, now: Timestamp) -> Option<HistoryEntry> {
        self.story.as_ref().map(|story| story.entry(pair_id, now))
    }

    /// The conflicts that are over with it.
    pub(crate) fn closings(&self) -> &[Closing] {
        &self.closings
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bases.is_empty()
            && self.receipts.is_empty()
            && self.closings.is_empty()
            && self.story.is_none()
    }
}

/// What is agreed now that `shown` is how the writing side shows the item: after a write, or after a look.
///
/// Only fields that were written or found equal move; a field that waits keeps both its bases, so that the next look
/// sees both changes again.
pub(crate) fn agreement(pass: &Pass, planned: &Planned, shown: Option<&Item>) -> Agreement {
    let open = &planned.open;
    let Some(rules) = pass.rules_between(&open.item.type_ref, &open.mapped.type_ref) else {
        return Agreement::default();
    };
    let mut agreed = Agreement { write: Some(pass.write), ..Agreement::default() };
    if let Some(shown) = shown {
        agreed.version = shown.version.clone();
    }
    for one in &planned.stances {
        written_side(pass, open, one, shown, &mut agreed);
        trail(planned, one, shown, &mut agreed);
    }
    agreed.closings = planned
        .closings
        .iter()
        .filter(|(_, closing)| comes_true(planned, closing, shown))
        .map(|(_, closing)| closing.clone())
        .collect();
    if let (Some(shown), true) = (shown, open.memory.is_none() || open.linked) {
        first_bases(pass, rules, planned, shown, &mut agreed);
    }
    reading_side(pass, rules, planned, &mut agreed);
    agreed.story = history::tell(pass, planned, shown).map(Box::new);
    if planned.is_partial && !is_kept(planned, shown) {
        // A decision that did not come true leaves the two sides as far apart as they were.
        agreed.bases.clear();
    }
    agreed
}

/// Whether the tracker shows what was written.
fn is_kept(planned: &Planned, shown: Option<&Item>) -> bool {
    planned.stances.iter().filter(|one| one.stance.writes()).all(|one| {
        shown.is_some_and(|item| shows(one.value(), &value_of(item, &one.field), one.field_type))
    })
}

/// What two items that a person joined agree on: both are taken as they are, and whatever differs now is no news.
pub(crate) fn first_agreement(
    pass: &Pass,
    rules: &CompiledPair,
    open: Open,
    shown: &Item,
) -> Agreement {
    let story = Some(Box::new(history::tell_joined(pass, &open, shown)));
    let mut agreed = Agreement { story, ..Agreement::default() };
    let planned = Planned::untouched(open);
    first_bases(pass, rules, &planned, shown, &mut agreed);
    if let Some(status) = &planned.open.mapped.status {
        let field = FieldRef::new(STATUS_REF);
        if value_of(shown, &field).as_str() != Some(status.as_str()) {
            agreed.bases.push((pass.write, sent_ref(&field), Value::String(status.clone())));
        }
    }
    reading_side(pass, rules, &planned, &mut agreed);
    agreed
}

fn written_side(
    pass: &Pass,
    open: &Open,
    one: &FieldStance,
    shown: Option<&Item>,
    agreed: &mut Agreement,
) {
    let now = shown.map(|item| value_of(item, &one.field));
    match (one.stance, now) {
        (Stance::Write { .. }, Some(now)) => {
            agreed.receipts.push((one.field.clone(), fingerprint(&now, one.field_type)));
            settle_value(pass, open.memory.as_ref(), one, now, agreed);
        }
        (Stance::Merged, Some(now)) => {
            agreed.receipts.push((one.field.clone(), fingerprint(&now, one.field_type)));
            take_in(pass, open.memory.as_ref(), one, agreed);
        }
        (Stance::Left { .. }, _) => take_in(pass, open.memory.as_ref(), one, agreed),
        (Stance::Agreed, Some(now)) => settle_value(pass, open.memory.as_ref(), one, now, agreed),
        (Stance::Kept, _) => {
            agreed.bases.push((pass.write, sent_ref(&one.field), one.mapped.clone()));
        }
        _ => {}
    }
}

/// The reading side's change is done with, and the writing side has one on top of it: as if both had agreed on what the
/// reading side says, and the writing side had been changed since. When that side is read its value travels, whatever
/// happens until then.
fn take_in(pass: &Pass, memory: Option<&PairMemory>, one: &FieldStance, agreed: &mut Agreement) {
    if memory.is_some_and(|memory| memory.sent(pass.write, &one.field).is_some()) {
        agreed.bases.push((pass.write, sent_ref(&one.field), one.mapped.clone()));
    }
    agreed.bases.push((pass.write, one.field.clone(), one.mapped.clone()));
}

/// What a planned write takes in, for whoever finds out later that it has happened.
pub(crate) fn agreed_by_merge(pass: &Pass, planned: &Planned) -> Vec<(Side, FieldRef, Value)> {
    let open = &planned.open;
    let Some(rules) = pass.rules_between(&open.item.type_ref, &open.mapped.type_ref) else {
        return Vec::new();
    };
    let merged = planned.stances.iter().filter(|one| one.stance == Stance::Merged);
    merged
        .flat_map(|one| {
            let read = one
                .sources
                .iter()
                .map(|field| (pass.read, field.clone(), input_of(rules, &open.item, field)));
            read.chain([(pass.write, one.field.clone(), one.mapped.clone())])
        })
        .collect()
}

/// The breaker's memory of our writes; it begins anew once a conflict about the field is over.
fn trail(planned: &Planned, one: &FieldStance, shown: Option<&Item>, agreed: &mut Agreement) {
    let over = planned
        .closings
        .iter()
        .any(|(about, closing)| *about == one.about && comes_true(planned, closing, shown));
    let happens = match one.stance {
        stance if stance.writes() => shown.is_some(),
        stance => stance.blocks(),
    };
    let value = match &one.trail {
        _ if over => {
            let memory = planned.open.memory.as_ref();
            if memory.is_none_or(|memory| memory.trail(&one.about).is_none()) {
                return;
            }
            Value::Null
        }
        Some(trail) if happens => trail.to_value(),
        _ => return,
    };
    agreed.bases.push((Side::Target, trail_ref(&one.about), value));
}

/// Whether a conflict is over now that `shown` is how the writing side shows the item.
fn comes_true(planned: &Planned, closing: &Closing, shown: Option<&Item>) -> bool {
    let Some(field) = &closing.field else { return true };
    let one = planned.stances.iter().find(|one| one.field == *field);
    match (one, shown) {
        (Some(one), Some(item)) => shows(one.value(), &value_of(item, field), one.field_type),
        _ => false,
    }
}

/// The value that the tracker shows is the base; what was sent is kept beside it where the two differ.
fn settle_value(
    pass: &Pass,
    memory: Option<&PairMemory>,
    one: &FieldStance,
    now: Value,
    agreed: &mut Agreement,
) {
    let had_sent = memory.is_some_and(|memory| memory.sent(pass.write, &one.field).is_some());
    if had_sent || !alike(&one.mapped, &now, one.field_type) {
        agreed.bases.push((pass.write, sent_ref(&one.field), one.mapped.clone()));
    }
    agreed.bases.push((pass.write, one.field.clone(), now));
}

/// A new pair has a base for every field that rules write, whether they had a value for it or not.
fn first_bases(
    pass: &Pass,
    rules: &CompiledPair,
    planned: &Planned,
    shown: &Item,
    agreed: &mut Agreement,
) {
    let moved = |stance: Stance| {
        stance.writes() || stance.blocks() || matches!(stance, Stance::Agreed | Stance::Left { .. })
    };
    for written in rules.written() {
        let stance = planned.stances.iter().find(|one| one.field == written.field);
        let waits_for_update = written.when == When::UpdateOnly && planned.is_create();
        if waits_for_update || stance.is_some_and(|one| moved(one.stance)) {
            continue;
        }
        let now = value_of(shown, &written.field);
        let mapped = mapped_or_null(&planned.open.mapped.fields, &written.field);
        if stance.is_none_or(|one| one.stance == Stance::Silent)
            && !same(&mapped, &now, written.field_type)
        {
            agreed.bases.push((pass.write, sent_ref(&written.field), mapped));
        }
        agreed.bases.push((pass.write, written.field.clone(), now));
    }
    let status = FieldRef::new(STATUS_REF);
    let stance = planned.stances.iter().find(|one| one.field == status);
    if !stance.is_some_and(|one| moved(one.stance)) {
        agreed.bases.push((pass.write, status.clone(), value_of(shown, &status)));
    }
}

fn mapped_or_null(fields: &Fields, field: &FieldRef) -> Value {
    fields.get(field).cloned().unwrap_or(Value::Null)
}

fn reading_side(pass: &Pass, rules: &CompiledPair, planned: &Planned, agreed: &mut Agreement) {
    let open = &planned.open;
    let blocked: BTreeSet<&FieldRef> = planned
        .stances
        .iter()
        .filter(|one| one.stance.blocks())
        .flat_map(|one| &one.sources)
        .collect();
    let mut inputs: BTreeSet<&FieldRef> =
        rules.written().iter().flat_map(|written| &written.sources).collect();
    let status = FieldRef::new(STATUS_REF);
    if rules.writes_status() {
        inputs.insert(&status);
    }
    if planned.is_partial {
        let decided: BTreeSet<&FieldRef> =
            planned.stances.iter().flat_map(|one| &one.sources).collect();
        inputs.retain(|field| decided.contains(field));
    }
    for field in inputs.difference(&blocked) {
        let now = input_of(rules, &open.item, field);
        let kind = rules.read_type_of(field);
        let base = open.memory.as_ref().and_then(|memory| memory.base(pass.read, field));
        if !base.is_some_and(|base| same(base, &now, kind)) {
            agreed.bases.push((pass.read, (*field).clone(), now));
        }
    }
}
