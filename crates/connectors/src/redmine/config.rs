//! Settings of a Redmine connector, checked once.

use serde_json::Value;
use syncline_domain::{AuthType, ConnectorSettings, Credentials, FieldFault, TextFormat};
use url::Url;

/// A checked configuration; holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    /// Address with sub-path, without a slash at the end.
    pub(crate) base_url: String,
    /// The project's identifier; all readable projects when there is none.
    pub(crate) project: Option<String>,
    /// Whether issues of subprojects belong to the project.
    pub(crate) subprojects: bool,
    /// How descriptions and notes are written: Markdown, or Textile, which counts as plain text.
    pub(crate) text_format: TextFormat,
}

impl Config {
    /// From what people entered.
    ///
    /// # Errors
    /// Every fault at once.
    pub(crate) fn read(settings: &ConnectorSettings) -> Result<Self, Vec<FieldFault>> {
        let mut faults = address_faults(&settings.base_url);
        let project = settings.endpoint.trim();
        if project.contains(['/', '?', '#', ' ']) {
            faults.push(FieldFault::new(
                "/endpoint",
                "must be the project's identifier, the last part of its address (or empty)",
            ));
        }
        if !matches!(settings.auth_type, AuthType::ApiKey | AuthType::Basic) {
            faults.push(FieldFault::new("/auth_type", "must be apikey or basic"));
        }
        let text_format = text_format(&settings.metadata).unwrap_or_else(|fault| {
            faults.push(fault);
            TextFormat::Text
        });
        let subprojects = flag(&settings.metadata, "subprojects").unwrap_or_else(|fault| {
            faults.push(fault);
            false
        });
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self {
            base_url: settings.base_url.trim().trim_end_matches('/').to_owned(),
            project: (!project.is_empty()).then(|| project.to_owned()),
            subprojects,
            text_format,
        })
    }

    /// `{base}/{path}`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base_url)
    }

    /// The page on which a person sees the issue.
    pub(crate) fn page_url(&self, id: u64) -> String {
        self.url(&format!("issues/{id}"))
    }
}

fn text_format(metadata: &Value) -> Result<TextFormat, FieldFault> {
    match metadata.get("text_format") {
        None | Some(Value::Null) => Ok(TextFormat::Text),
        Some(Value::String(word)) => match word.trim() {
            "" | "textile" => Ok(TextFormat::Text),
            "markdown" | "common_mark" => Ok(TextFormat::Markdown),
            _ => Err(FieldFault::new("/metadata/text_format", "must be textile or markdown")),
        },
        Some(_) => Err(FieldFault::new("/metadata/text_format", "must be textile or markdown")),
    }
}

fn flag(metadata: &Value, key: &str) -> Result<bool, FieldFault> {
    match metadata.get(key) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(FieldFault::new(format!("/metadata/{key}"), "must be true or false")),
    }
}

fn address_faults(base_url: &str) -> Vec<FieldFault> {
    let fault = |message: &str| vec![FieldFault::new("/base_url", message)];
    let Ok(url) = Url::parse(base_url.trim()) else {
        return fault("must be a URL such as https://redmine.example.org");
    };
    let is_plain = matches!(url.scheme(), "https" | "http")
        && url.query().is_none()
        && url.fragment().is_none();
    if !is_plain {
        return fault("must be a plain http or https URL without a query");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return fault("must not carry a user name or password; enter them as credentials");
    }
    if url.path().trim_end_matches('/').contains("/projects/") {
        return fault("must end before /projects; the project's identifier belongs into endpoint");
    }
    Vec::new()
}

/// Which credential fields are missing for this way of signing in.
pub(crate) fn credential_faults(auth: AuthType, credentials: &Credentials) -> Vec<FieldFault> {
    let wanted: &[&str] = match auth {
        AuthType::ApiKey => &["apiKey"],
        AuthType::Basic => &["username", "password"],
        _ => &[],
    };
    wanted
        .iter()
        .filter(|name| credentials.get(name).is_none())
        .map(|name| FieldFault::new(format!("/credentials/{name}"), "is required"))
        .collect()
}

#[cfg(test)]
impl Config {
    /// A plain configuration.
    pub(crate) fn for_tests() -> Self {
        Self {
            base_url: "https://redmine.example/sub".to_owned(),
            project: Some("shop".to_owned()),
            subprojects: false,
            text_format: TextFormat::Text,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(base_url: &str, endpoint: &str, metadata: Value) -> ConnectorSettings {
        ConnectorSettings {
            connector_type: "redmine".to_owned(),
            base_url: base_url.to_owned(),
            endpoint: endpoint.to_owned(),
            auth_type: AuthType::ApiKey,
            metadata,
        }
    }

    #[test]
    fn a_sub_path_stays_and_an_empty_project_means_all() {
        let config = Config::read(&settings(
            "https://host/redmine/",
            "",
            json!({"text_format": "markdown", "subprojects": true}),
        ))
        .unwrap();
        assert_eq!(config.url("issues.json"), "https://host/redmine/issues.json");
        assert_eq!(config.page_url(7), "https://host/redmine/issues/7");
        assert_eq!(config.project, None);
        assert_eq!(config.text_format, TextFormat::Markdown);
        assert!(config.subprojects);
    }

    #[test]
    fn all_faults_come_at_once() {
        let mut bad = settings("x", "a/b", json!({"text_format": 7, "subprojects": "yes"}));
        bad.auth_type = AuthType::Pat;
        let paths: Vec<String> =
            Config::read(&bad).unwrap_err().into_iter().map(|fault| fault.path).collect();
        assert_eq!(
            paths,
            [
                "/base_url",
                "/endpoint",
                "/auth_type",
                "/metadata/text_format",
                "/metadata/subprojects"
            ]
        );
        for (address, hint) in [
            ("https://me:secret@host", "credentials"),
            ("https://host/projects/shop", "endpoint"),
            ("ftp://host", "http"),
        ] {
            let faults = Config::read(&settings(address, "", Value::Null)).unwrap_err();
            assert!(faults[0].message.contains(hint) && !faults[0].message.contains("secret"));
        }
    }

    #[test]
    fn missing_credentials_are_named() {
        let none = Credentials::default();
        assert_eq!(credential_faults(AuthType::ApiKey, &none).len(), 1);
        assert_eq!(credential_faults(AuthType::Basic, &none).len(), 2);
        let key = Credentials::new([("apiKey", "x")]);
        assert!(credential_faults(AuthType::ApiKey, &key).is_empty());
    }
}
