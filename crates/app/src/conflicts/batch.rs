//! Letting a strategy decide about several conflicts.

use syncline_domain::{ConflictId, ConflictResolution, Role};

use super::carry::Decided;
use super::strategy::must_choose;
use crate::{App, AppError, Caller};

/// What became of one conflict of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchLine {
    /// The conflict.
    pub conflict_id: ConflictId,
    /// What was decided, or why nothing was.
    pub outcome: Result<Decided, AppError>,
}

impl BatchLine {
    /// Whether both trackers show the decision.
    #[must_use]
    pub fn is_applied(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|decided| decided.applied)
    }
}

impl App {
    /// Lets a strategy decide about each of these, one after the other; one that fails holds up no other.
    ///
    /// # Errors
    /// `Forbidden`, and `Invalid` for a strategy that never decides.
    pub async fn resolve_conflicts(
        &self,
        caller: &Caller,
        ids: &[ConflictId],
        strategy: ConflictResolution,
    ) -> Result<Vec<BatchLine>, AppError> {
        caller.needs(Role::Operator)?;
        must_choose(strategy)?;
        let mut lines = Vec::with_capacity(ids.len());
        for id in ids {
            let outcome = self.resolve_conflict_auto(caller, *id, strategy).await;
            lines.push(BatchLine { conflict_id: *id, outcome });
        }
        Ok(lines)
    }
}
