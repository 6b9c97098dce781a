//! Who is notified of what, and messages on their way.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    ChannelKind, ConfigId, NotificationEvent, NotificationId, OutboxId, OutboxStatus, Timestamp,
};

/// A notification setting, as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct NotificationSetting {
    /// Our id.
    pub id: NotificationId,
    /// The configuration it is about; all when `None`.
    pub config_id: Option<ConfigId>,
    /// The way.
    pub channel: ChannelKind,
    /// Of what.
    pub events: Vec<NotificationEvent>,
    /// To whom.
    pub recipients: Vec<StoredRecipient>,
    /// Further facts, without secrets.
    pub settings: Value,
    /// The signing secret of a webhook channel, sealed.
    pub sealed_secret: Option<Vec<u8>>,
    /// Inactive ones notify nobody.
    pub is_active: bool,
    /// Since when nothing could be delivered, while that is so.
    pub failing_since: Option<Timestamp>,
    /// Why it was switched off without anybody asking.
    pub disabled_reason: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// An address as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRecipient {
    /// A name for this address that gives nothing away: 64 hex digits.
    pub hash: String,
    /// The form for people: a mail address as it is, a URL with its secret part hidden.
    pub shown: String,
    /// The address itself, sealed, where it is a secret.
    pub sealed: Option<Vec<u8>>,
}

/// A message on its way to one recipient. There is at most one row for an event and a recipient.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxMessage {
    /// Our id; 0 until stored.
    pub id: OutboxId,
    /// What it is about, once and for all, such as `execution/45/sync_failed`.
    pub event_key: String,
    /// The kind of event, as a word.
    pub event: String,
    /// The configuration it is about.
    pub config_id: Option<ConfigId>,
    /// The setting that asked for it; `None` once that is gone.
    pub setting_id: Option<NotificationId>,
    /// The recipient ([`StoredRecipient::hash`]).
    pub recipient_hash: String,
    /// The message as data.
    pub message: Value,
    /// Where it stands.
    pub status: OutboxStatus,
    /// Attempts begun.
    pub attempts: u32,
    /// Not before.
    pub run_at: Timestamp,
    /// Rises with every claim.
    pub token: i64,
    /// Until when a claim lasts.
    pub claimed_until: Option<Timestamp>,
    /// What the other side said last, without secrets.
    pub last_error: Option<String>,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was taken by the other side, or given up.
    pub ended_at: Option<Timestamp>,
}

/// How an attempt to send ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxSettlement {
    /// The message.
    pub id: OutboxId,
    /// The token of the claim.
    pub token: i64,
    /// Where it stands now. `Queued` is tried again at `run_at`.
    pub status: OutboxStatus,
    /// Not before.
    pub run_at: Timestamp,
    /// What the other side said; takes the place of what it said before.
    pub error: Option<String>,
    /// Whether the attempt counts; one that does not is given back.
    pub counts: bool,
    /// When.
    pub at: Timestamp,
}

/// What people know of a configuration's health; a message goes out when it changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigHealth {
    /// The configuration.
    pub config_id: ConfigId,
    /// Since when runs fail, or items do; `None` when all is well.
    pub failing_since: Option<Timestamp>,
    /// What fails, as a hash: another value is news.
    pub fingerprint: Option<String>,
    /// When a failure was told last.
    pub told_at: Option<Timestamp>,
}
