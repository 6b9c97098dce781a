//! Changing a webhook.

use serde_json::Value;
use syncline_domain::ports::{EventReader, Place, Sealer, Tx};
use syncline_domain::{Fault, FieldFault, Timestamp, Webhook, WebhookAuth, WebhookId};

use crate::opened::open_secret;
use crate::rotate::save;
use crate::words::{check_events, check_metadata, check_name, signs_standard};

/// What is to change; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// What people call it.
    pub name: Option<String>,
    /// Events in our words or the tracker's.
    pub event_types: Option<Vec<String>>,
    /// How senders prove who they are.
    pub auth: Option<WebhookAuth>,
    /// Takes the place of all further facts.
    pub metadata: Option<Value>,
    /// Whether requests are taken.
    pub is_active: Option<bool>,
}

/// A change without faults.
#[derive(Clone, Debug)]
pub struct CheckedChange(Change);

impl Change {
    /// Every fault that needs no store to be seen. `reader` understands the tracker's own words.
    #[must_use]
    pub fn faults(&self, reader: Option<&dyn EventReader>) -> Vec<FieldFault> {
        let name = self.name.as_deref().and_then(|name| check_name(name).err());
        let events = self.event_types.as_ref().and_then(|list| check_events(list, reader).err());
        let metadata = self.metadata.as_ref().and_then(|given| check_metadata(given).err());
        [name, events, metadata].into_iter().flatten().collect()
    }

    /// Checks everything that needs no store. `reader` understands the tracker's own words.
    ///
    /// # Errors
    /// [`Fault::Invalid`] with every fault there is.
    pub fn check(self, reader: Option<&dyn EventReader>) -> Result<CheckedChange, Fault> {
        let name = self.name.as_deref().map(check_name).transpose();
        let events = self.event_types.as_ref().map(|list| check_events(list, reader)).transpose();
        let faults = self.faults(reader);
        match (name, events) {
            (Ok(name), Ok(event_types)) if faults.is_empty() => {
                Ok(CheckedChange(Self { name, event_types, ..self }))
            }
            _ => Err(Fault::Invalid(faults)),
        }
    }
}

impl CheckedChange {
    /// Makes the change. Takes effect with the transaction.
    ///
    /// # Errors
    /// [`Fault::NotFound`]; [`Fault::Invalid`] for a way of proving that the secret does not fit.
    pub fn apply(
        &self,
        tx: &mut dyn Tx,
        sealer: &dyn Sealer,
        id: WebhookId,
        now: Timestamp,
    ) -> Result<Webhook, Fault> {
        let mut row = tx.webhook(id)?.ok_or_else(|| Fault::no_such("webhook", id))?;
        let change = self.0.clone();
        if change.auth == Some(WebhookAuth::Standard) && row.auth != WebhookAuth::Standard {
            let secret = open_secret(sealer, &Place::webhook_secret(id), &row.sealed_secret)?;
            if !signs_standard(secret.expose()) {
                let words = "the secret is not of the kind that standard-webhooks wants; rotate it first, or register \
                             a new webhook";
                return Err(Fault::invalid("/auth_mode", words));
            }
        }
        row.name = change.name.unwrap_or(row.name);
        row.event_types = change.event_types.unwrap_or(row.event_types);
        row.auth = change.auth.unwrap_or(row.auth);
        row.metadata = change.metadata.unwrap_or(row.metadata);
        row.is_active = change.is_active.unwrap_or(row.is_active);
        save(tx, row, now)
    }
}
