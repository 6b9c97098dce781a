//! The server as people start it.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::Wishes;
use crate::child::Owned;
use crate::process::resident_kib;
use crate::report::{Limit, Report, median};

const READY: Limit = Limit::AtMost { must: 300.0, goal: 80.0 };
const IDLE: Limit = Limit::AtMost { must: 40.0, goal: 20.0 };
const SIZE: Limit = Limit::AtMost { must: 30.0, goal: 20.0 };
/// Longest that a start may take before it is given up.
const PATIENCE: Duration = Duration::from_secs(20);

#[expect(
    clippy::disallowed_methods,
    reason = "a process at rest is watched from outside, by the machine's clock"
)]
pub(super) fn run(_: &Runtime, wishes: &Wishes, report: &mut Report) -> anyhow::Result<()> {
    let binary = match &wishes.binary {
        Some(given) => given.clone(),
        None => std::env::current_exe()?.with_file_name("syncline"),
    };
    if !binary.exists() {
        let why = "the server is not built; run cargo build --release, or name it by --binary";
        report.skipped("start", why);
        return Ok(());
    }
    let rounds = if wishes.quick { 3 } else { 7 };
    let (mut fresh, mut again, mut idle) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let home = tempfile::tempdir()?;
        let (process, took) = serve(&binary, home.path())?;
        fresh.push(took);
        drop(process);
        let (process, took) = serve(&binary, home.path())?;
        again.push(took);
        if round == 0 {
            std::thread::sleep(Duration::from_secs(2));
            idle.push(resident_kib(&process.pid())? as f64 / 1_024.0);
        }
    }
    report.figure("start_new_database", median(fresh), "ms", READY);
    report.figure("start_existing_database", median(again), "ms", READY);
    report.figure("idle_memory", median(idle), "MiB", IDLE);
    let bytes = std::fs::metadata(&binary)?.len() as f64;
    report.figure("binary_size", bytes / 1e6, "MB", SIZE);
    Ok(())
}

/// Starts the server; answers how many milliseconds passed until it said that it is ready.
#[expect(
    clippy::disallowed_methods,
    reason = "nothing here tells when another process is ready but asking it"
)]
fn serve(binary: &Path, home: &Path) -> anyhow::Result<(Owned, f64)> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let database: PathBuf = home.join("syncline.db");
    let mut command = Command::new(binary);
    command
        .arg("serve")
        .current_dir(home)
        .env("PORT", port.to_string())
        .env("HOST", "127.0.0.1")
        .env("DATABASE_URL", format!("sqlite:{}", database.display()))
        .env("RUST_LOG", "warn")
        .env_remove("ENCRYPTION_KEY")
        .env_remove("ENCRYPTION_KEY_FILE")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let begun = Instant::now();
    let process = Owned::start(&mut command)?;
    while !is_ready(port) {
        anyhow::ensure!(begun.elapsed() < PATIENCE, "{} does not get ready", binary.display());
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok((process, begun.elapsed().as_secs_f64() * 1e3))
}

fn is_ready(port: u16) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        write!(
            stream,
            "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
        )?;
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        Ok(&head == b"HTTP/1.1 200")
    };
    ask().unwrap_or(false)
}
