//! The sentences of an explanation.

use serde_json::Value;
use syncline_domain::{
    Conflict, FieldEvent, HistoryKind, Observed, Resolution, ResolutionChoice, STATUS_REF, Side,
    StepTaken,
};

use super::RunSeen;

/// A value as a person reads it.
#[must_use]
pub fn value_in_words(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        other => other.to_string(),
    }
}

pub(crate) fn field_in_words(field: &str) -> &str {
    if field == STATUS_REF { "the status" } else { field }
}

/// `run 45 (scheduled: schedule 0 * * * *, 2026-...)`
pub(super) fn run(run: Option<&RunSeen>) -> String {
    match run {
        None => "no run".to_owned(),
        Some(RunSeen { id, trigger: None }) => format!("run {id} (no longer kept)"),
        Some(RunSeen { id, trigger: Some((trigger, by)) }) if by.is_empty() => {
            format!("run {id} ({trigger})")
        }
        Some(RunSeen { id, trigger: Some((trigger, by)) }) => format!("run {id} ({trigger}: {by})"),
    }
}

/// What kind of event made the two items a pair.
pub(super) fn paired(kind: HistoryKind, who: &str) -> Option<String> {
    Some(match kind {
        HistoryKind::Created => format!("{who} made the copy."),
        HistoryKind::Linked => {
            format!(
                "{who} found the two items to be copies of each other already, and joined them."
            )
        }
        HistoryKind::Joined => {
            "A person joined the two items; both were taken as they were, and nothing was written."
                .to_owned()
        }
        HistoryKind::Found => format!(
            "{who} had written, and its answer was lost; the write was found on the tracker afterwards."
        ),
        HistoryKind::Updated | HistoryKind::Looked | HistoryKind::Decided => return None,
    })
}

/// What was read where.
pub(super) fn observed(
    side: Side,
    item: &str,
    seen: &Observed,
    field: &str,
    value: &Value,
) -> String {
    let mut text = format!("The {side} item {item}");
    if !seen.version.as_str().is_empty() {
        text.push_str(&format!(" at revision {}", seen.version));
    }
    match (&seen.by, &seen.at) {
        (Some(by), Some(at)) => text.push_str(&format!(", changed by {by} at {}", at.to_iso())),
        (Some(by), None) => text.push_str(&format!(", changed by {by}")),
        (None, Some(at)) => text.push_str(&format!(", changed at {}", at.to_iso())),
        (None, None) => {}
    }
    text.push_str(&format!(", showed {} in {field}.", value_in_words(value)));
    text
}

/// What a rule made of it.
pub(super) fn mapped(event: &FieldEvent, version: i64, made: &Value) -> String {
    let made = value_in_words(made);
    if event.rule.is_empty() {
        return format!("The rules of version {version} made {made} of it.");
    }
    let steps = steps(&event.steps);
    format!("The rule \"{}\" of version {version} made {made} of it{steps}.", event.rule)
}

fn steps(steps: &[StepTaken]) -> String {
    if steps.is_empty() {
        return String::new();
    }
    let one = |step: &StepTaken| {
        let args = match &step.args {
            Value::Null => String::new(),
            args => format!(" {args}"),
        };
        format!("{}{args} gave {}", step.name, value_in_words(&step.output))
    };
    format!(": {}", steps.iter().map(one).collect::<Vec<_>>().join(", then "))
}

/// Both sides had changed the value, and one was made of the two.
pub(super) fn merged(event: &FieldEvent, write: Side) -> String {
    let base = event
        .base
        .as_ref()
        .map_or_else(String::new, |base| format!(" since they agreed on {}", value_in_words(base)));
    let there = event
        .old
        .as_ref()
        .map_or_else(String::new, |old| format!(" (the {write} showed {})", value_in_words(old)));
    format!(
        "Both sides had changed it{base}{there}; both changes were merged to {}.",
        value_in_words(&event.value)
    )
}

/// The strategy chose.
pub(super) fn strategy(event: &FieldEvent, winner: Side) -> String {
    let strategy = event.strategy.map(|word| word.to_string()).unwrap_or_default();
    let loser = winner.other();
    format!(
        "Both sides had changed it, and the strategy {strategy} let the {winner} win; the {loser}'s value was given up."
    )
}

/// What was written.
pub(super) fn written(event: &FieldEvent, side: Side, item: &str, revision: &str) -> String {
    let value = value_in_words(&event.value);
    let field = field_in_words(event.field.as_str());
    let revision = if revision.is_empty() {
        String::new()
    } else {
        format!(", which is at revision {revision} since")
    };
    let old = event
        .old
        .as_ref()
        .map_or_else(String::new, |old| format!(" It had shown {} before.", value_in_words(old)));
    let shown = event.shown.as_ref().map_or_else(String::new, |shown| {
        format!(" The tracker shows it as {}.", value_in_words(shown))
    });
    format!("{value} was written to {field} of {side} item {item}{revision}.{old}{shown}")
}

/// A conflict that was found.
pub(super) fn conflict(conflict: &Conflict, run: &str) -> String {
    format!(
        "Conflict {} was found by {run}: {}. The source said {}, the target {}; they had agreed on {} last.",
        conflict.id,
        conflict.reason,
        value_in_words(&conflict.source_value),
        value_in_words(&conflict.target_value),
        value_in_words(&conflict.base_value)
    )
}

/// A decision about it.
pub(super) fn decision(one: &Resolution) -> String {
    let choice = match one.choice {
        ResolutionChoice::Source => "the source's value stays".to_owned(),
        ResolutionChoice::Target => "the target's value stays".to_owned(),
        ResolutionChoice::Base => "both go back to what they agreed on last".to_owned(),
        ResolutionChoice::Value => format!("both show {}", value_in_words(&one.value)),
        ResolutionChoice::Agreement => "both sides came to the same by themselves".to_owned(),
    };
    let reason =
        if one.rationale.is_empty() { String::new() } else { format!(" (\"{}\")", one.rationale) };
    let end = match (&one.applied_at, &one.error) {
        (Some(at), _) => format!("carried out at {}", at.to_iso()),
        (None, Some(error)) => format!("not carried out: {error}"),
        (None, None) => "not carried out yet".to_owned(),
    };
    format!(
        "Conflict {} was decided by {} at {}: {choice}{reason}; {end}.",
        one.conflict_id,
        one.resolved_by,
        one.decided_at.to_iso()
    )
}
