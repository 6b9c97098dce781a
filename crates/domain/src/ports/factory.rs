//! Making connectors from what people registered.

use std::sync::Arc;

use serde::Serialize;

use super::{Capabilities, Connector, ConnectorError};
use crate::{AuthType, ConnectorSettings, Credentials, FieldFault};

/// Makes connectors and knows which kinds there are.
pub trait ConnectorFactory: Send + Sync {
    /// The kinds there are, in the order in which people should see them.
    fn types(&self) -> Vec<ConnectorTypeInfo>;

    /// Checks settings, the native filter and the names of credential fields without touching the network. By default
    /// everything is fine.
    fn check_settings(
        &self,
        settings: &ConnectorSettings,
        credentials: Option<&Credentials>,
    ) -> Vec<FieldFault> {
        let _ = (settings, credentials);
        Vec::new()
    }

    /// Checks the shape of a configuration's filter for this kind; paths are relative to the filter. By default
    /// everything is fine.
    fn check_filter(&self, connector_type: &str, filter: &serde_json::Value) -> Vec<FieldFault> {
        let _ = (connector_type, filter);
        Vec::new()
    }

    /// Makes a connector; does no I/O.
    ///
    /// # Errors
    /// [`super::ErrorKind::Invalid`] when settings and credentials do not make a connector.
    fn open(
        &self,
        settings: &ConnectorSettings,
        credentials: &Credentials,
    ) -> Result<Arc<dyn Connector>, ConnectorError>;
}

/// A kind of connector, with all that a form needs.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectorTypeInfo {
    /// The word, such as `redmine`.
    pub name: String,
    /// The name shown to people.
    pub label: String,
    /// The ways to sign in.
    pub auth_types: Vec<AuthType>,
    /// The credential fields of each way.
    pub credential_fields: Vec<CredentialField>,
    /// What this kind can do at best.
    pub capabilities: Capabilities,
}

impl ConnectorTypeInfo {
    /// A kind that takes no credentials and does the least.
    #[must_use]
    pub fn least(name: &str, label: &str) -> Self {
        Self {
            name: name.to_owned(),
            label: label.to_owned(),
            auth_types: vec![AuthType::None],
            credential_fields: Vec::new(),
            capabilities: Capabilities::least(),
        }
    }
}

/// A credential field of a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CredentialField {
    /// The way of signing in it belongs to.
    pub auth_type: AuthType,
    /// The field's name in `credentials`.
    pub name: String,
    /// The name shown to people.
    pub label: String,
    /// Hide it while it is typed.
    pub secret: bool,
}
