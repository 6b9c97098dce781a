//! API keys: made once, shown once, kept as hashes.

use serde_json::json;
use syncline_domain::ports::StoreExt as _;
use syncline_domain::{ApiKey, ApiKeyId, ConfigId, Fault, Role, Timestamp};
use syncline_vault::{hash_api_key, new_api_key};

use crate::{App, AppError, Caller, audit};

/// A key as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The only configurations it sees; all when `None`.
    pub config_scope: Option<Vec<ConfigId>>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// A key just made: the only time that its text is seen.
pub struct MadeKey {
    /// The row.
    pub key: ApiKey,
    /// The key itself. Show it once, keep it nowhere.
    pub text: String,
}

impl App {
    /// Makes a key.
    ///
    /// # Errors
    /// [`Fault::Conflict`] for a name that a living key has.
    pub async fn create_key(&self, caller: &Caller, new: NewKey) -> Result<MadeKey, AppError> {
        caller.needs(Role::Admin)?;
        caller.must_see_all()?;
        if new.name.trim().is_empty() {
            return Err(AppError::invalid("name", "it is empty; give it a text"));
        }
        let made = new_api_key().map_err(|error| Fault::Internal(error.to_string()))?;
        let now = self.now();
        let mut key = ApiKey {
            id: ApiKeyId::default(),
            name: new.name.trim().to_owned(),
            prefix: made.prefix,
            hash: made.hash,
            role: new.role,
            config_scope: new.config_scope,
            created_at: now,
            expires_at: new.expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        let (row, caller) = (key.clone(), caller.clone());
        key.id = self
            .store()
            .tx("key create", move |tx| {
                let id = tx.insert_api_key(&row)?;
                let details = json!({"name": row.name, "role": row.role});
                audit::record(tx, &caller, now, "key.create", &format!("key/{id}"), details)?;
                Ok(id)
            })
            .await?;
        Ok(MadeKey { key, text: made.plain })
    }

    /// All keys, revoked ones too.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn keys(&self, caller: &Caller) -> Result<Vec<ApiKey>, AppError> {
        caller.needs(Role::Admin)?;
        caller.must_see_all()?;
        Ok(self.store().view("keys", |tx| tx.api_keys()).await?)
    }

    /// Revokes a key by its id or name; it stops working at once.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn revoke_key(&self, caller: &Caller, which: &str) -> Result<ApiKey, AppError> {
        caller.needs(Role::Admin)?;
        caller.must_see_all()?;
        let (caller, now, which) = (caller.clone(), self.now(), which.to_owned());
        Ok(self
            .store()
            .tx("key revoke", move |tx| {
                let found = tx
                    .api_keys()?
                    .into_iter()
                    .filter(|key| key.revoked_at.is_none())
                    .find(|key| key.id.to_string() == which || key.name == which);
                let mut key = found.ok_or_else(|| Fault::no_such("living API key", &which))?;
                key.revoked_at = Some(now);
                tx.update_api_key(&key)?;
                let target = format!("key/{}", key.id);
                audit::record(tx, &caller, now, "key.revoke", &target, json!({"name": key.name}))?;
                Ok(key)
            })
            .await?)
    }

    /// Whether there is any key that was not revoked: then nobody comes in without one. A key that has run out counts,
    /// too: time alone must not open the door.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn has_keys(&self) -> Result<bool, AppError> {
        let any = |key: &ApiKey| key.revoked_at.is_none();
        Ok(self.store().view("has keys", move |tx| Ok(tx.api_keys()?.iter().any(any))).await?)
    }

    /// Who holds a presented key; `None` when nobody does.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn caller_of_key(&self, text: &str) -> Result<Option<Caller>, AppError> {
        const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);
        let (hash, now) = (hash_api_key(text), self.now());
        let found = self.store().view("key", move |tx| tx.api_key_by_hash(&hash)).await?;
        let Some(key) = found.filter(|key| lives(key, now)) else { return Ok(None) };
        let caller = Caller {
            actor: key.name.clone(),
            role: key.role,
            scope: key.config_scope.clone(),
            request_id: None,
        };
        if key.last_used_at.is_none_or(|at| now.since(at) >= MINUTE) {
            let used = ApiKey { last_used_at: Some(now), ..key };
            self.store().tx("key used", move |tx| tx.update_api_key(&used)).await?;
        }
        Ok(Some(caller))
    }
}

fn lives(key: &ApiKey, now: Timestamp) -> bool {
    key.revoked_at.is_none() && key.expires_at.is_none_or(|end| end > now)
}
