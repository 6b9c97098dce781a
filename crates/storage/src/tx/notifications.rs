//! Tables `notification_settings` and `config_health`.

use diesel::prelude::*;
use diesel::upsert::excluded;
use syncline_domain::{
    ConfigHealth, ConfigId, Fault, NotificationId, NotificationSetting, Timestamp,
};

use super::touched;
use crate::convert::{all, from_json, time, to_json, word};
use crate::db::{Db, on_db};
use crate::error::OrFault;
use crate::schema::{config_health, notification_outbox, notification_settings};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = notification_settings, treat_none_as_default_value = false, treat_none_as_null = true)]
struct Row {
    #[diesel(skip_insertion)]
    id: i64,
    sync_config_id: Option<i64>,
    notification_type: String,
    event_triggers: String,
    recipients: String,
    settings: String,
    sealed_secret: Option<Vec<u8>>,
    is_active: bool,
    failing_since_us: Option<i64>,
    disabled_reason: Option<String>,
    created_at_us: i64,
    updated_at_us: i64,
}

impl Row {
    fn new(setting: &NotificationSetting) -> Result<Self, Fault> {
        let events: Vec<&str> = setting.events.iter().map(|event| event.as_str()).collect();
        Ok(Self {
            id: setting.id.0,
            sync_config_id: setting.config_id.map(|id| id.0),
            notification_type: setting.channel.as_str().to_owned(),
            event_triggers: to_json(&events)?,
            recipients: to_json(&setting.recipients)?,
            settings: to_json(&setting.settings)?,
            sealed_secret: setting.sealed_secret.clone(),
            is_active: setting.is_active,
            failing_since_us: setting.failing_since.map(Timestamp::micros),
            disabled_reason: setting.disabled_reason.clone(),
            created_at_us: setting.created_at.micros(),
            updated_at_us: setting.updated_at.micros(),
        })
    }

    fn into_domain(self) -> Result<NotificationSetting, Fault> {
        let events: Vec<String> = from_json(&self.event_triggers, "event triggers")?;
        Ok(NotificationSetting {
            id: NotificationId(self.id),
            config_id: self.sync_config_id.map(ConfigId),
            channel: word(&self.notification_type)?,
            events: all(events, |event| word(&event))?,
            recipients: from_json(&self.recipients, "recipients")?,
            settings: from_json(&self.settings, "notification settings")?,
            sealed_secret: self.sealed_secret,
            is_active: self.is_active,
            failing_since: time(self.failing_since_us),
            disabled_reason: self.disabled_reason,
            created_at: Timestamp::from_micros(self.created_at_us),
            updated_at: Timestamp::from_micros(self.updated_at_us),
        })
    }
}

pub(super) fn insert(db: &mut Db, setting: &NotificationSetting) -> Result<NotificationId, Fault> {
    let new = Row::new(setting)?;
    let id = db.guarded(|db| {
        on_db!(db, c => diesel::insert_into(notification_settings::table)
            .values(&new)
            .returning(notification_settings::id)
            .get_result(c))
        .or_fault()
    })?;
    Ok(NotificationId(id))
}

pub(super) fn by_id(db: &mut Db, id: NotificationId) -> Result<Option<NotificationSetting>, Fault> {
    let row: Option<Row> = on_db!(db, c => notification_settings::table
        .find(id.0)
        .select(Row::as_select())
        .get_result(c)
        .optional())
    .or_fault()?;
    row.map(Row::into_domain).transpose()
}

pub(super) fn list(db: &mut Db) -> Result<Vec<NotificationSetting>, Fault> {
    let rows: Vec<Row> = on_db!(db, c => notification_settings::table
        .order(notification_settings::id)
        .select(Row::as_select())
        .load(c))
    .or_fault()?;
    all(rows, Row::into_domain)
}

pub(super) fn update(db: &mut Db, setting: &NotificationSetting) -> Result<(), Fault> {
    let new = Row::new(setting)?;
    let rows = db.guarded(|db| {
        on_db!(db, c =>
            diesel::update(notification_settings::table.find(new.id)).set(&new).execute(c))
        .or_fault()
    })?;
    touched(rows, "notification setting", setting.id)
}

pub(super) fn delete(db: &mut Db, id: NotificationId) -> Result<(), Fault> {
    on_db!(&mut *db, c => diesel::delete(notification_outbox::table
        .filter(notification_outbox::setting_id.eq(id.0))
        .filter(notification_outbox::status.eq("queued")))
    .execute(c))
    .or_fault()?;
    let rows = on_db!(db, c => diesel::delete(notification_settings::table.find(id.0)).execute(c))
        .or_fault()?;
    touched(rows, "notification setting", id)
}

pub(super) fn health(db: &mut Db, config_id: ConfigId) -> Result<Option<ConfigHealth>, Fault> {
    let row: Option<(Option<i64>, Option<String>, Option<i64>)> = on_db!(db, c =>
        config_health::table
            .find(config_id.0)
            .select((
                config_health::failing_since_us,
                config_health::fingerprint,
                config_health::told_at_us,
            ))
            .get_result(c)
            .optional())
    .or_fault()?;
    Ok(row.map(|(failing_since, fingerprint, told_at)| ConfigHealth {
        config_id,
        failing_since: time(failing_since),
        fingerprint,
        told_at: time(told_at),
    }))
}

pub(super) fn put_health(db: &mut Db, health: &ConfigHealth) -> Result<(), Fault> {
    db.guarded(|db| {
        on_db!(db, c => diesel::insert_into(config_health::table)
            .values((
                config_health::config_id.eq(health.config_id.0),
                config_health::failing_since_us.eq(health.failing_since.map(Timestamp::micros)),
                config_health::fingerprint.eq(&health.fingerprint),
                config_health::told_at_us.eq(health.told_at.map(Timestamp::micros)),
            ))
            .on_conflict(config_health::config_id)
            .do_update()
            .set((
                config_health::failing_since_us.eq(excluded(config_health::failing_since_us)),
                config_health::fingerprint.eq(excluded(config_health::fingerprint)),
                config_health::told_at_us.eq(excluded(config_health::told_at_us)),
            ))
            .execute(c))
        .or_fault()
    })?;
    Ok(())
}
