//! The store on SQLite and PostgreSQL: everything behind `syncline_domain::ports::Store`.
//!
//! # How it is built
//! - Callers hand over a *unit*, the work of one transaction, on a bounded queue, and await its answer. Threads own the
//!   connections; nothing here blocks the async runtime, and no runtime of a certain kind is needed.
//! - SQLite: **one writer thread with group commit**. Units that wait together share one `BEGIN IMMEDIATE ... COMMIT`,
//!   each in its own savepoint; nobody waits for a batch to fill. Units for which somebody outside waits have a lane of
//!   their own: one ordinary unit at most is between them and their commit. Reading units run beside it on threads of their own,
//!   each over one snapshot. A third kind of thread moves the write-ahead log into the file, so that no commit pays
//!   for that. A database in memory has one connection, and the writer reads, too.
//! - PostgreSQL: a pool, one thread a connection. Writing units are `SERIALIZABLE` and run again when they lose a race:
//!   then, and for a while, all units of that name go through a lane, one after another and several in one commit.
//!   Reading ones are `REPEATABLE READ READ ONLY`.
//! - Wake-ups ring when a transaction is committed: in this process at once, on PostgreSQL in all others a moment later,
//!   by one thread that tells and listens.
//! - One body for both databases: nearly every statement is written once in diesel's language and compiled for each of
//!   them by the macro in `db.rs`. What differs is in the migrations, in `dialect.rs`, and in how a transaction begins
//!   and ends.
//!
//! # Invariants
//! - A unit is answered only after its COMMIT is on the disk (WAL, `synchronous=FULL`). Guarded by
//!   `every_acknowledged_row_survives_a_kill`.
//! - A unit that fails, panics or fills the disk rolls back alone. Guarded by
//!   `in_one_commit_a_unit_that_fails_or_panics_rolls_back_alone` and
//!   `a_unit_that_fills_the_disk_takes_no_other_with_it`.
//! - A row that breaks a constraint leaves no trace and the transaction usable, on both databases.
//! - Both databases have the same tables and columns; SQLite has readable twins of its times besides. Guarded by
//!   `both_databases_have_the_same_tables_and_columns`.
//! - No hot question reads a whole table. Guarded by the tests in `plans.rs`.
//! - A database that a newer version has migrated is refused, and of many who start at once one migrates.
//!
//! # What is deliberately absent
//! An object for every table, a query that people can extend, caches, and retries of anything but lost races: whoever
//! is told [`Fault::Unavailable`](syncline_domain::Fault::Unavailable) knows better than we when to come again. Nothing
//! here seals secrets: what arrives is sealed already.
//!
//! ```
//! use std::sync::Arc;
//! use syncline_domain::Timestamp;
//! use syncline_domain::ports::StoreExt;
//! use syncline_storage::{DatabaseConfig, Storage};
//! use syncline_testkit::ManualClock;
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let store = Storage::open(&DatabaseConfig::new("sqlite::memory:"), Arc::new(ManualClock::new()))?;
//! store.tx("remember", |tx| tx.put_setting("pace", Some("4"), Timestamp::EPOCH)).await?;
//! let settings = store.view("recall", |tx| tx.settings()).await?;
//! assert_eq!(settings.get("pace").map(String::as_str), Some("4"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

mod check;
mod checkpoint;
mod config;
mod convert;
mod db;
mod dialect;
mod error;
mod inbox;
mod lanes;
mod listen;
mod manager;
mod migrate;
#[cfg(test)]
mod plans;
mod postgres;
mod readers;
mod schema;
mod statement;
mod storage;
mod tx;
mod unit;
mod wake;
mod workers;
mod writer;

pub use check::Health;
pub use config::DatabaseConfig;
pub use error::StorageError;
pub use storage::{Figures, Storage};
