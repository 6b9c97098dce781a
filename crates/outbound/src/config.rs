//! What an operator can set.

use std::time::Duration;

use url::Url;

use crate::policy::AddressPolicy;

/// Limits and places of an [`crate::Outbound`]. [`OutboundConfig::new`] gives the product's defaults.
#[derive(Clone, Debug)]
pub struct OutboundConfig {
    /// The `User-Agent` of every request.
    pub user_agent: String,
    /// Longest time to make a connection, TLS included. 5 s.
    pub connect_timeout: Duration,
    /// Longest silence between two pieces of an answer that has begun. 30 s.
    pub idle_read: Duration,
    /// Longest time from sending to the end of the answer. 60 s.
    pub total: Duration,
    /// The same for requests marked as files. 10 min.
    pub file_total: Duration,
    /// Most bytes of an answer, before and after inflating. 64 MiB.
    pub body_cap: usize,
    /// JSON nested this deep or deeper is refused. 128.
    pub json_depth: usize,
    /// Most bytes that one byte of gzip may become (answers under 1 MiB are not judged). 100.
    pub gzip_ratio: usize,
    /// Longest wait that a call sits out when its tracker asks for a pause; beyond it the call fails with the wait
    /// in the error. 5 min.
    pub longest_pause: Duration,
    /// How often a request is tried at most, unless it says otherwise. 4.
    pub attempts: u32,
    /// After how many failures in a row to reach a host nothing is sent to it for a while; 0 turns this off. 5.
    pub breaker_failures: u32,
    /// How long a host rests then. 30 s.
    pub breaker_rest: Duration,
    /// Which addresses may be reached.
    pub policy: AddressPolicy,
    /// Where plain HTTP is allowed.
    pub plain_http: PlainHttp,
    /// Proxies to go through.
    pub proxies: Proxies,
    /// Certificates of further authorities, each text in PEM form.
    pub extra_ca: Vec<Vec<u8>>,
}

impl OutboundConfig {
    /// The defaults, with this policy, no proxy, and the system's authorities.
    #[must_use]
    pub fn new(policy: AddressPolicy) -> Self {
        Self {
            user_agent: concat!("Syncline/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(5),
            idle_read: Duration::from_secs(30),
            total: Duration::from_secs(60),
            file_total: Duration::from_secs(600),
            body_cap: 64 << 20,
            json_depth: 128,
            gzip_ratio: 100,
            longest_pause: Duration::from_secs(300),
            attempts: 4,
            breaker_failures: 5,
            breaker_rest: Duration::from_secs(30),
            policy,
            plain_http: PlainHttp::default(),
            proxies: Proxies::default(),
            extra_ca: Vec::new(),
        }
    }
}

/// Hosts that may be called without TLS: `ALLOW_PLAIN_HTTP`. Loopback always may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlainHttp {
    hosts: Vec<String>,
}

impl PlainHttp {
    /// Reads `host` or `host:port` entries separated by commas or white space.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let hosts = text
            .split([',', ' ', '\t', '\n', '\r', ';'])
            .filter(|entry| !entry.is_empty())
            .map(|entry| entry.trim_end_matches('.').to_ascii_lowercase())
            .collect();
        Self { hosts }
    }

    /// Whether `url` may be called although it is plain HTTP.
    #[must_use]
    pub fn allows(&self, url: &Url) -> bool {
        let host = match url.host() {
            Some(url::Host::Ipv4(ip)) if ip.is_loopback() => return true,
            Some(url::Host::Ipv6(ip)) if ip.is_loopback() => return true,
            Some(host) => host.to_string().trim_end_matches('.').to_owned(),
            None => return false,
        };
        if host == "localhost" || host.ends_with(".localhost") {
            return true;
        }
        let with_port = format!("{host}:{}", url.port_or_known_default().unwrap_or(80));
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        self.hosts.iter().any(|entry| *entry == host || *entry == with_port || entry == bare)
    }
}

/// Proxies for outgoing calls. Loopback is always called directly.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For `http` addresses.
    pub http: Option<Url>,
    /// For `https` addresses.
    pub https: Option<Url>,
    /// Hosts, domains and networks to call directly, as in `NO_PROXY`.
    pub direct: String,
}

impl Proxies {
    /// Reads `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` (or lower case) through `lookup`.
    ///
    /// # Errors
    /// [`ConfigError::Proxy`] with the name of the variable that holds no address.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let either = |name: &str| {
            lookup(&name.to_ascii_lowercase())
                .or_else(|| lookup(name))
                .filter(|value| !value.trim().is_empty())
        };
        let proxy = |name: &str| -> Result<Option<Url>, ConfigError> {
            let Some(text) = either(name) else {
                return Ok(None);
            };
            let text = if text.contains("://") { text } else { format!("http://{text}") };
            let url = Url::parse(text.trim()).map_err(|_| ConfigError::Proxy(name.to_owned()))?;
            match (url.scheme(), url.host()) {
                ("http" | "https", Some(_)) => Ok(Some(url)),
                _ => Err(ConfigError::Proxy(name.to_owned())),
            }
        };
        let all = proxy("ALL_PROXY")?;
        Ok(Self {
            http: proxy("HTTP_PROXY")?.or_else(|| all.clone()),
            https: proxy("HTTPS_PROXY")?.or(all),
            direct: either("NO_PROXY").unwrap_or_default(),
        })
    }

    /// Hosts of the proxies themselves: the operator named them, so the address policy lets them through.
    pub(crate) fn hosts(&self) -> Vec<String> {
        [&self.http, &self.https]
            .into_iter()
            .flatten()
            .filter_map(|url| url.host_str().map(str::to_owned))
            .collect()
    }
}

/// Proxy addresses may hold a password, so only hosts are shown.
impl std::fmt::Debug for Proxies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxies")
            .field("hosts", &self.hosts())
            .field("direct", &self.direct)
            .finish()
    }
}

/// Why no client could be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A proxy variable holds something else.
    #[error("{0} is no proxy address; write it as http://host:port")]
    Proxy(String),
    /// A file of certificates does not hold PEM certificates.
    #[error("the extra certificate authorities cannot be read: {0}")]
    ExtraCa(String),
    /// The HTTP library would not start.
    #[error("the HTTP client cannot start: {0}")]
    Client(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_and_listed_hosts() {
        let list = PlainHttp::parse("redmine.lan, tracker:8080 192.168.1.5");
        let table = [
            ("http://localhost:3000/", true),
            ("http://127.0.0.1/", true),
            ("http://[::1]:8080/", true),
            ("http://2130706433/", true),
            ("http://REDMINE.lan/x", true),
            ("http://redmine.lan:9000/x", true),
            ("http://tracker:8080/", true),
            ("http://tracker/", false),
            ("http://192.168.1.5/", true),
            ("http://192.168.1.6/", false),
            ("http://localhost.evil.example/", false),
            ("http://example.com/", false),
        ];
        for (url, allowed) in table {
            assert_eq!(list.allows(&url.parse().unwrap()), allowed, "{url}");
        }
    }

    #[test]
    fn proxies_come_from_the_usual_variables_and_hide_their_password() {
        let vars = [
            ("HTTPS_PROXY", "http://me:hunter2@proxy.lan:3128"),
            ("all_proxy", "fallback:1080"),
            ("NO_PROXY", ".lan"),
        ];
        let lookup = |name: &str| {
            vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        let proxies = Proxies::from_lookup(lookup).unwrap();
        assert_eq!(proxies.hosts(), ["fallback", "proxy.lan"]);
        assert_eq!(proxies.direct, ".lan");
        assert!(!format!("{proxies:?}").contains("hunter2"));
        let bad = Proxies::from_lookup(|name| {
            (name == "HTTP_PROXY").then(|| "socks9://secret@".to_owned())
        });
        let error = bad.unwrap_err().to_string();
        assert!(error.contains("HTTP_PROXY") && !error.contains("secret"), "{error}");
    }
}
