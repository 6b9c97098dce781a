//! History's part of a transaction.

use crate::{Conflict, Fault, HistoryEntry, HistoryId, PairId, Timestamp};

/// What happened to pairs. Entries go with their pair.
pub trait HistoryTx {
    /// Stores entries in the order given, all in one statement as far as their number allows; the ids given are
    /// ignored and ascend. An unknown pair: [`Fault::Conflict`].
    fn insert_history(&mut self, entries: &[HistoryEntry]) -> Result<(), Fault>;
    /// The entries of a pair, newest (highest id) first, below `before`, at most `limit`.
    fn history(
        &mut self,
        pair: PairId,
        before: Option<HistoryId>,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, Fault>;
    /// How many entries a pair has.
    fn count_history(&mut self, pair: PairId) -> Result<u64, Fault>;
    /// Deletes the oldest entries as long as they are from before this, at most `limit`; answers how many.
    fn prune_history(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault>;
    /// The conflicts of a pair, resolved ones included, oldest (lowest id) first, at most `limit` of the newest.
    fn pair_conflicts(&mut self, pair: PairId, limit: usize) -> Result<Vec<Conflict>, Fault>;
}
