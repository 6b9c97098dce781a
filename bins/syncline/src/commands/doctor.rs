//! `syncline doctor`: one line a thing, exit code 1 when something is wrong.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use syncline_app::{App, Caller};
use syncline_domain::ports::{Check, ExecutionFilter, Sealer as _, StoreExt as _};

use crate::config::{Config, data_folder};
use crate::output::Output;
use crate::wiring::House;

pub(crate) async fn run(config: anyhow::Result<Config>, out: Output) -> anyhow::Result<()> {
    let mut checks = Vec::new();
    match config {
        Err(error) => checks.push(Check::advised(
            "configuration",
            format!("{error:#}"),
            "correct the variable",
        )),
        Ok(config) => {
            checks.push(Check::passed("configuration", "every variable can be used"));
            match super::open(&config).await {
                Ok(house) => look_around(&config, &house, &mut checks).await,
                Err(error) => {
                    let advice = "check DATABASE_URL and the encryption key";
                    checks.push(Check::advised("database and key", format!("{error:#}"), advice));
                }
            }
        }
    }
    let ok = checks.iter().all(|check| check.ok);
    out.show(&json!({"ok": ok, "checks": checks}), || {
        let lines = checks.iter().map(ToString::to_string);
        lines.collect::<Vec<_>>().join("\n")
    });
    anyhow::ensure!(ok, "something is wrong");
    Ok(())
}

async fn look_around(config: &Config, house: &House, checks: &mut Vec<Check>) {
    checks.push(match house.store.ready().await {
        Ok(()) => Check::passed("database", "answers, and has every migration"),
        Err(fault) => Check::advised("database", fault.to_string(), "check that it is up"),
    });
    let key = house.vault.current_key();
    checks.push(Check::passed("key", format!("current key {key}; every stored credential opens")));
    let folder = data_folder(&config.database_url);
    // Not there where a database server keeps the data: then the place where this program runs.
    checks.push(disk(if folder.is_dir() { &folder } else { Path::new(".") }));
    checks.push(clock(house).await);
    connectors(&house.app, checks).await;
}

/// Writes where the data lies: that is the disk that must not be full.
fn disk(folder: &Path) -> Check {
    let probe = folder.join(format!(".syncline-doctor-{}", std::process::id()));
    let written = std::fs::write(&probe, vec![0_u8; 1 << 20]);
    let removed = std::fs::remove_file(&probe);
    match written.and(removed) {
        Ok(()) => Check::passed("disk", format!("1 MiB can be written to {}", folder.display())),
        Err(error) => {
            let text = format!("{} cannot be written to: {error}", folder.display());
            Check::advised("disk", text, "make room, or let this user write there")
        }
    }
}

/// A clock that stands before what is already recorded is wrong; each connector's test compares it with its tracker's.
async fn clock(house: &House) -> Check {
    let newest = house.store.view("newest", |tx| {
        let run = tx.executions(&ExecutionFilter::default(), 1)?.pop();
        let connectors = tx.connectors()?.into_iter().map(|row| row.updated_at);
        Ok(connectors.chain(run.map(|run| run.started_at)).max())
    });
    let now = house.app.now();
    match newest.await {
        Ok(Some(newest)) if newest > now => Check::advised(
            "clock",
            format!("this machine says {now}, which is before what was recorded at {newest}"),
            "set this machine's clock, best by NTP",
        ),
        Ok(_) => Check::passed("clock", format!("this machine says {now}")),
        Err(fault) => Check::advised("clock", fault.to_string(), "check the database"),
    }
}

/// Each connector by its own test, which also compares clocks.
async fn connectors(app: &App, checks: &mut Vec<Check>) {
    const PATIENCE: Duration = Duration::from_secs(20);
    let rows = match app.connectors(&Caller::command_line(), Some(true)).await {
        Ok(rows) => rows,
        Err(error) => {
            checks.push(Check::advised("connectors", error.message(), "check the database"));
            return;
        }
    };
    if rows.is_empty() {
        checks.push(Check::passed("connectors", "none registered yet"));
    }
    for row in rows {
        let name = format!("connector {}", row.name);
        let caller = Caller::command_line();
        let test = tokio::time::timeout(PATIENCE, app.test_connector(&caller, row.id)).await;
        checks.push(match test {
            Ok(Ok(lines)) => Check::passed(&name, format!("{} checks passed", lines.len())),
            Ok(Err(error)) => {
                Check::advised(&name, error.message(), "see `syncline connectors test`")
            }
            Err(_) => Check::advised(&name, "no answer in 20 seconds", "check its address"),
        });
    }
}
