//! Wake-ups among the handles of one store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use syncline_domain::ports::{BoxFuture, Topic, Wakeup};
use tokio::sync::Notify;

/// One bell a topic; whoever waits hears only what rings later. Those who wait wake in the order of their waiting, so
/// that a history on one thread replays; a watch channel would pick an order of its own.
#[derive(Default)]
pub(super) struct Bells {
    jobs: Arc<Bell>,
    outbox: Arc<Bell>,
    schedules: Arc<Bell>,
}

#[derive(Default)]
struct Bell {
    rung: AtomicU64,
    notify: Notify,
}

impl Bells {
    const fn of(&self, topic: Topic) -> &Arc<Bell> {
        match topic {
            Topic::Jobs => &self.jobs,
            Topic::Outbox => &self.outbox,
            Topic::Schedules => &self.schedules,
        }
    }

    pub(super) fn ring(&self, topic: Topic) {
        let bell = self.of(topic);
        bell.rung.fetch_add(1, Ordering::SeqCst);
        bell.notify.notify_waiters();
    }

    pub(super) fn listen(&self, topic: Topic) -> Box<dyn Wakeup> {
        let bell = Arc::clone(self.of(topic));
        let heard = bell.rung.load(Ordering::SeqCst);
        Box::new(Ear { bell, heard })
    }
}

struct Ear {
    bell: Arc<Bell>,
    heard: u64,
}

impl Wakeup for Ear {
    fn woken(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            loop {
                // Made before the look, so that nothing that rings between is missed.
                let rings = self.bell.notify.notified();
                let rung = self.bell.rung.load(Ordering::SeqCst);
                if rung != self.heard {
                    self.heard = rung;
                    return;
                }
                rings.await;
            }
        })
    }
}
