//! Provisional.

use syncline_domain::ports::ScheduleTx;
use syncline_domain::{ConfigId, Fault, Occurrence, OccurrenceId, SyncConfig, Timestamp};

use super::MemTx;

impl ScheduleTx for MemTx<'_> {
    fn due_schedules(&mut self, _now: Timestamp, _limit: usize) -> Result<Vec<SyncConfig>, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn unarmed_schedules(&mut self, _limit: usize) -> Result<Vec<SyncConfig>, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn next_schedule_at(&mut self) -> Result<Option<Timestamp>, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn advance_schedule(
        &mut self,
        _config_id: ConfigId,
        _expected: Option<Timestamp>,
        _next: Option<Timestamp>,
    ) -> Result<bool, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn insert_occurrence(&mut self, _occurrence: &Occurrence) -> Result<bool, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn occurrences(
        &mut self,
        _config_id: ConfigId,
        _before: Option<OccurrenceId>,
        _limit: usize,
    ) -> Result<Vec<Occurrence>, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }

    fn prune_occurrences(&mut self, _before: Timestamp, _limit: usize) -> Result<u64, Fault> {
        Err(Fault::Internal("not built yet".to_owned()))
    }
}
