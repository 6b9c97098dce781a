//! What automation stands on besides the store: who limits the queue, reads events, and reaches people.

use std::sync::Arc;

use syncline_domain::WaitingRoom;
use syncline_domain::ports::{DriftTeller, EventReader, EventReaders, NobodyTold, Rng};
use syncline_webhooks::Limits;

use crate::notifications::{ChannelTester, NoChannels, RecipientRules};

/// `MAX_QUEUE_SIZE` when nobody says another.
const WAITING_JOBS: u64 = 10_000;

/// Further parts of the use cases, about jobs, webhooks, schedules and notifications.
pub struct Automation {
    /// The limit on waiting jobs; the same one that the scheduler and the receiver of deliveries use.
    pub room: Arc<WaitingRoom>,
    /// Knows the trackers' own words for events.
    pub readers: Arc<dyn EventReaders>,
    /// Chance, for tokens and secrets.
    pub rng: Arc<dyn Rng>,
    /// How people and trackers reach the server (`PUBLIC_URL`), without a slash at the end.
    pub public_url: String,
    /// False (`SCHEDULER_ENABLED=false`) keeps the scheduler off whatever people ask for.
    pub scheduler_enabled: bool,
    /// How many requests webhooks take from whom (`WEBHOOK_RATE_LIMIT`).
    pub webhook_limits: Limits,
    /// Judges recipients.
    pub recipients: Arc<dyn RecipientRules>,
    /// Sends test messages.
    pub tester: Arc<dyn ChannelTester>,
    /// Tells people of drift.
    pub teller: Arc<dyn DriftTeller>,
}

impl Automation {
    /// With the machine's chance, the usual limit, no event words of trackers, and nobody who sends messages.
    #[must_use]
    pub fn of_machine() -> Self {
        Self {
            room: Arc::new(WaitingRoom::new(WAITING_JOBS)),
            readers: Arc::new(NoReaders),
            rng: Arc::new(syncline_engine::SystemRng::new()),
            public_url: "http://localhost:3000".to_owned(),
            scheduler_enabled: true,
            webhook_limits: Limits::default(),
            recipients: Arc::new(NoChannels),
            tester: Arc::new(NoChannels),
            teller: Arc::new(NobodyTold),
        }
    }
}

/// No tracker tells anything by webhook.
#[derive(Clone, Copy, Debug, Default)]
struct NoReaders;

impl EventReaders for NoReaders {
    fn reader(&self, _: &str) -> Option<&dyn EventReader> {
        None
    }
}
