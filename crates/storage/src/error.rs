//! What can go wrong, for people at the start and for callers afterwards.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error, QueryResult};
use syncline_domain::Fault;

/// Why the store could not be opened, migrated or checked.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The address is none that we understand.
    #[error("{0}")]
    Config(String),
    /// The database is not there, or refused us.
    #[error("cannot open the database {place}: {reason}")]
    Open {
        /// Where, without secrets.
        place: String,
        /// What the database said, with a hint.
        reason: String,
    },
    /// A newer program has migrated this database.
    #[error(
        "the database has migrations that this version does not know ({versions}); start the newer version, or restore \
         the backup made before the upgrade"
    )]
    Newer {
        /// Their numbers.
        versions: String,
    },
    /// A migration failed; nothing of it was kept.
    #[error("migrating the database failed: {0}")]
    Migration(String),
    /// The database answers, but is not sound.
    #[error("the database is damaged: {0}; restore a backup")]
    Damaged(String),
    /// A question to the database failed.
    #[error("the database failed: {0}")]
    Query(String),
}

impl From<Error> for StorageError {
    fn from(error: Error) -> Self {
        Self::Query(error.to_string())
    }
}

/// The text by which a transaction that lost a race is recognised and run again.
pub(crate) const LOST_RACE: &str = "the database had to choose between two transactions; try again";

/// Turns a database's errors into faults.
pub(crate) trait OrFault<T> {
    /// In general words.
    fn or_fault(self) -> Result<T, Fault>;

    /// With `words` for a unique constraint that was violated.
    fn or_taken(self, words: impl FnOnce() -> String) -> Result<T, Fault>;

    /// With a lost race for a unique constraint that was violated: what was free a moment ago is not any more.
    fn or_lost_race(self) -> Result<T, Fault>;
}

impl<T> OrFault<T> for QueryResult<T> {
    fn or_fault(self) -> Result<T, Fault> {
        self.map_err(|error| fault(&error))
    }

    fn or_taken(self, words: impl FnOnce() -> String) -> Result<T, Fault> {
        self.map_err(|error| match error {
            Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => Fault::Conflict(words()),
            other => fault(&other),
        })
    }

    fn or_lost_race(self) -> Result<T, Fault> {
        self.map_err(|error| match error {
            Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => {
                Fault::Busy(LOST_RACE.to_owned())
            }
            other => fault(&other),
        })
    }
}

/// Whether running the transaction again may help.
pub(crate) fn is_lost_race(fault: &Fault) -> bool {
    matches!(fault, Fault::Busy(text) if text == LOST_RACE)
}

/// A fault for an error without a better text.
pub(crate) fn fault(error: &Error) -> Fault {
    match error {
        Error::DatabaseError(kind, info) => by_kind(kind, info.as_ref()),
        Error::BrokenTransactionManager => {
            Fault::Unavailable("the database connection is lost".to_owned())
        }
        other => by_text(&other.to_string()),
    }
}

fn by_kind(kind: &DatabaseErrorKind, info: &(dyn DatabaseErrorInformation + Send + Sync)) -> Fault {
    match kind {
        DatabaseErrorKind::UniqueViolation => {
            Fault::Conflict(format!("the same entry is there already ({})", info.message()))
        }
        DatabaseErrorKind::ForeignKeyViolation => Fault::Conflict(format!(
            "it refers to something that does not exist ({})",
            info.constraint_name().unwrap_or_else(|| info.message())
        )),
        DatabaseErrorKind::SerializationFailure => Fault::Busy(LOST_RACE.to_owned()),
        DatabaseErrorKind::ReadOnlyTransaction => {
            Fault::Internal("a reading transaction tried to write".to_owned())
        }
        DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => {
            Fault::Unavailable(format!("the database connection is lost: {}", info.message()))
        }
        _ => by_text(info.message()),
    }
}

/// Words in an error text that mean: not now.
const AWAY: &[&str] = &[
    "is locked",
    "disk is full",
    "disk I/O error",
    "unable to open database file",
    "readonly database",
    "server closed the connection",
    "terminating connection",
    "no connection to the server",
    "could not connect",
    "connection to server",
    "could not send data",
    "could not receive data",
    "SSL connection has been closed",
    "the database system is",
    "too many clients",
    "remaining connection slots",
    "No space left on device",
];

fn by_text(text: &str) -> Fault {
    if text.contains("deadlock detected") || text.contains("could not serialize") {
        return Fault::Busy(LOST_RACE.to_owned());
    }
    if AWAY.iter().any(|word| text.contains(word)) {
        return Fault::Unavailable(format!("the database cannot be used now: {text}"));
    }
    Fault::Internal(format!("the database refused a statement: {text}"))
}
