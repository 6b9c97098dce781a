//! The one thread that writes to SQLite, with group commit.
//!
//! Whatever waits when the thread becomes free goes into one transaction, each unit in a savepoint of its own; nobody
//! waits for a batch to fill, and long units do not share one. All callers are answered after the one COMMIT, which is
//! what makes N small transactions cost one write to the disk. Who goes when is said in `inbox`.
//!
//! Invariant: a unit that fails or panics takes nobody with it; when the outer transaction fails, every unit is run
//! again alone and answered by its own COMMIT.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use syncline_domain::Fault;
use syncline_domain::ports::Clock;

use crate::checkpoint::Nudge;
use crate::db::Db;
use crate::error::{OrFault, StorageError};
use crate::inbox::{Inbox, Queue};
use crate::unit::{Message, Unit};
use crate::wake::Bells;

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
    queue: Option<Queue>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread over its connection.
    pub(crate) fn start(
        db: Db,
        counters: Arc<Counters>,
        bells: Arc<Bells>,
        nudge: Option<Nudge>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StorageError> {
        let (queue, inbox) = Queue::with_lanes(clock);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(db, inbox, &counters, &bells, nudge.as_ref()))
            .map_err(|error| StorageError::Query(format!("the writer does not start: {error}")))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Where to hand units over.
    pub(crate) const fn queue(&self) -> Option<&Queue> {
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

fn run(mut db: Db, mut inbox: Inbox, counters: &Counters, bells: &Bells, nudge: Option<&Nudge>) {
    loop {
        let more_may_come = inbox.wait();
        while turn(&mut db, &mut inbox, counters, bells, nudge) {}
        if !more_may_come {
            return;
        }
    }
}

/// One transaction, or a piece of upkeep; false when nothing waits.
fn turn(
    db: &mut Db,
    inbox: &mut Inbox,
    counters: &Counters,
    bells: &Bells,
    nudge: Option<&Nudge>,
) -> bool {
    if let Some(nudge) = nudge {
        nudge.make_room();
    }
    match inbox.first() {
        None => return false,
        Some(Message::Task(task)) => task(db),
        Some(Message::Unit(first)) => commit(db, first, inbox, counters, bells),
    }
    if let Some(nudge) = nudge {
        nudge.give();
    }
    true
}

/// Why a transaction over several units came to nothing.
enum Broken {
    /// It never began: no unit can do better alone.
    NotBegun(Fault),
    /// It failed later: each unit may do better alone.
    Later,
}

/// Runs and answers all units of a transaction.
fn commit(db: &mut Db, mut first: Unit, inbox: &mut Inbox, counters: &Counters, bells: &Bells) {
    if inbox.is_alone() {
        let result = bare(db, &mut first);
        counters.units.fetch_add(1, Ordering::Relaxed);
        counters.commits.fetch_add(1, Ordering::Relaxed);
        return first.settle(result, bells);
    }
    let mut batch = vec![first];
    let done = together(db, &mut batch, inbox);
    counters.units.fetch_add(u64::try_from(batch.len()).unwrap_or(0), Ordering::Relaxed);
    match done {
        Ok(results) => {
            counters.commits.fetch_add(1, Ordering::Relaxed);
            for (unit, result) in batch.into_iter().zip(results) {
                unit.settle(result, bells);
            }
        }
        Err(Broken::NotBegun(fault)) => {
            for unit in batch {
                unit.settle(Err(fault.clone()), bells);
            }
        }
        Err(Broken::Later) => {
            for mut unit in batch {
                let result = alone(db, &mut unit);
                counters.commits.fetch_add(1, Ordering::Relaxed);
                unit.settle(result, bells);
            }
        }
    }
}

/// One transaction over the units of a batch and those that may join it; answers what each of them came to once the
/// whole is on the disk.
fn together(
    db: &mut Db,
    batch: &mut Vec<Unit>,
    inbox: &mut Inbox,
) -> Result<Vec<Result<(), Fault>>, Broken> {
    if let Err(fault) = db.turn("BEGIN IMMEDIATE").or_fault() {
        // Whoever waits would only wait for as long once more.
        batch.extend(std::iter::from_fn(|| inbox.rest()).take(BATCH));
        return Err(Broken::NotBegun(fault));
    }
    let mut results = Vec::new();
    while let Some(unit) = batch.get_mut(results.len()) {
        match in_savepoint(db, unit) {
            Ok(result) => results.push(result),
            Err(fault) => return Err(give_up(db, &fault)),
        }
        if batch.len() < BATCH {
            batch.extend(inbox.more());
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
        (Err(error), Ok(())) => Err(given_up(&error)),
    }
}

fn given_up(error: &dyn std::fmt::Display) -> Fault {
    Fault::Unavailable(format!("the database gave the transaction up: {error}"))
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

/// A transaction for one unit that writes, without a savepoint: there is nobody whose work it could take along.
fn bare(db: &mut Db, unit: &mut Unit) -> Result<(), Fault> {
    db.turn("BEGIN IMMEDIATE").or_fault()?;
    let result =
        unit.attempt(db).and_then(|()| db.turn("COMMIT").map_err(|error| given_up(&error)));
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
    use syncline_testkit::ManualClock;

    use super::*;
    use crate::config::Place;
    use crate::inbox::Lane;
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

        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (queue, mut inbox) = Queue::with_lanes(Arc::new(ManualClock::new()));
        let mut answers = Vec::new();
        for work in
            [put("a", 10), put("b", 8_000_000), put("c", 10), swallow("d", 8_000_000), put("e", 10)]
        {
            let (unit, answer) = Unit::new("unit", true, work);
            runtime.block_on(queue.hand_over(Lane::Ordinary, Message::Unit(unit))).unwrap();
            answers.push(answer);
        }
        let counters = Counters::default();
        // Those that had not begun when the disk was full go in another transaction.
        while turn(&mut db, &mut inbox, &counters, &Bells::at_home(), None) {}

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
