//! What the use cases need of those who know the channels.

use secrecy::SecretString;
use serde_json::{Map, Value};
use syncline_domain::ports::BoxFuture;
use syncline_domain::{ChannelKind, FieldFault};

use crate::{RemoteFault, SmtpSettings};

/// Knows what an address of each channel may look like, and which part of it is a secret.
pub trait RecipientRules: Send + Sync {
    /// Every fault of recipients and settings; paths are relative to the body: `recipients/0`, `settings/secret`.
    fn check(
        &self,
        kind: ChannelKind,
        recipients: &[String],
        settings: &Map<String, Value>,
    ) -> Vec<FieldFault>;

    /// Every fault of settings alone.
    fn check_settings(&self, kind: ChannelKind, settings: &Map<String, Value>) -> Vec<FieldFault> {
        let mut faults = self.check(kind, &[], settings);
        faults.retain(|fault| fault.path.trim_start_matches('/').starts_with("settings"));
        faults
    }

    /// An address that passed [`RecipientRules::check`], as the store keeps it.
    fn address(&self, kind: ChannelKind, recipient: &str) -> Address;
}

/// An address as the store keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// The address itself, in its one form.
    pub text: String,
    /// A name for it that gives nothing away: 64 hex digits. Equal addresses have equal names.
    pub hash: String,
    /// The form for people.
    pub shown: String,
    /// Whether the address is a secret, so that it must be sealed.
    pub is_secret: bool,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Address").field(&self.shown).finish()
    }
}

/// Sends messages that say only that they arrive.
pub trait ChannelTester: Send + Sync {
    /// Sends one message to each recipient; one line each, in their order.
    fn test(&self, test: ChannelTest) -> BoxFuture<'_, Vec<TestLine>>;

    /// Signs in at the mail server, sending nothing; answers what the server said.
    ///
    /// # Errors
    /// What the server said, or why it could not be reached.
    fn connect(&self, smtp: SmtpSettings) -> BoxFuture<'_, Result<String, RemoteFault>>;
}

/// What to try.
#[derive(Clone)]
pub struct ChannelTest {
    /// The channel.
    pub kind: ChannelKind,
    /// Addresses that passed [`RecipientRules::check`].
    pub recipients: Vec<String>,
    /// Settings of the channel, without its secret.
    pub settings: Map<String, Value>,
    /// The signing secret of a webhook channel.
    pub secret: Option<SecretString>,
    /// The mail server; always there for mail.
    pub smtp: Option<SmtpSettings>,
}

/// How it went with one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestLine {
    /// The recipient, in the form for people.
    pub recipient: String,
    /// What the other side said.
    pub outcome: Result<String, RemoteFault>,
}
