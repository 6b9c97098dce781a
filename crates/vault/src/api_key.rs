//! API keys: drawn here, shown once, found again by their hash.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::{digest, hmac};
use zeroize::Zeroizing;

use crate::ring::KeyError;

/// In front of every key, so that people and scanners know what it is.
const MARK: &str = "sk_";

/// Characters of a key that lists show: the mark and 8 of the 43 that follow.
const PREFIX_CHARS: usize = 11;

/// A key just drawn.
pub struct NewApiKey {
    /// The key itself. Show it once, keep it nowhere.
    pub plain: String,
    /// Its beginning, for people to tell keys apart.
    pub prefix: String,
    /// What is stored.
    pub hash: String,
}

/// Draws a key of 256 random bits.
///
/// # Errors
/// [`KeyError::NoRandom`].
pub fn new_api_key() -> Result<NewApiKey, KeyError> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    SystemRandom::new().fill(bytes.as_mut_slice()).map_err(|_| KeyError::NoRandom)?;
    let plain = format!("{MARK}{}", URL_SAFE_NO_PAD.encode(bytes.as_slice()));
    let prefix = plain.chars().take(PREFIX_CHARS).collect();
    let hash = hash_api_key(&plain);
    Ok(NewApiKey { plain, prefix, hash })
}

/// The hash by which a key is stored and found: SHA-256 in hex.
///
/// A plain hash is enough, since there is nothing to guess in 256 random bits; a salt or a pepper would guard keys
/// that people choose. Nothing of the key ring goes in, so rotating encryption keys leaves API keys alone.
#[must_use]
pub fn hash_api_key(plain: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, plain.as_bytes()))
}

/// Whether two secrets are equal, in a time that does not depend on where they differ.
#[must_use]
pub fn same_secret(one: &[u8], other: &[u8]) -> bool {
    // Both go through a MAC, whose verification is the constant-time comparison that ring offers; the key of this MAC
    // guards nothing and need not be secret.
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"compare");
    let tag = hmac::sign(&key, one);
    hmac::verify(&key, other, tag.as_ref()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_marked_differ_and_are_found_by_their_hash() {
        let (one, two) = (new_api_key().unwrap(), new_api_key().unwrap());
        assert!(one.plain.starts_with("sk_") && one.plain.len() == 46);
        assert!(one.plain.starts_with(&one.prefix) && one.prefix.len() == PREFIX_CHARS);
        assert_ne!(one.plain, two.plain);
        assert_eq!(one.hash, hash_api_key(&one.plain));
        assert_ne!(one.hash, hash_api_key(&two.plain));
        assert_eq!(
            hash_api_key("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn secrets_are_compared_as_a_whole() {
        for (one, other, same) in [
            ("", "", true),
            ("abc", "abc", true),
            ("abc", "abd", false),
            ("abc", "ab", false),
            ("abc", "", false),
        ] {
            assert_eq!(same_secret(one.as_bytes(), other.as_bytes()), same, "{one} {other}");
        }
    }
}
