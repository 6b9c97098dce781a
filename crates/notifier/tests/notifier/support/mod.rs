//! What the tests of channels share: messages, a client that reaches this machine, a clock that stands still.

use std::sync::Arc;
use std::time::Duration;

use syncline_domain::ports::{BoxFuture, Clock};
use syncline_domain::{ChannelKind, ConfigId, ExecutionId, Timestamp};
use syncline_notifier::{
    ConfigName, Links, Message, News, Recipient, RunFacts, channel_outbound_config,
};
use syncline_outbound::{AllowList, Outbound, PlainHttp};
use syncline_testkit::SeededRng;
use tokio::sync::Notify;

/// A clock whose waits end only when the test says so: nothing is late by itself.
pub struct StillClock {
    now: Timestamp,
    late: Arc<Notify>,
}

impl StillClock {
    pub fn new() -> Arc<Self> {
        Self::at(Timestamp::parse("2026-02-12T08:02:31Z").unwrap())
    }

    pub fn at(now: Timestamp) -> Arc<Self> {
        Arc::new(Self { now, late: Arc::default() })
    }

    /// Ends every wait that has begun.
    pub fn end_waits(&self) {
        self.late.notify_waiters();
    }
}

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(5_000)
    }

    fn sleep_until(&self, at: Duration) -> BoxFuture<'static, ()> {
        if at <= self.monotonic() {
            return Box::pin(std::future::ready(()));
        }
        Box::pin(Arc::clone(&self.late).notified_owned())
    }
}

pub fn links() -> Links {
    Links::new("https://sync.example/")
}

pub fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

pub fn run() -> RunFacts {
    RunFacts {
        execution_id: ExecutionId(45),
        items_synced: 10,
        items_failed: 0,
        started_at: at("2026-02-12T08:00:00Z"),
        ended_at: at("2026-02-12T08:02:30Z"),
        error: None,
    }
}

pub fn about(name: &str, news: News) -> Message {
    Message {
        at: at("2026-02-12T08:02:30Z"),
        zone: "UTC".to_owned(),
        config: Some(ConfigName { id: ConfigId(1), name: name.to_owned() }),
        news,
    }
}

pub fn completed() -> Message {
    about("Azure Bugs to ServiceDesk", News::SyncCompleted(run()))
}

pub fn failed() -> Message {
    let run = RunFacts {
        execution_id: ExecutionId(46),
        items_synced: 3,
        items_failed: 7,
        error: Some("Failed to connect to target connector".to_owned()),
        ..run()
    };
    about("Azure Bugs to ServiceDesk", News::SyncFailed(run))
}

/// A client as the product's, that may reach these networks.
pub fn outbound(clock: &Arc<StillClock>, allowed: &str) -> Outbound {
    let config = channel_outbound_config(AllowList::parse(allowed).unwrap(), PlainHttp::default());
    let clock: Arc<dyn Clock> = clock.clone();
    Outbound::new(config, clock, Arc::new(SeededRng::new(1))).unwrap()
}

pub fn to(kind: ChannelKind, address: &str) -> Recipient {
    Recipient::parse(kind, address).unwrap()
}
