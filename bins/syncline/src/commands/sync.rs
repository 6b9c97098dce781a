//! `syncline sync run` and `syncline preview`.

use std::sync::Arc;

use serde_json::{Value, json};
use syncline_app::{Caller, RunAsked, RunStarted};
use syncline_domain::ports::RunEvents;
use syncline_domain::{Execution, ExecutionStatus, ItemId, ItemOutcome};

use super::config_named;
use crate::cli::{PreviewArgs, SyncCommand};
use crate::config::Config;
use crate::output::{Output, table};
use crate::progress::Progress;
use crate::wiring::House;

/// Rows of a table at a terminal; JSON has all.
const ROWS: usize = 40;

pub(crate) async fn run(config: &Config, command: SyncCommand, out: Output) -> anyhow::Result<()> {
    let SyncCommand::Run(args) = command;
    let progress: Arc<dyn RunEvents> = Arc::new(Progress::new(out.json));
    let house = House::open(config, progress).await?;
    house.app.engine().close_orphans().await?;
    let id = config_named(&house, &args.config).await?;
    let direction = args.direction.as_deref().map(str::parse).transpose()?;
    let asked = RunAsked {
        item_ids: item_ids(&args.items),
        full: args.full,
        dry_run: args.dry_run,
        limit: None,
        direction,
    };
    let started = house.app.start_run(&Caller::command_line(), id, asked).await?;
    to_the_end(&house, started, out).await
}

/// Waits for a run, asks it to stop when the program is to end, and shows what became of it.
pub(super) async fn to_the_end(
    house: &House,
    started: RunStarted,
    out: Output,
) -> anyhow::Result<()> {
    let execution_id = started.execution_id;
    for line in &started.warnings {
        out.say(format!("warning: {line}"));
    }
    let mut ended = started.ended;
    let execution = tokio::select! {
        execution = &mut ended => execution?,
        () = crate::serve::stop_signal() => {
            // The run ends with what it has done so far; its row says so.
            house.app.cancel_run(&Caller::command_line(), execution_id).await?;
            ended.await?
        }
    };
    let (items, _) = house.app.outcomes_for_reply(execution.id).await?;
    show_run(&execution, &items, out);
    match execution.status {
        ExecutionStatus::Completed => Ok(()),
        status => anyhow::bail!("the run ended {status}"),
    }
}

pub(super) fn item_ids(items: &[String]) -> Option<Vec<ItemId>> {
    (!items.is_empty()).then(|| items.iter().map(|id| ItemId::new(id.trim())).collect())
}

/// The counts of a run and its items, in words or JSON.
pub(crate) fn show_run(execution: &Execution, items: &[ItemOutcome], out: Output) {
    let json_items: Vec<Value> = items
        .iter()
        .map(|item| {
            json!({
                "source_id": item.source_id, "target_id": item.target_id, "action": item.state,
                "title": item.title, "error": item.error, "changes": item.changes
            })
        })
        .collect();
    let json = json!({
        "execution_id": execution.id, "status": execution.status, "dry_run": execution.dry_run,
        "totals": execution.totals, "error": execution.error, "items": json_items
    });
    out.show(&json, || run_text(execution, items));
}

fn run_text(execution: &Execution, items: &[ItemOutcome]) -> String {
    let shown = items.iter().filter(|item| item.state.as_str() != "unchanged").take(ROWS);
    let rows: Vec<Vec<String>> = shown
        .map(|item| {
            let what = match &item.error {
                Some(error) => error.message.clone(),
                None => {
                    item.changes.iter().map(|c| c.field.as_str()).collect::<Vec<_>>().join(", ")
                }
            };
            vec![
                item.source_id.as_ref().map_or("-".to_owned(), ToString::to_string),
                item.target_id.as_ref().map_or("-".to_owned(), ToString::to_string),
                item.state.to_string(),
                item.title.clone(),
                what,
            ]
        })
        .collect();
    let totals = execution.totals;
    let mut text = String::new();
    if !rows.is_empty() {
        text = table(&["source", "target", "action", "title", "fields"], rows);
        text.push('\n');
    }
    text.push_str(&format!(
        "run {}: {} — {} created, {} updated, {} linked, {} unchanged, {} filtered, {} waiting, {} conflicted, {} failed",
        execution.id,
        execution.status,
        totals.created,
        totals.updated,
        totals.linked,
        totals.unchanged,
        totals.filtered,
        totals.waiting,
        totals.conflicted,
        totals.errors()
    ));
    if let Some(error) = &execution.error {
        text.push_str(&format!("\n{}: {}", error.error_type, error.message));
    }
    text
}

pub(crate) async fn preview(house: &House, args: PreviewArgs, out: Output) -> anyhow::Result<()> {
    let id = config_named(house, &args.config).await?;
    let asked =
        RunAsked { item_ids: item_ids(&args.items), full: args.full, ..RunAsked::default() };
    let preview = house.app.preview(&Caller::command_line(), id, asked).await?;
    out.show(&serde_json::to_value(&preview)?, || {
        let rows: Vec<Vec<String>> = preview
            .items
            .iter()
            .take(ROWS)
            .map(|item| {
                let action = serde_json::to_value(item.action).unwrap_or_default();
                let what = match &item.error {
                    Some(error) => error.message.clone(),
                    None => item.changes.iter().map(|c| c.field.as_str()).collect::<Vec<_>>().join(", "),
                };
                vec![
                    item.source_id.as_ref().map_or("-".to_owned(), ToString::to_string),
                    action.as_str().unwrap_or_default().to_owned(),
                    item.title.clone(),
                    what,
                ]
            })
            .collect();
        let sums = preview.summary;
        format!(
            "{}\n{} to create, {} to update, {} to link, {} unchanged, {} conflicts, {} errors; nothing was written",
            table(&["source", "action", "title", "fields"], rows),
            sums.to_create,
            sums.to_update,
            sums.to_link,
            sums.unchanged,
            sums.conflicts,
            sums.errors
        )
    });
    Ok(())
}
