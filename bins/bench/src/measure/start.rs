//! The server as people start it.

use std::path::Path;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::Wishes;
use crate::process::resident_kib;
use crate::report::{Limit, Report, median};
use crate::server::{NOT_BUILT, Server, Start, program};

const READY: Limit = Limit::AtMost { must: 300.0, goal: 80.0 };
const IDLE: Limit = Limit::AtMost { must: 40.0, goal: 20.0 };
const SIZE: Limit = Limit::AtMost { must: 30.0, goal: 20.0 };

#[expect(
    clippy::disallowed_methods,
    reason = "a process at rest is watched from outside, by the machine's clock"
)]
pub(super) fn run(_: &Runtime, wishes: &Wishes, report: &mut Report) -> anyhow::Result<()> {
    let Some(binary) = program(wishes)? else {
        report.skipped("start", NOT_BUILT);
        return Ok(());
    };
    let rounds = if wishes.quick { 3 } else { 7 };
    let (mut fresh, mut again, mut idle) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let home = tempfile::tempdir()?;
        fresh.push(millis(&serve(&binary, home.path())?));
        let server = serve(&binary, home.path())?;
        again.push(millis(&server));
        if round == 0 {
            std::thread::sleep(Duration::from_secs(2));
            idle.push(resident_kib(&server.pid())? as f64 / 1_024.0);
        }
    }
    report.figure("start_new_database", median(fresh), "ms", READY);
    report.figure("start_existing_database", median(again), "ms", READY);
    report.figure("idle_memory", median(idle), "MiB", IDLE);
    let bytes = std::fs::metadata(&binary)?.len() as f64;
    report.figure("binary_size", bytes / 1e6, "MB", SIZE);
    Ok(())
}

fn serve(program: &Path, home: &Path) -> anyhow::Result<Server> {
    let database = format!("sqlite:{}", home.join("syncline.db").display());
    Server::start(&Start { program, home, database, key: None, role: "all" })
}

fn millis(server: &Server) -> f64 {
    server.took.as_secs_f64() * 1e3
}
