//! Settings of a ServiceDesk Plus connector, checked once.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use syncline_domain::{AuthType, ConnectorSettings, Credentials, FieldFault};
use url::Url;

/// The two products of the family: one API, different habits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// ServiceDesk Plus Cloud (On-Demand): Zoho accounts, long ids.
    Cloud,
    /// ServiceDesk Plus on one's own server: technician keys, small ids.
    OnPremises,
}

/// A checked configuration; holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    /// Scheme, host and port, without a slash at the end.
    pub(crate) base_url: String,
    /// The portal; empty for the default one.
    pub(crate) portal: String,
    /// Which product.
    pub(crate) flavour: Flavour,
    /// The token server of a cloud tenant.
    pub(crate) accounts_url: Option<Url>,
    /// The template that new requests of a type are made from, by type.
    pub(crate) templates: Vec<(String, String)>,
    /// The e-mail address of the account whose key or token we use, where the user told it: the tracker does not.
    pub(crate) account: Option<String>,
}

impl Config {
    /// From what people entered.
    ///
    /// # Errors
    /// Every fault at once.
    pub(crate) fn read(settings: &ConnectorSettings) -> Result<Self, Vec<FieldFault>> {
        let mut faults = Vec::new();
        let base_url =
            base_url(&settings.base_url).map_err(|fault| faults.push(fault)).unwrap_or_default();
        let flavour =
            flavour(settings).map_err(|fault| faults.push(fault)).unwrap_or(Flavour::OnPremises);
        let accounts_url = accounts_url(settings, &base_url)
            .map_err(|fault| faults.push(fault))
            .unwrap_or_default();
        if !matches!(settings.auth_type, AuthType::ApiKey | AuthType::OAuth) {
            faults.push(FieldFault::new(
                "/auth_type",
                "must be apikey (on-premises) or oauth (cloud)",
            ));
        }
        let portal = settings.endpoint.trim().trim_matches('/').to_owned();
        if portal.contains('/') || portal.chars().any(char::is_whitespace) {
            faults.push(FieldFault::new(
                "/endpoint",
                "must be the portal's name, or empty for the default portal",
            ));
        }
        let templates =
            templates(&settings.metadata).map_err(|fault| faults.push(fault)).unwrap_or_default();
        let account = settings.metadata.get("account").and_then(Value::as_str).map(str::trim);
        let account = account.filter(|text| !text.is_empty()).map(ToOwned::to_owned);
        if faults.is_empty() {
            Ok(Self { base_url, portal, flavour, accounts_url, templates, account })
        } else {
            Err(faults)
        }
    }

    /// `{host}/app/{portal}/api/v3/{path}`, or without the portal.
    pub(crate) fn api_url(&self, path: &str) -> String {
        format!("{}/api/v3/{path}", self.root())
    }

    /// The page on which a person sees the request.
    pub(crate) fn page_url(&self, id: &str) -> String {
        match self.flavour {
            Flavour::Cloud => format!("{}/ui/requests/{}/details", self.root(), segment(id)),
            Flavour::OnPremises => {
                format!("{}/WorkOrder.do?woMode=viewWO&woID={}", self.base_url, segment(id))
            }
        }
    }

    /// The template for new requests of a type.
    pub(crate) fn template(&self, type_ref: &str) -> Option<&str> {
        let found = self.templates.iter().find(|(name, _)| name.eq_ignore_ascii_case(type_ref));
        found.map(|(_, template)| template.as_str())
    }

    fn root(&self) -> String {
        if self.portal.is_empty() {
            self.base_url.clone()
        } else {
            format!("{}/app/{}", self.base_url, segment(&self.portal))
        }
    }
}

/// One path segment, escaped. Ids may be any text that a server sends, so nothing is taken on trust.
pub(crate) fn segment(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// A host alone is as good as a URL.
fn base_url(given: &str) -> Result<String, FieldFault> {
    let fault = |message: &str| FieldFault::new("/base_url", message);
    let given = given.trim().trim_end_matches('/');
    let whole = if given.contains("://") { given.to_owned() } else { format!("https://{given}") };
    let url =
        Url::parse(&whole).map_err(|_| fault("must be a host such as sdp.example.com:8080"))?;
    if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none_or(str::is_empty) {
        return Err(fault("must be a host, or a http or https URL"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(fault("must not carry a user name or password; enter the key as a credential"));
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(fault("must be the host only; the portal belongs into endpoint"));
    }
    Ok(whole)
}

fn flavour(settings: &ConnectorSettings) -> Result<Flavour, FieldFault> {
    let word = settings.metadata.get("flavour").filter(|value| !value.is_null());
    match (
        word.map(|value| value.as_str().unwrap_or("?").to_ascii_lowercase()).as_deref(),
        settings.auth_type,
    ) {
        (Some("cloud"), _) => Ok(Flavour::Cloud),
        (Some("onprem" | "on-prem" | "onpremises" | "on-premises"), _) => Ok(Flavour::OnPremises),
        (None, AuthType::OAuth) => Ok(Flavour::Cloud),
        (None, _) => Ok(Flavour::OnPremises),
        (Some(_), _) => Err(FieldFault::new("/metadata/flavour", "must be cloud or onprem")),
    }
}

/// The token server must be the one of the tenant's data centre, which the host usually tells.
fn accounts_url(settings: &ConnectorSettings, base_url: &str) -> Result<Option<Url>, FieldFault> {
    if settings.auth_type != AuthType::OAuth {
        return Ok(None);
    }
    let fault = || {
        FieldFault::new("/metadata/accounts_url", "must be a URL such as https://accounts.zoho.eu")
    };
    let given = match settings.metadata.get("accounts_url") {
        Some(Value::String(text)) if !text.trim().is_empty() => {
            text.trim().trim_end_matches('/').to_owned()
        }
        None | Some(Value::Null | Value::String(_)) => {
            format!("https://accounts.zoho.{}", data_centre(base_url))
        }
        Some(_) => return Err(fault()),
    };
    let url = if given.contains("/oauth/") { given } else { format!("{given}/oauth/v2/token") };
    Url::parse(&url).map(Some).map_err(|_| fault())
}

fn data_centre(base_url: &str) -> &'static str {
    let host = base_url
        .split("://")
        .nth(1)
        .unwrap_or(base_url)
        .split([':', '/'])
        .next()
        .unwrap_or_default();
    let known = [
        (".eu", "eu"),
        (".in", "in"),
        (".com.au", "com.au"),
        (".net.au", "com.au"),
        (".cn", "com.cn"),
        (".jp", "jp"),
        (".ca", "ca"),
        (".sa", "sa"),
    ];
    known.into_iter().find(|(end, _)| host.ends_with(end)).map_or("com", |(_, centre)| centre)
}

fn templates(metadata: &Value) -> Result<Vec<(String, String)>, FieldFault> {
    let fault =
        || FieldFault::new("/metadata/templates", "must be an object from type to template name");
    let Some(map) = metadata.get("templates").filter(|value| !value.is_null()) else {
        return Ok(Vec::new());
    };
    let map = map.as_object().ok_or_else(fault)?;
    map.iter()
        .map(|(kind, name)| Ok((kind.clone(), name.as_str().ok_or_else(fault)?.to_owned())))
        .collect()
}

/// Which credential fields are missing for this way of signing in.
pub(crate) fn credential_faults(auth: AuthType, credentials: &Credentials) -> Vec<FieldFault> {
    let names: &[&str] = match auth {
        AuthType::ApiKey => &["apiKey"],
        AuthType::OAuth => &["client_id", "client_secret", "refresh_token"],
        _ => &[],
    };
    let missing = names.iter().filter(|name| credentials.get(name).is_none());
    missing.map(|name| FieldFault::new(format!("/credentials/{name}"), "is required")).collect()
}

#[cfg(test)]
impl Config {
    /// A plain configuration of a flavour.
    pub(crate) fn for_tests(flavour: Flavour) -> Self {
        Self {
            base_url: "https://sdp.example.com".to_owned(),
            portal: "itdesk".to_owned(),
            flavour,
            accounts_url: None,
            templates: Vec::new(),
            account: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(
        base_url: &str,
        endpoint: &str,
        auth_type: AuthType,
        metadata: Value,
    ) -> Result<Config, Vec<String>> {
        let settings = ConnectorSettings {
            connector_type: "servicedeskplus".to_owned(),
            base_url: base_url.to_owned(),
            endpoint: endpoint.to_owned(),
            auth_type,
            metadata,
        };
        Config::read(&settings)
            .map_err(|faults| faults.into_iter().map(|fault| fault.path).collect())
    }

    #[test]
    fn a_host_is_enough_and_the_portal_goes_into_the_path() {
        let config = read("sdp.example.com:8080", "", AuthType::ApiKey, json!({})).unwrap();
        assert_eq!(config.flavour, Flavour::OnPremises);
        assert_eq!(config.api_url("requests"), "https://sdp.example.com:8080/api/v3/requests");
        let config =
            read("https://sdpondemand.manageengine.eu/", "itdesk", AuthType::OAuth, Value::Null)
                .unwrap();
        assert_eq!(config.flavour, Flavour::Cloud);
        assert_eq!(
            config.api_url("requests/7"),
            "https://sdpondemand.manageengine.eu/app/itdesk/api/v3/requests/7"
        );
        assert_eq!(
            config.accounts_url.unwrap().as_str(),
            "https://accounts.zoho.eu/oauth/v2/token"
        );
    }

    #[test]
    fn the_token_server_follows_the_data_centre_unless_named() {
        for (host, server) in [
            ("sdpondemand.manageengine.com", "https://accounts.zoho.com/oauth/v2/token"),
            ("acme.sdpondemand.manageengine.in", "https://accounts.zoho.in/oauth/v2/token"),
            ("servicedeskplus.net.au", "https://accounts.zoho.com.au/oauth/v2/token"),
            ("servicedeskplus.cn", "https://accounts.zoho.com.cn/oauth/v2/token"),
        ] {
            let config = read(host, "", AuthType::OAuth, Value::Null).unwrap();
            assert_eq!(config.accounts_url.unwrap().as_str(), server, "{host}");
        }
        let named = json!({"accounts_url": "http://127.0.0.1:9/accounts/"});
        let config = read("x.example", "", AuthType::OAuth, named).unwrap();
        assert_eq!(
            config.accounts_url.unwrap().as_str(),
            "http://127.0.0.1:9/accounts/oauth/v2/token"
        );
    }

    #[test]
    fn all_faults_come_at_once() {
        let bad = json!({"flavour": "moon", "accounts_url": 7, "templates": []});
        assert_eq!(
            read("https://h/app/x", "a b", AuthType::OAuth, bad).unwrap_err(),
            [
                "/base_url",
                "/metadata/flavour",
                "/metadata/accounts_url",
                "/endpoint",
                "/metadata/templates"
            ]
        );
        assert_eq!(read("https://h", "", AuthType::Pat, Value::Null).unwrap_err(), ["/auth_type"]);
        assert_eq!(credential_faults(AuthType::OAuth, &Credentials::default()).len(), 3);
    }
}
