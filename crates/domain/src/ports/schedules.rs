//! The scheduler's part of a transaction. A schedule is an active configuration with trigger `scheduled`.

use crate::{ConfigId, Fault, Occurrence, OccurrenceId, SyncConfig, Timestamp};

/// Schedules and their instants. A changed configuration wakes [`super::Topic::Schedules`] when it is committed.
pub trait ScheduleTx {
    /// Active scheduled configurations whose `next_sync_at` is at or before `now`, the longest due first.
    fn due_schedules(&mut self, now: Timestamp, limit: usize) -> Result<Vec<SyncConfig>, Fault>;
    /// Active scheduled configurations without a `next_sync_at`, by id.
    fn unarmed_schedules(&mut self, limit: usize) -> Result<Vec<SyncConfig>, Fault>;
    /// The earliest `next_sync_at` of an active scheduled configuration.
    fn next_schedule_at(&mut self) -> Result<Option<Timestamp>, Fault>;
    /// Moves `next_sync_at`, and nothing else, from `expected` to `next`; false when it is another by now or the
    /// configuration is gone.
    fn advance_schedule(
        &mut self,
        config_id: ConfigId,
        expected: Option<Timestamp>,
        next: Option<Timestamp>,
    ) -> Result<bool, Fault>;
    /// Stores what became of an instant; false when that is known already, and then nothing is written. An unknown
    /// configuration: [`Fault::Conflict`].
    fn insert_occurrence(&mut self, occurrence: &Occurrence) -> Result<bool, Fault>;
    /// Reads occurrences of a configuration, newest (highest id) first, at most `limit`.
    fn occurrences(
        &mut self,
        config_id: ConfigId,
        before: Option<OccurrenceId>,
        limit: usize,
    ) -> Result<Vec<Occurrence>, Fault>;
    /// Deletes occurrences decided before this, those with the lowest ids first, at most `limit`, always leaving the
    /// newest (highest id) of each configuration; answers how many.
    fn prune_occurrences(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault>;
}
