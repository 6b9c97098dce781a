//! HMAC-SHA256 over the raw body, in hex, as GitHub began it.
//!
//! Source: GitHub, "Validating webhook deliveries"; Jira Cloud and Redmine 7 do the same under names of their own.

use ring::hmac;

use super::{Proof, Rejected, Verified};
use crate::Secret;

/// The headers in which such a signature may come. Where there are several, all must fit.
pub(crate) const SIGNATURE_HEADERS: [&str; 4] =
    ["x-hub-signature-256", "x-webhook-signature", "x-hub-signature", "x-redmine-signature-256"];

/// GitHub still sends the signature of old beside the new one. It must fit, too, and never is enough alone.
const OLD_HEADER: &str = "x-hub-signature";

struct Given {
    header: &'static str,
    mac: Vec<u8>,
    old: bool,
}

pub(super) fn verify(secrets: &[Secret], proof: &Proof<'_>) -> Result<Verified, Rejected> {
    let mut given = Vec::new();
    for header in SIGNATURE_HEADERS {
        for text in proof.values(header) {
            let (mac, old) =
                decode(header, text).ok_or_else(|| Rejected::Malformed(header.to_owned()))?;
            given.push(Given { header, mac, old });
        }
    }
    if given.iter().all(|one| one.old) {
        super::busy_work(proof.body);
        return Err(Rejected::Missing("x-hub-signature-256 or x-webhook-signature".to_owned()));
    }
    // The new signatures first: what fits none of them is not worth the work of the old one.
    given.sort_by_key(|one| one.old);
    let mut unfit = Rejected::NoSecret;
    for secret in secrets {
        match given.iter().find(|one| !fits(secret, proof.body, one)) {
            None => return Ok(Verified::BARE),
            Some(one) => unfit = Rejected::Signature(one.header.to_owned()),
        }
    }
    Err(unfit)
}

fn decode(header: &str, text: &str) -> Option<(Vec<u8>, bool)> {
    if let Some(hex) = text.strip_prefix("sha256=") {
        return hex::decode(hex).ok().filter(|mac| mac.len() == 32).map(|mac| (mac, false));
    }
    let hex = text.strip_prefix("sha1=").filter(|_| header == OLD_HEADER)?;
    hex::decode(hex).ok().filter(|mac| mac.len() == 20).map(|mac| (mac, true))
}

fn fits(secret: &Secret, body: &[u8], given: &Given) -> bool {
    if given.old {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.expose().as_bytes());
        return hmac::verify(&key, body, &given.mac).is_ok();
    }
    hmac::verify(secret.key(), body, &given.mac).is_ok()
}

/// The value of a signature header.
pub(crate) fn sign(secret: &Secret, body: &[u8]) -> String {
    format!("sha256={}", hex::encode(hmac::sign(secret.key(), body)))
}
