//! Wake-ups: what a transaction promises while it runs, rings when it is committed.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};

use syncline_domain::ports::{BoxFuture, Topic, Wakeup};
use tokio::sync::watch;

/// Topics that a transaction is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Topics(u8);

impl Topics {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const ALL: Self = Self(7);

    const fn bit(topic: Topic) -> u8 {
        match topic {
            Topic::Jobs => 1,
            Topic::Outbox => 2,
            Topic::Schedules => 4,
        }
    }

    pub(crate) const fn add(&mut self, topic: Topic) {
        self.0 |= Self::bit(topic);
    }

    pub(crate) const fn join(&mut self, others: Self) {
        self.0 |= others.0;
    }

    pub(crate) const fn has(self, topic: Topic) -> bool {
        self.0 & Self::bit(topic) != 0
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// One bell a topic, and who tells other processes.
#[derive(Debug)]
pub(crate) struct Bells {
    jobs: watch::Sender<()>,
    outbox: watch::Sender<()>,
    schedules: watch::Sender<()>,
    abroad: Option<Abroad>,
}

/// What other processes are yet to be told. A signal that waits says as much as many.
#[derive(Debug)]
struct Abroad {
    untold: Arc<Mutex<Topics>>,
    signal: SyncSender<()>,
}

/// The end of those who tell other processes.
#[derive(Debug)]
pub(crate) struct Untold {
    topics: Arc<Mutex<Topics>>,
    pub(crate) signal: Receiver<()>,
}

impl Untold {
    /// What is to be told now.
    pub(crate) fn take(&self) -> Topics {
        std::mem::take(&mut *self.topics.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// To be told later, since it could not be told now.
    pub(crate) fn put_back(&self, topics: Topics) {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner).join(topics);
    }
}

impl Bells {
    /// For a database that no other process can tell us about.
    pub(crate) fn at_home() -> Self {
        let bell = || watch::Sender::new(());
        Self { jobs: bell(), outbox: bell(), schedules: bell(), abroad: None }
    }

    /// With an end for somebody who tells other processes, where there may be some.
    pub(crate) fn new(others: bool) -> (Arc<Self>, Option<Untold>) {
        if !others {
            return (Arc::new(Self::at_home()), None);
        }
        let (signal, signals) = sync_channel(1);
        let topics = Arc::new(Mutex::new(Topics::NONE));
        let untold = Untold { topics: Arc::clone(&topics), signal: signals };
        let abroad = Some(Abroad { untold: topics, signal });
        (Arc::new(Self { abroad, ..Self::at_home() }), Some(untold))
    }

    const fn of(&self, topic: Topic) -> &watch::Sender<()> {
        match topic {
            Topic::Jobs => &self.jobs,
            Topic::Outbox => &self.outbox,
            Topic::Schedules => &self.schedules,
        }
    }

    /// Wakes those who wait in this process.
    pub(crate) fn ring(&self, topics: Topics) {
        for topic in Topic::ALL {
            if topics.has(*topic) {
                self.of(*topic).send_replace(());
            }
        }
    }

    /// Something was committed here: wakes everybody, here and in other processes.
    pub(crate) fn committed(&self, topics: Topics) {
        if topics.is_empty() {
            return;
        }
        self.ring(topics);
        if let Some(abroad) = &self.abroad {
            abroad.untold.lock().unwrap_or_else(PoisonError::into_inner).join(topics);
            match abroad.signal.try_send(()) {
                Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
            }
        }
    }

    /// Somebody who hears what is committed from now on.
    pub(crate) fn listen(&self, topic: Topic) -> Box<dyn Wakeup> {
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
