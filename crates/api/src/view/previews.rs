//! What a run would do, and what rules make of an item.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use syncline_app::{
    Issue, Mapped, Planned, PreviewAction, PreviewItem, PreviewSummary, Trial, Validation,
};
use utoipa::ToSchema;

use super::connectors::ItemView;
use super::executions::{ChangeView, ErrorView};
use super::plans::PlanHead;

/// Items in one reply at most.
const MOST: usize = 1_000;

/// What a run would do now. Nothing was written.
#[derive(Serialize, ToSchema)]
pub(crate) struct PreviewView {
    /// Apply it with POST /api/execute/apply/{planId}; read all its writes with GET /api/execute/plans/{planId}.
    plan_id: i64,
    plan: PlanHead,
    /// At most 1,000: those first of which something would be written or said.
    items: Vec<PreviewLine>,
    /// There may be more items than these.
    items_truncated: bool,
    summary: SummaryView,
}

#[derive(Serialize, ToSchema)]
struct PreviewLine {
    source_id: Option<String>,
    source_type: String,
    title: String,
    /// create, update, link, unchanged, conflict, filtered, waiting or error
    action: String,
    target_id: Option<String>,
    changes: Vec<ChangeView>,
    #[schema(value_type = Object)]
    mapped_fields: BTreeMap<String, Value>,
    rule: Option<String>,
    error: Option<ErrorView>,
}

#[derive(Serialize, ToSchema)]
struct SummaryView {
    to_create: u64,
    to_update: u64,
    to_link: u64,
    unchanged: u64,
    conflicts: u64,
    filtered: u64,
    waiting: u64,
    errors: u64,
}

impl From<Planned> for PreviewView {
    fn from(planned: Planned) -> Self {
        let Planned { preview, plan } = planned;
        let is_cut = preview.items.len() > MOST;
        let mut items = preview.items;
        if is_cut {
            items.sort_by_key(|item| item.action == PreviewAction::Unchanged);
            items.truncate(MOST);
        }
        Self {
            plan_id: plan.id.0,
            plan: plan.into(),
            items_truncated: preview.truncated || is_cut,
            summary: preview.summary.into(),
            items: items.into_iter().map(PreviewLine::from).collect(),
        }
    }
}

impl From<PreviewSummary> for SummaryView {
    fn from(sums: PreviewSummary) -> Self {
        Self {
            to_create: sums.to_create,
            to_update: sums.to_update,
            to_link: sums.to_link,
            unchanged: sums.unchanged,
            conflicts: sums.conflicts,
            filtered: sums.filtered,
            waiting: sums.waiting,
            errors: sums.errors,
        }
    }
}

impl From<PreviewItem> for PreviewLine {
    fn from(item: PreviewItem) -> Self {
        let action = serde_json::to_value(item.action).unwrap_or_default();
        Self {
            source_id: item.source_id.map(|id| id.into_string()),
            source_type: item.source_type,
            title: item.title,
            action: action.as_str().unwrap_or_default().to_owned(),
            target_id: item.target_id.map(|id| id.into_string()),
            changes: item.changes.into_iter().map(ChangeView::from).collect(),
            mapped_fields: item
                .mapped_fields
                .into_iter()
                .map(|(field, value)| (field.into_string(), value))
                .collect(),
            rule: item.rule,
            error: item.error.map(ErrorView::from),
        }
    }
}

/// Whether a configuration is fit to run.
#[derive(Serialize, ToSchema)]
pub(crate) struct ValidationView {
    validation: Verdict,
}

#[derive(Serialize, ToSchema)]
struct Verdict {
    config_valid: bool,
    issues: Vec<IssueView>,
}

#[derive(Serialize, ToSchema)]
struct IssueView {
    /// error or warning
    #[serde(rename = "type")]
    kind: String,
    field: String,
    path: String,
    message: String,
}

impl From<Issue> for IssueView {
    fn from(issue: Issue) -> Self {
        let kind = if issue.is_error() { "error" } else { "warning" };
        Self {
            kind: kind.to_owned(),
            field: issue.field.unwrap_or_else(|| issue.path.clone()),
            path: issue.path,
            message: issue.message,
        }
    }
}

impl From<Validation> for ValidationView {
    fn from(validation: Validation) -> Self {
        Self {
            validation: Verdict {
                config_valid: validation.config_valid,
                issues: validation.issues.into_iter().map(IssueView::from).collect(),
            },
        }
    }
}

/// What the rules made of an item, step by step.
#[derive(Serialize, ToSchema)]
pub(crate) struct TrialView {
    source: ItemView,
    mapped: MappedView,
    #[schema(value_type = Vec<Object>)]
    trace: Value,
    #[schema(value_type = Vec<Object>)]
    faults: Value,
}

#[derive(Serialize, ToSchema)]
struct MappedView {
    #[serde(rename = "type")]
    kind: String,
    status: Option<String>,
    #[schema(value_type = Object)]
    fields: BTreeMap<String, Value>,
}

impl From<Trial> for TrialView {
    fn from(trial: Trial) -> Self {
        let Mapped { type_ref, status, fields, faults, trace, .. } = trial.mapped;
        Self {
            source: trial.source.into(),
            mapped: MappedView {
                kind: type_ref,
                status,
                fields: fields.into_iter().map(|(k, v)| (k.into_string(), v)).collect(),
            },
            trace: serde_json::to_value(trace).unwrap_or_default(),
            faults: serde_json::to_value(faults).unwrap_or_default(),
        }
    }
}
