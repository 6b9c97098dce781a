//! From what people registered to a connector; no I/O.

use std::sync::Arc;

use secrecy::SecretString;
use serde_json::Value;
use syncline_domain::ports::{
    Clock, Connector, ConnectorError, ConnectorTypeInfo, CredentialField, ErrorKind,
};
use syncline_domain::{AuthType, ConnectorSettings, Credentials, FieldFault};
use syncline_outbound::{Client, Url};

use super::config::{Config, credential_faults};
use super::connector::{AzureDevOps, capabilities};
use super::filter;
use super::requests::SignIn;
use crate::oauth::{Grant, TokenSource};

/// The word of this kind.
pub(crate) const NAME: &str = "azuredevops";
/// Azure DevOps as Entra ID knows it, whatever the organisation.
const RESOURCE: &str = "499b84ac-1321-427f-aa17-267ca6975798/.default";

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
        label: "Azure DevOps".to_owned(),
        auth_types: vec![AuthType::Pat, AuthType::OAuth],
        credential_fields: vec![
            field(AuthType::Pat, "token", "Personal access token", true),
            field(AuthType::OAuth, "client_id", "Application (client) id", false),
            field(AuthType::OAuth, "client_secret", "Client secret", true),
            field(
                AuthType::OAuth,
                "refresh_token",
                "Refresh token (empty for a service principal)",
                true,
            ),
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
    if let Err(fault) = token_url(settings) {
        faults.push(fault);
    }
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
    let sign_in = match (settings.auth_type, credentials.get("token")) {
        (AuthType::OAuth, None) => {
            let grant = grant(settings, credentials).map_err(|fault| invalid(&[fault]))?;
            SignIn::OAuth(Box::new(TokenSource::new(client.clone(), Arc::clone(&clock), grant)))
        }
        (AuthType::OAuth, Some(token)) => SignIn::Bearer(SecretString::from(token)),
        (_, token) => SignIn::Pat(SecretString::from(token.unwrap_or_default())),
    };
    Ok(Arc::new(AzureDevOps::new(config, client, sign_in, clock)))
}

/// With a refresh token we act as the person who gave it, without one as the application itself.
fn grant(settings: &ConnectorSettings, credentials: &Credentials) -> Result<Grant, FieldFault> {
    let secret = |name: &str| SecretString::from(credentials.get(name).unwrap_or_default());
    let plain = |text: &str| SecretString::from(text);
    let mut form =
        vec![("client_id", secret("client_id")), ("client_secret", secret("client_secret"))];
    if credentials.get("refresh_token").is_some() {
        form.push(("grant_type", plain("refresh_token")));
        form.push(("refresh_token", secret("refresh_token")));
        form.push(("scope", plain(&format!("{RESOURCE} offline_access"))));
    } else {
        form.push(("grant_type", plain("client_credentials")));
        form.push(("scope", plain(RESOURCE)));
    }
    Ok(Grant { url: token_url(settings)?, form })
}

fn token_url(settings: &ConnectorSettings) -> Result<Url, FieldFault> {
    let text = |key: &str| {
        settings.metadata.get(key).and_then(Value::as_str).map(str::trim).filter(|t| !t.is_empty())
    };
    let address = match text("token_url") {
        Some(given) => given.to_owned(),
        None => {
            let tenant = super::config::segment(text("tenant").unwrap_or("organizations"));
            format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token")
        }
    };
    Url::parse(&address)
        .map_err(|_| FieldFault::new("/metadata/token_url", "must be the URL of the token server"))
}

fn invalid(faults: &[FieldFault]) -> ConnectorError {
    let parts: Vec<String> =
        faults.iter().map(|fault| format!("{}: {}", fault.path, fault.message)).collect();
    ConnectorError::new(ErrorKind::Invalid, parts.join("; "))
}
