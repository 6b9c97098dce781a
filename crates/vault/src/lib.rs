//! Secrets at rest: the key ring, sealed values, and API keys.
//!
//! # What is here
//! - [`KeyRing`]: the encryption keys, from `ENCRYPTION_KEY`, from a file, or made at the first start. The first key
//!   seals; all keys open. A key's id is the beginning of its SHA-256, so it is the same wherever the key is read.
//! - [`Vault`], the product's `Sealer`: AES-256-GCM with a random nonce, bound to table, row and column.
//! - [`reseal`]: brings a value under the current key while everything runs; [`rotate_file`] and [`retire_file`] change
//!   a key file around it.
//! - [`new_api_key`] and [`hash_api_key`].
//!
//! # A sealed value
//! ```text
//! version (1) | length of key id | key id | nonce (12) | ciphertext | tag (16)
//! ```
//! Everything before the nonce and the place, each part with its length, is authenticated along with the text.
//!
//! # Invariants
//! - Invariant: a sealed value opens at its own place only, and not at all once a bit of it has changed
//!   (test `no_flipped_bit_opens`).
//! - Invariant: adding a key to the ring, or changing their order, keeps every sealed value readable.
//! - Invariant: no key is in a message, a log line or a `Debug` text; key bytes are wiped when dropped. (The cipher's
//!   expanded key lives on the stack for one call and is not wiped: ring offers no way.)
//!
//! # What is deliberately absent
//! Passwords and sessions; a key per row (one product, one machine: the ring is the boundary); the walk over the rows
//! to re-seal, which belongs to whoever knows the tables.
//!
//! ```
//! use syncline_domain::ports::{Place, Sealer};
//! use syncline_vault::{KeyRing, Vault, new_key_text};
//!
//! let text = new_key_text().expect("the system has random bytes");
//! let vault = Vault::new(KeyRing::parse("ENCRYPTION_KEY", &text).expect("a good key"));
//! let here = Place { table: "connectors", row: 7, column: "credentials" };
//! let sealed = vault.seal(&here, b"token").expect("sealed");
//! assert_eq!(vault.open(&here, &sealed).expect("opened"), b"token");
//! let elsewhere = Place { row: 8, ..here };
//! assert!(vault.open(&elsewhere, &sealed).is_err());
//! ```

mod api_key;
mod envelope;
mod key;
mod key_file;
mod ring;
mod strength;
mod vault;

pub use api_key::{NewApiKey, hash_api_key, new_api_key, same_secret};
pub use key::new_key_text;
pub use key_file::{read_file, retire_file, rotate_file};
pub use ring::{KeyError, KeyRing, KeySource};
pub use strength::Weakness;
pub use vault::{Vault, reseal};
