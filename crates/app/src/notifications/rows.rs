//! Making, reading, changing and deleting notification settings.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};
use syncline_domain::ports::{Place, Sealer, StoreExt as _, Tx};
use syncline_domain::{
    ChannelKind, ConfigId, Fault, NotificationEvent, NotificationId, NotificationSetting, Role,
    StoredRecipient,
};

use super::body::{self, ChannelSettings, Kept};
use crate::configs::must_config;
use crate::connectors::Saved;
use crate::input::Body;
use crate::{App, AppError, Caller, audit};

/// Which notification settings to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotificationFilter {
    /// Of this configuration only.
    pub config_id: Option<ConfigId>,
    /// Active or inactive ones only.
    pub active: Option<bool>,
}

/// A notification setting as people see it.
#[derive(Clone, Debug, PartialEq)]
pub struct NotificationView {
    /// The row. Its sealed parts are not for showing.
    pub setting: NotificationSetting,
    /// The configuration's name.
    pub config_name: Option<String>,
}

/// What a body said of a setting.
struct Draft {
    config_id: Option<Option<ConfigId>>,
    channel: ChannelKind,
    events: Option<Vec<NotificationEvent>>,
    recipients: Option<Vec<Kept>>,
    settings: ChannelSettings,
    is_active: Option<bool>,
}

impl App {
    /// Notification settings in the caller's sight; those for all configurations only for callers without a limit.
    ///
    /// # Errors
    /// [`Fault::NotFound`] for a configuration out of sight.
    pub async fn notifications(
        &self,
        caller: &Caller,
        filter: NotificationFilter,
    ) -> Result<Vec<NotificationView>, AppError> {
        if let Some(id) = filter.config_id {
            caller.must_see(id)?;
        }
        let caller = caller.clone();
        Ok(self
            .store()
            .view("notifications", move |tx| {
                if let Some(id) = filter.config_id {
                    must_config(tx, id)?;
                }
                let mut views = Vec::new();
                for setting in tx.notifications()? {
                    let wanted = filter.config_id.is_none_or(|id| setting.config_id == Some(id))
                        && filter.active.is_none_or(|active| setting.is_active == active);
                    if wanted && sees(&caller, setting.config_id) {
                        views.push(viewed(tx, setting)?);
                    }
                }
                Ok(views)
            })
            .await?)
    }

    /// One notification setting.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn notification(
        &self,
        caller: &Caller,
        id: NotificationId,
    ) -> Result<NotificationView, AppError> {
        let caller = caller.clone();
        let found = self.store().view("notification", move |tx| {
            let setting = seen(tx, &caller, id)?;
            viewed(tx, setting)
        });
        Ok(found.await?)
    }

    /// Makes a notification setting.
    ///
    /// # Errors
    /// [`Fault::Invalid`] with every fault at once, [`Fault::NotFound`] for a configuration that is not there.
    pub async fn create_notification(
        &self,
        caller: &Caller,
        body: Value,
    ) -> Result<Saved<NotificationId>, AppError> {
        caller.needs(Role::Admin)?;
        let mut body = Body::new(body)?;
        for name in ["notification_type", "event_triggers", "recipients"] {
            body.missing(name);
        }
        let draft = self.read_notification(&mut body, None);
        let warnings = body.finish()?;
        let config_id = draft.config_id.flatten();
        may_touch(caller, config_id)?;
        let (caller, now, sealer) = (caller.clone(), self.now(), self.sealer());
        let Draft { channel, events, recipients, settings, is_active, .. } = draft;
        let recipients = recipients.unwrap_or_default();
        let mut row = NotificationSetting {
            id: NotificationId::default(),
            config_id,
            channel,
            events: events.unwrap_or_default(),
            recipients: Vec::new(),
            settings: Value::Object(settings.shown.unwrap_or_default()),
            sealed_secret: None,
            is_active: is_active.unwrap_or(true),
            failing_since: None,
            disabled_reason: None,
            created_at: now,
            updated_at: now,
        };
        let secret = settings.secret.flatten();
        let id = self
            .store()
            .tx("notification create", move |tx| {
                if let Some(config) = row.config_id {
                    must_config(tx, config)?;
                }
                row.id = tx.insert_notification(&row)?;
                row.recipients = sealed_all(sealer.as_ref(), row.id, &recipients)?;
                row.sealed_secret = sealed_secret(sealer.as_ref(), row.id, secret.as_ref())?;
                tx.update_notification(&row)?;
                record(tx, &caller, now, "notification.create", &row)?;
                Ok(row.id)
            })
            .await?;
        Ok(Saved { id, warnings })
    }

    /// Changes what is given; a given list replaces the list, and recipients written as they were shown stay.
    ///
    /// # Errors
    /// As [`App::create_notification`].
    pub async fn update_notification(
        &self,
        caller: &Caller,
        id: NotificationId,
        body: Value,
    ) -> Result<Saved<NotificationId>, AppError> {
        caller.needs(Role::Admin)?;
        let who = caller.clone();
        let old = self.store().view("notification", move |tx| seen(tx, &who, id)).await?;
        let mut body = Body::new(body)?;
        let draft = self.read_notification(&mut body, Some(&old));
        if draft.channel != old.channel && draft.recipients.is_none() && body.faults().is_empty() {
            body.fault("recipients", "another notification_type needs recipients of its own");
        }
        let warnings = body.finish()?;
        if let Some(config) = draft.config_id {
            may_touch(caller, config)?;
        }
        let (caller, now, sealer) = (caller.clone(), self.now(), self.sealer());
        self.store()
            .tx("notification update", move |tx| {
                let mut row = seen(tx, &caller, id)?;
                changed(tx, &mut row, &draft, &sealer)?;
                row.updated_at = now;
                tx.update_notification(&row)?;
                record(tx, &caller, now, "notification.update", &row)
            })
            .await?;
        Ok(Saved { id, warnings })
    }

    /// Deletes a notification setting with its waiting messages.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn delete_notification(
        &self,
        caller: &Caller,
        id: NotificationId,
    ) -> Result<(), AppError> {
        caller.needs(Role::Admin)?;
        let (caller, now) = (caller.clone(), self.now());
        self.store()
            .tx("notification delete", move |tx| {
                let row = seen(tx, &caller, id)?;
                tx.delete_notification(id)?;
                record(tx, &caller, now, "notification.delete", &row)
            })
            .await?;
        Ok(())
    }

    fn read_notification(&self, body: &mut Body, old: Option<&NotificationSetting>) -> Draft {
        let config_id = match body.nullable("sync_config_id") {
            Some(None) => Some(None),
            _ => body.id::<ConfigId>("sync_config_id").map(Some),
        };
        let given = body.word::<ChannelKind>("notification_type");
        let usual = old.map_or(ChannelKind::Email, |old| old.channel);
        let channel = given.unwrap_or(usual);
        let events = body::events(body);
        let settings = body::settings(body);
        let rules = Arc::clone(&self.automation().recipients);
        let same_kind = old.filter(|old| old.channel == channel);
        let known = same_kind.map_or(&[][..], |old| &old.recipients);
        let knows_kind = given.is_some() || old.is_some();
        let recipients = if knows_kind && body.has("recipients") {
            body::recipients(body, rules.as_ref(), channel, &settings, known)
        } else if knows_kind {
            body::check_settings(body, rules.as_ref(), channel, &settings);
            None
        } else {
            body::texts(body);
            None
        };
        let is_active = body.flag("is_active");
        Draft { config_id, channel, events, recipients, settings, is_active }
    }
}

fn changed(
    tx: &mut dyn Tx,
    row: &mut NotificationSetting,
    draft: &Draft,
    sealer: &Arc<dyn Sealer>,
) -> Result<(), Fault> {
    if let Some(config) = draft.config_id {
        if let Some(id) = config {
            must_config(tx, id)?;
        }
        row.config_id = config;
    }
    row.channel = draft.channel;
    if let Some(events) = &draft.events {
        row.events.clone_from(events);
    }
    if let Some(recipients) = &draft.recipients {
        row.recipients = sealed_all(sealer.as_ref(), row.id, recipients)?;
        row.failing_since = None;
    }
    if let Some(shown) = &draft.settings.shown {
        row.settings = Value::Object(shown.clone());
    }
    if let Some(secret) = &draft.settings.secret {
        row.sealed_secret = sealed_secret(sealer.as_ref(), row.id, secret.as_ref())?;
    }
    if let Some(active) = draft.is_active {
        row.is_active = active;
        if active {
            row.disabled_reason = None;
            row.failing_since = None;
        }
    }
    Ok(())
}

fn sealed_all(
    sealer: &dyn Sealer,
    id: NotificationId,
    recipients: &[Kept],
) -> Result<Vec<StoredRecipient>, Fault> {
    let place = Place::recipients(id);
    let one = |kept: &Kept| match kept {
        Kept::Old(old) => Ok(old.clone()),
        Kept::New(new) => {
            let sealed = match new.is_secret {
                true => Some(seal(sealer, &place, &new.text)?),
                false => None,
            };
            Ok(StoredRecipient { hash: new.hash.clone(), shown: new.shown.clone(), sealed })
        }
    };
    recipients.iter().map(one).collect()
}

fn sealed_secret(
    sealer: &dyn Sealer,
    id: NotificationId,
    secret: Option<&SecretString>,
) -> Result<Option<Vec<u8>>, Fault> {
    let place = Place::notification_secret(id);
    secret.map(|secret| seal(sealer, &place, secret.expose_secret())).transpose()
}

fn seal(sealer: &dyn Sealer, place: &Place, plain: &str) -> Result<Vec<u8>, Fault> {
    sealer.seal(place, plain.as_bytes()).map_err(|error| Fault::Internal(error.to_string()))
}

fn sees(caller: &Caller, config: Option<ConfigId>) -> bool {
    match config {
        Some(id) => caller.sees(id),
        None => caller.scope.is_none(),
    }
}

fn may_touch(caller: &Caller, config: Option<ConfigId>) -> Result<(), Fault> {
    match config {
        Some(id) => caller.must_see(id),
        None => caller.must_see_all(),
    }
}

fn seen(
    tx: &mut dyn Tx,
    caller: &Caller,
    id: NotificationId,
) -> Result<NotificationSetting, Fault> {
    let found = tx.notification(id)?.filter(|setting| sees(caller, setting.config_id));
    found.ok_or_else(|| Fault::no_such("notification setting", id))
}

fn viewed(tx: &mut dyn Tx, setting: NotificationSetting) -> Result<NotificationView, Fault> {
    let config_name = match setting.config_id {
        Some(id) => tx.config(id)?.map(|config| config.name),
        None => None,
    };
    Ok(NotificationView { setting, config_name })
}

fn record(
    tx: &mut dyn Tx,
    caller: &Caller,
    now: syncline_domain::Timestamp,
    action: &str,
    row: &NotificationSetting,
) -> Result<(), Fault> {
    let shown: Vec<&str> = row.recipients.iter().map(|one| one.shown.as_str()).collect();
    let mut details = Map::new();
    details.insert("notification_type".to_owned(), json!(row.channel));
    details.insert("sync_config_id".to_owned(), json!(row.config_id));
    details.insert("recipients".to_owned(), json!(shown));
    let target = format!("notification/{}", row.id);
    audit::record(tx, caller, now, action, &target, Value::Object(details))
}
