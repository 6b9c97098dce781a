//! Settings: each with a default, a stored value, and perhaps the environment's word, which wins.

mod known;
mod smtp;
mod values;

use serde::Serialize;
use serde_json::{Map, Value};
use syncline_domain::ports::StoreExt as _;
use syncline_domain::{ConflictResolution, Fault, FieldFault, Role};

pub use smtp::SmtpSettings;
pub use values::{Settings, SettingsSource};

use crate::{App, AppError, Caller, audit};
use known::{KNOWN, Known};

/// A setting as people see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// Its key.
    pub key: &'static str,
    /// Its value in force; null for a secret.
    pub value: Value,
    /// For a secret, whether there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_set: Option<bool>,
    /// `int`, `bool`, `word`, `text` or `secret`.
    pub value_type: &'static str,
    /// `default`, `stored` or `environment`.
    pub source: &'static str,
    /// What it does.
    pub description: &'static str,
}

impl App {
    /// All settings.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn settings(&self) -> Result<Vec<Setting>, AppError> {
        let settings = self.settings_in_force().await?;
        Ok(KNOWN.iter().map(|known| shown(known, &settings)).collect())
    }

    /// One setting.
    ///
    /// # Errors
    /// [`Fault::NotFound`] for a key that does not exist.
    pub async fn setting(&self, key: &str) -> Result<Setting, AppError> {
        let found = self.settings().await?.into_iter().find(|setting| setting.key == key);
        found.ok_or_else(|| Fault::no_such("setting", key).into())
    }

    /// Every setting as the code reads it.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn settings_in_force(&self) -> Result<Settings, AppError> {
        let environment = self.environment().clone();
        Ok(self.store().view("settings", move |tx| environment.in_force(tx)).await?)
    }

    /// How many jobs a worker runs at once.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn max_concurrent_syncs(&self) -> Result<usize, AppError> {
        Ok(self.settings_in_force().await?.max_concurrent_syncs())
    }

    /// Items that a run reads as one page (`sync_batch_size`), as runs are asked for.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn batch_size(&self) -> Result<Option<usize>, AppError> {
        Ok(Some(self.settings_in_force().await?.sync_batch_size()))
    }

    /// Stores settings, all or none; null goes back to the default.
    ///
    /// # Errors
    /// [`Fault::Invalid`] for unknown keys and values of the wrong type.
    pub async fn put_settings(
        &self,
        caller: &Caller,
        values: Map<String, Value>,
    ) -> Result<Vec<String>, AppError> {
        caller.needs(Role::Admin)?;
        caller.must_see_all()?;
        let checked = checked(&values)?;
        let overruled = values.keys().filter(|key| self.environment().0.contains_key(*key));
        let warnings = overruled
            .map(|key| format!("{key} is stored, but the environment decides it"))
            .collect();
        let mut told = Map::new();
        let mut rows = Vec::with_capacity(checked.len());
        for (known, value) in checked {
            told.insert(known.key.to_owned(), in_words(known, value.as_ref()));
            let stored = match value {
                Some(Value::String(plain)) if known.is_secret() => {
                    Some(smtp::sealed(self.sealer().as_ref(), &plain)?)
                }
                other => other,
            };
            rows.push((known.key, stored.map(|value| value.to_string())));
        }
        let (caller, now) = (caller.clone(), self.now());
        self.store()
            .tx("settings", move |tx| {
                for (key, text) in &rows {
                    tx.put_setting(key, text.as_deref(), now)?;
                }
                let details = Value::Object(told.clone());
                audit::record(tx, &caller, now, "settings.update", "settings", details)
            })
            .await?;
        Ok(warnings)
    }

    /// The resolution that new configurations get.
    pub(crate) async fn default_resolution(&self) -> Result<ConflictResolution, AppError> {
        Ok(self.settings_in_force().await?.conflict_resolution_default())
    }

    /// Deletes ended runs that are older than the setting says, in small batches; answers how many.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn prune_executions(&self) -> Result<u64, AppError> {
        const BATCH: usize = 100;
        let mut pruned = 0;
        loop {
            let (environment, now) = (self.environment().clone(), self.now());
            let gone = self
                .store()
                .tx("prune runs", move |tx| environment.prune_executions(tx, now, BATCH))
                .await?;
            pruned += gone;
            if gone == 0 {
                return Ok(pruned);
            }
        }
    }
}

type Checked = Vec<(&'static Known, Option<Value>)>;

fn checked(values: &Map<String, Value>) -> Result<Checked, AppError> {
    let mut faults = Vec::new();
    let mut checked = Vec::new();
    for (key, value) in values {
        let Some(known) = Known::named(key) else {
            let text = format!("there is no setting {key}; use one of {}", keys().join(", "));
            faults.push(FieldFault::new(format!("/{key}"), text));
            continue;
        };
        if value.is_null() || (known.is_secret() && value.as_str() == Some("")) {
            checked.push((known, None));
            continue;
        }
        match known.checked(value) {
            Ok(value) => checked.push((known, Some(value))),
            Err(message) => faults.push(FieldFault::new(format!("/{key}"), message)),
        }
    }
    if faults.is_empty() { Ok(checked) } else { Err(faults.into()) }
}

/// What the audit trail says of a value.
fn in_words(known: &Known, value: Option<&Value>) -> Value {
    match value {
        Some(_) if known.is_secret() => Value::String("(changed)".to_owned()),
        other => other.cloned().unwrap_or_default(),
    }
}

fn shown(known: &'static Known, settings: &Settings) -> Setting {
    let value = settings.value(known.key);
    let secret = known.is_secret();
    Setting {
        key: known.key,
        value: if secret { Value::Null } else { value.clone() },
        is_set: secret.then_some(!value.is_null()),
        value_type: known.value_type(),
        source: settings.source(known.key),
        description: known.description,
    }
}

fn keys() -> Vec<&'static str> {
    KNOWN.iter().map(|known| known.key).collect()
}
