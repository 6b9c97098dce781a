//! What becomes of copied comments when their originals are edited or deleted.
//!
//! Only the original speaks: what somebody makes of a copy stays there, and a copy that was deleted is not made again.
//! Both changes may be sent twice without harm, so that they need no intents.

use serde_json::Value;
use syncline_domain::ports::{Connector, ConnectorError, ErrorKind};
use syncline_domain::{
    Comment, CommentId, CommentPair, FieldType, ItemId, NewComment, Side, fingerprint,
};

use super::text::{copy_of, gone};
use crate::pass::Pass;

/// What is to be done about a copied comment.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// The original says something else; `hash` is the name of that.
    Edited {
        /// The pair as it is stored.
        pair: CommentPair,
        /// What the copy is to say.
        copy: NewComment,
        /// The name of what the original says.
        hash: String,
    },
    /// The original is gone, or may not be shown on the other side any more.
    Gone(CommentPair),
}

/// What happened to a copied comment, for the store.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Followed {
    /// The copy says what the original says.
    Edited(CommentPair, String),
    /// The copy is gone.
    Gone(CommentPair),
}

/// The changes of originals since they were copied.
///
/// When all of several comments are gone at once, and nothing else is left, that is taken for a lost permission: nothing
/// is removed.
pub(super) fn changes(pass: &Pass, copied: &[CommentPair], comments: &[Comment]) -> Vec<Change> {
    let hides = |comment: &Comment| comment.is_private && !pass.writer_can.private_comments;
    let originals = copied.iter().filter(|pair| pair.origin == pass.read);
    let found: Vec<Change> = originals
        .filter_map(|pair| {
            let id = id_of(pair, pass.read);
            match comments.iter().find(|comment| comment.id == *id) {
                Some(original) if !hides(original) => edited(pass, pair, original),
                _ => Some(Change::Gone(pair.clone())),
            }
        })
        .collect();
    let gone = found.iter().filter(|change| matches!(change, Change::Gone(_))).count();
    if comments.is_empty() && gone > 1 { Vec::new() } else { found }
}

fn edited(pass: &Pass, pair: &CommentPair, original: &Comment) -> Option<Change> {
    let hash = hash_of(original);
    let with_header = pass.spec.config.options.include_comment_metadata;
    (pair.hash != hash).then(|| Change::Edited {
        pair: pair.clone(),
        copy: copy_of(original, with_header),
        hash,
    })
}

/// The name of what a comment says, and to whom.
pub(super) fn hash_of(original: &Comment) -> String {
    let text = match original.is_private {
        true => format!("private {}", original.body),
        false => original.body.clone(),
    };
    fingerprint(&Value::String(text), FieldType::String)
}

/// Makes a copy follow its original. A copy that is not there needs nothing.
///
/// # Errors
/// Why it could not be done; the next look tries again.
pub(super) async fn follow(
    writer: &dyn Connector,
    write: Side,
    item: &ItemId,
    change: Change,
) -> Result<Followed, ConnectorError> {
    let can = writer.capabilities();
    let done = match &change {
        // Nobody knows what was copied: an intent of an older program was found.
        Change::Edited { pair, .. } if pair.hash.is_empty() => Ok(()),
        Change::Edited { pair, copy, .. } => match can.comment_edit {
            true => writer.edit_comment(item, id_of(pair, write), copy).await.map(drop),
            false => Ok(()),
        },
        Change::Gone(pair) if can.comment_delete => {
            writer.delete_comment(item, id_of(pair, write)).await
        }
        Change::Gone(pair) if can.comment_edit => {
            let text = gone(can.comment_format);
            writer.edit_comment(item, id_of(pair, write), &text).await.map(drop)
        }
        Change::Gone(_) => Ok(()),
    };
    match done {
        Err(error) if error.kind != ErrorKind::NotFound => Err(error),
        _ => Ok(match change {
            Change::Edited { pair, hash, .. } => Followed::Edited(pair, hash),
            Change::Gone(pair) => Followed::Gone(pair),
        }),
    }
}

/// The comment of a pair on one side.
pub(crate) const fn id_of(pair: &CommentPair, side: Side) -> &CommentId {
    match side {
        Side::Source => &pair.source_comment_id,
        Side::Target => &pair.target_comment_id,
    }
}
