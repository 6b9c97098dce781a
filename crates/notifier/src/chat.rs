//! Slack and Teams: one JSON body each, to an address that is the only credential.

use serde_json::Value;
use syncline_domain::ChannelKind;
use syncline_domain::ports::BoxFuture;
use syncline_outbound::Outbound;

use crate::channel::{Channel, SendError, Sent};
use crate::links::Links;
use crate::message::Message;
use crate::post::post;
use crate::recipient::Recipient;
use crate::render::{Sheet, sheet, slack, teams};

/// A chat service with incoming webhooks.
pub(crate) struct ChatChannel {
    kind: ChannelKind,
    layout: fn(&Sheet) -> Value,
    outbound: Outbound,
    links: Links,
}

impl ChatChannel {
    pub(crate) fn slack(outbound: Outbound, links: Links) -> Self {
        Self { kind: ChannelKind::Slack, layout: slack, outbound, links }
    }

    pub(crate) fn teams(outbound: Outbound, links: Links) -> Self {
        Self { kind: ChannelKind::Teams, layout: teams, outbound, links }
    }
}

impl Channel for ChatChannel {
    fn kind(&self) -> ChannelKind {
        self.kind
    }

    fn send<'a>(
        &'a self,
        message: &'a Message,
        to: &'a Recipient,
        _key: &'a str,
    ) -> BoxFuture<'a, Result<Sent, SendError>> {
        let body = (self.layout)(&sheet(message, &self.links));
        Box::pin(post(&self.outbound, to, move |request| request.json(&body)))
    }
}
