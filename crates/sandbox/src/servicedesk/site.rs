//! What stays the same while the sandbox runs: flavour, people, ids, addresses.

use std::sync::{Arc, Mutex};

use super::access::Tokens;
use super::options::{Flavour, ServiceDeskOptions};
use crate::shared::options::SandboxOptions;
use crate::shared::people::People;
use crate::shared::world::World;

/// What stands before the number in the cloud's ids.
const CLOUD_REQUEST: &str = "1000010000";
const CLOUD_USER: &str = "1000010001";
const CLOUD_PART: &str = "1000010002";

/// The fixed side of the sandbox.
pub(crate) struct Site {
    pub(crate) options: ServiceDeskOptions,
    pub(crate) common: SandboxOptions,
    pub(crate) people: People,
    pub(crate) world: Arc<World>,
    pub(crate) tokens: Mutex<Tokens>,
    /// `http://host:port`.
    pub(crate) base: String,
}

impl Site {
    pub(crate) fn new(
        base: String,
        world: Arc<World>,
        common: SandboxOptions,
        options: ServiceDeskOptions,
    ) -> Self {
        let tokens = Mutex::new(Tokens::default());
        Self { options, common, people: People::seeded(), world, tokens, base }
    }

    pub(crate) fn cloud(&self) -> bool {
        self.options.flavour == Flavour::Cloud
    }

    fn id(&self, prefix: &str, no: u32) -> String {
        if self.cloud() { format!("{prefix}{no:08}") } else { no.to_string() }
    }

    fn number(&self, prefix: &str, id: &str) -> Option<u32> {
        match self.cloud() {
            true => id.strip_prefix(prefix).filter(|rest| rest.len() == 8)?.parse().ok(),
            false => id.parse().ok(),
        }
    }

    /// The id of a request: 18 digits on the cloud.
    pub(crate) fn request_id(&self, no: u32) -> String {
        self.id(CLOUD_REQUEST, no)
    }

    /// The number behind a request's id.
    pub(crate) fn request_no(&self, id: &str) -> Option<u32> {
        self.number(CLOUD_REQUEST, id)
    }

    /// The id of a person.
    pub(crate) fn user_id(&self, no: u32) -> String {
        self.id(CLOUD_USER, no.saturating_add(1))
    }

    /// The person behind an id.
    pub(crate) fn user_no(&self, id: &str) -> Option<u32> {
        let no = self.number(CLOUD_USER, id)?.checked_sub(1)?;
        self.people.get(no).map(|_| no)
    }

    /// The id of a note or of a file.
    pub(crate) fn part_id(&self, no: u32) -> String {
        self.id(CLOUD_PART, no)
    }

    /// The page of a request for people.
    pub(crate) fn page_url(&self, no: u32) -> String {
        let id = self.request_id(no);
        match self.cloud() {
            true => format!("{}/app/{}/ui/requests/{id}/details", self.base, self.options.portal),
            false => format!("{}/WorkOrder.do?woMode=viewWO&woID={id}", self.base),
        }
    }

    /// The key that wraps a note.
    pub(crate) fn note_key(&self) -> &'static str {
        if self.cloud() { "request_note" } else { "note" }
    }

    /// Sandbox time in milliseconds.
    pub(crate) fn now(&self) -> i64 {
        self.world.clock.now_ms()
    }
}
