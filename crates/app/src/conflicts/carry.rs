//! Carrying a decision out through the engine.

use std::sync::Arc;

use syncline_domain::ports::Connector;
use syncline_domain::{ConfigId, Conflict, Fault, Resolution};
use syncline_engine::{ResolveError, ResolveRequest, Resolved};

use crate::{App, AppError};

/// What became of a decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// Both trackers show it, read back after the write.
    pub applied: bool,
    /// The conflict as it is now; unresolved while `applied` is false.
    pub conflict: Conflict,
    /// The decision as it is now, with the reason where it could not be carried out.
    pub resolution: Resolution,
    /// What happened, or what is in the way and what to do; for people.
    pub message: String,
}

impl Decided {
    pub(super) fn later(conflict: Conflict, resolution: Resolution) -> Self {
        let message = "the decision is kept; the next run carries it out".to_owned();
        Self { applied: false, conflict, resolution, message }
    }
}

impl From<Resolved> for Decided {
    fn from(resolved: Resolved) -> Self {
        let Resolved { applied, conflict, resolution, message } = resolved;
        Self { applied, conflict, resolution, message }
    }
}

/// Both connectors of a configuration, source first.
pub(super) type Ends = (Arc<dyn Connector>, Arc<dyn Connector>);

impl App {
    /// The two sides, where this process may write to them now.
    pub(super) async fn ends_to_write(&self, id: ConfigId) -> Result<Ends, AppError> {
        if self.runs().is_closing() {
            return Err(Fault::Unavailable("the server is shutting down".to_owned()).into());
        }
        self.both_ends(id).await
    }

    /// Writes a stored decision; goes on when the caller goes away.
    pub(super) async fn carry(
        &self,
        resolution: Resolution,
        (source, target): Ends,
    ) -> Result<Decided, AppError> {
        let engine = self.engine().clone();
        let request =
            ResolveRequest { conflict: resolution.conflict_id, resolution: resolution.id };
        let work = async move { engine.resolve(request, source, target).await };
        let answer = self.runs().finish(work).await;
        let gone = |_| Fault::Internal("a decision was not carried to its end".to_owned());
        match answer.map_err(gone)? {
            Ok(resolved) => Ok(resolved.into()),
            Err(ResolveError::NotFound) => {
                Err(Fault::no_such("conflict", resolution.conflict_id).into())
            }
            Err(ResolveError::Busy(run)) => Err(AppError::conflict(format!(
                "run {run} of this configuration is going on; the decision is kept and the next run carries it out, \
                 or send it again when this one has ended"
            ))
            .with("execution_id", run.0)
            .with("resolution_id", resolution.id.0)),
            Err(ResolveError::Fault(fault)) => Err(fault.into()),
        }
    }
}
