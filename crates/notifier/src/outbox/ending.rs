//! What the end of a run means to people, decided in the transaction that ends it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use syncline_domain::ports::{ConflictFilter, RunEnding, Tx};
use syncline_domain::{
    ConfigHealth, Conflict, ConflictKind, ConflictStatus, Execution, ExecutionStatus, Fault,
    ItemRetry, NotificationEvent, Side, SyncConfig, Timestamp,
};

use super::publish::{Event, publish};
use crate::message::{Clash, ConfigName, Message, News, RunFacts};

/// Failures that stay the same are told again after this.
const REMIND: Duration = Duration::from_secs(24 * 60 * 60);

/// Conflicts of one run that are told one by one; more are told together.
const MOST_CONFLICTS: usize = 20;

/// Conflicts that are read at once.
const PAGE: usize = 500;
/// Most characters of a value.
const VALUE: usize = 500;

/// Writes the messages that follow from the end of a run.
///
/// A run that fails, or in which an item begins to fail, is a `sync_failed`; the same failures are told again once a
/// day. The first run after which nothing fails any more is a `sync_recovered`. Dry runs are nobody's news, and of
/// cancelled ones only their conflicts are: each conflict is told once, at the end of the run that found it first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Herald;

impl RunEnding for Herald {
    fn run_ended(&self, tx: &mut dyn Tx, execution: &Execution) -> Result<(), Fault> {
        if execution.dry_run {
            return Ok(());
        }
        let Some(config) = tx.config(execution.config_id)? else { return Ok(()) };
        let now = execution.ended_at.unwrap_or(execution.started_at);
        let run = Ended { execution, config: &config, now };
        if execution.status == ExecutionStatus::Cancelled {
            // No later run finds these first.
            return run.tell_conflicts(tx);
        }
        let before = tx.config_health(config.id)?;
        let mut failing = tx.retries(config.id, Side::Source, None)?;
        failing.extend(tx.retries(config.id, Side::Target, None)?);
        // An item that is only to be looked at again has not failed.
        failing.retain(|retry| retry.attempts > 0);
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

    /// Conflicts that this run found first. Those that it met again were told by the run that found them.
    fn tell_conflicts(&self, tx: &mut dyn Tx) -> Result<(), Fault> {
        let found = self.found_first(tx)?;
        if found.len() > MOST_CONFLICTS {
            let key = format!("execution/{}/conflict_detected", self.execution.id);
            let count = u64::try_from(found.len()).unwrap_or(u64::MAX);
            return self.tell_conflict(tx, key, count, Vec::new(), None);
        }
        for conflict in &found {
            let key = format!("conflict/{}", conflict.id);
            let fields = conflict.field.iter().map(ToString::to_string).collect();
            self.tell_conflict(tx, key, 1, fields, Some(clash(conflict)))?;
        }
        Ok(())
    }

    /// Oldest first. Runs of one configuration follow each other: behind the first conflict of an older run there is
    /// none of this one.
    fn found_first(&self, tx: &mut dyn Tx) -> Result<Vec<Conflict>, Fault> {
        let mut filter = ConflictFilter {
            config_id: Some(self.config.id),
            status: Some(ConflictStatus::Unresolved),
            ..ConflictFilter::default()
        };
        let mut found = Vec::new();
        loop {
            let page = tx.conflicts(&filter, 0, PAGE)?;
            let Some(last) = page.last() else { break };
            filter.before = Some(last.id);
            let is_past = last.execution_id < self.execution.id;
            found.extend(page.into_iter().filter(|one| one.execution_id == self.execution.id));
            if is_past {
                break;
            }
        }
        found.reverse();
        Ok(found)
    }

    fn tell_conflict(
        &self,
        tx: &mut dyn Tx,
        key: String,
        conflicts: u64,
        fields: Vec<String>,
        one: Option<Clash>,
    ) -> Result<(), Fault> {
        let execution_id = self.execution.id;
        let news = News::ConflictDetected { execution_id, conflicts, fields, one };
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

fn clash(conflict: &Conflict) -> Clash {
    let (source, target) = (&conflict.source_item_id, &conflict.target_item_id);
    Clash {
        conflict_id: conflict.id,
        item: format!("{} ({source}, {target})", short(&conflict.title)),
        source_value: said_by(conflict, Side::Source),
        target_value: said_by(conflict, Side::Target),
    }
}

/// What a side says: a value, or, about a deletion, that it deleted the item or which fields it edited.
fn said_by(conflict: &Conflict, side: Side) -> String {
    let value = match side {
        Side::Source => &conflict.source_value,
        Side::Target => &conflict.target_value,
    };
    match (conflict.kind, value) {
        (ConflictKind::Deletion, _) if conflict.deleted_side == Some(side) => {
            "(deleted)".to_owned()
        }
        (ConflictKind::Deletion, Value::Object(fields)) => {
            let edits: Vec<String> = fields
                .iter()
                .map(|(field, value)| format!("{field}: {}", in_words(value)))
                .collect();
            short(&edits.join("; "))
        }
        _ => in_words(value),
    }
}

fn in_words(value: &Value) -> String {
    match value {
        Value::Null => "(empty)".to_owned(),
        Value::String(text) => short(text),
        other => short(&other.to_string()),
    }
}

/// Messages are stored once a recipient: long texts are for the conflict's own page.
fn short(text: &str) -> String {
    text.chars().take(VALUE).collect()
}
