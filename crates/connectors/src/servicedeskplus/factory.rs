//! From what people registered to a connector; no I/O.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use secrecy::SecretString;
use serde_json::Value;
use syncline_domain::ports::{
    Clock, Connector, ConnectorError, ConnectorTypeInfo, CredentialField, ErrorKind,
};
use syncline_domain::{AuthType, ConnectorSettings, Credentials, FieldFault};
use syncline_outbound::Client;

use super::config::{Config, credential_faults};
use super::connector::{ServiceDeskPlus, capabilities};
use super::filter;
use super::requests::{Api, SignIn};
use crate::oauth::{Grant, TokenSource};

/// The word of this kind.
pub(crate) const NAME: &str = "servicedeskplus";

/// What a form needs to know.
pub(crate) fn info() -> ConnectorTypeInfo {
    let field = |auth_type, name: &str, label: &str, secret| CredentialField {
        auth_type,
        name: name.to_owned(),
        label: label.to_owned(),
        secret,
    };
    ConnectorTypeInfo {
        name: NAME.to_owned(),
        label: "ManageEngine ServiceDesk Plus".to_owned(),
        auth_types: vec![AuthType::ApiKey, AuthType::OAuth],
        credential_fields: vec![
            field(AuthType::ApiKey, "apiKey", "Technician key (on-premises)", true),
            field(AuthType::OAuth, "client_id", "Client id (cloud)", false),
            field(AuthType::OAuth, "client_secret", "Client secret (cloud)", true),
            field(AuthType::OAuth, "refresh_token", "Refresh token (cloud)", true),
        ],
        capabilities: capabilities(),
    }
}

/// Checks settings and the names of credential fields.
pub(crate) fn check_settings(
    settings: &ConnectorSettings,
    credentials: Option<&Credentials>,
) -> Vec<FieldFault> {
    let mut faults = Config::read(settings).err().unwrap_or_default();
    let missing = |given| credential_faults(settings.auth_type, given);
    faults.extend(credentials.into_iter().flat_map(missing));
    faults
}

/// Checks the tracker's own part of a filter.
pub(crate) fn check_filter(filter: &Value) -> Vec<FieldFault> {
    filter::check(filter)
}

/// Makes a connector.
pub(crate) fn open(
    settings: &ConnectorSettings,
    credentials: &Credentials,
    client: Client,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Connector>, ConnectorError> {
    let faults = check_settings(settings, Some(credentials));
    let config = match Config::read(settings) {
        Ok(config) if faults.is_empty() => config,
        _ => return Err(invalid(&faults)),
    };
    let secret = |name: &str| SecretString::from(credentials.get(name).unwrap_or_default());
    let sign_in = match config.accounts_url.clone() {
        Some(url) => {
            let form = vec![
                ("grant_type", SecretString::from("refresh_token")),
                ("client_id", secret("client_id")),
                ("client_secret", secret("client_secret")),
                ("refresh_token", secret("refresh_token")),
            ];
            SignIn::OAuth(Box::new(TokenSource::new(client.clone(), clock, Grant { url, form })))
        }
        None => SignIn::Key { key: secret("apiKey"), is_old: AtomicBool::new(false) },
    };
    let api = Api { config, client, sign_in, is_other_note_key: AtomicBool::new(false) };
    Ok(Arc::new(ServiceDeskPlus::new(api)))
}

fn invalid(faults: &[FieldFault]) -> ConnectorError {
    let parts: Vec<String> =
        faults.iter().map(|fault| format!("{}: {}", fault.path, fault.message)).collect();
    ConnectorError::new(ErrorKind::Invalid, parts.join("; "))
}
