//! Mail and chat, as the use cases and the outbox see them.

use std::sync::Arc;

use anyhow::Context as _;
use serde_json::{Map, Value};
use syncline_app::{
    Address, App, ChannelTest, ChannelTester, RecipientRules as Rules, RemoteFault, SmtpSettings,
    TestLine,
};
use syncline_domain::ports::{BoxFuture, Clock, Rng};
use syncline_domain::{ChannelKind, ErrorType, FieldFault};
use syncline_notifier::{
    Channel, ChannelDesk, Channels, Links, Message, NO_SMTP, News, Recipient, RecipientRules,
    SendError, SendErrorKind, SigningSecret, SmtpConfig, SmtpTls, channel_outbound_config,
    check_recipients,
};
use syncline_outbound::Outbound;

use crate::config::Config;

/// What all ways of sending stand on.
#[derive(Clone)]
pub(crate) struct Post {
    outbound: Outbound,
    links: Links,
    clock: Arc<dyn Clock>,
    ca_pem: Option<Vec<u8>>,
}

impl Post {
    pub(crate) fn new(
        config: &Config,
        public_url: &str,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> anyhow::Result<Self> {
        let settings =
            channel_outbound_config(config.allowed_networks.clone(), config.plain_http.clone());
        let outbound = Outbound::new(settings, Arc::clone(&clock), rng).context("channels")?;
        let ca_pem = config.automation.smtp_ca.clone();
        Ok(Self { outbound, links: Links::new(public_url), clock, ca_pem })
    }

    /// The channels, with this mail server.
    fn channels(&self, smtp: Option<SmtpSettings>) -> Result<Channels, String> {
        let smtp = match smtp {
            Some(smtp) => Some(self.smtp(smtp)?),
            None => None,
        };
        let (outbound, clock) = (self.outbound.clone(), Arc::clone(&self.clock));
        Ok(Channels::new(outbound, smtp, &self.links, clock))
    }

    fn smtp(&self, from: SmtpSettings) -> Result<SmtpConfig, String> {
        let tls = match from.tls.as_str() {
            "none" => Some(SmtpTls::None),
            "opportunistic" => Some(SmtpTls::Opportunistic),
            // Required is the rule; a server on this machine may do without.
            _ => None,
        };
        let settings = syncline_notifier::SmtpSettings {
            host: from.host,
            port: Some(from.port),
            secure: from.secure,
            tls,
            ca_pem: self.ca_pem.clone(),
            user: from.user,
            password: from.pass,
            from: from.from,
        };
        SmtpConfig::new(settings).map_err(|error| error.to_string())
    }
}

impl Rules for Post {
    fn check(
        &self,
        kind: ChannelKind,
        recipients: &[String],
        settings: &Map<String, Value>,
    ) -> Vec<FieldFault> {
        let rules = RecipientRules { outbound: &self.outbound, dotless_domains: false };
        let mut faults: Vec<FieldFault> = check_recipients(kind, recipients, rules)
            .err()
            .unwrap_or_default()
            .into_iter()
            .map(|fault| FieldFault::new(fault.path.trim_start_matches('/'), fault.message))
            .collect();
        let secret = settings.get("secret").filter(|secret| !secret.is_null());
        if let Some(secret) = secret {
            let good = secret.as_str().is_some_and(|text| SigningSecret::parse(text).is_ok());
            if !good {
                faults.push(FieldFault::new(
                    "settings/secret",
                    "must be whsec_ and 24 to 64 bytes in base64",
                ));
            }
        }
        faults
    }

    fn address(&self, kind: ChannelKind, recipient: &str) -> Address {
        match Recipient::parse(kind, recipient) {
            Ok(recipient) => Address {
                text: recipient.address().to_owned(),
                hash: recipient.hash(),
                shown: recipient.shown(),
                is_secret: recipient.is_secret(),
            },
            // Only what passed the check comes here; what did not is kept as a secret.
            Err(_) => Address {
                text: recipient.to_owned(),
                hash: String::new(),
                shown: "***".to_owned(),
                is_secret: true,
            },
        }
    }
}

impl ChannelTester for Post {
    fn test(&self, test: ChannelTest) -> BoxFuture<'_, Vec<TestLine>> {
        Box::pin(async move {
            let channel = self
                .channels(test.smtp.clone())
                .and_then(|channels| channels.get(test.kind).ok_or_else(|| NO_SMTP.to_owned()));
            let mut lines = Vec::with_capacity(test.recipients.len());
            for text in &test.recipients {
                let outcome = match &channel {
                    Ok(channel) => self.try_one(channel.as_ref(), &test, text).await,
                    Err(why) => Err(remote(ErrorType::Validation, why.clone(), None)),
                };
                lines.push(TestLine { recipient: self.address(test.kind, text).shown, outcome });
            }
            lines
        })
    }

    fn connect(&self, smtp: SmtpSettings) -> BoxFuture<'_, Result<String, RemoteFault>> {
        Box::pin(async move {
            let invalid = |why: String| remote(ErrorType::Validation, why, None);
            let channels = self.channels(Some(smtp)).map_err(invalid)?;
            let Some(mail) = channels.mail() else {
                return Err(invalid(NO_SMTP.to_owned()));
            };
            let check = mail.verify().await.map_err(|error| fault_of(&error))?;
            let way = if check.encrypted { "encrypted" } else { "not encrypted" };
            let who = if check.signed_in.is_some() { "signed in" } else { "without signing in" };
            Ok(format!("{} answered; {way}, {who}", check.server))
        })
    }
}

impl Post {
    async fn try_one(
        &self,
        channel: &dyn Channel,
        test: &ChannelTest,
        text: &str,
    ) -> Result<String, RemoteFault> {
        let invalid = |why: String| remote(ErrorType::Validation, why, None);
        let mut to = Recipient::parse(test.kind, text).map_err(invalid)?;
        if let Some(secret) = &test.secret {
            let secret = secrecy::ExposeSecret::expose_secret(secret);
            let secret =
                SigningSecret::parse(secret).map_err(|error| invalid(error.to_string()))?;
            to = to.signed_with(secret);
        }
        let now = self.clock.now();
        let message = Message { at: now, zone: "UTC".to_owned(), config: None, news: News::Test };
        let key = format!("test/{}/{}", now.micros(), to.hash());
        let sent = channel.send(&message, &to, &key).await.map_err(|error| fault_of(&error))?;
        Ok(match sent.code {
            Some(code) => format!("{code} {}", sent.answer).trim().to_owned(),
            None => sent.answer,
        })
    }
}

fn fault_of(error: &SendError) -> RemoteFault {
    let error_type = match (error.kind, error.code) {
        (_, Some(530 | 534 | 535 | 538 | 401 | 403)) => ErrorType::Authentication,
        (SendErrorKind::Temporary { .. }, _) => ErrorType::Connection,
        _ => ErrorType::Api,
    };
    remote(error_type, error.detail.clone(), error.what_to_do.clone())
}

fn remote(error_type: ErrorType, message: String, what_to_do: Option<String>) -> RemoteFault {
    let advice = || "correct the settings and test again".to_owned();
    RemoteFault { error_type, message, what_to_do: what_to_do.unwrap_or_else(advice) }
}

/// The channels for the outbox: with the mail server that is in force when a message goes out.
pub(crate) struct Desk {
    pub(crate) app: App,
    pub(crate) post: Post,
}

impl ChannelDesk for Desk {
    fn channel(&self, kind: ChannelKind) -> BoxFuture<'_, Result<Arc<dyn Channel>, String>> {
        Box::pin(async move {
            let smtp = match kind {
                ChannelKind::Email => self.app.smtp().await.map_err(|error| error.to_string())?,
                _ => None,
            };
            self.post.channels(smtp)?.get(kind).ok_or_else(|| NO_SMTP.to_owned())
        })
    }
}
