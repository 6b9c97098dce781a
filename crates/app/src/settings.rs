//! Settings: each with a default, a stored value, and perhaps the environment's word, which wins.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use syncline_domain::ports::StoreExt as _;
use syncline_domain::{ConflictResolution, Fault, FieldFault, Role};

use crate::input::kind_of;
use crate::{App, AppError, Caller, audit};

/// Settings that the environment decides, by key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SettingsSource(pub BTreeMap<String, Value>);

/// A setting as people see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// Its key.
    pub key: &'static str,
    /// Its value in force.
    pub value: Value,
    /// `int` or `word`.
    pub value_type: &'static str,
    /// `default`, `stored` or `environment`.
    pub source: &'static str,
    /// What it does.
    pub description: &'static str,
}

struct Known {
    key: &'static str,
    kind: Kind,
    description: &'static str,
}

enum Kind {
    Int { least: i64, most: i64, default: i64 },
    Resolution,
}

const KNOWN: [Known; 2] = [
    Known {
        key: "execution_retention_days",
        kind: Kind::Int { least: 1, most: 3_650, default: 90 },
        description: "ended runs and their item outcomes are deleted after this many days",
    },
    Known {
        key: "conflict_resolution_default",
        kind: Kind::Resolution,
        description: "the conflict_resolution of configurations that are made without one",
    },
];

impl App {
    /// All settings.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn settings(&self) -> Result<Vec<Setting>, AppError> {
        let stored = self.store().view("settings", |tx| tx.settings()).await?;
        Ok(KNOWN.iter().map(|known| self.in_force(known, &stored)).collect())
    }

    /// One setting.
    ///
    /// # Errors
    /// [`Fault::NotFound`] for a key that does not exist.
    pub async fn setting(&self, key: &str) -> Result<Setting, AppError> {
        let found = self.settings().await?.into_iter().find(|setting| setting.key == key);
        found.ok_or_else(|| Fault::no_such("setting", key).into())
    }

    /// Stores settings, all or none; null goes back to the default.
    ///
    /// # Errors
    /// [`Fault::Invalid`] for unknown keys and values of the wrong type.
    pub async fn put_settings(
        &self,
        caller: &Caller,
        values: serde_json::Map<String, Value>,
    ) -> Result<Vec<String>, AppError> {
        caller.needs(Role::Admin)?;
        caller.must_see_all()?;
        let mut faults = Vec::new();
        for (key, value) in &values {
            match KNOWN.iter().find(|known| known.key == key) {
                None => faults.push(FieldFault::new(
                    format!("/{key}"),
                    format!("there is no setting {key}; use one of {}", keys().join(", ")),
                )),
                Some(known) if !value.is_null() => {
                    faults.extend(
                        check(known, value).err().map(|m| FieldFault::new(format!("/{key}"), m)),
                    );
                }
                Some(_) => {}
            }
        }
        if !faults.is_empty() {
            return Err(faults.into());
        }
        let overruled = values.keys().filter(|key| self.environment().0.contains_key(*key));
        let warnings = overruled
            .map(|key| format!("{key} is stored, but the environment decides it"))
            .collect();
        let (caller, now) = (caller.clone(), self.now());
        self.store()
            .tx("settings", move |tx| {
                for (key, value) in &values {
                    let text = (!value.is_null()).then(|| value.to_string());
                    tx.put_setting(key, text.as_deref(), now)?;
                }
                let details = Value::Object(values.clone());
                audit::record(tx, &caller, now, "settings.update", "settings", details)
            })
            .await?;
        Ok(warnings)
    }

    /// The resolution that new configurations get.
    pub(crate) async fn default_resolution(&self) -> Result<ConflictResolution, AppError> {
        let setting = self.setting("conflict_resolution_default").await?;
        let word = setting.value.as_str().and_then(|text| text.parse().ok());
        Ok(word.unwrap_or(ConflictResolution::LastWriteWins))
    }

    /// Deletes ended runs that are older than the setting says, in small batches; answers how many.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn prune_executions(&self) -> Result<u64, AppError> {
        const BATCH: usize = 100;
        let setting = self.setting("execution_retention_days").await?;
        let days = setting.value.as_u64().unwrap_or(90);
        let span = std::time::Duration::from_secs(days.saturating_mul(86_400));
        let before = self.now().before(span);
        let mut pruned = 0;
        loop {
            let gone =
                self.store().tx("prune runs", move |tx| tx.prune_executions(before, BATCH)).await?;
            pruned += gone;
            if gone == 0 {
                return Ok(pruned);
            }
        }
    }

    fn in_force(&self, known: &Known, stored: &BTreeMap<String, String>) -> Setting {
        let from_store = || {
            let text = stored.get(known.key)?;
            serde_json::from_str::<Value>(text).ok().filter(|value| check(known, value).is_ok())
        };
        let (value, source) = match (self.environment().0.get(known.key), from_store()) {
            (Some(value), _) => (value.clone(), "environment"),
            (None, Some(value)) => (value, "stored"),
            (None, None) => (default_of(known), "default"),
        };
        let value_type = match known.kind {
            Kind::Int { .. } => "int",
            Kind::Resolution => "word",
        };
        Setting { key: known.key, value, value_type, source, description: known.description }
    }
}

fn keys() -> Vec<&'static str> {
    KNOWN.iter().map(|known| known.key).collect()
}

fn default_of(known: &Known) -> Value {
    match known.kind {
        Kind::Int { default, .. } => json!(default),
        Kind::Resolution => json!(ConflictResolution::LastWriteWins),
    }
}

fn check(known: &Known, value: &Value) -> Result<(), String> {
    match known.kind {
        Kind::Int { least, most, .. } => match value.as_i64() {
            Some(n) if (least..=most).contains(&n) => Ok(()),
            Some(n) => Err(format!("{n} is out of range; use {least} to {most}")),
            None => Err(format!("this is {}; send a whole number", kind_of(value))),
        },
        Kind::Resolution => match value.as_str().map(str::parse::<ConflictResolution>) {
            Some(Ok(_)) => Ok(()),
            Some(Err(unknown)) => Err(unknown.to_string()),
            None => Err(format!("this is {}; send a text", kind_of(value))),
        },
    }
}
