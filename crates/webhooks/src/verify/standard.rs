//! Standard Webhooks: id, time stamp and body are signed.
//!
//! Source: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

use super::{Proof, Rejected, Verified, same_text};
use crate::Secret;

/// How old, and how far in the future, a signature may be, in seconds.
pub(crate) const WINDOW_SECS: i64 = 300;

/// How a secret of this kind begins; what follows is base64.
pub(crate) const SECRET_PREFIX: &str = "whsec_";

const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";
const VERSION: &str = "v1";

pub(super) fn verify(secrets: &[Secret], proof: &Proof<'_>) -> Result<Verified, Rejected> {
    let id = proof.only(ID)?;
    let timestamp = proof.only(TIMESTAMP)?;
    let signature = proof.only(SIGNATURE)?;
    if id.is_empty() {
        return Err(Rejected::Malformed(ID.to_owned()));
    }
    let signed_at = seconds(timestamp).ok_or_else(|| Rejected::Malformed(TIMESTAMP.to_owned()))?;
    let given = macs(signature);
    let message = message(id, timestamp, proof.body);
    let mut unfit = Rejected::NoSecret;
    for key in secrets.iter().filter_map(key) {
        // Signed once, however many signatures were sent.
        let expected = hmac::sign(&key, &message);
        if given.iter().any(|mac| same_text(&key, expected.as_ref(), mac)) {
            in_time(signed_at, proof)?;
            return Ok(Verified { message_id: Some(id.to_owned()) });
        }
        unfit = Rejected::Signature(SIGNATURE.to_owned());
    }
    Err(unfit)
}

/// Judged after the signature, so that only the sender learns that its clock is wrong.
fn in_time(signed_at: i64, proof: &Proof<'_>) -> Result<(), Rejected> {
    let age = proof.now.secs().saturating_sub(signed_at);
    if age > WINDOW_SECS {
        return Err(Rejected::Stale(age));
    }
    if age < -WINDOW_SECS {
        return Err(Rejected::Future(age.saturating_neg()));
    }
    Ok(())
}

fn seconds(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// The signatures of the version we know; others may stand beside them.
fn macs(text: &str) -> Vec<Vec<u8>> {
    text.split(' ')
        .filter_map(|entry| entry.split_once(','))
        .filter(|(version, _)| *version == VERSION)
        .filter_map(|(_, mac)| STANDARD.decode(mac).ok())
        .filter(|mac| mac.len() == 32)
        .collect()
}

fn message(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    [id.as_bytes(), timestamp.as_bytes(), body].join(&b'.')
}

fn key(secret: &Secret) -> Option<hmac::Key> {
    key_bytes(secret.expose()).map(|bytes| hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

/// The bytes of a secret of this kind: base64, with or without its prefix.
pub(crate) fn key_bytes(secret: &str) -> Option<Vec<u8>> {
    let text = secret.strip_prefix(SECRET_PREFIX).unwrap_or(secret);
    STANDARD.decode(text).ok().filter(|bytes| !bytes.is_empty())
}

/// The three headers of a signed message; `None` for a secret that is no base64.
pub(crate) fn sign(
    secret: &Secret,
    id: &str,
    timestamp: i64,
    body: &[u8],
) -> Option<[(&'static str, String); 3]> {
    let timestamp = timestamp.to_string();
    let mac = hmac::sign(&key(secret)?, &message(id, &timestamp, body));
    let signature = format!("{VERSION},{}", STANDARD.encode(mac));
    Some([(ID, id.to_owned()), (TIMESTAMP, timestamp), (SIGNATURE, signature)])
}
