//! Who reads which tracker's events.

use syncline_domain::ports::{EventReader, EventReaders};

use crate::shared::events::Generic;
use crate::{azuredevops, github, gitlab, jira, redmine, servicedeskplus};

/// The event readers of all kinds, those included whose connector is still to come. Other kinds have the plain form,
/// `{"event": "workitem.updated", "item_id": "12"}`, which every reader understands beside its tracker's own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Readers;

impl EventReaders for Readers {
    fn reader(&self, connector_type: &str) -> Option<&dyn EventReader> {
        Some(match connector_type {
            azuredevops::NAME => &azuredevops::Events,
            servicedeskplus::NAME => &servicedeskplus::Events,
            redmine::NAME => &redmine::Events,
            github::NAME => &github::Events,
            gitlab::NAME => &gitlab::Events,
            jira::NAME => &jira::Events,
            _ => &Generic,
        })
    }
}
