//! Conflicts' part of a transaction.

use crate::{
    ConfigId, Conflict, ConflictCounts, ConflictId, ConflictStatus, Fault, PairId, Resolution,
    ResolutionId, Timestamp,
};

/// Which conflicts to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConflictFilter {
    /// Of this configuration only.
    pub config_id: Option<ConfigId>,
    /// In this status only.
    pub status: Option<ConflictStatus>,
    /// With an id below this: the page after the one that ended there.
    pub before: Option<ConflictId>,
    /// Of these configurations only (a key's scope).
    pub scope: Option<Vec<ConfigId>>,
}

/// Conflicts and the decisions about them. What is resolved outlives its pair; what is not goes with it.
pub trait ConflictTx {
    /// Stores a conflict; the id given is ignored. An unknown pair, or one of the same pair and field that is not
    /// resolved: [`Fault::Conflict`].
    fn insert_conflict(&mut self, conflict: &Conflict) -> Result<ConflictId, Fault>;
    /// Reads one.
    fn conflict(&mut self, id: ConflictId) -> Result<Option<Conflict>, Fault>;
    /// The conflicts of these pairs that are not resolved, by id.
    fn open_conflicts(&mut self, pairs: &[PairId]) -> Result<Vec<Conflict>, Fault>;
    /// Reads conflicts, newest (highest id) first, at most `limit`, passing over `offset`.
    fn conflicts(
        &mut self,
        filter: &ConflictFilter,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Conflict>, Fault>;
    /// How many conflicts the filter lets through (`before` does not count).
    fn count_conflicts(&mut self, filter: &ConflictFilter) -> Result<u64, Fault>;
    /// How many of a configuration's stand where.
    fn conflict_counts(&mut self, config_id: ConfigId) -> Result<ConflictCounts, Fault>;
    /// Writes all columns of one. Unknown id: [`Fault::NotFound`]; another of the same pair and field that is not
    /// resolved, when this one is not either: [`Fault::Conflict`].
    fn update_conflict(&mut self, conflict: &Conflict) -> Result<(), Fault>;
    /// Deletes conflicts that are resolved and ended before this, with their decisions, those with the lowest ids
    /// first, at most `limit`; answers how many.
    fn prune_conflicts(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault>;

    /// Stores a decision; the id given is ignored. An unknown conflict: [`Fault::Conflict`].
    fn insert_resolution(&mut self, resolution: &Resolution) -> Result<ResolutionId, Fault>;
    /// The decisions about a conflict, oldest first.
    fn resolutions(&mut self, conflict_id: ConflictId) -> Result<Vec<Resolution>, Fault>;
    /// Writes all columns of one. Unknown id: [`Fault::NotFound`].
    fn update_resolution(&mut self, resolution: &Resolution) -> Result<(), Fault>;
}
