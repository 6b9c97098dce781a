//! Provisional.

use std::time::Duration;

use syncline_domain::ports::{OutboxFilter, OutboxTx};
use syncline_domain::{
    ConfigHealth, ConfigId, Fault, NotificationId, NotificationSetting, OutboxMessage,
    OutboxSettlement, Timestamp,
};

use super::MemTx;

impl OutboxTx for MemTx<'_> {
    fn insert_notification(
        &mut self,
        _setting: &NotificationSetting,
    ) -> Result<NotificationId, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn notification(&mut self, _id: NotificationId) -> Result<Option<NotificationSetting>, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn notifications(&mut self) -> Result<Vec<NotificationSetting>, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn update_notification(&mut self, _setting: &NotificationSetting) -> Result<(), Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn delete_notification(&mut self, _id: NotificationId) -> Result<(), Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn put_outbox(&mut self, _messages: &[OutboxMessage]) -> Result<u64, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn claim_outbox(
        &mut self,
        _now: Timestamp,
        _ttl: Duration,
        _limit: usize,
    ) -> Result<Vec<OutboxMessage>, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn settle_outbox(&mut self, _settlements: &[OutboxSettlement]) -> Result<u64, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn next_outbox_at(&mut self) -> Result<Option<Timestamp>, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn sent_since(&mut self, _recipient_hash: &str, _since: Timestamp) -> Result<u64, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn outbox(
        &mut self,
        _filter: &OutboxFilter,
        _limit: usize,
    ) -> Result<Vec<OutboxMessage>, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn prune_outbox(&mut self, _before: Timestamp, _limit: usize) -> Result<u64, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn config_health(&mut self, _config_id: ConfigId) -> Result<Option<ConfigHealth>, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn put_config_health(&mut self, _health: &ConfigHealth) -> Result<(), Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }
}
