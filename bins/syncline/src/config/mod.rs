//! Configuration: read once, checked together, typed.

mod automation;
mod dotenv;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use syncline_outbound::{AllowList, PlainHttp};
use url::Url;

pub use automation::{AutomationConfig, Role};
pub use dotenv::parse as parse_dotenv;

/// What the environment says about how to run.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address to listen on.
    pub host: IpAddr,
    /// The port to listen on; 0 takes any free one.
    pub port: u16,
    /// How people reach the server, without a slash at the end; `None` means this machine.
    pub public_url: Option<String>,
    /// Where everything is kept.
    pub database_url: String,
    /// Keys that seal credentials. Never printed.
    pub encryption: Encryption,
    /// Private networks that outgoing calls may reach.
    pub allowed_networks: AllowList,
    /// Hosts that may be called without TLS.
    pub plain_http: PlainHttp,
    /// Certificates of further authorities, in PEM form.
    pub extra_ca: Vec<Vec<u8>>,
    /// Jobs, schedules, webhooks and mail.
    pub automation: AutomationConfig,
}

/// Where the encryption keys come from.
#[derive(Clone)]
pub struct Encryption {
    /// `ENCRYPTION_KEY`.
    pub key: Option<String>,
    /// `ENCRYPTION_KEY_FILE`.
    pub file: Option<PathBuf>,
    /// The file that is made when neither is given.
    pub own_file: PathBuf,
}

impl std::fmt::Debug for Encryption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encryption")
            .field("key", &self.key.as_ref().map(|_| "***"))
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

/// Variables that cannot be used, one line each.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigFault(pub Vec<String>);

/// A look-up of variables: the environment first, then a file.
pub struct Variables {
    file: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
}

impl Variables {
    /// The process's environment over an `.env` file (the one given, or `./.env` where it is there).
    ///
    /// # Errors
    /// When the file that was named cannot be read.
    pub fn of_process(env_file: Option<&Path>) -> Result<Self, ConfigFault> {
        let path = env_file.unwrap_or(Path::new(".env"));
        let file = match std::fs::read_to_string(path) {
            Ok(text) => parse_dotenv(&text),
            Err(error) if env_file.is_some() => {
                return Err(ConfigFault(vec![format!("--env-file {}: {error}", path.display())]));
            }
            Err(_) => BTreeMap::new(),
        };
        let environment = std::env::vars_os()
            .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
            .collect();
        Ok(Self { file, environment })
    }

    /// Only what is given, for tests and embedders.
    #[must_use]
    pub fn of(pairs: &[(&str, &str)]) -> Self {
        let environment = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Self { file: BTreeMap::new(), environment }
    }

    /// A variable's value; blank counts as absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        let value = self.environment.get(name).or_else(|| self.file.get(name))?;
        (!value.trim().is_empty()).then(|| value.trim().to_owned())
    }
}

impl Config {
    /// Reads and checks every variable.
    ///
    /// # Errors
    /// All faults at once, each naming its variable; values of secrets are not shown.
    pub fn read(variables: &Variables) -> Result<Self, ConfigFault> {
        let mut faults = Vec::new();
        let mut keep = |fault: String| faults.push(fault);
        let host = read_host(variables, &mut keep);
        let port = read_port(variables, &mut keep);
        let public_url = read_public_url(variables, &mut keep);
        let database_url = read_database(variables, &mut keep);
        let allowed_networks =
            match AllowList::parse(&variables.get("ALLOWED_NETWORKS").unwrap_or_default()) {
                Ok(list) => list,
                Err(error) => {
                    keep(format!("ALLOWED_NETWORKS: {error}"));
                    AllowList::default()
                }
            };
        let extra_ca = read_ca(variables, &mut keep);
        let automation = automation::read(variables, &mut keep);
        if !faults.is_empty() {
            return Err(ConfigFault(faults));
        }
        Ok(Self {
            host,
            port,
            public_url,
            encryption: Encryption {
                key: variables.get("ENCRYPTION_KEY"),
                file: variables.get("ENCRYPTION_KEY_FILE").map(PathBuf::from),
                own_file: own_key_file(&database_url),
            },
            database_url,
            allowed_networks,
            plain_http: PlainHttp::parse(&variables.get("ALLOW_PLAIN_HTTP").unwrap_or_default()),
            extra_ca,
            automation,
        })
    }

    /// How people and trackers reach the server: `PUBLIC_URL`, else this machine and the port.
    #[must_use]
    pub fn reached_at(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| format!("http://localhost:{}", self.port))
    }

    /// Whether only this machine reaches the server.
    #[must_use]
    pub const fn binds_loopback(&self) -> bool {
        self.host.is_loopback()
    }

    /// Whether people reach the server under an address of this machine only.
    #[must_use]
    pub fn is_private(&self) -> bool {
        let public = self.public_url.as_deref().and_then(|url| Url::parse(url).ok());
        let outside = public.is_some_and(|url| match url.host() {
            Some(url::Host::Domain(name)) => name != "localhost" && !name.ends_with(".localhost"),
            Some(url::Host::Ipv4(ip)) => !ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => !ip.is_loopback(),
            None => true,
        });
        self.binds_loopback() && !outside
    }
}

fn read_host(variables: &Variables, keep: &mut impl FnMut(String)) -> IpAddr {
    let text = variables.get("HOST").unwrap_or_else(|| "127.0.0.1".to_owned());
    let text = if text == "localhost" { "127.0.0.1" } else { text.as_str() };
    text.parse().unwrap_or_else(|_| {
        keep(format!(
            "HOST: {text:?} is no IP address; use 127.0.0.1, or 0.0.0.0 for all networks"
        ));
        IpAddr::from([127, 0, 0, 1])
    })
}

fn read_port(variables: &Variables, keep: &mut impl FnMut(String)) -> u16 {
    let text = variables.get("PORT").unwrap_or_else(|| "3000".to_owned());
    text.parse().unwrap_or_else(|_| {
        keep(format!("PORT: {text:?} is no port; use 1 to 65535, or 0 for any free one"));
        3000
    })
}

fn read_public_url(variables: &Variables, keep: &mut impl FnMut(String)) -> Option<String> {
    let text = variables.get("PUBLIC_URL")?;
    let good = Url::parse(&text)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if !good {
        keep(format!(
            "PUBLIC_URL: {text:?} is no web address; use one such as https://sync.example.com"
        ));
    }
    Some(text.trim_end_matches('/').to_owned())
}

fn read_database(variables: &Variables, keep: &mut impl FnMut(String)) -> String {
    let url = variables.get("DATABASE_URL").or_else(|| variables.get("DATABASE_PATH"));
    let url = url.unwrap_or_else(|| "sqlite:./data/syncline.db".to_owned());
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_owned());
    match scheme.as_deref() {
        Some("postgres" | "postgresql" | "sqlite" | "file") | None => {}
        // The address may hold a password, so only its scheme is shown.
        Some(other) => keep(format!(
            "DATABASE_URL: {other:?} is no database we know; use sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME"
        )),
    }
    url
}

fn read_ca(variables: &Variables, keep: &mut impl FnMut(String)) -> Vec<Vec<u8>> {
    let Some(path) = variables.get("EXTRA_CA_FILE") else { return Vec::new() };
    match std::fs::read(&path) {
        Ok(bytes) => vec![bytes],
        Err(error) => {
            keep(format!("EXTRA_CA_FILE: {path}: {error}"));
            Vec::new()
        }
    }
}

/// The key file lies next to the data it protects.
fn own_key_file(database_url: &str) -> PathBuf {
    data_folder(database_url).join("syncline.key")
}

/// The folder of a database in a file; `./data` for one that is elsewhere.
pub(crate) fn data_folder(database_url: &str) -> PathBuf {
    let path = database_url.strip_prefix("sqlite:").unwrap_or(database_url);
    let path = path.strip_prefix("//").unwrap_or(path);
    let file = !path.contains("://") && !path.contains(":memory:");
    let folder = file.then(|| Path::new(path).parent()).flatten();
    folder.filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("./data")).to_path_buf()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_set_is_a_laptop() {
        let config = Config::read(&Variables::of(&[])).unwrap();
        assert_eq!((config.host.to_string(), config.port), ("127.0.0.1".to_owned(), 3000));
        assert_eq!(config.database_url, "sqlite:./data/syncline.db");
        assert_eq!(config.encryption.own_file, Path::new("./data/syncline.key"));
        assert!(config.is_private());
    }

    #[test]
    fn every_fault_is_named_and_no_secret_is_shown() {
        let variables = Variables::of(&[
            ("HOST", "everywhere"),
            ("PORT", "99999"),
            ("PUBLIC_URL", "sync.example.com"),
            ("DATABASE_URL", "mysql://root:hunter2@db/x"),
            ("ALLOWED_NETWORKS", "10.0.0.0/99"),
        ]);
        let fault = Config::read(&variables).unwrap_err().to_string();
        for name in ["HOST", "PORT", "PUBLIC_URL", "DATABASE_URL", "ALLOWED_NETWORKS"] {
            assert!(
                fault.lines().any(|line| line.starts_with(&format!("{name}:"))),
                "{name}: {fault}"
            );
        }
        assert!(!fault.contains("hunter2"));
        let debug = format!("{:?}", Config::read(&Variables::of(&[("ENCRYPTION_KEY", "hunter2")])));
        assert!(!debug.contains("hunter2"));
    }

    #[test]
    fn a_public_address_ends_the_laptop() {
        let with =
            |pairs: &[(&str, &str)]| Config::read(&Variables::of(pairs)).unwrap().is_private();
        assert!(with(&[("PUBLIC_URL", "http://localhost:3000/")]));
        assert!(!with(&[("PUBLIC_URL", "https://sync.example.com")]));
        assert!(!with(&[("HOST", "0.0.0.0")]));
    }
}
