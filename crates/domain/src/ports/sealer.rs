//! Sealing secrets for the store.

use crate::{NotificationId, WebhookId};

/// Where a sealed value lives; bound into the seal, so that it opens nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The table.
    pub table: &'static str,
    /// The row's id.
    pub row: i64,
    /// The column.
    pub column: &'static str,
}

impl Place {
    /// Where a webhook's secret lives, and those that it replaced.
    #[must_use]
    pub const fn webhook_secret(id: WebhookId) -> Self {
        Self { table: "webhooks", row: id.0, column: "secret" }
    }

    /// Where the recipients of a notification setting live that are secrets themselves.
    #[must_use]
    pub const fn recipients(id: NotificationId) -> Self {
        Self { table: "notification_settings", row: id.0, column: "recipients" }
    }

    /// Where the signing secret of a notification setting lives.
    #[must_use]
    pub const fn notification_secret(id: NotificationId) -> Self {
        Self { table: "notification_settings", row: id.0, column: "secret" }
    }

    /// Where the password of the mail server lives.
    #[must_use]
    pub const fn smtp_password() -> Self {
        Self { table: "settings", row: 0, column: "smtp_pass" }
    }
}

/// Encrypts values for one place each.
pub trait Sealer: Send + Sync {
    /// Seals under the current key.
    ///
    /// # Errors
    /// [`SealError::Broken`] when the system gives no random bytes.
    fn seal(&self, place: &Place, plain: &[u8]) -> Result<Vec<u8>, SealError>;

    /// Opens what was sealed for this very place.
    ///
    /// # Errors
    /// [`SealError::UnknownKey`] when its key is not in the ring, [`SealError::Broken`] when it was changed, moved or
    /// never sealed.
    fn open(&self, place: &Place, sealed: &[u8]) -> Result<Vec<u8>, SealError>;

    /// The id of the key that new seals use.
    fn current_key(&self) -> String;

    /// The id of the key that sealed this, without opening it.
    fn key_of(&self, sealed: &[u8]) -> Option<String>;
}

/// Why a value could not be sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The key is not in the ring.
    #[error(
        "no key {0} in the key ring; add the key that was used before, or enter the credentials again"
    )]
    UnknownKey(String),
    /// The bytes are not what was sealed here.
    #[error("a sealed value of {table}/{row}/{column} does not open; enter it again", table = .0.table, row = .0.row, column = .0.column)]
    Broken(Place),
}
