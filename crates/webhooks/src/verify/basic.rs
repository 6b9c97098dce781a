//! HTTP basic authentication: a fixed user, the secret as password.
//!
//! Source: RFC 7617.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Proof, Rejected, Verified, busy_work};
use crate::Secret;

const HEADER: &str = "authorization";

/// The user's name. It is no secret.
pub(crate) const USER: &str = "syncline";

pub(super) fn verify(secrets: &[Secret], proof: &Proof<'_>) -> Result<Verified, Rejected> {
    busy_work(proof.body);
    let text = proof.only(HEADER)?;
    let plain = decode(text).ok_or_else(|| Rejected::Malformed(HEADER.to_owned()))?;
    let mut parts = plain.splitn(2, |byte| *byte == b':');
    let (Some(user), Some(password)) = (parts.next(), parts.next()) else {
        return Err(Rejected::Malformed(HEADER.to_owned()));
    };
    let known = user == USER.as_bytes();
    if secrets.iter().any(|secret| secret.is(password)) && known {
        return Ok(Verified::BARE);
    }
    Err(Rejected::Token(HEADER.to_owned()))
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let (scheme, rest) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    STANDARD.decode(rest.trim_start_matches(' ')).ok()
}

/// The value of the header.
pub(crate) fn sign(secret: &Secret) -> String {
    format!("Basic {}", STANDARD.encode(format!("{USER}:{}", secret.expose())))
}
