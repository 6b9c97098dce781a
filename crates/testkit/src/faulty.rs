//! A store that fails when told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use syncline_domain::Fault;
use syncline_domain::ports::{BoxFuture, Store, Topic, TxWork, Wakeup};

/// When a planned failure strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Nothing was written.
    BeforeCommit,
    /// Everything was written, but the caller is told that the database is away.
    AfterCommit,
}

/// Wraps a store and fails the n-th transaction of a name.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    state: Mutex<Plan>,
}

#[derive(Default)]
struct Plan {
    planned: Vec<(&'static str, u64, Moment)>,
    seen: BTreeMap<&'static str, u64>,
    log: Vec<&'static str>,
}

impl FaultyStore {
    /// Wraps `inner`; without a plan nothing fails.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, state: Mutex::default() }
    }

    /// Fails the `nth` transaction (from 1, counted from now on) named `name`, reading or writing.
    pub fn fail(&self, name: &'static str, nth: u64, moment: Moment) {
        let mut plan = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = plan.seen.get(name).copied().unwrap_or(0);
        plan.planned.push((name, seen + nth, moment));
    }

    /// The names of all transactions so far, in order.
    #[must_use]
    pub fn log(&self) -> Vec<&'static str> {
        let plan = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        plan.log.clone()
    }

    fn moment(&self, name: &'static str) -> Option<Moment> {
        let mut plan = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        plan.log.push(name);
        let seen = plan.seen.entry(name).or_insert(0);
        *seen += 1;
        let now = *seen;
        plan.planned
            .iter()
            .find(|(planned, nth, _)| *planned == name && *nth == now)
            .map(|(_, _, moment)| *moment)
    }
}

fn away(name: &str) -> Fault {
    Fault::Unavailable(format!("planned failure of transaction {name}"))
}

impl Store for FaultyStore {
    fn tx_raw(&self, name: &'static str, work: TxWork) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async move {
            let moment = self.moment(name);
            if moment == Some(Moment::BeforeCommit) {
                return Err(away(name));
            }
            self.inner.tx_raw(name, work).await?;
            match moment {
                Some(_) => Err(away(name)),
                None => Ok(()),
            }
        })
    }

    fn view_raw(&self, name: &'static str, work: TxWork) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async move {
            if self.moment(name).is_some() {
                return Err(away(name));
            }
            self.inner.view_raw(name, work).await
        })
    }

    fn wakeup(&self, topic: Topic) -> Box<dyn Wakeup> {
        self.inner.wakeup(topic)
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), Fault>> {
        self.inner.ready()
    }
}
