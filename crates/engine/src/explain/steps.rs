//! The story of one field, step by step.

use serde_json::Value;
use syncline_domain::{
    ConflictKind, ConflictStatus, FieldEvent, FieldHow, FieldRef, HistoryEntry, HistoryEvent, Side,
    Timestamp,
};

use super::fields::Asked;
use super::words;
use super::{EVENTS, ExplainStep, FieldExplained, Memory, RunSeen, StepKind};
use crate::history::written_side;

/// Tells how the field came to its value.
pub(super) fn tell(memory: &Memory, asked: &Asked) -> FieldExplained {
    let mut steps = of_events(memory, asked);
    steps.extend(of_conflicts(memory, asked));
    // What was decided comes before what was written because of it, also within one instant.
    steps.sort_by_key(|step| (step.at, step.kind != StepKind::Decision));
    let source = asked.sources.first().and_then(|field| memory.base(Side::Source, field));
    let target = memory.base(Side::Target, &asked.field);
    let agreed_at = source.into_iter().chain(target).map(|base| base.updated_at).max();
    let mut told = FieldExplained {
        field: asked.field.clone(),
        source_fields: asked.sources.clone(),
        rule: asked.rule.clone(),
        config_version: memory.spec.config.version,
        source_value: source.map(|base| base.value.clone()),
        target_value: target.map(|base| base.value.clone()),
        agreed_at,
        sentences: Vec::new(),
        steps,
    };
    told.sentences = sentences(memory, asked, &told);
    told
}

fn sentences(memory: &Memory, asked: &Asked, told: &FieldExplained) -> Vec<String> {
    let mut all = vec![where_it_stands(memory, asked, told)];
    if told.steps.is_empty() {
        all.push(
            "Nothing is kept of how it came about: it was settled before the history that is kept begins, or \
             no run has written it."
                .to_owned(),
        );
    } else if memory.is_cut {
        all.push("The history of this pair is longer than what is told here.".to_owned());
    }
    all.extend(told.steps.iter().map(|step| step.text.clone()));
    all.push(match told.rule.as_str() {
        "" => format!("No rule makes this field now (version {}).", told.config_version),
        rule => format!("The rule now is \"{rule}\" (version {}).", told.config_version),
    });
    all
}

fn where_it_stands(memory: &Memory, asked: &Asked, told: &FieldExplained) -> String {
    let field = words::field_in_words(asked.field.as_str());
    let item = target_item(memory);
    if let Some(tombstone) = &memory.tombstone {
        return format!(
            "The pair rests since {}, because the {} item was deleted; {field} is not kept in step.",
            tombstone.noticed_at.to_iso(),
            tombstone.deleted_side
        );
    }
    if memory.rests() {
        return format!("The pair was taken apart by hand; {field} is not kept in step.");
    }
    match (&told.target_value, told.agreed_at) {
        (Some(value), Some(at)) => format!(
            "When both sides were in step last ({}), {field} of target item {item} showed {}.",
            at.to_iso(),
            words::value_in_words(value)
        ),
        _ => format!("Both sides have never agreed on {field} of target item {item}."),
    }
}

fn target_item(memory: &Memory) -> String {
    memory.pair.target_item_id.as_ref().map(ToString::to_string).unwrap_or_default()
}

/// The steps of the newest events of the field, oldest first.
fn of_events(memory: &Memory, asked: &Asked) -> Vec<ExplainStep> {
    let told = memory.entries.iter().filter_map(|entry| {
        let event = event_of(entry, asked);
        let HistoryEvent::V1 { kind, .. } = &entry.event;
        (event.is_some() || words::paired(*kind, "").is_some()).then_some((entry, event))
    });
    let told: Vec<_> = told.collect();
    let newest = told.get(told.len().saturating_sub(EVENTS)..).unwrap_or_default();
    newest.iter().flat_map(|(entry, event)| of_entry(memory, asked, entry, *event)).collect()
}

/// What an entry says of the field, whichever side it was written on.
fn event_of<'a>(entry: &'a HistoryEntry, asked: &Asked) -> Option<&'a FieldEvent> {
    let HistoryEvent::V1 { fields, .. } = &entry.event;
    let is_it = |field: &FieldRef| match written_side(&entry.event) {
        Side::Target => *field == asked.field,
        Side::Source => asked.sources.contains(field),
    };
    fields.iter().find(|event| is_it(&event.field))
}

/// What all steps of an entry share.
struct Frame<'a> {
    memory: &'a Memory,
    asked: &'a Asked,
    entry: &'a HistoryEntry,
    run: Option<RunSeen>,
}

impl Frame<'_> {
    fn step(&self, kind: StepKind, text: String) -> ExplainStep {
        ExplainStep { run: self.run.clone(), ..step(kind, self.entry.at, text) }
    }

    fn who(&self) -> String {
        let run = words::run(self.run.as_ref());
        format!("At {} {run}", self.entry.at.to_iso())
    }

    fn item(&self, side: Side) -> String {
        match side {
            Side::Source => self.memory.pair.source_item_id.to_string(),
            Side::Target => target_item(self.memory),
        }
    }

    /// The field on the side that was read.
    fn read_field(&self, read: Side) -> FieldRef {
        match read {
            Side::Source => self.asked.sources.first().cloned().unwrap_or_default(),
            Side::Target => self.asked.field.clone(),
        }
    }
}

fn step(kind: StepKind, at: Timestamp, text: String) -> ExplainStep {
    ExplainStep {
        kind,
        at,
        text,
        side: None,
        field: None,
        value: None,
        other_value: None,
        revision: None,
        actor: None,
        rule: None,
        config_version: None,
        transformation: Vec::new(),
        run: None,
        conflict: None,
    }
}

fn of_entry(
    memory: &Memory,
    asked: &Asked,
    entry: &HistoryEntry,
    event: Option<&FieldEvent>,
) -> Vec<ExplainStep> {
    let run = entry.execution_id.map(|id| memory.run(id));
    let frame = Frame { memory, asked, entry, run };
    let HistoryEvent::V1 { kind, .. } = &entry.event;
    let paired = words::paired(*kind, &frame.who());
    let mut steps: Vec<_> =
        paired.map(|text| frame.step(StepKind::Paired, text)).into_iter().collect();
    if let Some(event) = event {
        // Of what was found after a crash nobody knows any more what it was made from.
        if *kind != syncline_domain::HistoryKind::Found {
            steps.extend(where_from(&frame, event));
        }
        steps.extend(what_came(&frame, event));
    }
    steps
}

/// What was read, and what the rule made of it.
fn where_from(frame: &Frame<'_>, event: &FieldEvent) -> [ExplainStep; 2] {
    let HistoryEvent::V1 { read, from, .. } = &frame.entry.event;
    let made = event.mapped.as_ref().unwrap_or(&event.value);
    let input = event.input.as_ref().unwrap_or(made);
    let field = frame.read_field(*read);
    let name = words::field_in_words(field.as_str());
    let seen = words::observed(*read, &frame.item(*read), from, name, input);
    let by = match frame.run {
        Some(_) => format!("{} looked. ", frame.who()),
        None => format!("At {} a decision was carried out. ", frame.entry.at.to_iso()),
    };
    let observed = ExplainStep {
        side: Some(*read),
        field: Some(field),
        value: Some(input.clone()),
        revision: Some(from.version.to_string()).filter(|text| !text.is_empty()),
        actor: from.by.clone(),
        ..frame.step(StepKind::Observed, format!("{by}{seen}"))
    };
    let version = frame.entry.config_version;
    let mapped = ExplainStep {
        side: Some(read.other()),
        field: Some(event.field.clone()),
        value: Some(made.clone()),
        rule: Some(event.rule.clone()).filter(|rule| !rule.is_empty()),
        config_version: Some(version),
        transformation: event.steps.clone(),
        ..frame.step(StepKind::Mapped, words::mapped(event, version, made))
    };
    [observed, mapped]
}

/// What became of the value.
fn what_came(frame: &Frame<'_>, event: &FieldEvent) -> Vec<ExplainStep> {
    let HistoryEvent::V1 { read, after, before, .. } = &frame.entry.event;
    let write = read.other();
    let about = |kind, text, value: &Value, other: Option<&Value>| ExplainStep {
        side: Some(write),
        field: Some(event.field.clone()),
        value: Some(value.clone()),
        other_value: other.cloned(),
        conflict: event.conflict,
        ..frame.step(kind, text)
    };
    let mut steps = Vec::new();
    if event.strategy.is_some() {
        let winner = if event.how == FieldHow::Left { write } else { *read };
        let lost = if winner == write { event.mapped.as_ref() } else { event.old.as_ref() };
        let text = words::strategy(event, winner);
        steps.push(about(StepKind::Strategy, text, &event.value, lost));
    }
    if event.how == FieldHow::Merged {
        let text = words::merged(event, write);
        steps.push(about(StepKind::Merged, text, &event.value, event.old.as_ref()));
    }
    let there = words::observed(
        write,
        &frame.item(write),
        before,
        words::field_in_words(event.field.as_str()),
        &event.value,
    );
    let (kind, text) = match event.how {
        FieldHow::Written | FieldHow::Merged => {
            (StepKind::Written, words::written(event, write, &frame.item(write), after.as_str()))
        }
        FieldHow::Left => {
            (StepKind::Stayed, format!("{there} That value stays, and travels back."))
        }
        FieldHow::Agreed => {
            (StepKind::Stayed, format!("{there} Both sides said the same already."))
        }
        FieldHow::Kept => (
            StepKind::Stayed,
            format!("{there} It was edited there, and the option target_edits keeps such edits."),
        ),
        FieldHow::Waits => {
            let why = event.why.as_deref().unwrap_or("a person has to decide");
            (StepKind::Stayed, format!("{there} Nothing was written: {why}."))
        }
    };
    let revision = Some(after.to_string()).filter(|text| !text.is_empty());
    steps.push(ExplainStep { revision, ..about(kind, text, &event.value, event.old.as_ref()) });
    steps
}

/// The conflicts about the field, or about the item, with the decisions.
fn of_conflicts(memory: &Memory, asked: &Asked) -> Vec<ExplainStep> {
    let mut steps = Vec::new();
    for (row, decisions) in &memory.conflicts {
        let is_it = row.field.as_ref() == Some(&asked.field) || row.kind != ConflictKind::Field;
        if !is_it {
            continue;
        }
        let run = memory.run(row.execution_id);
        let mut text = words::conflict(row, &words::run(Some(&run)));
        match row.status {
            ConflictStatus::Unresolved => text.push_str(" It still waits for a decision."),
            ConflictStatus::Ignored => text.push_str(" It was put aside."),
            ConflictStatus::Resolved => {}
        }
        steps.push(ExplainStep {
            field: row.field.clone(),
            value: Some(row.source_value.clone()),
            other_value: Some(row.target_value.clone()),
            run: Some(run),
            conflict: Some(row.id),
            ..step(StepKind::Conflict, row.created_at, text)
        });
        steps.extend(decisions.iter().map(|one| ExplainStep {
            field: row.field.clone(),
            value: Some(one.value.clone()),
            actor: Some(one.resolved_by.clone()),
            conflict: Some(row.id),
            ..step(StepKind::Decision, one.decided_at, words::decision(one))
        }));
    }
    steps
}
