//! The server as people start it, in a process of its own.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Wishes;
use crate::child::Owned;

/// Longest that a start may take before it is given up.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why a measurement of the server is left out.
pub(crate) const NOT_BUILT: &str =
    "the server is not built; run cargo build --release, or name it by --binary";

/// The server's program; `None` when it is not built.
pub(crate) fn program(wishes: &Wishes) -> anyhow::Result<Option<PathBuf>> {
    let binary = match &wishes.binary {
        Some(given) => given.clone(),
        None => std::env::current_exe()?.with_file_name("syncline"),
    };
    Ok(binary.exists().then_some(binary))
}

/// How to start it.
pub(crate) struct Start<'a> {
    pub(crate) program: &'a Path,
    /// Where it keeps what it keeps.
    pub(crate) home: &'a Path,
    /// `DATABASE_URL`.
    pub(crate) database: String,
    /// `ENCRYPTION_KEY`; it makes one itself when there is none.
    pub(crate) key: Option<&'a str>,
    /// `--role`.
    pub(crate) role: &'a str,
}

/// A running server. Dropping it is `kill -9`.
pub(crate) struct Server {
    process: Owned,
    /// Where it listens, on this machine.
    pub(crate) port: u16,
    /// How long it took until it said that it is ready.
    pub(crate) took: Duration,
}

impl Server {
    /// Starts it and waits until it says that it is ready.
    #[expect(
        clippy::disallowed_methods,
        reason = "nothing here tells when another process is ready but asking it"
    )]
    pub(crate) fn start(how: &Start<'_>) -> anyhow::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let words = how.home.join("server.log");
        let mut command = Command::new(how.program);
        command
            .args(["serve", "--role", how.role])
            .current_dir(how.home)
            .env("PORT", port.to_string())
            .env("HOST", "127.0.0.1")
            .env("DATABASE_URL", &how.database)
            .env_remove("RUST_LOG")
            .env_remove("ENCRYPTION_KEY")
            .env_remove("ENCRYPTION_KEY_FILE")
            .stdout(Stdio::null())
            .stderr(File::create(&words)?);
        if let Some(key) = how.key {
            command.env("ENCRYPTION_KEY", key);
        }
        let begun = Instant::now();
        let mut process = Owned::start(&mut command)?;
        while !is_ready(port) {
            if let Some(status) = process.ended()? {
                anyhow::bail!("the server ended ({status}): {}", last_line(&words));
            }
            let late = begun.elapsed() >= PATIENCE;
            anyhow::ensure!(!late, "the server does not get ready: {}", last_line(&words));
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(Self { process, port, took: begun.elapsed() })
    }

    /// Its id, as `/proc` wants it.
    pub(crate) fn pid(&self) -> String {
        self.process.pid()
    }

    /// `host:port`.
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

/// What the server said last.
fn last_line(words: &Path) -> String {
    let words = std::fs::read_to_string(words).unwrap_or_default();
    words.lines().last().unwrap_or("it said nothing").to_owned()
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
