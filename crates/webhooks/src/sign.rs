//! The sender's end: what proves a request.

use syncline_domain::{Timestamp, WebhookAuth};

use crate::Secret;
use crate::verify::{basic, gitlab, hub, standard};

/// The headers that prove `body` in a webhook's way, names in lower case; none where the address proves enough.
///
/// `id` names the message where the way signs a name. Empty as well for a secret that cannot sign in this way.
#[must_use]
pub fn signed_headers(
    auth: WebhookAuth,
    header_name: &str,
    secret: &Secret,
    id: &str,
    body: &[u8],
    now: Timestamp,
) -> Vec<(String, String)> {
    let one = |name: &str, value: String| vec![(name.to_owned(), value)];
    match auth {
        WebhookAuth::Hmac => one("x-hub-signature-256", hub::sign(secret, body)),
        WebhookAuth::Standard => standard::sign(secret, id, now.secs(), body)
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        WebhookAuth::GitlabToken => one(gitlab::HEADER, secret.expose().to_owned()),
        WebhookAuth::Basic => one("authorization", basic::sign(secret)),
        WebhookAuth::HeaderToken => one(header_name, secret.expose().to_owned()),
        WebhookAuth::UrlToken => Vec::new(),
    }
}
