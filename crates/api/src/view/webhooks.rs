//! Webhooks and their deliveries. There is no field for a secret but where one was just made.

use serde::Serialize;
use serde_json::Value;
use syncline_app::{DeliveryView, Echo, Registered, Rotated, Setup, SetupGuide, WebhookView};
use syncline_domain::{ItemId, Timestamp};
use utoipa::ToSchema;

/// Longer bodies are cut in lists, in bytes.
const PAYLOAD_MAX: usize = 8 * 1024;

/// A webhook was registered.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookMade {
    message: String,
    webhook: NewHook,
    /// What to do in the tracker, in this order.
    setup: Vec<String>,
}

/// A webhook with its secret, which is shown this once.
#[derive(Serialize, ToSchema)]
struct NewHook {
    id: i64,
    name: String,
    /// The last part of its address.
    webhook_url: String,
    /// Keep it: it is never shown again.
    secret: String,
    full_url: String,
    event_types: Vec<String>,
    auth_mode: String,
    /// The best way for this kind of tracker.
    recommended_auth_mode: String,
}

impl WebhookMade {
    /// With the warnings of the set-up and of the request.
    pub(crate) fn new(made: Registered) -> (Self, Vec<String>) {
        let Registered { webhook, secret, setup, mut warnings } = made;
        warnings.extend(setup.warnings);
        let this = Self {
            message: "Webhook registered successfully".to_owned(),
            setup: setup.steps,
            webhook: NewHook {
                id: webhook.webhook.id.0,
                name: webhook.webhook.name,
                webhook_url: webhook.shown_token,
                secret: secret.expose().to_owned(),
                full_url: webhook.full_url,
                event_types: webhook.webhook.event_types,
                auth_mode: webhook.webhook.auth.to_string(),
                recommended_auth_mode: setup.recommended.to_string(),
            },
        };
        (this, warnings)
    }
}

/// Webhooks.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookList {
    pub(crate) total: usize,
    pub(crate) count: usize,
    pub(crate) webhooks: Vec<WebhookRow>,
}

/// One webhook.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookOne {
    pub(crate) webhook: WebhookRow,
}

/// A webhook was changed.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookSaved {
    pub(crate) message: String,
    pub(crate) webhook: WebhookRow,
}

/// A webhook.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookRow {
    id: i64,
    name: String,
    sync_config_id: i64,
    sync_config_name: String,
    connector_id: i64,
    connector_name: String,
    connector_type: String,
    /// The last part of its address; hidden from all but admins where it is the secret.
    webhook_url: String,
    full_url: String,
    event_types: Vec<String>,
    auth_mode: String,
    is_active: bool,
    #[schema(value_type = Value)]
    metadata: Value,
    /// Requests that proved who they are.
    trigger_count: i64,
    /// Requests that did not and have no row, since there were too many at once.
    unlogged_rejections: i64,
    last_triggered_at: Option<String>,
    /// Until when replaced secrets are taken.
    old_secrets_valid_until: Vec<String>,
    created_at: String,
    updated_at: String,
}

impl From<WebhookView> for WebhookRow {
    fn from(view: WebhookView) -> Self {
        let row = view.webhook;
        Self {
            id: row.id.0,
            name: row.name,
            sync_config_id: row.config_id.0,
            sync_config_name: view.config_name,
            connector_id: row.connector_id.0,
            connector_name: view.connector_name,
            connector_type: view.connector_type,
            webhook_url: view.shown_token,
            full_url: view.full_url,
            event_types: row.event_types,
            auth_mode: row.auth.to_string(),
            is_active: row.is_active,
            metadata: row.metadata,
            trigger_count: row.trigger_count,
            unlogged_rejections: row.unlogged_rejections,
            last_triggered_at: row.last_triggered_at.map(Timestamp::to_iso),
            old_secrets_valid_until: row
                .old_secrets
                .iter()
                .map(|old| old.valid_until.to_iso())
                .collect(),
            created_at: row.created_at.to_iso(),
            updated_at: row.updated_at.to_iso(),
        }
    }
}

/// How to set the tracker up.
#[derive(Serialize, ToSchema)]
pub(crate) struct SetupView {
    webhook_id: i64,
    full_url: String,
    auth_mode: String,
    recommended_auth_mode: String,
    /// What to do in the tracker, in this order.
    setup: Vec<String>,
    /// What one should know of the way that was chosen.
    notes: Vec<String>,
}

impl From<SetupGuide> for SetupView {
    fn from(guide: SetupGuide) -> Self {
        let Setup { steps, warnings, recommended } = guide.setup;
        Self {
            webhook_id: guide.webhook.webhook.id.0,
            full_url: guide.webhook.full_url,
            auth_mode: guide.webhook.webhook.auth.to_string(),
            recommended_auth_mode: recommended.to_string(),
            setup: steps,
            notes: warnings,
        }
    }
}

/// A secret was replaced.
#[derive(Serialize, ToSchema)]
pub(crate) struct SecretRotated {
    message: String,
    /// Keep it: it is never shown again.
    secret: String,
    /// Until when the one before is taken; null when it is not.
    old_secret_valid_until: Option<String>,
}

impl From<&Rotated> for SecretRotated {
    fn from(rotated: &Rotated) -> Self {
        Self {
            message: "the secret was replaced".to_owned(),
            secret: rotated.secret.expose().to_owned(),
            old_secret_valid_until: rotated.old_valid_until.map(Timestamp::to_iso),
        }
    }
}

/// Replaced secrets were revoked.
#[derive(Serialize, ToSchema)]
pub(crate) struct SecretsRevoked {
    pub(crate) message: String,
    pub(crate) revoked: usize,
}

/// A delivery was taken in.
#[derive(Serialize, ToSchema)]
pub(crate) struct Received {
    pub(crate) message: String,
    /// The job that it caused or joined; null where there is nothing to do.
    pub(crate) job_id: Option<String>,
    pub(crate) delivery_id: i64,
}

/// What became of a request that the server sent to itself.
#[derive(Serialize, ToSchema)]
pub(crate) struct EchoView {
    message: String,
    /// success, ignored, duplicate or failed
    status: String,
    reason: Option<String>,
    job_id: Option<String>,
    delivery_id: i64,
}

impl EchoView {
    pub(crate) fn new(message: &str, echo: Echo) -> Self {
        Self {
            message: message.to_owned(),
            status: echo.status.to_string(),
            reason: echo.reason,
            job_id: echo.job.map(|key| key.to_string()),
            delivery_id: echo.delivery_id.0,
        }
    }
}

/// Deliveries of a webhook, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryList {
    pub(crate) total: u64,
    pub(crate) count: usize,
    pub(crate) deliveries: Vec<DeliveryRow>,
    /// Send it as `cursor` for the next page; null on the last.
    pub(crate) next_cursor: Option<String>,
}

/// One delivery, whole.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryOne {
    pub(crate) delivery: DeliveryRow,
}

/// A delivery.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryRow {
    id: i64,
    webhook_id: i64,
    /// The body: JSON, or a text where it is none or was cut.
    #[schema(value_type = Value)]
    payload: Value,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    payload_truncated: bool,
    /// Without secrets.
    #[schema(value_type = Value)]
    headers: Value,
    event_type: Option<String>,
    /// The sender's own name for it.
    delivery_id: Option<String>,
    item_ids: Vec<String>,
    signature_valid: bool,
    /// success, failed, rejected, ignored or duplicate
    status: String,
    /// Why, in words.
    reason: Option<String>,
    response_code: u16,
    job_id: Option<String>,
    /// The first delivery of the same name.
    duplicate_of: Option<i64>,
    processing_time_ms: u32,
    created_at: String,
}

impl DeliveryRow {
    /// A long payload is cut.
    pub(crate) fn brief(view: DeliveryView) -> Self {
        let text = &view.delivery.payload;
        match text.len() > PAYLOAD_MAX {
            true => {
                let cut = text.floor_char_boundary(PAYLOAD_MAX);
                let payload = Value::String(text.get(..cut).unwrap_or_default().to_owned());
                Self { payload_truncated: true, ..Self::of(view, payload) }
            }
            false => Self::whole(view),
        }
    }

    /// With all of its payload.
    pub(crate) fn whole(view: DeliveryView) -> Self {
        let text = &view.delivery.payload;
        let payload = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()));
        Self::of(view, payload)
    }

    fn of(view: DeliveryView, payload: Value) -> Self {
        let row = view.delivery;
        Self {
            id: row.id.0,
            webhook_id: row.webhook_id.0,
            payload,
            payload_truncated: false,
            headers: row.headers,
            event_type: row.event_type,
            delivery_id: row.delivery_id,
            item_ids: row.item_ids.into_iter().map(ItemId::into_string).collect(),
            signature_valid: row.signature_valid,
            status: row.status.to_string(),
            reason: row.reason,
            response_code: row.response_code,
            job_id: view.job.map(|key| key.to_string()),
            duplicate_of: row.duplicate_of.map(|id| id.0),
            processing_time_ms: row.processing_time_ms,
            created_at: row.created_at.to_iso(),
        }
    }
}
