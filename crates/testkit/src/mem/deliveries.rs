//! Webhooks and deliveries.

use std::collections::BTreeMap;

use syncline_domain::ports::{Accepted, CalledConfig, DeliveryFilter, DeliveryTx, WebhookFilter};
use syncline_domain::{Delivery, DeliveryId, DeliveryStatus, Fault, Timestamp, Webhook, WebhookId};

use super::tables::Tables;
use super::{MemTx, count};

fn passes(hook: &Webhook, filter: &WebhookFilter) -> bool {
    filter.config_id.is_none_or(|id| hook.config_id == id)
        && filter.connector_id.is_none_or(|id| hook.connector_id == id)
        && filter.active.is_none_or(|active| hook.is_active == active)
        && filter.scope.as_ref().is_none_or(|scope| scope.contains(&hook.config_id))
}

fn let_through(delivery: &Delivery, filter: &DeliveryFilter) -> bool {
    filter.webhook_id.is_none_or(|id| delivery.webhook_id == id)
        && filter.status.is_none_or(|status| delivery.status == status)
}

const fn accepted(delivery: &Delivery) -> bool {
    matches!(delivery.status, DeliveryStatus::Success | DeliveryStatus::Ignored)
}

fn owners_there(tables: &Tables, hook: &Webhook) -> Result<(), Fault> {
    tables.config_there(Some(hook.config_id))?;
    match tables.connectors.get(hook.connector_id.0) {
        Some(_) => Ok(()),
        None => Err(Fault::Conflict(format!("there is no connector {}", hook.connector_id))),
    }
}

fn first<'a>(tables: &'a Tables, webhook: WebhookId, name: &str) -> Option<&'a Delivery> {
    tables.deliveries.all().find(|row| {
        row.webhook_id == webhook && accepted(row) && row.delivery_id.as_deref() == Some(name)
    })
}

fn insert(tables: &mut Tables, delivery: &Delivery) -> Result<DeliveryId, Fault> {
    let webhook = delivery.webhook_id;
    if tables.webhooks.get(webhook.0).is_none() {
        return Err(Fault::Conflict(format!("there is no webhook {webhook}")));
    }
    if accepted(delivery)
        && let Some(name) = &delivery.delivery_id
        && first(tables, webhook, name).is_some()
    {
        return Err(Fault::Conflict(format!("delivery {name:?} was accepted already")));
    }
    let make = |id| Delivery { id: DeliveryId(id), ..delivery.clone() };
    Ok(DeliveryId(tables.deliveries.add(make)))
}

impl DeliveryTx for MemTx<'_> {
    fn insert_webhook(&mut self, webhook: &Webhook) -> Result<WebhookId, Fault> {
        let tables = self.write()?;
        owners_there(tables, webhook)?;
        if tables.webhooks.all().any(|row| row.token == webhook.token) {
            return Err(Fault::Conflict("there is a webhook with this token already".to_owned()));
        }
        Ok(WebhookId(tables.webhooks.add(|id| Webhook { id: WebhookId(id), ..webhook.clone() })))
    }

    fn webhook(&mut self, id: WebhookId) -> Result<Option<Webhook>, Fault> {
        Ok(self.tables.webhooks.get(id.0).cloned())
    }

    fn webhook_by_token(&mut self, token: &str) -> Result<Option<Webhook>, Fault> {
        Ok(self.tables.webhooks.all().find(|row| row.token == token).cloned())
    }

    fn webhooks(&mut self, filter: &WebhookFilter) -> Result<Vec<Webhook>, Fault> {
        let rows = self.tables.webhooks.all();
        Ok(rows.filter(|row| passes(row, filter)).cloned().collect())
    }

    fn update_webhook(&mut self, webhook: &Webhook) -> Result<(), Fault> {
        let tables = self.write()?;
        let Some(had) = tables.webhooks.get(webhook.id.0).cloned() else {
            return Err(Fault::no_such("webhook", webhook.id));
        };
        owners_there(tables, webhook)?;
        if let Some(slot) = tables.webhooks.get_mut(webhook.id.0) {
            *slot = Webhook {
                token: had.token,
                revision: had.revision + 1,
                trigger_count: had.trigger_count,
                unlogged_rejections: had.unlogged_rejections,
                last_triggered_at: had.last_triggered_at,
                ..webhook.clone()
            };
        }
        Ok(())
    }

    fn delete_webhook(&mut self, id: WebhookId) -> Result<(), Fault> {
        let tables = self.write()?;
        if tables.webhooks.get(id.0).is_none() {
            return Err(Fault::no_such("webhook", id));
        }
        tables.drop_webhook(id);
        Ok(())
    }

    fn count_triggers(
        &mut self,
        id: WebhookId,
        revision: i64,
        calls: u64,
        last: Timestamp,
    ) -> Result<Option<CalledConfig>, Fault> {
        let tables = self.write()?;
        let hook = tables.webhooks.get_mut(id.0);
        let Some(hook) = hook.filter(|hook| hook.revision == revision) else {
            return Ok(None);
        };
        hook.trigger_count += i64::try_from(calls).unwrap_or(i64::MAX);
        hook.last_triggered_at = Some(last);
        let config = hook.config_id;
        Ok(tables.configs.get(config.0).map(|config| CalledConfig {
            is_active: config.is_active,
            direction: config.direction,
            source_connector_id: config.source_connector_id,
        }))
    }

    fn count_unlogged_rejections(&mut self, id: WebhookId, calls: u64) -> Result<(), Fault> {
        if let Some(hook) = self.write()?.webhooks.get_mut(id.0) {
            let calls = i64::try_from(calls).unwrap_or(i64::MAX);
            hook.unlogged_rejections = hook.unlogged_rejections.saturating_add(calls);
        }
        Ok(())
    }

    fn first_deliveries(
        &mut self,
        webhook: WebhookId,
        names: &[&str],
    ) -> Result<BTreeMap<String, Accepted>, Fault> {
        let found = names.iter().filter_map(|name| {
            let row = first(self.tables, webhook, name)?;
            Some(((*name).to_owned(), (row.id, row.job_id)))
        });
        Ok(found.collect())
    }

    fn insert_deliveries(&mut self, deliveries: &[Delivery]) -> Result<Vec<DeliveryId>, Fault> {
        let tables = self.write()?;
        let before = (deliveries.len() > 1).then(|| tables.deliveries.clone());
        let ids: Result<Vec<_>, _> =
            deliveries.iter().map(|delivery| insert(tables, delivery)).collect();
        if let (Err(_), Some(before)) = (&ids, before) {
            tables.deliveries = before;
        }
        ids
    }

    fn delivery(&mut self, id: DeliveryId) -> Result<Option<Delivery>, Fault> {
        Ok(self.tables.deliveries.get(id.0).cloned())
    }

    fn deliveries(
        &mut self,
        filter: &DeliveryFilter,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Delivery>, Fault> {
        let rows = self.tables.deliveries.all().rev();
        Ok(rows
            .filter(|row| let_through(row, filter))
            .filter(|row| filter.before.is_none_or(|before| row.id < before))
            .skip(offset)
            .take(limit)
            .cloned()
            .collect())
    }

    fn count_deliveries(&mut self, filter: &DeliveryFilter) -> Result<u64, Fault> {
        Ok(count(self.tables.deliveries.all().filter(|row| let_through(row, filter))))
    }

    fn prune_deliveries(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault> {
        Ok(self.write()?.deliveries.prune(limit, |row| row.created_at < before))
    }
}
