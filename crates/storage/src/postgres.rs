//! Transactions on PostgreSQL.
//!
//! Writing ones are SERIALIZABLE, which gives them the meaning they have behind SQLite's one writer; those that lose a
//! race are run again. Reading ones see one snapshot.

use syncline_domain::Fault;

use crate::db::Db;
use crate::error::{OrFault, is_lost_race};
use crate::unit::Unit;

/// How often a transaction that lost a race is run again.
const RERUNS: u32 = 50;

/// Runs a reading unit over one consistent state.
pub(crate) fn read(db: &mut Db, unit: &mut Unit) -> Result<(), Fault> {
    transaction(db, unit, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
}

/// Runs a writing unit in a transaction of its own, which may lose a race.
pub(crate) fn once(db: &mut Db, unit: &mut Unit) -> Result<(), Fault> {
    transaction(db, unit, "BEGIN ISOLATION LEVEL SERIALIZABLE")
}

/// Runs a writing unit in a transaction of its own, again and again while it loses races.
pub(crate) fn alone(db: &mut Db, unit: &mut Unit) -> Result<(), Fault> {
    let mut result = Err(Fault::Internal("a transaction was not run".to_owned()));
    for _ in 0..RERUNS {
        result = once(db, unit);
        match &result {
            Err(fault) if is_lost_race(fault) => {}
            _ => return result,
        }
    }
    log::warn!(transaction = unit.name; "a transaction lost {RERUNS} races in a row");
    result
}

fn transaction(db: &mut Db, unit: &mut Unit, begin: &str) -> Result<(), Fault> {
    db.batch(begin).or_fault()?;
    let result = unit.attempt(db).and_then(|()| commit(db));
    if result.is_err()
        && let Err(error) = db.batch("ROLLBACK")
    {
        log::debug!("nothing to roll back: {error}");
    }
    result
}

/// Commits, unless a statement failed whose error the work has kept to itself: the server would roll back and call
/// that a success, but it refuses the savepoint first.
pub(crate) fn commit(db: &mut Db) -> Result<(), Fault> {
    db.batch("SAVEPOINT sound; COMMIT").or_fault().map_err(|fault| match fault {
        Fault::Unavailable(text) => Fault::Unavailable(format!(
            "it is unknown whether the transaction was committed, look before doing it again: {text}"
        )),
        fault => fault,
    })
}
