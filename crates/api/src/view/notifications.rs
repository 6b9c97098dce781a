//! Notification settings. Addresses that are secrets are shown masked.

use serde::Serialize;
use serde_json::Value;
use syncline_app::{NotificationView, TestLine, Tested};
use utoipa::ToSchema;

/// Notification settings; `notifications` is another name of the same list.
#[derive(Serialize, ToSchema)]
pub(crate) struct NotificationList {
    pub(crate) total: usize,
    pub(crate) count: usize,
    pub(crate) notification_settings: Vec<NotificationRow>,
    pub(crate) notifications: Vec<NotificationRow>,
}

/// One notification setting.
#[derive(Serialize, ToSchema)]
pub(crate) struct NotificationOne {
    pub(crate) notification: NotificationRow,
    /// The same.
    pub(crate) notification_setting: NotificationRow,
}

/// A notification setting was made or changed.
#[derive(Serialize, ToSchema)]
pub(crate) struct NotificationSaved {
    pub(crate) message: String,
    pub(crate) notification_id: i64,
}

/// A notification setting.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct NotificationRow {
    id: i64,
    /// null: all configurations
    sync_config_id: Option<i64>,
    sync_config_name: Option<String>,
    /// email, slack, teams or webhook
    notification_type: String,
    event_triggers: Vec<String>,
    /// Mail addresses as they are; secret parts of others are hidden.
    recipients: Vec<String>,
    /// Without its secret.
    #[schema(value_type = Value)]
    settings: Value,
    /// There is a signing secret.
    has_secret: bool,
    is_active: bool,
    /// Since when nothing could be delivered.
    failing_since: Option<String>,
    /// Why it was switched off without anybody asking.
    disabled_reason: Option<String>,
    created_at: String,
    updated_at: String,
}

impl From<NotificationView> for NotificationRow {
    fn from(view: NotificationView) -> Self {
        let row = view.setting;
        Self {
            id: row.id.0,
            sync_config_id: row.config_id.map(|id| id.0),
            sync_config_name: view.config_name,
            notification_type: row.channel.to_string(),
            event_triggers: row.events.iter().map(ToString::to_string).collect(),
            recipients: row.recipients.into_iter().map(|one| one.shown).collect(),
            settings: row.settings,
            has_secret: row.sealed_secret.is_some(),
            is_active: row.is_active,
            failing_since: row.failing_since.map(|at| at.to_iso()),
            disabled_reason: row.disabled_reason,
            created_at: row.created_at.to_iso(),
            updated_at: row.updated_at.to_iso(),
        }
    }
}

/// Every recipient was reached.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChannelTested {
    message: String,
    results: Vec<RecipientLine>,
}

/// How it went with one recipient.
#[derive(Serialize, ToSchema)]
struct RecipientLine {
    recipient: String,
    ok: bool,
    /// What the other side said.
    message: String,
}

impl From<Vec<TestLine>> for ChannelTested {
    fn from(lines: Vec<TestLine>) -> Self {
        let line = |line: TestLine| RecipientLine {
            recipient: line.recipient,
            ok: line.outcome.is_ok(),
            message: line.outcome.unwrap_or_else(|fault| fault.message),
        };
        Self {
            message: format!("{} recipient(s) were sent a test message", lines.len()),
            results: lines.into_iter().map(line).collect(),
        }
    }
}

impl ChannelTested {
    /// With the warnings of the request.
    pub(crate) fn new(tested: Tested) -> (Self, Vec<String>) {
        (Self::from(tested.lines), tested.warnings)
    }
}

/// The mail server let us in.
#[derive(Serialize, ToSchema)]
pub(crate) struct SmtpTested {
    pub(crate) message: String,
    /// What the server said.
    pub(crate) server: String,
}
