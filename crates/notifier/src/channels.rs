//! All ways of sending, by kind.

use std::sync::Arc;

use syncline_domain::ChannelKind;
use syncline_domain::ports::Clock;
use syncline_outbound::Outbound;

use crate::channel::Channel;
use crate::chat::ChatChannel;
use crate::links::Links;
use crate::mail::{MailChannel, SmtpConfig};
use crate::webhook::WebhookChannel;

/// The channels of a process. Cheap to make again when settings change.
pub struct Channels {
    mail: Option<Arc<MailChannel>>,
    slack: Arc<ChatChannel>,
    teams: Arc<ChatChannel>,
    webhook: Arc<WebhookChannel>,
}

impl Channels {
    /// `outbound` is made from [`crate::channel_outbound_config`]; without `smtp` there is no mail.
    #[must_use]
    pub fn new(
        outbound: Outbound,
        smtp: Option<SmtpConfig>,
        links: &Links,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let mail = |config| MailChannel::new(config, links.clone(), Arc::clone(&clock));
        Self {
            mail: smtp.map(|config| Arc::new(mail(config))),
            slack: Arc::new(ChatChannel::slack(outbound.clone(), links.clone())),
            teams: Arc::new(ChatChannel::teams(outbound.clone(), links.clone())),
            webhook: Arc::new(WebhookChannel::new(outbound, links.clone(), Arc::clone(&clock))),
        }
    }

    /// The channel of a kind; `None` for mail without an SMTP server.
    #[must_use]
    pub fn get(&self, kind: ChannelKind) -> Option<Arc<dyn Channel>> {
        let channel: Arc<dyn Channel> = match kind {
            ChannelKind::Email => self.mail.clone()?,
            ChannelKind::Slack => self.slack.clone(),
            ChannelKind::Teams => self.teams.clone(),
            ChannelKind::Webhook => self.webhook.clone(),
        };
        Some(channel)
    }

    /// Mail, for what only mail can do.
    #[must_use]
    pub const fn mail(&self) -> Option<&Arc<MailChannel>> {
        self.mail.as_ref()
    }
}
