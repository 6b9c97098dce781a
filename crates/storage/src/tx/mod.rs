//! The transaction as the domain knows it: one file a subject, with the SQL of its tables.

mod admin;
mod bases;
mod comments;
mod configs;
mod conflicts;
mod connectors;
mod deletions;
mod deliveries;
mod drift;
mod history;
mod intents;
mod jobs;
mod leases;
mod lineage;
mod metadata;
mod notifications;
mod outbox;
mod pairs;
mod plans;
mod resolutions;
mod retries;
mod rules;
mod runs;
mod samples;
mod schedules;
mod sync;
mod webhooks;

use syncline_domain::Fault;
use syncline_domain::ports::Topic;

use crate::db::Db;
use crate::wake::Topics;

/// A transaction that is going on over a connection.
pub(crate) struct DbTx<'a> {
    db: &'a mut Db,
    writable: bool,
    /// Whom the commit wakes.
    wakes: Topics,
    /// A webhook that this transaction has written to, so that it is surely there until the end.
    sure_webhook: Option<i64>,
}

impl<'a> DbTx<'a> {
    /// Over a connection on which a transaction was begun.
    pub(crate) const fn new(db: &'a mut Db, writable: bool) -> Self {
        Self { db, writable, wakes: Topics::NONE, sure_webhook: None }
    }

    /// Whom the commit of what was done so far wakes.
    pub(crate) const fn wakes(&self) -> Topics {
        self.wakes
    }

    const fn wake(&mut self, topic: Topic) {
        self.wakes.add(topic);
    }

    const fn wake_if(&mut self, topic: Topic, so: bool) {
        if so {
            self.wake(topic);
        }
    }

    /// The connection, for reading.
    const fn read(&mut self) -> &mut Db {
        self.db
    }

    /// The connection, for writing.
    fn write(&mut self) -> Result<&mut Db, Fault> {
        if self.writable {
            Ok(self.db)
        } else {
            Err(Fault::Internal("a reading transaction tried to write".to_owned()))
        }
    }
}

/// [`Fault::NotFound`] when a statement touched no row.
fn touched(rows: usize, what: &str, id: impl std::fmt::Display) -> Result<(), Fault> {
    if rows == 0 { Err(Fault::no_such(what, id)) } else { Ok(()) }
}
