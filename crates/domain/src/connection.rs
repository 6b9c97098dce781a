//! Connectors as people register them, and their credentials.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{AuthType, ConnectorId, Timestamp};

/// What a connector needs to know besides its credentials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConnectorSettings {
    /// The word of the tracker kind, such as `azuredevops`.
    pub connector_type: String,
    /// The tracker's address. Never ends in a slash.
    pub base_url: String,
    /// Project, portal or the like; may be empty.
    pub endpoint: String,
    /// How to sign in.
    pub auth_type: AuthType,
    /// Settings of this tracker kind, an object.
    pub metadata: Value,
}

/// A registered connector, as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectorRow {
    /// Our id.
    pub id: ConnectorId,
    /// The unique name people gave it.
    pub name: String,
    /// Everything but credentials.
    pub settings: ConnectorSettings,
    /// The sealed credentials (see `ports::Sealer`); empty for `none`.
    pub sealed_credentials: Vec<u8>,
    /// Runs use only active connectors.
    pub is_active: bool,
    /// How the last check went.
    pub last_check: Option<LastCheck>,
    /// When the credentials end, where the tracker tells.
    pub credential_expires_at: Option<Timestamp>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// How a check of a connector went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCheck {
    /// When.
    pub at: Timestamp,
    /// Whether all was well.
    pub ok: bool,
    /// What a person should know.
    pub message: String,
}

/// What hangs on a connector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ConnectorUsage {
    /// Configurations that have it on either side.
    pub configs: i64,
    /// Pairs of those configurations.
    pub pairs: i64,
    /// Runs of those configurations that are going on.
    pub running: i64,
}

/// Credential fields by name (`token`, `apiKey`, `username`, ...). Debug shows the names only.
#[derive(Clone, Default)]
pub struct Credentials(BTreeMap<String, SecretString>);

impl Credentials {
    /// From names and values.
    pub fn new<K: Into<String>, V: Into<String>>(parts: impl IntoIterator<Item = (K, V)>) -> Self {
        Self(parts.into_iter().map(|(k, v)| (k.into(), SecretString::from(v.into()))).collect())
    }

    /// The value of a field; `None` when it is absent or blank.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(ExposeSecret::expose_secret).filter(|text| !text.trim().is_empty())
    }

    /// The names of all fields.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The plain JSON object that gets sealed. Keep it out of logs.
    #[must_use]
    pub fn to_plain_json(&self) -> String {
        let plain: BTreeMap<&str, &str> =
            self.0.iter().map(|(k, v)| (k.as_str(), v.expose_secret())).collect();
        serde_json::to_string(&plain).unwrap_or_else(|_| "{}".to_owned())
    }

    /// Reads what [`Credentials::to_plain_json`] wrote.
    ///
    /// # Errors
    /// When the bytes are no JSON object of texts; the message carries none of them.
    pub fn from_plain_json(bytes: &[u8]) -> Result<Self, CredentialsUnreadable> {
        let plain: BTreeMap<String, String> =
            serde_json::from_slice(bytes).map_err(|_| CredentialsUnreadable)?;
        Ok(Self::new(plain))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// Opened credentials were not what was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("stored credentials are unreadable; enter them again")]
pub struct CredentialsUnreadable;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_and_errors_never_show_a_secret() {
        let held = Credentials::new([("token", "hunter2")]);
        assert_eq!(format!("{held:?}"), "{\"token\"}");
        let back = Credentials::from_plain_json(held.to_plain_json().as_bytes()).unwrap();
        assert_eq!(back.get("token"), Some("hunter2"));
        let fault = Credentials::from_plain_json(b"\"hunter2\"").unwrap_err();
        assert!(!fault.to_string().contains("hunter2"));
    }
}
