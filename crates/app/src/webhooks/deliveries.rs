//! The delivery log, test requests and replays.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use syncline_domain::ports::{DeliveryFilter, StoreExt as _, Tx};
use syncline_domain::{
    Delivery, DeliveryId, DeliveryStatus, Fault, ItemId, JobId, JobKey, Role, WebhookId,
};
use syncline_webhooks::Answer;

use super::sight::seen;
use crate::{App, AppError, Caller, audit};

/// A delivery with the shown id of its job, while that is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveryView {
    /// The row.
    pub delivery: Delivery,
    /// The job that it caused or joined.
    pub job: Option<JobKey>,
}

/// Some deliveries of a webhook, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveryPage {
    /// The deliveries.
    pub deliveries: Vec<DeliveryView>,
    /// How many there are in all.
    pub total: u64,
    /// Where the next page starts; `None` on the last.
    pub next_cursor: Option<DeliveryId>,
}

/// What became of a request that we sent to ourselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Echo {
    /// The verdict.
    pub status: DeliveryStatus,
    /// Its row.
    pub delivery_id: DeliveryId,
    /// The job that it caused or joined.
    pub job: Option<JobKey>,
    /// The verdict's reason, in words.
    pub reason: Option<String>,
}

impl App {
    /// Deliveries of a webhook.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn deliveries(
        &self,
        caller: &Caller,
        id: WebhookId,
        filter: DeliveryFilter,
        offset: usize,
        limit: usize,
    ) -> Result<DeliveryPage, AppError> {
        let caller = caller.clone();
        let filter = DeliveryFilter { webhook_id: Some(id), ..filter };
        Ok(self
            .store()
            .view("deliveries", move |tx| {
                seen(tx, &caller, id)?;
                let mut found = tx.deliveries(&filter, offset, limit.saturating_add(1))?;
                let more = found.len() > limit;
                found.truncate(limit);
                let next_cursor = found.last().filter(|_| more).map(|delivery| delivery.id);
                let total = tx.count_deliveries(&filter)?;
                Ok(DeliveryPage { deliveries: viewed(tx, found)?, total, next_cursor })
            })
            .await?)
    }

    /// One delivery, whole.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn delivery(
        &self,
        caller: &Caller,
        id: DeliveryId,
    ) -> Result<DeliveryView, AppError> {
        let caller = caller.clone();
        let found = self.store().view("delivery", move |tx| {
            let delivery = seen_delivery(tx, &caller, id)?;
            let mut one = viewed(tx, vec![delivery])?;
            one.pop().ok_or_else(|| Fault::no_such("delivery", id))
        });
        Ok(found.await?)
    }

    /// Sends a signed sample through the real path.
    ///
    /// # Errors
    /// [`Fault::NotFound`]; [`Fault::Conflict`] for an inactive webhook; [`Fault::Busy`] while the queue is full.
    pub async fn test_webhook(
        &self,
        caller: &Caller,
        id: WebhookId,
        item: Option<ItemId>,
    ) -> Result<Echo, AppError> {
        caller.needs(Role::Operator)?;
        let (who, now) = (caller.clone(), self.now());
        self.store()
            .tx("webhook test", move |tx| {
                let row = seen(tx, &who, id)?;
                must_be_active(row.is_active, id)?;
                let target = format!("webhook/{id}");
                audit::record(tx, &who, now, "webhook.test", &target, json!({}))
            })
            .await?;
        echo(self.receiver().test(id, item).await?)
    }

    /// Sends what a delivery brought through the real path once more.
    ///
    /// # Errors
    /// As [`App::test_webhook`].
    pub async fn replay_delivery(&self, caller: &Caller, id: DeliveryId) -> Result<Echo, AppError> {
        caller.needs(Role::Operator)?;
        let (who, now) = (caller.clone(), self.now());
        self.store()
            .tx("delivery replay", move |tx| {
                let delivery = seen_delivery(tx, &who, id)?;
                let row = seen(tx, &who, delivery.webhook_id)?;
                must_be_active(row.is_active, row.id)?;
                let target = format!("delivery/{id}");
                let details: Value = json!({"webhook_id": row.id});
                audit::record(tx, &who, now, "delivery.replay", &target, details)
            })
            .await?;
        echo(self.receiver().replay(id).await?)
    }
}

fn must_be_active(is_active: bool, id: WebhookId) -> Result<(), Fault> {
    if is_active {
        return Ok(());
    }
    Err(Fault::Conflict(format!("webhook {id} is inactive; set its is_active to true first")))
}

fn seen_delivery(tx: &mut dyn Tx, caller: &Caller, id: DeliveryId) -> Result<Delivery, Fault> {
    let missing = || Fault::no_such("delivery", id);
    let delivery = tx.delivery(id)?.ok_or_else(missing)?;
    match seen(tx, caller, delivery.webhook_id) {
        Ok(_) => Ok(delivery),
        Err(Fault::NotFound(_)) => Err(missing()),
        Err(other) => Err(other),
    }
}

fn viewed(tx: &mut dyn Tx, deliveries: Vec<Delivery>) -> Result<Vec<DeliveryView>, Fault> {
    let mut keys: BTreeMap<JobId, Option<JobKey>> = BTreeMap::new();
    let mut views = Vec::with_capacity(deliveries.len());
    for delivery in deliveries {
        let job = match delivery.job_id {
            None => None,
            Some(id) => match keys.get(&id) {
                Some(known) => *known,
                None => {
                    let key = tx.job(id)?.map(|job| job.key());
                    keys.insert(id, key);
                    key
                }
            },
        };
        views.push(DeliveryView { delivery, job });
    }
    Ok(views)
}

fn echo(answer: Answer) -> Result<Echo, AppError> {
    let told = |status, delivery_id, job, reason| Ok(Echo { status, delivery_id, job, reason });
    match answer {
        Answer::Accepted { job_id, delivery_id } => {
            told(DeliveryStatus::Success, delivery_id, job_id, None)
        }
        Answer::Duplicate { job_id, delivery_id } => {
            told(DeliveryStatus::Duplicate, delivery_id, job_id, None)
        }
        Answer::Ignored { delivery_id, reason } => {
            told(DeliveryStatus::Ignored, delivery_id, None, Some(reason))
        }
        Answer::Unusable { delivery_id, reason } => {
            told(DeliveryStatus::Failed, delivery_id, None, Some(reason))
        }
        Answer::Rejected | Answer::NotFound | Answer::TooManyFailures { .. } => {
            Err(AppError::conflict(
                "the request was not let in; the webhook's newest delivery says why",
            ))
        }
        Answer::Busy { retry_after } => {
            let text = "the queue is full; try again when some jobs are done".to_owned();
            Err(AppError::from(Fault::Busy(text)).later(retry_after))
        }
        Answer::Unavailable { .. } => Err(Fault::Unavailable(
            "the request could not be taken in; the log says why".to_owned(),
        )
        .into()),
    }
}
