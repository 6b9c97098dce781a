//! A throw-away PostgreSQL.
//!
//! [`TestDatabase::fresh`] gives an empty database: on the server that `SYNCLINE_TEST_POSTGRES` names, or else on one
//! that this process starts for itself, once, with the `initdb` it finds. A server started here belongs to a shell that
//! waits for the end of its input; so it stops and its folder goes when the process ends, even by a kill.
//!
//! A runner that gives every test a process of its own would start a server for each. The example `with_postgres`
//! starts one around any command:
//!
//! ```sh
//! cargo run -p syncline-testkit --example with_postgres -- cargo nextest run --workspace
//! ```
//!
//! ```no_run
//! use syncline_testkit::TestDatabase;
//!
//! # fn test() {
//! let Some(database) = TestDatabase::fresh() else { return };
//! println!("{}", database.url());
//! # }
//! ```

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use crate::require::or_skip;

/// The environment variable that names a server on which databases may be made and dropped.
pub const EXTERNAL: &str = "SYNCLINE_TEST_POSTGRES";

/// The user `nobody`: PostgreSQL refuses to run as root.
const NOBODY: u32 = 65_534;

/// How often another port is tried when somebody else took the one that was free a moment before.
const PORT_TRIES: usize = 5;

/// Runs a server until its input ends. `$1` is the folder, `$2` the port, `$3` how safely it writes.
const KEEPER: &str = r#"
trap '' INT TERM HUP
cd "$1" || exit 1
initdb -D "$1/data" -U test -A trust --no-sync -E UTF8 --locale=C >>"$1/log" 2>&1 || exit 1
pg_ctl -D "$1/data" -w -s -l "$1/log" -o "-c listen_addresses=127.0.0.1 -p $2 -k $1 $3 \
  -c max_connections=200" start >>"$1/log" 2>&1 || exit 1
echo ready
cat >/dev/null
pg_ctl -D "$1/data" -s -m immediate stop >>"$1/log" 2>&1
cd / && rm -rf "$1"
"#;

/// For tests: nothing outlives the server anyway.
const HASTY: &str = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off";

/// As people run it: what was committed is on the disk.
const DURABLE: &str = "-c fsync=on -c synchronous_commit=on -c full_page_writes=on";

/// The server of this process. The process is its owner, since the test harness gives its tests nothing else in common.
static SERVER: Mutex<Option<Arc<TestServer>>> = Mutex::new(None);

/// An empty database, dropped with this value.
pub struct TestDatabase {
    server: Arc<TestServer>,
    name: String,
}

impl TestDatabase {
    /// An empty database; `None`, said on standard error, when PostgreSQL is not to be had here.
    ///
    /// # Panics
    /// When `SYNCLINE_REQUIRE` names `postgres` and it is not to be had.
    #[must_use]
    pub fn fresh() -> Option<Self> {
        match Self::try_fresh() {
            Ok(database) => Some(database),
            Err(why) => {
                or_skip("postgres", &why);
                None
            }
        }
    }

    /// An empty database.
    ///
    /// # Errors
    /// What is missing or went wrong, in words.
    pub fn try_fresh() -> Result<Self, String> {
        shared_server()?.database()
    }

    /// Where it is: `postgres://...`.
    #[must_use]
    pub fn url(&self) -> String {
        with_database(&self.server.url, &self.name)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // At worst a database is left on a server that goes with the process.
        drop(self.server.sql(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)));
    }
}

/// A server to make databases on.
pub struct TestServer {
    url: String,
    tools: Option<PathBuf>,
    _own: Option<Own>,
}

/// A server that this process started.
struct Own {
    keeper: Child,
    folder: PathBuf,
}

impl Drop for Own {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let stopped = self.keeper.wait();
        if stopped.is_ok() {
            drop(std::fs::remove_dir_all(&self.folder));
        }
    }
}

impl TestServer {
    /// Starts a server that stops when this value is dropped or the process ends.
    ///
    /// # Errors
    /// What is missing or went wrong, in words.
    pub fn start() -> Result<Self, String> {
        start(HASTY)
    }

    /// The same, but whatever it commits is on the disk first: for measuring.
    ///
    /// # Errors
    /// As [`TestServer::start`].
    pub fn start_durable() -> Result<Self, String> {
        start(DURABLE)
    }

    /// An empty database on this server, dropped with the value.
    ///
    /// # Errors
    /// What went wrong, in words.
    pub fn database(self: &Arc<Self>) -> Result<TestDatabase, String> {
        let name = format!("test_{:016x}", RandomState::new().build_hasher().finish());
        self.sql(&format!("CREATE DATABASE {name} TEMPLATE template0"))?;
        Ok(TestDatabase { server: Arc::clone(self), name })
    }

    /// Where it is: `postgres://...`, with the name of a database in which others can be made.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    fn sql(&self, statement: &str) -> Result<(), String> {
        let done = command("psql", self.tools.as_deref())
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement, "-d"])
            .arg(&self.url)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("psql does not start: {error}"))?;
        if done.status.success() {
            return Ok(());
        }
        Err(format!("{statement} failed: {}", String::from_utf8_lossy(&done.stderr).trim()))
    }
}

fn shared_server() -> Result<Arc<TestServer>, String> {
    let mut shared = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = shared.as_ref() {
        return Ok(Arc::clone(server));
    }
    let server = Arc::new(match std::env::var(EXTERNAL) {
        Ok(url) if !url.is_empty() => TestServer { url, tools: tools().ok().flatten(), _own: None },
        _ => start(HASTY)?,
    });
    *shared = Some(Arc::clone(&server));
    Ok(server)
}

fn start(safety: &str) -> Result<TestServer, String> {
    let tools = tools()?;
    let mut failure = String::new();
    for _ in 0..PORT_TRIES {
        match start_on(free_port()?, safety, tools.as_deref()) {
            Ok(server) => return Ok(server),
            Err(why) => failure = why,
        }
        if !failure.contains("could not bind") {
            break;
        }
    }
    Err(failure)
}

fn start_on(port: u16, safety: &str, tools: Option<&Path>) -> Result<TestServer, String> {
    let folder = tempfile::Builder::new()
        .prefix("syncline-pg-")
        .tempdir()
        .map_err(|error| format!("no temporary folder: {error}"))?;
    let as_root = folder.path().metadata().is_ok_and(|meta| meta.uid() == 0);
    let mut keeper = command("sh", tools);
    keeper
        .args(["-c", KEEPER, "keeper"])
        .arg(folder.path())
        .arg(port.to_string())
        .arg(safety)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // A group of its own: an interrupt from the terminal must not reach it before its input ends.
        .process_group(0);
    if as_root {
        chown(folder.path(), Some(NOBODY), Some(NOBODY))
            .map_err(|error| format!("cannot give a folder to nobody: {error}"))?;
        keeper.uid(NOBODY).gid(NOBODY);
    }
    let mut keeper =
        keeper.spawn().map_err(|error| format!("no shell to start the server: {error}"))?;
    let mut line = String::new();
    if let Some(stdout) = keeper.stdout.take() {
        drop(BufReader::new(stdout).read_line(&mut line));
    }
    let own = Own { keeper, folder: folder.path().to_owned() };
    if line.trim() != "ready" {
        let log = std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        return Err(format!("the server does not start: {}", log.trim()));
    }
    // From here on the folder belongs to `own`.
    drop(folder.keep());
    Ok(TestServer {
        url: format!("postgres://test@127.0.0.1:{port}/postgres"),
        tools: tools.map(Path::to_owned),
        _own: Some(own),
    })
}

/// The folder of PostgreSQL's programs; `None` when they are on the path.
fn tools() -> Result<Option<PathBuf>, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|folder| folder.join("initdb").is_file()) {
        return Ok(None);
    }
    // Debian keeps every version in a folder of its own, off the path.
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let newest = versions
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .filter(|bin| bin.join("initdb").is_file())
        .max();
    newest.map(Some).ok_or_else(|| {
        format!("no initdb on the path or below /usr/lib/postgresql; install it or set {EXTERNAL}")
    })
}

/// A program that is looked for among PostgreSQL's own first.
fn command(program: &str, tools: Option<&Path>) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = tools.map(Path::to_owned).into_iter().chain(std::env::split_paths(&path));
    let mut command = Command::new(program);
    if let Ok(joined) = std::env::join_paths(folders) {
        command.env("PATH", joined);
    }
    command
}

fn free_port() -> Result<u16, String> {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|socket| socket.local_addr())
        .map(|address| address.port())
        .map_err(|error| format!("no free port: {error}"))
}

/// The same server's address with another database.
fn with_database(url: &str, name: &str) -> String {
    let (address, query) = match url.split_once('?') {
        Some((address, query)) => (address, format!("?{query}")),
        None => (url, String::new()),
    };
    let host = address.find("://").map_or(0, |at| at + "://".len());
    let end = address[host..].find('/').map_or(address.len(), |at| host + at);
    format!("{}/{name}{query}", &address[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_is_exchanged_in_an_address() {
        for (url, expected) in [
            ("postgres://u@h:1/postgres", "postgres://u@h:1/x"),
            ("postgres://u:p@h", "postgres://u:p@h/x"),
            ("postgres://h/a?sslmode=disable", "postgres://h/x?sslmode=disable"),
        ] {
            assert_eq!(with_database(url, "x"), expected);
        }
    }

    #[test]
    fn databases_are_made_and_used() {
        let Some(one) = TestDatabase::fresh() else {
            return;
        };
        let two = TestDatabase::try_fresh().unwrap();
        assert_ne!(one.url(), two.url());
        let inside = TestServer { url: two.url(), tools: one.server.tools.clone(), _own: None };
        inside.sql("CREATE TABLE t (x int)").unwrap();
        assert!(inside.sql("SELECT nonsense").is_err());
    }

    #[test]
    fn a_server_leaves_nothing_behind() {
        let server = match TestServer::start() {
            Ok(server) => server,
            Err(why) => {
                or_skip("postgres", &why);
                return;
            }
        };
        server.sql("SELECT 1").unwrap();
        let folder = server._own.as_ref().map(|own| own.folder.clone()).unwrap();
        assert!(folder.exists());
        drop(server);
        assert!(!folder.exists());
    }
}
