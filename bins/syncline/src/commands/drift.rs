//! `syncline configs drift`.

use serde_json::{Value, json};
use syncline_app::{Caller, PausedRow};
use syncline_domain::PauseId;

use super::config_named;
use crate::output::{Output, table};
use crate::wiring::House;

/// Shows what is paused, or makes a proposed edit.
pub(crate) async fn run(
    house: &House,
    config: &str,
    apply: Option<i64>,
    out: Output,
) -> anyhow::Result<()> {
    let (caller, id) = (Caller::command_line(), config_named(house, config).await?);
    if let Some(pause) = apply {
        let done = house.app.apply_drift(&caller, id, PauseId(pause)).await?;
        let json = json!({"done": done.proposal.says, "warnings": done.warnings});
        out.show(&json, || {
            let warnings = done.warnings.iter().map(|line| format!("\nwarning: {line}"));
            format!("done: {}{}", done.proposal.says, warnings.collect::<String>())
        });
        return Ok(());
    }
    let found = house.app.config_drift(&caller, id).await?;
    let rows: Vec<Value> = found.rows.iter().map(row_json).collect();
    out.show(&json!({"drift": rows}), || match found.rows.is_empty() {
        true => "nothing is paused".to_owned(),
        false => {
            let rows = found.rows.iter().map(|row| {
                vec![
                    row.pause.id.to_string(),
                    row.what.clone(),
                    row.pause.reason(),
                    row.pause.paused_at.to_string(),
                    row.proposal.as_ref().map_or("-".to_owned(), |edit| edit.says.clone()),
                ]
            });
            table(&["id", "paused", "why", "since", "proposal"], rows.collect())
        }
    });
    Ok(())
}

fn row_json(row: &PausedRow) -> Value {
    json!({
        "id": row.pause.id,
        "mapping": {"kind": row.pause.mapping.kind(), "id": row.pause.mapping.id()},
        "what": row.what, "reason": row.pause.reason(), "since": row.pause.paused_at,
        "proposal": row.proposal.as_ref().map(|edit| json!({
            "says": edit.says, "confidence": edit.confidence,
            "changes": edit.changes.iter().map(|change| json!({
                "at": change.at, "from": change.from, "to": change.to,
            })).collect::<Vec<_>>(),
            "left_out": edit.left_out,
        })),
    })
}
