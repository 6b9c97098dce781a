//! Writing: look, send, look back; a few issues share a look.
//!
//! Redmine checks no revision, so an update reads the issue first; a small gap remains between that read and the write.
//! What workflow or permissions forbid is dropped behind a 204, so every write is compared with what the issue shows
//! afterwards. An update that lost a value is an error that names the field. A creation that lost one is tried once more
//! as an update (a status may be out of reach for a new issue and one step away for an old one); if that does not help
//! either, the issue stays as it is shown, because an error would make the caller believe that nothing was made.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};
use syncline_domain::ports::{ConnectorError, ErrorKind, Write, WriteKind};
use syncline_domain::{FieldRef, Item, ItemId, Version};

use super::convert;
use super::errors;
use super::lookup;
use super::plan::{self, Change};
use super::requests::Api;
use super::walk::number;
use super::wire::Issue;

/// Writes taken at once: they share one look before and one after. More would stretch the time between the look and the
/// write, in which somebody else's change goes unnoticed.
pub(super) const WRITE_BATCH: usize = IN_FLIGHT;
/// Writes on their way at once.
const IN_FLIGHT: usize = 4;
const DROPPED: &str = "look whether the account's role may move an issue there (Administration > Workflow), whether the \
     field is read-only for it (a parent task takes some from its subtasks), and whether the tracker has the field";

/// What became of a write before the look back.
enum Sent {
    /// The issue as it is now.
    Done(Box<Issue>),
    /// Accepted; what was sent has to be found in the issue.
    Accepted { id: u64, changes: Vec<Change> },
}

/// Issues by id, or why they could not be read.
type Seen = Result<BTreeMap<u64, Issue>, ConnectorError>;

/// Performs writes; one outcome each, in order.
pub(super) async fn apply(api: &Api, writes: &[Write]) -> Vec<Result<Item, ConnectorError>> {
    let ids: Vec<ItemId> = writes.iter().filter_map(target).cloned().collect();
    let before = look(api, &lookup::numbers(&ids)).await;
    // An issue that is written twice is written in order.
    let at_once = if repeats(&ids) { 1 } else { IN_FLIGHT };
    let calls: Vec<_> = writes.iter().map(|write| send(api, write, &before)).collect();
    let sent: Vec<Result<Sent, ConnectorError>> =
        stream::iter(calls).buffered(at_once).collect().await;
    let accepted: Vec<u64> = sent.iter().filter_map(accepted).collect();
    let after = look(api, &accepted).await;
    let issues = sent.into_iter().map(|one| one.and_then(|sent| judge(sent, &after))).collect();
    shown(api, issues).await
}

fn target(write: &Write) -> Option<&ItemId> {
    match &write.kind {
        WriteKind::Create { .. } => None,
        WriteKind::Update { id, .. } | WriteKind::Delete { id, .. } => Some(id),
    }
}

fn repeats(ids: &[ItemId]) -> bool {
    ids.iter().collect::<BTreeSet<_>>().len() < ids.len()
}

fn accepted(sent: &Result<Sent, ConnectorError>) -> Option<u64> {
    match sent {
        Ok(Sent::Accepted { id, .. }) => Some(*id),
        _ => None,
    }
}

async fn look(api: &Api, ids: &[u64]) -> Seen {
    let issues = lookup::issues(api, ids).await?;
    Ok(issues.into_iter().map(|issue| (issue.id, issue)).collect())
}

async fn send(api: &Api, write: &Write, before: &Seen) -> Result<Sent, ConnectorError> {
    match &write.kind {
        WriteKind::Create { type_ref } => create(api, write, type_ref).await,
        WriteKind::Update { id, expected } => {
            update(api, write, expected_issue(before, id, expected.as_ref())?).await
        }
        WriteKind::Delete { id, expected } => {
            delete(api, expected_issue(before, id, expected.as_ref())?).await
        }
    }
}

/// The issue as it was read, if it is the one that the writer knows.
fn expected_issue<'a>(
    before: &'a Seen,
    id: &ItemId,
    expected: Option<&Version>,
) -> Result<&'a Issue, ConnectorError> {
    let id = number(id)?;
    let issues = before.as_ref().map_err(Clone::clone)?;
    let issue = issues.get(&id).ok_or_else(|| errors::no_issue(id))?;
    match expected {
        Some(version) if *version != convert::version(issue) => Err(ConnectorError::new(
            ErrorKind::VersionConflict,
            format!("issue {id} was changed at {}", issue.updated_on),
        )),
        _ => Ok(issue),
    }
}

async fn create(api: &Api, write: &Write, type_ref: &str) -> Result<Sent, ConnectorError> {
    let tracker: u64 = type_ref.parse().map_err(|_| {
        let text = format!("{type_ref:?} is no tracker of redmine");
        ConnectorError::new(ErrorKind::Invalid, text).advise("discover the connector's types again")
    })?;
    let project = project(api, write)?;
    let changes = plan::changes(api, &without_nothing(write), &project).await?;
    let mut attributes = plan::attributes(&changes);
    attributes.insert("tracker_id".to_owned(), json!(tracker));
    attributes.entry("project_id").or_insert_with(|| json!(project));
    let made = api.create(&json!({ "issue": attributes })).await;
    let made = made.map_err(|error| naming(error, &changes))?;
    let lost: Vec<Change> = changes.into_iter().filter(|change| !change.is_in(&made)).collect();
    if lost.is_empty() {
        return Ok(Sent::Done(Box::new(made)));
    }
    let made = match second_step(api, made.id, &lost).await {
        Ok(issue) => issue,
        Err(error) => {
            log::warn!(issue = made.id, error:% = error; "an issue was made but could not be completed");
            made
        }
    };
    for change in lost.iter().filter(|change| !change.is_in(&made)) {
        log::warn!(issue = made.id, field:% = change.field; "redmine dropped a value of a new issue");
    }
    Ok(Sent::Done(Box::new(made)))
}

/// A new issue has nothing to clear but the date that Redmine gives it by itself.
fn without_nothing(write: &Write) -> Write {
    let mut write = write.clone();
    write.fields.retain(|field, value| !value.is_null() || field.as_str() == "start_date");
    write
}

/// Where a new issue goes: what the write says, else what the connector is set to.
fn project(api: &Api, write: &Write) -> Result<String, ConnectorError> {
    let given = write.fields.get(&FieldRef::from("project")).and_then(Value::as_str);
    given.map(str::to_owned).or_else(|| api.config.project.clone()).ok_or_else(|| {
        errors::invalid("project", "a new issue needs a project, and the connector has none")
            .advise("enter the project's identifier as endpoint, or map a value to project")
    })
}

async fn second_step(api: &Api, id: u64, lost: &[Change]) -> Result<Issue, ConnectorError> {
    put(api, id, lost).await?;
    // As lists show it, so that its version is the one that everybody else reads.
    look(api, &[id]).await?.remove(&id).ok_or_else(|| errors::no_issue(id))
}

async fn update(api: &Api, write: &Write, before: &Issue) -> Result<Sent, ConnectorError> {
    let mut changes = plan::changes(api, write, &before.project.id.to_string()).await?;
    changes.retain(|change| !change.is_in(before));
    if changes.is_empty() {
        return Ok(Sent::Done(Box::new(before.clone())));
    }
    put(api, before.id, &changes).await.map_err(|error| naming(error, &changes))?;
    Ok(Sent::Accepted { id: before.id, changes })
}

/// Redmine deletes subtasks along with their parent, and nobody asked for that.
async fn delete(api: &Api, before: &Issue) -> Result<Sent, ConnectorError> {
    let id = before.id;
    let children = api.issue(id, "children").await?.children.len();
    if children > 0 {
        let text = format!("issue {id} has {children} subtasks, which would be deleted, too");
        return Err(ConnectorError::new(ErrorKind::Invalid, text)
            .advise("delete the subtasks first, or give them another parent"));
    }
    match api.delete_issue(id).await {
        Err(error) if error.kind == ErrorKind::NotFound => Err(errors::no_issue(id)),
        other => other.map(|()| Sent::Done(Box::new(before.clone()))),
    }
}

async fn put(api: &Api, id: u64, changes: &[Change]) -> Result<(), ConnectorError> {
    let body = json!({ "issue": plan::attributes(changes) });
    match api.put(&format!("issues/{id}.json"), &body).await {
        Err(error) if error.kind == ErrorKind::NotFound => Err(errors::no_issue(id)),
        other => other,
    }
}

/// Whether an accepted write was made.
fn judge(sent: Sent, after: &Seen) -> Result<Issue, ConnectorError> {
    let (id, changes) = match sent {
        Sent::Done(issue) => return Ok(*issue),
        Sent::Accepted { id, changes } => (id, changes),
    };
    let seen = after.as_ref().map_err(|error| unread(error.clone()))?;
    let issue = seen.get(&id).ok_or_else(|| unread(errors::no_issue(id)))?;
    match changes.iter().find(|change| !change.is_in(issue)) {
        Some(lost) => {
            let field = lost.field.as_str();
            let text =
                format!("redmine accepted the change of issue {id} but left {field} as it was");
            Err(errors::invalid(field, text).advise(DROPPED))
        }
        None => Ok(issue.clone()),
    }
}

/// Outcomes as items; the people of all of them are looked up at once.
async fn shown(
    api: &Api,
    issues: Vec<Result<Issue, ConnectorError>>,
) -> Vec<Result<Item, ConnectorError>> {
    let good: Vec<Issue> = issues.iter().filter_map(|one| one.as_ref().ok()).cloned().collect();
    let known = convert::known(api, &good, true).await;
    let item = |issue: Issue| {
        let known = known.as_ref().map_err(|error| unread(error.clone()))?;
        convert::item(api, &issue, known).map_err(unread)
    };
    issues.into_iter().map(|one| one.and_then(item)).collect()
}

/// The write went well, so it must not look as if nothing had happened.
fn unread(error: ConnectorError) -> ConnectorError {
    let text = format!("the issue was written but cannot be read back: {}", error.detail);
    ConnectorError { kind: ErrorKind::Ambiguous, detail: text, ..error }
}

/// The field at fault, where the message speaks of a custom field or there is only one it can be.
fn naming(error: ConnectorError, changes: &[Change]) -> ConnectorError {
    if error.kind != ErrorKind::Invalid || error.field.is_some() {
        return error;
    }
    let named = changes.iter().find(|change| change.is_named_in(&error.detail));
    match (named, changes) {
        (Some(change), _) | (None, [change]) => {
            let field = change.field.clone();
            error.on_field(field)
        }
        _ => error,
    }
}
