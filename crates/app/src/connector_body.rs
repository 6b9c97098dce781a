//! Reading what people send to register or change a tracker.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use syncline_domain::{AuthType, ConnectorRow, ConnectorSettings, Credentials, Timestamp};

use crate::input::{Body, kind_of};
use crate::{App, AppError};

/// A connector as it was sent.
pub(crate) struct Draft {
    pub(crate) name: Option<String>,
    pub(crate) settings: Option<ConnectorSettings>,
    pub(crate) credentials: Option<Credentials>,
    /// When they end, where somebody said so.
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) warnings: Vec<String>,
}

impl App {
    /// Reads a whole connector; the reply of a fault says what is required, or which types there are.
    pub(crate) fn read_new_connector(&self, body: Value) -> Result<Draft, AppError> {
        let mut body = Body::new(body)?;
        const REQUIRED: [&str; 5] =
            ["name", "connector_type", "base_url", "auth_type", "credentials"];
        let missing: Vec<&str> = REQUIRED
            .into_iter()
            .filter(|name| {
                let open = *name == "credentials" && body.value("auth_type") == Some(json!("none"));
                !open && body.missing(name)
            })
            .collect();
        let name = body.name("name");
        let settings = self.read_settings(&mut body);
        let credentials = read_credentials(&mut body);
        let expires_at = read_expiry(&mut body).flatten();
        let unknown_kind = settings.as_ref().is_some_and(|s| !self.knows(&s.connector_type));
        if let Some(settings) = settings.as_ref().filter(|_| !unknown_kind) {
            let faults = self.factory().check_settings(settings, credentials.as_ref());
            body.faults_below("", faults);
        }
        match body.finish() {
            Ok(warnings) => Ok(Draft { name, settings, credentials, expires_at, warnings }),
            Err(fault) => {
                let mut error = AppError::from(fault);
                if !missing.is_empty() {
                    error = error.with("required", json!(REQUIRED));
                }
                if unknown_kind {
                    error = error.with("available_types", json!(self.kind_names()));
                }
                Err(error)
            }
        }
    }

    fn read_settings(&self, body: &mut Body) -> Option<ConnectorSettings> {
        let kind = body.name("connector_type");
        let base_url = read_url(body);
        let endpoint = body.text("endpoint").unwrap_or_default().trim().to_owned();
        let auth_type = body.word::<AuthType>("auth_type");
        let metadata = body.object("metadata").unwrap_or_default();
        let kind = kind?;
        if !self.knows(&kind) {
            body.fault(
                "connector_type",
                format!(
                    "{kind:?} is no connector type; use one of {}",
                    self.kind_names().join(", ")
                ),
            );
        }
        Some(ConnectorSettings {
            connector_type: kind,
            base_url: base_url?,
            endpoint,
            auth_type: auth_type?,
            metadata: Value::Object(metadata),
        })
    }

    /// Reads what is to change; the credentials only when new ones were sent.
    pub(crate) fn read_connector_change(
        &self,
        old: &ConnectorRow,
        body: &mut Body,
    ) -> (ConnectorRow, Option<Credentials>) {
        let mut row = old.clone();
        if body.has("name") {
            row.name = body.required_name("name").unwrap_or_default();
        }
        if let Some(kind) = body.name("connector_type") {
            if !self.knows(&kind) {
                let known = self.kind_names().join(", ");
                body.fault(
                    "connector_type",
                    format!("{kind:?} is no connector type; use one of {known}"),
                );
            }
            row.settings.connector_type = kind;
        }
        if let Some(url) = read_url(body) {
            row.settings.base_url = url;
        }
        if let Some(endpoint) = body.nullable_text("endpoint") {
            row.settings.endpoint = endpoint.unwrap_or_default().trim().to_owned();
        }
        if let Some(auth) = body.word("auth_type") {
            row.settings.auth_type = auth;
        }
        if let Some(metadata) = body.object("metadata") {
            row.settings.metadata = Value::Object(metadata);
        }
        if let Some(active) = body.flag("is_active") {
            row.is_active = active;
        }
        let credentials = read_credentials(body);
        if self.knows(&row.settings.connector_type) {
            let other_auth = row.settings.auth_type != old.settings.auth_type;
            if other_auth && credentials.is_none() && row.settings.auth_type != AuthType::None {
                body.fault("credentials", "another auth_type needs its credentials; send them too");
            } else {
                let faults = self.factory().check_settings(&row.settings, credentials.as_ref());
                body.faults_below("", faults);
            }
        }
        (row, credentials)
    }

    fn knows(&self, kind: &str) -> bool {
        self.factory().types().iter().any(|t| t.name == kind)
    }

    fn kind_names(&self) -> Vec<String> {
        self.factory().types().into_iter().map(|t| t.name).collect()
    }
}

fn read_credentials(body: &mut Body) -> Option<Credentials> {
    let map = body.object("credentials")?;
    let mut parts: BTreeMap<String, String> = BTreeMap::new();
    for (key, value) in map {
        match value {
            Value::String(text) => {
                parts.insert(key, text);
            }
            Value::Null => {}
            other => body.fault(
                &format!("credentials/{key}"),
                format!("this is {}; send a text", kind_of(&other)),
            ),
        }
    }
    Some(Credentials::new(parts))
}

/// When the credentials end: trackers do not tell, but whoever made a token knows. A day is its first moment in UTC;
/// null is for those that do not end.
pub(crate) fn read_expiry(body: &mut Body) -> Option<Option<Timestamp>> {
    const NAME: &str = "credential_expires_at";
    let Some(text) = body.nullable_text(NAME)? else { return Some(None) };
    let text = text.trim();
    let read = Timestamp::parse(text).or_else(|_| Timestamp::parse(&format!("{text}T00:00:00Z")));
    if read.is_err() {
        body.fault(NAME, "this is no time; use one such as 2027-02-12 or 2027-02-12T08:00:00Z");
    }
    read.ok().map(Some)
}

/// An address without blanks and slashes at its end; it is shown to everybody, so it may hold no credentials.
fn read_url(body: &mut Body) -> Option<String> {
    let given = body.name("base_url")?;
    let url = given.trim_end_matches('/');
    let url = if url.contains("://") { url.to_owned() } else { format!("https://{url}") };
    let place = url.split_once("://").map_or("", |(_, rest)| rest);
    if place.split(['/', '?', '#']).next().is_some_and(|host| host.contains('@')) {
        body.fault("base_url", "it holds credentials; send them in credentials instead");
        return None;
    }
    Some(url)
}
