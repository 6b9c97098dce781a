//! Provisional.

use syncline_domain::ports::{DeliveryFilter, DeliveryTx, WebhookFilter};
use syncline_domain::{Delivery, DeliveryId, Fault, JobId, Timestamp, Webhook, WebhookId};

use super::MemTx;

impl DeliveryTx for MemTx<'_> {
    fn insert_webhook(&mut self, _webhook: &Webhook) -> Result<WebhookId, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn webhook(&mut self, _id: WebhookId) -> Result<Option<Webhook>, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn webhook_by_token(&mut self, _token: &str) -> Result<Option<Webhook>, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn webhooks(&mut self, _filter: &WebhookFilter) -> Result<Vec<Webhook>, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn update_webhook(&mut self, _webhook: &Webhook) -> Result<(), Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn delete_webhook(&mut self, _id: WebhookId) -> Result<(), Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn count_trigger(
        &mut self,
        _id: WebhookId,
        _revision: i64,
        _now: Timestamp,
    ) -> Result<bool, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn count_unlogged_rejections(&mut self, _id: WebhookId, _calls: u64) -> Result<(), Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn first_delivery(
        &mut self,
        _webhook: WebhookId,
        _delivery_id: &str,
    ) -> Result<Option<(DeliveryId, Option<JobId>)>, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn insert_delivery(&mut self, _delivery: &Delivery) -> Result<DeliveryId, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn delivery(&mut self, _id: DeliveryId) -> Result<Option<Delivery>, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn deliveries(
        &mut self,
        _filter: &DeliveryFilter,
        _offset: usize,
        _limit: usize,
    ) -> Result<Vec<Delivery>, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn count_deliveries(&mut self, _filter: &DeliveryFilter) -> Result<u64, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn prune_deliveries(&mut self, _before: Timestamp, _limit: usize) -> Result<u64, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }
}
