//! Table `conflicts`.

use diesel::prelude::*;
use syncline_domain::ports::{ConflictFilter, ConflictTx};
use syncline_domain::{
    ConfigId, Conflict, ConflictCounts, ConflictId, ConflictStatus, ExecutionId, Fault, FieldRef,
    ItemId, PairId, Resolution, ResolutionId, Timestamp,
};

use super::{DbTx, pairs, resolutions, touched};
use crate::convert::{CHUNK, all, count, from_json, limit as rows_at_most, time, to_json, word};
use crate::db::{Db, on_db};
use crate::error::OrFault;
use crate::schema::conflicts;

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = conflicts, treat_none_as_default_value = false, treat_none_as_null = true)]
struct Row {
    #[diesel(skip_insertion, skip_update)]
    id: i64,
    config_id: i64,
    pair_id: i64,
    execution_id: i64,
    conflict_type: String,
    field_ref: Option<String>,
    source_field: Option<String>,
    source_item_id: String,
    target_item_id: String,
    title: String,
    base_value: String,
    source_value: String,
    target_value: String,
    source_changed_at_us: Option<i64>,
    target_changed_at_us: Option<i64>,
    deleted_side: Option<String>,
    reason: String,
    status: String,
    created_at_us: i64,
    updated_at_us: i64,
    ended_at_us: Option<i64>,
}

impl Row {
    fn new(conflict: &Conflict) -> Result<Self, Fault> {
        let field =
            |field: &Option<FieldRef>| field.as_ref().map(|field| field.as_str().to_owned());
        Ok(Self {
            id: conflict.id.0,
            config_id: conflict.config_id.0,
            pair_id: conflict.pair_id.0,
            execution_id: conflict.execution_id.0,
            conflict_type: conflict.kind.as_str().to_owned(),
            field_ref: field(&conflict.field),
            source_field: field(&conflict.source_field),
            source_item_id: conflict.source_item_id.as_str().to_owned(),
            target_item_id: conflict.target_item_id.as_str().to_owned(),
            // Titles come from trackers as they are, and PostgreSQL keeps no NUL.
            title: conflict.title.replace('\0', "\u{fffd}"),
            base_value: to_json(&conflict.base_value)?,
            source_value: to_json(&conflict.source_value)?,
            target_value: to_json(&conflict.target_value)?,
            source_changed_at_us: conflict.source_changed_at.map(Timestamp::micros),
            target_changed_at_us: conflict.target_changed_at.map(Timestamp::micros),
            deleted_side: conflict.deleted_side.map(|side| side.as_str().to_owned()),
            reason: conflict.reason.replace('\0', "\u{fffd}"),
            status: conflict.status.as_str().to_owned(),
            created_at_us: conflict.created_at.micros(),
            updated_at_us: conflict.updated_at.micros(),
            ended_at_us: conflict.ended_at.map(Timestamp::micros),
        })
    }

    fn into_domain(self) -> Result<Conflict, Fault> {
        Ok(Conflict {
            id: ConflictId(self.id),
            config_id: ConfigId(self.config_id),
            pair_id: PairId(self.pair_id),
            execution_id: ExecutionId(self.execution_id),
            kind: word(&self.conflict_type)?,
            field: self.field_ref.map(FieldRef::new),
            source_field: self.source_field.map(FieldRef::new),
            source_item_id: ItemId::new(self.source_item_id),
            target_item_id: ItemId::new(self.target_item_id),
            title: self.title,
            base_value: from_json(&self.base_value, "base value")?,
            source_value: from_json(&self.source_value, "source value")?,
            target_value: from_json(&self.target_value, "target value")?,
            source_changed_at: time(self.source_changed_at_us),
            target_changed_at: time(self.target_changed_at_us),
            deleted_side: self.deleted_side.as_deref().map(word).transpose()?,
            reason: self.reason,
            status: word(&self.status)?,
            created_at: Timestamp::from_micros(self.created_at_us),
            updated_at: Timestamp::from_micros(self.updated_at_us),
            ended_at: time(self.ended_at_us),
        })
    }
}

/// Deletes the conflicts of a pair that are not resolved: the others outlive it.
pub(super) fn drop_open(db: &mut Db, pair: PairId) -> Result<(), Fault> {
    on_db!(db, c => diesel::delete(conflicts::table
        .filter(conflicts::pair_id.eq(pair.0))
        .filter(conflicts::status.ne(ConflictStatus::Resolved.as_str())))
        .execute(c))
    .or_fault()?;
    Ok(())
}

fn taken() -> String {
    "a conflict of this pair about this field is open already".to_owned()
}

/// Narrows a boxed query to what the filter lets through, `before` left out.
macro_rules! let_through {
    ($query:expr, $filter:expr) => {{
        let mut query = $query;
        if let Some(config) = $filter.config_id {
            query = query.filter(conflicts::config_id.eq(config.0));
        }
        if let Some(status) = $filter.status {
            query = query.filter(conflicts::status.eq(status.as_str()));
        }
        if let Some(scope) = &$filter.scope {
            let scope: Vec<i64> = scope.iter().map(|id| id.0).collect();
            query = query.filter(conflicts::config_id.eq_any(scope));
        }
        query
    }};
}

impl ConflictTx for DbTx<'_> {
    fn insert_conflict(&mut self, conflict: &Conflict) -> Result<ConflictId, Fault> {
        let new = Row::new(conflict)?;
        let db = self.write()?;
        if pairs::get(db, conflict.pair_id)?.is_none() {
            return Err(Fault::Conflict(format!("there is no pair {}", conflict.pair_id)));
        }
        let id = db.guarded(|db| {
            on_db!(db, c => diesel::insert_into(conflicts::table)
                .values(&new)
                .returning(conflicts::id)
                .get_result(c))
            .or_taken(taken)
        })?;
        Ok(ConflictId(id))
    }

    fn conflict(&mut self, id: ConflictId) -> Result<Option<Conflict>, Fault> {
        let row: Option<Row> = on_db!(self.read(), c => conflicts::table
            .find(id.0)
            .select(Row::as_select())
            .get_result(c)
            .optional())
        .or_fault()?;
        row.map(Row::into_domain).transpose()
    }

    fn open_conflicts(&mut self, pairs: &[PairId]) -> Result<Vec<Conflict>, Fault> {
        let mut found = Vec::new();
        for chunk in pairs.chunks(CHUNK) {
            let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
            let rows: Vec<Row> = on_db!(self.read(), c => conflicts::table
                .filter(conflicts::pair_id.eq_any(&ids))
                .filter(conflicts::status.ne(ConflictStatus::Resolved.as_str()))
                .select(Row::as_select())
                .load(c))
            .or_fault()?;
            found.extend(all(rows, Row::into_domain)?);
        }
        found.sort_by_key(|conflict| conflict.id);
        Ok(found)
    }

    fn conflicts(
        &mut self,
        filter: &ConflictFilter,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Conflict>, Fault> {
        let rows: Vec<Row> = on_db!(self.read(), c, B => {
            let all = conflicts::table.select(Row::as_select()).into_boxed::<B>();
            let mut query = let_through!(all, filter);
            if let Some(before) = filter.before {
                query = query.filter(conflicts::id.lt(before.0));
            }
            query
                .order(conflicts::id.desc())
                .limit(rows_at_most(limit))
                .offset(rows_at_most(offset))
                .load(c)
        })
        .or_fault()?;
        all(rows, Row::into_domain)
    }

    fn count_conflicts(&mut self, filter: &ConflictFilter) -> Result<u64, Fault> {
        let rows: i64 = on_db!(self.read(), c, B => {
            let_through!(conflicts::table.count().into_boxed::<B>(), filter).get_result(c)
        })
        .or_fault()?;
        Ok(count(rows))
    }

    fn conflict_counts(&mut self, config_id: ConfigId) -> Result<ConflictCounts, Fault> {
        let rows: Vec<(String, i64)> = on_db!(self.read(), c => conflicts::table
            .filter(conflicts::config_id.eq(config_id.0))
            .group_by(conflicts::status)
            .select((conflicts::status, diesel::dsl::count_star()))
            .load(c))
        .or_fault()?;
        let mut counts = ConflictCounts::default();
        for (status, rows) in rows {
            *match word(&status)? {
                ConflictStatus::Unresolved => &mut counts.unresolved,
                ConflictStatus::Resolved => &mut counts.resolved,
                ConflictStatus::Ignored => &mut counts.ignored,
            } = count(rows);
        }
        Ok(counts)
    }

    fn update_conflict(&mut self, conflict: &Conflict) -> Result<(), Fault> {
        let new = Row::new(conflict)?;
        let rows = self.write()?.guarded(|db| {
            on_db!(db, c => diesel::update(conflicts::table.find(new.id)).set(&new).execute(c))
                .or_taken(taken)
        })?;
        touched(rows, "conflict", conflict.id)
    }

    fn prune_conflicts(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault> {
        let db = self.write()?;
        let ids: Vec<i64> = on_db!(&mut *db, c => conflicts::table
            .filter(conflicts::status.eq(ConflictStatus::Resolved.as_str()))
            .filter(conflicts::ended_at_us.lt(before.micros()))
            .order(conflicts::id)
            .limit(rows_at_most(limit))
            .select(conflicts::id)
            .load(c))
        .or_fault()?;
        for chunk in ids.chunks(CHUNK) {
            on_db!(&mut *db, c => diesel::delete(conflicts::table)
                .filter(conflicts::id.eq_any(chunk))
                .execute(c))
            .or_fault()?;
        }
        Ok(count(ids.len()))
    }

    fn insert_resolution(&mut self, resolution: &Resolution) -> Result<ResolutionId, Fault> {
        resolutions::insert(self.write()?, resolution)
    }

    fn resolutions(&mut self, conflict_id: ConflictId) -> Result<Vec<Resolution>, Fault> {
        resolutions::of_conflict(self.read(), conflict_id)
    }

    fn update_resolution(&mut self, resolution: &Resolution) -> Result<(), Fault> {
        resolutions::update(self.write()?, resolution)
    }
}
