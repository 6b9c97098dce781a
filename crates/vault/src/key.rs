//! One key: its bytes, its id, and its text.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ring::digest;
use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use crate::strength::Weakness;

/// Bytes of a key.
pub(crate) const KEY_BYTES: usize = 32;

/// Hex digits of a key's id.
const ID_DIGITS: usize = 8;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// An encryption key. Wiped when dropped; shows only its id.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Key {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
    id: String,
}

impl Key {
    /// Reads 64 hex digits, or base64 of either alphabet with or without padding.
    pub(crate) fn parse(text: &str) -> Result<Self, Weakness> {
        let bytes = decode(text)?;
        Weakness::check_text(text)?;
        Weakness::check_bytes(bytes.as_slice())?;
        Ok(Self::from_bytes(bytes))
    }

    fn from_bytes(bytes: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let mut id = hex::encode(digest::digest(&digest::SHA256, bytes.as_slice()));
        id.truncate(ID_DIGITS);
        Self { bytes, id }
    }

    pub(crate) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.bytes
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The key as its file holds it.
    pub(crate) fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.bytes.as_slice()))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

fn decode(text: &str) -> Result<Zeroizing<[u8; KEY_BYTES]>, Weakness> {
    let bytes = if text.len() == 2 * KEY_BYTES && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        hex::decode(text).ok()
    } else {
        BASE64.decode(text).or_else(|_| BASE64_URL.decode(text)).ok()
    };
    let bytes = Zeroizing::new(bytes.ok_or(Weakness::NotEncoded)?);
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    if bytes.len() != KEY_BYTES {
        return Err(Weakness::Length(bytes.len()));
    }
    key.copy_from_slice(&bytes);
    Ok(key)
}

/// A new key as text (base64), for `ENCRYPTION_KEY` or a key file.
///
/// # Errors
/// When the system gives no random bytes.
pub fn new_key_text() -> Result<Zeroizing<String>, crate::KeyError> {
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    SystemRandom::new().fill(bytes.as_mut_slice()).map_err(|_| crate::KeyError::NoRandom)?;
    Ok(Key::from_bytes(bytes).to_text())
}
