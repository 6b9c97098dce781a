//! The one error that crosses rooms: sorted by what the caller can do about it.

use serde::Serialize;

/// What is wrong with one part of an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldFault {
    /// JSON pointer into the body (`/name`), or the name of a parameter.
    pub path: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl FieldFault {
    /// From a path and a message.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

/// Why something could not be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The thing asked for does not exist (or may not be seen).
    #[error("{0}")]
    NotFound(String),
    /// It clashes with what is there.
    #[error("{0}")]
    Conflict(String),
    /// The input is wrong; all faults at once.
    #[error("{}", invalid_text(.0))]
    Invalid(Vec<FieldFault>),
    /// The caller may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// Too much at once; try again.
    #[error("{0}")]
    Busy(String),
    /// Something we depend on is away; try again.
    #[error("{0}")]
    Unavailable(String),
    /// A bug or a broken database; the text is for the log only.
    #[error("{0}")]
    Internal(String),
}

impl Fault {
    /// One wrong field.
    pub fn invalid(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldFault::new(path, message)])
    }

    /// `NotFound` in the usual words.
    pub fn no_such(what: &str, id: impl std::fmt::Display) -> Self {
        Self::NotFound(format!("there is no {what} {id}"))
    }
}

fn invalid_text(faults: &[FieldFault]) -> String {
    let parts: Vec<String> =
        faults.iter().map(|fault| format!("{}: {}", fault.path, fault.message)).collect();
    parts.join("; ")
}
