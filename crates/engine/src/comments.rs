//! Comments, one way: each is copied once, in order, with its author and time above it.

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::Value;
use syncline_domain::ports::{Connector, ConnectorError, ErrorKind, StoreExt as _};
use syncline_domain::{
    Comment, CommentId, CommentPair, Fault, FieldType, Fields, Intent, IntentId, IntentPlan,
    IntentState, ItemId, NewComment, Pair, PairState, Side, TextFormat, WriteOp, fingerprint,
};

use crate::adopt::shows;
use crate::course::Course;
use crate::error::Stop;
use crate::outcome::error_of;
use crate::page::{Page, at};
use crate::pass::Pass;
use crate::points;

/// A comment about to be copied.
struct Job {
    intent: IntentId,
    original: Comment,
    copy: NewComment,
}

/// The comments of one item about to be copied, oldest first.
struct Batch {
    pair: Pair,
    item: ItemId,
    copy: ItemId,
    jobs: Vec<Job>,
}

/// Copies the comments of the page's items that have none yet on the other side.
pub(crate) async fn copy(course: &mut Course, pass: &Pass, page: &mut Page) -> Result<(), Stop> {
    let wanted = pass.spec.config.options.sync_comments
        && pass.reader_can.comments
        && pass.writer_can.comments;
    let items = if wanted { page.commentable() } else { Vec::new() };
    if items.is_empty() {
        return Ok(());
    }
    let known = known_pairs(course, pass, &items).await?;
    let batches = list(course, pass, page, known).await?;
    if batches.is_empty() {
        return Ok(());
    }
    let batches = put_intents(course, pass, batches).await?;
    send(course, pass, page, batches).await
}

type KnownPairs = Vec<(Pair, Vec<CommentPair>)>;

async fn known_pairs(course: &Course, pass: &Pass, items: &[ItemId]) -> Result<KnownPairs, Stop> {
    let (config, read, items) = (pass.spec.config.id, pass.read, items.to_vec());
    let known = course.parts.store.view("page_comments", move |tx| {
        let pairs = tx.pairs_by_items(config, read, &items)?;
        let mut known = Vec::with_capacity(pairs.len());
        for pair in pairs.into_iter().filter(|pair| pair.state == PairState::Active) {
            let comments = tx.comment_pairs(pair.id)?;
            known.push((pair, comments));
        }
        Ok(known)
    });
    Ok(known.await?)
}

/// Reads the comments of the items and keeps those that have no copy.
async fn list(
    course: &mut Course,
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
        let comments = match comments {
            Ok(comments) => comments,
            Err(error) if error.kind.stops_run() => return Err(at(pass.read, error)),
            Err(error) => {
                page.spoil(course, &item, error_of(&error));
                continue;
            }
        };
        let done = |id: &CommentId| {
            copied.iter().any(|known| match pass.read {
                Side::Source => known.source_comment_id == *id,
                Side::Target => known.target_comment_id == *id,
            })
        };
        let jobs: Vec<Job> = comments
            .into_iter()
            .filter(|comment| !done(&comment.id))
            // What is hidden from requesters stays hidden, or stays where it is.
            .filter(|comment| !comment.is_private || pass.writer_can.private_comments)
            .map(|original| Job { intent: IntentId(0), copy: copy_of(pass, &original), original })
            .collect();
        let copy = pair.item(pass.write).cloned().unwrap_or_default();
        if !jobs.is_empty() {
            batches.push(Batch { pair, item, copy, jobs });
        }
    }
    Ok(batches)
}

fn copy_of(pass: &Pass, original: &Comment) -> NewComment {
    let body = if pass.spec.config.options.include_comment_metadata {
        format!("{}{}", header(original), original.body)
    } else {
        original.body.clone()
    };
    NewComment { body, format: original.format, is_private: original.is_private }
}

/// The line above a copied comment: who wrote it, and when.
fn header(original: &Comment) -> String {
    let author = original.author.as_ref();
    let author = author.and_then(|who| {
        [&who.name, &who.login, &who.email].into_iter().flatten().find(|name| !name.is_empty())
    });
    let author = author.map_or("somebody", String::as_str);
    let time = original.created_at.to_iso();
    match original.format {
        TextFormat::Text => format!("{author}, {time}:\n\n"),
        TextFormat::Markdown => format!("**{author}**, {time}:\n\n"),
        TextFormat::Html => format!("<p><b>{}</b>, {time}:</p>\n", escape(author)),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
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

/// A fact about a comment for the store.
enum Fact {
    Copied(IntentId, Box<CommentPair>),
    Never(IntentId),
}

async fn send(
    course: &mut Course,
    pass: &Pass,
    page: &mut Page,
    batches: Vec<Batch>,
) -> Result<(), Stop> {
    let (faults, keeper) = (Arc::clone(&course.parts.faults), course.keeper());
    let calls: Vec<_> = batches
        .into_iter()
        .map(|batch| {
            let (faults, keeper) = (Arc::clone(&faults), keeper.clone());
            async move {
                if let Some(keeper) = &keeper {
                    keeper.ensure().await?;
                }
                let mut facts = Vec::new();
                let mut failed = None;
                for job in batch.jobs {
                    if failed.is_some() {
                        facts.push(Fact::Never(job.intent));
                        continue;
                    }
                    faults.reach(points::COMMENT_BEFORE_CALL)?;
                    let made = pass.writer.add_comment(&batch.copy, &job.copy).await;
                    faults.reach(points::COMMENT_AFTER_CALL)?;
                    match made {
                        Ok(made) => facts.push(Fact::Copied(
                            job.intent,
                            Box::new(pair_of(&batch.pair, pass.read, &job.original, &made.id)),
                        )),
                        Err(error) => {
                            // A doubtful one stays open: the next run looks for it.
                            if error.kind != ErrorKind::Ambiguous {
                                facts.push(Fact::Never(job.intent));
                            }
                            failed = Some(error);
                        }
                    }
                }
                Ok::<_, Stop>((batch.item, facts, failed))
            }
        })
        .collect();
    let mut waves =
        stream::iter(calls).buffer_unordered(pass.concurrency()).ready_chunks(pass.concurrency());
    let mut stop = None;
    while let Some(wave) = waves.next().await {
        let mut facts = Vec::new();
        for done in wave {
            let (item, mut found, failed) = done?;
            facts.append(&mut found);
            if let Some(error) = failed {
                page.spoil(course, &item, error_of(&error));
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

fn hash_of(original: &Comment) -> String {
    fingerprint(&Value::String(original.body.clone()), FieldType::String)
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
                }
            }
            Ok(())
        })
        .await
}

/// Why an earlier comment could not be looked for.
pub(crate) enum LookError {
    Store(Fault),
    Connector(ConnectorError),
}

/// Looks for the copy of a comment whose answer was lost.
pub(crate) async fn find_copy(
    course: &Course,
    writer: &dyn Connector,
    intent: &Intent,
    adopted: &[CommentId],
) -> Result<Option<CommentPair>, LookError> {
    let IntentPlan::V1 { comment: Some(text), from_comment_id: Some(from), .. } = &intent.plan
    else {
        return Ok(None);
    };
    let (config, read) = (course.spec.config.id, intent.side.other());
    let item = intent.from_item_id.clone();
    let known = course.parts.store.view("recover_comments", move |tx| {
        let Some(pair) = tx.pairs_by_items(config, read, std::slice::from_ref(&item))?.pop() else {
            return Ok(None);
        };
        let comments = tx.comment_pairs(pair.id)?;
        Ok(Some((pair, comments)))
    });
    let Some((pair, copied)) = known.await.map_err(LookError::Store)? else { return Ok(None) };
    let Some(copy) = &intent.item_id else { return Ok(None) };
    let there = writer.comments(copy).await.map_err(LookError::Connector)?;
    let planned = Value::String(text.clone());
    let is_taken = |id: &CommentId| {
        adopted.contains(id)
            || copied.iter().any(|known| match intent.side {
                Side::Source => known.source_comment_id == *id,
                Side::Target => known.target_comment_id == *id,
            })
    };
    let found = there.iter().find(|comment| {
        !is_taken(&comment.id)
            && shows(&planned, &Value::String(comment.body.clone()), FieldType::Html)
    });
    Ok(found.map(|comment| {
        let (source, target) = match read {
            Side::Source => (from, &comment.id),
            Side::Target => (&comment.id, from),
        };
        CommentPair {
            pair_id: pair.id,
            origin: read,
            source_comment_id: source.clone(),
            target_comment_id: target.clone(),
            hash: String::new(),
            created_at: intent.created_at,
        }
    }))
}
