//! Requests of our own through the real path: a signed sample, and a stored delivery once more.

use serde_json::{Value, json};
use syncline_domain::ports::StoreExt as _;
use syncline_domain::{DeliveryId, EventReading, Fault, ItemId, Side, Webhook, WebhookId};

use crate::incoming::Origin;
use crate::log_headers::HIDDEN;
use crate::opened::{Opened, Which, load};
use crate::verify::SIGNATURE_HEADERS;
use crate::{Answer, Incoming, Receiver, signed_headers};

impl Receiver {
    /// Sends a signed sample through the real path.
    ///
    /// It is about `item`, or about an item that is in step already, so that its job has nothing to write; where there
    /// is neither, it is about no item, and is verified and recorded all the same.
    ///
    /// # Errors
    /// [`Fault::NotFound`], and what the store answers.
    pub async fn test(&self, id: WebhookId, item: Option<ItemId>) -> Result<Answer, Fault> {
        let opened = self.opened(id).await?;
        let item = match item {
            Some(item) => Some(item),
            None => self.known_item(&opened.row).await?,
        };
        let body = sample(&opened.row, item.as_ref()).to_string().into_bytes();
        let mut headers = vec![json_type()];
        headers.extend(self.proof(&opened, "syncline-test", &body));
        Ok(self.receive(Incoming::own(&opened.row.token, headers, body, Origin::Test)).await)
    }

    /// Sends what a stored delivery brought through the real path once more, newly signed. It is no duplicate of
    /// itself, and gets a row of its own.
    ///
    /// # Errors
    /// [`Fault::NotFound`], and what the store answers.
    pub async fn replay(&self, id: DeliveryId) -> Result<Answer, Fault> {
        let found = self.judge.store.view("delivery", move |tx| tx.delivery(id)).await?;
        let delivery = found.ok_or_else(|| Fault::no_such("delivery", id))?;
        let opened = self.opened(delivery.webhook_id).await?;
        let body = delivery.payload.into_bytes();
        let mut headers = told_headers(&delivery.headers, &opened.header_name);
        headers.extend(self.proof(&opened, &format!("syncline-replay-{id}"), &body));
        let incoming = Incoming::own(&opened.row.token, headers, body, Origin::Replay(id));
        Ok(self.receive(incoming).await)
    }

    /// What the stored bytes of a delivery say, read once more. Nothing is recorded and nothing is queued.
    ///
    /// # Errors
    /// [`Fault::NotFound`], [`Fault::Conflict`] for bytes that nobody can read, and what the store answers.
    pub async fn read_again(&self, id: DeliveryId) -> Result<EventReading, Fault> {
        let found = self.judge.store.view("delivery", move |tx| tx.delivery(id)).await?;
        let delivery = found.ok_or_else(|| Fault::no_such("delivery", id))?;
        let opened = self.opened(delivery.webhook_id).await?;
        let headers = told_headers(&delivery.headers, &opened.header_name);
        let reader = self.readers.reader(&opened.connector_type).ok_or_else(|| {
            Fault::Conflict(format!("connectors of type {} tell nothing", opened.connector_type))
        })?;
        let unread = |why| Fault::Conflict(format!("delivery {id} cannot be read: {why}"));
        reader.read(&headers, delivery.payload.as_bytes()).map_err(unread)
    }

    async fn opened(&self, id: WebhookId) -> Result<Opened, Fault> {
        let opened = load(&*self.judge.store, &*self.judge.sealer, Which::Id(id)).await?;
        opened.ok_or_else(|| Fault::no_such("webhook", id))
    }

    fn proof(&self, opened: &Opened, name: &str, body: &[u8]) -> Vec<(String, String)> {
        let now = self.judge.clock.now();
        let header = &opened.header_name;
        signed_headers(opened.row.auth, header, opened.secret(), name, body, now)
    }

    /// An item of the calling side that is in step.
    async fn known_item(&self, row: &Webhook) -> Result<Option<ItemId>, Fault> {
        let (config_id, connector_id) = (row.config_id, row.connector_id);
        self.judge
            .store
            .view("webhook sample", move |tx| {
                let Some(config) = tx.config(config_id)? else { return Ok(None) };
                let from_source = config.connector(Side::Source) == connector_id;
                let pair = tx.pairs(config_id, None, 0, 1)?.into_iter().next();
                Ok(pair.and_then(|pair| match from_source {
                    true => Some(pair.source_item_id),
                    false => pair.target_item_id,
                }))
            })
            .await
    }
}

/// A body that every reader understands.
fn sample(row: &Webhook, item: Option<&ItemId>) -> Value {
    let first = row.event_types.first().map_or("*", String::as_str);
    let event = if first == "*" { "workitem.updated" } else { first };
    match item {
        Some(item) => json!({"event": event, "item_id": item}),
        None => json!({"event": "ping"}),
    }
}

fn json_type() -> (String, String) {
    ("content-type".to_owned(), "application/json".to_owned())
}

/// The stored headers that say something about the body; whatever proved something is left out.
fn told_headers(stored: &Value, token_header: &str) -> Vec<(String, String)> {
    let proves = |name: &str, value: &str| {
        value.contains(HIDDEN)
            || name == token_header
            || SIGNATURE_HEADERS.contains(&name)
            || ["webhook-id", "webhook-timestamp", "webhook-signature"].contains(&name)
    };
    let fields = stored.as_object().into_iter().flatten();
    fields
        .filter_map(|(name, value)| value.as_str().map(|value| (name.clone(), value.to_owned())))
        .filter(|(name, value)| !proves(name, value))
        .collect()
}
