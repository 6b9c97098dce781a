//! `syncline connectors` and `syncline configs`.

use serde_json::{Value, json};
use syncline_app::{Caller, Cause, ConfigFilter};
use syncline_domain::ports::Check;

use super::{config_named, connector_named};
use crate::cli::{ConfigsCommand, ConnectorsCommand};
use crate::output::{Output, table};
use crate::wiring::House;

pub(crate) async fn connectors(
    house: &House,
    command: ConnectorsCommand,
    out: Output,
) -> anyhow::Result<()> {
    let caller = Caller::command_line();
    match command {
        ConnectorsCommand::List => {
            let rows = house.app.connectors(&Caller::command_line(), None).await?;
            let json: Vec<Value> = rows
                .iter()
                .map(|row| {
                    json!({
                        "id": row.id, "name": row.name, "connector_type": row.settings.connector_type,
                        "base_url": row.settings.base_url, "endpoint": row.settings.endpoint,
                        "is_active": row.is_active, "last_check": row.last_check
                    })
                })
                .collect();
            out.show(&json!({"connectors": json}), || {
                let lines = rows.iter().map(|row| {
                    let check = row.last_check.as_ref().map_or("never tested".to_owned(), |c| {
                        let word = if c.ok { "ok" } else { "failed" };
                        format!("{word}, {}", c.at)
                    });
                    vec![
                        row.id.to_string(),
                        row.name.clone(),
                        row.settings.connector_type.clone(),
                        format!("{} {}", row.settings.base_url, row.settings.endpoint),
                        check,
                    ]
                });
                table(&["id", "name", "type", "address", "last test"], lines.collect())
            });
            Ok(())
        }
        ConnectorsCommand::Test { connector } => {
            let id = connector_named(house, &connector).await?;
            match house.app.test_connector(&caller, id).await {
                Ok(checks) => {
                    show_checks(&checks, out);
                    Ok(())
                }
                Err(error) => {
                    if let (Some(checks), false) = (error.extras.get("checks"), out.json) {
                        show_checks(&serde_json::from_value::<Vec<Check>>(checks.clone())?, out);
                    } else if let Cause::Remote { details, .. } = &error.cause {
                        out.show(&json!({"ok": false, "details": details}), String::new);
                    }
                    Err(error.into())
                }
            }
        }
        ConnectorsCommand::Discover { connector } => {
            let id = connector_named(house, &connector).await?;
            let found = house.app.discover(&caller, id).await?;
            let types: Vec<Value> = found
                .schema
                .types
                .iter()
                .map(|t| json!({"type_name": t.name, "field_count": t.fields.len(), "status_count": t.statuses.len()}))
                .collect();
            let json = json!({
                "work_item_types": types, "drift": found.drift, "follows": found.follows
            });
            out.show(&json, || {
                let rows = found.schema.types.iter().map(|t| {
                    vec![t.name.clone(), t.fields.len().to_string(), t.statuses.len().to_string()]
                });
                let mut text = table(&["type", "fields", "statuses"], rows.collect());
                for line in &found.drift {
                    text.push_str(&format!(
                        "\n{} {} {} of {} {}",
                        line.change, line.what, line.name, line.type_name, line.detail
                    ));
                }
                for line in &found.follows {
                    text.push_str(&format!("\n{line}"));
                }
                text
            });
            Ok(())
        }
    }
}

fn show_checks(checks: &[Check], out: Output) {
    out.show(&json!({"checks": checks}), || {
        let lines = checks.iter().map(ToString::to_string);
        lines.collect::<Vec<_>>().join("\n")
    });
}

pub(crate) async fn configs(
    house: &House,
    command: ConfigsCommand,
    out: Output,
) -> anyhow::Result<()> {
    let caller = Caller::command_line();
    match command {
        ConfigsCommand::List => {
            let views = house.app.configs(&caller, ConfigFilter::default()).await?;
            let json: Vec<Value> = views
                .iter()
                .map(|view| {
                    let config = &view.config;
                    json!({
                        "id": config.id, "name": config.name, "source": view.source_name,
                        "target": view.target_name, "direction": config.direction,
                        "trigger_type": config.trigger_type, "is_active": config.is_active,
                        "last_sync_at": config.last_sync_at
                    })
                })
                .collect();
            out.show(&json!({"sync_configs": json}), || {
                let rows = views.iter().map(|view| {
                    let config = &view.config;
                    vec![
                        config.id.to_string(),
                        config.name.clone(),
                        format!("{} → {}", view.source_name, view.target_name),
                        config.direction.to_string(),
                        if config.is_active { "yes" } else { "no" }.to_owned(),
                        config.last_sync_at.map_or("never".to_owned(), |at| at.to_string()),
                    ]
                });
                table(
                    &["id", "name", "between", "direction", "active", "last sync"],
                    rows.collect(),
                )
            });
            Ok(())
        }
        ConfigsCommand::Validate { config } => {
            let id = config_named(house, &config).await?;
            let verdict = house.app.validate(&caller, id).await?;
            out.show(
                &json!({"config_valid": verdict.config_valid, "issues": verdict.issues}),
                || {
                    let mut lines: Vec<String> = verdict
                        .issues
                        .iter()
                        .map(|issue| {
                            let word = if issue.is_error() { "error" } else { "warning" };
                            format!("{word}: {}: {}", issue.path, issue.message)
                        })
                        .collect();
                    let end = if verdict.config_valid { "fit to run" } else { "not fit to run" };
                    lines.push(end.to_owned());
                    lines.join("\n")
                },
            );
            anyhow::ensure!(verdict.config_valid, "the configuration has errors");
            Ok(())
        }
        ConfigsCommand::Drift { config, apply } => {
            super::drift::run(house, &config, apply, out).await
        }
    }
}
