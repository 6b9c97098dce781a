//! The one thread that writes to SQLite, with group commit.
//!
//! Whatever waits when the thread becomes free goes into one transaction, each unit in a savepoint of its own; nobody
//! waits for a batch to fill. All callers are answered after the one COMMIT, which is what makes N small transactions
//! cost one write to the disk.
//!
//! Invariant: a unit that fails or panics takes nobody with it; when the outer transaction fails, every unit is run
//! again alone and answered by its own COMMIT.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use syncline_domain::Fault;
use tokio::sync::mpsc;

use crate::checkpoint::Nudge;
use crate::db::Db;
use crate::error::{OrFault, StorageError};
use crate::unit::{Message, Unit};
use crate::wake::Bells;

/// Units that may wait before callers have to.
const QUEUE: usize = 1_024;

/// Units in one transaction. Bounds how long the first of them waits for its answer.
const BATCH: usize = 256;

/// What the writer has done since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) commits: AtomicU64,
    pub(crate) units: AtomicU64,
}

/// The writing thread. Dropping it lets the thread finish everything that was handed over.
pub(crate) struct Writer {
    queue: Option<mpsc::Sender<Message>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread over its connection.
    pub(crate) fn start(
        db: Db,
        counters: Arc<Counters>,
        bells: Arc<Bells>,
        nudge: Option<Nudge>,
    ) -> Result<Self, StorageError> {
        let (queue, messages) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(db, messages, &counters, &bells, nudge.as_ref()))
            .map_err(|error| StorageError::Query(format!("the writer does not start: {error}")))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Where to hand units over.
    pub(crate) const fn queue(&self) -> Option<&mpsc::Sender<Message>> {
        self.queue.as_ref()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.take();
        if let Some(thread) = self.thread.take()
            && crate::workers::join(thread).is_err()
        {
            log::error!("the store's writer ended by a panic");
        }
    }
}

fn run(
    mut db: Db,
    mut messages: mpsc::Receiver<Message>,
    counters: &Counters,
    bells: &Bells,
    nudge: Option<&Nudge>,
) {
    let mut waiting = Vec::with_capacity(BATCH);
    let mut batch = Vec::with_capacity(BATCH);
    while messages.blocking_recv_many(&mut waiting, BATCH) > 0 {
        if let Some(nudge) = nudge {
            nudge.make_room();
        }
        for message in waiting.drain(..) {
            match message {
                Message::Unit(unit) => batch.push(unit),
                Message::Task(task) => {
                    commit(&mut db, &mut batch, counters, bells);
                    task(&mut db);
                }
            }
        }
        commit(&mut db, &mut batch, counters, bells);
        if let Some(nudge) = nudge {
            nudge.give();
        }
    }
}

/// Why a transaction over several units came to nothing.
enum Broken {
    /// It never began: no unit can do better alone.
    NotBegun(Fault),
    /// It failed later: each unit may do better alone.
    Later,
}

/// Runs and answers all units of a batch.
fn commit(db: &mut Db, batch: &mut Vec<Unit>, counters: &Counters, bells: &Bells) {
    if batch.is_empty() {
        return;
    }
    counters.units.fetch_add(u64::try_from(batch.len()).unwrap_or(0), Ordering::Relaxed);
    match together(db, batch) {
        Ok(results) => {
            counters.commits.fetch_add(1, Ordering::Relaxed);
            for (unit, result) in batch.drain(..).zip(results) {
                unit.settle(result, bells);
            }
        }
        Err(Broken::NotBegun(fault)) => {
            for unit in batch.drain(..) {
                unit.settle(Err(fault.clone()), bells);
            }
        }
        Err(Broken::Later) => {
            for mut unit in batch.drain(..) {
                let result = alone(db, &mut unit);
                counters.commits.fetch_add(1, Ordering::Relaxed);
                unit.settle(result, bells);
            }
        }
    }
}

/// One transaction over all units; answers what each of them came to once the whole is on the disk.
fn together(db: &mut Db, batch: &mut [Unit]) -> Result<Vec<Result<(), Fault>>, Broken> {
    db.turn("BEGIN IMMEDIATE").or_fault().map_err(Broken::NotBegun)?;
    let mut results = Vec::with_capacity(batch.len());
    for unit in batch {
        match in_savepoint(db, unit) {
            Ok(result) => results.push(result),
            Err(fault) => return Err(give_up(db, &fault)),
        }
    }
    match db.turn("COMMIT").or_fault() {
        Ok(()) => Ok(results),
        Err(fault) => Err(give_up(db, &fault)),
    }
}

fn give_up(db: &mut Db, fault: &Fault) -> Broken {
    log::warn!("a transaction over several units failed, each is run alone: {fault}");
    roll_back(db);
    Broken::Later
}

/// The outer result is that of the savepoint itself: SQLite ends the whole transaction on a full disk, and then the
/// savepoint is gone.
fn in_savepoint(db: &mut Db, unit: &mut Unit) -> Result<Result<(), Fault>, Fault> {
    db.turn("SAVEPOINT unit").or_fault()?;
    let result = unit.attempt(db);
    let end = if result.is_ok() && unit.writable {
        db.turn("RELEASE unit")
    } else {
        db.batch("ROLLBACK TO unit; RELEASE unit")
    };
    match (end, result) {
        (Ok(()), result) => Ok(result),
        (Err(_gone), Err(fault)) => Err(fault),
        (Err(error), Ok(())) => {
            Err(Fault::Unavailable(format!("the database gave the transaction up: {error}")))
        }
    }
}

/// A transaction for one unit.
fn alone(db: &mut Db, unit: &mut Unit) -> Result<(), Fault> {
    db.batch("BEGIN IMMEDIATE").or_fault()?;
    let result = in_savepoint(db, unit)
        .and_then(|result| result)
        .and_then(|()| db.batch("COMMIT").or_fault());
    if result.is_err() {
        roll_back(db);
    }
    result
}

/// Ends a transaction that may have ended already, of which SQLite complains.
fn roll_back(db: &mut Db) {
    if let Err(error) = db.batch("ROLLBACK") {
        log::debug!("nothing to roll back: {error}");
    }
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection;
    use syncline_domain::Timestamp;
    use syncline_domain::ports::{AdminTx, TxWork};

    use super::*;
    use crate::config::Place;
    use crate::manager::{Purpose, connect, create_file};
    use crate::migrate::migrate;
    use crate::tx::DbTx;

    fn put(key: &'static str, bytes: usize) -> TxWork {
        Box::new(move |tx| tx.put_setting(key, Some(&"x".repeat(bytes)), Timestamp::EPOCH))
    }

    fn swallow(key: &'static str, bytes: usize) -> TxWork {
        let mut inner = put(key, bytes);
        Box::new(move |tx| inner(tx).or(Ok(())))
    }

    /// SQLite gives up the whole transaction when the disk is full, whoever filled it.
    #[test]
    fn a_unit_that_fills_the_disk_takes_no_other_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        create_file(&path).unwrap();
        let mut db = connect(&Place::File(path), Purpose::Write).unwrap();
        migrate(&mut db).unwrap();
        let Db::Sqlite(c) = &mut db else { panic!("a file is SQLite") };
        c.batch_execute("PRAGMA max_page_count = 200").unwrap();

        let mut answers = Vec::new();
        let mut batch = Vec::new();
        for work in
            [put("a", 10), put("b", 8_000_000), put("c", 10), swallow("d", 8_000_000), put("e", 10)]
        {
            let (unit, answer) = Unit::new("unit", true, work);
            batch.push(unit);
            answers.push(answer);
        }
        commit(&mut db, &mut batch, &Counters::default(), &Bells::at_home());

        let answers: Vec<_> =
            answers.into_iter().map(|answer| answer.blocking_recv().unwrap()).collect();
        let kept = DbTx::new(&mut db, false).settings().unwrap();
        for (answer, key) in answers.iter().zip(["a", "b", "c", "d", "e"]) {
            match key {
                "a" | "c" | "e" => {
                    assert!(answer.is_ok() && kept.contains_key(key), "{key}: {answer:?}")
                }
                _ => assert!(!kept.contains_key(key), "{key}"),
            }
        }
        assert!(matches!(answers.get(1), Some(Err(Fault::Unavailable(_)))), "{answers:?}");
        db.batch("BEGIN; ROLLBACK").unwrap();
    }
}
