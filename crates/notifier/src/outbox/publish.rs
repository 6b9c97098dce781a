//! From an event to one row for each recipient who wants to know.

use std::collections::{BTreeMap, BTreeSet};

use syncline_domain::ports::Tx;
use syncline_domain::{
    ConfigId, Fault, NotificationEvent, NotificationSetting, OutboxId, OutboxMessage, OutboxStatus,
    Timestamp,
};

use crate::message::Message;

/// Something that people may want to know.
pub struct Event<'a> {
    /// The kind, as settings name it.
    pub event: NotificationEvent,
    /// What it is about, once and for all: nobody is told twice under the same key.
    pub key: String,
    /// The configurations it is about. Settings for all configurations hear of it in any case.
    pub about: &'a [ConfigId],
    /// Nothing was changed anywhere: settings with `only_changes` do not hear of it.
    pub quiet: bool,
    /// The news.
    pub message: &'a Message,
}

/// Writes one row for each recipient of a setting that asks for the event, but none for those in `told`, and adds to
/// these. An address in a setting of a configuration and in one for all is one recipient.
///
/// # Errors
/// What the store answers.
pub fn publish(
    tx: &mut dyn Tx,
    event: &Event<'_>,
    told: &mut BTreeSet<String>,
    now: Timestamp,
) -> Result<u64, Fault> {
    let settings = tx.notifications()?;
    let wants = |setting: &&NotificationSetting| {
        setting.is_active
            && setting.events.contains(&event.event)
            && setting.config_id.is_none_or(|id| event.about.contains(&id))
            && !(event.quiet && only_changes(setting))
    };
    put(tx, event, settings.iter().filter(wants), told, now)
}

/// Tells those who hear of failures that a setting is switched off; the setting itself does not hear of it.
///
/// # Errors
/// What the store answers.
pub(super) fn publish_disabled(
    tx: &mut dyn Tx,
    event: &Event<'_>,
    off: &NotificationSetting,
    now: Timestamp,
) -> Result<u64, Fault> {
    let settings = tx.notifications()?;
    let wants = |setting: &&NotificationSetting| {
        setting.is_active
            && setting.id != off.id
            && setting.events.contains(&NotificationEvent::SyncFailed)
            && (setting.config_id.is_none() || setting.config_id == off.config_id)
    };
    put(tx, event, settings.iter().filter(wants), &mut BTreeSet::new(), now)
}

fn only_changes(setting: &NotificationSetting) -> bool {
    setting.settings.get("only_changes").and_then(serde_json::Value::as_bool).unwrap_or(false)
}

fn put<'a>(
    tx: &mut dyn Tx,
    event: &Event<'_>,
    settings: impl Iterator<Item = &'a NotificationSetting>,
    told: &mut BTreeSet<String>,
    now: Timestamp,
) -> Result<u64, Fault> {
    // A setting of the configuration itself goes before one for all.
    let mut recipients: BTreeMap<&str, &NotificationSetting> = BTreeMap::new();
    for setting in settings {
        for recipient in &setting.recipients {
            let known = recipients.entry(&recipient.hash).or_insert(setting);
            if known.config_id.is_none() {
                *known = setting;
            }
        }
    }
    recipients.retain(|hash, _| !told.contains(*hash));
    let rows: Vec<OutboxMessage> =
        recipients.iter().map(|(hash, setting)| row(event, setting, hash, now)).collect();
    told.extend(rows.iter().map(|row| row.recipient_hash.clone()));
    if rows.is_empty() { Ok(0) } else { tx.put_outbox(&rows) }
}

fn row(
    event: &Event<'_>,
    setting: &NotificationSetting,
    hash: &str,
    now: Timestamp,
) -> OutboxMessage {
    OutboxMessage {
        id: OutboxId(0),
        event_key: event.key.clone(),
        event: event.message.news.word().to_owned(),
        config_id: event.message.config.as_ref().map(|config| config.id),
        setting_id: Some(setting.id),
        recipient_hash: hash.to_owned(),
        message: event.message.to_json(),
        status: OutboxStatus::Queued,
        attempts: 0,
        run_at: now,
        token: 0,
        claimed_until: None,
        last_error: None,
        created_at: now,
        ended_at: None,
    }
}
