//! Tables `api_keys`, `settings`, `audit_log`, `remembered_replies`.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::upsert::excluded;
use syncline_domain::ports::{AdminTx, Topic};
use syncline_domain::{
    ApiKey, ApiKeyId, AuditEntry, AuditId, ConfigId, Fault, RememberedReply, Timestamp,
};

use super::{DbTx, touched};
use crate::convert::{
    CHUNK, all, count, from_json, from_json_opt, limit as rows_at_most, time, to_json, to_json_opt,
    word,
};
use crate::db::on_db;
use crate::error::OrFault;
use crate::schema::{api_keys, audit_log, remembered_replies, settings};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = api_keys, treat_none_as_default_value = false, treat_none_as_null = true)]
struct Key {
    #[diesel(skip_insertion)]
    id: i64,
    name: String,
    prefix: String,
    hash: String,
    role: String,
    config_scope: Option<String>,
    created_at_us: i64,
    expires_at_us: Option<i64>,
    last_used_at_us: Option<i64>,
    revoked_at_us: Option<i64>,
}

impl Key {
    fn new(key: &ApiKey) -> Result<Self, Fault> {
        Ok(Self {
            id: key.id.0,
            name: key.name.clone(),
            prefix: key.prefix.clone(),
            hash: key.hash.clone(),
            role: key.role.as_str().to_owned(),
            config_scope: to_json_opt(key.config_scope.as_ref())?,
            created_at_us: key.created_at.micros(),
            expires_at_us: key.expires_at.map(Timestamp::micros),
            last_used_at_us: key.last_used_at.map(Timestamp::micros),
            revoked_at_us: key.revoked_at.map(Timestamp::micros),
        })
    }

    fn into_domain(self) -> Result<ApiKey, Fault> {
        let scope: Option<Vec<ConfigId>> =
            from_json_opt(self.config_scope.as_deref(), "key scope")?;
        Ok(ApiKey {
            id: ApiKeyId(self.id),
            name: self.name,
            prefix: self.prefix,
            hash: self.hash,
            role: word(&self.role)?,
            config_scope: scope,
            created_at: Timestamp::from_micros(self.created_at_us),
            expires_at: time(self.expires_at_us),
            last_used_at: time(self.last_used_at_us),
            revoked_at: time(self.revoked_at_us),
        })
    }
}

fn taken(key: &ApiKey) -> String {
    format!("there is a key named {:?} already", key.name)
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_log, treat_none_as_default_value = false)]
struct Line {
    #[diesel(skip_insertion)]
    id: i64,
    at_us: i64,
    actor: String,
    action: String,
    target: String,
    details: String,
    request_id: Option<String>,
}

impl Line {
    fn into_domain(self) -> Result<AuditEntry, Fault> {
        Ok(AuditEntry {
            id: AuditId(self.id),
            at: Timestamp::from_micros(self.at_us),
            actor: self.actor,
            action: self.action,
            target: self.target,
            details: from_json(&self.details, "audit details")?,
            request_id: self.request_id,
        })
    }
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = remembered_replies, primary_key(scope, request_key))]
struct Reply {
    scope: String,
    request_key: String,
    body_hash: String,
    status: i32,
    reply: String,
    created_at_us: i64,
}

impl Reply {
    fn new(reply: &RememberedReply) -> Self {
        Self {
            scope: reply.scope.clone(),
            request_key: reply.key.clone(),
            body_hash: reply.body_hash.clone(),
            status: i32::from(reply.status),
            reply: reply.reply.clone(),
            created_at_us: reply.created_at.micros(),
        }
    }

    fn into_domain(self) -> Result<RememberedReply, Fault> {
        let status = u16::try_from(self.status)
            .map_err(|_| Fault::Internal(format!("the stored status {} is none", self.status)))?;
        Ok(RememberedReply {
            scope: self.scope,
            key: self.request_key,
            body_hash: self.body_hash,
            status,
            reply: self.reply,
            created_at: Timestamp::from_micros(self.created_at_us),
        })
    }
}

impl AdminTx for DbTx<'_> {
    fn insert_api_key(&mut self, key: &ApiKey) -> Result<ApiKeyId, Fault> {
        let new = Key::new(key)?;
        let id = self.write()?.guarded(|db| {
            on_db!(db, c => diesel::insert_into(api_keys::table)
                .values(&new)
                .returning(api_keys::id)
                .get_result(c))
            .or_taken(|| taken(key))
        })?;
        Ok(ApiKeyId(id))
    }

    fn api_key_by_hash(&mut self, hash: &str) -> Result<Option<ApiKey>, Fault> {
        let row: Option<Key> = on_db!(self.read(), c => api_keys::table
            .filter(api_keys::hash.eq(hash))
            .select(Key::as_select())
            .get_result(c)
            .optional())
        .or_fault()?;
        row.map(Key::into_domain).transpose()
    }

    fn api_keys(&mut self) -> Result<Vec<ApiKey>, Fault> {
        let rows: Vec<Key> = on_db!(self.read(), c => api_keys::table
            .order(api_keys::id)
            .select(Key::as_select())
            .load(c))
        .or_fault()?;
        all(rows, Key::into_domain)
    }

    fn update_api_key(&mut self, key: &ApiKey) -> Result<(), Fault> {
        let new = Key::new(key)?;
        let rows = self.write()?.guarded(|db| {
            on_db!(db, c => diesel::update(api_keys::table.find(new.id)).set(&new).execute(c))
                .or_taken(|| taken(key))
        })?;
        touched(rows, "key", key.id)
    }

    fn settings(&mut self) -> Result<BTreeMap<String, String>, Fault> {
        let rows: Vec<(String, String)> = on_db!(self.read(), c => settings::table
            .select((settings::name, settings::value))
            .load(c))
        .or_fault()?;
        Ok(rows.into_iter().collect())
    }

    fn put_setting(&mut self, key: &str, value: Option<&str>, now: Timestamp) -> Result<(), Fault> {
        let db = self.write()?;
        let done = match value {
            None => on_db!(db, c => diesel::delete(settings::table.find(key)).execute(c)),
            Some(text) => on_db!(db, c => diesel::insert_into(settings::table)
                .values((
                    settings::name.eq(key),
                    settings::value.eq(text),
                    settings::updated_at_us.eq(now.micros()),
                ))
                .on_conflict(settings::name)
                .do_update()
                .set((
                    settings::value.eq(excluded(settings::value)),
                    settings::updated_at_us.eq(excluded(settings::updated_at_us)),
                ))
                .execute(c)),
        };
        done.or_fault()?;
        self.wake(Topic::Schedules);
        Ok(())
    }

    fn append_audit(&mut self, entry: &AuditEntry) -> Result<(), Fault> {
        let new = Line {
            id: 0,
            at_us: entry.at.micros(),
            actor: entry.actor.clone(),
            action: entry.action.clone(),
            target: entry.target.clone(),
            details: to_json(&entry.details)?,
            request_id: entry.request_id.clone(),
        };
        on_db!(self.write()?, c => diesel::insert_into(audit_log::table).values(&new).execute(c))
            .or_fault()?;
        Ok(())
    }

    fn audit(&mut self, before: Option<AuditId>, limit: usize) -> Result<Vec<AuditEntry>, Fault> {
        let before = before.map_or(i64::MAX, |id| id.0);
        let rows: Vec<Line> = on_db!(self.read(), c => audit_log::table
            .filter(audit_log::id.lt(before))
            .order(audit_log::id.desc())
            .limit(rows_at_most(limit))
            .select(Line::as_select())
            .load(c))
        .or_fault()?;
        all(rows, Line::into_domain)
    }

    fn prune_audit(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault> {
        let db = self.write()?;
        // Lines come in the order of their time, so that the first that is young enough ends the search.
        let oldest: Vec<(i64, i64)> = on_db!(&mut *db, c => audit_log::table
            .order(audit_log::id)
            .limit(rows_at_most(limit))
            .select((audit_log::id, audit_log::at_us))
            .load(c))
        .or_fault()?;
        let old: Vec<i64> = oldest
            .into_iter()
            .take_while(|(_, at)| *at < before.micros())
            .map(|(id, _)| id)
            .collect();
        for chunk in old.chunks(CHUNK) {
            on_db!(&mut *db, c =>
                diesel::delete(audit_log::table.filter(audit_log::id.eq_any(chunk))).execute(c))
            .or_fault()?;
        }
        Ok(count(old.len()))
    }

    fn remembered_reply(
        &mut self,
        scope: &str,
        key: &str,
    ) -> Result<Option<RememberedReply>, Fault> {
        let row: Option<Reply> = on_db!(self.read(), c => remembered_replies::table
            .find((scope, key))
            .select(Reply::as_select())
            .get_result(c)
            .optional())
        .or_fault()?;
        row.map(Reply::into_domain).transpose()
    }

    fn remember_reply(&mut self, reply: &RememberedReply) -> Result<(), Fault> {
        let new = Reply::new(reply);
        on_db!(self.write()?, c => diesel::insert_into(remembered_replies::table)
            .values(&new)
            .on_conflict((remembered_replies::scope, remembered_replies::request_key))
            .do_update()
            .set(&new)
            .execute(c))
        .or_fault()?;
        Ok(())
    }

    fn forget_reply(&mut self, scope: &str, key: &str) -> Result<(), Fault> {
        on_db!(self.write()?, c =>
            diesel::delete(remembered_replies::table.find((scope, key))).execute(c))
        .or_fault()?;
        Ok(())
    }

    fn prune_replies(&mut self, before: Timestamp) -> Result<u64, Fault> {
        let rows = on_db!(self.write()?, c => diesel::delete(remembered_replies::table)
            .filter(remembered_replies::created_at_us.lt(before.micros()))
            .execute(c))
        .or_fault()?;
        Ok(count(rows))
    }
}
