//! Registering a webhook.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use syncline_domain::ports::{EventReader, Place, Rng, Sealer, Tx};
use syncline_domain::{
    ConfigId, ConnectorId, Fault, FieldFault, Timestamp, Webhook, WebhookAuth, WebhookId,
};

use crate::Secret;
use crate::verify::standard::SECRET_PREFIX;
use crate::words::{check_events, check_metadata, check_name, check_secret};

/// How every token begins.
const TOKEN_PREFIX: &str = "webhook_";

/// A webhook as it is asked for.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    /// What people call it.
    pub name: String,
    /// The configuration whose jobs it queues.
    pub config_id: ConfigId,
    /// The tracker that calls.
    pub connector_id: ConnectorId,
    /// Events in our words or the tracker's; `*` is all of them.
    pub event_types: Vec<String>,
    /// How senders prove who they are.
    pub auth: WebhookAuth,
    /// A secret of one's own, at least 24 bytes; a good one is made when `None`.
    pub secret: Option<Secret>,
    /// Further facts, such as `header_name`.
    pub metadata: Value,
}

/// A webhook that was checked and has its token and secret.
#[derive(Clone, Debug)]
pub struct Prepared {
    name: String,
    config_id: ConfigId,
    connector_id: ConnectorId,
    event_types: Vec<String>,
    auth: WebhookAuth,
    secret: Secret,
    metadata: Value,
    token: Secret,
}

impl NewWebhook {
    /// Every fault that needs no store to be seen. `reader` understands the tracker's own words.
    #[must_use]
    pub fn faults(&self, reader: Option<&dyn EventReader>) -> Vec<FieldFault> {
        let own = self.secret.as_ref().map_or(Ok(()), |own| check_secret(own.expose(), self.auth));
        let all = [
            check_name(&self.name).err(),
            check_events(&self.event_types, reader).err(),
            check_metadata(&self.metadata).err(),
            own.err(),
        ];
        all.into_iter().flatten().collect()
    }

    /// Checks everything that needs no store, and makes token and secret. `reader` understands the tracker's own words.
    ///
    /// # Errors
    /// [`Fault::Invalid`] with every fault there is, [`Fault::Internal`] when there is no chance to be had.
    pub fn prepare(
        self,
        reader: Option<&dyn EventReader>,
        rng: &dyn Rng,
    ) -> Result<Prepared, Fault> {
        let faults = self.faults(reader);
        let (name, event_types) =
            match (check_name(&self.name), check_events(&self.event_types, reader)) {
                (Ok(name), Ok(events)) if faults.is_empty() => (name, events),
                _ => return Err(Fault::Invalid(faults)),
            };
        let secret = match self.secret {
            Some(own) => own,
            None => new_secret(self.auth, rng)?,
        };
        Ok(Prepared {
            name,
            config_id: self.config_id,
            connector_id: self.connector_id,
            event_types,
            auth: self.auth,
            secret,
            metadata: self.metadata,
            token: Secret::new(new_token(rng)?),
        })
    }
}

impl Prepared {
    /// The secret, to be shown once.
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Stores the webhook. May be run again; the same token and secret go in.
    ///
    /// # Errors
    /// [`Fault::Invalid`] when the configuration does not exist or the connector is none of its two, and what the
    /// store answers.
    pub fn insert(
        &self,
        tx: &mut dyn Tx,
        sealer: &dyn Sealer,
        now: Timestamp,
    ) -> Result<Webhook, Fault> {
        let Some(config) = tx.config(self.config_id)? else {
            let words = format!("there is no sync configuration {}", self.config_id);
            return Err(Fault::invalid("/sync_config_id", words));
        };
        let ends = [config.source_connector_id, config.target_connector_id];
        if !ends.contains(&self.connector_id) {
            let [source, target] = ends;
            let words = format!("it is none of the configuration's two, {source} and {target}");
            return Err(Fault::invalid("/connector_id", words));
        }
        let mut row = self.row(now);
        row.id = tx.insert_webhook(&row)?;
        // The seal is bound to the row's id, which is known only now.
        row.sealed_secret = seal(sealer, row.id, &self.secret)?;
        tx.update_webhook(&row)?;
        tx.webhook(row.id)?.ok_or_else(|| Fault::no_such("webhook", row.id))
    }

    fn row(&self, now: Timestamp) -> Webhook {
        Webhook {
            id: WebhookId::default(),
            name: self.name.clone(),
            token: self.token.expose().to_owned(),
            config_id: self.config_id,
            connector_id: self.connector_id,
            event_types: self.event_types.clone(),
            auth: self.auth,
            sealed_secret: Vec::new(),
            old_secrets: Vec::new(),
            is_active: true,
            metadata: self.metadata.clone(),
            revision: 1,
            trigger_count: 0,
            unlogged_rejections: 0,
            last_triggered_at: None,
            created_at: now,
            updated_at: now,
        }
    }
}

pub(crate) fn seal(sealer: &dyn Sealer, id: WebhookId, secret: &Secret) -> Result<Vec<u8>, Fault> {
    sealer
        .seal(&Place::webhook_secret(id), secret.expose().as_bytes())
        .map_err(|error| Fault::Internal(error.to_string()))
}

/// A new secret of 256 bits: 64 hex digits, or `whsec_` and base64 where the way wants that.
///
/// # Errors
/// [`Fault::Internal`] when there is no chance to be had.
pub fn new_secret(auth: WebhookAuth, rng: &dyn Rng) -> Result<Secret, Fault> {
    let bytes: [u8; 32] = chance(rng)?;
    Ok(Secret::new(match auth {
        WebhookAuth::Standard => format!("{SECRET_PREFIX}{}", STANDARD.encode(bytes)),
        _ => hex::encode(bytes),
    }))
}

/// The last part of a new webhook's address: `webhook_` and 32 hex digits.
///
/// # Errors
/// [`Fault::Internal`] when there is no chance to be had.
pub fn new_token(rng: &dyn Rng) -> Result<String, Fault> {
    let bytes: [u8; 16] = chance(rng)?;
    Ok(format!("{TOKEN_PREFIX}{}", hex::encode(bytes)))
}

/// Whether a text could be a token; others need not be looked up.
pub(crate) fn is_token(text: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.strip_prefix(TOKEN_PREFIX)
        .is_some_and(|digits| digits.len() == 32 && digits.bytes().all(digit))
}

fn chance<const N: usize>(rng: &dyn Rng) -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    rng.fill(&mut bytes);
    // What a source without chance leaves behind.
    if bytes.iter().all(|byte| *byte == 0) {
        return Err(Fault::Internal("the system gave no random bytes for a secret".to_owned()));
    }
    Ok(bytes)
}
