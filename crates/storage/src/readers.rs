//! Reading transactions on SQLite: a snapshot each, beside the writer.

use syncline_domain::Fault;

use crate::db::Db;
use crate::error::OrFault;
use crate::unit::Unit;

/// Runs a unit over one consistent state of the file.
pub(crate) fn read(db: &mut Db, unit: &mut Unit) -> Result<(), Fault> {
    db.batch("BEGIN").or_fault()?;
    let result = unit.attempt(db);
    db.batch("ROLLBACK").or_fault()?;
    result
}
