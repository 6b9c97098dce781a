//! Rows of the queue, of webhooks, schedules and notifications.

use serde_json::json;
use syncline_domain::{
    ChannelKind, ConfigHealth, ConfigId, ConnectorId, Delivery, DeliveryId, DeliveryStatus, ItemId,
    NewJob, NotificationEvent, NotificationId, NotificationSetting, Occurrence, OccurrenceId,
    OccurrenceState, OutboxId, OutboxMessage, OutboxStatus, SYNC_JOB, StoredRecipient, Trigger,
    Webhook, WebhookAuth, WebhookId,
};

use super::at;

/// A job due at once that runs a configuration (or belongs to none) and may be tried three times.
#[must_use]
pub fn new_job(config_id: Option<ConfigId>) -> NewJob {
    NewJob {
        kind: SYNC_JOB.to_owned(),
        config_id,
        fold_key: None,
        trigger: Trigger::Manual,
        triggered_by: "a test".to_owned(),
        payload: json!({}),
        items: None,
        priority: 0,
        run_at: at(100),
        max_attempts: 3,
        created_at: at(100),
    }
}

/// A job that joins others with the same key, about these items.
#[must_use]
pub fn folding_job(config_id: Option<ConfigId>, key: &str, items: &[&str]) -> NewJob {
    NewJob {
        fold_key: Some(key.to_owned()),
        trigger: Trigger::Webhook,
        items: Some(items.iter().map(|item| ItemId::new(*item)).collect()),
        ..new_job(config_id)
    }
}

/// An active webhook for all events; its sender signs.
#[must_use]
pub fn webhook_row(config_id: ConfigId, connector_id: ConnectorId, token: &str) -> Webhook {
    Webhook {
        id: WebhookId(0),
        name: format!("hook {token}"),
        token: token.to_owned(),
        config_id,
        connector_id,
        event_types: vec!["*".to_owned()],
        auth: WebhookAuth::Hmac,
        sealed_secret: vec![1, 2, 3],
        old_secrets: Vec::new(),
        is_active: true,
        metadata: json!({}),
        revision: 1,
        trigger_count: 0,
        unlogged_rejections: 0,
        last_triggered_at: None,
        created_at: at(110),
        updated_at: at(110),
    }
}

/// A proven delivery about item 1, under the name that its sender gave it.
#[must_use]
pub fn delivery_row(
    webhook_id: WebhookId,
    name: Option<&str>,
    status: DeliveryStatus,
    secs: i64,
) -> Delivery {
    Delivery {
        id: DeliveryId(0),
        webhook_id,
        payload: "{\"id\": 1}".to_owned(),
        headers: json!({"content-type": "application/json"}),
        event_type: Some("workitem.updated".to_owned()),
        delivery_id: name.map(str::to_owned),
        item_ids: vec!["1".into()],
        signature_valid: true,
        status,
        reason: None,
        response_code: 202,
        job_id: None,
        duplicate_of: None,
        processing_time_ms: 2,
        created_at: at(secs),
    }
}

/// An instant for which a job was queued in time.
#[must_use]
pub fn occurrence_row(config_id: ConfigId, secs: i64) -> Occurrence {
    Occurrence {
        id: OccurrenceId(0),
        config_id,
        instant: at(secs),
        state: OccurrenceState::Queued,
        job_id: None,
        decided_at: at(secs),
        note: None,
    }
}

/// An active setting that mails failures to one person.
#[must_use]
pub fn notification_row(config_id: Option<ConfigId>) -> NotificationSetting {
    NotificationSetting {
        id: NotificationId(0),
        config_id,
        channel: ChannelKind::Email,
        events: vec![NotificationEvent::SyncFailed],
        recipients: vec![StoredRecipient {
            hash: "ada".to_owned(),
            shown: "ada@example.test".to_owned(),
            sealed: None,
        }],
        settings: json!({}),
        sealed_secret: None,
        is_active: true,
        failing_since: None,
        disabled_reason: None,
        created_at: at(120),
        updated_at: at(120),
    }
}

/// A message that waits to be sent.
#[must_use]
pub fn outbox_row(event_key: &str, recipient: &str) -> OutboxMessage {
    OutboxMessage {
        id: OutboxId(0),
        event_key: event_key.to_owned(),
        event: NotificationEvent::SyncFailed.as_str().to_owned(),
        config_id: None,
        setting_id: None,
        recipient_hash: recipient.to_owned(),
        message: json!({"text": "it failed"}),
        status: OutboxStatus::Queued,
        attempts: 0,
        run_at: at(130),
        token: 0,
        claimed_until: None,
        last_error: None,
        created_at: at(130),
        ended_at: None,
    }
}

/// A configuration whose runs fail.
#[must_use]
pub fn health_row(config_id: ConfigId) -> ConfigHealth {
    ConfigHealth {
        config_id,
        failing_since: Some(at(140)),
        fingerprint: Some("f".to_owned()),
        told_at: Some(at(141)),
    }
}
