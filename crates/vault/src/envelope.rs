//! The bytes of a sealed value, taken apart and put together.

use ring::aead::NONCE_LEN;
use syncline_domain::ports::Place;

/// The only version so far.
const VERSION: u8 = 1;

/// A sealed value, taken apart. Nothing of it is trusted until it has been opened.
pub(crate) struct Envelope<'a> {
    /// Version, length and key id, as they stand in front.
    pub(crate) header: &'a [u8],
    /// The key's id.
    pub(crate) key_id: &'a str,
    /// The nonce.
    pub(crate) nonce: [u8; NONCE_LEN],
    /// Ciphertext and tag.
    pub(crate) body: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// `None` when these are no sealed bytes of a version known here.
    pub(crate) fn split(sealed: &'a [u8]) -> Option<Self> {
        let (version, rest) = sealed.split_first()?;
        let (length, rest) = rest.split_first()?;
        let (key_id, rest) = rest.split_at_checked(usize::from(*length))?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>()?;
        let header = sealed.get(..key_id.len().checked_add(2)?)?;
        let key_id = std::str::from_utf8(key_id).ok()?;
        let is_id = !key_id.is_empty() && key_id.bytes().all(|b| b.is_ascii_hexdigit());
        (*version == VERSION && is_id).then_some(Self { header, key_id, nonce: *nonce, body })
    }
}

/// Version, length and key id.
pub(crate) fn header(key_id: &str) -> Option<Vec<u8>> {
    let mut header = vec![VERSION, u8::try_from(key_id.len()).ok()?];
    header.extend_from_slice(key_id.as_bytes());
    Some(header)
}

/// What is authenticated along with the text: the header and the place, each part with its length.
pub(crate) fn bound(header: &[u8], place: &Place) -> Vec<u8> {
    let row = place.row.to_be_bytes();
    let mut bound = Vec::new();
    for part in [header, place.table.as_bytes(), &row, place.column.as_bytes()] {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        bound.extend_from_slice(&length.to_be_bytes());
        bound.extend_from_slice(part);
    }
    bound
}
