//! Where people find out more: pages that the server has for a browser (`syncline-api`, `pages`).

use syncline_domain::{ConfigId, ConflictId, ConnectorId, ExecutionId};

/// Makes addresses below `PUBLIC_URL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    base: String,
}

impl Links {
    /// From `PUBLIC_URL`, with or without a slash at its end.
    #[must_use]
    pub fn new(public_url: &str) -> Self {
        Self { base: public_url.trim().trim_end_matches('/').to_owned() }
    }

    pub(crate) fn execution(&self, id: ExecutionId) -> String {
        format!("{}/executions/{id}", self.base)
    }

    pub(crate) fn config(&self, id: ConfigId) -> String {
        format!("{}/sync-configs/{id}", self.base)
    }

    pub(crate) fn connector(&self, id: ConnectorId) -> String {
        format!("{}/connectors/{id}", self.base)
    }

    pub(crate) fn jobs(&self) -> String {
        format!("{}/jobs", self.base)
    }

    pub(crate) fn conflicts(&self) -> String {
        format!("{}/conflicts", self.base)
    }

    pub(crate) fn conflict(&self, id: ConflictId) -> String {
        format!("{}/conflicts/{id}", self.base)
    }

    pub(crate) fn notifications(&self) -> String {
        format!("{}/notifications", self.base)
    }
}
