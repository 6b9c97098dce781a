//! What a sandbox tracker must be able to do; the HTTP shell and the control routes stand on it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::faults::{FaultKind, FaultRule};
use super::http::{Reply, Request};

/// How to reach a sandbox: what a connector's form wants, word for word.
#[derive(Clone, Serialize)]
pub struct SandboxInfo {
    /// `azuredevops` or `servicedeskplus`.
    pub connector_type: String,
    /// A name for people.
    pub name: String,
    /// The connector's `base_url`.
    pub base_url: String,
    /// The connector's `endpoint`: a project or a portal.
    pub endpoint: String,
    /// The connector's `auth_type`.
    pub auth_type: String,
    /// The connector's credentials, by field name. They open nothing but this sandbox.
    pub credentials: BTreeMap<String, String>,
    /// The connector's `metadata`.
    pub metadata: Map<String, Value>,
    /// How many tickets there are.
    pub items: usize,
}

/// An edit or a create that a played person makes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The ticket to edit; absent: a new ticket is created.
    #[serde(default)]
    pub item_id: Option<ItemId>,
    /// The fields to write, as the tracker's API names and takes them. `null` clears one.
    #[serde(default)]
    pub fields: Map<String, Value>,
    /// A comment to add.
    #[serde(default)]
    pub comment: Option<String>,
    /// The account that does it, by mail; absent: the first person who is not the API's account.
    #[serde(default)]
    pub as_user: Option<String>,
    /// The type of a new ticket; absent: the tracker's default.
    #[serde(default, rename = "type")]
    pub item_type: Option<String>,
}

/// The id of a ticket, sent as a number or as text.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum ItemId {
    /// As a number.
    Number(u64),
    /// As text.
    Text(String),
}

impl ItemId {
    /// The id as text.
    #[must_use]
    pub fn as_text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

/// What an edit did.
#[derive(Clone, Debug, Serialize)]
pub struct Edited {
    /// The ticket.
    pub item_id: String,
    /// Its revision, or the milliseconds of its last change where the tracker has no revisions.
    pub version: String,
}

/// A ticket in short.
#[derive(Clone, Debug, Serialize)]
pub struct ItemSummary {
    /// The id that the tracker's API uses.
    pub id: String,
    /// The type.
    #[serde(rename = "type")]
    pub item_type: String,
    /// The title.
    pub title: String,
    /// The status.
    pub status: String,
    /// Revision, or milliseconds of the last change.
    pub version: String,
    /// The page for people.
    pub url: String,
}

/// What the shell tells the tracker about one call, beyond the request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    /// Set when a batch of writes shall fail in part: these entries, or each second one.
    pub(crate) fail_entries: Option<Option<Vec<usize>>>,
}

impl Call {
    /// What a fault rule means for the tracker itself.
    pub(crate) fn under(fault: Option<&FaultRule>) -> Self {
        let partial = fault.filter(|rule| rule.kind == FaultKind::PartialBatch);
        Self { fail_entries: partial.map(|rule| rule.entries.clone()) }
    }

    /// Whether the entry at `position` of a batch shall fail.
    pub(crate) fn fails(&self, position: usize) -> bool {
        match &self.fail_entries {
            None => false,
            Some(None) => position % 2 == 1,
            Some(Some(entries)) => entries.contains(&position),
        }
    }
}

/// A tracker as a function of requests.
pub(crate) trait Tracker: Send + Sync + 'static {
    /// Answers one API request.
    fn handle(&self, request: &Request, call: &Call) -> Reply;
    /// The tracker's own error body for a scripted status.
    fn fault(&self, status: u16, rule: &FaultRule) -> Reply;
    /// The sign-in page.
    fn sign_in(&self) -> Reply;
    /// The page for people at this address, if there is one.
    fn page(&self, request: &Request) -> Option<Reply>;
    /// The route of a request for counting, ids replaced.
    fn route(&self, request: &Request) -> String;
    /// How to reach the tracker.
    fn info(&self) -> SandboxInfo;
    /// Plays a person.
    fn edit(&self, edit: &Edit) -> Result<Edited, String>;
    /// Deletes a ticket as a person would; `destroy` leaves no trace. `false`: there is none.
    fn remove(&self, id: &str, destroy: bool) -> bool;
    /// Hides a ticket from the API's account, or shows it again. `false`: there is none.
    fn forbid(&self, id: &str, forbidden: bool) -> bool;
    /// All tickets in short, in id order.
    fn items(&self) -> Vec<ItemSummary>;
    /// One ticket as the API shows it, all fields.
    fn item(&self, id: &str) -> Option<Value>;
    /// Back to the seeded data.
    fn reset(&self);
}
