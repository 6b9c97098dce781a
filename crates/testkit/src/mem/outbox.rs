//! Notification settings, the outbox, and what people know.

use std::time::Duration;

use syncline_domain::ports::{OutboxFilter, OutboxTx, Topic};
use syncline_domain::{
    ConfigHealth, ConfigId, Fault, NotificationId, NotificationSetting, OutboxId, OutboxMessage,
    OutboxSettlement, OutboxStatus, Timestamp,
};

use super::{MemTx, count};

fn passes(row: &OutboxMessage, filter: &OutboxFilter) -> bool {
    filter.config_id.is_none_or(|id| row.config_id == Some(id))
        && filter.status.is_none_or(|status| row.status == status)
        && filter.before.is_none_or(|before| row.id < before)
}

/// From when on a message may be claimed; `None` when never.
fn claimable_at(row: &OutboxMessage) -> Option<Timestamp> {
    let waits = row.status == OutboxStatus::Queued;
    waits.then(|| row.claimed_until.map_or(row.run_at, |until| until.max(row.run_at)))
}

fn settle(row: &mut OutboxMessage, settlement: &OutboxSettlement) {
    row.status = settlement.status;
    row.run_at = settlement.run_at;
    row.claimed_until = None;
    row.last_error.clone_from(&settlement.error);
    row.attempts -= u32::from(!settlement.counts && row.attempts > 0);
    row.ended_at = (settlement.status != OutboxStatus::Queued).then_some(settlement.at);
}

impl OutboxTx for MemTx<'_> {
    fn insert_notification(
        &mut self,
        setting: &NotificationSetting,
    ) -> Result<NotificationId, Fault> {
        let tables = self.write()?;
        tables.config_there(setting.config_id)?;
        let make = |id| NotificationSetting { id: NotificationId(id), ..setting.clone() };
        Ok(NotificationId(tables.notifications.add(make)))
    }

    fn notification(&mut self, id: NotificationId) -> Result<Option<NotificationSetting>, Fault> {
        Ok(self.tables.notifications.get(id.0).cloned())
    }

    fn notifications(&mut self) -> Result<Vec<NotificationSetting>, Fault> {
        Ok(self.tables.notifications.all().cloned().collect())
    }

    fn update_notification(&mut self, setting: &NotificationSetting) -> Result<(), Fault> {
        let tables = self.write()?;
        if tables.notifications.get(setting.id.0).is_none() {
            return Err(Fault::no_such("notification setting", setting.id));
        }
        tables.config_there(setting.config_id)?;
        if let Some(slot) = tables.notifications.get_mut(setting.id.0) {
            *slot = setting.clone();
        }
        Ok(())
    }

    fn delete_notification(&mut self, id: NotificationId) -> Result<(), Fault> {
        let tables = self.write()?;
        if tables.notifications.get(id.0).is_none() {
            return Err(Fault::no_such("notification setting", id));
        }
        tables.drop_notification(id);
        Ok(())
    }

    fn put_outbox(&mut self, messages: &[OutboxMessage]) -> Result<u64, Fault> {
        let tables = self.write()?;
        let mut new = 0;
        for message in messages {
            tables.config_there(message.config_id)?;
            let there = tables.outbox.all().any(|row| {
                row.event_key == message.event_key && row.recipient_hash == message.recipient_hash
            });
            if !there {
                tables.outbox.add(|id| OutboxMessage { id: OutboxId(id), ..message.clone() });
                new += 1;
            }
        }
        if new > 0 {
            self.ring(Topic::Outbox);
        }
        Ok(new)
    }

    fn claim_outbox(
        &mut self,
        now: Timestamp,
        ttl: Duration,
        limit: usize,
    ) -> Result<Vec<OutboxMessage>, Fault> {
        let tables = self.write()?;
        let due = tables.outbox.all().filter_map(|row| Some((claimable_at(row)?, row.id)));
        let mut ids: Vec<(Timestamp, OutboxId)> = due.filter(|(at, _)| *at <= now).collect();
        ids.sort_unstable();
        let mut claimed = Vec::new();
        for (_, id) in ids.into_iter().take(limit) {
            if let Some(row) = tables.outbox.get_mut(id.0) {
                row.attempts += 1;
                row.token += 1;
                row.claimed_until = Some(now.after(ttl));
                claimed.push(row.clone());
            }
        }
        Ok(claimed)
    }

    fn settle_outbox(&mut self, settlements: &[OutboxSettlement]) -> Result<u64, Fault> {
        let tables = self.write()?;
        let mut settled = 0;
        for settlement in settlements {
            let row = tables.outbox.get_mut(settlement.id.0);
            if let Some(row) =
                row.filter(|row| row.claimed_until.is_some() && row.token == settlement.token)
            {
                settle(row, settlement);
                settled += 1;
            }
        }
        if settled > 0 {
            self.ring(Topic::Outbox);
        }
        Ok(settled)
    }

    fn next_outbox_at(&mut self) -> Result<Option<Timestamp>, Fault> {
        Ok(self.tables.outbox.all().filter_map(claimable_at).min())
    }

    fn sent_since(&mut self, recipient_hash: &str, since: Timestamp) -> Result<u64, Fault> {
        let rows = self.tables.outbox.all();
        Ok(count(rows.filter(|row| {
            row.recipient_hash == recipient_hash
                && row.status == OutboxStatus::Sent
                && row.ended_at.is_some_and(|at| at >= since)
        })))
    }

    fn outbox(&mut self, filter: &OutboxFilter, limit: usize) -> Result<Vec<OutboxMessage>, Fault> {
        let rows = self.tables.outbox.all().rev();
        Ok(rows.filter(|row| passes(row, filter)).take(limit).cloned().collect())
    }

    fn prune_outbox(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault> {
        let old = |row: &OutboxMessage| row.ended_at.is_some_and(|at| at < before);
        Ok(self.write()?.outbox.prune(limit, old))
    }

    fn config_health(&mut self, config_id: ConfigId) -> Result<Option<ConfigHealth>, Fault> {
        Ok(self.tables.health.get(&config_id).cloned())
    }

    fn put_config_health(&mut self, health: &ConfigHealth) -> Result<(), Fault> {
        let tables = self.write()?;
        tables.config_there(Some(health.config_id))?;
        tables.health.put(health.config_id, health.clone());
        Ok(())
    }
}
