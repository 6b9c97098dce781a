//! Migrations: all or none, one process at a time, and never over those of a newer version.

use std::collections::BTreeSet;

use diesel::backend::Backend;
use diesel::connection::SimpleConnection;
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::db::{Db, on_db};
use crate::error::StorageError;

const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
const POSTGRESQL: EmbeddedMigrations = embed_migrations!("../../migrations/postgresql");

/// Waits for others who migrate; ends with the transaction. The number is ours alone, and otherwise of no meaning.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7962335084101)";

/// Carries out what is missing; answers the numbers of what it did.
pub(crate) fn migrate(db: &mut Db) -> Result<Vec<String>, StorageError> {
    match db {
        Db::Sqlite(c) => c.immediate_transaction(|c| {
            refuse_newer(c, &SQLITE)?;
            run(c, SQLITE)
        }),
        Db::Pg(c) => c.transaction(|c| {
            c.batch_execute(LOCK)?;
            refuse_newer(c, &POSTGRESQL)?;
            run(c, POSTGRESQL)
        }),
    }
}

/// The numbers of what is missing, oldest first. Reads only.
pub(crate) fn pending(db: &mut Db) -> Result<Vec<String>, StorageError> {
    let known = match db {
        Db::Sqlite(_) => known::<Sqlite>(&SQLITE)?,
        Db::Pg(_) => known::<Pg>(&POSTGRESQL)?,
    };
    let applied = applied(db)?;
    refuse(applied.difference(&known))?;
    Ok(known.difference(&applied).cloned().collect())
}

/// Takes everything back, data included.
pub(crate) fn revert_all(db: &mut Db) -> Result<(), StorageError> {
    match db {
        Db::Sqlite(c) => {
            c.immediate_transaction(|c| c.revert_all_migrations(SQLITE).map(drop).map_err(failed))
        }
        Db::Pg(c) => c.transaction(|c| {
            c.batch_execute(LOCK)?;
            c.revert_all_migrations(POSTGRESQL).map(drop).map_err(failed)
        }),
    }
}

fn run<C: MigrationHarness<DB>, DB: Backend>(
    db: &mut C,
    source: EmbeddedMigrations,
) -> Result<Vec<String>, StorageError>
where
    EmbeddedMigrations: MigrationSource<DB>,
{
    let done = db.run_pending_migrations(source).map_err(failed)?;
    Ok(done.iter().map(ToString::to_string).collect())
}

/// An old program must not write into a newer one's tables.
fn refuse_newer<C: MigrationHarness<DB>, DB: Backend>(
    db: &mut C,
    source: &EmbeddedMigrations,
) -> Result<(), StorageError>
where
    EmbeddedMigrations: MigrationSource<DB>,
{
    let known = known(source)?;
    let applied = db.applied_migrations().map_err(failed)?;
    let applied: BTreeSet<String> = applied.iter().map(ToString::to_string).collect();
    refuse(applied.difference(&known))
}

fn refuse<'a>(newer: impl Iterator<Item = &'a String>) -> Result<(), StorageError> {
    let newer: Vec<&str> = newer.map(String::as_str).collect();
    if newer.is_empty() { Ok(()) } else { Err(StorageError::Newer { versions: newer.join(", ") }) }
}

/// The numbers this program knows.
fn known<DB: Backend>(source: &EmbeddedMigrations) -> Result<BTreeSet<String>, StorageError>
where
    EmbeddedMigrations: MigrationSource<DB>,
{
    let migrations = source.migrations().map_err(failed)?;
    Ok(migrations.iter().map(|migration| migration.name().version().to_string()).collect())
}

diesel::table! {
    __diesel_schema_migrations (version) {
        version -> Text,
    }
}

/// The numbers in the database; none when nobody ever migrated it.
fn applied(db: &mut Db) -> Result<BTreeSet<String>, StorageError> {
    let rows: QueryResult<Vec<String>> = on_db!(db, c => __diesel_schema_migrations::table
        .select(__diesel_schema_migrations::version)
        .load(c));
    match rows {
        Ok(versions) => Ok(versions.into_iter().collect()),
        Err(error) if no_table(&error) => Ok(BTreeSet::new()),
        Err(error) => Err(error.into()),
    }
}

fn no_table(error: &diesel::result::Error) -> bool {
    let text = error.to_string();
    text.contains("no such table") || text.contains("does not exist")
}

fn failed(error: Box<dyn std::error::Error + Send + Sync>) -> StorageError {
    StorageError::Migration(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_databases_have_the_same_migrations() {
        fn names<DB: Backend>(source: &EmbeddedMigrations) -> Vec<String>
        where
            EmbeddedMigrations: MigrationSource<DB>,
        {
            source.migrations().unwrap().iter().map(|m| m.name().to_string()).collect()
        }
        let sqlite = names::<Sqlite>(&SQLITE);
        assert!(!sqlite.is_empty());
        assert_eq!(sqlite, names::<Pg>(&POSTGRESQL));
    }
}
