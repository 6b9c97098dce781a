//! Who sent a request: one file a way of proving it. Pure; never panics, whatever comes.

pub(crate) mod basic;
mod compare;
pub(crate) mod gitlab;
mod header;
pub(crate) mod hub;
pub(crate) mod standard;
mod url;

use syncline_domain::{Timestamp, WebhookAuth};

pub(crate) use compare::{busy_work, same_text};
pub(crate) use hub::SIGNATURE_HEADERS;

use crate::Secret;

/// The header of [`WebhookAuth::HeaderToken`] unless `metadata.header_name` names another.
pub const DEFAULT_TOKEN_HEADER: &str = "x-webhook-token";

/// What a sender has to show, and what it showed.
#[derive(Clone, Copy)]
pub struct Proof<'a> {
    /// The way that was agreed.
    pub auth: WebhookAuth,
    /// Where [`WebhookAuth::HeaderToken`] has its token, in lower case.
    pub header_name: &'a str,
    /// The headers, names in lower case.
    pub headers: &'a [(String, String)],
    /// The body as it came.
    pub body: &'a [u8],
    /// Now.
    pub now: Timestamp,
}

impl<'a> Proof<'a> {
    /// All values of a header.
    fn values(&self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The value of a header that must be there exactly once.
    fn only(&self, name: &'static str) -> Result<&'a str, Rejected> {
        let mut values = self.values(name);
        match (values.next(), values.next()) {
            (None, _) => Err(Rejected::Missing(name.to_owned())),
            (Some(value), None) => Ok(value),
            (Some(_), Some(_)) => Err(Rejected::Malformed(name.to_owned())),
        }
    }
}

/// A request that proved who sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The delivery's name where the proof covers one.
    pub message_id: Option<String>,
}

impl Verified {
    const BARE: Self = Self { message_id: None };
}

/// Why a request proves nothing. For the delivery's row, never for the sender.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// A header is not there.
    #[error("there is no {0} header; check what the sender is set to send")]
    Missing(String),
    /// A header is not what it should be.
    #[error("the {0} header has not the form that it should have")]
    Malformed(String),
    /// The signature is of another body or by another secret.
    #[error("the signature in {0} does not fit body and secret; check the sender's secret")]
    Signature(String),
    /// The token is another.
    #[error("the token in {0} is not the secret; check the sender's settings")]
    Token(String),
    /// Signed too long ago.
    #[error("it was signed {0} s ago, and {max} s are allowed; check the clocks", max = standard::WINDOW_SECS)]
    Stale(i64),
    /// Signed in the future.
    #[error("it was signed {0} s in the future, and {max} s are allowed; check the clocks", max = standard::WINDOW_SECS)]
    Future(i64),
    /// There is no usable secret.
    #[error("no secret of this webhook can sign; rotate the secret")]
    NoSecret,
}

/// Checks a request against the secrets that are taken now; any of them will do.
///
/// # Errors
/// Why it proves nothing.
pub fn verify(secrets: &[Secret], proof: &Proof<'_>) -> Result<Verified, Rejected> {
    match proof.auth {
        WebhookAuth::Hmac => hub::verify(secrets, proof),
        WebhookAuth::Standard => standard::verify(secrets, proof),
        WebhookAuth::GitlabToken => gitlab::verify(secrets, proof),
        WebhookAuth::Basic => basic::verify(secrets, proof),
        WebhookAuth::HeaderToken => header::verify(secrets, proof),
        WebhookAuth::UrlToken => url::verify(proof),
    }
}

/// The header of a webhook's token, in lower case: `metadata.header_name`, or the usual one.
#[must_use]
pub fn header_name(metadata: &serde_json::Value) -> String {
    let named = metadata.get("header_name").and_then(serde_json::Value::as_str);
    named.unwrap_or(DEFAULT_TOKEN_HEADER).to_ascii_lowercase()
}

/// Every value of the header must be a secret that is taken, all of them the same one.
fn token_in(secrets: &[Secret], proof: &Proof<'_>, name: &str) -> Result<Verified, Rejected> {
    busy_work(proof.body);
    let given: Vec<&str> =
        proof.headers.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str()).collect();
    if given.is_empty() {
        return Err(Rejected::Missing(name.to_owned()));
    }
    let fits = |secret: &Secret| given.iter().all(|value| secret.is(value.as_bytes()));
    if secrets.iter().any(fits) {
        return Ok(Verified::BARE);
    }
    Err(Rejected::Token(name.to_owned()))
}
