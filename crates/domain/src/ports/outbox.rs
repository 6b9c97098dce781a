//! The notifier's part of a transaction, and its door for those who end runs.

use std::time::Duration;

use super::Tx;
use crate::{
    ConfigHealth, ConfigId, Execution, Fault, NotificationId, NotificationSetting, OutboxId,
    OutboxMessage, OutboxSettlement, OutboxStatus, Timestamp,
};

/// Which messages to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboxFilter {
    /// About this configuration only.
    pub config_id: Option<ConfigId>,
    /// In this status only.
    pub status: Option<OutboxStatus>,
    /// With an id below this: the page after the one that ended there.
    pub before: Option<OutboxId>,
}

/// Notification settings and the outbox. A message that becomes due wakes [`super::Topic::Outbox`].
pub trait OutboxTx {
    /// Stores a setting; the id given is ignored. An unknown configuration: [`Fault::Conflict`].
    fn insert_notification(
        &mut self,
        setting: &NotificationSetting,
    ) -> Result<NotificationId, Fault>;
    /// Reads one.
    fn notification(&mut self, id: NotificationId) -> Result<Option<NotificationSetting>, Fault>;
    /// Reads all, by id.
    fn notifications(&mut self) -> Result<Vec<NotificationSetting>, Fault>;
    /// Writes all columns of one. Unknown id: [`Fault::NotFound`].
    fn update_notification(&mut self, setting: &NotificationSetting) -> Result<(), Fault>;
    /// Deletes one; its waiting messages go with it, those on their way included. Unknown id: [`Fault::NotFound`].
    fn delete_notification(&mut self, id: NotificationId) -> Result<(), Fault>;

    /// Stores messages, but none whose event key and recipient are there already or come earlier in the list; answers
    /// how many were new. The ids given are ignored. An unknown configuration: [`Fault::Conflict`].
    fn put_outbox(&mut self, messages: &[OutboxMessage]) -> Result<u64, Fault>;
    /// Takes due messages, the longest due first, at most `limit`: one attempt more, a new token, a claim until
    /// `now + ttl`. A claimed message is due again when its claim ends.
    fn claim_outbox(
        &mut self,
        now: Timestamp,
        ttl: Duration,
        limit: usize,
    ) -> Result<Vec<OutboxMessage>, Fault>;
    /// Ends attempts; answers how many claims still held. A claim that is over is held until somebody takes its
    /// message.
    fn settle_outbox(&mut self, settlements: &[OutboxSettlement]) -> Result<u64, Fault>;
    /// The earliest time at which a waiting message is due or a claim ends.
    fn next_outbox_at(&mut self) -> Result<Option<Timestamp>, Fault>;
    /// How many messages this recipient took at this time or later; those told in a digest do not count.
    fn sent_since(&mut self, recipient_hash: &str, since: Timestamp) -> Result<u64, Fault>;
    /// Reads messages, newest (highest id) first, at most `limit`.
    fn outbox(&mut self, filter: &OutboxFilter, limit: usize) -> Result<Vec<OutboxMessage>, Fault>;
    /// Deletes messages that ended before this, those with the lowest ids first, at most `limit`; answers how many.
    fn prune_outbox(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault>;

    /// What people know of a configuration.
    fn config_health(&mut self, config_id: ConfigId) -> Result<Option<ConfigHealth>, Fault>;
    /// Writes it over what was there. An unknown configuration: [`Fault::Conflict`].
    fn put_config_health(&mut self, health: &ConfigHealth) -> Result<(), Fault>;
}

/// Called inside the transaction that ends a run, so that what follows from the end is as durable as the end.
pub trait RunEnding: Send + Sync {
    /// `execution` is as it will be stored.
    ///
    /// # Errors
    /// What the store answers; then the end is not stored either.
    fn run_ended(&self, tx: &mut dyn Tx, execution: &Execution) -> Result<(), Fault>;
}

/// Nothing follows from the end of a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct NothingFollows;

impl RunEnding for NothingFollows {
    fn run_ended(&self, _tx: &mut dyn Tx, _execution: &Execution) -> Result<(), Fault> {
        Ok(())
    }
}
