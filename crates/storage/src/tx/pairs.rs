//! Table `synced_items`: pairs of a source item and its copy.

use std::collections::BTreeSet;

use diesel::prelude::*;
use syncline_domain::{
    ConfigId, ConnectorId, Fault, ItemId, Pair, PairId, PairState, Side, Timestamp, Version,
};

use super::touched;
use crate::convert::{CHUNK, all, count as number, limit as rows_at_most};
use crate::db::{Db, on_db};
use crate::error::OrFault;
use crate::schema::{sync_configs, synced_items};
use crate::statement::Cached;

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = synced_items, treat_none_as_default_value = false, treat_none_as_null = true)]
struct Row {
    #[diesel(skip_insertion)]
    id: i64,
    config_id: i64,
    source_item_id: String,
    target_item_id: Option<String>,
    source_type: String,
    target_type: String,
    source_url: String,
    target_url: String,
    source_version: String,
    target_version: String,
    state: String,
    last_synced_at_us: i64,
    sync_count: i64,
    created_at_us: i64,
}

impl Row {
    fn new(pair: &Pair) -> Self {
        Self {
            id: pair.id.0,
            config_id: pair.config_id.0,
            source_item_id: pair.source_item_id.as_str().to_owned(),
            target_item_id: pair.target_item_id.as_ref().map(|id| id.as_str().to_owned()),
            source_type: pair.source_type.clone(),
            target_type: pair.target_type.clone(),
            source_url: pair.source_url.clone(),
            target_url: pair.target_url.clone(),
            source_version: pair.source_version.as_str().to_owned(),
            target_version: pair.target_version.as_str().to_owned(),
            state: pair.state.as_str().to_owned(),
            last_synced_at_us: pair.last_synced_at.micros(),
            sync_count: pair.sync_count,
            created_at_us: pair.created_at.micros(),
        }
    }

    fn into_domain(self) -> Result<Pair, Fault> {
        Ok(Pair {
            id: PairId(self.id),
            config_id: ConfigId(self.config_id),
            source_item_id: ItemId::new(self.source_item_id),
            target_item_id: self.target_item_id.map(ItemId::new),
            source_type: self.source_type,
            target_type: self.target_type,
            source_url: self.source_url,
            target_url: self.target_url,
            source_version: Version::new(self.source_version),
            target_version: Version::new(self.target_version),
            state: state(&self.state)?,
            last_synced_at: Timestamp::from_micros(self.last_synced_at_us),
            sync_count: self.sync_count,
            created_at: Timestamp::from_micros(self.created_at_us),
        })
    }
}

fn state(word: &str) -> Result<PairState, Fault> {
    [PairState::Active, PairState::Ignored]
        .into_iter()
        .find(|state| state.as_str() == word)
        .ok_or_else(|| Fault::Internal(format!("the stored pair state {word:?} is unknown")))
}

fn taken(pair: &Pair) -> String {
    match &pair.target_item_id {
        Some(copy) => format!("item {} or {copy} is paired already", pair.source_item_id),
        None => format!("item {} is paired already", pair.source_item_id),
    }
}

/// The texts of item ids, for a bind.
pub(super) fn texts(items: &[ItemId]) -> Vec<&str> {
    items.iter().map(ItemId::as_str).collect()
}

/// Stores a pair.
pub(super) fn insert(db: &mut Db, pair: &Pair) -> Result<PairId, Fault> {
    let new = Row::new(pair);
    let id = db.guarded(|db| {
        on_db!(db, c => diesel::insert_into(synced_items::table)
            .values(&new)
            .returning(synced_items::id)
            .get_result(c))
        .or_taken(|| taken(pair))
    })?;
    Ok(PairId(id))
}

/// Reads one.
pub(super) fn get(db: &mut Db, id: PairId) -> Result<Option<Pair>, Fault> {
    let row: Option<Row> = on_db!(db, c => synced_items::table
        .find(id.0)
        .select(Row::as_select())
        .get_result(c)
        .optional())
    .or_fault()?;
    row.map(Row::into_domain).transpose()
}

/// The pairs of these items of one side.
pub(super) fn by_items(
    db: &mut Db,
    config: ConfigId,
    side: Side,
    items: &[ItemId],
) -> Result<Vec<Pair>, Fault> {
    let asked: BTreeSet<&str> = items.iter().map(ItemId::as_str).collect();
    let asked: Vec<&str> = asked.into_iter().collect();
    let mut found = Vec::new();
    for chunk in asked.chunks(CHUNK) {
        let rows: Vec<Row> = on_db!(&mut *db, c => {
            let own = synced_items::table
                .filter(synced_items::config_id.eq(config.0))
                .select(Row::as_select());
            match side {
                Side::Source => own.filter(synced_items::source_item_id.eq_any(chunk)).load(c),
                Side::Target => own.filter(synced_items::target_item_id.eq_any(chunk)).load(c),
            }
        })
        .or_fault()?;
        found.extend(all(rows, Row::into_domain)?);
    }
    Ok(found)
}

/// Pairs of a configuration by id.
pub(super) fn page(
    db: &mut Db,
    config: ConfigId,
    after: Option<PairId>,
    offset: usize,
    limit: usize,
) -> Result<Vec<Pair>, Fault> {
    let after = after.map_or(i64::MIN, |id| id.0);
    let rows: Vec<Row> = on_db!(db, c => synced_items::table
        .filter(synced_items::config_id.eq(config.0))
        .filter(synced_items::id.gt(after))
        .order(synced_items::id)
        .offset(rows_at_most(offset))
        .limit(rows_at_most(limit))
        .select(Row::as_select())
        .load(c))
    .or_fault()?;
    all(rows, Row::into_domain)
}

/// How many pairs a configuration has.
pub(super) fn count(db: &mut Db, config: ConfigId) -> Result<u64, Fault> {
    let rows: i64 = on_db!(db, c => synced_items::table
        .filter(synced_items::config_id.eq(config.0))
        .count()
        .get_result(c))
    .or_fault()?;
    Ok(number(rows))
}

/// Writes all columns of a pair.
pub(super) fn update(db: &mut Db, pair: &Pair) -> Result<(), Fault> {
    let new = Row::new(pair);
    let row: Option<i64> = db.guarded(|db| {
        on_db!(db, c => Cached(diesel::update(synced_items::table.find(new.id))
            .set(&new)
            .returning(synced_items::id))
        .get_result(c)
        .optional())
        .or_taken(|| taken(pair))
    })?;
    touched(usize::from(row.is_some()), "pair", pair.id)
}

/// Deletes a pair with what hangs on it.
pub(super) fn delete(db: &mut Db, id: PairId) -> Result<(), Fault> {
    let rows =
        on_db!(db, c => diesel::delete(synced_items::table.find(id.0)).execute(c)).or_fault()?;
    touched(rows, "pair", id)
}

/// Which of these items of a connector belong to an active pair of any configuration.
pub(super) fn paired(
    db: &mut Db,
    connector: ConnectorId,
    items: &[ItemId],
) -> Result<BTreeSet<ItemId>, Fault> {
    let active = PairState::Active.as_str();
    let mut found = BTreeSet::new();
    for chunk in items.chunks(CHUNK) {
        let chunk = texts(chunk);
        let sources: Vec<String> = on_db!(&mut *db, c => synced_items::table
            .inner_join(sync_configs::table)
            .filter(sync_configs::source_connector_id.eq(connector.0))
            .filter(synced_items::source_item_id.eq_any(&chunk))
            .filter(synced_items::state.eq(active))
            .select(synced_items::source_item_id)
            .load(c))
        .or_fault()?;
        let targets: Vec<Option<String>> = on_db!(&mut *db, c => synced_items::table
            .inner_join(sync_configs::table)
            .filter(sync_configs::target_connector_id.eq(connector.0))
            .filter(synced_items::target_item_id.eq_any(&chunk))
            .filter(synced_items::state.eq(active))
            .select(synced_items::target_item_id)
            .load(c))
        .or_fault()?;
        found.extend(sources.into_iter().chain(targets.into_iter().flatten()).map(ItemId::new));
    }
    Ok(found)
}
