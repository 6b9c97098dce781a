//! An examination of the database while it is in use.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::db::Db;
use crate::error::StorageError;
use crate::migrate;

/// What an examination found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The database program and its version.
    pub version: String,
    /// Bytes on the disk.
    pub bytes: i64,
    /// Migrations that are missing.
    pub pending: Vec<String>,
}

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    word: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// Examines the database behind a connection.
pub(crate) fn look(db: &mut Db) -> Result<Health, StorageError> {
    let pending = migrate::pending(db)?;
    let (version, bytes) = match db {
        Db::Sqlite(c) => look_at_file(c)?,
        Db::Pg(c) => look_at_server(c)?,
    };
    Ok(Health { version, bytes, pending })
}

fn look_at_file(c: &mut SqliteConnection) -> Result<(String, i64), StorageError> {
    let faults: Vec<Word> =
        diesel::sql_query("SELECT quick_check AS word FROM pragma_quick_check").load(c)?;
    let faults: Vec<String> =
        faults.into_iter().map(|fault| fault.word).filter(|word| word != "ok").collect();
    if !faults.is_empty() {
        return Err(StorageError::Damaged(faults.join("; ")));
    }
    let version: Word = diesel::sql_query("SELECT sqlite_version() AS word").get_result(c)?;
    let size: Number = diesel::sql_query(
        "SELECT page_count * page_size AS number FROM pragma_page_count, pragma_page_size",
    )
    .get_result(c)?;
    Ok((format!("SQLite {}", version.word), size.number))
}

fn look_at_server(c: &mut PgConnection) -> Result<(String, i64), StorageError> {
    let version: Word =
        diesel::sql_query("SELECT current_setting('server_version') AS word").get_result(c)?;
    let size: Number =
        diesel::sql_query("SELECT pg_database_size(current_database()) AS number").get_result(c)?;
    Ok((format!("PostgreSQL {}", version.word), size.number))
}
