//! `syncline conflicts`.

use anyhow::bail;
use serde_json::{Value, json};
use syncline_app::{Caller, ConflictView, DecisionAsked};
use syncline_domain::ports::ConflictFilter;
use syncline_domain::{Conflict, ConflictId, ConflictStatus, Resolution, ResolutionChoice, Side};

use super::config_named;
use crate::cli::{ConflictsCommand, ConflictsListArgs, ResolveArgs};
use crate::output::{Output, table};
use crate::wiring::House;

/// Conflicts that are printed at most.
const MOST: usize = 500;
/// Most characters of a value in a table.
const CELL: usize = 60;

pub(crate) async fn run(
    house: &House,
    command: ConflictsCommand,
    out: Output,
) -> anyhow::Result<()> {
    match command {
        ConflictsCommand::List(args) => list(house, args, out).await,
        ConflictsCommand::Show { id } => show(house, ConflictId(id), out).await,
        ConflictsCommand::Resolve(args) => resolve(house, args, out).await,
    }
}

async fn list(house: &House, args: ConflictsListArgs, out: Output) -> anyhow::Result<()> {
    let config_id = match args.config {
        Some(which) => Some(config_named(house, &which).await?),
        None => None,
    };
    let filter = ConflictFilter {
        config_id,
        status: Some(args.status.parse::<ConflictStatus>()?),
        ..ConflictFilter::default()
    };
    let page = house.app.conflicts(&Caller::command_line(), filter, 0, MOST).await?;
    let rows: Vec<Value> = page.conflicts.iter().map(conflict_json).collect();
    out.show(&json!({"total": page.total, "conflicts": rows}), || {
        let lines = page.conflicts.iter().map(|view| {
            let one = &view.conflict;
            vec![
                one.id.to_string(),
                view.config_name.clone(),
                one.title.clone(),
                field_of(one),
                cell(&said_by(one, Side::Source)),
                cell(&said_by(one, Side::Target)),
                one.created_at.to_string(),
            ]
        });
        let head = ["id", "configuration", "item", "field", "source", "target", "since"];
        let mut text = table(&head, lines.collect());
        if page.next_cursor.is_some() {
            text.push_str(&format!("\nthe newest {MOST} of {}", page.total));
        }
        text
    });
    Ok(())
}

async fn show(house: &House, id: ConflictId, out: Output) -> anyhow::Result<()> {
    let state = house.app.conflict(&Caller::command_line(), id).await?;
    let decisions: Vec<Value> = state.resolutions.iter().map(resolution_json).collect();
    let json = json!({"conflict": conflict_json(&state.view), "resolutions": decisions});
    out.show(&json, || {
        let one = &state.view.conflict;
        let mut lines = vec![
            format!("conflict {id} ({}), {}", one.kind, one.status),
            format!("configuration  {}", state.view.config_name),
            format!(
                "item           {} ({}, {})",
                one.title, one.source_item_id, one.target_item_id
            ),
            format!("field          {}", field_of(one)),
            format!("agreed last    {}", one.base_value),
            format!("source         {}", said_by(one, Side::Source)),
            format!("target         {}", said_by(one, Side::Target)),
            format!("reason         {}", one.reason),
        ];
        lines.extend(state.resolutions.iter().map(decision_line));
        lines.join("\n")
    });
    Ok(())
}

async fn resolve(house: &House, args: ResolveArgs, out: Output) -> anyhow::Result<()> {
    let (choice, value) = match (args.side, args.value) {
        (Some(side), _) => (side.parse::<ResolutionChoice>()?, Value::Null),
        (None, Some(text)) => {
            (ResolutionChoice::Value, serde_json::from_str(&text).unwrap_or(Value::String(text)))
        }
        (None, None) => bail!("say --use source, target or base, or give a --value"),
    };
    let asked = DecisionAsked {
        choice,
        value,
        rationale: args.rationale,
        resolved_by: args.by,
        apply_immediately: !args.later,
    };
    let caller = Caller::command_line();
    let decided = house.app.resolve_conflict(&caller, ConflictId(args.id), asked).await?;
    let json = json!({
        "application_result": decided.applied, "message": decided.message,
        "conflict_status": decided.conflict.status, "resolution": resolution_json(&decided.resolution)
    });
    out.show(&json, || decided.message.clone());
    if !decided.applied && !args.later {
        bail!("the conflict still waits: {}", decided.message);
    }
    Ok(())
}

fn field_of(conflict: &Conflict) -> String {
    conflict.field.as_ref().map_or_else(|| "(the item)".to_owned(), ToString::to_string)
}

/// What a side says; one that deleted the item says that.
fn said_by(conflict: &Conflict, side: Side) -> Value {
    if conflict.deleted_side == Some(side) {
        return json!("(deleted)");
    }
    match side {
        Side::Source => conflict.source_value.clone(),
        Side::Target => conflict.target_value.clone(),
    }
}

fn cell(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.chars().take(CELL).collect()
}

fn decision_line(one: &Resolution) -> String {
    let end = match (&one.applied_at, &one.error) {
        (Some(at), _) => format!("applied {at}"),
        (None, Some(error)) => format!("not applied: {error}"),
        (None, None) => "not applied yet".to_owned(),
    };
    format!(
        "decision {}     {} by {}, {}; {end}",
        one.id, one.choice, one.resolved_by, one.decided_at
    )
}

fn conflict_json(view: &ConflictView) -> Value {
    let one = &view.conflict;
    json!({
        "id": one.id, "sync_config_id": one.config_id, "sync_config_name": view.config_name,
        "conflict_type": one.kind, "field_name": one.field, "title": one.title,
        "source_item_id": one.source_item_id, "target_item_id": one.target_item_id,
        "base_value": one.base_value, "source_value": one.source_value, "target_value": one.target_value,
        "deleted_side": one.deleted_side, "reason": one.reason, "status": one.status, "created_at": one.created_at
    })
}

fn resolution_json(one: &Resolution) -> Value {
    json!({
        "id": one.id, "use": one.choice, "resolved_value": one.value, "strategy": one.strategy,
        "rationale": one.rationale, "resolved_by": one.resolved_by, "decided_at": one.decided_at,
        "applied_at": one.applied_at, "error": one.error
    })
}
