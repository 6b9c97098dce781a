//! Deletions' part of a transaction.

use crate::{ConfigId, Fault, PairId, Side, Timestamp, Tombstone};

/// What is known of deleted items, and how far a look for them has come. Both go with their pair or configuration.
pub trait DeletionTx {
    /// The tombstones of these pairs, by pair.
    fn tombstones(&mut self, pairs: &[PairId]) -> Result<Vec<Tombstone>, Fault>;
    /// Writes a tombstone over that of the same pair. An unknown pair: [`Fault::Conflict`].
    fn put_tombstone(&mut self, tombstone: &Tombstone) -> Result<(), Fault>;
    /// Forgets the tombstone of a pair that lives again; nothing happens when there is none.
    fn clear_tombstone(&mut self, pair: PairId) -> Result<(), Fault>;

    /// The pair that was looked at last when somebody looked whether the items of one side are still there; `None`
    /// before the first look, and when all were looked at.
    fn sweep_position(&mut self, config: ConfigId, side: Side) -> Result<Option<PairId>, Fault>;
    /// Moves that position; `None` begins anew. An unknown configuration: [`Fault::Conflict`].
    fn put_sweep_position(
        &mut self,
        config: ConfigId,
        side: Side,
        pair: Option<PairId>,
        now: Timestamp,
    ) -> Result<(), Fault>;
}
