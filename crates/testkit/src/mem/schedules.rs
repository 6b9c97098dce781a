//! Schedules and their instants.

use std::collections::BTreeMap;

use syncline_domain::ports::ScheduleTx;
use syncline_domain::{
    ConfigId, Fault, Occurrence, OccurrenceId, SyncConfig, Timestamp, TriggerType,
};

use super::MemTx;
use super::tables::Tables;

/// Active scheduled configurations, by id.
fn active(tables: &Tables) -> impl Iterator<Item = &SyncConfig> {
    let rows = tables.configs.all();
    rows.filter(|row| row.is_active && row.trigger_type == TriggerType::Scheduled)
}

impl ScheduleTx for MemTx<'_> {
    fn due_schedules(&mut self, now: Timestamp, limit: usize) -> Result<Vec<SyncConfig>, Fault> {
        let due = |row: &&SyncConfig| row.next_sync_at.is_some_and(|at| at <= now);
        let mut rows: Vec<SyncConfig> = active(self.tables).filter(due).cloned().collect();
        rows.sort_by_key(|row| (row.next_sync_at, row.id));
        rows.truncate(limit);
        Ok(rows)
    }

    fn unarmed_schedules(&mut self, limit: usize) -> Result<Vec<SyncConfig>, Fault> {
        let rows = active(self.tables).filter(|row| row.next_sync_at.is_none());
        Ok(rows.take(limit).cloned().collect())
    }

    fn next_schedule_at(&mut self) -> Result<Option<Timestamp>, Fault> {
        Ok(active(self.tables).filter_map(|row| row.next_sync_at).min())
    }

    fn advance_schedule(
        &mut self,
        config_id: ConfigId,
        expected: Option<Timestamp>,
        next: Option<Timestamp>,
    ) -> Result<bool, Fault> {
        let config = self.write()?.configs.get_mut(config_id.0);
        let Some(config) = config.filter(|config| config.next_sync_at == expected) else {
            return Ok(false);
        };
        config.next_sync_at = next;
        Ok(true)
    }

    fn insert_occurrence(&mut self, occurrence: &Occurrence) -> Result<bool, Fault> {
        let tables = self.write()?;
        tables.config_there(Some(occurrence.config_id))?;
        let known = tables
            .occurrences
            .all()
            .any(|row| row.config_id == occurrence.config_id && row.instant == occurrence.instant);
        if !known {
            let make = |id| Occurrence { id: OccurrenceId(id), ..occurrence.clone() };
            tables.occurrences.add(make);
        }
        Ok(!known)
    }

    fn occurrences(
        &mut self,
        config_id: ConfigId,
        before: Option<OccurrenceId>,
        limit: usize,
    ) -> Result<Vec<Occurrence>, Fault> {
        let rows = self.tables.occurrences.all().rev();
        Ok(rows
            .filter(|row| row.config_id == config_id)
            .filter(|row| before.is_none_or(|before| row.id < before))
            .take(limit)
            .cloned()
            .collect())
    }

    fn prune_occurrences(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault> {
        let tables = self.write()?;
        let newest: BTreeMap<ConfigId, OccurrenceId> =
            tables.occurrences.all().map(|row| (row.config_id, row.id)).collect();
        let old = |row: &Occurrence| {
            row.decided_at < before && newest.get(&row.config_id) != Some(&row.id)
        };
        Ok(tables.occurrences.prune(limit, old))
    }
}
