//! Table `item_retries`: items that could not be synced, and when they are tried again.

use diesel::prelude::*;
use syncline_domain::{ConfigId, Fault, ItemId, ItemRetry, Side, Timestamp};

use super::pairs::texts;
use crate::convert::{CHUNK, all, from_json, to_json, word};
use crate::db::{Db, on_db};
use crate::error::OrFault;
use crate::schema::item_retries;

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = item_retries, primary_key(config_id, side, item_id))]
struct Row {
    config_id: i64,
    side: String,
    item_id: String,
    error: String,
    attempts: i32,
    next_try_at_us: i64,
    first_failed_at_us: i64,
}

impl Row {
    fn new(retry: &ItemRetry) -> Result<Self, Fault> {
        Ok(Self {
            config_id: retry.config_id.0,
            side: retry.side.as_str().to_owned(),
            item_id: retry.item_id.as_str().to_owned(),
            error: to_json(&retry.error)?,
            attempts: retry.attempts,
            next_try_at_us: retry.next_try_at.micros(),
            first_failed_at_us: retry.first_failed_at.micros(),
        })
    }

    fn into_domain(self) -> Result<ItemRetry, Fault> {
        Ok(ItemRetry {
            config_id: ConfigId(self.config_id),
            side: word(&self.side)?,
            item_id: ItemId::new(self.item_id),
            error: from_json(&self.error, "item error")?,
            attempts: self.attempts,
            next_try_at: Timestamp::from_micros(self.next_try_at_us),
            first_failed_at: Timestamp::from_micros(self.first_failed_at_us),
        })
    }
}

/// All retries of one side of a configuration.
pub(super) fn of_side(db: &mut Db, config: ConfigId, side: Side) -> Result<Vec<ItemRetry>, Fault> {
    let rows: Vec<Row> = on_db!(db, c => item_retries::table
        .filter(item_retries::config_id.eq(config.0))
        .filter(item_retries::side.eq(side.as_str()))
        .order(item_retries::item_id)
        .select(Row::as_select())
        .load(c))
    .or_fault()?;
    all(rows, Row::into_domain)
}

/// Retries of these items.
pub(super) fn of_items(
    db: &mut Db,
    config: ConfigId,
    side: Side,
    items: &[ItemId],
) -> Result<Vec<ItemRetry>, Fault> {
    let mut found = Vec::new();
    for chunk in items.chunks(CHUNK) {
        let rows: Vec<Row> = on_db!(&mut *db, c => item_retries::table
            .filter(item_retries::config_id.eq(config.0))
            .filter(item_retries::side.eq(side.as_str()))
            .filter(item_retries::item_id.eq_any(texts(chunk)))
            .select(Row::as_select())
            .load(c))
        .or_fault()?;
        found.extend(all(rows, Row::into_domain)?);
    }
    Ok(found)
}

/// Writes a retry over that of the same item.
pub(super) fn put(db: &mut Db, retry: &ItemRetry) -> Result<(), Fault> {
    let new = Row::new(retry)?;
    on_db!(db, c => diesel::insert_into(item_retries::table)
        .values(&new)
        .on_conflict((item_retries::config_id, item_retries::side, item_retries::item_id))
        .do_update()
        .set(&new)
        .execute(c))
    .or_fault()?;
    Ok(())
}

/// Forgets retries.
pub(super) fn clear(
    db: &mut Db,
    config: ConfigId,
    side: Side,
    items: &[ItemId],
) -> Result<(), Fault> {
    for chunk in items.chunks(CHUNK) {
        on_db!(&mut *db, c => diesel::delete(item_retries::table)
            .filter(item_retries::config_id.eq(config.0))
            .filter(item_retries::side.eq(side.as_str()))
            .filter(item_retries::item_id.eq_any(texts(chunk)))
            .execute(c))
        .or_fault()?;
    }
    Ok(())
}
