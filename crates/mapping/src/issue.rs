//! What is wrong with a configuration, in words for the person who wrote it.

use serde::Serialize;

/// How bad an [`Issue`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The configuration cannot run like this.
    Error,
    /// It can run; something will not happen as one may expect.
    Warning,
}

/// One finding about a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// How bad it is (`type` on the wire).
    #[serde(rename = "type")]
    pub severity: Severity,
    /// JSON pointer into the configuration, such as `/type_mappings/0/field_mappings/2/transformation`.
    pub path: String,
    /// The reference of the field or the value of the status it is about, where there is one.
    pub field: Option<String>,
    /// What is wrong and what to do.
    pub message: String,
}

impl Issue {
    /// Something that must be repaired.
    pub fn error(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, path, message)
    }

    /// Something worth knowing.
    pub fn warning(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, path, message)
    }

    /// Names the field or status.
    #[must_use]
    pub fn on(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Whether it must be repaired before a run.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    fn new(severity: Severity, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity, path: path.into(), field: None, message: message.into() }
    }
}
