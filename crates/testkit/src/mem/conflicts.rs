//! Conflicts and the decisions about them.

use std::collections::BTreeSet;

use syncline_domain::ports::{ConflictFilter, ConflictTx};
use syncline_domain::{
    ConfigId, Conflict, ConflictCounts, ConflictId, ConflictStatus, Fault, PairId, Resolution,
    ResolutionId, Timestamp,
};

use super::{MemTx, count};

fn passes(row: &Conflict, filter: &ConflictFilter) -> bool {
    filter.config_id.is_none_or(|id| row.config_id == id)
        && filter.status.is_none_or(|status| row.status == status)
        && filter.scope.as_ref().is_none_or(|scope| scope.contains(&row.config_id))
}

impl MemTx<'_> {
    fn free(&self, conflict: &Conflict) -> Result<(), Fault> {
        let taken = self.tables.conflicts.all().any(|row| {
            row.id != conflict.id
                && row.pair_id == conflict.pair_id
                && row.field == conflict.field
                && row.status != ConflictStatus::Resolved
        });
        if taken && conflict.status != ConflictStatus::Resolved {
            return Err(Fault::Conflict("a conflict of this pair and field is open".to_owned()));
        }
        Ok(())
    }
}

impl ConflictTx for MemTx<'_> {
    fn insert_conflict(&mut self, conflict: &Conflict) -> Result<ConflictId, Fault> {
        self.write()?;
        if self.tables.pairs.get(conflict.pair_id.0).is_none() {
            return Err(Fault::Conflict(format!("there is no pair {}", conflict.pair_id)));
        }
        self.free(&Conflict { id: ConflictId(0), ..conflict.clone() })?;
        let make = |id| Conflict { id: ConflictId(id), ..conflict.clone() };
        Ok(ConflictId(self.tables.conflicts.add(make)))
    }

    fn conflict(&mut self, id: ConflictId) -> Result<Option<Conflict>, Fault> {
        Ok(self.tables.conflicts.get(id.0).cloned())
    }

    fn open_conflicts(&mut self, pairs: &[PairId]) -> Result<Vec<Conflict>, Fault> {
        let pairs: BTreeSet<&PairId> = pairs.iter().collect();
        let open =
            self.tables.conflicts.all().filter(|row| {
                row.status != ConflictStatus::Resolved && pairs.contains(&row.pair_id)
            });
        Ok(open.cloned().collect())
    }

    fn conflicts(
        &mut self,
        filter: &ConflictFilter,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Conflict>, Fault> {
        let rows = self.tables.conflicts.all().rev();
        let rows = rows.filter(|row| passes(row, filter));
        let rows = rows.filter(|row| filter.before.is_none_or(|before| row.id < before));
        Ok(rows.skip(offset).take(limit).cloned().collect())
    }

    fn count_conflicts(&mut self, filter: &ConflictFilter) -> Result<u64, Fault> {
        Ok(count(self.tables.conflicts.all().filter(|row| passes(row, filter))))
    }

    fn conflict_counts(&mut self, config_id: ConfigId) -> Result<ConflictCounts, Fault> {
        let mut counts = ConflictCounts::default();
        for row in self.tables.conflicts.all().filter(|row| row.config_id == config_id) {
            match row.status {
                ConflictStatus::Unresolved => counts.unresolved += 1,
                ConflictStatus::Resolved => counts.resolved += 1,
                ConflictStatus::Ignored => counts.ignored += 1,
            }
        }
        Ok(counts)
    }

    fn update_conflict(&mut self, conflict: &Conflict) -> Result<(), Fault> {
        self.write()?;
        self.free(conflict)?;
        match self.tables.conflicts.get_mut(conflict.id.0) {
            Some(slot) => *slot = conflict.clone(),
            None => return Err(Fault::no_such("conflict", conflict.id)),
        }
        Ok(())
    }

    fn prune_conflicts(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault> {
        let tables = self.write()?;
        let pruned = tables.conflicts.prune(limit, |row| {
            row.status == ConflictStatus::Resolved && row.ended_at.is_some_and(|at| at < before)
        });
        let left: BTreeSet<ConflictId> = tables.conflicts.all().map(|row| row.id).collect();
        tables.resolutions.keep(|row| left.contains(&row.conflict_id));
        Ok(pruned)
    }

    fn insert_resolution(&mut self, resolution: &Resolution) -> Result<ResolutionId, Fault> {
        self.write()?;
        if self.tables.conflicts.get(resolution.conflict_id.0).is_none() {
            let text = format!("there is no conflict {}", resolution.conflict_id);
            return Err(Fault::Conflict(text));
        }
        let make = |id| Resolution { id: ResolutionId(id), ..resolution.clone() };
        Ok(ResolutionId(self.tables.resolutions.add(make)))
    }

    fn resolutions(&mut self, conflict_id: ConflictId) -> Result<Vec<Resolution>, Fault> {
        let rows = self.tables.resolutions.all().filter(|row| row.conflict_id == conflict_id);
        Ok(rows.cloned().collect())
    }

    fn update_resolution(&mut self, resolution: &Resolution) -> Result<(), Fault> {
        self.write()?;
        match self.tables.resolutions.get_mut(resolution.id.0) {
            Some(slot) => *slot = resolution.clone(),
            None => return Err(Fault::no_such("resolution", resolution.id)),
        }
        Ok(())
    }
}
