//! The loop that empties the outbox.
//!
//! Invariant: a message that nobody took stays in the store until it is taken, told in a digest, or given up with a
//! reason. A process that dies between sending and noting it sends once more, under the same key.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use syncline_domain::ports::{Clock, Rng, Sealer, Store, StoreExt as _, Topic};
use syncline_domain::{
    ChannelKind, Fault, NotificationEvent, NotificationId, NotificationSetting, OutboxMessage,
    OutboxSettlement, OutboxStatus, Timestamp,
};
use tokio_util::sync::CancellationToken;

use super::desk::{ChannelDesk, recipient_of};
use super::publish::{Event, publish_disabled};
use crate::channel::{SendError, SendErrorKind};
use crate::message::{ConfigName, Message, News};
use crate::retry::{has_failed_for_too_long, is_given_up, next_wait};

/// How long a claim lasts: longer than the slowest attempt of a whole batch for one recipient.
const CLAIM: Duration = Duration::from_secs(300);

/// Messages taken at once.
const BATCH: usize = 50;

/// Recipients that are served side by side.
const SIDE_BY_SIDE: usize = 8;

/// The longest time between two looks at the outbox.
const LOOK: Duration = Duration::from_secs(5);

/// Messages that one person's address gets in an hour before they are put together, unless the setting says otherwise
/// (`settings.max_per_hour`).
const PER_HOUR: u64 = 20;

/// How long a message waits for a recipient that has had enough, or for a channel that is not set up.
const POSTPONE: Duration = Duration::from_secs(10 * 60);

/// How long messages wait for a channel to be set up.
const NOT_SET_UP: Duration = Duration::from_secs(24 * 60 * 60);

/// Sends what waits in the outbox.
pub struct Notifier {
    parts: NotifierParts,
}

/// What a [`Notifier`] is made of.
#[derive(Clone)]
pub struct NotifierParts {
    /// Keeps the outbox.
    pub store: Arc<dyn Store>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Spreads retries.
    pub rng: Arc<dyn Rng>,
    /// Opens addresses that are secrets.
    pub sealer: Arc<dyn Sealer>,
    /// Has the channels.
    pub desk: Arc<dyn ChannelDesk>,
}

impl Notifier {
    /// A notifier of these parts.
    #[must_use]
    pub const fn new(parts: NotifierParts) -> Self {
        Self { parts }
    }

    /// Goes on until `stop`; what is being sent then is ended first.
    pub async fn run(&self, stop: CancellationToken) {
        let mut wakeup = self.parts.store.wakeup(Topic::Outbox);
        loop {
            let nap = match self.turn().await {
                Ok(nap) => nap,
                Err(fault) => {
                    log::warn!("the outbox is looked at again in a moment: {fault}");
                    Duration::from_secs(1)
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = wakeup.woken() => {}
                () = self.parts.clock.sleep(nap) => {}
            }
        }
    }

    /// Sends one batch; says how long there is nothing to do.
    async fn turn(&self) -> Result<Duration, Fault> {
        let now = self.parts.clock.now();
        let store = &self.parts.store;
        let due = store.tx("claim outbox", move |tx| tx.claim_outbox(now, CLAIM, BATCH)).await?;
        let full = due.len() == BATCH;
        let mut piles: BTreeMap<(Option<NotificationId>, String), Vec<OutboxMessage>> =
            BTreeMap::new();
        for message in due {
            let pile = (message.setting_id, message.recipient_hash.clone());
            piles.entry(pile).or_default().push(message);
        }
        stream::iter(piles)
            .for_each_concurrent(SIDE_BY_SIDE, |((setting, _), pile)| async move {
                if let Err(fault) = self.serve(setting, pile).await {
                    log::warn!(
                        "messages stay claimed for a while, since the store is away: {fault}"
                    );
                }
            })
            .await;
        if full {
            return Ok(Duration::ZERO);
        }
        let next = store.view("next outbox", |tx| tx.next_outbox_at()).await?;
        let now = self.parts.clock.now();
        Ok(next.map_or(LOOK, |at| at.since(now)).min(LOOK))
    }

    /// One recipient's messages, oldest first.
    async fn serve(
        &self,
        setting: Option<NotificationId>,
        pile: Vec<OutboxMessage>,
    ) -> Result<(), Fault> {
        let setting = match setting {
            Some(id) => self.parts.store.view("setting", move |tx| tx.notification(id)).await?,
            None => None,
        };
        let Some(setting) = setting else {
            return self.end_all(pile, OutboxStatus::Dead, "its setting was deleted").await;
        };
        if !setting.is_active {
            return self.end_all(pile, OutboxStatus::Dead, "its setting is switched off").await;
        }
        let sent = self.sent_lately(&pile).await?;
        let most = per_hour(&setting);
        let room = most.saturating_sub(sent);
        let count = u64::try_from(pile.len()).unwrap_or(u64::MAX);
        if room == 0 {
            return self.postpone(pile, "the recipient was sent enough for an hour").await;
        }
        if count > room {
            return self.send_digest(&setting, pile).await;
        }
        for message in pile {
            self.send_one(&setting, message).await?;
        }
        Ok(())
    }

    async fn sent_lately(&self, pile: &[OutboxMessage]) -> Result<u64, Fault> {
        let Some(hash) = pile.first().map(|message| message.recipient_hash.clone()) else {
            return Ok(0);
        };
        let since = self.parts.clock.now().before(Duration::from_secs(3_600));
        self.parts.store.view("sent lately", move |tx| tx.sent_since(&hash, since)).await
    }

    async fn send_one(
        &self,
        setting: &NotificationSetting,
        row: OutboxMessage,
    ) -> Result<(), Fault> {
        let message = match Message::from_json(&row.message) {
            Ok(message) => message,
            Err(error) => {
                return self.end_all(vec![row], OutboxStatus::Dead, &error.to_string()).await;
            }
        };
        let result = self.attempt(setting, &message, &row).await;
        self.settle(setting, vec![row], result).await
    }

    /// Several messages as one; the first row stands for it, the others follow it.
    async fn send_digest(
        &self,
        setting: &NotificationSetting,
        pile: Vec<OutboxMessage>,
    ) -> Result<(), Fault> {
        let messages: Vec<Message> =
            pile.iter().filter_map(|row| Message::from_json(&row.message).ok()).collect();
        let Some(first) = pile.first().cloned() else { return Ok(()) };
        let result = self.attempt(setting, &Message::digest(messages), &first).await;
        self.settle(setting, pile, result).await
    }

    async fn attempt(
        &self,
        setting: &NotificationSetting,
        message: &Message,
        row: &OutboxMessage,
    ) -> Attempt {
        let channel = match self.parts.desk.channel(setting.channel).await {
            Ok(channel) => channel,
            Err(why) => return Attempt::NotSetUp(why),
        };
        let sealer = self.parts.sealer.as_ref();
        let recipient = match recipient_of(sealer, setting, &row.recipient_hash) {
            Ok(recipient) => recipient,
            Err(why) => return Attempt::Ended(why),
        };
        let key = format!("{}/{}", row.event_key, row.recipient_hash);
        match channel.send(message, &recipient, &key).await {
            Ok(_) => Attempt::Sent,
            Err(error) => Attempt::Failed(error),
        }
    }

    async fn settle(
        &self,
        setting: &NotificationSetting,
        rows: Vec<OutboxMessage>,
        attempt: Attempt,
    ) -> Result<(), Fault> {
        let now = self.parts.clock.now();
        let settlements = self.settlements(setting.channel, &attempt, &rows, now);
        let change = health(setting, &attempt, now);
        if let Attempt::Failed(error) = &attempt {
            let kind = setting.channel.as_str();
            log::warn!(notification_id = setting.id.0, channel = kind; "not delivered: {error}");
        }
        if let Attempt::NotSetUp(why) = &attempt {
            log::warn!(notification_id = setting.id.0; "{why}");
        }
        self.parts
            .store
            .tx("settle outbox", move |tx| {
                tx.settle_outbox(&settlements)?;
                match &change {
                    Some(change) => change.write(tx, now),
                    None => Ok(()),
                }
            })
            .await
    }

    fn settlements(
        &self,
        channel: ChannelKind,
        attempt: &Attempt,
        rows: &[OutboxMessage],
        now: Timestamp,
    ) -> Vec<OutboxSettlement> {
        let verdict = match attempt {
            Attempt::Sent => Verdict::ended(OutboxStatus::Sent, None, now),
            Attempt::Ended(why) => Verdict::ended(OutboxStatus::Dead, Some(why.clone()), now),
            Attempt::NotSetUp(why) => {
                let oldest = rows.iter().map(|row| row.created_at).min().unwrap_or(now);
                if now.since(oldest) >= NOT_SET_UP {
                    Verdict::ended(OutboxStatus::Dead, Some(why.clone()), now)
                } else {
                    Verdict::later(now.after(POSTPONE), Some(why.clone()), false)
                }
            }
            Attempt::Failed(error) => return self.after_failure(channel, error, rows, now),
        };
        verdict.of_all(rows, now)
    }

    /// What has been tried for long enough is given up; the rest of a pile is tried again together.
    fn after_failure(
        &self,
        channel: ChannelKind,
        error: &SendError,
        rows: &[OutboxMessage],
        now: Timestamp,
    ) -> Vec<OutboxSettlement> {
        let why = Some(error.explanation());
        let dead = Verdict::ended(OutboxStatus::Dead, why.clone(), now);
        let asked = match error.kind {
            SendErrorKind::Temporary { retry_after } => retry_after,
            SendErrorKind::Permanent => None,
            SendErrorKind::Refused | SendErrorKind::Gone => return dead.of_all(rows, now),
        };
        let is_over =
            |row: &OutboxMessage| is_given_up(channel, row.attempts, now.since(row.created_at));
        let (over, rest): (Vec<_>, Vec<_>) = rows.iter().cloned().partition(is_over);
        let mut settlements = dead.of_all(&over, now);
        if let Some(attempts) = rest.iter().map(|row| row.attempts).min() {
            let wait = next_wait(channel, attempts, asked, self.parts.rng.as_ref());
            settlements.extend(Verdict::later(now.after(wait), why, true).of_all(&rest, now));
        }
        settlements
    }

    async fn postpone(&self, rows: Vec<OutboxMessage>, why: &str) -> Result<(), Fault> {
        let now = self.parts.clock.now();
        let verdict = Verdict::later(now.after(POSTPONE), Some(why.to_owned()), false);
        self.put(verdict.of_all(&rows, now)).await
    }

    async fn end_all(
        &self,
        rows: Vec<OutboxMessage>,
        status: OutboxStatus,
        why: &str,
    ) -> Result<(), Fault> {
        let now = self.parts.clock.now();
        self.put(Verdict::ended(status, Some(why.to_owned()), now).of_all(&rows, now)).await
    }

    async fn put(&self, settlements: Vec<OutboxSettlement>) -> Result<(), Fault> {
        self.parts
            .store
            .tx("settle outbox", move |tx| tx.settle_outbox(&settlements).map(|_| ()))
            .await
    }
}

/// What came of sending.
enum Attempt {
    Sent,
    Failed(SendError),
    /// The channel is not there.
    NotSetUp(String),
    /// It can never be sent.
    Ended(String),
}

/// Where messages stand after an attempt.
struct Verdict {
    status: OutboxStatus,
    run_at: Timestamp,
    error: Option<String>,
    counts: bool,
}

impl Verdict {
    const fn ended(status: OutboxStatus, error: Option<String>, now: Timestamp) -> Self {
        Self { status, run_at: now, error, counts: true }
    }

    const fn later(run_at: Timestamp, error: Option<String>, counts: bool) -> Self {
        Self { status: OutboxStatus::Queued, run_at, error, counts }
    }

    /// The first message was sent; those that were sent inside it are folded.
    fn of_all(&self, rows: &[OutboxMessage], now: Timestamp) -> Vec<OutboxSettlement> {
        let status = |at: usize| match self.status {
            OutboxStatus::Sent if at > 0 => OutboxStatus::Folded,
            status => status,
        };
        rows.iter()
            .enumerate()
            .map(|(at, row)| OutboxSettlement {
                id: row.id,
                token: row.token,
                status: status(at),
                run_at: self.run_at,
                error: self.error.clone(),
                counts: self.counts,
                at: now,
            })
            .collect()
    }
}

/// A change of a setting that follows from an attempt.
struct Change {
    setting: NotificationSetting,
    failing_since: Option<Timestamp>,
    /// Why it is switched off.
    off: Option<String>,
}

/// Mail has many recipients behind one server; the health of a setting is that of its endpoint.
fn health(setting: &NotificationSetting, attempt: &Attempt, now: Timestamp) -> Option<Change> {
    let change = |failing_since, off| Some(Change { setting: setting.clone(), failing_since, off });
    match attempt {
        Attempt::Sent => setting.failing_since.and_then(|_| change(None, None)),
        Attempt::Failed(error) if setting.channel != ChannelKind::Email => {
            let since = setting.failing_since.or(Some(now));
            let gone = error.kind == SendErrorKind::Gone;
            if gone || has_failed_for_too_long(since, now) {
                return change(since, Some(error.explanation()));
            }
            if setting.failing_since.is_none() { change(since, None) } else { None }
        }
        Attempt::Failed(_) | Attempt::NotSetUp(_) | Attempt::Ended(_) => None,
    }
}

impl Change {
    /// Over what the setting is by now: people may have changed it while the message was on its way.
    fn write(&self, tx: &mut dyn syncline_domain::ports::Tx, now: Timestamp) -> Result<(), Fault> {
        let Some(mut setting) = tx.notification(self.setting.id)? else { return Ok(()) };
        setting.failing_since = self.failing_since;
        if let Some(why) = self.off.as_ref().filter(|_| setting.is_active) {
            setting.is_active = false;
            setting.disabled_reason = Some(why.clone());
            setting.updated_at = now;
            self.tell(tx, &setting, why, now)?;
        }
        tx.update_notification(&setting)
    }

    fn tell(
        &self,
        tx: &mut dyn syncline_domain::ports::Tx,
        setting: &NotificationSetting,
        why: &str,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let config = match setting.config_id {
            Some(id) => tx.config(id)?,
            None => None,
        };
        let message = Message {
            at: now,
            zone: config
                .as_ref()
                .map_or_else(|| "UTC".to_owned(), |config| config.timezone.clone()),
            config: config.map(|config| ConfigName { id: config.id, name: config.name }),
            news: News::ChannelDisabled {
                channel: setting.channel,
                recipient: setting.recipients.first().map_or_else(String::new, |r| r.shown.clone()),
                failing_since: self.failing_since,
                reason: why.to_owned(),
            },
        };
        let event = Event {
            event: NotificationEvent::SyncFailed,
            key: format!("notification/{}/disabled/{}", setting.id, now.micros()),
            about: &[],
            quiet: false,
            message: &message,
        };
        publish_disabled(tx, &event, setting, now).map(|_| ())
    }
}

/// A program behind a webhook is told everything unless its setting says otherwise.
fn per_hour(setting: &NotificationSetting) -> u64 {
    let asked = setting.settings.get("max_per_hour").and_then(serde_json::Value::as_u64);
    let usual = if setting.channel == ChannelKind::Webhook { u64::MAX } else { PER_HOUR };
    asked.unwrap_or(usual).max(1)
}
