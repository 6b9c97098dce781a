//! Tables `pair_bases`, `pair_receipts`: what was agreed, and what was our own writing, by side and field.
//!
//! A pair has one row in each, with all its fields in it as `{side: {field: [.., time]}}`: a run reads and writes the
//! fields of a pair together, and a row for each field would be most of its work.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use diesel::upsert::excluded;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use syncline_domain::{Base, Fault, FieldRef, PairId, Receipt, Timestamp, Version};

use crate::convert::{CHUNK, from_json, to_json, word};
use crate::db::{Db, on_db};
use crate::error::OrFault;
use crate::schema::{pair_bases, pair_receipts};

/// A value, and when it was agreed on.
type Agreed = (Value, i64);
/// A fingerprint, the revision, and when it was written.
type Written = (String, String, i64);

/// The fields of a pair, by side.
type Fields<T> = BTreeMap<String, BTreeMap<String, T>>;
/// The same, when nobody looks into what is known of a field.
type Kept = Fields<Box<RawValue>>;

/// Rows of one of the two tables, which look alike.
macro_rules! rows {
    ($table:ident, $get:ident, $put:ident) => {
        fn $get(db: &mut Db, pairs: &BTreeSet<i64>) -> Result<Vec<(i64, String)>, Fault> {
            let pairs: Vec<i64> = pairs.iter().copied().collect();
            let mut found = Vec::with_capacity(pairs.len());
            for chunk in pairs.chunks(CHUNK) {
                let rows: Vec<(i64, String)> = on_db!(&mut *db, c => $table::table
                    .filter($table::pair_id.eq_any(chunk))
                    .select(($table::pair_id, $table::fields))
                    .load(c))
                .or_fault()?;
                found.extend(rows);
            }
            Ok(found)
        }

        fn $put(db: &mut Db, rows: &[(i64, String)]) -> Result<(), Fault> {
            for chunk in rows.chunks(CHUNK) {
                let new: Vec<_> = chunk
                    .iter()
                    .map(|(pair, fields)| {
                        ($table::pair_id.eq(*pair), $table::fields.eq(fields.as_str()))
                    })
                    .collect();
                on_db!(&mut *db, c => diesel::insert_into($table::table)
                    .values(&new)
                    .on_conflict($table::pair_id)
                    .do_update()
                    .set($table::fields.eq(excluded($table::fields)))
                    .execute(c))
                .or_fault()?;
            }
            Ok(())
        }
    };
}

rows!(pair_bases, bases_of, put_bases_of);
rows!(pair_receipts, receipts_of, put_receipts_of);

/// What is known of each field, in the order of pair, side and field.
fn each_field<T: DeserializeOwned>(
    rows: Vec<(i64, String)>,
    what: &str,
) -> Result<Vec<(PairId, String, FieldRef, T)>, Fault> {
    let mut all = Vec::new();
    for (pair, text) in rows {
        let sides: Fields<T> = from_json(&text, what)?;
        for (side, fields) in sides {
            for (field, known) in fields {
                all.push((PairId(pair), side.clone(), FieldRef::new(field), known));
            }
        }
    }
    Ok(all)
}

fn asked(pairs: &[PairId]) -> BTreeSet<i64> {
    pairs.iter().map(|id| id.0).collect()
}

/// All bases of these pairs.
pub(super) fn get(db: &mut Db, pairs: &[PairId]) -> Result<Vec<Base>, Fault> {
    let rows = bases_of(db, &asked(pairs))?;
    let known = each_field::<Agreed>(rows, "base")?;
    let base = |(pair_id, side, field_ref, (value, at)): (_, String, _, Agreed)| {
        let updated_at = Timestamp::from_micros(at);
        Ok(Base { pair_id, side: word(&side)?, field_ref, value, updated_at })
    };
    known.into_iter().map(base).collect()
}

/// Writes bases over those of the same pair, side and field; of two in one call the later stays.
pub(super) fn put(db: &mut Db, given: &[Base]) -> Result<(), Fault> {
    let new = given.iter().map(|base| {
        let agreed = raw(&(&base.value, base.updated_at.micros()))?;
        Ok((base.pair_id.0, base.side.as_str(), base.field_ref.as_str(), agreed))
    });
    let new = by_pair(new)?;
    let rows = over(db, new, bases_of)?;
    put_bases_of(db, &rows)
}

/// The newest receipt of each pair, side and field.
pub(super) fn get_receipts(db: &mut Db, pairs: &[PairId]) -> Result<Vec<Receipt>, Fault> {
    let rows = receipts_of(db, &asked(pairs))?;
    let known = each_field::<Written>(rows, "receipt")?;
    let receipt = |(pair_id, side, field_ref, (hash, version, at)): (_, String, _, Written)| {
        let (version, written_at) = (Version::new(version), Timestamp::from_micros(at));
        Ok(Receipt { pair_id, side: word(&side)?, field_ref, hash, version, written_at })
    };
    known.into_iter().map(receipt).collect()
}

/// Writes receipts over those of the same pair, side and field; of two in one call the later stays.
pub(super) fn put_receipts(db: &mut Db, given: &[Receipt]) -> Result<(), Fault> {
    let new = given.iter().map(|one| {
        let written = raw(&(&one.hash, one.version.as_str(), one.written_at.micros()))?;
        Ok((one.pair_id.0, one.side.as_str(), one.field_ref.as_str(), written))
    });
    let new = by_pair(new)?;
    let rows = over(db, new, receipts_of)?;
    put_receipts_of(db, &rows)
}

fn raw<T: serde::Serialize>(value: &T) -> Result<Box<RawValue>, Fault> {
    to_raw_value(value)
        .map_err(|error| Fault::Internal(format!("a value cannot be stored as JSON: {error}")))
}

type OneField<'a> = (i64, &'a str, &'a str, Box<RawValue>);

fn by_pair<'a>(
    given: impl Iterator<Item = Result<OneField<'a>, Fault>>,
) -> Result<BTreeMap<i64, Kept>, Fault> {
    let mut pairs: BTreeMap<i64, Kept> = BTreeMap::new();
    for one in given {
        let (pair, side, field, known) = one?;
        let sides = pairs.entry(pair).or_default();
        sides.entry(side.to_owned()).or_default().insert(field.to_owned(), known);
    }
    Ok(pairs)
}

/// Rows in which these fields are written over those that are stored. Nobody writes them in between: that is what
/// transactions promise here on both databases.
fn over(
    db: &mut Db,
    mut new: BTreeMap<i64, Kept>,
    stored: impl FnOnce(&mut Db, &BTreeSet<i64>) -> Result<Vec<(i64, String)>, Fault>,
) -> Result<Vec<(i64, String)>, Fault> {
    let pairs: BTreeSet<i64> = new.keys().copied().collect();
    for (pair, text) in stored(db, &pairs)? {
        let mut sides: Kept = from_json(&text, "row of a pair's fields")?;
        for (side, fields) in new.remove(&pair).unwrap_or_default() {
            sides.entry(side).or_default().extend(fields);
        }
        new.insert(pair, sides);
    }
    new.into_iter().map(|(pair, sides)| Ok((pair, to_json(&sides)?))).collect()
}
