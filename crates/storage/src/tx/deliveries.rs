//! Table `webhook_deliveries`.

use std::collections::BTreeMap;

use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use syncline_domain::ports::{Accepted, CalledConfig, DeliveryFilter, DeliveryTx, WebhookFilter};
use syncline_domain::{Delivery, DeliveryId, Fault, ItemId, JobId, Timestamp, Webhook, WebhookId};

use super::{DbTx, webhooks};
use crate::convert::{CHUNK, all, count, from_json, limit as rows_at_most, to_json, word};
use crate::db::{Db, on_db};
use crate::dialect::{FIRST_DELIVERIES, FIRST_DELIVERY};
use crate::error::OrFault;
use crate::schema::webhook_deliveries;
use crate::statement::{Cached, Statement};

#[derive(Queryable, Selectable)]
#[diesel(table_name = webhook_deliveries)]
struct Row {
    id: i64,
    webhook_id: i64,
    status: String,
    created_at_us: i64,
    delivery_id: Option<String>,
    job_id: Option<i64>,
    duplicate_of: Option<i64>,
    signature_valid: bool,
    event_type: Option<String>,
    item_ids: String,
    reason: Option<String>,
    response_code: i32,
    processing_time_ms: i64,
    headers: String,
    payload: String,
}

impl Row {
    fn into_domain(self) -> Result<Delivery, Fault> {
        let items: Vec<ItemId> = from_json(&self.item_ids, "item ids")?;
        let response_code = u16::try_from(self.response_code).map_err(|_| {
            Fault::Internal(format!("the stored status {} is none", self.response_code))
        })?;
        Ok(Delivery {
            id: DeliveryId(self.id),
            webhook_id: WebhookId(self.webhook_id),
            payload: self.payload,
            headers: from_json(&self.headers, "headers")?,
            event_type: self.event_type,
            delivery_id: self.delivery_id,
            item_ids: items,
            signature_valid: self.signature_valid,
            status: word(&self.status)?,
            reason: self.reason,
            response_code,
            job_id: self.job_id.map(JobId),
            duplicate_of: self.duplicate_of.map(DeliveryId),
            processing_time_ms: u32::try_from(self.processing_time_ms).unwrap_or(u32::MAX),
            created_at: Timestamp::from_micros(self.created_at_us),
        })
    }
}

/// A delivery about to be stored. Its body may be large and is not copied.
#[derive(Insertable)]
#[diesel(table_name = webhook_deliveries, treat_none_as_default_value = false)]
struct NewRow<'a> {
    webhook_id: i64,
    status: &'static str,
    created_at_us: i64,
    delivery_id: Option<&'a str>,
    job_id: Option<i64>,
    duplicate_of: Option<i64>,
    signature_valid: bool,
    event_type: Option<&'a str>,
    item_ids: String,
    reason: Option<&'a str>,
    response_code: i32,
    processing_time_ms: i64,
    headers: String,
    payload: &'a str,
}

impl<'a> NewRow<'a> {
    fn new(delivery: &'a Delivery) -> Result<Self, Fault> {
        Ok(Self {
            webhook_id: delivery.webhook_id.0,
            status: delivery.status.as_str(),
            created_at_us: delivery.created_at.micros(),
            delivery_id: delivery.delivery_id.as_deref(),
            job_id: delivery.job_id.map(|id| id.0),
            duplicate_of: delivery.duplicate_of.map(|id| id.0),
            signature_valid: delivery.signature_valid,
            event_type: delivery.event_type.as_deref(),
            item_ids: to_json(&delivery.item_ids)?,
            reason: delivery.reason.as_deref(),
            response_code: i32::from(delivery.response_code),
            processing_time_ms: i64::from(delivery.processing_time_ms),
            headers: to_json(&delivery.headers)?,
            payload: &delivery.payload,
        })
    }
}

/// `None` when another accepted delivery has the same name.
fn insert(db: &mut Db, new: &NewRow<'_>) -> Result<Option<i64>, Fault> {
    on_db!(db, c => Cached(diesel::insert_into(webhook_deliveries::table)
        .values(new)
        .on_conflict_do_nothing()
        .returning(webhook_deliveries::id))
    .get_result(c)
    .optional())
    .or_fault()
}

/// `None` when another accepted delivery has the name of one of them; then some of them may be in. A server gets all of
/// them at once, each question to it being a journey.
fn insert_all(db: &mut Db, new: &[NewRow<'_>]) -> Result<Option<Vec<i64>>, Fault> {
    match db {
        Db::Pg(c) if new.len() > 1 => {
            let mut ids: Vec<i64> = diesel::insert_into(webhook_deliveries::table)
                .values(new)
                .on_conflict_do_nothing()
                .returning(webhook_deliveries::id)
                .get_results(c)
                .or_fault()?;
            // They are given in the order of the rows.
            ids.sort_unstable();
            Ok((ids.len() == new.len()).then_some(ids))
        }
        db => new.iter().map(|row| insert(db, row)).collect(),
    }
}

/// Adds the conditions of a filter but for the page.
macro_rules! let_through {
    ($query:expr, $filter:expr) => {{
        let mut query = $query;
        if let Some(webhook) = $filter.webhook_id {
            query = query.filter(webhook_deliveries::webhook_id.eq(webhook.0));
        }
        if let Some(status) = $filter.status {
            query = query.filter(webhook_deliveries::status.eq(status.as_str()));
        }
        query
    }};
}

impl DeliveryTx for DbTx<'_> {
    fn insert_webhook(&mut self, webhook: &Webhook) -> Result<WebhookId, Fault> {
        webhooks::insert(self.write()?, webhook)
    }

    fn webhook(&mut self, id: WebhookId) -> Result<Option<Webhook>, Fault> {
        webhooks::by_id(self.read(), id)
    }

    fn webhook_by_token(&mut self, token: &str) -> Result<Option<Webhook>, Fault> {
        webhooks::by_token(self.read(), token)
    }

    fn webhooks(&mut self, filter: &WebhookFilter) -> Result<Vec<Webhook>, Fault> {
        webhooks::list(self.read(), filter)
    }

    fn update_webhook(&mut self, webhook: &Webhook) -> Result<(), Fault> {
        webhooks::update(self.write()?, webhook)
    }

    fn delete_webhook(&mut self, id: WebhookId) -> Result<(), Fault> {
        self.sure_webhook = None;
        webhooks::delete(self.write()?, id)
    }

    fn count_triggers(
        &mut self,
        id: WebhookId,
        revision: i64,
        calls: u64,
        last: Timestamp,
    ) -> Result<Option<CalledConfig>, Fault> {
        let config = webhooks::count_triggers(self.write()?, id, revision, calls, last)?;
        if config.is_some() {
            self.sure_webhook = Some(id.0);
        }
        Ok(config)
    }

    fn count_unlogged_rejections(&mut self, id: WebhookId, calls: u64) -> Result<(), Fault> {
        webhooks::count_unlogged(self.write()?, id, calls)
    }

    fn first_deliveries(
        &mut self,
        webhook: WebhookId,
        names: &[&str],
    ) -> Result<BTreeMap<String, Accepted>, Fault> {
        type Types = (Text, BigInt, Nullable<BigInt>);
        let db = self.read();
        let ask: Statement<Types> = match names {
            [] => return Ok(BTreeMap::new()),
            [name] => Statement::new(FIRST_DELIVERY.on(db)).text(*name).number(webhook.0),
            names => {
                Statement::new(FIRST_DELIVERIES.on(db)).number(webhook.0).text(to_json(names)?)
            }
        };
        let rows: Vec<(String, i64, Option<i64>)> = on_db!(db, c => ask.load(c)).or_fault()?;
        let known = |(name, id, job): (_, _, Option<i64>)| (name, (DeliveryId(id), job.map(JobId)));
        Ok(rows.into_iter().map(known).collect())
    }

    fn insert_deliveries(&mut self, deliveries: &[Delivery]) -> Result<Vec<DeliveryId>, Fault> {
        let new = all(deliveries.iter().collect(), NewRow::new)?;
        let sure = deliveries.iter().all(|row| self.sure_webhook == Some(row.webhook_id.0));
        let db = self.write()?;
        let put = |db: &mut Db| insert_all(db, &new)?.ok_or_else(|| accepted_already(deliveries));
        // A single row that does not go in leaves nothing behind.
        let ids = if sure && new.len() == 1 { put(db) } else { db.guarded(put) }?;
        Ok(ids.into_iter().map(DeliveryId).collect())
    }

    fn delivery(&mut self, id: DeliveryId) -> Result<Option<Delivery>, Fault> {
        let row: Option<Row> = on_db!(self.read(), c => webhook_deliveries::table
            .find(id.0)
            .select(Row::as_select())
            .get_result(c)
            .optional())
        .or_fault()?;
        row.map(Row::into_domain).transpose()
    }

    fn deliveries(
        &mut self,
        filter: &DeliveryFilter,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Delivery>, Fault> {
        let rows: Vec<Row> = on_db!(self.read(), c, B => {
            let all = webhook_deliveries::table.select(Row::as_select()).into_boxed::<B>();
            let mut query = let_through!(all, filter);
            if let Some(before) = filter.before {
                query = query.filter(webhook_deliveries::id.lt(before.0));
            }
            query
                .order(webhook_deliveries::id.desc())
                .offset(rows_at_most(offset))
                .limit(rows_at_most(limit))
                .load(c)
        })
        .or_fault()?;
        all(rows, Row::into_domain)
    }

    fn count_deliveries(&mut self, filter: &DeliveryFilter) -> Result<u64, Fault> {
        let rows: i64 = on_db!(self.read(), c, B => {
            let all = webhook_deliveries::table.select(count_star()).into_boxed::<B>();
            let_through!(all, filter).get_result(c)
        })
        .or_fault()?;
        Ok(count(rows))
    }

    fn prune_deliveries(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault> {
        let db = self.write()?;
        let ids = old(db, before, limit)?;
        for chunk in ids.chunks(CHUNK) {
            on_db!(&mut *db, c => diesel::delete(webhook_deliveries::table
                .filter(webhook_deliveries::id.eq_any(chunk)))
            .execute(c))
            .or_fault()?;
        }
        Ok(count(ids.len()))
    }
}

fn accepted_already(deliveries: &[Delivery]) -> Fault {
    match deliveries {
        [one] => {
            let name = one.delivery_id.as_deref().unwrap_or_default();
            Fault::Conflict(format!("delivery {name:?} was accepted already"))
        }
        many => Fault::Conflict(format!("one of {} deliveries was accepted already", many.len())),
    }
}

/// Old deliveries, those with the lowest ids first.
///
/// The index of ages says whether there are more than enough. If so they are found by walking up the ids, since ids
/// rise with time; if not, that walk would pass over everything that is kept, and those found are all there are.
fn old(db: &mut Db, before: Timestamp, limit: usize) -> Result<Vec<i64>, Fault> {
    let some = webhook_deliveries::table
        .filter(webhook_deliveries::created_at_us.lt(before.micros()))
        .select(webhook_deliveries::id);
    let mut ids: Vec<i64> = on_db!(&mut *db, c => some
        .order(webhook_deliveries::created_at_us)
        .limit(rows_at_most(limit.saturating_add(1)))
        .load(c))
    .or_fault()?;
    if ids.len() > limit {
        let by_id: Statement<BigInt> = Statement::new(
            "SELECT id FROM webhook_deliveries WHERE +created_at_us < ? ORDER BY id LIMIT ?",
        )
        .number(before.micros())
        .number(rows_at_most(limit));
        ids = on_db!(db, c => by_id.load(c)).or_fault()?;
    }
    Ok(ids)
}
