//! What stays the same while the sandbox runs: names, people, addresses.

use std::sync::Arc;

use serde_json::{Value, json};

use super::html::Rewriter;
use super::options::AzureDevOpsOptions;
use crate::shared::options::SandboxOptions;
use crate::shared::people::{People, Person};
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
    /// Each person as the API shows one, by number.
    identities: Vec<Value>,
}

/// A person as the API shows one.
fn shown(collection: &str, person: &Person) -> Value {
    let descriptor = format!("aad.{}", person.guid.replace('-', ""));
    let avatar = format!("{collection}/_apis/GraphProfile/MemberAvatars/{descriptor}");
    json!({
        "displayName": person.name,
        "url": format!("{collection}/_apis/Identities/{}", person.guid),
        "_links": { "avatar": { "href": avatar } },
        "id": person.guid,
        "uniqueName": person.mail,
        "imageUrl": avatar,
        "descriptor": descriptor,
    })
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
        let people = People::seeded();
        let identities = people.iter().map(|(_, person)| shown(&collection, person)).collect();
        let rewriter = Rewriter::new();
        Self { options, common, people, world, rewriter, collection, project_guid, identities }
    }

    /// A person as the API shows one; nobody is `null`.
    pub(crate) fn identity(&self, no: u32) -> &Value {
        let at = usize::try_from(no).unwrap_or(usize::MAX);
        self.identities.get(at).unwrap_or(&Value::Null)
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
