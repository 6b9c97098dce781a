//! One way of sending, and what can become of an attempt.

use std::time::Duration;

use syncline_domain::ChannelKind;
use syncline_domain::ports::BoxFuture;

use crate::message::Message;
use crate::recipient::Recipient;

/// Sends messages one way.
pub trait Channel: Send + Sync {
    /// Which way.
    fn kind(&self) -> ChannelKind;

    /// Sends `message` to one recipient, once; who repeats it gives the same `key` again, and the receiving side sees
    /// that it is the same: the `Message-ID` of a mail and the `webhook-id` of a webhook come from it.
    ///
    /// Ends within a minute and a half, whatever the other side does.
    fn send<'a>(
        &'a self,
        message: &'a Message,
        to: &'a Recipient,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Sent, SendError>>;
}

/// The other side took it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its reply code (SMTP) or status (HTTP), where one was read.
    pub code: Option<u16>,
    /// Its words, one cleaned line.
    pub answer: String,
}

/// The other side did not take it. Holds no secret: neither addresses of webhooks nor credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct SendError {
    /// What the caller can do.
    pub kind: SendErrorKind,
    /// The reply code (SMTP) or status (HTTP), where there was one.
    pub code: Option<u16>,
    /// What happened, one cleaned line.
    pub detail: String,
    /// What a person can do, where that is known.
    pub what_to_do: Option<String>,
}

/// What the caller of [`Channel::send`] can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendErrorKind {
    /// Try again.
    Temporary {
        /// How long the other side asks to wait, if it does.
        retry_after: Option<Duration>,
    },
    /// Nothing until somebody changes settings: other recipients of the channel fare alike.
    Permanent,
    /// Nothing for this recipient; others are not affected.
    Refused,
    /// Never send to this recipient again.
    Gone,
}

impl SendError {
    pub(crate) fn new(kind: SendErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, code: None, detail: detail.into(), what_to_do: None }
    }

    pub(crate) fn temporary(detail: impl Into<String>) -> Self {
        Self::new(SendErrorKind::Temporary { retry_after: None }, detail)
    }

    pub(crate) fn permanent(detail: impl Into<String>) -> Self {
        Self::new(SendErrorKind::Permanent, detail)
    }

    pub(crate) fn with_code(mut self, code: Option<u16>) -> Self {
        self.code = code;
        self
    }

    pub(crate) fn advise(mut self, what_to_do: Option<String>) -> Self {
        self.what_to_do = what_to_do;
        self
    }

    /// Detail and advice in one line.
    #[must_use]
    pub fn explanation(&self) -> String {
        match &self.what_to_do {
            Some(advice) => format!("{}; {advice}", self.detail),
            None => self.detail.clone(),
        }
    }
}
