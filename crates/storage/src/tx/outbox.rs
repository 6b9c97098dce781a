//! Table `notification_outbox`.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use syncline_domain::ports::{OutboxFilter, OutboxTx, Topic};
use syncline_domain::{
    ConfigHealth, ConfigId, Fault, NotificationId, NotificationSetting, OutboxId, OutboxMessage,
    OutboxSettlement, OutboxStatus, Timestamp,
};

use super::{DbTx, notifications};
use crate::convert::{CHUNK, all, count, from_json, limit as rows_at_most, time, to_json, word};
use crate::db::{Db, on_db};
use crate::dialect::CLAIM_OUTBOX;
use crate::error::OrFault;
use crate::schema::notification_outbox::{self as outbox, table};
use crate::statement::{Cached, Statement};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = outbox, treat_none_as_default_value = false)]
struct Row {
    #[diesel(skip_insertion)]
    id: i64,
    event_key: String,
    event: String,
    config_id: Option<i64>,
    setting_id: Option<i64>,
    recipient_hash: String,
    message: String,
    status: String,
    attempts: i32,
    run_at_us: i64,
    token: i64,
    claimed_until_us: Option<i64>,
    last_error: Option<String>,
    created_at_us: i64,
    ended_at_us: Option<i64>,
}

impl Row {
    fn new(message: &OutboxMessage) -> Result<Self, Fault> {
        Ok(Self {
            id: message.id.0,
            event_key: message.event_key.clone(),
            event: message.event.clone(),
            config_id: message.config_id.map(|id| id.0),
            setting_id: message.setting_id.map(|id| id.0),
            recipient_hash: message.recipient_hash.clone(),
            message: to_json(&message.message)?,
            status: message.status.as_str().to_owned(),
            attempts: i32::try_from(message.attempts).unwrap_or(i32::MAX),
            run_at_us: message.run_at.micros(),
            token: message.token,
            claimed_until_us: message.claimed_until.map(Timestamp::micros),
            last_error: message.last_error.clone(),
            created_at_us: message.created_at.micros(),
            ended_at_us: message.ended_at.map(Timestamp::micros),
        })
    }

    fn into_domain(self) -> Result<OutboxMessage, Fault> {
        Ok(OutboxMessage {
            id: OutboxId(self.id),
            event_key: self.event_key,
            event: self.event,
            config_id: self.config_id.map(ConfigId),
            setting_id: self.setting_id.map(NotificationId),
            recipient_hash: self.recipient_hash,
            message: from_json(&self.message, "message")?,
            status: word(&self.status)?,
            attempts: u32::try_from(self.attempts).unwrap_or(0),
            run_at: Timestamp::from_micros(self.run_at_us),
            token: self.token,
            claimed_until: time(self.claimed_until_us),
            last_error: self.last_error,
            created_at: Timestamp::from_micros(self.created_at_us),
            ended_at: time(self.ended_at_us),
        })
    }
}

impl OutboxTx for DbTx<'_> {
    fn insert_notification(
        &mut self,
        setting: &NotificationSetting,
    ) -> Result<NotificationId, Fault> {
        notifications::insert(self.write()?, setting)
    }

    fn notification(&mut self, id: NotificationId) -> Result<Option<NotificationSetting>, Fault> {
        notifications::by_id(self.read(), id)
    }

    fn notifications(&mut self) -> Result<Vec<NotificationSetting>, Fault> {
        notifications::list(self.read())
    }

    fn update_notification(&mut self, setting: &NotificationSetting) -> Result<(), Fault> {
        notifications::update(self.write()?, setting)
    }

    fn delete_notification(&mut self, id: NotificationId) -> Result<(), Fault> {
        notifications::delete(self.write()?, id)
    }

    fn put_outbox(&mut self, messages: &[OutboxMessage]) -> Result<u64, Fault> {
        let new = self.write()?.guarded(|db| put(db, messages))?;
        self.wake_if(Topic::Outbox, new > 0);
        Ok(new)
    }

    fn claim_outbox(
        &mut self,
        now: Timestamp,
        ttl: Duration,
        limit: usize,
    ) -> Result<Vec<OutboxMessage>, Fault> {
        let db = self.write()?;
        let due: Statement<Bool> =
            Statement::new(CLAIM_OUTBOX.on(db)).number(now.micros()).number(rows_at_most(limit));
        let mut rows: Vec<Row> = on_db!(db, c => Cached(diesel::update(table.filter(due))
            .set((
                outbox::attempts.eq(outbox::attempts + 1),
                outbox::token.eq(outbox::token + 1_i64),
                outbox::claimed_until_us.eq(now.after(ttl).micros()),
            ))
            .returning(Row::as_returning()))
        .load(c))
        .or_fault()?;
        rows.sort_unstable_by_key(|row| (row.run_at_us, row.id));
        all(rows, Row::into_domain)
    }

    fn settle_outbox(&mut self, settlements: &[OutboxSettlement]) -> Result<u64, Fault> {
        let db = self.write()?;
        let mut held = 0;
        for settlement in settlements {
            held += settle(db, settlement)?;
        }
        self.wake_if(Topic::Outbox, held > 0);
        Ok(held)
    }

    fn next_outbox_at(&mut self) -> Result<Option<Timestamp>, Fault> {
        let ask: Statement<BigInt> = Statement::new(
            "SELECT COALESCE(claimed_until_us, run_at_us) FROM notification_outbox WHERE status = 'queued' \
             ORDER BY COALESCE(claimed_until_us, run_at_us) LIMIT 1",
        );
        let at: Option<i64> = on_db!(self.read(), c => ask.get_result(c).optional()).or_fault()?;
        Ok(time(at))
    }

    fn sent_since(&mut self, recipient_hash: &str, since: Timestamp) -> Result<u64, Fault> {
        let ask: Statement<BigInt> = Statement::new(
            "SELECT COUNT(*) FROM notification_outbox WHERE status = 'sent' AND recipient_hash = ? \
             AND ended_at_us >= ?",
        )
        .text(recipient_hash)
        .number(since.micros());
        let rows: i64 = on_db!(self.read(), c => ask.get_result(c)).or_fault()?;
        Ok(count(rows))
    }

    fn outbox(&mut self, filter: &OutboxFilter, limit: usize) -> Result<Vec<OutboxMessage>, Fault> {
        let rows: Vec<Row> = on_db!(self.read(), c, B => {
            let mut query = table.select(Row::as_select()).into_boxed::<B>();
            if let Some(config) = filter.config_id {
                query = query.filter(outbox::config_id.eq(config.0));
            }
            if let Some(status) = filter.status {
                query = query.filter(outbox::status.eq(status.as_str()));
            }
            if let Some(before) = filter.before {
                query = query.filter(outbox::id.lt(before.0));
            }
            query.order(outbox::id.desc()).limit(rows_at_most(limit)).load(c)
        })
        .or_fault()?;
        all(rows, Row::into_domain)
    }

    fn prune_outbox(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault> {
        let db = self.write()?;
        let ids: Vec<i64> = on_db!(&mut *db, c => table
            .filter(outbox::ended_at_us.lt(before.micros()))
            .order(outbox::id)
            .limit(rows_at_most(limit))
            .select(outbox::id)
            .load(c))
        .or_fault()?;
        for chunk in ids.chunks(CHUNK) {
            on_db!(&mut *db, c =>
                diesel::delete(table.filter(outbox::id.eq_any(chunk))).execute(c))
            .or_fault()?;
        }
        Ok(count(ids.len()))
    }

    fn config_health(&mut self, config_id: ConfigId) -> Result<Option<ConfigHealth>, Fault> {
        notifications::health(self.read(), config_id)
    }

    fn put_config_health(&mut self, health: &ConfigHealth) -> Result<(), Fault> {
        notifications::put_health(self.write()?, health)
    }
}

fn put(db: &mut Db, messages: &[OutboxMessage]) -> Result<u64, Fault> {
    let mut new = 0;
    for chunk in messages.chunks(CHUNK) {
        let rows = chunk.iter().map(Row::new).collect::<Result<Vec<_>, _>>()?;
        new += on_db!(&mut *db, c => diesel::insert_into(table)
            .values(&rows)
            .on_conflict_do_nothing()
            .execute(c))
        .or_fault()?;
    }
    Ok(count(new))
}

fn settle(db: &mut Db, one: &OutboxSettlement) -> Result<u64, Fault> {
    let given_back = i32::from(!one.counts);
    let ended = (one.status != OutboxStatus::Queued).then_some(one.at.micros());
    let held: Option<i64> = on_db!(db, c => Cached(diesel::update(table
        .filter(outbox::id.eq(one.id.0))
        .filter(outbox::token.eq(one.token))
        .filter(outbox::claimed_until_us.is_not_null()))
    .set((
        outbox::status.eq(one.status.as_str()),
        outbox::run_at_us.eq(one.run_at.micros()),
        outbox::attempts.eq(outbox::attempts - given_back),
        outbox::claimed_until_us.eq(None::<i64>),
        outbox::last_error.eq(one.error.as_deref()),
        outbox::ended_at_us.eq(ended),
    ))
    .returning(outbox::id))
    .get_result(c)
    .optional())
    .or_fault()?;
    Ok(u64::from(held.is_some()))
}
