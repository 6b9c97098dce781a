//! Where the database is, and how many hands work on it.

use std::fmt;
use std::path::PathBuf;

use crate::error::StorageError;

/// How to reach the database.
#[derive(Clone)]
pub struct DatabaseConfig {
    /// `sqlite:PATH`, a plain path, `sqlite::memory:`, or `postgres://...`.
    pub url: String,
    /// Reading transactions at once on a SQLite file; all transactions at once on PostgreSQL. At least 1.
    pub connections: u32,
    /// Migrate at the start. Without it, a database that lacks a migration is not ready.
    pub migrate: bool,
}

impl DatabaseConfig {
    /// At this address, with what suits most.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), connections: 8, migrate: true }
    }

    /// What the address means.
    pub(crate) fn place(&self) -> Result<Place, StorageError> {
        let url = self.url.trim();
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Place::Server(url.to_owned()));
        }
        let path = url.strip_prefix("sqlite:").unwrap_or(url);
        match path.strip_prefix("//").unwrap_or(path) {
            ":memory:" => Ok(Place::Memory),
            "" => {
                Err(StorageError::Config("the database address is empty; give a path".to_owned()))
            }
            other if path == url && other.contains("://") => Err(StorageError::Config(format!(
                "no database is known for {}; use sqlite:PATH or postgres://...",
                scheme(url)
            ))),
            other => Ok(Place::File(PathBuf::from(other))),
        }
    }
}

/// Shows the address without its secrets.
impl fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseConfig")
            .field("url", &redacted(&self.url))
            .field("connections", &self.connections)
            .field("migrate", &self.migrate)
            .finish()
    }
}

/// What an address means.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// SQLite in memory: gone with the store.
    Memory,
    /// A SQLite file.
    File(PathBuf),
    /// A PostgreSQL server; the whole address.
    Server(String),
}

impl Place {
    /// `text` without the password of the address: the database's own words may quote it.
    pub(crate) fn conceal(&self, text: &str) -> String {
        let Self::Server(url) = self else {
            return text.to_owned();
        };
        secrets_of(url).iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }
}

/// The parts of an address that are secret: the password before the host, or as a parameter.
fn secrets_of(url: &str) -> Vec<&str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let login = rest.rsplit_once('@').map_or("", |(login, _)| login);
    let password = login.split_once(':').map_or("", |(_, password)| password);
    let given = parameters.split('&').filter_map(|pair| pair.strip_prefix("password="));
    given.chain([password]).filter(|secret| !secret.is_empty()).collect()
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("in memory"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Server(url) => f.write_str(&redacted(url)),
        }
    }
}

fn scheme(url: &str) -> &str {
    url.split_once("://").map_or(url, |(scheme, _)| scheme)
}

/// The address with everything that may be a secret left out: the user's part and the parameters.
fn redacted(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
    let (login, place) = rest.rsplit_once('@').unwrap_or(("", rest));
    let user = login.split_once(':').map_or(login, |(user, _)| user);
    if user.is_empty() {
        format!("{scheme}://{place}")
    } else {
        format!("{scheme}://{user}@{place}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_mean_one_place_each() {
        let file = |path: &str| Place::File(PathBuf::from(path));
        for (url, place) in [
            ("sqlite:./data/syncline.db", file("./data/syncline.db")),
            ("sqlite:///var/lib/syncline.db", file("/var/lib/syncline.db")),
            ("data/syncline.db", file("data/syncline.db")),
            ("sqlite::memory:", Place::Memory),
            (":memory:", Place::Memory),
            ("postgres://u:p@h/db", Place::Server("postgres://u:p@h/db".to_owned())),
            ("postgresql://h/db", Place::Server("postgresql://h/db".to_owned())),
        ] {
            assert!(DatabaseConfig::new(url).place().unwrap() == place, "{url}");
        }
        for url in ["", "sqlite:", "mysql://h/db"] {
            assert!(DatabaseConfig::new(url).place().is_err(), "{url:?}");
        }
    }

    #[test]
    fn the_databases_words_are_shown_without_the_password() {
        for url in
            ["postgres://u:hun%ter2@h/db", "postgres://u@h/db?sslmode=prefer&password=hun%ter2"]
        {
            let place = DatabaseConfig::new(url).place().unwrap();
            let shown = place.conceal("invalid percent-encoded token: \"hun%ter2\"");
            assert_eq!(shown, "invalid percent-encoded token: \"***\"");
        }
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (url, shown) in [
            ("postgres://u:hunter2@h:5432/db?password=hunter2", "postgres://u@h:5432/db"),
            ("postgres://h/db", "postgres://h/db"),
            ("postgres://u:hun@ter2@h/db", "postgres://u@h/db"),
        ] {
            assert_eq!(redacted(url), shown);
            assert!(!format!("{:?}", DatabaseConfig::new(url)).contains("ter2"));
        }
    }
}
