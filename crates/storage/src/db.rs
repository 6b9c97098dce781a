//! A connection to either database, and the macro that runs one body on both.

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::result::QueryResult;
use diesel::sqlite::SqliteConnection;
use syncline_domain::Fault;

use crate::error::OrFault;
use crate::statement::Statement;

/// An open connection.
pub(crate) enum Db {
    /// A connection to a SQLite file or memory.
    Sqlite(SqliteConnection),
    /// A connection to a PostgreSQL server.
    Pg(PgConnection),
}

/// Runs one diesel expression on whichever database is behind `$db`; `$backend` names its backend for boxed queries.
///
/// The body is compiled once for each database, so everything that diesel can say on both of them can be said here,
/// upserts and batches included, which diesel's own `MultiConnection` cannot render.
macro_rules! on_db {
    ($db:expr, $conn:ident => $body:expr) => {
        match $db {
            $crate::db::Db::Sqlite($conn) => $body,
            $crate::db::Db::Pg($conn) => $body,
        }
    };
    ($db:expr, $conn:ident, $backend:ident => $body:expr) => {
        match $db {
            $crate::db::Db::Sqlite($conn) => {
                type $backend = diesel::sqlite::Sqlite;
                $body
            }
            $crate::db::Db::Pg($conn) => {
                type $backend = diesel::pg::Pg;
                $body
            }
        }
    };
}
pub(crate) use on_db;

impl Db {
    /// Runs statements that have no answer.
    pub(crate) fn batch(&mut self, sql: &str) -> QueryResult<()> {
        on_db!(self, c => c.batch_execute(sql))
    }

    /// Runs a statement that has no answer, a turn of every transaction: SQLite need not read the text again.
    pub(crate) fn turn(&mut self, sql: &'static str) -> QueryResult<()> {
        match self {
            Self::Sqlite(c) => Statement::<()>::new(sql).execute(c).map(drop),
            Self::Pg(c) => c.batch_execute(sql),
        }
    }

    /// Runs `step` so that its failure leaves no trace and the transaction usable.
    ///
    /// PostgreSQL refuses every statement after a failed one, up to the last savepoint; and a step of several
    /// statements may fail at a later one.
    pub(crate) fn guarded<T>(
        &mut self,
        step: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.turn("SAVEPOINT guarded").or_fault()?;
        match step(self) {
            Ok(value) => {
                self.turn("RELEASE SAVEPOINT guarded").or_fault()?;
                Ok(value)
            }
            Err(fault) => {
                // Where even this fails, the transaction is gone, and its end will say so: the cause is worth more.
                if let Err(error) =
                    self.batch("ROLLBACK TO SAVEPOINT guarded; RELEASE SAVEPOINT guarded")
                {
                    log::debug!("nothing to roll back to: {error}");
                }
                Err(fault)
            }
        }
    }
}
