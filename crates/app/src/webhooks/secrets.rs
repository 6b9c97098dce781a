//! Replacing a webhook's secret.

use std::time::Duration;

use serde_json::{Value, json};
use syncline_domain::ports::StoreExt as _;
use syncline_domain::{Fault, Role, Timestamp, WebhookId};
use syncline_webhooks::{Rotation, Secret, USUAL_GRACE, revoke_old_secrets, rotate};

use super::manage::add_faults;
use super::sight::seen;
use crate::input::Body;
use crate::{App, AppError, Caller, audit};

/// A replaced secret: the only time that the new one is seen.
pub struct Rotated {
    /// The new secret. Show it once, keep it nowhere.
    pub secret: Secret,
    /// Until when the one before is taken; `None` when it is not.
    pub old_valid_until: Option<Timestamp>,
    /// What was ignored.
    pub warnings: Vec<String>,
}

impl App {
    /// Gives a webhook a new secret; the one before is taken for a while (24 hours unless `grace_seconds` says else).
    ///
    /// # Errors
    /// [`Fault::Invalid`], [`Fault::NotFound`]; [`Fault::Conflict`] when two replaced ones are still taken, unless `revoke_old`.
    pub async fn rotate_secret(
        &self,
        caller: &Caller,
        id: WebhookId,
        body: Value,
    ) -> Result<Rotated, AppError> {
        caller.needs(Role::Admin)?;
        let old = self.webhook(caller, id).await?;
        let mut body = Body::new(body)?;
        let grace = body.int("grace_seconds", 0, 604_800).and_then(|secs| u64::try_from(secs).ok());
        let grace = grace.map_or(USUAL_GRACE, Duration::from_secs);
        let own = body.text("secret").map(Secret::new);
        let revoke = body.flag("revoke_old").unwrap_or(false);
        let rng = self.automation().rng.as_ref();
        let rotation = Rotation::new(old.webhook.auth, own, grace, rng);
        if let Err(Fault::Invalid(faults)) = &rotation {
            add_faults(&mut body, faults.clone());
        }
        let warnings = body.finish()?;
        let rotation = rotation?;
        let secret = rotation.secret().clone();
        let (who, now, sealer) = (caller.clone(), self.now(), self.sealer());
        let old_valid_until = self
            .store()
            .tx("webhook rotate", move |tx| {
                seen(tx, &who, id)?;
                if revoke {
                    revoke_old_secrets(tx, id, now)?;
                }
                let row = rotate(tx, sealer.as_ref(), id, &rotation, now)?;
                let until = row.old_secrets.first().map(|old| old.valid_until);
                let details = json!({"old_valid_until": until, "revoke_old": revoke});
                let target = format!("webhook/{id}");
                audit::record(tx, &who, now, "webhook.rotate_secret", &target, details)?;
                Ok(until)
            })
            .await?;
        Ok(Rotated { secret, old_valid_until, warnings })
    }

    /// Takes no replaced secret of a webhook any more, from now on; answers how many there were.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn revoke_secrets(&self, caller: &Caller, id: WebhookId) -> Result<usize, AppError> {
        caller.needs(Role::Admin)?;
        let (who, now) = (caller.clone(), self.now());
        Ok(self
            .store()
            .tx("webhook revoke", move |tx| {
                let row = seen(tx, &who, id)?;
                let living = row.old_secrets.iter().filter(|old| old.valid_until > now).count();
                revoke_old_secrets(tx, id, now)?;
                let target = format!("webhook/{id}");
                let details = json!({"revoked": living});
                audit::record(tx, &who, now, "webhook.revoke_secrets", &target, details)?;
                Ok(living)
            })
            .await?)
    }
}
