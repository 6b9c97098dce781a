//! Deliveries and jobs, replayed.

use serde::Serialize;
use serde_json::Value;
use syncline_app::{FieldReplay, ItemReplay, ReplayVerdict, Replayed};
use syncline_domain::STATUS_REF;
use utoipa::ToSchema;

/// What the rules make of what was read then, beside what they made. Nothing was written.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReplayView {
    message: String,
    /// as_it_was or now: whose rules
    mode: String,
    /// Always true: no tracker was asked or written.
    dry_run: bool,
    job_id: Option<String>,
    execution_id: Option<i64>,
    /// The items that the stored bytes of the delivery name, read once more; null for a job.
    item_ids: Option<Vec<String>>,
    summary: ReplaySummary,
    items: Vec<ItemReplayView>,
    /// There were more than 1,000 items.
    items_truncated: bool,
}

/// Values counted by how they compare.
#[derive(Default, Serialize, ToSchema)]
struct ReplaySummary {
    same: usize,
    different: usize,
    not_kept: usize,
    not_by_rules: usize,
    /// Items of which nothing could be replayed.
    items_without: usize,
}

#[derive(Serialize, ToSchema)]
struct ItemReplayView {
    source_id: Option<String>,
    target_id: Option<String>,
    /// The side that was read.
    read_side: Option<String>,
    /// created, updated, linked, looked, found, decided or joined
    event: Option<String>,
    execution_id: Option<i64>,
    /// The version of the rules that acted then.
    config_version: Option<i64>,
    at: Option<String>,
    fields: Vec<FieldReplayView>,
    /// Why nothing could be replayed.
    reason: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct FieldReplayView {
    /// The field of the side that was not read, or status.
    field: String,
    rule: String,
    /// written, merged, left, agreed, kept or waits
    how: String,
    /// What the rules made then.
    #[schema(value_type = Value)]
    recorded: Value,
    /// What stayed on the other side then.
    #[schema(value_type = Value)]
    written: Value,
    /// What the rules make of the same now; null also where that cannot be said.
    #[schema(value_type = Value)]
    replayed: Value,
    /// same, different, not_kept or not_by_rules
    verdict: String,
    note: Option<String>,
}

impl From<Replayed> for ReplayView {
    fn from(replayed: Replayed) -> Self {
        let items = replayed.replay.items;
        let mut summary = ReplaySummary::default();
        for item in &items {
            if item.reason.is_some() {
                summary.items_without = summary.items_without.saturating_add(1);
            }
            for field in &item.fields {
                let count = match field.verdict {
                    ReplayVerdict::Same => &mut summary.same,
                    ReplayVerdict::Different => &mut summary.different,
                    ReplayVerdict::NotKept => &mut summary.not_kept,
                    ReplayVerdict::NotByRules => &mut summary.not_by_rules,
                };
                *count = count.saturating_add(1);
            }
        }
        let named = replayed.named;
        Self {
            message: "replayed; nothing was written".to_owned(),
            mode: replayed.mode.to_string(),
            dry_run: true,
            job_id: replayed.job.map(|key| key.to_string()),
            execution_id: replayed.execution_id.map(|id| id.0),
            item_ids: named.map(|ids| ids.into_iter().map(|id| id.into_string()).collect()),
            summary,
            items: items.into_iter().map(ItemReplayView::from).collect(),
            items_truncated: replayed.replay.is_truncated,
        }
    }
}

impl From<ItemReplay> for ItemReplayView {
    fn from(item: ItemReplay) -> Self {
        Self {
            source_id: item.source_id.map(|id| id.into_string()),
            target_id: item.target_id.map(|id| id.into_string()),
            read_side: item.read.map(|side| side.to_string()),
            event: item.kind.map(|kind| kind.as_str().to_owned()),
            execution_id: item.execution_id.map(|id| id.0),
            config_version: item.config_version,
            at: item.at.map(|at| at.to_iso()),
            fields: item.fields.into_iter().map(FieldReplayView::from).collect(),
            reason: item.reason,
        }
    }
}

impl From<FieldReplay> for FieldReplayView {
    fn from(field: FieldReplay) -> Self {
        let is_status = field.field.as_str() == STATUS_REF;
        Self {
            field: if is_status { "status".to_owned() } else { field.field.into_string() },
            rule: field.rule,
            how: field.how.as_str().to_owned(),
            recorded: field.recorded,
            written: field.written,
            replayed: field.replayed.unwrap_or_default(),
            verdict: field.verdict.as_str().to_owned(),
            note: field.note,
        }
    }
}
