//! What became of the instants of schedules. The schedules themselves are configurations.

use crate::{ConfigId, JobId, OccurrenceId, OccurrenceState, Timestamp};

/// One instant of one schedule. There is at most one row for a configuration and an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// Our id; 0 until stored.
    pub id: OccurrenceId,
    /// The configuration.
    pub config_id: ConfigId,
    /// The instant that the expression names.
    pub instant: Timestamp,
    /// What became of it.
    pub state: OccurrenceState,
    /// The job that was queued for it.
    pub job_id: Option<JobId>,
    /// When this was decided.
    pub decided_at: Timestamp,
    /// Why, where there was a choice.
    pub note: Option<String>,
}
