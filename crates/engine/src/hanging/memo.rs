//! What was carried between the two items of a pair, so that nothing is carried twice, nor back, nor again after somebody
//! took it away.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use syncline_domain::ports::Tx;
use syncline_domain::{Base, Fault, FieldRef, PairId, Side, Timestamp};

use crate::course::Course;
use crate::error::Stop;
use crate::images::ImagePair;
use crate::known::HANGING;

/// The memory of one pair.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memo {
    /// Links that both sides had: the kind, and the other end by its item of the source.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) links: BTreeSet<String>,
    /// Files and their copies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) files: Vec<FilePair>,
    /// Images inside of texts and their copies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) images: Vec<ImagePair>,
}

/// A file and its copy, by the trackers' ids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct FilePair {
    pub(super) source: String,
    pub(super) target: String,
}

impl FilePair {
    pub(super) fn id(&self, side: Side) -> &str {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }
}

/// The memories among the bases of some pairs. One that cannot be read is taken for empty: what is there already is
/// found before anything is carried.
pub(super) fn of_rows(rows: &[Base]) -> HashMap<PairId, Memo> {
    let mine = rows.iter().filter(|row| row.field_ref.as_str() == HANGING);
    mine.filter_map(|row| Some((row.pair_id, serde_json::from_value(row.value.clone()).ok()?)))
        .collect()
}

/// The images among the bases of some pairs.
pub(crate) fn images_of(rows: &[Base]) -> HashMap<PairId, Vec<ImagePair>> {
    let memos = of_rows(rows).into_iter().filter(|(_, memo)| !memo.images.is_empty());
    memos.map(|(pair, memo)| (pair, memo.images)).collect()
}

/// Stores memories that grew.
pub(super) async fn put(course: &Course, grown: Vec<(PairId, Memo)>) -> Result<(), Stop> {
    if grown.is_empty() {
        return Ok(());
    }
    let now = course.now();
    course.fenced("record_hanging", move |tx| put_rows(tx, &grown, now)).await
}

fn put_rows(tx: &mut dyn Tx, grown: &[(PairId, Memo)], now: Timestamp) -> Result<(), Fault> {
    let mut rows = Vec::with_capacity(grown.len());
    for (pair_id, memo) in grown {
        let value = serde_json::to_value(memo).map_err(|error| {
            Fault::Internal(format!("what hangs on a pair is no JSON: {error}"))
        })?;
        rows.push(Base {
            pair_id: *pair_id,
            side: Side::Target,
            field_ref: FieldRef::new(HANGING),
            value,
            updated_at: now,
        });
    }
    tx.put_bases(&rows)
}
