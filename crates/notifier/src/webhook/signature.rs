//! Standard Webhooks' symmetric signature: HMAC-SHA256 over `id.timestamp.body`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac};
use syncline_domain::ports::Rng;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// Fewest and most bytes of a secret, by the specification.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Bytes of the secrets we make.
const NEW_BYTES: usize = 32;

/// What webhooks are signed with. Debug shows nothing of it.
#[derive(Clone)]
pub struct SigningSecret {
    key: hmac::Key,
}

impl SigningSecret {
    /// Reads `whsec_` and base64 of 24 to 64 bytes.
    ///
    /// # Errors
    /// [`BadSecret`], which does not repeat it.
    pub fn parse(text: &str) -> Result<Self, BadSecret> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(BadSecret)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| BadSecret)?;
        if !BYTES.contains(&bytes.len()) {
            return Err(BadSecret);
        }
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, &bytes) })
    }

    /// Makes the text of a new secret, of 256 bits: to be shown once and sealed.
    #[must_use]
    pub fn generate(rng: &dyn Rng) -> String {
        let mut bytes = [0; NEW_BYTES];
        rng.fill(&mut bytes);
        format!("{PREFIX}{}", STANDARD.encode(bytes))
    }

    /// The value of `webhook-signature`.
    pub(crate) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(format!("{id}.{timestamp}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(..)")
    }
}

/// A text is no signing secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no signing secret; it is whsec_ and 24 to 64 bytes in base64")]
pub struct BadSecret;

/// A name for a message that is the same in every attempt and holds no dot.
pub(crate) fn webhook_id(key: &str) -> String {
    let hash = digest::digest(&digest::SHA256, key.as_bytes());
    let hash = hex::encode(hash);
    format!("msg_{}", hash.get(..32).unwrap_or(&hash))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use standardwebhooks::Webhook;
    use syncline_testkit::SeededRng;

    use super::*;

    const PUBLISHED: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    #[test]
    fn the_published_vector_comes_out() {
        let secret = SigningSecret::parse(PUBLISHED).unwrap();
        let body = br#"{"email":"test@example.com","username":"test_user"}"#;
        assert_eq!(
            secret.sign("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553, body),
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="
        );
    }

    #[test]
    fn secrets_that_are_none_are_refused_without_being_repeated() {
        let short = format!("{PREFIX}{}", STANDARD.encode([7; 23]));
        let long = format!("{PREFIX}{}", STANDARD.encode([7; 65]));
        for text in ["", "whsec_", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_***", &short, &long] {
            let error = SigningSecret::parse(text).unwrap_err().to_string();
            assert!(text.len() < 7 || !error.contains(text), "{error}");
        }
    }

    #[test]
    fn new_secrets_are_readable_and_differ() {
        let rng = SeededRng::new(3);
        let (one, other) = (SigningSecret::generate(&rng), SigningSecret::generate(&rng));
        assert_ne!(one, other);
        let secret = SigningSecret::parse(&one).unwrap();
        assert_eq!(format!("{secret:?}"), "SigningSecret(..)");
    }

    proptest! {
        #[test]
        fn the_reference_library_signs_alike(
            bytes in proptest::collection::vec(any::<u8>(), 24..=64),
            body in any::<String>(),
            key in any::<String>(),
            at in 0_i64..9_999_999_999,
        ) {
            let text = format!("{PREFIX}{}", STANDARD.encode(bytes));
            let id = webhook_id(&key);
            prop_assert!(!id.contains('.'));
            let theirs = Webhook::new(&text).unwrap().sign(&id, at, body.as_bytes()).unwrap();
            prop_assert_eq!(SigningSecret::parse(&text).unwrap().sign(&id, at, body.as_bytes()), theirs);
        }
    }
}
