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
        return db.batch("SET client_min_messages TO warning");
    };
    c.batch_execute(SQLITE_ALWAYS)?;
    match purpose {
        Purpose::Write => c.batch_execute(SQLITE_WRITER),
        Purpose::Read => c.batch_execute("PRAGMA query_only = ON;"),
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

    #[test]
    fn a_missing_tls_is_explained() {
        assert!(
            hint("sslmode value \"require\" invalid when SSL support is not compiled in")
                .contains("pg-tls")
        );
        assert_eq!(hint(" connection refused\n"), "connection refused");
    }
}
