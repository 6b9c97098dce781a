//! Writing: many items in one `$batch` call, each judged alone.
//!
//! A new item is sent with its state. Where the type's rules refuse that (most let items begin in one state only) it is
//! made first and moved then, both within one call of the port, and the refusal is remembered, so that the next items
//! go the two steps at once. When the move is refused the item stays, in its first state, and the answer shows it so:
//! an error would make the caller believe that nothing was made.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use syncline_domain::ports::{ConnectorError, ErrorKind, Write, WriteKind};
use syncline_domain::{Item, ItemId, Version};

use super::convert::{self, TAGS};
use super::errors::{self, Effect};
use super::patch;
use super::reading::{number, read_all};
use super::requests::{Api, entry};
use super::wire::{BatchAnswer, BatchEntry, PatchOp, WorkItem};

/// Entries that one `$batch` call takes.
pub(super) const WRITE_BATCH: usize = 200;
/// Characters of values that one call carries: its answer holds them all again, and much more.
const WRITE_SIZE: usize = 4 * 1024 * 1024;

type Written = Result<WorkItem, ConnectorError>;

/// What is sent for one write.
enum Step {
    Send(Job),
    /// Already known: nothing to send, or it cannot be sent.
    Known(Written),
    Delete(u64, Option<Version>),
}

/// A create or an update, ready to be sent.
struct Job {
    place: Place,
    ops: Vec<PatchOp>,
    /// The state to move to once the item is there.
    then: Option<String>,
}

#[derive(Clone)]
enum Place {
    New(String),
    Item(u64),
}

/// States in which a type's items cannot begin, as learned from refusals.
#[derive(Default)]
pub(super) struct RefusedStarts(Mutex<BTreeSet<(String, String)>>);

impl RefusedStarts {
    fn knows(&self, type_ref: &str, state: &str) -> bool {
        self.held().contains(&(type_ref.to_owned(), state.to_lowercase()))
    }

    fn learn(&self, type_ref: &str, state: &str) {
        self.held().insert((type_ref.to_owned(), state.to_lowercase()));
    }

    fn held(&self) -> MutexGuard<'_, BTreeSet<(String, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Performs writes; one outcome each, in order.
pub(super) async fn apply(
    api: &Api,
    refused: &RefusedStarts,
    writes: &[Write],
) -> Vec<Result<Item, ConnectorError>> {
    let mut steps = Vec::with_capacity(writes.len());
    for write in writes {
        steps.push(plan(api, refused, write).await);
    }
    let mut outcomes = send_planned(api, &steps).await;
    retry_refused_states(api, refused, writes, &mut steps, &mut outcomes).await;
    move_created(api, &steps, &mut outcomes).await;
    mend_tags(api, writes, &mut outcomes).await;
    outcomes
        .into_iter()
        .map(|outcome| outcome.map(|wire| convert::item(&api.config, wire)))
        .collect()
}

async fn plan(api: &Api, refused: &RefusedStarts, write: &Write) -> Step {
    match &write.kind {
        WriteKind::Create { type_ref } => Step::Send(plan_create(api, refused, write, type_ref)),
        WriteKind::Update { id, expected } => match number(id) {
            Err(error) => Step::Known(Err(error)),
            Ok(number) => {
                let ops = patch::update(&api.config, write, expected.as_ref());
                if patch::says_nothing(&ops) {
                    return Step::Known(unchanged(api, number, expected.as_ref()).await);
                }
                Step::Send(Job { place: Place::Item(number), ops, then: None })
            }
        },
        WriteKind::Delete { id, expected } => match number(id) {
            Err(error) => Step::Known(Err(error)),
            Ok(number) => Step::Delete(number, expected.clone()),
        },
    }
}

fn plan_create(api: &Api, refused: &RefusedStarts, write: &Write, type_ref: &str) -> Job {
    let wanted = patch::wanted_state(write);
    let at_once = wanted.as_ref().is_none_or(|state| !refused.knows(type_ref, state));
    Job {
        place: Place::New(type_ref.to_owned()),
        ops: patch::create(&api.config, write, at_once),
        then: wanted.filter(|_| !at_once),
    }
}

async fn send_planned(api: &Api, steps: &[Step]) -> Vec<Written> {
    let jobs: Vec<&Job> = steps
        .iter()
        .filter_map(|step| if let Step::Send(job) = step { Some(job) } else { None })
        .collect();
    let mut sent = send(api, &jobs).await.into_iter();
    let mut outcomes = Vec::with_capacity(steps.len());
    for step in steps {
        outcomes.push(match step {
            Step::Known(known) => known.clone(),
            Step::Delete(id, expected) => delete(api, *id, expected.as_ref()).await,
            Step::Send(_) => sent.next().unwrap_or_else(|| Err(lost("fewer answers than writes"))),
        });
    }
    outcomes
}

/// Creates that were refused for their state alone are made without it and moved afterwards.
async fn retry_refused_states(
    api: &Api,
    refused: &RefusedStarts,
    writes: &[Write],
    steps: &mut [Step],
    outcomes: &mut [Written],
) {
    let mut again = Vec::new();
    for (at, ((write, step), outcome)) in
        writes.iter().zip(steps.iter_mut()).zip(outcomes.iter()).enumerate()
    {
        let (Step::Send(job), Err(error)) = (step, outcome) else { continue };
        let (Place::New(kind), Some(state), None) =
            (&job.place, patch::wanted_state(write), &job.then)
        else {
            continue;
        };
        if errors::is_state_refused(error) {
            refused.learn(kind, &state);
            job.ops = patch::create(&api.config, write, false);
            job.then = Some(state);
            again.push(at);
        }
    }
    let jobs: Vec<&Job> = again
        .iter()
        .filter_map(|at| match steps.get(*at) {
            Some(Step::Send(job)) => Some(job),
            _ => None,
        })
        .collect();
    let sent = send(api, &jobs).await;
    settle(&again, sent, outcomes);
}

/// Moves what was just made to the state it is meant to have.
async fn move_created(api: &Api, steps: &[Step], outcomes: &mut [Written]) {
    let mut places = Vec::new();
    let mut moves = Vec::new();
    for (at, (step, outcome)) in steps.iter().zip(outcomes.iter()).enumerate() {
        if let (Step::Send(Job { then: Some(state), .. }), Ok(made)) = (step, outcome) {
            let ops = patch::to_state(state, &Version::new(made.rev.to_string()));
            places.push(at);
            moves.push(Job { place: Place::Item(made.id), ops, then: None });
        }
    }
    let sent = send(api, &moves.iter().collect::<Vec<_>>()).await;
    settle_where_well(&places, sent, outcomes, "its first state");
}

/// On some servers `add` joins tags to those that are there; what is too much is then taken away with `replace`.
async fn mend_tags(api: &Api, writes: &[Write], outcomes: &mut [Written]) {
    let mut places = Vec::new();
    let mut mends = Vec::new();
    for (at, (write, outcome)) in writes.iter().zip(outcomes.iter()).enumerate() {
        let (WriteKind::Update { .. }, Some(wanted), Ok(item)) =
            (&write.kind, patch::wanted_tags(write), outcome)
        else {
            continue;
        };
        if has_extra_tags(item, &wanted) {
            let ops = patch::replace_tags(&wanted, &Version::new(item.rev.to_string()));
            places.push(at);
            mends.push(Job { place: Place::Item(item.id), ops, then: None });
        }
    }
    let sent = send(api, &mends.iter().collect::<Vec<_>>()).await;
    settle_where_well(&places, sent, outcomes, "tags that it should have lost");
}

fn has_extra_tags(item: &WorkItem, wanted: &Value) -> bool {
    let lower = |tag: &str| tag.trim().to_lowercase();
    let wanted: Vec<String> = match wanted {
        Value::Array(parts) if !parts.is_empty() => {
            parts.iter().filter_map(Value::as_str).map(lower).collect()
        }
        _ => return false,
    };
    let shown = item.fields.get(TAGS).and_then(Value::as_str).unwrap_or_default();
    shown.split(';').map(lower).any(|tag| !tag.is_empty() && !wanted.contains(&tag))
}

fn settle(places: &[usize], sent: Vec<Written>, outcomes: &mut [Written]) {
    for (at, outcome) in places.iter().zip(sent) {
        if let Some(slot) = outcomes.get_mut(*at) {
            *slot = outcome;
        }
    }
}

/// A second step that fails leaves the outcome of the first, which did happen.
fn settle_where_well(
    places: &[usize],
    sent: Vec<Written>,
    outcomes: &mut [Written],
    left_with: &str,
) {
    for (at, outcome) in places.iter().zip(sent) {
        let Some(slot) = outcomes.get_mut(*at) else { continue };
        match (outcome, &slot) {
            (Ok(item), _) => *slot = Ok(item),
            (Err(error), Ok(item)) => {
                log::warn!(item = item.id, error:% = error; "a work item was written but is left with {left_with}");
            }
            (Err(_), Err(_)) => {}
        }
    }
}

/// Sends creates and updates: one alone as itself, several as batches.
async fn send(api: &Api, jobs: &[&Job]) -> Vec<Written> {
    if let [job] = jobs {
        return vec![send_one(api, job).await];
    }
    let mut outcomes = Vec::with_capacity(jobs.len());
    for part in portions(jobs) {
        outcomes.extend(send_batch(api, part).await);
    }
    outcomes
}

/// Cuts a list into calls by count and by size.
fn portions<'a, 'j>(jobs: &'a [&'j Job]) -> Vec<&'a [&'j Job]> {
    let mut parts = Vec::new();
    let mut rest = jobs;
    while !rest.is_empty() {
        let mut size = 0_usize;
        let fits = rest.iter().take(WRITE_BATCH).take_while(|job| {
            size = size.saturating_add(job.ops.iter().map(op_size).sum());
            size <= WRITE_SIZE
        });
        let (part, next) = rest.split_at(fits.count().max(1));
        parts.push(part);
        rest = next;
    }
    parts
}

fn op_size(op: &PatchOp) -> usize {
    op.path.len() + op.value.as_ref().and_then(Value::as_str).map_or(16, str::len)
}

async fn send_one(api: &Api, job: &Job) -> Written {
    match &job.place {
        Place::New(type_ref) => api.create(type_ref, &job.ops).await,
        Place::Item(id) => api.update(*id, &job.ops).await,
    }
}

async fn send_batch(api: &Api, jobs: &[&Job]) -> Vec<Written> {
    let entries: Vec<BatchEntry<'_>> = jobs
        .iter()
        .map(|job| match &job.place {
            Place::New(type_ref) => entry(api.create_uri(type_ref), &job.ops),
            Place::Item(id) => entry(api.update_uri(*id), &job.ops),
        })
        .collect();
    match api.batch(&entries).await {
        Ok(answers) if answers.len() == jobs.len() => {
            answers.into_iter().map(judge_entry).collect()
        }
        Ok(answers) => {
            // Nobody can say which answer belongs to which write.
            let text = format!("{} answers to {} writes", answers.len(), jobs.len());
            jobs.iter().map(|_| Err(lost(&text))).collect()
        }
        // A server that has no batches did nothing.
        Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Protocol) => {
            let mut outcomes = Vec::with_capacity(jobs.len());
            for job in jobs {
                outcomes.push(send_one(api, job).await);
            }
            outcomes
        }
        Err(error) => jobs.iter().map(|_| Err(error.clone())).collect(),
    }
}

fn judge_entry(answer: BatchAnswer) -> Written {
    let body = match &answer.body {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    if (200..300).contains(&answer.code) {
        return serde_json::from_str(&body).map_err(|_| lost("a written item that is none"));
    }
    let wait = answer.headers.get("Retry-After").and_then(|value| match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_u64(),
    });
    let wait = wait.map(std::time::Duration::from_secs);
    Err(errors::refused(answer.code, body.as_bytes(), wait, Effect::Write))
}

fn lost(what: &str) -> ConnectorError {
    errors::broken(what, Effect::Write)
}

/// A write without values: the item as it is, if it is still the expected one.
async fn unchanged(api: &Api, id: u64, expected: Option<&Version>) -> Written {
    let found = read_all(api, &[id], &[]).await?.into_iter().next();
    let item = found.ok_or_else(|| missing(id))?;
    check_version(&item, expected)?;
    Ok(item)
}

/// A delete knows no revision test, so the item is read first; a small gap remains.
async fn delete(api: &Api, id: u64, expected: Option<&Version>) -> Written {
    let before = unchanged(api, id, expected).await?;
    let shown = api.delete(id).await?;
    Ok(shown.filter(|item| !item.fields.is_empty()).unwrap_or(before))
}

fn check_version(item: &WorkItem, expected: Option<&Version>) -> Result<(), ConnectorError> {
    match expected {
        Some(version) if version.as_str() != item.rev.to_string() => Err(ConnectorError::new(
            ErrorKind::VersionConflict,
            format!("work item {} has revision {} instead of {version}", item.id, item.rev),
        )),
        _ => Ok(()),
    }
}

fn missing(id: u64) -> ConnectorError {
    let id = ItemId::new(id.to_string());
    ConnectorError::new(
        ErrorKind::NotFound,
        format!("work item {id} does not exist, or the account has no permission to see it"),
    )
}
