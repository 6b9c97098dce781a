//! Transactions on PostgreSQL that get in each other's way are run one after another, several in one commit.
//!
//! Transactions run side by side until one of a name loses a race. From then on, and for a while, all of that name go
//! through a lane: one thread at a time runs what waits there, each unit in a savepoint of its own, with one COMMIT for
//! all. Many requests to one webhook count in one row, so this is what makes them fast, as group commit does on SQLite;
//! names whose transactions never meet keep all connections to themselves.
//!
//! Invariant: a unit that fails or panics takes nobody with it; when the outer transaction loses a race, all of it is
//! run again, and each unit alone when that does not help.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use syncline_domain::Fault;

use crate::db::Db;
use crate::error::{OrFault, is_lost_race};
use crate::postgres::{alone, commit, once, read};
use crate::unit::Unit;
use crate::wake::Bells;
use crate::workers::{Connections, Runner, away};

/// Units in one transaction. PostgreSQL keeps track of 64 savepoints of a transaction without further cost.
const BATCH: usize = 60;

/// Units that may wait in a lane before the threads that bring more have to.
const WAITING: usize = 1_024;

/// How many units go through the lane after a lost race before the name is tried side by side again.
const CONTENDED: u32 = 4_096;

/// How often a whole batch is run again before its units are run alone.
const TOGETHER: u32 = 3;

/// The lanes, by the names of transactions.
#[derive(Default)]
pub(crate) struct Lanes {
    lanes: Mutex<HashMap<&'static str, Lane>>,
    room: Condvar,
}

#[derive(Default)]
struct Lane {
    waiting: VecDeque<Unit>,
    /// A thread is at it, and will look again before it leaves.
    busy: bool,
    /// How many more units go through here.
    contended: u32,
}

impl Runner for Lanes {
    fn run(&self, connections: &Connections, mut unit: Unit, bells: &Bells) {
        if unit.writable && self.contended(unit.name) {
            return self.queue(connections, unit, bells);
        }
        let result = match connections.get() {
            Err(error) => Err(away(&error)),
            Ok(mut db) if !unit.writable => read(&mut db, &mut unit),
            Ok(mut db) => once(&mut db, &mut unit),
        };
        match result {
            Err(fault) if is_lost_race(&fault) => {
                self.lock().entry(unit.name).or_default().contended = CONTENDED;
                self.queue(connections, unit, bells);
            }
            result => unit.settle(result, bells),
        }
    }
}

impl Lanes {
    fn lock(&self) -> MutexGuard<'_, HashMap<&'static str, Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn contended(&self, name: &str) -> bool {
        self.lock().get(name).is_some_and(|lane| lane.contended > 0 || lane.busy)
    }

    /// Puts a unit into its lane, and works there unless somebody does.
    fn queue(&self, connections: &Connections, unit: Unit, bells: &Bells) {
        let name = unit.name;
        let mut lanes = self.lock();
        while lanes.get(name).is_some_and(|lane| lane.busy && lane.waiting.len() >= WAITING) {
            lanes = self.room.wait(lanes).unwrap_or_else(PoisonError::into_inner);
        }
        let lane = lanes.entry(name).or_default();
        lane.waiting.push_back(unit);
        if std::mem::replace(&mut lane.busy, true) {
            return;
        }
        drop(lanes);
        while let Some(batch) = self.next(name) {
            match connections.get() {
                Ok(mut db) => self.work(&mut db, batch, bells),
                Err(error) => {
                    batch.into_iter().for_each(|unit| unit.settle(Err(away(&error)), bells));
                }
            }
        }
    }

    /// What to do now in a lane; leaves it when there is nothing.
    fn next(&self, name: &'static str) -> Option<Vec<Unit>> {
        let mut lanes = self.lock();
        let lane = lanes.entry(name).or_default();
        let count = lane.waiting.len().min(BATCH);
        let batch: Vec<Unit> = lane.waiting.drain(..count).collect();
        lane.contended = lane.contended.saturating_sub(u32::try_from(count).unwrap_or(0));
        lane.busy = !batch.is_empty();
        self.room.notify_all();
        lane.busy.then_some(batch)
    }

    fn work(&self, db: &mut Db, mut batch: Vec<Unit>, bells: &Bells) {
        if batch.len() > 1 {
            for _ in 0..TOGETHER {
                match together(db, &mut batch) {
                    Ok(results) => {
                        for (unit, result) in batch.into_iter().zip(results) {
                            unit.settle(result, bells);
                        }
                        return;
                    }
                    Err(fault) if is_lost_race(&fault) => {}
                    Err(fault) => {
                        for unit in batch {
                            unit.settle(Err(fault.clone()), bells);
                        }
                        return;
                    }
                }
            }
        }
        for mut unit in batch {
            let result = alone(db, &mut unit);
            unit.settle(result, bells);
        }
    }
}

/// One transaction over all units; answers what each of them came to once the whole is durable.
fn together(db: &mut Db, batch: &mut [Unit]) -> Result<Vec<Result<(), Fault>>, Fault> {
    let results = attempts(db, batch).and_then(|results| commit(db).map(|()| results));
    if results.is_err()
        && let Err(error) = db.batch("ROLLBACK")
    {
        log::debug!("nothing to roll back: {error}");
    }
    results
}

fn attempts(db: &mut Db, batch: &mut [Unit]) -> Result<Vec<Result<(), Fault>>, Fault> {
    db.batch("BEGIN ISOLATION LEVEL SERIALIZABLE; SAVEPOINT unit").or_fault()?;
    let mut results = Vec::with_capacity(batch.len());
    for unit in batch {
        // A statement may have failed whose error the work has kept to itself: then the release is refused.
        let result = unit
            .attempt(db)
            .and_then(|()| db.batch("RELEASE SAVEPOINT unit; SAVEPOINT unit").or_fault());
        if let Err(fault) = &result {
            if is_lost_race(fault) {
                return Err(fault.clone());
            }
            db.batch("ROLLBACK TO SAVEPOINT unit").or_fault()?;
        }
        results.push(result);
    }
    Ok(results)
}
