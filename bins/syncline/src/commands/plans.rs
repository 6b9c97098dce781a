//! `syncline plan` and `syncline apply`.

use std::sync::Arc;

use serde_json::{Value, json};
use syncline_app::{Caller, Planned, RunAsked};
use syncline_domain::ports::RunEvents;
use syncline_domain::{Change, PlanId, PlanTotals, PlannedWrite, STATUS_REF, StoredPlan};

use super::config_named;
use super::sync::{item_ids, to_the_end};
use crate::cli::PlanArgs;
use crate::config::Config;
use crate::output::{Output, table};
use crate::progress::Progress;
use crate::wiring::House;

/// Values in a table at a terminal; JSON has all.
const ROWS: usize = 200;
/// Writes that are read at once.
const PAGE: usize = 1_000;
/// Most characters of a value in a table.
const CELL: usize = 40;

pub(crate) async fn plan(house: &House, args: PlanArgs, out: Output) -> anyhow::Result<()> {
    let id = config_named(house, &args.config).await?;
    let asked = RunAsked {
        item_ids: item_ids(&args.items),
        full: args.full,
        direction: args.direction.as_deref().map(str::parse).transpose()?,
        ..RunAsked::default()
    };
    let planned = house.app.plan(&Caller::command_line(), id, asked).await?;
    let writes = all_writes(house, planned.plan.id).await?;
    out.show(&plan_json(&planned, &writes), || plan_text(&planned, &writes));
    Ok(())
}

pub(crate) async fn apply(
    config: &Config,
    plan: i64,
    ignore_tests: bool,
    out: Output,
) -> anyhow::Result<()> {
    let progress: Arc<dyn RunEvents> = Arc::new(Progress::new(out.json));
    let house = House::open(config, progress).await?;
    house.app.engine().close_orphans().await?;
    let caller = Caller::command_line();
    let started = house.app.apply_plan(&caller, PlanId(plan), ignore_tests).await?;
    to_the_end(&house, started, out).await
}

async fn all_writes(house: &House, id: PlanId) -> anyhow::Result<Vec<PlannedWrite>> {
    let mut writes = Vec::new();
    let mut after = None;
    loop {
        let page = house.app.stored_plan(&Caller::command_line(), id, after, PAGE).await?;
        writes.extend(page.writes);
        after = page.next_cursor;
        if after.is_none() {
            return Ok(writes);
        }
    }
}

fn plan_json(planned: &Planned, writes: &[PlannedWrite]) -> Value {
    let StoredPlan { id, config_id, config_version, direction, expires_at, totals, limits, .. } =
        &planned.plan;
    let items: Vec<Value> = writes
        .iter()
        .map(|write| {
            json!({
                "read_side": write.read_side, "written_side": write.written_side,
                "operation": write.operation, "source_id": write.source_id,
                "target_id": write.target_id, "source_version": write.source_version,
                "target_version": write.target_version, "title": write.title,
                "create_type": write.type_ref, "status": write.status, "fields": write.fields,
                "marker_field": write.marker_field, "comments": write.comments,
                "changes": write.changes, "rule": write.rule
            })
        })
        .collect();
    json!({
        "plan_id": id, "sync_config_id": config_id, "config_version": config_version,
        "direction": direction, "expires_at": expires_at.to_iso(), "totals": totals,
        "limits": limits, "truncated": planned.plan.is_truncated,
        "summary": planned.preview.summary, "items": items
    })
}

fn plan_text(planned: &Planned, writes: &[PlannedWrite]) -> String {
    let rows: Vec<Vec<String>> = writes.iter().flat_map(rows_of).take(ROWS).collect();
    let is_cut = rows.len() == ROWS;
    let mut lines = Vec::new();
    if !rows.is_empty() {
        lines.push(table(&["item", "what", "field", "old", "new", "rule"], rows));
    }
    if is_cut {
        lines.push(format!("the first {ROWS} values; --json prints all"));
    }
    lines.push(totals_line(&planned.plan.totals));
    lines.extend(planned.plan.limits.iter().map(|limit| {
        let verdict = if limit.exceeded { "EXCEEDED: the plan is refused" } else { "kept" };
        format!("{} = {}: {} planned, {verdict}", limit.option, limit.limit, limit.planned)
    }));
    let sums = planned.preview.summary;
    lines.push(format!(
        "{} unchanged, {} conflicts, {} filtered, {} waiting, {} errors",
        sums.unchanged, sums.conflicts, sums.filtered, sums.waiting, sums.errors
    ));
    if planned.plan.is_truncated {
        lines.push(
            "there is more to write than one plan holds; the rest comes in the next one".to_owned(),
        );
    }
    let (id, until) = (planned.plan.id, planned.plan.expires_at);
    lines.push(format!(
        "plan {id}, until {until}; nothing was written. Apply it with: syncline apply {id}"
    ));
    lines.join("\n")
}

fn totals_line(totals: &PlanTotals) -> String {
    format!(
        "{} to create, {} to update, {} to link, {} to close, {} to delete, {} to unlink; {} values",
        totals.creates,
        totals.updates,
        totals.links,
        totals.closes,
        totals.deletes,
        totals.unlinks,
        totals.values
    )
}

/// A line a value, or one line where no value is set.
fn rows_of(write: &PlannedWrite) -> Vec<Vec<String>> {
    let item = write.item(write.written_side).or(write.item(write.read_side));
    let name = format!(
        "{} {}",
        write.item(write.written_side).map_or("new,", |_| write.written_side.as_str()),
        item.map_or_else(String::new, ToString::to_string)
    );
    let what = format!("{} on the {}", write.operation, write.written_side);
    let line = |change: &Change| {
        let field =
            if change.field.as_str() == STATUS_REF { "status" } else { change.field.as_str() };
        let (old, new) = (cell(&change.old), cell(&change.new));
        vec![name.clone(), what.clone(), field.to_owned(), old, new, change.rule.clone()]
    };
    if write.changes.is_empty() {
        let note = write.comments.first().cloned().unwrap_or_default();
        let rule = write.rule.clone().unwrap_or_default();
        return vec![vec![name, what, "-".to_owned(), String::new(), cell(&note.into()), rule]];
    }
    write.changes.iter().map(line).collect()
}

fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.replace('\n', " "),
        other => other.to_string(),
    };
    match text.char_indices().nth(CELL) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or(&text)),
        None => text,
    }
}
