//! Comments, in each direction that is read: each is copied once, in order, with its author and time above it, and
//! its copy follows it.

mod follow;
mod form;
mod look;
mod text;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::Value;
use syncline_domain::ports::{ConnectorError, ErrorKind, FaultPoints, StoreExt as _, Tx};
use syncline_domain::{
    Comment, CommentId, CommentPair, Fault, FieldRef, Fields, Intent, IntentId, IntentPlan,
    IntentState, ItemId, NewComment, Pair, Side, WriteOp,
};

use crate::course::Course;
use crate::error::Stop;
use crate::hanging::Memos;
use crate::lease::Keeper;
use crate::outcome::error_of;
use crate::page::{Page, at};
use crate::pass::Pass;
use crate::points;
use follow::{Change, Followed, changes, follow, hash_of};
use text::copy_of;

pub(crate) use follow::id_of;
pub(crate) use look::{LookError, find_copy};

/// A comment about to be copied.
struct Job {
    intent: IntentId,
    original: Comment,
    copy: NewComment,
}

/// The comments of one item about to be copied, oldest first, and what its copies are to follow.
struct Batch {
    pair: Pair,
    item: ItemId,
    copy: ItemId,
    jobs: Vec<Job>,
    changes: Vec<Change>,
}

/// Copies the comments of these pairs' items that have none yet on the other side.
pub(crate) async fn copy(
    course: &Course,
    pass: &Pass,
    page: &mut Page,
    pairs: &[Pair],
    memos: &mut Memos,
) -> Result<(), Stop> {
    let known = known_pairs(course, pairs).await?;
    let batches = list(course, pass, page, known).await?;
    let batches = form::shape(course, pass, page, batches, memos).await?;
    if batches.is_empty() {
        return Ok(());
    }
    let batches = put_intents(course, pass, batches).await?;
    send(course, pass, page, batches).await
}

type KnownPairs = Vec<(Pair, Vec<CommentPair>)>;

async fn known_pairs(course: &Course, pairs: &[Pair]) -> Result<KnownPairs, Stop> {
    let pairs = pairs.to_vec();
    let known = course.parts.store.view("page_comments", move |tx| {
        let mut known = Vec::with_capacity(pairs.len());
        for pair in &pairs {
            known.push((pair.clone(), tx.comment_pairs(pair.id)?));
        }
        Ok(known)
    });
    Ok(known.await?)
}

/// Reads the comments of the items and keeps those that have no copy.
async fn list(
    course: &Course,
    pass: &Pass,
    page: &mut Page,
    known: KnownPairs,
) -> Result<Vec<Batch>, Stop> {
    let mut read = stream::iter(known)
        .map(|(pair, copied)| async move {
            let id = pair.item(pass.read).cloned().unwrap_or_default();
            let comments = pass.reader.comments(&id).await;
            (pair, id, copied, comments)
        })
        .buffered(pass.concurrency());
    let mut batches = Vec::new();
    while let Some((pair, item, copied, comments)) = read.next().await {
        match comments {
            Ok(comments) => {
                let changes = changes(pass, &copied, &comments);
                let jobs = jobs(pass, &copied, comments);
                if jobs.is_empty() && changes.is_empty() {
                    continue;
                }
                let copy = pair.item(pass.write).cloned().unwrap_or_default();
                batches.push(Batch { copy, jobs, changes, pair, item });
            }
            Err(error) if error.kind.stops_run() => return Err(at(pass.read, error)),
            Err(error) => page.spoil(course, pass, &item, error_of(&error)),
        }
    }
    Ok(batches)
}

/// The comments without a copy, oldest first.
fn jobs(pass: &Pass, copied: &[CommentPair], comments: Vec<Comment>) -> Vec<Job> {
    let done = |id: &CommentId| copied.iter().any(|known| id_of(known, pass.read) == id);
    let with_header = pass.spec.config.options.include_comment_metadata;
    comments
        .into_iter()
        .filter(|comment| !done(&comment.id))
        // What is hidden from requesters stays hidden, or stays where it is.
        .filter(|comment| !comment.is_private || pass.writer_can.private_comments)
        .map(|original| Job {
            intent: IntentId(0),
            copy: copy_of(&original, with_header),
            original,
        })
        .collect()
}

async fn put_intents(
    course: &Course,
    pass: &Pass,
    mut batches: Vec<Batch>,
) -> Result<Vec<Batch>, Stop> {
    let now = course.now();
    let intents: Vec<Intent> = batches
        .iter()
        .flat_map(|batch| batch.jobs.iter().map(move |job| (batch, job)))
        .map(|(batch, job)| Intent {
            id: IntentId(0),
            config_id: pass.spec.config.id,
            execution_id: course.execution.id,
            op_id: course.parts.ids.op_id(),
            op: WriteOp::Comment,
            side: pass.write,
            from_item_id: batch.item.clone(),
            item_id: Some(batch.copy.clone()),
            plan: IntentPlan::V1 {
                type_ref: None,
                status: None,
                fields: Fields::new(),
                comment: Some(job.copy.body.clone()),
                from_comment_id: Some(job.original.id.clone()),
                agreed: Vec::new(),
                seen: seen(&job.original),
                made_from: BTreeMap::new(),
                expected: None,
            },
            state: IntentState::Open,
            created_at: now,
        })
        .collect();
    let ids = course.fenced("put_comment_intents", move |tx| tx.insert_intents(&intents)).await?;
    let jobs = batches.iter_mut().flat_map(|batch| &mut batch.jobs);
    for (job, id) in jobs.zip(ids) {
        job.intent = id;
    }
    Ok(batches)
}

/// What the original said when it was copied, under its id.
fn seen(original: &Comment) -> Fields {
    let id = FieldRef::new(original.id.as_str());
    Fields::from([(id, Value::String(hash_of(original)))])
}

/// A fact about a comment for the store.
enum Fact {
    Copied(IntentId, Box<CommentPair>),
    Followed(Box<Followed>),
    Never(IntentId),
}

/// What became of the comments of one item.
struct Copied {
    pair: Pair,
    item: ItemId,
    facts: Vec<Fact>,
    failed: Option<ConnectorError>,
}

async fn send(
    course: &Course,
    pass: &Pass,
    page: &mut Page,
    batches: Vec<Batch>,
) -> Result<(), Stop> {
    let (faults, keeper) = (Arc::clone(&course.parts.faults), course.keeper());
    let calls: Vec<_> = batches
        .into_iter()
        .map(|batch| copy_batch(pass, batch, Arc::clone(&faults), keeper.clone()))
        .collect();
    let mut waves =
        stream::iter(calls).buffer_unordered(pass.concurrency()).ready_chunks(pass.concurrency());
    let mut stop = None;
    while let Some(wave) = waves.next().await {
        let mut facts = Vec::new();
        for done in wave {
            let mut done = done?;
            facts.append(&mut done.facts);
            if let Some(error) = done.failed {
                if error.kind == ErrorKind::Ambiguous {
                    course.lose_track(pass.read, &done.item, done.pair.item(pass.write));
                }
                page.spoil(course, pass, &done.item, error_of(&error));
                if error.kind.stops_run() {
                    stop = Some(at(pass.write, error));
                }
            }
        }
        put_facts(course, facts).await?;
        course.reach(points::COMMENT_AFTER_COMMIT)?;
        if stop.is_none() {
            stop = course.may_go_on().await.err();
        }
        if stop.is_some() {
            break;
        }
    }
    stop.map_or(Ok(()), Err)
}

/// Sends the comments of one item in order; after a failure the rest of them wait.
async fn copy_batch(
    pass: &Pass,
    batch: Batch,
    faults: Arc<dyn FaultPoints>,
    keeper: Option<Arc<Keeper>>,
) -> Result<Copied, Stop> {
    if let Some(keeper) = &keeper {
        keeper.ensure().await?;
    }
    let pair = batch.pair;
    let mut done = Copied { pair, item: batch.item, facts: Vec::new(), failed: None };
    for job in batch.jobs {
        if done.failed.is_some() {
            done.facts.push(Fact::Never(job.intent));
            continue;
        }
        faults.reach(points::COMMENT_BEFORE_CALL)?;
        let made = pass.writer.add_comment(&batch.copy, &job.copy).await;
        faults.reach(points::COMMENT_AFTER_CALL)?;
        match made {
            Ok(made) => {
                let pair = pair_of(&done.pair, pass.read, &job.original, &made.id);
                done.facts.push(Fact::Copied(job.intent, Box::new(pair)));
            }
            Err(error) => {
                // A doubtful one stays open: the next run looks for it.
                if error.kind != ErrorKind::Ambiguous {
                    done.facts.push(Fact::Never(job.intent));
                }
                done.failed = Some(error);
            }
        }
    }
    for change in batch.changes {
        if done.failed.is_some() {
            break;
        }
        match follow(pass.writer.as_ref(), pass.write, &batch.copy, change).await {
            Ok(followed) => done.facts.push(Fact::Followed(Box::new(followed))),
            Err(error) => done.failed = Some(error),
        }
    }
    Ok(done)
}

fn pair_of(pair: &Pair, read: Side, original: &Comment, copy: &CommentId) -> CommentPair {
    let (source, target) = match read {
        Side::Source => (&original.id, copy),
        Side::Target => (copy, &original.id),
    };
    CommentPair {
        pair_id: pair.id,
        origin: read,
        source_comment_id: source.clone(),
        target_comment_id: target.clone(),
        hash: hash_of(original),
        created_at: pair.last_synced_at,
    }
}

async fn put_facts(course: &Course, facts: Vec<Fact>) -> Result<(), Stop> {
    let now = course.now();
    course
        .fenced("record_comments", move |tx| {
            for fact in &facts {
                match fact {
                    Fact::Copied(intent, pair) => {
                        tx.insert_comment_pair(&CommentPair {
                            created_at: now,
                            ..CommentPair::clone(pair)
                        })?;
                        tx.finish_intent(*intent, IntentState::Done, None)?;
                    }
                    Fact::Never(intent) => {
                        tx.finish_intent(*intent, IntentState::Abandoned, None)?;
                    }
                    Fact::Followed(followed) => put_followed(tx, followed)?,
                }
            }
            Ok(())
        })
        .await
}

fn put_followed(tx: &mut dyn Tx, followed: &Followed) -> Result<(), Fault> {
    match followed {
        Followed::Edited(pair, hash) => {
            tx.set_comment_hash(pair.pair_id, &pair.source_comment_id, hash)
        }
        Followed::Gone(pair) => tx.delete_comment_pair(pair.pair_id, &pair.source_comment_id),
    }
}
