//! Why a run could not be started, previewed or changed by hand; and why one stops on its way.

use std::time::Duration;

use syncline_domain::ports::{ConnectorError, Crash};
use syncline_domain::{ConfigId, ErrorType, ExecutionId, Fault, FieldFault, ItemError, PairId};

/// Why no run was started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// There is no such configuration.
    #[error("there is no sync configuration {0}")]
    NotFound(ConfigId),
    /// The configuration or one of its connectors is switched off.
    #[error("{0}")]
    Inactive(String),
    /// A run of this configuration is going on.
    #[error("run {0} of this configuration is going on; wait for its end or cancel it")]
    Running(ExecutionId),
    /// The rules do not make a plan.
    #[error("{}", issues_text(.0))]
    Invalid(Vec<FieldFault>),
    /// The stored plan may not be applied (any more).
    #[error("{0}")]
    PlanRefused(String),
    /// The configuration wants its changed rules reviewed in a plan before a run starts by itself.
    #[error("{0}")]
    PlanNeeded(String),
    /// The store did not do as asked.
    #[error(transparent)]
    Store(#[from] Fault),
}

/// Why there is no preview.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PreviewError {
    /// There is no such configuration.
    #[error("there is no sync configuration {0}")]
    NotFound(ConfigId),
    /// The rules do not make a plan.
    #[error("{}", issues_text(.0))]
    Invalid(Vec<FieldFault>),
    /// A tracker did not answer as it should.
    #[error("{0}")]
    Connector(ConnectorError),
    /// The store did not do as asked.
    #[error(transparent)]
    Store(#[from] Fault),
}

/// Why two items were not paired by hand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PairError {
    /// There is no such configuration.
    #[error("there is no sync configuration {0}")]
    NotFound(ConfigId),
    /// One of the items does not exist or may not be seen.
    #[error("{0}")]
    NoItem(String),
    /// Their types are no pair of this configuration.
    #[error("{0}")]
    Types(String),
    /// One of them has a partner already.
    #[error("{message}")]
    Paired {
        /// The pair in the way.
        pair: PairId,
        /// What is in the way and what to do.
        message: String,
    },
    /// A tracker did not answer as it should.
    #[error("{0}")]
    Connector(ConnectorError),
    /// The store did not do as asked.
    #[error(transparent)]
    Store(#[from] Fault),
}

fn issues_text(issues: &[FieldFault]) -> String {
    let parts: Vec<String> =
        issues.iter().map(|issue| format!("{}: {}", issue.path, issue.message)).collect();
    format!("the configuration cannot run: {}", parts.join("; "))
}

/// Why a run stops before its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Stop {
    /// Somebody asked for it.
    #[error("cancelled")]
    Cancelled,
    /// Somebody else holds the configuration now: nothing more may be written, not even the end.
    #[error("the run lost its lease; another process goes on with this configuration")]
    LeaseLost,
    /// A test makes the run die.
    #[error(transparent)]
    Crash(#[from] Crash),
    /// A tracker as a whole is at fault.
    #[error("{} side: {error}", side)]
    Connector {
        /// Which side.
        side: syncline_domain::Side,
        /// What it answered.
        error: ConnectorError,
    },
    /// A limit that the user set.
    #[error("{0}")]
    Limit(String),
    /// The store did not do as asked.
    #[error(transparent)]
    Store(#[from] Fault),
}

impl Stop {
    /// How long a tracker asked to be left alone.
    pub(crate) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Connector { error, .. } => error.retry_after,
            _ => None,
        }
    }

    /// What the run's row says about it; `None` when the run is not at fault.
    pub(crate) fn item_error(&self) -> Option<ItemError> {
        let (error_type, message) = match self {
            Self::Cancelled | Self::LeaseLost | Self::Crash(_) => return None,
            Self::Connector { side, error } => {
                (error.kind.error_type(), format!("{side}: {}", error.for_people()))
            }
            Self::Limit(text) => (ErrorType::Validation, text.clone()),
            Self::Store(fault) => (ErrorType::Unknown, store_text(fault)),
        };
        Some(ItemError { error_type, message, field: None })
    }
}

fn store_text(fault: &Fault) -> String {
    match fault {
        Fault::Internal(_) => "the store failed; see the log".to_owned(),
        other => format!("the store failed: {other}"),
    }
}
