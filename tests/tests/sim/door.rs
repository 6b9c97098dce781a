//! A process's way to the store, which may be barred.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use syncline_domain::Fault;
use syncline_domain::ports::{BoxFuture, Store, Topic, TxWork, Wakeup};
use syncline_testkit::{MemStore, Moment};

use crate::trace::Trace;
use crate::world::World;

/// The store as one process sees it.
pub(crate) struct Door {
    store: MemStore,
    trace: Trace,
    number: u64,
    /// Every transaction lets others go first.
    is_slow: bool,
    mood: Mutex<Mood>,
}

#[derive(Default)]
struct Mood {
    is_shut: bool,
    /// In how many transactions from now one fails, and how.
    fails: Option<(u64, Moment)>,
}

impl Door {
    /// For the process with this number.
    pub(crate) fn new(world: &World, number: u64) -> Arc<Self> {
        Arc::new(Self {
            store: world.store.clone(),
            trace: world.trace.clone(),
            number,
            is_slow: world.is_slow,
            mood: Mutex::default(),
        })
    }

    /// The store is away for this process, or back.
    pub(crate) fn shut(&self, is_shut: bool) {
        self.lock().is_shut = is_shut;
    }

    /// The `nth` transaction from now on fails.
    pub(crate) fn fail(&self, nth: u64, moment: Moment) {
        self.lock().fails = Some((nth, moment));
    }

    /// All is well again.
    pub(crate) fn mend(&self) {
        *self.lock() = Mood::default();
    }

    fn lock(&self) -> MutexGuard<'_, Mood> {
        self.mood.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn moment(&self) -> Option<Moment> {
        let mut mood = self.lock();
        if mood.is_shut {
            return Some(Moment::BeforeCommit);
        }
        let (left, moment) = mood.fails.take()?;
        if left <= 1 {
            return Some(moment);
        }
        mood.fails = Some((left - 1, moment));
        None
    }

    async fn pass(&self, name: &'static str, work: TxWork, writes: bool) -> Result<(), Fault> {
        if self.is_slow {
            tokio::task::yield_now().await;
        }
        let moment = self.moment();
        if writes {
            self.trace.detail(|| format!("    process {}: {name} {moment:?}", self.number));
        }
        let away = || Err(Fault::Unavailable(format!("the database went away in {name}")));
        if moment == Some(Moment::BeforeCommit) {
            return away();
        }
        if writes {
            self.store.tx_raw(name, work).await?;
        } else {
            self.store.view_raw(name, work).await?;
        }
        if moment.is_some() { away() } else { Ok(()) }
    }
}

impl Store for Door {
    fn tx_raw(&self, name: &'static str, work: TxWork) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(self.pass(name, work, true))
    }

    fn view_raw(&self, name: &'static str, work: TxWork) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(self.pass(name, work, false))
    }

    fn wakeup(&self, topic: Topic) -> Box<dyn Wakeup> {
        self.store.wakeup(topic)
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), Fault>> {
        self.store.ready()
    }
}
