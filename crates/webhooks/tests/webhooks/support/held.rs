//! A store that lets accepting transactions wait until the test lets them go.

use std::sync::{Arc, Mutex};

use syncline_domain::Fault;
use syncline_domain::ports::{BoxFuture, Store, Topic, TxWork, Wakeup};
use tokio::sync::Semaphore;

pub struct HeldStore {
    inner: Arc<dyn Store>,
    gate: Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    passed: usize,
    fails: Option<Fault>,
}

impl HeldStore {
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, gate: Semaphore::new(0), state: Mutex::default() }
    }

    /// Lets everything through from now on.
    pub fn let_go(&self) {
        self.gate.add_permits(1_000);
    }

    /// Answers the next accepting transaction with this, after it ran in vain.
    pub fn fail_next(&self, fault: Fault) {
        self.state.lock().unwrap().fails = Some(fault);
    }

    /// How many accepting transactions there were.
    pub fn passed(&self) -> usize {
        self.state.lock().unwrap().passed
    }
}

impl Store for HeldStore {
    fn tx_raw(&self, name: &'static str, work: TxWork) -> BoxFuture<'_, Result<(), Fault>> {
        self.inner.tx_raw(name, work)
    }

    fn urgent_raw(&self, name: &'static str, mut work: TxWork) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async move {
            let _passes = self.gate.acquire().await.unwrap();
            let fails = {
                let mut state = self.state.lock().unwrap();
                state.passed += 1;
                state.fails.take()
            };
            let work: TxWork = match fails {
                Some(fault) => Box::new(move |tx| work(tx).and(Err(fault.clone()))),
                None => work,
            };
            self.inner.tx_raw(name, work).await
        })
    }

    fn view_raw(&self, name: &'static str, work: TxWork) -> BoxFuture<'_, Result<(), Fault>> {
        self.inner.view_raw(name, work)
    }

    fn wakeup(&self, topic: Topic) -> Box<dyn Wakeup> {
        self.inner.wakeup(topic)
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), Fault>> {
        self.inner.ready()
    }
}
