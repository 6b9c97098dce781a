//! Proven requests on their way into the store: those that wait at the same time go in one transaction.
//!
//! Nobody waits for others to come. Whoever comes first hands a transaction over; whoever comes before it begins joins
//! it. So a store that is quick takes one at a time, and under load one transaction takes them all.
//!
//! Invariant: whoever is told that a request is taken in is told so after the commit; and a request that cannot be taken
//! in harms no other: then each goes alone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::Shared;
use syncline_domain::Fault;
use syncline_domain::ports::{BoxFuture, Store, TxWork};

use crate::fate::Done;
use crate::plan::Plan;
use crate::transaction::run;

/// The name of the transaction.
const NAME: &str = "webhook accept";

/// Requests in one transaction.
const MOST: usize = 256;

/// Bytes of bodies in one transaction, and items: as many as one request may have.
const MOST_BYTES: usize = 1024 * 1024;
const MOST_ITEMS: usize = 1_000;

/// Where requests wait.
pub(crate) struct Gate {
    store: Arc<dyn Store>,
    /// The transaction that may be joined, if it has not begun.
    open: Mutex<Option<Batch>>,
}

/// Requests that go together.
#[derive(Clone)]
struct Batch {
    seats: Arc<Mutex<Seats>>,
    /// Moved on by everybody who waits for it, so that it does not matter who of them goes away.
    done: Shared<BoxFuture<'static, Result<(), Fault>>>,
}

#[derive(Default)]
struct Seats {
    plans: Vec<Arc<Plan>>,
    weight: (usize, usize),
    /// Nobody may join any more.
    begun: bool,
    answers: Vec<Option<Done>>,
}

impl Gate {
    pub(crate) const fn new(store: Arc<dyn Store>) -> Self {
        Self { store, open: Mutex::new(None) }
    }

    /// Takes a request through; `None` when it has to be looked at again.
    pub(crate) async fn pass(&self, plan: &Arc<Plan>) -> Result<Option<Done>, Fault> {
        let (batch, seat) = self.sit(plan);
        let done = batch.done.await;
        self.forget(&batch.seats);
        match done {
            Ok(()) => Ok(lock(&batch.seats).answers.get_mut(seat).and_then(Option::take)),
            // It may have been committed.
            Err(fault @ Fault::Unavailable(_)) => Err(fault),
            Err(fault) if lock(&batch.seats).plans.len() == 1 => Err(fault),
            Err(_) => self.alone(plan).await,
        }
    }

    /// Joins the open batch, or opens another.
    fn sit(&self, plan: &Arc<Plan>) -> (Batch, usize) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(batch) = open.as_ref()
            && batch.done.peek().is_none()
            && let Some(seat) = lock(&batch.seats).take_in(plan)
        {
            return (batch.clone(), seat);
        }
        let batch = self.batch(plan);
        *open = Some(batch.clone());
        (batch, 0)
    }

    /// Lets go of a batch that has gone through, and of the bodies in it.
    fn forget(&self, seats: &Arc<Mutex<Seats>>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.as_ref().is_some_and(|batch| Arc::ptr_eq(&batch.seats, seats)) {
            *open = None;
        }
    }

    async fn alone(&self, plan: &Arc<Plan>) -> Result<Option<Done>, Fault> {
        let batch = self.batch(plan);
        lock(&batch.seats).begun = true;
        batch.done.await?;
        Ok(lock(&batch.seats).answers.pop().flatten())
    }

    fn batch(&self, plan: &Arc<Plan>) -> Batch {
        let seats = Arc::new(Mutex::new(Seats::default()));
        let _first = lock(&seats).take_in(plan);
        let (store, work) = (Arc::clone(&self.store), work(Arc::clone(&seats)));
        let done = async move { store.urgent_raw(NAME, work).await };
        Batch { seats, done: done.boxed().shared() }
    }
}

/// May be run again; who goes in is settled when it is run for the first time.
fn work(seats: Arc<Mutex<Seats>>) -> TxWork {
    Box::new(move |tx| {
        let plans = lock(&seats).begin();
        let answers = run(tx, &plans)?;
        lock(&seats).answers = answers;
        Ok(())
    })
}

impl Seats {
    fn take_in(&mut self, plan: &Arc<Plan>) -> Option<usize> {
        let (bytes, items) = plan.weight();
        let weight = (self.weight.0.saturating_add(bytes), self.weight.1.saturating_add(items));
        let fits = self.plans.len() < MOST && weight.0 <= MOST_BYTES && weight.1 <= MOST_ITEMS;
        if self.begun || !(fits || self.plans.is_empty()) {
            return None;
        }
        self.weight = weight;
        self.plans.push(Arc::clone(plan));
        Some(self.plans.len().saturating_sub(1))
    }

    fn begin(&mut self) -> Vec<Arc<Plan>> {
        self.begun = true;
        self.plans.clone()
    }
}

fn lock(seats: &Mutex<Seats>) -> MutexGuard<'_, Seats> {
    seats.lock().unwrap_or_else(PoisonError::into_inner)
}
