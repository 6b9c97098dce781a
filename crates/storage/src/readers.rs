//! Reading transactions on SQLite: a snapshot each, beside the writer.

use syncline_domain::Fault;

use crate::db::Db;
use crate::error::OrFault;
use crate::unit::Unit;
use crate::wake::Bells;
use crate::workers::{Connections, Runner, away};

/// Runs each unit over one consistent state of the file.
pub(crate) struct Readers;

impl Runner for Readers {
    fn run(&self, connections: &Connections, mut unit: Unit, bells: &Bells) {
        let result = match connections.get() {
            Ok(mut db) => read(&mut db, &mut unit),
            Err(error) => Err(away(&error)),
        };
        unit.settle(result, bells);
    }
}

fn read(db: &mut Db, unit: &mut Unit) -> Result<(), Fault> {
    db.turn("BEGIN").or_fault()?;
    let result = unit.attempt(db);
    db.turn("ROLLBACK").or_fault()?;
    result
}
