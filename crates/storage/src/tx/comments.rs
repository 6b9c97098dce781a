//! Table `comment_pairs`.

use diesel::prelude::*;
use syncline_domain::{CommentId, CommentPair, Fault, PairId, Timestamp};

use crate::convert::{all, word};
use crate::db::{Db, on_db};
use crate::error::OrFault;
use crate::schema::comment_pairs;

use super::touched;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = comment_pairs)]
struct Row {
    pair_id: i64,
    origin: String,
    source_comment_id: String,
    target_comment_id: String,
    hash: String,
    created_at_us: i64,
}

/// The comments of a pair that have copies, in the order they were copied.
pub(super) fn of_pair(db: &mut Db, pair: PairId) -> Result<Vec<CommentPair>, Fault> {
    let rows: Vec<Row> = on_db!(db, c => comment_pairs::table
        .filter(comment_pairs::pair_id.eq(pair.0))
        .order((comment_pairs::created_at_us, comment_pairs::source_comment_id))
        .select(Row::as_select())
        .load(c))
    .or_fault()?;
    all(rows, |row| {
        Ok(CommentPair {
            pair_id: PairId(row.pair_id),
            origin: word(&row.origin)?,
            source_comment_id: CommentId::new(row.source_comment_id),
            target_comment_id: CommentId::new(row.target_comment_id),
            hash: row.hash,
            created_at: Timestamp::from_micros(row.created_at_us),
        })
    })
}

/// Stores a comment pair.
pub(super) fn insert(db: &mut Db, pair: &CommentPair) -> Result<(), Fault> {
    let new = Row {
        pair_id: pair.pair_id.0,
        origin: pair.origin.as_str().to_owned(),
        source_comment_id: pair.source_comment_id.as_str().to_owned(),
        target_comment_id: pair.target_comment_id.as_str().to_owned(),
        hash: pair.hash.clone(),
        created_at_us: pair.created_at.micros(),
    };
    db.guarded(|db| {
        on_db!(db, c => diesel::insert_into(comment_pairs::table).values(&new).execute(c)).or_taken(
            || {
                format!(
                    "comment {} or {} is paired already",
                    pair.source_comment_id, pair.target_comment_id
                )
            },
        )
    })?;
    Ok(())
}

/// Notes what the original of a comment pair says now.
pub(super) fn set_hash(
    db: &mut Db,
    pair: PairId,
    source_comment: &CommentId,
    hash: &str,
) -> Result<(), Fault> {
    let rows = on_db!(db, c => diesel::update(comment_pairs::table
        .filter(comment_pairs::pair_id.eq(pair.0))
        .filter(comment_pairs::source_comment_id.eq(source_comment.as_str())))
        .set(comment_pairs::hash.eq(hash))
        .execute(c))
    .or_fault()?;
    touched(rows, "comment pair", source_comment)
}

/// Forgets a comment pair.
pub(super) fn delete(db: &mut Db, pair: PairId, source_comment: &CommentId) -> Result<(), Fault> {
    let rows = on_db!(db, c => diesel::delete(comment_pairs::table
        .filter(comment_pairs::pair_id.eq(pair.0))
        .filter(comment_pairs::source_comment_id.eq(source_comment.as_str())))
        .execute(c))
    .or_fault()?;
    touched(rows, "comment pair", source_comment)
}
