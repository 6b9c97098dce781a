//! Signed webhooks to any program (<https://www.standardwebhooks.com>).

mod signature;

use std::sync::Arc;

use syncline_domain::ChannelKind;
use syncline_domain::ports::{BoxFuture, Clock};
use syncline_outbound::Outbound;

pub use signature::{BadSecret, SigningSecret};

use crate::channel::{Channel, SendError, Sent};
use crate::links::Links;
use crate::message::Message;
use crate::post::post;
use crate::recipient::Recipient;
use crate::render::event;

/// Posts events as JSON, signed where the recipient has a secret.
pub(crate) struct WebhookChannel {
    outbound: Outbound,
    links: Links,
    clock: Arc<dyn Clock>,
}

impl WebhookChannel {
    pub(crate) fn new(outbound: Outbound, links: Links, clock: Arc<dyn Clock>) -> Self {
        Self { outbound, links, clock }
    }
}

impl Channel for WebhookChannel {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Webhook
    }

    fn send<'a>(
        &'a self,
        message: &'a Message,
        to: &'a Recipient,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Sent, SendError>> {
        let body = event(message, &self.links).to_string();
        let id = signature::webhook_id(key);
        // The time of this attempt: the receiver refuses what is older than a few minutes.
        let at = self.clock.now().secs();
        Box::pin(post(&self.outbound, to, move |request| {
            let request =
                request.header("webhook-id", &id).header("webhook-timestamp", &at.to_string());
            let signed = match to.secret() {
                Some(secret) => {
                    request.header("webhook-signature", &secret.sign(&id, at, body.as_bytes()))
                }
                None => request,
            };
            signed.body("application/json", body)
        }))
    }
}
