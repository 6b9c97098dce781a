//! A store in memory whose wake-ups come in the order of waiting, so that histories replay.
//!
//! Channels of the runtime wake in an order of their own choice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use syncline_domain::Fault;
use syncline_domain::ports::{BoxFuture, Store, Topic, TxWork, Wakeup};
use syncline_testkit::MemStore;
use tokio::sync::Notify;

#[derive(Default)]
struct Bell {
    commits: AtomicU64,
    notify: Notify,
}

/// Wakes everybody at every commit, whatever it was about.
#[derive(Default)]
pub(crate) struct Orderly {
    inner: MemStore,
    bell: Arc<Bell>,
}

struct Ear {
    bell: Arc<Bell>,
    heard: u64,
}

impl Wakeup for Ear {
    fn woken(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            loop {
                let rung = self.bell.notify.notified();
                let commits = self.bell.commits.load(Ordering::SeqCst);
                if commits > self.heard {
                    self.heard = commits;
                    return;
                }
                rung.await;
            }
        })
    }
}

impl Store for Orderly {
    fn tx_raw(&self, name: &'static str, work: TxWork) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async move {
            self.inner.tx_raw(name, work).await?;
            // Transactions that only look would keep workers awake for ever.
            if !matches!(name, "queue_turn" | "queue_claim" | "renew_jobs" | "rescue_jobs") {
                self.bell.commits.fetch_add(1, Ordering::SeqCst);
                self.bell.notify.notify_waiters();
            }
            Ok(())
        })
    }

    fn view_raw(&self, name: &'static str, work: TxWork) -> BoxFuture<'_, Result<(), Fault>> {
        self.inner.view_raw(name, work)
    }

    fn wakeup(&self, _: Topic) -> Box<dyn Wakeup> {
        let heard = self.bell.commits.load(Ordering::SeqCst);
        Box::new(Ear { bell: Arc::clone(&self.bell), heard })
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), Fault>> {
        self.inner.ready()
    }
}
