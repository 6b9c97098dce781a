//! What the end of a run means to people, decided in the transaction that ends it.

use std::collections::BTreeSet;
use std::time::Duration;

use syncline_domain::ports::{OutcomeFilter, RunEnding, Tx};
use syncline_domain::{
    ConfigHealth, Execution, ExecutionStatus, Fault, FieldType, ItemOutcome, ItemRetry, ItemState,
    NotificationEvent, Side, SyncConfig, Timestamp, fingerprint,
};

use super::publish::{Event, publish};
use crate::message::{ConfigName, Message, News, RunFacts};

/// Failures that stay the same are told again after this.
const REMIND: Duration = Duration::from_secs(24 * 60 * 60);

/// Conflicts of one run that are told one by one; more are told together.
const MOST_CONFLICTS: usize = 20;

/// Writes the messages that follow from the end of a run.
///
/// A run that fails, or in which an item begins to fail, is a `sync_failed`; the same failures are told again once a
/// day. The first run after which nothing fails any more is a `sync_recovered`. Dry and cancelled runs are nobody's
/// news.
#[derive(Clone, Copy, Debug, Default)]
pub struct Herald;

impl RunEnding for Herald {
    fn run_ended(&self, tx: &mut dyn Tx, execution: &Execution) -> Result<(), Fault> {
        if execution.dry_run || execution.status == ExecutionStatus::Cancelled {
            return Ok(());
        }
        let Some(config) = tx.config(execution.config_id)? else { return Ok(()) };
        let now = execution.ended_at.unwrap_or(execution.started_at);
        let run = Ended { execution, config: &config, now };
        let before = tx.config_health(config.id)?;
        let mut failing = tx.retries(config.id, Side::Source, None)?;
        failing.extend(tx.retries(config.id, Side::Target, None)?);
        if run.failed(&failing) {
            run.tell_failure(tx, before, &failing)?;
        } else {
            run.tell_success(tx, before)?;
        }
        run.tell_conflicts(tx)
    }
}

struct Ended<'a> {
    execution: &'a Execution,
    config: &'a SyncConfig,
    now: Timestamp,
}

impl Ended<'_> {
    fn failed(&self, failing: &[ItemRetry]) -> bool {
        self.execution.status != ExecutionStatus::Completed || !failing.is_empty()
    }

    /// What fails, in a form that is another when something else fails.
    fn fingerprint(&self) -> Option<String> {
        let whole = self.execution.status == ExecutionStatus::Failed;
        let error = self.execution.error.as_ref().filter(|_| whole);
        error.map(|error| format!("run/{}", error.error_type))
    }

    fn tell_failure(
        &self,
        tx: &mut dyn Tx,
        before: Option<ConfigHealth>,
        failing: &[ItemRetry],
    ) -> Result<(), Fault> {
        let before = before.unwrap_or(ConfigHealth {
            config_id: self.config.id,
            failing_since: None,
            fingerprint: None,
            told_at: None,
        });
        let fingerprint = self.fingerprint();
        let begins = before.failing_since.is_none()
            || fingerprint.is_some() && fingerprint != before.fingerprint
            || failing.iter().any(|retry| retry.first_failed_at >= self.execution.started_at);
        let again = before.told_at.is_none_or(|told| self.now.since(told) >= REMIND);
        let told_at = if begins || again {
            let error = self.execution.error.as_ref().map(|error| error.message.clone());
            let error = error.or_else(|| failing.first().map(|retry| retry.error.message.clone()));
            let news = News::SyncFailed(self.facts(error));
            self.tell(tx, NotificationEvent::SyncFailed, news, &mut BTreeSet::new())?;
            Some(self.now)
        } else {
            before.told_at
        };
        tx.put_config_health(&ConfigHealth {
            config_id: self.config.id,
            failing_since: before.failing_since.or(Some(self.now)),
            fingerprint,
            told_at,
        })
    }

    fn tell_success(&self, tx: &mut dyn Tx, before: Option<ConfigHealth>) -> Result<(), Fault> {
        let mut told = BTreeSet::new();
        let failing_since = before.and_then(|health| health.failing_since);
        if failing_since.is_some() {
            let news = News::SyncRecovered { run: self.facts(None), failing_since };
            self.tell(tx, NotificationEvent::SyncRecovered, news, &mut told)?;
            tx.put_config_health(&ConfigHealth {
                config_id: self.config.id,
                failing_since: None,
                fingerprint: None,
                told_at: None,
            })?;
        }
        let news = News::SyncCompleted(self.facts(None));
        self.tell(tx, NotificationEvent::SyncCompleted, news, &mut told)
    }

    fn tell_conflicts(&self, tx: &mut dyn Tx) -> Result<(), Fault> {
        let count = self.execution.totals.conflicted;
        if count == 0 {
            return Ok(());
        }
        let filter = OutcomeFilter { states: vec![ItemState::Conflicted], after: None };
        let items = tx.outcomes(self.execution.id, &filter, MOST_CONFLICTS + 1)?;
        if items.len() > MOST_CONFLICTS {
            let key = format!("execution/{}/conflict_detected", self.execution.id);
            return self.tell_conflict(tx, key, count, Vec::new());
        }
        for item in &items {
            let fields: Vec<String> =
                item.changes.iter().map(|change| change.field.to_string()).collect();
            self.tell_conflict(tx, conflict_key(self.config, item), 1, fields)?;
        }
        Ok(())
    }

    fn tell_conflict(
        &self,
        tx: &mut dyn Tx,
        key: String,
        conflicts: u64,
        fields: Vec<String>,
    ) -> Result<(), Fault> {
        let news = News::ConflictDetected { execution_id: self.execution.id, conflicts, fields };
        self.tell_under(tx, key, NotificationEvent::ConflictDetected, news, &mut BTreeSet::new())
    }

    fn tell(
        &self,
        tx: &mut dyn Tx,
        event: NotificationEvent,
        news: News,
        told: &mut BTreeSet<String>,
    ) -> Result<(), Fault> {
        let key = format!("execution/{}/{event}", self.execution.id);
        self.tell_under(tx, key, event, news, told)
    }

    fn tell_under(
        &self,
        tx: &mut dyn Tx,
        key: String,
        event: NotificationEvent,
        news: News,
        told: &mut BTreeSet<String>,
    ) -> Result<(), Fault> {
        let message = Message {
            at: self.now,
            zone: self.config.timezone.clone(),
            config: Some(ConfigName { id: self.config.id, name: self.config.name.clone() }),
            news,
        };
        let about = [self.config.id];
        let quiet =
            event == NotificationEvent::SyncCompleted && self.execution.totals.synced() == 0;
        let event = Event { event, key, about: &about, quiet, message: &message };
        publish(tx, &event, told, self.now)?;
        Ok(())
    }

    fn facts(&self, error: Option<String>) -> RunFacts {
        RunFacts {
            execution_id: self.execution.id,
            items_synced: self.execution.totals.synced(),
            items_failed: self.execution.totals.errors(),
            started_at: self.execution.started_at,
            ended_at: self.now,
            error,
        }
    }
}

/// The same for the same conflict in every run, so that it is told once: the item and what its sides disagree on.
fn conflict_key(config: &SyncConfig, item: &ItemOutcome) -> String {
    let id = item.source_id.as_ref().or(item.target_id.as_ref());
    let changes = serde_json::to_string(&item.changes).unwrap_or_default();
    let what = fingerprint(&changes.into(), FieldType::String);
    format!("conflict/{}/{}/{what}", config.id, id.map_or("", |id| id.as_str()))
}
