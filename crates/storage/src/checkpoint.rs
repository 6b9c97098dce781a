//! Moves the write-ahead log into the database file, away from the writer's thread.
//!
//! The log is moved when it has grown, and emptied when the store is idle. Moving it takes no lock that the writer
//! wants; emptying does, for as long as the connection's short wait for readers at most.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::config::Place;
use crate::db::Db;
use crate::error::StorageError;
use crate::manager::{Purpose, connect};

/// The size at which the log is moved, in bytes.
const LARGE: u64 = 8 * 1024 * 1024;

/// Without a commit for this long, the store counts as idle.
const IDLE: Duration = Duration::from_secs(2);

/// Tells the thread that something was committed.
#[derive(Clone)]
pub(crate) struct Nudge(SyncSender<()>);

impl Nudge {
    /// One nudge that waits says as much as many.
    pub(crate) fn give(&self) {
        let _waits_already = self.0.try_send(());
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
        let (nudge, nudges) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("store-checkpoint".to_owned())
            .spawn(move || run(db, &log, &nudges))
            .map_err(|error| {
                StorageError::Query(format!("the checkpointer does not start: {error}"))
            })?;
        Ok(Self { nudge: Some(Nudge(nudge)), thread: Some(thread) })
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
            && thread.join().is_err()
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

fn run(mut db: Db, log: &Path, nudges: &Receiver<()>) {
    let mut due = LARGE;
    let mut dirty = false;
    loop {
        match nudges.recv_timeout(IDLE) {
            Ok(()) => {
                dirty = true;
                let size = size_of(log);
                if size >= due {
                    empty(&mut db);
                    // A reader may hold the log as long as it is: then it is looked at again when it has grown further.
                    let left = size_of(log);
                    due = if left < LARGE { LARGE } else { left.saturating_add(LARGE) };
                }
            }
            Err(RecvTimeoutError::Timeout) if dirty => {
                empty(&mut db);
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
fn empty(db: &mut Db) {
    for step in ["PRAGMA wal_checkpoint(PASSIVE)", "PRAGMA wal_checkpoint(TRUNCATE)"] {
        if let Err(error) = db.batch(step) {
            log::debug!("the write-ahead log stays for now: {error}");
        }
    }
}
