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

/// Runs a unit in a transaction of its own.
pub(crate) fn run(db: &mut Db, unit: &mut Unit) -> Result<(), Fault> {
    if !unit.writable {
        return once(db, unit, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    }
    let mut result = Err(Fault::Internal("a transaction was not run".to_owned()));
    for _ in 0..RERUNS {
        result = once(db, unit, "BEGIN ISOLATION LEVEL SERIALIZABLE");
        match &result {
            Err(fault) if is_lost_race(fault) => {}
            _ => return result,
        }
    }
    log::warn!(transaction = unit.name; "a transaction lost {RERUNS} races in a row");
    result
}

fn once(db: &mut Db, unit: &mut Unit, begin: &str) -> Result<(), Fault> {
    db.batch(begin).or_fault()?;
    match unit.attempt(db) {
        Ok(()) => commit(db),
        Err(fault) => {
            if let Err(error) = db.batch("ROLLBACK") {
                log::debug!("nothing to roll back: {error}");
            }
            Err(fault)
        }
    }
}

/// Commits, unless a statement failed whose error the work has kept to itself: the server would roll back and call
/// that a success, but it refuses the savepoint first.
fn commit(db: &mut Db) -> Result<(), Fault> {
    if let Err(fault) = db.batch("SAVEPOINT sound").or_fault() {
        let _rolled_back = db.batch("ROLLBACK");
        return Err(fault);
    }
    match db.batch("COMMIT").or_fault() {
        Err(Fault::Unavailable(text)) => Err(Fault::Unavailable(format!(
            "it is unknown whether the transaction was committed, look before doing it again: {text}"
        ))),
        Err(fault) => {
            let _ended_already = db.batch("ROLLBACK");
            Err(fault)
        }
        Ok(()) => Ok(()),
    }
}
