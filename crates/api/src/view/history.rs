//! The history of a pair, and why its values are what they are.

use serde::Serialize;
use serde_json::Value;
use syncline_app::{ExplainStep, Explained, FieldExplained, PairHistory, RunSeen};
use syncline_domain::{
    Execution, FieldEvent, HistoryEntry, HistoryEvent, Observed, STATUS_REF, StepTaken,
};
use utoipa::ToSchema;

/// What happened to a pair, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct HistoryList {
    pair_id: i64,
    source_item_id: String,
    target_item_id: Option<String>,
    total: u64,
    count: usize,
    entries: Vec<HistoryEntryView>,
    /// Send it as `cursor` for the next page; null on the last.
    next_cursor: Option<String>,
}

/// One write, or one look that settled something.
#[derive(Serialize, ToSchema)]
pub(crate) struct HistoryEntryView {
    id: i64,
    at: String,
    /// created, linked, joined, updated, looked, found (a write whose answer had been lost) or decided
    event: String,
    /// The side that was read: source or target.
    read_side: String,
    /// Null when no run did it.
    run: Option<RunSeenView>,
    /// The version of the configuration that acted.
    config_version: i64,
    /// The item that was read.
    read: ObservedView,
    /// The other item before.
    before: ObservedView,
    /// The other item's revision afterwards.
    revision_after: Option<String>,
    fields: Vec<SettledFieldView>,
}

/// A run, and what started it.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunSeenView {
    execution_id: i64,
    /// manual, scheduled, webhook or retry; null when the run is no longer kept.
    trigger: Option<String>,
    /// Who or what, in words.
    triggered_by: Option<String>,
}

/// An item as it was when somebody looked.
#[derive(Serialize, ToSchema)]
pub(crate) struct ObservedView {
    revision: Option<String>,
    /// Who had changed it last, where the tracker tells.
    changed_by: Option<String>,
    /// When, by the tracker's clock.
    changed_at: Option<String>,
}

/// What was settled about one field. Long values are excerpts.
#[derive(Serialize, ToSchema)]
pub(crate) struct SettledFieldView {
    /// The field of the side that was not read; status for the status.
    field: String,
    /// written, merged, left (the other side's value stays), agreed, kept or waits
    outcome: String,
    rule: Option<String>,
    /// What the rule read; null when it is the value itself.
    #[schema(value_type = Value)]
    input: Value,
    transformation: Vec<RuleStepView>,
    /// The value that stays.
    #[schema(value_type = Value)]
    value: Value,
    /// What the rules made, where another value stays.
    #[schema(value_type = Value)]
    mapped_value: Value,
    /// What was there before.
    #[schema(value_type = Value)]
    old_value: Value,
    /// What both had agreed on last, where both had changed it.
    #[schema(value_type = Value)]
    base_value: Value,
    /// What the tracker showed afterwards, where it is something else than what was written.
    #[schema(value_type = Value)]
    shown_value: Value,
    /// The strategy that chose between the two sides.
    strategy: Option<String>,
    /// The conflict that ended with it.
    conflict_id: Option<i64>,
    /// Why it waits.
    reason: Option<String>,
}

/// One step of a rule.
#[derive(Serialize, ToSchema)]
pub(crate) struct RuleStepView {
    name: String,
    #[schema(value_type = Value)]
    args: Value,
    #[schema(value_type = Value)]
    output: Value,
}

/// Why the fields of a pair have their values.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExplainedView {
    pair_id: i64,
    source_item_id: String,
    target_item_id: Option<String>,
    count: usize,
    explanations: Vec<ExplanationView>,
}

/// Why one field has its value.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExplanationView {
    /// The target's field; status for the status.
    field: String,
    source_fields: Vec<String>,
    /// The rule that is in force now, in words.
    rule: Option<String>,
    /// The version of the configuration now.
    config_version: i64,
    /// What the source showed when both sides were in step last; null when nobody knows.
    #[schema(value_type = Value)]
    source_value: Value,
    /// What the target showed then.
    #[schema(value_type = Value)]
    target_value: Value,
    agreed_at: Option<String>,
    /// The whole story for people.
    sentences: Vec<String>,
    /// The same for programs, oldest first.
    steps: Vec<ExplainStepView>,
}

/// One step of an explanation.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExplainStepView {
    /// paired, observed, mapped, merged, strategy, written, stayed, conflict or decision
    kind: String,
    at: String,
    text: String,
    side: Option<String>,
    field: Option<String>,
    #[schema(value_type = Value)]
    value: Value,
    /// What was there before, or what lost.
    #[schema(value_type = Value)]
    other_value: Value,
    revision: Option<String>,
    /// Who had changed the item, or who decided.
    actor: Option<String>,
    rule: Option<String>,
    config_version: Option<i64>,
    transformation: Vec<RuleStepView>,
    run: Option<RunSeenView>,
    conflict_id: Option<i64>,
}

fn shown(field: &str) -> String {
    if field == STATUS_REF { "status".to_owned() } else { field.to_owned() }
}

impl From<PairHistory> for HistoryList {
    fn from(history: PairHistory) -> Self {
        let runs = &history.runs;
        let entries: Vec<HistoryEntryView> = history
            .entries
            .into_iter()
            .map(|entry| {
                let run = entry.execution_id.map(|id| RunSeenView::new(id.0, runs.get(&id)));
                HistoryEntryView::new(entry, run)
            })
            .collect();
        Self {
            pair_id: history.pair.id.0,
            source_item_id: history.pair.source_item_id.into_string(),
            target_item_id: history.pair.target_item_id.map(|id| id.into_string()),
            total: history.total,
            count: entries.len(),
            entries,
            next_cursor: history.next.map(|id| id.to_string()),
        }
    }
}

impl HistoryEntryView {
    fn new(entry: HistoryEntry, run: Option<RunSeenView>) -> Self {
        let HistoryEvent::V1 { kind, read, from, before, after, fields } = entry.event;
        Self {
            id: entry.id.0,
            at: entry.at.to_iso(),
            event: kind.as_str().to_owned(),
            read_side: read.to_string(),
            run,
            config_version: entry.config_version,
            read: from.into(),
            before: before.into(),
            revision_after: some(after.into_string()),
            fields: fields.into_iter().map(SettledFieldView::from).collect(),
        }
    }
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

impl RunSeenView {
    fn new(id: i64, run: Option<&Execution>) -> Self {
        Self {
            execution_id: id,
            trigger: run.map(|run| run.trigger.to_string()),
            triggered_by: run.map(|run| run.triggered_by.clone()),
        }
    }
}

impl From<RunSeen> for RunSeenView {
    fn from(run: RunSeen) -> Self {
        let (trigger, triggered_by) = run.trigger.unzip();
        Self { execution_id: run.id.0, trigger: trigger.map(|word| word.to_string()), triggered_by }
    }
}

impl From<Observed> for ObservedView {
    fn from(seen: Observed) -> Self {
        Self {
            revision: some(seen.version.into_string()),
            changed_by: seen.by,
            changed_at: seen.at.map(|at| at.to_iso()),
        }
    }
}

impl From<FieldEvent> for SettledFieldView {
    fn from(event: FieldEvent) -> Self {
        Self {
            field: shown(event.field.as_str()),
            outcome: event.how.as_str().to_owned(),
            rule: some(event.rule),
            input: event.input.unwrap_or_default(),
            transformation: event.steps.into_iter().map(RuleStepView::from).collect(),
            value: event.value,
            mapped_value: event.mapped.unwrap_or_default(),
            old_value: event.old.unwrap_or_default(),
            base_value: event.base.unwrap_or_default(),
            shown_value: event.shown.unwrap_or_default(),
            strategy: event.strategy.map(|word| word.to_string()),
            conflict_id: event.conflict.map(|id| id.0),
            reason: event.why,
        }
    }
}

impl From<StepTaken> for RuleStepView {
    fn from(step: StepTaken) -> Self {
        Self { name: step.name, args: step.args, output: step.output }
    }
}

impl From<Explained> for ExplainedView {
    fn from(told: Explained) -> Self {
        Self {
            pair_id: told.pair.id.0,
            source_item_id: told.pair.source_item_id.into_string(),
            target_item_id: told.pair.target_item_id.map(|id| id.into_string()),
            count: told.fields.len(),
            explanations: told.fields.into_iter().map(ExplanationView::from).collect(),
        }
    }
}

impl From<FieldExplained> for ExplanationView {
    fn from(told: FieldExplained) -> Self {
        Self {
            field: shown(told.field.as_str()),
            source_fields: told.source_fields.iter().map(|field| shown(field.as_str())).collect(),
            rule: some(told.rule),
            config_version: told.config_version,
            source_value: told.source_value.unwrap_or_default(),
            target_value: told.target_value.unwrap_or_default(),
            agreed_at: told.agreed_at.map(|at| at.to_iso()),
            sentences: told.sentences,
            steps: told.steps.into_iter().map(ExplainStepView::from).collect(),
        }
    }
}

impl From<ExplainStep> for ExplainStepView {
    fn from(step: ExplainStep) -> Self {
        Self {
            kind: step.kind.as_str().to_owned(),
            at: step.at.to_iso(),
            text: step.text,
            side: step.side.map(|side| side.to_string()),
            field: step.field.map(|field| shown(field.as_str())),
            value: step.value.unwrap_or_default(),
            other_value: step.other_value.unwrap_or_default(),
            revision: step.revision,
            actor: step.actor,
            rule: step.rule,
            config_version: step.config_version,
            transformation: step.transformation.into_iter().map(RuleStepView::from).collect(),
            run: step.run.map(RunSeenView::from),
            conflict_id: step.conflict.map(|id| id.0),
        }
    }
}
