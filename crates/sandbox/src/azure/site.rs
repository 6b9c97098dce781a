//! What stays the same while the sandbox runs: names, people, addresses.

use std::sync::Arc;

use super::html::Rewriter;
use super::options::AzureDevOpsOptions;
use crate::shared::options::SandboxOptions;
use crate::shared::people::People;
use crate::shared::text::guid;
use crate::shared::world::World;

/// The fixed side of the sandbox.
pub(crate) struct Site {
    pub(crate) options: AzureDevOpsOptions,
    pub(crate) common: SandboxOptions,
    pub(crate) people: People,
    pub(crate) world: Arc<World>,
    pub(crate) rewriter: Rewriter,
    /// `http://host:port/organization`.
    pub(crate) collection: String,
    project_guid: String,
}

impl Site {
    pub(crate) fn new(
        base: &str,
        world: Arc<World>,
        common: SandboxOptions,
        options: AzureDevOpsOptions,
    ) -> Self {
        let collection = format!("{base}/{}", options.organization);
        let project_guid = guid(&format!("project {}", options.project));
        Self {
            options,
            common,
            people: People::seeded(),
            world,
            rewriter: Rewriter::new(),
            collection,
            project_guid,
        }
    }

    /// The project's GUID.
    pub(crate) fn project_guid(&self) -> &str {
        &self.project_guid
    }

    /// Whether a path segment names the project.
    pub(crate) fn is_project(&self, segment: &str) -> bool {
        segment.to_lowercase() == self.options.project.to_lowercase()
            || segment.eq_ignore_ascii_case(&self.project_guid)
    }

    /// The API address of a work item.
    pub(crate) fn item_url(&self, id: u32) -> String {
        format!("{}/_apis/wit/workItems/{id}", self.collection)
    }

    /// The address of a work item's page for people.
    pub(crate) fn page_url(&self, id: u32) -> String {
        let project = percent_encoding::utf8_percent_encode(
            &self.options.project,
            percent_encoding::NON_ALPHANUMERIC,
        );
        format!("{}/{project}/_workitems/edit/{id}", self.collection)
    }

    /// Sandbox time in milliseconds.
    pub(crate) fn now(&self) -> i64 {
        self.world.clock.now_ms()
    }
}
