//! Tombstones, and how far looks for deleted items have come.

use syncline_domain::ports::DeletionTx;
use syncline_domain::{ConfigId, Fault, PairId, Side, Timestamp, Tombstone};

use super::MemTx;

impl DeletionTx for MemTx<'_> {
    fn tombstones(&mut self, pairs: &[PairId]) -> Result<Vec<Tombstone>, Fault> {
        let rows = self.tables.tombstones.all();
        Ok(rows.filter(|(pair, _)| pairs.contains(pair)).map(|(_, row)| row.clone()).collect())
    }

    fn put_tombstone(&mut self, tombstone: &Tombstone) -> Result<(), Fault> {
        let (pair, tables) = (tombstone.pair_id, self.write()?);
        if tables.pairs.get(pair.0).is_none() {
            return Err(Fault::Conflict(format!("there is no pair {pair}")));
        }
        tables.tombstones.put(pair, tombstone.clone());
        Ok(())
    }

    fn clear_tombstone(&mut self, pair: PairId) -> Result<(), Fault> {
        self.write()?.tombstones.remove(&pair);
        Ok(())
    }

    fn sweep_position(&mut self, config: ConfigId, side: Side) -> Result<Option<PairId>, Fault> {
        Ok(self.tables.sweeps.get(&(config, side)).copied())
    }

    fn put_sweep_position(
        &mut self,
        config: ConfigId,
        side: Side,
        pair: Option<PairId>,
        _now: Timestamp,
    ) -> Result<(), Fault> {
        let tables = self.write()?;
        tables.config_there(Some(config))?;
        match pair {
            Some(pair) => tables.sweeps.put((config, side), pair),
            None => drop(tables.sweeps.remove(&(config, side))),
        }
        Ok(())
    }
}
