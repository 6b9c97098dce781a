//! What happened to pairs.

use syncline_domain::ports::HistoryTx;
use syncline_domain::{Conflict, Fault, HistoryEntry, HistoryId, PairId, Timestamp};

use super::{MemTx, count};

impl HistoryTx for MemTx<'_> {
    fn insert_history(&mut self, entries: &[HistoryEntry]) -> Result<(), Fault> {
        if entries.is_empty() {
            return Ok(());
        }
        let tables = self.write()?;
        for entry in entries {
            if tables.pairs.get(entry.pair_id.0).is_none() {
                return Err(Fault::Conflict(format!("there is no pair {}", entry.pair_id)));
            }
        }
        for entry in entries {
            tables.history.add(|id| HistoryEntry { id: HistoryId(id), ..entry.clone() });
        }
        Ok(())
    }

    fn history(
        &mut self,
        pair: PairId,
        before: Option<HistoryId>,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, Fault> {
        let rows = self.tables.history.all().rev().filter(|row| row.pair_id == pair);
        let rows = rows.filter(|row| before.is_none_or(|before| row.id < before));
        Ok(rows.take(limit).cloned().collect())
    }

    fn count_history(&mut self, pair: PairId) -> Result<u64, Fault> {
        Ok(count(self.tables.history.all().filter(|row| row.pair_id == pair)))
    }

    fn prune_history(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault> {
        let tables = self.write()?;
        let young = tables.history.all().find(|row| row.at >= before).map(|row| row.id);
        let is_old = |row: &HistoryEntry| young.is_none_or(|young| row.id < young);
        Ok(tables.history.prune(limit, is_old))
    }

    fn pair_conflicts(&mut self, pair: PairId, limit: usize) -> Result<Vec<Conflict>, Fault> {
        let rows = self.tables.conflicts.all().rev().filter(|row| row.pair_id == pair);
        let mut newest: Vec<Conflict> = rows.take(limit).cloned().collect();
        newest.reverse();
        Ok(newest)
    }
}
