//! Webhooks, and the requests that reached them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    ConfigId, ConnectorId, DeliveryId, DeliveryStatus, EventType, ItemId, JobId, Timestamp,
    WebhookAuth, WebhookId,
};

/// A registered webhook, as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    /// Our id.
    pub id: WebhookId,
    /// What people call it.
    pub name: String,
    /// The last part of its address: `webhook_` and 32 hex digits.
    pub token: String,
    /// The configuration whose jobs it queues.
    pub config_id: ConfigId,
    /// The tracker that calls: one of the configuration's two.
    pub connector_id: ConnectorId,
    /// Event words that queue a job; `*` is all of them.
    pub event_types: Vec<String>,
    /// How a sender proves who it is.
    pub auth: WebhookAuth,
    /// The secret, sealed.
    pub sealed_secret: Vec<u8>,
    /// Secrets that are still taken during a rotation, newest first.
    pub old_secrets: Vec<OldSecret>,
    /// Requests to an inactive one are rejected.
    pub is_active: bool,
    /// Further facts, such as `header_name`.
    pub metadata: Value,
    /// Counts changes of this row, the two counters apart.
    pub revision: i64,
    /// How many requests proved who they are.
    pub trigger_count: i64,
    /// How many unproven requests have no row of their own, since there were too many at once.
    pub unlogged_rejections: i64,
    /// When it was last called by somebody proven.
    pub last_triggered_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// A secret that was replaced and is still taken for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldSecret {
    /// The secret, sealed.
    pub sealed: Vec<u8>,
    /// Until when it is taken.
    pub valid_until: Timestamp,
}

/// A request that reached a webhook, as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Our id; 0 until stored.
    pub id: DeliveryId,
    /// The webhook.
    pub webhook_id: WebhookId,
    /// The body as text.
    pub payload: String,
    /// The headers, secrets taken out, as a JSON object.
    pub headers: Value,
    /// The event in our words, where it was recognised.
    pub event_type: Option<String>,
    /// The sender's own name for this delivery. Unique for a webhook among rows that are `success` or `ignored`.
    pub delivery_id: Option<String>,
    /// The items it is about.
    pub item_ids: Vec<ItemId>,
    /// Whether it proved who sent it.
    pub signature_valid: bool,
    /// The verdict.
    pub status: DeliveryStatus,
    /// The verdict's reason, in words.
    pub reason: Option<String>,
    /// The HTTP status that was answered.
    pub response_code: u16,
    /// The job it caused or joined.
    pub job_id: Option<JobId>,
    /// The first delivery with the same name.
    pub duplicate_of: Option<DeliveryId>,
    /// From the last byte of the request to the verdict, in milliseconds.
    pub processing_time_ms: u32,
    /// When it came.
    pub created_at: Timestamp,
}

/// What a tracker's request says, in our words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventReading {
    /// The sender's name for this delivery.
    pub delivery_id: Option<String>,
    /// What happened; empty when it is about no item.
    pub events: Vec<ItemEvent>,
    /// The event in the sender's words, for the log.
    pub told: Option<String>,
}

/// Something that happened to one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemEvent {
    /// What.
    pub event: EventType,
    /// To which item.
    pub item_id: ItemId,
}
