//! A webhook with its secrets open, ready to judge by.

use syncline_domain::ports::{Place, SealError, Sealer, Store, StoreExt as _};
use syncline_domain::{Fault, Timestamp, Webhook, WebhookId};

use crate::Secret;
use crate::verify::header_name;

/// A webhook as it was stored at one revision, its secrets open.
pub(crate) struct Opened {
    pub(crate) row: Webhook,
    pub(crate) connector_type: String,
    pub(crate) header_name: String,
    secret: Secret,
    old: Vec<(Secret, Timestamp)>,
}

impl Opened {
    /// The secrets that are taken at `now`, the current one first.
    pub(crate) fn secrets(&self, now: Timestamp) -> Vec<Secret> {
        let old = self.old.iter().filter(|(_, until)| *until > now).map(|(secret, _)| secret);
        std::iter::once(&self.secret).chain(old).cloned().collect()
    }

    /// The secret that new requests should be signed with.
    pub(crate) const fn secret(&self) -> &Secret {
        &self.secret
    }
}

/// Which webhook to open.
#[derive(Clone)]
pub(crate) enum Which {
    Token(String),
    Id(WebhookId),
}

/// Reads and opens a webhook; `None` when there is none.
pub(crate) async fn load(
    store: &dyn Store,
    sealer: &dyn Sealer,
    which: Which,
) -> Result<Option<Opened>, Fault> {
    let found = store
        .view("webhook open", move |tx| {
            let row = match &which {
                Which::Token(token) => tx.webhook_by_token(token)?,
                Which::Id(id) => tx.webhook(*id)?,
            };
            let Some(row) = row else { return Ok(None) };
            let connector = tx.connector(row.connector_id)?;
            Ok(connector.map(|connector| (row, connector.settings.connector_type)))
        })
        .await?;
    found.map(|(row, connector_type)| open(sealer, row, connector_type)).transpose()
}

fn open(sealer: &dyn Sealer, row: Webhook, connector_type: String) -> Result<Opened, Fault> {
    let place = Place::webhook_secret(row.id);
    let secret = open_secret(sealer, &place, &row.sealed_secret)?;
    let mut old = Vec::new();
    for one in &row.old_secrets {
        old.push((open_secret(sealer, &place, &one.sealed)?, one.valid_until));
    }
    let header_name = header_name(&row.metadata);
    Ok(Opened { row, connector_type, header_name, secret, old })
}

/// Opens one sealed secret.
///
/// # Errors
/// [`Fault::Unavailable`]: with the right key in the ring it would open, and the sender may try again then.
pub(crate) fn open_secret(
    sealer: &dyn Sealer,
    place: &Place,
    sealed: &[u8],
) -> Result<Secret, Fault> {
    let plain = sealer
        .open(place, sealed)
        .map_err(|error: SealError| Fault::Unavailable(format!("a webhook's secret: {error}")))?;
    let text = String::from_utf8(plain)
        .map_err(|_| Fault::Unavailable("a webhook's secret is no text".to_owned()))?;
    Ok(Secret::new(text))
}
