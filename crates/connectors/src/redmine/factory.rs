//! From what people registered to a connector; no I/O.

use std::sync::Arc;

use secrecy::SecretString;
use serde_json::Value;
use syncline_domain::ports::{
    Clock, Connector, ConnectorError, ConnectorTypeInfo, CredentialField, ErrorKind,
};
use syncline_domain::{AuthType, ConnectorSettings, Credentials, FieldFault};
use syncline_outbound::Client;

use super::config::{Config, credential_faults};
use super::connector::{Redmine, capabilities};
use super::filter;
use super::requests::{Api, SignIn};

/// The word of this kind.
pub(crate) const NAME: &str = "redmine";

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
        label: "Redmine".to_owned(),
        auth_types: vec![AuthType::ApiKey, AuthType::Basic],
        credential_fields: vec![
            field(AuthType::ApiKey, "apiKey", "API access key", true),
            field(AuthType::Basic, "username", "Login", false),
            field(AuthType::Basic, "password", "Password", true),
        ],
        capabilities: capabilities(syncline_domain::TextFormat::Text),
    }
}

/// Checks settings and the names of credential fields.
pub(crate) fn check_settings(
    settings: &ConnectorSettings,
    credentials: Option<&Credentials>,
) -> Vec<FieldFault> {
    let mut faults = Config::read(settings).err().unwrap_or_default();
    faults.extend(
        credentials.into_iter().flat_map(|given| credential_faults(settings.auth_type, given)),
    );
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
    let text = |name: &str| credentials.get(name).unwrap_or_default().trim().to_owned();
    let sign_in = match settings.auth_type {
        AuthType::Basic => {
            // Spaces at the ends may belong to a password.
            let password = credentials.get("password").unwrap_or_default();
            SignIn::Basic(text("username"), SecretString::from(password))
        }
        _ => SignIn::Key(SecretString::from(text("apiKey"))),
    };
    Ok(Arc::new(Redmine::new(Api::new(config, client, sign_in, clock))))
}

fn invalid(faults: &[FieldFault]) -> ConnectorError {
    let parts: Vec<String> =
        faults.iter().map(|fault| format!("{}: {}", fault.path, fault.message)).collect();
    ConnectorError::new(ErrorKind::Invalid, parts.join("; "))
}
