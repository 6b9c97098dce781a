//! The store in memory.
//!
//! Invariant: a transaction works on the tables in place while a snapshot is kept; an error or a panic puts the
//! snapshot back. Tables are shared until written, so a snapshot costs a pointer a table.

mod admin;
mod configs;
mod connectors;
mod deliveries;
mod jobs;
mod leases;
mod metadata;
mod outbox;
mod runs;
mod schedules;
mod sync;
mod table;
mod tables;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use syncline_domain::Fault;
use syncline_domain::ports::{BoxFuture, Store, Topic, TxWork, Wakeup};

use tables::Tables;

/// A [`Store`] that forgets everything when it is dropped. Clones share their rows.
#[derive(Clone, Default)]
pub struct MemStore {
    tables: Arc<Mutex<Tables>>,
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
        Self { tables: Arc::new(Mutex::new(tables.clone())) }
    }

    fn run(&self, name: &'static str, mut work: TxWork, writable: bool) -> Result<(), Fault> {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = tables.clone();
        let mut tx = MemTx { tables: &mut tables, writable };
        let done = catch_unwind(AssertUnwindSafe(|| work(&mut tx))).unwrap_or_else(|panic| {
            let words = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            Err(Fault::Internal(format!("transaction {name} panicked: {words}")))
        });
        if done.is_err() {
            *tables = snapshot;
        }
        done
    }
}

impl Store for MemStore {
    fn tx_raw(&self, name: &'static str, work: TxWork) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async move { self.run(name, work, true) })
    }

    fn view_raw(&self, name: &'static str, work: TxWork) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async move { self.run(name, work, false) })
    }

    fn wakeup(&self, _topic: Topic) -> Box<dyn Wakeup> {
        struct Never;
        impl Wakeup for Never {
            fn woken(&mut self) -> BoxFuture<'_, ()> {
                Box::pin(std::future::pending())
            }
        }
        Box::new(Never)
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async { Ok(()) })
    }
}

/// A transaction of a [`MemStore`].
struct MemTx<'a> {
    tables: &'a mut Tables,
    writable: bool,
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
}
