//! The store in memory.
//!
//! Invariant: a transaction works on the tables in place while a snapshot is kept; an error or a panic puts the
//! snapshot back. Tables are shared until written, so a snapshot costs a pointer a table.

mod admin;
mod bells;
mod configs;
mod conflicts;
mod connectors;
mod deletions;
mod deliveries;
mod drift;
mod history;
mod job_rows;
mod jobs;
mod leases;
mod metadata;
mod outbox;
mod plans;
mod runs;
mod samples;
mod schedules;
mod sync;
mod table;
mod tables;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use syncline_domain::Fault;
use syncline_domain::ports::{BoxFuture, Store, Topic, TxWork, Wakeup};

use bells::Bells;
use tables::Tables;

/// A [`Store`] that forgets everything when it is dropped. Clones share their rows and wake one another.
#[derive(Clone, Default)]
pub struct MemStore {
    tables: Arc<Mutex<Tables>>,
    bells: Arc<Bells>,
}

impl MemStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A store of its own with the rows of this instant: what a crashed process would find after its restart.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        Self { tables: Arc::new(Mutex::new(tables.clone())), bells: Arc::default() }
    }

    fn run(&self, name: &'static str, mut work: TxWork, writable: bool) -> Result<(), Fault> {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = tables.clone();
        let mut tx = MemTx { tables: &mut tables, writable, rung: Vec::new() };
        let done = catch_unwind(AssertUnwindSafe(|| work(&mut tx))).unwrap_or_else(|panic| {
            let words = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            Err(Fault::Internal(format!("transaction {name} panicked: {words}")))
        });
        let rung = tx.rung;
        if done.is_err() {
            *tables = snapshot;
            return done;
        }
        drop(tables);
        for topic in rung {
            self.bells.ring(topic);
        }
        Ok(())
    }
}

impl Store for MemStore {
    fn tx_raw(&self, name: &'static str, work: TxWork) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async move { self.run(name, work, true) })
    }

    fn view_raw(&self, name: &'static str, work: TxWork) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async move { self.run(name, work, false) })
    }

    fn wakeup(&self, topic: Topic) -> Box<dyn Wakeup> {
        self.bells.listen(topic)
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async { Ok(()) })
    }
}

/// A transaction of a [`MemStore`].
struct MemTx<'a> {
    tables: &'a mut Tables,
    writable: bool,
    /// What to wake after the commit.
    rung: Vec<Topic>,
}

impl MemTx<'_> {
    /// The tables, for writing.
    fn write(&mut self) -> Result<&mut Tables, Fault> {
        if self.writable {
            Ok(self.tables)
        } else {
            Err(Fault::Internal("a reading transaction tried to write".to_owned()))
        }
    }

    fn ring(&mut self, topic: Topic) {
        if !self.rung.contains(&topic) {
            self.rung.push(topic);
        }
    }
}

fn count(rows: impl Iterator) -> u64 {
    u64::try_from(rows.count()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use syncline_domain::ports::StoreExt;

    use super::*;
    use crate::rows::new_job;

    #[tokio::test]
    async fn clones_wake_one_another_and_a_snapshot_is_on_its_own() {
        let store = MemStore::new();
        let (twin, apart) = (store.clone(), store.snapshot());
        let mut near = twin.wakeup(Topic::Jobs);
        let mut far = apart.wakeup(Topic::Jobs);
        let queued = store.tx("test", |tx| tx.enqueue(&new_job(None))).await;
        assert!(queued.is_ok());
        assert!(near.woken().now_or_never().is_some());
        assert!(far.woken().now_or_never().is_none());
        assert!(near.woken().now_or_never().is_none());
    }

    #[tokio::test]
    async fn nobody_wakes_those_whose_store_is_gone() {
        let mut ear = MemStore::new().wakeup(Topic::Outbox);
        assert!(ear.woken().now_or_never().is_none());
    }
}
