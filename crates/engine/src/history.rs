//! What a write, or a look that decided something, leaves in the history of its pair.

use std::borrow::Cow;

use serde_json::Value;
use syncline_domain::{
    ConflictResolution, ExecutionId, FieldEvent, FieldHow, FieldRef, HistoryEntry, HistoryEvent,
    HistoryId, HistoryKind, Identity, Intent, IntentPlan, Item, Observed, PairId, STATUS_REF, Side,
    StepTaken, SyncSpec, Timestamp, kept_value,
};
use syncline_mapping::{Occasion, TraceLine};

use crate::merge::{Stance, alike};
use crate::pass::{Pass, value_of};
use crate::plan::{Open, Planned};
use crate::stance::FieldStance;

/// An entry before its pair has an id.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    event: HistoryEvent,
    run: Option<ExecutionId>,
    version: i64,
}

impl Story {
    /// The entry, as a row.
    pub(crate) fn entry(&self, pair_id: PairId, at: Timestamp) -> HistoryEntry {
        HistoryEntry {
            id: HistoryId(0),
            pair_id,
            execution_id: self.run,
            config_version: self.version,
            at,
            event: self.event.clone(),
        }
    }

    fn of(pass: &Pass, kind: HistoryKind, event: HistoryEvent) -> Self {
        let between_runs = matches!(kind, HistoryKind::Decided | HistoryKind::Joined);
        Self {
            event,
            run: Some(pass.run).filter(|run| run.0 != 0 && !between_runs),
            version: pass.spec.config.version,
        }
    }
}

/// What is told of an item once `shown` is how the writing side shows it; `None` when nothing was settled: an item
/// that is as it was leaves no trace.
pub(crate) fn tell(pass: &Pass, planned: &Planned, shown: Option<&Item>) -> Option<Story> {
    let settled: Vec<(&FieldStance, FieldHow)> =
        planned.stances.iter().filter_map(|one| Some((one, how(planned, one, shown)?))).collect();
    let kind = kind_of(planned, &settled);
    if settled.is_empty() && kind == HistoryKind::Looked {
        return None;
    }
    let traced = traced(pass, &planned.open, &settled);
    let fields = settled
        .into_iter()
        .map(|(one, how)| field_event(pass, planned, (one, how), shown, &traced))
        .collect();
    Some(Story::of(pass, kind, event(pass, kind, &planned.open, shown, fields)))
}

/// What is told of two items that a person joined.
pub(crate) fn tell_joined(pass: &Pass, open: &Open, shown: &Item) -> Story {
    let kind = HistoryKind::Joined;
    Story::of(pass, kind, event(pass, kind, open, Some(shown), Vec::new()))
}

/// What is told of a write that had no recorded outcome and was found on the tracker.
pub(crate) fn found(
    spec: &SyncSpec,
    intent: &Intent,
    item: &Item,
    pair_id: PairId,
    at: Timestamp,
) -> HistoryEntry {
    let IntentPlan::V1 { status, fields, .. } = &intent.plan;
    let status = status.iter().map(|status| (FieldRef::new(STATUS_REF), status.clone().into()));
    let sent = fields.iter().map(|(field, value)| (field.clone(), value.clone())).chain(status);
    let fields = sent.map(|(field, value): (FieldRef, Value)| {
        let now = value_of(item, &field);
        FieldEvent {
            shown: (now != value).then(|| kept_value(&now)),
            ..blank(field, FieldHow::Written, kept_value(&value))
        }
    });
    HistoryEntry {
        id: HistoryId(0),
        pair_id,
        execution_id: Some(intent.execution_id),
        config_version: spec.config.version,
        at,
        event: HistoryEvent::V1 {
            kind: HistoryKind::Found,
            read: intent.side.other(),
            from: Observed::default(),
            before: Observed::default(),
            after: item.version.clone(),
            fields: fields.collect(),
        },
    }
}

fn kind_of(planned: &Planned, settled: &[(&FieldStance, FieldHow)]) -> HistoryKind {
    if planned.is_create() {
        HistoryKind::Created
    } else if planned.open.linked {
        HistoryKind::Linked
    } else if planned.is_partial {
        HistoryKind::Decided
    } else if settled.iter().any(|(one, _)| one.stance.writes()) {
        HistoryKind::Updated
    } else {
        HistoryKind::Looked
    }
}

/// What became of a field, where that is worth an entry. A conflict is told once, when it is found.
fn how(planned: &Planned, one: &FieldStance, shown: Option<&Item>) -> Option<FieldHow> {
    let is_known = || {
        let memory = planned.open.memory.as_ref();
        memory.is_some_and(|memory| memory.conflict(&one.about).is_some())
    };
    match one.stance {
        Stance::Write { .. } => shown.map(|_| FieldHow::Written),
        Stance::Merged => shown.map(|_| FieldHow::Merged),
        Stance::Agreed => shown.map(|_| FieldHow::Agreed),
        Stance::Left { .. } => Some(FieldHow::Left),
        Stance::Kept => Some(FieldHow::Kept),
        Stance::Conflict if !is_known() => Some(FieldHow::Waits),
        Stance::Conflict | Stance::Silent | Stance::Ignored => None,
    }
}

fn event(
    pass: &Pass,
    kind: HistoryKind,
    open: &Open,
    shown: Option<&Item>,
    fields: Vec<FieldEvent>,
) -> HistoryEvent {
    let known = open.memory.as_ref().map(|memory| Observed {
        version: memory.pair.version(pass.write).clone(),
        ..Observed::default()
    });
    HistoryEvent::V1 {
        kind,
        read: pass.read,
        from: observed(&open.item),
        before: open.there.as_ref().map(observed).or(known).unwrap_or_default(),
        after: shown.map(|item| item.version.clone()).unwrap_or_default(),
        fields,
    }
}

fn observed(item: &Item) -> Observed {
    let at = Some(item.changed_at).filter(|at| *at != Timestamp::EPOCH);
    Observed { version: item.version.clone(), by: item.changed_by.as_ref().and_then(person), at }
}

/// A person in one word or two.
fn person(who: &Identity) -> Option<String> {
    let names = [&who.name, &who.login, &who.email, &who.id];
    names.into_iter().flatten().find(|text| !text.trim().is_empty()).cloned()
}

/// The way of these fields through their rules with every step. A new copy's was kept when it was mapped.
fn traced<'a>(
    pass: &Pass,
    open: &'a Open,
    settled: &[(&FieldStance, FieldHow)],
) -> Cow<'a, [TraceLine]> {
    if open.memory.is_none() || open.linked {
        return Cow::Borrowed(&open.mapped.trace);
    }
    let Some(rules) = pass.rules_between(&open.item.type_ref, &open.mapped.type_ref) else {
        return Cow::default();
    };
    let fields = settled.iter().map(|(one, _)| &one.field).collect();
    let (plan, context) = (&pass.plan, &pass.context);
    Cow::Owned(plan.trace_of(rules, &open.item, Occasion::Update, context, &fields))
}

fn field_event(
    pass: &Pass,
    planned: &Planned,
    (one, how): (&FieldStance, FieldHow),
    shown: Option<&Item>,
    traced: &[TraceLine],
) -> FieldEvent {
    let open = &planned.open;
    let there = open.there.as_ref().map(|item| value_of(item, &one.field));
    let base = open.memory.as_ref().and_then(|memory| memory.base(pass.write, &one.field));
    let before = there.or_else(|| base.cloned());
    let now = shown.map(|item| value_of(item, &one.field));
    let writes = one.stance.writes();
    let stays = match (writes, &now, &before) {
        (true, ..) => one.value().clone(),
        (false, Some(now), _) => now.clone(),
        (false, None, before) => before.clone().unwrap_or_default(),
    };
    let both_moved = one.other_moved && open.memory.is_some() && !open.linked;
    let line = line_of(traced, one);
    FieldEvent {
        rule: one.rule.clone(),
        input: line.map(|line| &line.input).filter(|input| **input != one.mapped).map(kept_value),
        steps: line.map(steps).unwrap_or_default(),
        mapped: (one.mapped != stays).then(|| kept_value(&one.mapped)),
        old: before.filter(|_| writes && !planned.is_create()).map(|value| kept_value(&value)),
        base: base.filter(|_| both_moved).map(kept_value),
        shown: now
            .filter(|now| writes && !alike(&stays, now, one.field_type))
            .map(|now| kept_value(&now)),
        strategy: strategy(one),
        conflict: planned
            .closings
            .iter()
            .find(|(about, _)| *about == one.about)
            .map(|(_, closing)| closing.conflict),
        why: one.note.clone().filter(|_| how == FieldHow::Waits),
        ..blank(one.field.clone(), how, kept_value(&stays))
    }
}

fn strategy(one: &FieldStance) -> Option<ConflictResolution> {
    let chose =
        matches!(one.stance, Stance::Write { resolved: true } | Stance::Left { resolved: true });
    one.strategy.filter(|_| chose)
}

/// The trace of a field. A value that a person gave came from no rule.
fn line_of<'a>(traced: &'a [TraceLine], one: &FieldStance) -> Option<&'a TraceLine> {
    let line = traced.iter().rev().find(|line| {
        line.field == one.field || (one.field.as_str() == STATUS_REF && line.rule == one.rule)
    })?;
    alike(&line.output, &one.mapped, one.field_type).then_some(line)
}

fn steps(line: &TraceLine) -> Vec<StepTaken> {
    let args = |args: &Value| match args {
        Value::Array(parts) if parts.is_empty() => Value::Null,
        Value::Object(parts) if parts.is_empty() => Value::Null,
        other => kept_value(other),
    };
    let steps = line.steps.iter().filter(|step| step.name != "status");
    steps
        .map(|step| StepTaken {
            name: step.name.clone(),
            args: args(&step.args),
            output: kept_value(&step.output),
        })
        .collect()
}

const fn blank(field: FieldRef, how: FieldHow, value: Value) -> FieldEvent {
    FieldEvent {
        field,
        how,
        rule: String::new(),
        input: None,
        steps: Vec::new(),
        mapped: None,
        value,
        old: None,
        base: None,
        shown: None,
        strategy: None,
        conflict: None,
        why: None,
    }
}

/// The side whose fields an event is about.
pub(crate) const fn written_side(event: &HistoryEvent) -> Side {
    let HistoryEvent::V1 { read, .. } = event;
    read.other()
}
