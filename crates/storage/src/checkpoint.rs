//! Moves the write-ahead log into the database file, away from the writer's thread.
//!
//! The log is moved and begun anew when it has grown, and when the store is idle. Moving it takes no lock that the
//! writer wants. Beginning anew does: the writer makes room between two batches, or under load the lock would never be
//! free; what is left to do then is little, and the wait for readers is short.
//!
//! The file keeps its length, up to a limit: a commit that writes over what the file has costs the disk less than one
//! that makes it longer.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::config::Place;
use crate::db::Db;
use crate::error::StorageError;
use crate::manager::{Purpose, connect};

/// The size at which the log is moved, in bytes. Each time makes the commits of that moment wait, so it is to be seldom.
const LARGE: u64 = 32 * 1024 * 1024;

/// How much longer the file is when it is moved for the next time.
const STEP: u64 = LARGE / 4;

/// The longest that an empty log may be, in bytes.
const KEPT: u64 = LARGE + 2 * STEP;

/// A size that people should hear of, in bytes.
const HUGE: u64 = 512 * 1024 * 1024;

/// Without a commit for this long, the store counts as idle.
const IDLE: Duration = Duration::from_secs(2);

/// The writer's end: it tells of commits, and makes room.
#[derive(Clone)]
pub(crate) struct Nudge {
    committed: SyncSender<()>,
    room: Arc<Room>,
}

/// How the checkpointer gets the file for itself for a moment.
#[derive(Default)]
struct Room {
    wanted: AtomicBool,
    /// Held by the checkpointer for as long as `wanted` is set.
    taken: Mutex<()>,
}

impl Nudge {
    /// Something was committed. One nudge that waits says as much as many.
    pub(crate) fn give(&self) {
        let _waits_already = self.committed.try_send(());
    }

    /// Waits until the checkpointer is done, if it wants the file for itself.
    pub(crate) fn make_room(&self) {
        if self.room.wanted.load(Ordering::Acquire) {
            drop(self.room.taken.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

/// The thread. Dropping it ends it; the last connection to close empties the log anyway.
pub(crate) struct Checkpointer {
    nudge: Option<Nudge>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts the thread for a database file.
    pub(crate) fn start(file: &Path) -> Result<Self, StorageError> {
        let db = connect(&Place::File(file.to_owned()), Purpose::Checkpoint)?;
        let log = log_of(file);
        let (committed, commits) = sync_channel(1);
        let room = Arc::new(Room::default());
        let nudge = Nudge { committed, room: Arc::clone(&room) };
        let thread = std::thread::Builder::new()
            .name("store-checkpoint".to_owned())
            .spawn(move || run(db, &log, &commits, &room))
            .map_err(|error| {
                StorageError::Query(format!("the checkpointer does not start: {error}"))
            })?;
        Ok(Self { nudge: Some(nudge), thread: Some(thread) })
    }

    /// The writer's end.
    pub(crate) fn nudge(&self) -> Option<Nudge> {
        self.nudge.clone()
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.nudge.take();
        if let Some(thread) = self.thread.take()
            && crate::workers::join(thread).is_err()
        {
            log::error!("the store's checkpointer ended by a panic");
        }
    }
}

/// SQLite's name for the log of a file.
fn log_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

fn run(mut db: Db, log: &Path, commits: &Receiver<()>, room: &Room) {
    let mut due = LARGE;
    let mut dirty = false;
    loop {
        match commits.recv_timeout(IDLE) {
            Ok(()) => {
                dirty = true;
                if size_of(log) >= due {
                    empty(&mut db, log, room);
                    // Whether it was begun anew or a reader holds it, the next look is due when it has grown further.
                    let left = size_of(log);
                    if left >= HUGE {
                        log::warn!(
                            "the write-ahead log has {left} bytes; does a reader never end?"
                        );
                    }
                    due = if left < LARGE { LARGE } else { left.saturating_add(STEP) };
                }
            }
            Err(RecvTimeoutError::Timeout) if dirty => {
                empty(&mut db, log, room);
                dirty = false;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn size_of(log: &Path) -> u64 {
    std::fs::metadata(log).map_or(0, |about| about.len())
}

/// Moves as much as readers allow without troubling anybody, then the rest with the writer kept out for a moment.
fn empty(db: &mut Db, log: &Path, room: &Room) {
    step(db, "PRAGMA wal_checkpoint(PASSIVE)");
    let taken = room.taken.lock().unwrap_or_else(PoisonError::into_inner);
    room.wanted.store(true, Ordering::Release);
    let keep = size_of(log) <= KEPT;
    let anew =
        if keep { "PRAGMA wal_checkpoint(RESTART)" } else { "PRAGMA wal_checkpoint(TRUNCATE)" };
    step(db, anew);
    room.wanted.store(false, Ordering::Release);
    drop(taken);
}

fn step(db: &mut Db, pragma: &str) {
    if let Err(error) = db.batch(pragma) {
        log::debug!("the write-ahead log stays for now: {error}");
    }
}
