//! `syncline doctor`: one line a thing, exit code 1 when something is wrong.

use std::time::Duration;

use serde_json::json;
use syncline_app::{App, Caller};
use syncline_domain::ports::{Check, Sealer as _};

use crate::config::Config;
use crate::output::Output;
use crate::wiring::House;

pub(crate) async fn run(config: anyhow::Result<Config>, out: Output) -> anyhow::Result<()> {
    let mut checks = Vec::new();
    match config {
        Err(error) => {
            checks.push(bad("configuration", format!("{error:#}"), "correct the variable"))
        }
        Ok(config) => {
            checks.push(good("configuration", "every variable can be used"));
            match super::open(&config).await {
                Ok(house) => look_around(&house, &mut checks).await,
                Err(error) => {
                    let advice = "check DATABASE_URL and the encryption key";
                    checks.push(bad("database and key", format!("{error:#}"), advice));
                }
            }
        }
    }
    let ok = checks.iter().all(|check| check.ok);
    out.show(&json!({"ok": ok, "checks": checks}), || {
        let lines = checks.iter().map(|check| {
            let mark = if check.ok { "✓" } else { "✗" };
            let advice =
                check.what_to_do.as_ref().map_or(String::new(), |text| format!("; {text}"));
            format!("{mark} {}: {}{advice}", check.name, check.message)
        });
        lines.collect::<Vec<_>>().join("\n")
    });
    anyhow::ensure!(ok, "something is wrong");
    Ok(())
}

async fn look_around(house: &House, checks: &mut Vec<Check>) {
    checks.push(match house.store.ready().await {
        Ok(()) => good("database", "answers, and has every migration"),
        Err(fault) => bad("database", fault.to_string(), "check that it is up"),
    });
    let key = house.vault.current_key();
    checks.push(good("key", format!("current key {key}; every stored credential opens")));
    checks.push(disk());
    connectors(&house.app, checks).await;
}

fn disk() -> Check {
    let probe = std::env::temp_dir().join(format!("syncline-doctor-{}", std::process::id()));
    let written = std::fs::write(&probe, vec![0_u8; 1 << 20]);
    let removed = std::fs::remove_file(&probe);
    match written.and(removed) {
        Ok(()) => good("disk", "a file of 1 MiB can be written"),
        Err(error) => bad("disk", error.to_string(), "make room"),
    }
}

/// Each connector by its own test, which also compares clocks.
async fn connectors(app: &App, checks: &mut Vec<Check>) {
    const PATIENCE: Duration = Duration::from_secs(20);
    let rows = match app.connectors(&Caller::command_line(), Some(true)).await {
        Ok(rows) => rows,
        Err(error) => {
            checks.push(bad("connectors", error.message(), "check the database"));
            return;
        }
    };
    if rows.is_empty() {
        checks.push(good("connectors", "none registered yet"));
    }
    for row in rows {
        let name = format!("connector {}", row.name);
        let caller = Caller::command_line();
        let test = tokio::time::timeout(PATIENCE, app.test_connector(&caller, row.id)).await;
        checks.push(match test {
            Ok(Ok(lines)) => good(&name, format!("{} checks passed", lines.len())),
            Ok(Err(error)) => bad(&name, error.message(), "see `syncline connectors test`"),
            Err(_) => bad(&name, "no answer in 20 seconds", "check its address"),
        });
    }
}

fn good(name: &str, message: impl Into<String>) -> Check {
    Check { name: name.to_owned(), ok: true, message: message.into(), what_to_do: None }
}

fn bad(name: &str, message: impl Into<String>, what_to_do: &str) -> Check {
    Check {
        name: name.to_owned(),
        ok: false,
        message: message.into(),
        what_to_do: Some(what_to_do.to_owned()),
    }
}
