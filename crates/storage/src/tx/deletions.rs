//! Tables `tombstones` and `sweeps`: deleted items of pairs, and how far looks for them have come.

use diesel::prelude::*;
use syncline_domain::ports::DeletionTx;
use syncline_domain::{ConfigId, ExecutionId, Fault, PairId, Side, Timestamp, Tombstone};

use super::DbTx;
use crate::convert::{CHUNK, all, word};
use crate::db::on_db;
use crate::error::OrFault;
use crate::schema::{sweeps, tombstones};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = tombstones, primary_key(pair_id))]
struct Row {
    pair_id: i64,
    deleted_side: String,
    policy: String,
    execution_id: i64,
    noticed_at_us: i64,
}

impl Row {
    fn into_domain(self) -> Result<Tombstone, Fault> {
        Ok(Tombstone {
            pair_id: PairId(self.pair_id),
            deleted_side: word(&self.deleted_side)?,
            policy: word(&self.policy)?,
            execution_id: ExecutionId(self.execution_id),
            noticed_at: Timestamp::from_micros(self.noticed_at_us),
        })
    }
}

impl DeletionTx for DbTx<'_> {
    fn tombstones(&mut self, pairs: &[PairId]) -> Result<Vec<Tombstone>, Fault> {
        let mut found = Vec::new();
        for chunk in pairs.chunks(CHUNK) {
            let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
            let rows: Vec<Row> = on_db!(self.read(), c => tombstones::table
                .filter(tombstones::pair_id.eq_any(&ids))
                .order(tombstones::pair_id)
                .select(Row::as_select())
                .load(c))
            .or_fault()?;
            found.extend(all(rows, Row::into_domain)?);
        }
        found.sort_by_key(|tombstone| tombstone.pair_id);
        Ok(found)
    }

    fn put_tombstone(&mut self, tombstone: &Tombstone) -> Result<(), Fault> {
        let new = Row {
            pair_id: tombstone.pair_id.0,
            deleted_side: tombstone.deleted_side.as_str().to_owned(),
            policy: tombstone.policy.as_str().to_owned(),
            execution_id: tombstone.execution_id.0,
            noticed_at_us: tombstone.noticed_at.micros(),
        };
        self.write()?.guarded(|db| {
            on_db!(db, c => diesel::insert_into(tombstones::table)
                .values(&new)
                .on_conflict(tombstones::pair_id)
                .do_update()
                .set(&new)
                .execute(c))
            .or_fault()
        })?;
        Ok(())
    }

    fn clear_tombstone(&mut self, pair: PairId) -> Result<(), Fault> {
        on_db!(self.write()?, c => diesel::delete(tombstones::table)
            .filter(tombstones::pair_id.eq(pair.0))
            .execute(c))
        .or_fault()?;
        Ok(())
    }

    fn sweep_position(&mut self, config: ConfigId, side: Side) -> Result<Option<PairId>, Fault> {
        let found: Option<i64> = on_db!(self.read(), c => sweeps::table
            .filter(sweeps::config_id.eq(config.0))
            .filter(sweeps::side.eq(side.as_str()))
            .select(sweeps::pair_id)
            .first(c)
            .optional())
        .or_fault()?;
        Ok(found.map(PairId))
    }

    fn put_sweep_position(
        &mut self,
        config: ConfigId,
        side: Side,
        pair: Option<PairId>,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let Some(pair) = pair else {
            on_db!(self.write()?, c => diesel::delete(sweeps::table)
                .filter(sweeps::config_id.eq(config.0))
                .filter(sweeps::side.eq(side.as_str()))
                .execute(c))
            .or_fault()?;
            return Ok(());
        };
        let moved = (sweeps::pair_id.eq(pair.0), sweeps::updated_at_us.eq(now.micros()));
        let key = (sweeps::config_id.eq(config.0), sweeps::side.eq(side.as_str()));
        self.write()?.guarded(|db| {
            on_db!(db, c => diesel::insert_into(sweeps::table)
                .values((key, moved))
                .on_conflict((sweeps::config_id, sweeps::side))
                .do_update()
                .set(moved)
                .execute(c))
            .or_fault()
        })?;
        Ok(())
    }
}
