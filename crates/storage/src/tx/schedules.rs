//! Table `schedule_occurrences`, and the schedules among the configurations.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use syncline_domain::ports::ScheduleTx;
use syncline_domain::{ConfigId, Fault, JobId, Occurrence, OccurrenceId, SyncConfig, Timestamp};

use super::DbTx;
use super::configs::Row as Config;
use crate::convert::{CHUNK, all, count, limit as rows_at_most, word};
use crate::db::on_db;
use crate::error::OrFault;
use crate::schema::{schedule_occurrences, sync_configs};
use crate::statement::{Cached, Statement};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = schedule_occurrences, treat_none_as_default_value = false)]
struct Row {
    #[diesel(skip_insertion)]
    id: i64,
    config_id: i64,
    instant_us: i64,
    state: String,
    job_id: Option<i64>,
    decided_at_us: i64,
    note: Option<String>,
}

impl Row {
    fn new(occurrence: &Occurrence) -> Self {
        Self {
            id: occurrence.id.0,
            config_id: occurrence.config_id.0,
            instant_us: occurrence.instant.micros(),
            state: occurrence.state.as_str().to_owned(),
            job_id: occurrence.job_id.map(|id| id.0),
            decided_at_us: occurrence.decided_at.micros(),
            note: occurrence.note.clone(),
        }
    }

    fn into_domain(self) -> Result<Occurrence, Fault> {
        Ok(Occurrence {
            id: OccurrenceId(self.id),
            config_id: ConfigId(self.config_id),
            instant: Timestamp::from_micros(self.instant_us),
            state: word(&self.state)?,
            job_id: self.job_id.map(JobId),
            decided_at: Timestamp::from_micros(self.decided_at_us),
            note: self.note,
        })
    }
}

/// What makes a configuration a schedule, in the words of the index of those.
fn armed() -> Statement<Bool> {
    Statement::new("(is_active AND trigger_type = 'scheduled')")
}

impl ScheduleTx for DbTx<'_> {
    fn due_schedules(&mut self, now: Timestamp, limit: usize) -> Result<Vec<SyncConfig>, Fault> {
        let rows: Vec<Config> = on_db!(self.read(), c => Cached(sync_configs::table
            .filter(armed())
            .filter(sync_configs::next_sync_at_us.le(now.micros()))
            .order((sync_configs::next_sync_at_us, sync_configs::id))
            .limit(rows_at_most(limit))
            .select(Config::as_select()))
        .load(c))
        .or_fault()?;
        all(rows, Config::into_domain)
    }

    fn unarmed_schedules(&mut self, limit: usize) -> Result<Vec<SyncConfig>, Fault> {
        let rows: Vec<Config> = on_db!(self.read(), c => Cached(sync_configs::table
            .filter(armed())
            .filter(sync_configs::next_sync_at_us.is_null())
            .order(sync_configs::id)
            .limit(rows_at_most(limit))
            .select(Config::as_select()))
        .load(c))
        .or_fault()?;
        all(rows, Config::into_domain)
    }

    fn next_schedule_at(&mut self) -> Result<Option<Timestamp>, Fault> {
        let ask: Statement<BigInt> = Statement::new(
            "SELECT next_sync_at_us FROM sync_configs WHERE is_active AND trigger_type = 'scheduled' \
             AND next_sync_at_us IS NOT NULL ORDER BY next_sync_at_us LIMIT 1",
        );
        let at: Option<i64> = on_db!(self.read(), c => ask.get_result(c).optional()).or_fault()?;
        Ok(at.map(Timestamp::from_micros))
    }

    fn advance_schedule(
        &mut self,
        config_id: ConfigId,
        expected: Option<Timestamp>,
        next: Option<Timestamp>,
    ) -> Result<bool, Fault> {
        let advance: Statement<()> = Statement::new(
            "UPDATE sync_configs SET next_sync_at_us = ? \
             WHERE id = ? AND next_sync_at_us IS NOT DISTINCT FROM ?",
        )
        .maybe(next.map(Timestamp::micros))
        .number(config_id.0)
        .maybe(expected.map(Timestamp::micros));
        let rows = on_db!(self.write()?, c => advance.execute(c)).or_fault()?;
        Ok(rows > 0)
    }

    fn insert_occurrence(&mut self, occurrence: &Occurrence) -> Result<bool, Fault> {
        let new = Row::new(occurrence);
        let id: Option<i64> = self.write()?.guarded(|db| {
            on_db!(db, c => Cached(diesel::insert_into(schedule_occurrences::table)
                .values(&new)
                .on_conflict_do_nothing()
                .returning(schedule_occurrences::id))
            .get_result(c)
            .optional())
            .or_fault()
        })?;
        Ok(id.is_some())
    }

    fn occurrences(
        &mut self,
        config_id: ConfigId,
        before: Option<OccurrenceId>,
        limit: usize,
    ) -> Result<Vec<Occurrence>, Fault> {
        let before = before.map_or(i64::MAX, |id| id.0);
        let rows: Vec<Row> = on_db!(self.read(), c => schedule_occurrences::table
            .filter(schedule_occurrences::config_id.eq(config_id.0))
            .filter(schedule_occurrences::id.lt(before))
            .order(schedule_occurrences::id.desc())
            .limit(rows_at_most(limit))
            .select(Row::as_select())
            .load(c))
        .or_fault()?;
        all(rows, Row::into_domain)
    }

    fn prune_occurrences(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault> {
        let db = self.write()?;
        let old: Statement<BigInt> = Statement::new(
            "SELECT o.id FROM schedule_occurrences AS o WHERE o.decided_at_us < ? AND EXISTS \
             (SELECT 1 FROM schedule_occurrences AS n WHERE n.config_id = o.config_id AND n.id > o.id) \
             ORDER BY o.id LIMIT ?",
        )
        .number(before.micros())
        .number(rows_at_most(limit));
        let ids: Vec<i64> = on_db!(&mut *db, c => old.load(c)).or_fault()?;
        for chunk in ids.chunks(CHUNK) {
            on_db!(&mut *db, c => diesel::delete(schedule_occurrences::table
                .filter(schedule_occurrences::id.eq_any(chunk)))
            .execute(c))
            .or_fault()?;
        }
        Ok(count(ids.len()))
    }
}
