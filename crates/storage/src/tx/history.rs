//! Table `pair_history`: what writes and looks settled about the fields of pairs.

use diesel::prelude::*;
use syncline_domain::ports::{ConflictTx as _, HistoryTx};
use syncline_domain::{
    Conflict, ConflictId, ExecutionId, Fault, HistoryEntry, HistoryId, PairId, Timestamp,
};

use super::DbTx;
use crate::convert::{CHUNK, all, count, from_json, limit as rows_at_most, to_json};
use crate::db::on_db;
use crate::error::OrFault;
use crate::schema::{conflicts, pair_history};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = pair_history, treat_none_as_default_value = false)]
struct Row {
    #[diesel(skip_insertion)]
    id: i64,
    pair_id: i64,
    execution_id: Option<i64>,
    config_version: i64,
    at_us: i64,
    event: String,
}

impl Row {
    fn new(entry: &HistoryEntry) -> Result<Self, Fault> {
        Ok(Self {
            id: 0,
            pair_id: entry.pair_id.0,
            execution_id: entry.execution_id.map(|id| id.0),
            config_version: entry.config_version,
            at_us: entry.at.micros(),
            event: to_json(&entry.event)?,
        })
    }

    fn into_domain(self) -> Result<HistoryEntry, Fault> {
        Ok(HistoryEntry {
            id: HistoryId(self.id),
            pair_id: PairId(self.pair_id),
            execution_id: self.execution_id.map(ExecutionId),
            config_version: self.config_version,
            at: Timestamp::from_micros(self.at_us),
            event: from_json(&self.event, "history")?,
        })
    }
}

impl HistoryTx for DbTx<'_> {
    fn insert_history(&mut self, entries: &[HistoryEntry]) -> Result<(), Fault> {
        if entries.is_empty() {
            return Ok(());
        }
        let rows = entries.iter().map(Row::new).collect::<Result<Vec<_>, _>>()?;
        let db = self.write()?;
        for chunk in rows.chunks(CHUNK) {
            on_db!(&mut *db, c => diesel::insert_into(pair_history::table)
                .values(chunk)
                .execute(c))
            .or_fault()?;
        }
        Ok(())
    }

    fn history(
        &mut self,
        pair: PairId,
        before: Option<HistoryId>,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, Fault> {
        let before = before.map_or(i64::MAX, |id| id.0);
        let rows: Vec<Row> = on_db!(self.read(), c => pair_history::table
            .filter(pair_history::pair_id.eq(pair.0))
            .filter(pair_history::id.lt(before))
            .order(pair_history::id.desc())
            .limit(rows_at_most(limit))
            .select(Row::as_select())
            .load(c))
        .or_fault()?;
        all(rows, Row::into_domain)
    }

    fn count_history(&mut self, pair: PairId) -> Result<u64, Fault> {
        let rows: i64 = on_db!(self.read(), c => pair_history::table
            .filter(pair_history::pair_id.eq(pair.0))
            .count()
            .get_result(c))
        .or_fault()?;
        Ok(count(rows))
    }

    fn prune_history(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault> {
        let db = self.write()?;
        // Entries come in the order of their time, so that the first that is young enough ends the search.
        let oldest: Vec<(i64, i64)> = on_db!(&mut *db, c => pair_history::table
            .order(pair_history::id)
            .limit(rows_at_most(limit))
            .select((pair_history::id, pair_history::at_us))
            .load(c))
        .or_fault()?;
        let old: Vec<i64> = oldest
            .into_iter()
            .take_while(|(_, at)| *at < before.micros())
            .map(|(id, _)| id)
            .collect();
        for chunk in old.chunks(CHUNK) {
            on_db!(&mut *db, c => diesel::delete(pair_history::table)
                .filter(pair_history::id.eq_any(chunk))
                .execute(c))
            .or_fault()?;
        }
        Ok(count(old.len()))
    }

    fn pair_conflicts(&mut self, pair: PairId, limit: usize) -> Result<Vec<Conflict>, Fault> {
        let mut ids: Vec<i64> = on_db!(self.read(), c => conflicts::table
            .filter(conflicts::pair_id.eq(pair.0))
            .select(conflicts::id)
            .load(c))
        .or_fault()?;
        ids.sort_unstable();
        let newest = ids.split_off(ids.len().saturating_sub(limit));
        let mut found = Vec::with_capacity(newest.len());
        for id in newest {
            found.extend(self.conflict(ConflictId(id))?);
        }
        Ok(found)
    }
}
