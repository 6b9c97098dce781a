//! Settings as the code that they are about reads them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use syncline_domain::ports::Tx;
use syncline_domain::{ConflictResolution, Fault, Timestamp};

use super::known::{
    AUDIT_DAYS, BATCH, DELIVERY_DAYS, DISCOVERY, EXECUTION_DAYS, JOB_DAYS, JOB_HISTORY, KNOWN,
    Known, MAX_CONCURRENT, RESOLUTION,
};

/// Settings that the environment decides, by key.
#[derive(Clone, Default, PartialEq)]
pub struct SettingsSource(pub BTreeMap<String, Value>);

impl std::fmt::Debug for SettingsSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let secret = |key: &str| Known::named(key).is_some_and(Known::is_secret);
        let shown = |(key, value): (&String, &Value)| {
            (key.clone(), if secret(key) { "***".to_owned() } else { value.to_string() })
        };
        f.debug_map().entries(self.0.iter().map(shown)).finish()
    }
}

impl SettingsSource {
    /// What is in force now: the environment's word, else the stored one, else the default.
    ///
    /// # Errors
    /// What the store answers.
    pub fn in_force(&self, tx: &mut dyn Tx) -> Result<Settings, Fault> {
        let stored = tx.settings()?;
        let values = KNOWN.iter().map(|known| {
            let (value, source) = self.of(known, &stored);
            (known.key, (value, source))
        });
        Ok(Settings { values: values.collect() })
    }

    fn of(&self, known: &Known, stored: &BTreeMap<String, String>) -> (Value, &'static str) {
        if let Some(value) = self.0.get(known.key) {
            return (value.clone(), "environment");
        }
        let read = stored.get(known.key).and_then(|text| serde_json::from_str::<Value>(text).ok());
        // What a secret holds is sealed: whether it is good is for whoever opens it.
        let good = read.filter(|value| known.is_secret() || known.checked(value).is_ok());
        good.map_or_else(|| (known.default_value(), "default"), |value| (value, "stored"))
    }
}

/// Every setting as it is in force.
#[derive(Clone, PartialEq)]
pub struct Settings {
    values: BTreeMap<&'static str, (Value, &'static str)>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl Settings {
    /// Jobs that a worker runs at once, 1 to 1,000.
    #[must_use]
    pub fn max_concurrent_syncs(&self) -> usize {
        usize::try_from(self.number(MAX_CONCURRENT)).unwrap_or(1).max(1)
    }

    /// Items that a run reads and works on as one page, 1 to 500.
    #[must_use]
    pub fn sync_batch_size(&self) -> usize {
        usize::try_from(self.number(BATCH)).unwrap_or(1).clamp(1, 500)
    }

    /// How long ended runs are kept.
    #[must_use]
    pub fn execution_retention(&self) -> Duration {
        self.days(EXECUTION_DAYS)
    }

    /// How long deliveries are kept.
    #[must_use]
    pub fn delivery_retention(&self) -> Duration {
        self.days(DELIVERY_DAYS)
    }

    /// How long ended jobs beyond [`Settings::job_history_limit`] are kept; occurrences and ended messages, too.
    #[must_use]
    pub fn job_retention(&self) -> Duration {
        self.days(JOB_DAYS)
    }

    /// How long the audit trail is kept.
    #[must_use]
    pub fn audit_retention(&self) -> Duration {
        self.days(AUDIT_DAYS)
    }

    /// How many ended jobs are kept, however old.
    #[must_use]
    pub fn job_history_limit(&self) -> u64 {
        self.number(JOB_HISTORY)
    }

    /// How long after a discovery the next one comes by itself; `None` when none does.
    #[must_use]
    pub fn discovery_interval(&self) -> Option<Duration> {
        crate::lookout::hours(u32::try_from(self.number(DISCOVERY)).unwrap_or(u32::MAX))
    }

    /// The resolution that new configurations get.
    #[must_use]
    pub fn conflict_resolution_default(&self) -> ConflictResolution {
        let word = self.value(RESOLUTION).as_str().and_then(|text| text.parse().ok());
        word.unwrap_or(ConflictResolution::LastWriteWins)
    }

    pub(super) fn value(&self, key: &str) -> &Value {
        self.values.get(key).map_or(&Value::Null, |(value, _)| value)
    }

    pub(super) fn source(&self, key: &str) -> &'static str {
        self.values.get(key).map_or("default", |(_, source)| source)
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.value(key).as_str().map(str::trim).filter(|text| !text.is_empty())
    }

    pub(super) fn number(&self, key: &str) -> u64 {
        self.value(key).as_u64().unwrap_or_default()
    }

    fn days(&self, key: &str) -> Duration {
        Duration::from_secs(self.number(key).max(1).saturating_mul(86_400))
    }
}

/// Whether a batch is full, so that there may be more.
fn is_all(gone: u64, limit: usize) -> bool {
    gone >= u64::try_from(limit).unwrap_or(u64::MAX)
}

/// Deletes what is older than the settings say, a batch at a time; each answers how many rows are gone.
impl SettingsSource {
    /// Ended runs with their outcomes, and plans.
    ///
    /// # Errors
    /// What the store answers.
    pub fn prune_executions(
        &self,
        tx: &mut dyn Tx,
        now: Timestamp,
        limit: usize,
    ) -> Result<u64, Fault> {
        let before = now.before(self.in_force(tx)?.execution_retention());
        // What a run noted of its items may be far more than one transaction should delete.
        let items = tx.prune_run_items(before, limit)?;
        if is_all(items, limit) {
            return Ok(items);
        }
        let runs = items.saturating_add(tx.prune_executions(before, limit)?);
        if is_all(runs, limit) {
            return Ok(runs);
        }
        Ok(runs.saturating_add(tx.prune_plans(before, limit)?))
    }

    /// What happened to pairs, their conflicts that are over, and rules that others took the place of; kept as long as
    /// the runs that did it.
    ///
    /// # Errors
    /// What the store answers.
    pub fn prune_history(
        &self,
        tx: &mut dyn Tx,
        now: Timestamp,
        limit: usize,
    ) -> Result<u64, Fault> {
        let before = now.before(self.in_force(tx)?.execution_retention());
        let entries = tx.prune_history(before, limit)?;
        if is_all(entries, limit) {
            return Ok(entries);
        }
        let ended = entries.saturating_add(tx.prune_conflicts(before, limit)?);
        if is_all(ended, limit) {
            return Ok(ended);
        }
        Ok(ended.saturating_add(tx.prune_rules(before, limit)?))
    }

    /// Deliveries.
    ///
    /// # Errors
    /// What the store answers.
    pub fn prune_deliveries(
        &self,
        tx: &mut dyn Tx,
        now: Timestamp,
        limit: usize,
    ) -> Result<u64, Fault> {
        let before = now.before(self.in_force(tx)?.delivery_retention());
        tx.prune_deliveries(before, limit)
    }

    /// Ended jobs.
    ///
    /// # Errors
    /// What the store answers.
    pub fn prune_jobs(&self, tx: &mut dyn Tx, now: Timestamp, limit: usize) -> Result<u64, Fault> {
        let settings = self.in_force(tx)?;
        let (keep, before) = (settings.job_history_limit(), now.before(settings.job_retention()));
        let items = tx.prune_job_items(keep, before, limit)?;
        if is_all(items, limit) {
            return Ok(items);
        }
        Ok(items.saturating_add(tx.prune_jobs(keep, before, limit)?))
    }

    /// What became of the instants of schedules.
    ///
    /// # Errors
    /// What the store answers.
    pub fn prune_occurrences(
        &self,
        tx: &mut dyn Tx,
        now: Timestamp,
        limit: usize,
    ) -> Result<u64, Fault> {
        let before = now.before(self.in_force(tx)?.job_retention());
        tx.prune_occurrences(before, limit)
    }

    /// Lines of the audit trail.
    ///
    /// # Errors
    /// What the store answers.
    pub fn prune_audit(&self, tx: &mut dyn Tx, now: Timestamp, limit: usize) -> Result<u64, Fault> {
        let before = now.before(self.in_force(tx)?.audit_retention());
        tx.prune_audit(before, limit)
    }

    /// Messages that were sent or given up.
    ///
    /// # Errors
    /// What the store answers.
    pub fn prune_outbox(
        &self,
        tx: &mut dyn Tx,
        now: Timestamp,
        limit: usize,
    ) -> Result<u64, Fault> {
        let before = now.before(self.in_force(tx)?.job_retention());
        tx.prune_outbox(before, limit)
    }
}
