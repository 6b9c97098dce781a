//! Registering, changing and deleting webhooks, and how to set a tracker up.

use serde_json::{Value, json};
use syncline_domain::ports::StoreExt as _;
use syncline_domain::{
    ConfigId, ConnectorId, Fault, FieldFault, Role, Side, Webhook, WebhookAuth, WebhookId,
};
use syncline_webhooks::{Change, NewWebhook, Secret, Setup, header_name, setup};

use super::sight::{WebhookView, seen, viewed};
use crate::configs::must_config;
use crate::connectors::Saved;
use crate::error::Cause;
use crate::input::{Body, kind_of};
use crate::{App, AppError, Caller, audit};

/// A webhook that was just registered: the only time that its secret is seen.
pub struct Registered {
    /// The webhook.
    pub webhook: WebhookView,
    /// The secret. Show it once, keep it nowhere.
    pub secret: Secret,
    /// How to set the tracker up.
    pub setup: Setup,
    /// What was ignored.
    pub warnings: Vec<String>,
}

/// How to set a tracker up, for a webhook that exists.
pub struct SetupGuide {
    /// The webhook.
    pub webhook: WebhookView,
    /// The steps, without the secret.
    pub setup: Setup,
}

impl App {
    /// Registers a webhook.
    ///
    /// # Errors
    /// [`Fault::Invalid`] with every fault at once, [`Fault::NotFound`] for a configuration that is not there.
    pub async fn register_webhook(
        &self,
        caller: &Caller,
        body: Value,
    ) -> Result<Registered, AppError> {
        caller.needs(Role::Admin)?;
        let mut body = Body::new(body)?;
        let asked = read_new(&mut body);
        let (kind, warnings) = self.judge_new(caller, &asked, body).await?;
        let automation = self.automation();
        let prepared = asked.prepare(automation.readers.reader(&kind), automation.rng.as_ref())?;
        let secret = prepared.secret().clone();
        let (who, now, sealer) = (caller.clone(), self.now(), self.sealer());
        let url = automation.public_url.clone();
        let webhook = self
            .store()
            .tx("webhook register", move |tx| {
                let row = prepared.insert(tx, sealer.as_ref(), now)?;
                let target = format!("webhook/{}", row.id);
                audit::record(tx, &who, now, "webhook.register", &target, facts(&row))?;
                viewed(tx, &who, &url, row)
            })
            .await?;
        let setup = setup_of(&webhook);
        Ok(Registered { webhook, secret, setup, warnings })
    }

    /// Changes what is given.
    ///
    /// # Errors
    /// [`Fault::Invalid`], [`Fault::NotFound`].
    pub async fn update_webhook(
        &self,
        caller: &Caller,
        id: WebhookId,
        body: Value,
    ) -> Result<Saved<WebhookView>, AppError> {
        caller.needs(Role::Admin)?;
        let old = self.webhook(caller, id).await?;
        let mut body = Body::new(body)?;
        let change = Change {
            name: body.text("name"),
            event_types: event_types(&mut body),
            auth: body.word("auth_mode"),
            metadata: body.object("metadata").map(Value::Object),
            is_active: body.flag("is_active"),
        };
        warn_of_fixed(&mut body);
        let automation = self.automation();
        let reader = automation.readers.reader(&old.connector_type);
        add_faults(&mut body, change.faults(reader));
        let warnings = body.finish()?;
        let checked = change.check(reader)?;
        let (who, now, sealer) = (caller.clone(), self.now(), self.sealer());
        let url = automation.public_url.clone();
        let webhook = self
            .store()
            .tx("webhook update", move |tx| {
                seen(tx, &who, id)?;
                let row = checked.apply(tx, sealer.as_ref(), id, now)?;
                let target = format!("webhook/{id}");
                audit::record(tx, &who, now, "webhook.update", &target, facts(&row))?;
                viewed(tx, &who, &url, row)
            })
            .await?;
        Ok(Saved { id: webhook, warnings })
    }

    /// Deletes a webhook with its deliveries; jobs that it queued go on.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn delete_webhook(&self, caller: &Caller, id: WebhookId) -> Result<(), AppError> {
        caller.needs(Role::Admin)?;
        let (caller, now) = (caller.clone(), self.now());
        self.store()
            .tx("webhook delete", move |tx| {
                let row = seen(tx, &caller, id)?;
                tx.delete_webhook(id)?;
                let target = format!("webhook/{id}");
                audit::record(tx, &caller, now, "webhook.delete", &target, facts(&row))
            })
            .await?;
        Ok(())
    }

    /// How to set the tracker up for a webhook, without its secret.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn webhook_setup(
        &self,
        caller: &Caller,
        id: WebhookId,
    ) -> Result<SetupGuide, AppError> {
        let webhook = self.webhook(caller, id).await?;
        Ok(SetupGuide { setup: setup_of(&webhook), webhook })
    }

    /// The kind of the connector that is going to call, and warnings; else every fault of the body at once.
    async fn judge_new(
        &self,
        caller: &Caller,
        asked: &NewWebhook,
        mut body: Body,
    ) -> Result<(String, Vec<String>), AppError> {
        let named =
            asked.config_id != ConfigId::default() && asked.connector_id != ConnectorId::default();
        let kind = match named {
            true => {
                caller.must_see(asked.config_id)?;
                Some(self.calling_kind(asked.config_id, asked.connector_id).await)
            }
            false => None,
        };
        let known = kind.as_ref().and_then(|kind| kind.as_ref().ok());
        let reader = known.and_then(|kind| self.automation().readers.reader(kind));
        let mut faults = asked.faults(reader);
        if known.is_none() {
            // Whose words the events may be is not known.
            faults.retain(|fault| fault.path != "/event_types");
        }
        if let Some(Err(AppError { cause: Cause::Fault(Fault::Invalid(more)), .. })) = &kind {
            faults.extend(more.iter().cloned());
        }
        add_faults(&mut body, faults);
        let warnings = body.finish()?;
        match kind {
            Some(Ok(kind)) => Ok((kind, warnings)),
            Some(Err(error)) => Err(error),
            None => Err(AppError::invalid("", "the body is incomplete")),
        }
    }

    /// The kind of the connector that is going to call: one of the configuration's two.
    async fn calling_kind(
        &self,
        config_id: ConfigId,
        connector_id: ConnectorId,
    ) -> Result<String, AppError> {
        Ok(self
            .store()
            .view("webhook connector", move |tx| {
                let config = must_config(tx, config_id)?;
                let ends = [Side::Source, Side::Target].map(|side| config.connector(side));
                let [source, target] = ends;
                let found =
                    if ends.contains(&connector_id) { tx.connector(connector_id)? } else { None };
                found.map(|row| row.settings.connector_type).ok_or_else(|| {
                    let text =
                        format!("it is none of the configuration's two; use {source} or {target}");
                    Fault::invalid("/connector_id", text)
                })
            })
            .await?)
    }
}

/// What a webhook is about stays, and secrets are replaced elsewhere: senders have to follow.
fn warn_of_fixed(body: &mut Body) {
    const FIXED: [(&str, &str); 4] = [
        ("sync_config_id", "stays what it is; register another webhook"),
        ("connector_id", "stays what it is; register another webhook"),
        ("webhook_url", "stays what it is; register another webhook"),
        ("secret", "was ignored; POST /api/webhooks/{id}/rotate-secret replaces it"),
    ];
    for (name, what) in FIXED {
        if body.value(name).is_some() {
            body.warn(format!("/{name} {what}"));
        }
    }
}

/// Adds faults of fields that have none yet.
pub(super) fn add_faults(body: &mut Body, faults: Vec<FieldFault>) {
    for fault in faults {
        let is_known = body.faults().iter().any(|known| known.path.starts_with(&fault.path));
        if !is_known {
            body.fault(fault.path.trim_start_matches('/'), fault.message);
        }
    }
}

fn read_new(body: &mut Body) -> NewWebhook {
    body.missing("name");
    let name = body.text("name").unwrap_or_default();
    let config_id = body.required_id::<ConfigId>("sync_config_id").unwrap_or_default();
    let connector_id = body.required_id::<ConnectorId>("connector_id").unwrap_or_default();
    NewWebhook {
        name,
        config_id,
        connector_id,
        event_types: event_types(body).unwrap_or_else(|| vec!["*".to_owned()]),
        auth: body.word("auth_mode").unwrap_or(WebhookAuth::Hmac),
        secret: body.text("secret").map(Secret::new),
        metadata: Value::Object(body.object("metadata").unwrap_or_default()),
    }
}

/// `event_types`: texts. Which words there are is checked with the connector's own in mind.
fn event_types(body: &mut Body) -> Option<Vec<String>> {
    let parts = body.list("event_types")?;
    let mut words = Vec::new();
    for (index, part) in parts.iter().enumerate().take(100) {
        match part.as_str() {
            Some(word) => words.push(word.to_owned()),
            None => {
                let text = format!("this is {}; send a text", kind_of(part));
                body.fault(&format!("event_types/{index}"), text);
            }
        }
    }
    Some(words)
}

fn setup_of(view: &WebhookView) -> Setup {
    let row = &view.webhook;
    let header = header_name(&row.metadata);
    setup(&view.connector_type, row.auth, &view.full_url, &header, &row.event_types)
}

fn facts(row: &Webhook) -> Value {
    json!({
        "name": row.name, "sync_config_id": row.config_id, "connector_id": row.connector_id,
        "event_types": row.event_types, "auth_mode": row.auth, "is_active": row.is_active,
    })
}
