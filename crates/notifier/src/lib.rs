//! Tells people what happened: by mail, Slack, Teams, and signed webhooks to other programs.
//!
//! # How it goes
//! What happened is a [`Message`]: plain data, stored as JSON and put into words only when it is sent. [`Channels`] holds
//! one [`Channel`] for each way; [`Channel::send`] makes one attempt for one [`Recipient`] and says how it ended in terms
//! of what the caller can do ([`SendErrorKind`]). [`next_wait`] says when to try again, [`is_given_up`] when that is enough.
//!
//! [`Herald`] writes rows into the outbox inside the transaction that ends a run; [`Notifier`] empties it; [`watch`] adds
//! what no run tells. Whoever has been sent enough for an hour gets the rest as one digest.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use syncline_domain::ports::{Clock, Rng};
//! use syncline_domain::{ChannelKind, Timestamp};
//! use syncline_notifier::{
//!     Channels, Links, Message, News, Recipient, SmtpConfig, SmtpSettings, channel_outbound_config, next_wait,
//! };
//! use syncline_outbound::Outbound;
//!
//! /// `None` when it was sent, else how long to wait.
//! async fn say_hello(
//!     clock: Arc<dyn Clock>,
//!     rng: Arc<dyn Rng>,
//! ) -> Result<Option<Duration>, Box<dyn std::error::Error>> {
//!     let config = channel_outbound_config(Default::default(), Default::default());
//!     let outbound = Outbound::new(config, Arc::clone(&clock), Arc::clone(&rng))?;
//!     let smtp = SmtpConfig::new(SmtpSettings {
//!         host: "smtp.example.com".to_owned(),
//!         from: Some("Sync Platform <noreply@example.com>".to_owned()),
//!         ..SmtpSettings::default()
//!     })?;
//!     let links = Links::new("https://sync.example.com");
//!     let channels = Channels::new(outbound, Some(smtp), &links, Arc::clone(&clock));
//!
//!     let team = Recipient::parse(ChannelKind::Email, "team@example.com")?;
//!     let message = Message { at: clock.now(), zone: "Europe/Berlin".to_owned(), config: None, news: News::Test };
//!     let mail = channels.get(ChannelKind::Email).ok_or("SMTP not configured")?;
//!     match mail.send(&message, &team, "test/1").await {
//!         Ok(sent) => { println!("{}", sent.answer); Ok(None) }
//!         Err(_) => Ok(Some(next_wait(ChannelKind::Email, 1, None, rng.as_ref()))),
//!     }
//! }
//! # let _ = Timestamp::EPOCH;
//! ```
//!
//! # Invariants
//! - Invariant: text of users and trackers never becomes a header, a mention, markup or a template; it is cleaned to
//!   single lines once and escaped by each layout (tests in `render`, `mail::letter`, and `tests/notifier/mail.rs`).
//! - Invariant: a password leaves only over TLS or to this machine (`mail::config`, `mail::session`).
//! - Invariant: chat and webhooks go through `syncline-outbound` with the policy for channels: no redirect is followed,
//!   no private address is reached unless the operator lists it.
//! - Invariant: no error, answer or Debug text holds a password, a signing secret or the secret part of an address.
//! - Attempts with one key are one message to the receiving side: `Message-ID` and `webhook-id` come from the key.
//!
//! # What is deliberately absent
//! Templates that users write, attachments, HTML of trackers, reading of mail, and any queue in memory: what is to be
//! sent is in the outbox, and an attempt that nobody settled is made again.

mod channel;
mod channels;
mod chat;
mod clean;
mod links;
mod mail;
mod message;
mod outbox;
mod post;
mod recipient;
mod recipients;
mod render;
mod retry;
#[cfg(test)]
mod samples;
mod webhook;

pub use channel::{Channel, SendError, SendErrorKind, Sent};
pub use channels::Channels;
pub use links::Links;
pub use mail::{MailChannel, SmtpCheck, SmtpConfig, SmtpConfigError, SmtpSettings, SmtpTls};
pub use message::{Clash, ConfigName, Message, News, RunFacts, UnreadableMessage};
pub use outbox::{
    ChannelDesk, Event, Herald, NO_SMTP, Notifier, NotifierParts, go_round, publish, watch,
};
pub use post::channel_outbound_config;
pub use recipient::Recipient;
pub use recipients::{MAX_RECIPIENTS, RecipientRules, check_recipients};
pub use retry::{has_failed_for_too_long, is_given_up, next_wait};
pub use webhook::{BadSecret, SigningSecret};
