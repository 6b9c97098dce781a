//! The look for a comment whose answer was lost.

use serde_json::Value;
use syncline_domain::ports::{Connector, ConnectorError, StoreExt as _};
use syncline_domain::{
    CommentId, CommentPair, Fault, FieldRef, FieldType, Intent, IntentPlan, Side,
};

use super::follow::id_of;
use crate::adopt::shows;
use crate::course::Course;

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
    adopted: &[CommentPair],
) -> Result<Option<CommentPair>, LookError> {
    let IntentPlan::V1 { comment: Some(text), from_comment_id: Some(from), seen, .. } =
        &intent.plan
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
    let is_known = |side: Side, id: &CommentId| {
        let mut known = copied.iter().chain(adopted.iter().filter(|one| one.pair_id == pair.id));
        known.any(|one| id_of(one, side) == id)
    };
    // Another try has found its copy.
    if is_known(read, from) {
        return Ok(None);
    }
    let is_taken = |id: &CommentId| is_known(intent.side, id);
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
            hash: seen
                .get(&FieldRef::new(from.as_str()))
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            created_at: intent.created_at,
        }
    }))
}
