//! Table `webhooks`.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use syncline_domain::ports::{CalledConfig, WebhookFilter};
use syncline_domain::{ConfigId, ConnectorId, Fault, Timestamp, Webhook, WebhookId};

use super::touched;
use crate::convert::{all, from_json, time, to_json, word};
use crate::db::{Db, on_db};
use crate::error::OrFault;
use crate::schema::webhooks;
use crate::statement::Statement;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = webhooks, treat_none_as_default_value = false)]
struct Row {
    #[diesel(skip_insertion)]
    id: i64,
    name: String,
    webhook_url: String,
    sync_config_id: i64,
    connector_id: i64,
    event_types: String,
    auth_mode: String,
    sealed_secret: Vec<u8>,
    old_secrets: String,
    is_active: bool,
    metadata: String,
    revision: i64,
    trigger_count: i64,
    unlogged_rejections: i64,
    last_triggered_at_us: Option<i64>,
    created_at_us: i64,
    updated_at_us: i64,
}

impl Row {
    fn new(hook: &Webhook) -> Result<Self, Fault> {
        Ok(Self {
            id: hook.id.0,
            name: hook.name.clone(),
            webhook_url: hook.token.clone(),
            sync_config_id: hook.config_id.0,
            connector_id: hook.connector_id.0,
            event_types: to_json(&hook.event_types)?,
            auth_mode: hook.auth.as_str().to_owned(),
            sealed_secret: hook.sealed_secret.clone(),
            old_secrets: to_json(&hook.old_secrets)?,
            is_active: hook.is_active,
            metadata: to_json(&hook.metadata)?,
            revision: hook.revision,
            trigger_count: hook.trigger_count,
            unlogged_rejections: hook.unlogged_rejections,
            last_triggered_at_us: hook.last_triggered_at.map(Timestamp::micros),
            created_at_us: hook.created_at.micros(),
            updated_at_us: hook.updated_at.micros(),
        })
    }

    fn into_domain(self) -> Result<Webhook, Fault> {
        Ok(Webhook {
            id: WebhookId(self.id),
            name: self.name,
            token: self.webhook_url,
            config_id: ConfigId(self.sync_config_id),
            connector_id: ConnectorId(self.connector_id),
            event_types: from_json(&self.event_types, "event types")?,
            auth: word(&self.auth_mode)?,
            sealed_secret: self.sealed_secret,
            old_secrets: from_json(&self.old_secrets, "old secrets")?,
            is_active: self.is_active,
            metadata: from_json(&self.metadata, "webhook metadata")?,
            revision: self.revision,
            trigger_count: self.trigger_count,
            unlogged_rejections: self.unlogged_rejections,
            last_triggered_at: time(self.last_triggered_at_us),
            created_at: Timestamp::from_micros(self.created_at_us),
            updated_at: Timestamp::from_micros(self.updated_at_us),
        })
    }
}

const TAKEN: &str = "there is a webhook with this token already";

pub(super) fn insert(db: &mut Db, hook: &Webhook) -> Result<WebhookId, Fault> {
    let new = Row::new(hook)?;
    let id = db.guarded(|db| {
        on_db!(db, c => diesel::insert_into(webhooks::table)
            .values(&new)
            .returning(webhooks::id)
            .get_result(c))
        .or_taken(|| TAKEN.to_owned())
    })?;
    Ok(WebhookId(id))
}

pub(super) fn by_id(db: &mut Db, id: WebhookId) -> Result<Option<Webhook>, Fault> {
    let row: Option<Row> =
        on_db!(db, c => webhooks::table.find(id.0).select(Row::as_select()).get_result(c).optional())
            .or_fault()?;
    row.map(Row::into_domain).transpose()
}

pub(super) fn by_token(db: &mut Db, token: &str) -> Result<Option<Webhook>, Fault> {
    let row: Option<Row> = on_db!(db, c => webhooks::table
        .filter(webhooks::webhook_url.eq(token))
        .select(Row::as_select())
        .get_result(c)
        .optional())
    .or_fault()?;
    row.map(Row::into_domain).transpose()
}

pub(super) fn list(db: &mut Db, filter: &WebhookFilter) -> Result<Vec<Webhook>, Fault> {
    let rows: Vec<Row> = on_db!(db, c, B => {
        let mut query = webhooks::table.select(Row::as_select()).into_boxed::<B>();
        if let Some(config) = filter.config_id {
            query = query.filter(webhooks::sync_config_id.eq(config.0));
        }
        if let Some(connector) = filter.connector_id {
            query = query.filter(webhooks::connector_id.eq(connector.0));
        }
        if let Some(active) = filter.active {
            query = query.filter(webhooks::is_active.eq(active));
        }
        if let Some(scope) = &filter.scope {
            let scope: Vec<i64> = scope.iter().map(|id| id.0).collect();
            query = query.filter(webhooks::sync_config_id.eq_any(scope));
        }
        query.order(webhooks::id).load(c)
    })
    .or_fault()?;
    all(rows, Row::into_domain)
}

pub(super) fn update(db: &mut Db, hook: &Webhook) -> Result<(), Fault> {
    let new = Row::new(hook)?;
    let rows = db.guarded(|db| {
        on_db!(db, c => diesel::update(webhooks::table.find(new.id))
            .set((
                webhooks::name.eq(&new.name),
                webhooks::sync_config_id.eq(new.sync_config_id),
                webhooks::connector_id.eq(new.connector_id),
                webhooks::event_types.eq(&new.event_types),
                webhooks::auth_mode.eq(&new.auth_mode),
                webhooks::sealed_secret.eq(&new.sealed_secret),
                webhooks::old_secrets.eq(&new.old_secrets),
                webhooks::is_active.eq(new.is_active),
                webhooks::metadata.eq(&new.metadata),
                webhooks::revision.eq(webhooks::revision + 1_i64),
                webhooks::created_at_us.eq(new.created_at_us),
                webhooks::updated_at_us.eq(new.updated_at_us),
            ))
            .execute(c))
        .or_fault()
    })?;
    touched(rows, "webhook", hook.id)
}

pub(super) fn delete(db: &mut Db, id: WebhookId) -> Result<(), Fault> {
    let rows = on_db!(db, c => diesel::delete(webhooks::table.find(id.0)).execute(c)).or_fault()?;
    touched(rows, "webhook", id)
}

/// Counts, proves the revision and looks at the configuration in one statement: it is a part of every accepted call.
pub(super) fn count_triggers(
    db: &mut Db,
    id: WebhookId,
    revision: i64,
    calls: u64,
    last: Timestamp,
) -> Result<Option<CalledConfig>, Fault> {
    let count: Statement<(Bool, Text, BigInt)> = Statement::new(
        "UPDATE webhooks SET trigger_count = trigger_count + ?, last_triggered_at_us = ? \
         WHERE id = ? AND revision = ? RETURNING \
         (SELECT c.is_active FROM sync_configs AS c WHERE c.id = webhooks.sync_config_id), \
         (SELECT c.direction FROM sync_configs AS c WHERE c.id = webhooks.sync_config_id), \
         (SELECT c.source_connector_id FROM sync_configs AS c WHERE c.id = webhooks.sync_config_id)",
    )
    .number(i64::try_from(calls).unwrap_or(i64::MAX))
    .number(last.micros())
    .number(id.0)
    .number(revision);
    let row: Option<(bool, String, i64)> =
        on_db!(db, c => count.get_result(c).optional()).or_fault()?;
    row.map(|(is_active, direction, source)| {
        let (direction, source_connector_id) = (word(&direction)?, ConnectorId(source));
        Ok(CalledConfig { is_active, direction, source_connector_id })
    })
    .transpose()
}

pub(super) fn count_unlogged(db: &mut Db, id: WebhookId, calls: u64) -> Result<(), Fault> {
    let calls = i64::try_from(calls).unwrap_or(i64::MAX);
    let count: Statement<()> = Statement::new(
        "UPDATE webhooks SET unlogged_rejections = unlogged_rejections + ? WHERE id = ?",
    )
    .number(calls)
    .number(id.0);
    on_db!(db, c => count.execute(c)).or_fault()?;
    Ok(())
}
