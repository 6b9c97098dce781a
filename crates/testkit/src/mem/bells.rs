//! Wake-ups among the handles of one store.

use syncline_domain::ports::{BoxFuture, Topic, Wakeup};
use tokio::sync::watch;

/// One bell a topic; whoever waits hears only what rings later.
pub(super) struct Bells {
    jobs: watch::Sender<()>,
    outbox: watch::Sender<()>,
    schedules: watch::Sender<()>,
}

impl Default for Bells {
    fn default() -> Self {
        let bell = || watch::Sender::new(());
        Self { jobs: bell(), outbox: bell(), schedules: bell() }
    }
}

impl Bells {
    const fn of(&self, topic: Topic) -> &watch::Sender<()> {
        match topic {
            Topic::Jobs => &self.jobs,
            Topic::Outbox => &self.outbox,
            Topic::Schedules => &self.schedules,
        }
    }

    pub(super) fn ring(&self, topic: Topic) {
        self.of(topic).send_replace(());
    }

    pub(super) fn listen(&self, topic: Topic) -> Box<dyn Wakeup> {
        Box::new(Ear(self.of(topic).subscribe()))
    }
}

struct Ear(watch::Receiver<()>);

impl Wakeup for Ear {
    fn woken(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if self.0.changed().await.is_err() {
                // The store is gone: nothing will be committed any more.
                std::future::pending::<()>().await;
            }
        })
    }
}
