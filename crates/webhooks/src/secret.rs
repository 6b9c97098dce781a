//! A webhook's secret, opened.

use ring::hmac;

use crate::verify::same_text;

/// A secret in the clear, with what checking by it needs. Its `Debug` says nothing.
#[derive(Clone)]
pub struct Secret {
    text: String,
    key: hmac::Key,
    token_key: hmac::Key,
}

/// The label under which the key for comparing tokens is derived from a secret.
const COMPARE: &[u8] = b"syncline webhook token";

impl Secret {
    /// From the text that people see once.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let key = hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes());
        // Known to nobody who does not know the secret, so nobody can aim at it.
        let derived = hmac::sign(&key, COMPARE);
        let token_key = hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref());
        Self { text, key, token_key }
    }

    /// The text itself, for showing it once and for signing.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The key of hub-style signatures: the text's bytes.
    pub(crate) const fn key(&self) -> &hmac::Key {
        &self.key
    }

    /// Whether `given` is the secret, in constant time.
    pub(crate) fn is(&self, given: &[u8]) -> bool {
        same_text(&self.token_key, self.text.as_bytes(), given)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(***)")
    }
}
