//! Opening connections, and r2d2's manager over it.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{ManageConnection, R2D2Connection};
use diesel::sql_types::Text;

use crate::config::Place;
use crate::db::{Db, on_db};
use crate::error::StorageError;

/// What every SQLite connection needs. The wait for a lock is in milliseconds.
const SQLITE_ALWAYS: &str = "PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON;";

/// A commit is on the disk before anybody hears of it; checkpoints are another thread's work.
const SQLITE_WRITER: &str =
    "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA temp_store = MEMORY;";

/// There are several, and the system keeps pages of the file, too: each holds at most 1,000 KiB of them, half of the usual.
const SQLITE_READER: &str = "PRAGMA query_only = ON; PRAGMA cache_size = -1000;";

/// What every PostgreSQL connection needs. A process that was frozen, or a machine that went away, inside a transaction
/// must not keep its rows locked: the server ends such a session before the lease of a job is over (30 s), so that
/// whoever rescues the job does not wait. A transaction does no I/O of its own, so that it is never idle for long. What
/// the address or the role says about it stays.
const POSTGRES_ALWAYS: &str = "SET client_min_messages TO warning; \
    SELECT set_config('idle_in_transaction_session_timeout', '20s', false) \
    WHERE current_setting('idle_in_transaction_session_timeout') = '0';";

/// How often the switch to WAL is tried while others open the same new file.
const WAL_TRIES: u32 = 1_000;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Everything.
    Write,
    /// Reading only; SQLite itself refuses the rest.
    Read,
    /// Moving the write-ahead log into the file. Waits briefly for locks, since the writer waits for it meanwhile.
    Checkpoint,
}

/// Opens a connection.
pub(crate) fn connect(place: &Place, purpose: Purpose) -> Result<Db, StorageError> {
    let refused = |error: &dyn std::fmt::Display| StorageError::Open {
        place: place.to_string(),
        reason: hint(&place.conceal(&error.to_string())),
    };
    let mut db = match place {
        Place::Memory => sqlite(":memory:"),
        Place::File(path) => sqlite(path.to_str().ok_or_else(|| refused(&"its path is no UTF-8"))?),
        Place::Server(url) => PgConnection::establish(&impatient(url)).map(Db::Pg),
    }
    .map_err(|error| refused(&error))?;
    prepare(&mut db, purpose).map_err(|error| refused(&error))?;
    Ok(db)
}

fn sqlite(path: &str) -> ConnectionResult<Db> {
    SqliteConnection::establish(path).map(Db::Sqlite)
}

/// The address with a limit on how long to connect, in seconds, unless it has one: libpq's own patience is endless.
fn impatient(url: &str) -> String {
    if url.contains("connect_timeout=") {
        return url.to_owned();
    }
    let mark = if url.contains('?') { '&' } else { '?' };
    format!("{url}{mark}connect_timeout=10")
}

fn prepare(db: &mut Db, purpose: Purpose) -> QueryResult<()> {
    let Db::Sqlite(c) = db else {
        return db.batch(POSTGRES_ALWAYS);
    };
    c.batch_execute(SQLITE_ALWAYS)?;
    match purpose {
        Purpose::Write => c.batch_execute(SQLITE_WRITER),
        Purpose::Read => c.batch_execute(SQLITE_READER),
        Purpose::Checkpoint => {
            c.batch_execute("PRAGMA synchronous = FULL; PRAGMA busy_timeout = 100;")
        }
    }
}

/// Makes a new file and its folders, and switches it to a write-ahead log.
///
/// Two connections that switch at once block each other, and SQLite tells one of them so without waiting. Waiting is
/// done by the next statement: it takes the write lock, for which SQLite does wait.
pub(crate) fn create_file(path: &Path) -> Result<(), StorageError> {
    let place = Place::File(path.to_owned());
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        private_folders(folder).map_err(|error| StorageError::Open {
            place: place.to_string(),
            reason: format!("the folder cannot be made: {error}"),
        })?;
    }
    private_file(path).map_err(|error| StorageError::Open {
        place: place.to_string(),
        reason: format!("the file cannot be made: {error}"),
    })?;
    let mut db = connect(&place, Purpose::Write)?;
    let mut last = String::new();
    for _ in 0..WAL_TRIES {
        match switch_to_wal(&mut db) {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => last = format!("the journal mode stays {mode}; use a local disk"),
            Err(error) if error.to_string().contains("locked") => last = error.to_string(),
            Err(error) => {
                return Err(StorageError::Open {
                    place: place.to_string(),
                    reason: error.to_string(),
                });
            }
        }
        db.batch("BEGIN IMMEDIATE; COMMIT")?;
    }
    Err(StorageError::Open { place: place.to_string(), reason: last })
}

/// Makes the folders that are missing, for nobody else to look into where the system can say so.
fn private_folders(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Makes the file where there is none, for nobody else to read where the system can say so. SQLite gives its log and the
/// log's index the same rights. A file that is there keeps those that its owner gave it.
fn private_file(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

#[derive(QueryableByName)]
struct Mode {
    #[diesel(sql_type = Text)]
    journal_mode: String,
}

fn switch_to_wal(db: &mut Db) -> QueryResult<String> {
    let mode: Mode = on_db!(db, c => diesel::sql_query("PRAGMA journal_mode = WAL").get_result(c))?;
    Ok(mode.journal_mode)
}

/// Adds what to do where the database's own words leave people alone.
fn hint(reason: &str) -> String {
    let reason = reason.trim();
    if reason.contains("SSL support is not compiled in") || reason.contains("sslmode value") {
        return format!(
            "{reason}; this program was built without TLS for PostgreSQL: use a build with the feature pg-tls, or \
             sslmode=disable over a trusted network"
        );
    }
    reason.to_owned()
}

/// Opens and checks connections for r2d2.
#[derive(Debug)]
pub(crate) struct DbManager {
    place: Place,
    purpose: Purpose,
}

impl DbManager {
    pub(crate) const fn new(place: Place, purpose: Purpose) -> Self {
        Self { place, purpose }
    }
}

impl ManageConnection for DbManager {
    type Connection = Db;
    type Error = StorageError;

    fn connect(&self) -> Result<Db, StorageError> {
        connect(&self.place, self.purpose)
    }

    fn is_valid(&self, db: &mut Db) -> Result<(), StorageError> {
        on_db!(db, c => c.ping()).map_err(StorageError::from)
    }

    fn has_broken(&self, db: &mut Db) -> bool {
        on_db!(db, c => c.is_broken())
    }
}

#[cfg(test)]
mod tests {
    use diesel::sql_types::BigInt;

    use super::*;

    #[derive(QueryableByName)]
    struct Number {
        #[diesel(sql_type = BigInt)]
        number: i64,
    }

    #[derive(QueryableByName)]
    struct Pages {
        #[diesel(sql_type = BigInt)]
        wal_autocheckpoint: i64,
    }

    fn pragma(db: &mut Db, name: &str) -> i64 {
        if name == "wal_autocheckpoint" {
            let asked = diesel::sql_query("PRAGMA wal_autocheckpoint");
            let row: Pages = on_db!(db, c => asked.get_result(c)).unwrap();
            return row.wal_autocheckpoint;
        }
        let asked = format!("SELECT {name} AS number FROM pragma_{name}");
        let asked = asked.replace("SELECT busy_timeout", "SELECT timeout");
        let row: Number = on_db!(db, c => diesel::sql_query(asked).get_result(c)).unwrap();
        row.number
    }

    #[test]
    fn every_connection_to_a_file_is_set_up_for_its_purpose() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        create_file(&path).unwrap();
        let place = Place::File(path);
        for (purpose, expected) in [
            // synchronous: 2 is FULL.
            (
                Purpose::Write,
                [
                    ("synchronous", 2),
                    ("foreign_keys", 1),
                    ("query_only", 0),
                    ("wal_autocheckpoint", 0),
                ],
            ),
            (
                Purpose::Read,
                [
                    ("synchronous", 2),
                    ("foreign_keys", 1),
                    ("query_only", 1),
                    ("busy_timeout", 10_000),
                ],
            ),
            (
                Purpose::Checkpoint,
                [("synchronous", 2), ("foreign_keys", 1), ("query_only", 0), ("busy_timeout", 100)],
            ),
        ] {
            let mut db = connect(&place, purpose).unwrap();
            for (name, value) in expected {
                assert_eq!(pragma(&mut db, name), value, "{name} for {purpose:?}");
            }
            assert_eq!(switch_to_wal(&mut db).unwrap(), "wal");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_new_file_is_for_its_owner_alone_and_an_old_one_stays_as_it_is() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        for (name, before, expected) in [("new.db", None, 0o600), ("old.db", Some(0o640), 0o640)] {
            let path = folder.path().join(name);
            if let Some(before) = before {
                std::fs::File::create(&path).unwrap();
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(before)).unwrap();
            }
            create_file(&path).unwrap();
            let mut db = connect(&Place::File(path.clone()), Purpose::Write).unwrap();
            db.batch("CREATE TABLE t (a); INSERT INTO t VALUES (1)").unwrap();
            for suffix in ["", "-wal", "-shm"] {
                let path = folder.path().join(format!("{name}{suffix}"));
                assert_eq!(mode(&path), expected, "{}", path.display());
            }
        }
    }

    #[derive(QueryableByName)]
    struct Setting {
        #[diesel(sql_type = Text)]
        value: String,
    }

    fn idle_limit(url: String) -> String {
        let mut db = connect(&Place::Server(url), Purpose::Write).unwrap();
        let ask = "SELECT current_setting('idle_in_transaction_session_timeout') AS value";
        let row: Setting = on_db!(&mut db, c => diesel::sql_query(ask).get_result(c)).unwrap();
        row.value
    }

    #[test]
    fn a_session_that_is_idle_in_a_transaction_is_ended_by_the_server() {
        let Some(database) = syncline_testkit::TestDatabase::fresh() else { return };
        assert_eq!(idle_limit(database.url()), "20s");
        let own = "options=-c%20idle_in_transaction_session_timeout%3D90s";
        assert_eq!(idle_limit(format!("{}?{own}", database.url())), "90s", "what was asked for");
    }

    #[test]
    fn a_missing_tls_is_explained() {
        assert!(
            hint("sslmode value \"require\" invalid when SSL support is not compiled in")
                .contains("pg-tls")
        );
        assert_eq!(hint(" connection refused\n"), "connection refused");
    }
}
