//! Making connectors and sealing secrets without trackers and keys.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use syncline_domain::ports::{
    Connector, ConnectorError, ConnectorFactory, ConnectorTypeInfo, CredentialField, ErrorKind,
    Place, SealError, Sealer,
};
use syncline_domain::{AuthType, ConnectorSettings, Credentials, FieldFault};

use crate::FakeConnector;

/// Opens the [`FakeConnector`]s that were put under their addresses.
///
/// Knows one kind, `fake`, which signs in with a token or not at all; the token `wrong` is refused at opening.
#[derive(Default)]
pub struct FakeFactory {
    trackers: Mutex<BTreeMap<String, Arc<FakeConnector>>>,
}

impl FakeFactory {
    /// Without trackers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a tracker under an address (`ConnectorSettings::base_url`).
    pub fn put(&self, base_url: &str, tracker: Arc<FakeConnector>) {
        let mut all = self.trackers.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(base_url.to_owned(), tracker);
    }
}

impl ConnectorFactory for FakeFactory {
    fn types(&self) -> Vec<ConnectorTypeInfo> {
        vec![ConnectorTypeInfo {
            name: "fake".to_owned(),
            label: "Fake tracker".to_owned(),
            auth_types: vec![AuthType::None, AuthType::Pat],
            credential_fields: vec![CredentialField {
                auth_type: AuthType::Pat,
                name: "token".to_owned(),
                label: "Token".to_owned(),
                secret: true,
            }],
            capabilities: crate::fake::all_capabilities(),
        }]
    }

    fn check_settings(
        &self,
        settings: &ConnectorSettings,
        credentials: Option<&Credentials>,
    ) -> Vec<FieldFault> {
        let mut faults = Vec::new();
        if settings.connector_type != "fake" {
            faults.push(FieldFault::new("/connector_type", "use fake"));
        }
        let has_token = credentials.is_none_or(|held| held.get("token").is_some());
        if settings.auth_type == AuthType::Pat && !has_token {
            faults.push(FieldFault::new("/credentials/token", "enter the token"));
        }
        faults
    }

    fn check_filter(&self, _connector_type: &str, filter: &serde_json::Value) -> Vec<FieldFault> {
        match filter {
            serde_json::Value::Object(_) => Vec::new(),
            _ => vec![FieldFault::new("", "must be an object")],
        }
    }

    fn open(
        &self,
        settings: &ConnectorSettings,
        credentials: &Credentials,
    ) -> Result<Arc<dyn Connector>, ConnectorError> {
        if credentials.get("token") == Some("wrong") {
            return Err(ConnectorError::new(ErrorKind::Auth, "the token was refused"));
        }
        let all = self.trackers.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(&settings.base_url) {
            Some(tracker) => Ok(tracker.clone()),
            None => Err(ConnectorError::new(
                ErrorKind::Invalid,
                format!("there is no tracker at {}", settings.base_url),
            )),
        }
    }
}

/// A [`Sealer`] that hides nothing but keeps the rules: what was sealed opens in its place only.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainSealer;

const PLAIN_KEY: &str = "plain";

fn header(place: &Place) -> Vec<u8> {
    format!("{PLAIN_KEY}:{}/{}/{}:", place.table, place.row, place.column).into_bytes()
}

impl Sealer for PlainSealer {
    fn seal(&self, place: &Place, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut sealed = header(place);
        // Not readable in a dump: a test that looks for the secret in the store must not find it.
        sealed.extend(plain.iter().map(|byte| byte ^ 0xA5));
        Ok(sealed)
    }

    fn open(&self, place: &Place, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        match sealed.strip_prefix(header(place).as_slice()) {
            Some(rest) => Ok(rest.iter().map(|byte| byte ^ 0xA5).collect()),
            None => Err(SealError::Broken(place.clone())),
        }
    }

    fn current_key(&self) -> String {
        PLAIN_KEY.to_owned()
    }

    fn key_of(&self, sealed: &[u8]) -> Option<String> {
        sealed.starts_with(PLAIN_KEY.as_bytes()).then(|| PLAIN_KEY.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_opens_in_its_place_only() {
        let here = Place { table: "connectors", row: 1, column: "credentials" };
        let there = Place { row: 2, ..here.clone() };
        let sealed = PlainSealer.seal(&here, b"hunter2").unwrap();
        assert!(!sealed.windows(7).any(|part| part == b"hunter2"));
        assert_eq!(PlainSealer.open(&here, &sealed).unwrap(), b"hunter2");
        assert_eq!(PlainSealer.open(&there, &sealed), Err(SealError::Broken(there)));
    }
}
