//! Carrying a deletion out: the look at the item that is left, the write, and what is recorded.

use std::collections::BTreeMap;
use std::slice;

use serde_json::Value;
use syncline_domain::ports::{
    ConnectorError, ErrorKind, Presence, StoreExt as _, Write, WriteKind,
};
use syncline_domain::{
    Base, Change, DeletePolicy, ErrorType, Fault, FieldRef, FieldType, Fields, Intent, IntentId,
    IntentPlan, IntentState, Item, ItemId, ItemState, NewComment, OpId, Pair, PairState, Receipt,
    STATUS_REF, Side, TextFormat, Timestamp, Tombstone, WriteOp, fingerprint,
};

use super::{Gone, connector, told};
use crate::choose::gone as not_there;
use crate::course::{Course, Mode};
use crate::error::Stop;
use crate::limits::reached;
use crate::outcome::{RetryMove, Verdict, error_of};
use crate::page::at;
use crate::pass::{Pass, value_of};
use crate::points;
use crate::retry::backoff;
use crate::reviewed;

use super::rule::closing_status;

/// The item that is left, looked at.
pub(super) enum Left {
    /// It is there.
    There(Box<Item>),
    /// It is deleted, too.
    Gone,
    /// Nobody can tell.
    Unknown(Verdict),
}

/// Looks at the item that is left.
pub(super) async fn look(pass: &Pass, gone: &Gone<'_>) -> Result<Left, Stop> {
    look_at(pass, gone.left_side(), gone.left()).await
}

/// Looks at an item that may be deleted.
pub(super) async fn look_at(pass: &Pass, side: Side, id: ItemId) -> Result<Left, Stop> {
    let tracker = connector(pass, side);
    let unknown = |error: ConnectorError| match error.kind.stops_run() {
        true => Err(at(side, error)),
        false => Ok(Left::Unknown(Verdict::refused(&error))),
    };
    match tracker.fetch(slice::from_ref(&id)).await {
        Ok(mut found) => {
            if let Some(item) = found.pop() {
                return Ok(Left::There(Box::new(item)));
            }
        }
        Err(error) => return unknown(error),
    }
    match tracker.probe(&id).await {
        Ok(Presence::Deleted) => Ok(Left::Gone),
        Ok(_) => Ok(Left::Unknown(Verdict::failed(not_there(Some(&id))))),
        Err(error) => unknown(error),
    }
}

/// Whether this configuration has ever written the item that is left.
pub(super) async fn is_ours(course: &Course, gone: &Gone<'_>) -> Result<bool, Stop> {
    let (pair, side) = (gone.memory.pair.id, gone.left_side());
    let receipts = course.parts.store.view("receipts_of_pair", move |tx| tx.receipts(&[pair]));
    Ok(receipts.await?.iter().any(|receipt| receipt.side == side))
}

/// Lets the pair rest, so that the deleted item is not made again; a pair that is taken apart leaves a note.
pub(super) async fn bury(
    course: &Course,
    pass: &Pass,
    gone: &Gone<'_>,
    policy: DeletePolicy,
) -> Result<(), Stop> {
    if !course.is_live() {
        return Ok(());
    }
    let (tombstone, pair) = (tombstone(course, gone, policy), resting(&gone.memory.pair));
    let (end, now) = (gone.end(told(gone, policy)), course.now());
    course
        .fenced("bury_pair", move |tx| {
            end.put(tx, now)?;
            tx.update_pair(&pair)?;
            tx.put_tombstone(&tombstone)
        })
        .await?;
    if let (DeletePolicy::Unlink, Some(body)) = (policy, note(pass, gone)) {
        leave_note(pass, gone, body).await;
    }
    Ok(())
}

fn resting(pair: &Pair) -> Pair {
    Pair { state: PairState::Ignored, ..pair.clone() }
}

fn tombstone(course: &Course, gone: &Gone<'_>, policy: DeletePolicy) -> Tombstone {
    Tombstone {
        pair_id: gone.memory.pair.id,
        deleted_side: gone.side,
        policy,
        execution_id: course.execution.id,
        noticed_at: course.now(),
    }
}

/// What the item that is left is told; `None` where it takes no comments.
pub(super) fn note(pass: &Pass, gone: &Gone<'_>) -> Option<String> {
    let side = gone.left_side();
    let can = if side == pass.read { &pass.reader_can } else { &pass.writer_can };
    let lost = gone.memory.pair.item(gone.side).cloned().unwrap_or_default();
    let name = match gone.side {
        Side::Source => &pass.spec.source.name,
        Side::Target => &pass.spec.target.name,
    };
    can.comments.then(|| {
        format!(
            "The item that this one was kept in step with, {lost} on {name}, was deleted. This one is no longer synced."
        )
    })
}

/// Tells people at the item that is left. It is a courtesy: at most once, and its failure changes nothing.
async fn leave_note(pass: &Pass, gone: &Gone<'_>, body: String) {
    let side = gone.left_side();
    let can = if side == pass.read { &pass.reader_can } else { &pass.writer_can };
    let note = NewComment { body, format: TextFormat::Text, is_private: can.private_comments };
    if let Err(error) = connector(pass, side).add_comment(&gone.left(), &note).await {
        log::warn!(item = gone.left().as_str(); "no note was left at the item: {error}");
    }
}

const BOTH_GONE: &str = "deleted on both sides; the pair is forgotten";

/// Forgets a pair whose other item turned out to be deleted, too.
pub(super) async fn both_gone(
    course: &Course,
    pass: &Pass,
    gone: &Gone<'_>,
    intent: Option<IntentId>,
) -> Result<Verdict, Stop> {
    forget(course, pass, gone, intent).await?;
    Ok(Verdict::well(ItemState::Deleted).by_rule(BOTH_GONE))
}

/// Forgets a pair both of whose items are deleted, and ends the intent that led there.
async fn forget(
    course: &Course,
    pass: &Pass,
    gone: &Gone<'_>,
    intent: Option<IntentId>,
) -> Result<(), Stop> {
    if !course.is_live() {
        return Ok(());
    }
    let (pair, left, side) = (gone.memory.pair.id, gone.left(), gone.left_side());
    let owner = pass.spec.config.connector(side);
    let (end, now) = (gone.end(BOTH_GONE.to_owned()), course.now());
    course
        .fenced("forget_pair", move |tx| {
            end.put(tx, now)?;
            tx.delete_pair(pair)?;
            tx.leave_lineage(owner, &left)?;
            intent.map_or(Ok(()), |id| tx.finish_intent(id, IntentState::Done, Some(&left)))
        })
        .await
}

/// Closes or deletes the item that is left.
pub(super) async fn remove(
    course: &Course,
    pass: &Pass,
    gone: &Gone<'_>,
    left: &Item,
    policy: DeletePolicy,
) -> Result<Verdict, Stop> {
    let status = match policy {
        DeletePolicy::Close => match status_to_close(pass, gone) {
            Some(status) => Some(status),
            None => return Ok(no_status(gone)),
        },
        _ => None,
    };
    let verdict = Verdict::well(ItemState::Deleted)
        .by_rule(told(gone, policy))
        .with_changes(changes(left, status.as_deref()));
    if status.is_some() && status == left.status {
        bury(course, pass, gone, policy).await?;
        return Ok(Verdict { changes: Vec::new(), ..verdict });
    }
    if course.mode != Mode::Preview {
        may_remove(course, gone).await?;
    }
    let removal = Removal { gone, left, policy, status };
    let mut op_id = course.parts.ids.op_id();
    if !course.is_live() {
        let draft = reviewed::of_removal(course, gone.left_side(), removal.write(op_id));
        return Ok(verdict.drafted(draft));
    }
    match reviewed::allows_removal(course, pass, &gone.read_by(pass), &removal.write(op_id.clone()))
    {
        Ok(Some(planned)) => op_id = planned,
        Ok(None) => {}
        Err(refusal) => return Ok(*refusal),
    }
    let intent = put_intent(course, &removal, &op_id).await?;
    course.reach(points::WRITE_BEFORE_CALL)?;
    course.may_go_on().await?;
    let write = removal.write(op_id);
    let answer = connector(pass, gone.left_side()).apply(slice::from_ref(&write)).await.pop();
    course.reach(points::WRITE_AFTER_CALL)?;
    let answer = answer.unwrap_or_else(|| {
        Err(ConnectorError::new(ErrorKind::Ambiguous, "the tracker gave no answer for this write"))
    });
    match answer {
        Ok(shown) => {
            record(course, pass, &removal, intent, &shown).await?;
            course.removed();
            course.reach(points::WRITE_AFTER_COMMIT)?;
            Ok(verdict)
        }
        Err(error) => refused(course, pass, &removal, intent, error).await,
    }
}

/// A write that follows a deletion.
struct Removal<'a> {
    gone: &'a Gone<'a>,
    left: &'a Item,
    policy: DeletePolicy,
    /// The status that closes the item; `None` deletes it.
    status: Option<String>,
}

impl Removal<'_> {
    fn write(&self, op_id: OpId) -> Write {
        let (id, expected) = (self.left.id.clone(), Some(self.left.version.clone()));
        let kind = match self.status {
            Some(_) => WriteKind::Update { id, expected },
            None => WriteKind::Delete { id, expected },
        };
        Write { op_id, kind, status: self.status.clone(), fields: Fields::new(), marker: None }
    }
}

pub(super) fn status_to_close(pass: &Pass, gone: &Gone<'_>) -> Option<String> {
    let pair = &gone.memory.pair;
    let types = pass.spec.types.iter().find(|types| {
        types.source.reference == pair.source_type && types.target.reference == pair.target_type
    });
    let status = types.and_then(|types| closing_status(types, gone.left_side()))?;
    Some(status.value.clone())
}

fn no_status(gone: &Gone<'_>) -> Verdict {
    let text = format!(
        "the {} has no status that means closed; map one, or choose another {}",
        gone.left_side(),
        super::option_of(gone.side)
    );
    Verdict::wrong(ErrorType::Mapping, text)
}

fn changes(left: &Item, status: Option<&str>) -> Vec<Change> {
    let field = FieldRef::new(STATUS_REF);
    let change = |new: &str| Change {
        old: value_of(left, &field),
        new: Value::String(new.to_owned()),
        field: field.clone(),
        rule: "deletion policy".to_owned(),
    };
    status.map(change).into_iter().collect()
}

/// Passes while the limits that the user set allow one more.
async fn may_remove(course: &Course, gone: &Gone<'_>) -> Result<(), Stop> {
    let options = &course.spec.config.options;
    let wanted = course.removals().saturating_add(1);
    let what = format!("what was deleted on the {}", gone.side);
    let over = |option: &str, limit: u64| Err(reached(option, limit, &what));
    if let Some(limit) = options.max_deletes.filter(|limit| wanted > *limit) {
        return over("max_deletes", limit);
    }
    if let Some(percent) = options.max_delete_percent {
        let config = course.spec.config.id;
        let pairs = course.parts.store.view("count_pairs", move |tx| tx.count_pairs(config));
        // What this run has removed so far belonged to the whole.
        let whole = pairs.await?.saturating_add(course.removals());
        if wanted.saturating_mul(100) > whole.saturating_mul(u64::from(percent)) {
            return over("max_delete_percent", u64::from(percent));
        }
    }
    Ok(())
}

async fn put_intent(
    course: &Course,
    removal: &Removal<'_>,
    op_id: &OpId,
) -> Result<IntentId, Stop> {
    let gone = removal.gone;
    let intent = Intent {
        id: IntentId(0),
        config_id: course.spec.config.id,
        execution_id: course.execution.id,
        op_id: op_id.clone(),
        op: WriteOp::Delete,
        side: gone.left_side(),
        from_item_id: gone.memory.pair.item(gone.side).cloned().unwrap_or_default(),
        item_id: Some(removal.left.id.clone()),
        plan: IntentPlan::V1 {
            type_ref: None,
            status: removal.status.clone(),
            fields: Fields::new(),
            comment: None,
            from_comment_id: None,
            agreed: Vec::new(),
            seen: Fields::new(),
            made_from: BTreeMap::new(),
            expected: None,
        },
        state: IntentState::Open,
        created_at: course.now(),
    };
    course.reach(points::INTENTS_BEFORE_COMMIT)?;
    let ids = course
        .fenced("put_deletion_intent", move |tx| tx.insert_intents(slice::from_ref(&intent)))
        .await?;
    course.reach(points::INTENTS_AFTER_COMMIT)?;
    ids.first().copied().ok_or_else(|| {
        Stop::Store(Fault::Internal("the store kept no intent of a deletion".to_owned()))
    })
}

async fn record(
    course: &Course,
    pass: &Pass,
    removal: &Removal<'_>,
    intent: IntentId,
    shown: &Item,
) -> Result<(), Stop> {
    if removal.status.is_none() {
        return forget(course, pass, removal.gone, Some(intent)).await;
    }
    let now = course.now();
    let (gone, id) = (removal.gone, shown.id.clone());
    let tombstone = tombstone(course, gone, removal.policy);
    let pair = seen(resting(&gone.memory.pair), gone.left_side(), shown);
    let (bases, receipt) = closed(gone, shown, now);
    let end = gone.end(told(gone, removal.policy));
    course
        .fenced("record_deletion", move |tx| {
            end.put(tx, now)?;
            tx.update_pair(&pair)?;
            tx.put_bases(&bases)?;
            tx.put_receipts(slice::from_ref(&receipt))?;
            tx.put_tombstone(&tombstone)?;
            tx.finish_intent(intent, IntentState::Done, Some(&id))
        })
        .await
}

fn seen(mut pair: Pair, side: Side, shown: &Item) -> Pair {
    match side {
        Side::Source => pair.source_version = shown.version.clone(),
        Side::Target => pair.target_version = shown.version.clone(),
    }
    pair
}

/// The status under which the item rests. On the deleted side none is agreed on: when the item comes back its status is
/// news, and opens the other one again.
fn closed(gone: &Gone<'_>, shown: &Item, now: Timestamp) -> ([Base; 2], Receipt) {
    let (pair_id, field) = (gone.memory.pair.id, FieldRef::new(STATUS_REF));
    let status = value_of(shown, &field);
    let receipt = Receipt {
        pair_id,
        side: gone.left_side(),
        field_ref: field.clone(),
        hash: fingerprint(&status, FieldType::Picklist),
        version: shown.version.clone(),
        written_at: now,
    };
    let base =
        |side, value| Base { pair_id, side, field_ref: field.clone(), value, updated_at: now };
    ([base(gone.left_side(), status), base(gone.side, Value::Null)], receipt)
}

async fn refused(
    course: &Course,
    pass: &Pass,
    removal: &Removal<'_>,
    intent: IntentId,
    error: ConnectorError,
) -> Result<Verdict, Stop> {
    let later = RetryMove::Later(course.now().after(backoff(0)));
    match error.kind {
        ErrorKind::Ambiguous => {
            return Ok(Verdict::waiting(
                "nobody knows whether the other item was removed; the next run looks",
                Some(error_of(&error)),
                later,
            ));
        }
        ErrorKind::NotFound if removal.status.is_none() => {
            return both_gone(course, pass, removal.gone, Some(intent)).await;
        }
        _ => {}
    }
    let abandon = move |tx: &mut dyn syncline_domain::ports::Tx| {
        tx.finish_intent(intent, IntentState::Abandoned, None::<&ItemId>)
    };
    course.fenced("abandon_deletion", abandon).await?;
    if error.kind.stops_run() {
        return Err(at(removal.gone.left_side(), error));
    }
    Ok(match error.kind {
        ErrorKind::VersionConflict => Verdict::waiting(
            "the other item was edited just now; the next run looks again",
            Some(error_of(&error)),
            later,
        ),
        _ => Verdict::refused(&error),
    })
}
