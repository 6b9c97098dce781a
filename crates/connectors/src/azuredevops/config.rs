//! Settings of an Azure DevOps connector, checked once.

use std::collections::BTreeSet;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value;
use syncline_domain::{AuthType, ConnectorSettings, Credentials, FieldFault};
use url::Url;

/// What must be escaped in one segment of a path.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The version that we were built against.
const API_VERSION: &str = "7.1";

/// A checked configuration; holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    /// Organisation or collection, without a slash at the end.
    pub(crate) base_url: String,
    /// The project's name or id.
    pub(crate) project: String,
    /// `api-version` of everything that is no preview.
    pub(crate) api_version: String,
    /// `api-version` of comments, which are a preview in every version so far.
    pub(crate) comments_version: String,
    /// Only items in or under this area.
    pub(crate) area_path: Option<String>,
    /// Long-text fields that hold Markdown instead of HTML.
    pub(crate) markdown_fields: BTreeSet<String>,
}

impl Config {
    /// From what people entered.
    ///
    /// # Errors
    /// Every fault at once.
    pub(crate) fn read(settings: &ConnectorSettings) -> Result<Self, Vec<FieldFault>> {
        let mut faults = address_faults(&settings.base_url);
        if settings.endpoint.trim().is_empty() {
            faults.push(FieldFault::new("/endpoint", "must be the project's name"));
        }
        if !matches!(settings.auth_type, AuthType::Pat | AuthType::OAuth) {
            faults.push(FieldFault::new("/auth_type", "must be pat or oauth"));
        }
        faults.extend(metadata_faults(&settings.metadata));
        if faults.is_empty() { Ok(Self::from_checked(settings)) } else { Err(faults) }
    }

    fn from_checked(settings: &ConnectorSettings) -> Self {
        let text = |key: &str| {
            settings
                .metadata
                .get(key)
                .and_then(Value::as_str)
                .map(str::trim)
                .filter(|text| !text.is_empty())
        };
        let api_version = text("api_version").unwrap_or(API_VERSION).to_owned();
        let markdown = settings.metadata.get("markdown_fields").and_then(Value::as_array);
        Self {
            base_url: settings.base_url.trim().trim_end_matches('/').to_owned(),
            project: settings.endpoint.trim().to_owned(),
            comments_version: comments_version(&api_version),
            api_version,
            area_path: text("area_path")
                .map(|path| path.replace('/', "\\").trim_matches('\\').to_owned()),
            markdown_fields: markdown
                .into_iter()
                .flatten()
                .filter_map(|name| name.as_str().map(ToOwned::to_owned))
                .collect(),
        }
    }

    /// `{base}/_apis/{path}`: a resource of the organisation.
    pub(crate) fn organisation_url(&self, path: &str) -> String {
        format!("{}/_apis/{path}", self.base_url)
    }

    /// `{base}/{project}/_apis/wit/{path}`: a resource of work item tracking.
    pub(crate) fn wit_url(&self, path: &str) -> String {
        format!("{}/{}/_apis/wit/{path}", self.base_url, segment(&self.project))
    }

    /// The address of an item as links between items name it.
    pub(crate) fn item_resource_url(&self, id: u64) -> String {
        self.organisation_url(&format!("wit/workItems/{id}"))
    }

    /// The page on which a person sees the item.
    pub(crate) fn page_url(&self, project: &str, id: u64) -> String {
        let project = if project.is_empty() { &self.project } else { project };
        format!("{}/{}/_workitems/edit/{id}", self.base_url, segment(project))
    }
}

/// One path segment, escaped.
pub(crate) fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// Comments were `preview.3` up to 7.0 and are `preview.4` since.
fn comments_version(api_version: &str) -> String {
    let base = api_version.split("-preview").next().unwrap_or(api_version);
    let old = base.starts_with("5.") || base.starts_with("6.") || base == "7.0";
    format!("{base}-preview.{}", if old { 3 } else { 4 })
}

fn address_faults(base_url: &str) -> Vec<FieldFault> {
    let fault = |message: &str| vec![FieldFault::new("/base_url", message)];
    let Ok(url) = Url::parse(base_url.trim()) else {
        return fault("must be a URL such as https://dev.azure.com/your-organisation");
    };
    if !matches!(url.scheme(), "https" | "http")
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return fault("must be a plain http or https URL without a query");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return fault("must not carry a user name or password; enter the token as a credential");
    }
    let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
    let segments =
        url.path_segments().into_iter().flatten().filter(|part| !part.is_empty()).count();
    match (host.as_str(), segments) {
        ("dev.azure.com", 1) => Vec::new(),
        ("dev.azure.com", 0) => {
            fault("must name the organisation: https://dev.azure.com/your-organisation")
        }
        ("dev.azure.com", _) => {
            fault("must end with the organisation; the project belongs into endpoint")
        }
        (host, 0) if !host.ends_with(".visualstudio.com") => {
            fault("must end with the collection, such as https://server/DefaultCollection")
        }
        _ => Vec::new(),
    }
}

fn metadata_faults(metadata: &Value) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    for key in ["api_version", "area_path", "tenant", "token_url"] {
        if metadata.get(key).is_some_and(|value| !value.is_string() && !value.is_null()) {
            faults.push(FieldFault::new(format!("/metadata/{key}"), "must be a text"));
        }
    }
    if let Some(version) =
        metadata.get("api_version").and_then(Value::as_str).filter(|v| !v.trim().is_empty())
    {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        if !version.trim().starts_with(|c: char| c.is_ascii_digit())
            || !version.trim().chars().all(plain)
        {
            faults.push(FieldFault::new("/metadata/api_version", "must be a version such as 7.1"));
        }
    }
    let names = metadata.get("markdown_fields").filter(|value| !value.is_null());
    let is_name_list =
        |value: &Value| value.as_array().is_some_and(|all| all.iter().all(Value::is_string));
    if names.is_some_and(|value| !is_name_list(value)) {
        faults.push(FieldFault::new(
            "/metadata/markdown_fields",
            "must be a list of field reference names",
        ));
    }
    faults
}

/// Which credential fields are missing for this way of signing in.
pub(crate) fn credential_faults(auth: AuthType, credentials: &Credentials) -> Vec<FieldFault> {
    let missing = |name: &str| FieldFault::new(format!("/credentials/{name}"), "is required");
    let has = |name: &str| credentials.get(name).is_some();
    match auth {
        AuthType::Pat if !has("token") => vec![missing("token")],
        AuthType::OAuth if !has("token") => ["client_id", "client_secret"]
            .into_iter()
            .filter(|name| !has(name))
            .map(missing)
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
impl Config {
    /// A plain configuration.
    pub(crate) fn for_tests() -> Self {
        Self::read(&ConnectorSettings {
            connector_type: "azuredevops".to_owned(),
            base_url: "https://dev.azure.com/demo".to_owned(),
            endpoint: "Web Shop".to_owned(),
            auth_type: AuthType::Pat,
            metadata: Value::Null,
        })
        .expect("a plain configuration")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(base_url: &str, endpoint: &str, metadata: Value) -> ConnectorSettings {
        ConnectorSettings {
            connector_type: "azuredevops".to_owned(),
            base_url: base_url.to_owned(),
            endpoint: endpoint.to_owned(),
            auth_type: AuthType::Pat,
            metadata,
        }
    }

    #[test]
    fn addresses_are_judged_with_a_hint() {
        for (base_url, hint) in [
            ("https://dev.azure.com/demo", None),
            ("https://demo.visualstudio.com", None),
            ("https://server/tfs/DefaultCollection", None),
            ("http://127.0.0.1:4000/demo", None),
            ("https://dev.azure.com", Some("organisation")),
            ("https://dev.azure.com/demo/Shop", Some("endpoint")),
            ("https://server", Some("collection")),
            ("ftp://server/x", Some("http")),
            ("https://me:secret@server/x", Some("credential")),
            ("nonsense", Some("URL")),
        ] {
            let faults =
                Config::read(&settings(base_url, "Shop", json!({}))).err().unwrap_or_default();
            assert_eq!(faults.is_empty(), hint.is_none(), "{base_url}: {faults:?}");
            if let (Some(hint), Some(fault)) = (hint, faults.first()) {
                assert!(fault.message.contains(hint), "{}", fault.message);
                assert!(!fault.message.contains("secret"));
            }
        }
    }

    #[test]
    fn all_faults_come_at_once() {
        let bad = settings("x", " ", json!({"api_version": 7, "markdown_fields": "all"}));
        let paths: Vec<String> =
            Config::read(&bad).unwrap_err().into_iter().map(|fault| fault.path).collect();
        assert_eq!(
            paths,
            ["/base_url", "/endpoint", "/metadata/api_version", "/metadata/markdown_fields"]
        );
    }

    #[test]
    fn addresses_escape_names_and_versions_follow() {
        let config = Config::read(&settings(
            "https://server/tfs/Main/",
            "Größe #1",
            json!({"api_version": "7.0", "area_path": "/Größe #1/Web/"}),
        ))
        .unwrap();
        assert_eq!(
            config.wit_url("wiql"),
            "https://server/tfs/Main/Gr%C3%B6%C3%9Fe%20%231/_apis/wit/wiql"
        );
        assert_eq!(config.comments_version, "7.0-preview.3");
        assert_eq!(config.area_path.as_deref(), Some("Größe #1\\Web"));
        assert_eq!(Config::for_tests().comments_version, "7.1-preview.4");
    }

    #[test]
    fn missing_credentials_are_named() {
        let none = Credentials::default();
        assert_eq!(credential_faults(AuthType::Pat, &none).len(), 1);
        assert_eq!(credential_faults(AuthType::OAuth, &none).len(), 2);
        assert!(credential_faults(AuthType::Pat, &Credentials::new([("token", "x")])).is_empty());
    }
}
