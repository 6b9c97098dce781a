//! Why a use case could not do as asked.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};
use syncline_domain::ports::{ConnectorError, SealError};
use syncline_domain::{CredentialsUnreadable, ErrorType, ExecutionId, Fault, FieldFault};

/// A failed use case, with whatever else the reply should carry.
#[derive(Clone, Debug, PartialEq)]
pub struct AppError {
    /// What went wrong.
    pub cause: Cause,
    /// Further fields of the reply, such as `execution_id` or `required`.
    pub extras: Map<String, Value>,
    /// When it may be tried again, where that is known.
    pub retry_after: Option<Duration>,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Cause {
    /// On our side.
    Fault(Fault),
    /// A tracker (or mail server) refused or cannot be reached.
    Remote {
        /// All of it in one sentence.
        message: String,
        /// One line for each thing that went wrong.
        details: Vec<RemoteFault>,
    },
}

/// One thing that went wrong on a tracker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RemoteFault {
    /// The cause class.
    #[serde(rename = "type")]
    pub error_type: ErrorType,
    /// What happened.
    pub message: String,
    /// What a person should do.
    pub what_to_do: String,
}

impl AppError {
    /// One wrong field.
    pub fn invalid(path: impl Into<String>, message: impl Into<String>) -> Self {
        Fault::invalid(path, message).into()
    }

    /// It clashes with what is there.
    pub fn conflict(message: impl Into<String>) -> Self {
        Fault::Conflict(message.into()).into()
    }

    /// A run of this configuration is going on.
    #[must_use]
    pub fn run_going_on(id: ExecutionId) -> Self {
        Self::conflict(format!(
            "run {id} of this configuration is going on; wait for it or cancel it"
        ))
        .with("execution_id", id.0)
    }

    /// Adds a field to the reply.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.extras.insert(key.to_owned(), value.into());
        self
    }

    /// What went wrong on our side; `None` when somebody else refused.
    #[must_use]
    pub const fn fault(&self) -> Option<&Fault> {
        match &self.cause {
            Cause::Fault(fault) => Some(fault),
            Cause::Remote { .. } => None,
        }
    }

    /// Says when it may be tried again.
    #[must_use]
    pub const fn later(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// One line for logs and terminals.
    #[must_use]
    pub fn message(&self) -> String {
        match &self.cause {
            Cause::Fault(fault) => fault.to_string(),
            Cause::Remote { message, .. } => message.clone(),
        }
    }
}

impl std::fmt::Display for AppError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message())
    }
}

impl std::error::Error for AppError {}

impl From<Fault> for AppError {
    fn from(fault: Fault) -> Self {
        Self { cause: Cause::Fault(fault), extras: Map::new(), retry_after: None }
    }
}

impl From<Vec<FieldFault>> for AppError {
    fn from(faults: Vec<FieldFault>) -> Self {
        Fault::Invalid(faults).into()
    }
}

impl From<ConnectorError> for AppError {
    fn from(error: ConnectorError) -> Self {
        let fault = RemoteFault {
            error_type: error.kind.error_type(),
            message: error.detail.clone(),
            what_to_do: error
                .what_to_do
                .clone()
                .unwrap_or_else(|| usual_advice(error.kind.error_type())),
        };
        let cause = Cause::Remote { message: error.for_people(), details: vec![fault] };
        Self { cause, extras: Map::new(), retry_after: None }
    }
}

impl From<SealError> for AppError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::UnknownKey(_) => Fault::Conflict(error.to_string()).into(),
            SealError::Broken(_) => Fault::Conflict(error.to_string()).into(),
        }
    }
}

impl From<CredentialsUnreadable> for AppError {
    fn from(error: CredentialsUnreadable) -> Self {
        Self::conflict(error.to_string())
    }
}

/// What helps most often.
pub(crate) fn usual_advice(kind: ErrorType) -> String {
    match kind {
        ErrorType::Authentication => "enter new credentials",
        ErrorType::Permission => "give the account the permission that is missing",
        ErrorType::RateLimit => "wait and try again; the tracker asks for fewer requests",
        ErrorType::Connection => "check the address and whether the tracker is up, then try again",
        ErrorType::Validation => "correct the value",
        _ => "check the connector's address and project",
    }
    .to_owned()
}
