//! The webhooks' part of a transaction, and what reads a tracker's events.

use std::collections::BTreeMap;

use crate::{
    ConfigId, ConnectorId, Delivery, DeliveryId, DeliveryStatus, Direction, EventReading, Fault,
    JobId, Timestamp, Webhook, WebhookId,
};

/// Which webhooks to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookFilter {
    /// Of this configuration only.
    pub config_id: Option<ConfigId>,
    /// Of this connector only.
    pub connector_id: Option<ConnectorId>,
    /// Only active or only inactive ones.
    pub active: Option<bool>,
    /// Of these configurations only (a key's scope).
    pub scope: Option<Vec<ConfigId>>,
}

/// Which deliveries to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Of this webhook only.
    pub webhook_id: Option<WebhookId>,
    /// In this status only.
    pub status: Option<DeliveryStatus>,
    /// With an id below this: the page after the one that ended there.
    pub before: Option<DeliveryId>,
}

/// What a call needs to know of its webhook's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CalledConfig {
    /// Whether it is switched on.
    pub is_active: bool,
    /// Whether what changes in the target goes back.
    pub direction: Direction,
    /// Where it reads from.
    pub source_connector_id: ConnectorId,
}

/// An accepted delivery and the job it went into, if into one.
pub type Accepted = (DeliveryId, Option<JobId>);

/// Webhooks and deliveries.
pub trait DeliveryTx {
    /// Stores a webhook; the id given is ignored. A taken token, an unknown configuration or connector:
    /// [`Fault::Conflict`].
    fn insert_webhook(&mut self, webhook: &Webhook) -> Result<WebhookId, Fault>;
    /// Reads one.
    fn webhook(&mut self, id: WebhookId) -> Result<Option<Webhook>, Fault>;
    /// Reads one by the last part of its address.
    fn webhook_by_token(&mut self, token: &str) -> Result<Option<Webhook>, Fault>;
    /// Reads some, by id.
    fn webhooks(&mut self, filter: &WebhookFilter) -> Result<Vec<Webhook>, Fault>;
    /// Writes all columns of one but the counters, the token and the time of the last call; its revision rises by one,
    /// whatever is given.
    /// Unknown id: [`Fault::NotFound`].
    fn update_webhook(&mut self, webhook: &Webhook) -> Result<(), Fault>;
    /// Deletes one with its deliveries. Unknown id: [`Fault::NotFound`].
    fn delete_webhook(&mut self, id: WebhookId) -> Result<(), Fault>;
    /// Counts proven calls, notes the time of the last one, and answers how the configuration is now; `None` when the
    /// webhook is gone or has another revision by now, and then nothing is counted.
    fn count_triggers(
        &mut self,
        id: WebhookId,
        revision: i64,
        calls: u64,
        last: Timestamp,
    ) -> Result<Option<CalledConfig>, Fault>;
    /// Counts unproven calls that got no row of their own; nothing happens when the webhook is gone.
    fn count_unlogged_rejections(&mut self, id: WebhookId, calls: u64) -> Result<(), Fault>;

    /// The accepted deliveries (`success` or `ignored`) that have one of these senders' names, by name.
    fn first_deliveries(
        &mut self,
        webhook: WebhookId,
        names: &[&str],
    ) -> Result<BTreeMap<String, Accepted>, Fault>;
    /// Stores deliveries, all or none; the ids given are ignored; the answer has the new ones in the same order.
    ///
    /// # Errors
    /// [`Fault::Conflict`] when one is accepted and another accepted one of its webhook has the same sender's name, or
    /// when there is no such webhook.
    fn insert_deliveries(&mut self, deliveries: &[Delivery]) -> Result<Vec<DeliveryId>, Fault>;
    /// Stores one, as [`DeliveryTx::insert_deliveries`] does.
    fn insert_delivery(&mut self, delivery: &Delivery) -> Result<DeliveryId, Fault> {
        let ids = self.insert_deliveries(std::slice::from_ref(delivery))?;
        ids.first().copied().ok_or_else(|| Fault::Internal("a delivery got no id".to_owned()))
    }
    /// Reads one.
    fn delivery(&mut self, id: DeliveryId) -> Result<Option<Delivery>, Fault>;
    /// Reads some, newest (highest id) first, passing over `offset`, at most `limit`.
    fn deliveries(
        &mut self,
        filter: &DeliveryFilter,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Delivery>, Fault>;
    /// How many deliveries the filter lets through (`before` does not count).
    fn count_deliveries(&mut self, filter: &DeliveryFilter) -> Result<u64, Fault>;
    /// Deletes deliveries that came before this, those with the lowest ids first, at most `limit`; answers how many.
    fn prune_deliveries(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault>;
}

/// Reads what a tracker's request says. Pure: it sees bytes and answers words.
pub trait EventReader: Send + Sync {
    /// Reads one request; header names are lower case.
    ///
    /// # Errors
    /// Why the body is of no use, in words for the person who set the webhook up.
    fn read(&self, headers: &[(String, String)], body: &[u8]) -> Result<EventReading, String>;

    /// Our word for an event in the tracker's own (`issues.opened`), when it has one.
    fn event_word(&self, theirs: &str) -> Option<crate::EventType> {
        let _ = theirs;
        None
    }
}

/// The event readers there are.
pub trait EventReaders: Send + Sync {
    /// The reader for a kind of connector; `None` when the kind tells nothing by webhook.
    fn reader(&self, connector_type: &str) -> Option<&dyn EventReader>;
}
