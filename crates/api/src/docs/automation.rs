//! Bodies about schedules, jobs, webhooks and notifications.

use serde_json::Value;
use utoipa::ToSchema;

/// When a configuration runs.
#[derive(ToSchema)]
pub(crate) struct ScheduleBody {
    /// Crontab's five fields, or @hourly and the like.
    schedule_cron: String,
    /// An IANA zone; the configuration's own unless given.
    timezone: Option<String>,
}

/// A sync to queue.
#[derive(ToSchema)]
pub(crate) struct JobBody {
    /// Texts or whole numbers, 1 to 10,000: ids of the side the run reads from.
    #[schema(value_type = Option<Vec<Value>>)]
    work_item_ids: Option<Vec<Value>>,
    dry_run: Option<bool>,
    /// Read everything, not only what changed.
    full: Option<bool>,
    /// source-to-target, target-to-source or bidirectional
    direction: Option<String>,
    /// Higher goes first.
    #[schema(minimum = -100, maximum = 100)]
    priority: Option<i32>,
    /// Not before: RFC 3339, or epoch milliseconds.
    #[schema(value_type = Value)]
    run_at: Option<Value>,
}

/// A webhook to register.
#[derive(ToSchema)]
pub(crate) struct WebhookBody {
    #[schema(max_length = 200, min_length = 1)]
    name: String,
    sync_config_id: i64,
    /// One of the configuration's two: the tracker that calls.
    connector_id: i64,
    /// workitem.created, .updated, .deleted, .restored, .commented, the tracker's own words, or * (all, the default)
    event_types: Option<Vec<String>>,
    /// Further facts, such as header_name for header-token.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    /// hmac-sha256 (the default; github and jira are other names for it), standard-webhooks, gitlab-token, basic,
    /// header-token or url-token
    auth_mode: Option<String>,
    /// At least 24 bytes; a good one is made unless given.
    #[schema(min_length = 24)]
    secret: Option<String>,
}

/// What to change of a webhook; the rest stays.
#[derive(ToSchema)]
pub(crate) struct WebhookChange {
    #[schema(max_length = 200, min_length = 1)]
    name: Option<String>,
    event_types: Option<Vec<String>>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    auth_mode: Option<String>,
    is_active: Option<bool>,
}

/// How to replace a secret.
#[derive(ToSchema)]
pub(crate) struct RotateBody {
    /// How long the one before is taken; 24 hours unless given, at most 7 days.
    #[schema(minimum = 0, maximum = 604_800)]
    grace_seconds: Option<i64>,
    /// At least 24 bytes; a good one is made unless given.
    #[schema(min_length = 24)]
    secret: Option<String>,
    /// Take no secret any more that was replaced before.
    revoke_old: Option<bool>,
}

/// What a test is about.
#[derive(ToSchema)]
pub(crate) struct WebhookTestBody {
    /// An item of the calling tracker: a text or a whole number. One that is in step already unless given.
    #[schema(value_type = Value)]
    item_id: Option<Value>,
}

/// Who is to be told of what.
#[derive(ToSchema)]
pub(crate) struct NotificationBody {
    /// null: all configurations
    sync_config_id: Option<i64>,
    /// email, slack, teams or webhook
    notification_type: String,
    /// sync_completed, sync_failed, conflict_detected, sync_recovered, credential_expiring, queue_backlog, schema_drift,
    /// census_drift
    event_triggers: Vec<String>,
    /// Addresses of mail, or of Slack, Teams and webhooks; at most 50.
    recipients: Vec<String>,
    /// Further facts; `secret` signs requests of a webhook and is never shown.
    #[schema(value_type = Option<Object>)]
    settings: Option<Value>,
    is_active: Option<bool>,
}

/// What to change of a notification setting; a given list replaces the list, and recipients written as they were shown
/// stay.
#[derive(ToSchema)]
pub(crate) struct NotificationChange {
    sync_config_id: Option<i64>,
    notification_type: Option<String>,
    event_triggers: Option<Vec<String>>,
    recipients: Option<Vec<String>>,
    #[schema(value_type = Option<Object>)]
    settings: Option<Value>,
    is_active: Option<bool>,
}

/// Whom to send a test message.
#[derive(ToSchema)]
pub(crate) struct NotificationTestBody {
    /// At most 10.
    recipients: Vec<String>,
    /// email (the default), slack, teams or webhook
    notification_type: Option<String>,
    #[schema(value_type = Option<Object>)]
    settings: Option<Value>,
}
