//! Replacing a secret while senders still use the old one.

use std::time::Duration;

use syncline_domain::ports::{Rng, Sealer, Tx};
use syncline_domain::{Fault, OldSecret, Timestamp, Webhook, WebhookAuth, WebhookId};

use crate::register::seal;
use crate::words::check_secret;
use crate::{Secret, new_secret};

/// The most replaced secrets that are taken at a time.
pub const MOST_OLD_SECRETS: usize = 2;

/// How long a replaced secret is taken unless somebody says otherwise.
pub const USUAL_GRACE: Duration = Duration::from_secs(24 * 3_600);

/// The longest time for which a replaced secret may be taken.
const LONGEST_GRACE: Duration = Duration::from_secs(7 * 24 * 3_600);

/// A new secret and what becomes of the one before.
#[derive(Clone, Debug)]
pub struct Rotation {
    secret: Secret,
    grace: Duration,
}

impl Rotation {
    /// A rotation to `secret`, or to a good new one; the one before is taken for `grace`, 0 to 7 days.
    ///
    /// # Errors
    /// [`Fault::Invalid`] for a grace or a secret out of bounds, [`Fault::Internal`] when there is no chance to be had.
    pub fn new(
        auth: WebhookAuth,
        secret: Option<Secret>,
        grace: Duration,
        rng: &dyn Rng,
    ) -> Result<Self, Fault> {
        if grace > LONGEST_GRACE {
            return Err(Fault::invalid("/grace_seconds", "use 0 to 604800 (7 days)"));
        }
        let secret = match secret {
            Some(own) => {
                check_secret(own.expose(), auth).map_err(|fault| Fault::Invalid(vec![fault]))?;
                own
            }
            None => new_secret(auth, rng)?,
        };
        Ok(Self { secret, grace })
    }

    /// The new secret, to be shown once.
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        &self.secret
    }
}

/// Replaces a webhook's secret. Takes effect with the transaction.
///
/// # Errors
/// [`Fault::NotFound`]; [`Fault::Conflict`] when [`MOST_OLD_SECRETS`] replaced ones are still taken and this would make
/// one more.
pub fn rotate(
    tx: &mut dyn Tx,
    sealer: &dyn Sealer,
    id: WebhookId,
    rotation: &Rotation,
    now: Timestamp,
) -> Result<Webhook, Fault> {
    let mut row = tx.webhook(id)?.ok_or_else(|| Fault::no_such("webhook", id))?;
    row.old_secrets.retain(|old| old.valid_until > now);
    if !rotation.grace.is_zero() {
        if row.old_secrets.len() >= MOST_OLD_SECRETS {
            return Err(Fault::Conflict(format!(
                "{MOST_OLD_SECRETS} replaced secrets of webhook {id} are still taken; revoke them or wait"
            )));
        }
        let valid_until = now.after(rotation.grace);
        let sealed = std::mem::take(&mut row.sealed_secret);
        row.old_secrets.insert(0, OldSecret { sealed, valid_until });
    }
    row.sealed_secret = seal(sealer, id, &rotation.secret)?;
    save(tx, row, now)
}

/// Takes no replaced secret any more, from now on.
///
/// # Errors
/// [`Fault::NotFound`].
pub fn revoke_old_secrets(
    tx: &mut dyn Tx,
    id: WebhookId,
    now: Timestamp,
) -> Result<Webhook, Fault> {
    let mut row = tx.webhook(id)?.ok_or_else(|| Fault::no_such("webhook", id))?;
    row.old_secrets.clear();
    save(tx, row, now)
}

pub(crate) fn save(tx: &mut dyn Tx, mut row: Webhook, now: Timestamp) -> Result<Webhook, Fault> {
    row.updated_at = now;
    tx.update_webhook(&row)?;
    tx.webhook(row.id)?.ok_or_else(|| Fault::no_such("webhook", row.id))
}
