//! The key ring: one key that seals, others that still open.

use std::path::{Path, PathBuf};

use crate::key::Key;
use crate::key_file;
use crate::strength::Weakness;

/// The keys, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRing {
    current: Key,
    older: Vec<Key>,
}

/// Where a ring came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// `ENCRYPTION_KEY`.
    Setting,
    /// The file that `ENCRYPTION_KEY_FILE` names.
    NamedFile(PathBuf),
    /// The file next to the data, made at an earlier start.
    OwnFile(PathBuf),
    /// The file next to the data, made just now.
    NewFile(PathBuf),
}

/// Why there is no key ring. Messages name the setting or the file, never a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A key is no good.
    #[error(
        "{origin}: key {number} cannot be used: {weakness}; make one with `openssl rand -base64 32`"
    )]
    Weak {
        /// The setting or file.
        origin: String,
        /// Which key of it, from 1.
        number: usize,
        /// Why.
        weakness: Weakness,
    },
    /// Nothing is in it.
    #[error(
        "{0} holds no key; give it 32 random bytes as base64 (`openssl rand -base64 32`), or remove it"
    )]
    Empty(String),
    /// Two different keys with one id.
    #[error("{origin}: two keys have the id {id}; make a new one instead of the first")]
    SameId {
        /// The setting or file.
        origin: String,
        /// The id.
        id: String,
    },
    /// Both settings are there.
    #[error("ENCRYPTION_KEY and ENCRYPTION_KEY_FILE are both set; keep one of them")]
    Both,
    /// Others can read the file.
    #[error("{} can be read or written by other users (mode {mode:03o}); run `chmod 600` on it", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The file cannot be read or written.
    #[error("the key file {} cannot be used: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: std::io::Error,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    NoRandom,
}

impl KeyRing {
    /// Reads keys separated by commas or white space, the current one first. `origin` names the setting in messages.
    /// A key that is there twice counts once.
    ///
    /// # Errors
    /// [`KeyError::Weak`], [`KeyError::Empty`] or [`KeyError::SameId`].
    pub fn parse(origin: &str, text: &str) -> Result<Self, KeyError> {
        let mut keys: Vec<Key> = Vec::new();
        let parts = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|p| !p.is_empty());
        for (index, part) in parts.enumerate() {
            let key = Key::parse(part).map_err(|weakness| KeyError::Weak {
                origin: origin.to_owned(),
                number: index.saturating_add(1),
                weakness,
            })?;
            match keys.iter().find(|known| known.id() == key.id()) {
                Some(known) if *known == key => {}
                Some(_) => {
                    let id = key.id().to_owned();
                    return Err(KeyError::SameId { origin: origin.to_owned(), id });
                }
                None => keys.push(key),
            }
        }
        let mut keys = keys.into_iter();
        let current = keys.next().ok_or_else(|| KeyError::Empty(origin.to_owned()))?;
        Ok(Self { current, older: keys.collect() })
    }

    /// The ring of a process: `ENCRYPTION_KEY` (`key`), or the file that `ENCRYPTION_KEY_FILE` names (`file`), or the
    /// file `own`, which is made, with mode 0600 and one line in the log, when it is not there.
    ///
    /// # Errors
    /// Whatever is wrong with the keys or the files.
    pub fn load(
        key: Option<&str>,
        file: Option<&Path>,
        own: &Path,
    ) -> Result<(Self, KeySource), KeyError> {
        match (key, file) {
            (Some(_), Some(_)) => Err(KeyError::Both),
            (Some(text), None) => Ok((Self::parse("ENCRYPTION_KEY", text)?, KeySource::Setting)),
            (None, Some(path)) => {
                Ok((key_file::read_named(path)?, KeySource::NamedFile(path.to_owned())))
            }
            (None, None) => key_file::open_or_make(own),
        }
    }

    /// The ids of all keys, the current one first.
    #[must_use]
    pub fn ids(&self) -> Vec<&str> {
        self.keys().map(Key::id).collect()
    }

    pub(crate) fn current(&self) -> &Key {
        &self.current
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Key> {
        self.keys().find(|key| key.id() == id)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.current).chain(&self.older)
    }

    /// This ring behind a new current key.
    pub(crate) fn with_current(&self, current: Key) -> Self {
        Self { current, older: self.keys().cloned().collect() }
    }

    /// The current key alone.
    pub(crate) fn without_older(&self) -> Self {
        Self { current: self.current.clone(), older: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

    use super::*;

    fn drawn() -> String {
        crate::new_key_text().unwrap().to_string()
    }

    #[test]
    fn one_key_has_one_id_in_every_spelling() {
        // Bytes whose base64 differs between the alphabets.
        let bytes: Vec<u8> = (0..32_u8).map(|n| n.wrapping_mul(251) ^ 0xfb).collect();
        let spellings = [
            STANDARD.encode(&bytes),
            STANDARD_NO_PAD.encode(&bytes),
            URL_SAFE.encode(&bytes),
            URL_SAFE_NO_PAD.encode(&bytes),
            hex::encode(&bytes),
            hex::encode_upper(&bytes),
            format!("  {}\r\n", STANDARD.encode(&bytes)),
        ];
        assert_ne!(spellings[0], spellings[2]);
        for text in &spellings {
            let ring = KeyRing::parse("K", text).unwrap();
            assert_eq!(ring, KeyRing::parse("K", &spellings[0]).unwrap());
            assert_eq!(ring.ids().len(), 1);
        }
    }

    #[test]
    fn the_first_key_is_current_and_doubles_count_once() {
        let (new, old) = (drawn(), drawn());
        let ring = KeyRing::parse("K", &format!("{new},{old}\n{new}")).unwrap();
        let alone = KeyRing::parse("K", &new).unwrap();
        assert_eq!(ring.ids().len(), 2);
        assert_eq!(ring.ids()[0], alone.ids()[0]);
    }

    #[test]
    fn messages_name_the_setting_and_the_number_but_never_the_key() {
        let bad = "hunter2hunter2hunter2";
        let text = format!("{},{bad}", drawn());
        let error = KeyRing::parse("ENCRYPTION_KEY", &text).unwrap_err().to_string();
        assert!(error.starts_with("ENCRYPTION_KEY: key 2"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
        let empty = KeyRing::parse("ENCRYPTION_KEY", " ,\n").unwrap_err();
        assert!(matches!(empty, KeyError::Empty(_)));
    }

    #[test]
    fn debug_shows_ids_only() {
        let text = drawn();
        let ring = KeyRing::parse("K", &text).unwrap();
        assert_eq!(
            format!("{ring:?}"),
            format!("KeyRing {{ current: Key({}), older: [] }}", ring.ids()[0])
        );
    }
}
