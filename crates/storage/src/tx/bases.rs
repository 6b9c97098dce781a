//! Tables `bases`, `receipts`: per pair, side and field, what was agreed and what was our own writing.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use diesel::upsert::excluded;
use syncline_domain::{Base, Fault, FieldRef, PairId, Receipt, Timestamp, Version};

use crate::convert::{CHUNK, all, from_json, to_json, word};
use crate::db::{Db, on_db};
use crate::error::OrFault;
use crate::schema::{bases, receipts};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = bases, treat_none_as_default_value = false)]
struct BaseRow {
    pair_id: i64,
    side: String,
    field_ref: String,
    value: String,
    updated_at_us: i64,
}

impl BaseRow {
    fn into_domain(self) -> Result<Base, Fault> {
        Ok(Base {
            pair_id: PairId(self.pair_id),
            side: word(&self.side)?,
            field_ref: FieldRef::new(self.field_ref),
            value: from_json(&self.value, "base")?,
            updated_at: Timestamp::from_micros(self.updated_at_us),
        })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = receipts, treat_none_as_default_value = false)]
struct ReceiptRow {
    pair_id: i64,
    side: String,
    field_ref: String,
    hash: String,
    version: String,
    written_at_us: i64,
}

impl ReceiptRow {
    fn into_domain(self) -> Result<Receipt, Fault> {
        Ok(Receipt {
            pair_id: PairId(self.pair_id),
            side: word(&self.side)?,
            field_ref: FieldRef::new(self.field_ref),
            hash: self.hash,
            version: Version::new(self.version),
            written_at: Timestamp::from_micros(self.written_at_us),
        })
    }
}

/// Each pair once, in order: neighbours on disk are read together.
fn raw(pairs: &[PairId]) -> Vec<i64> {
    let pairs: BTreeSet<i64> = pairs.iter().map(|id| id.0).collect();
    pairs.into_iter().collect()
}

/// All bases of these pairs.
pub(super) fn get(db: &mut Db, pairs: &[PairId]) -> Result<Vec<Base>, Fault> {
    let mut found = Vec::new();
    for chunk in raw(pairs).chunks(CHUNK) {
        let rows: Vec<BaseRow> = on_db!(&mut *db, c => bases::table
            .filter(bases::pair_id.eq_any(chunk))
            .select(BaseRow::as_select())
            .load(c))
        .or_fault()?;
        found.extend(all(rows, BaseRow::into_domain)?);
    }
    Ok(found)
}

/// Writes bases over those of the same pair, side and field; of two in one call the later stays.
pub(super) fn put(db: &mut Db, given: &[Base]) -> Result<(), Fault> {
    // PostgreSQL refuses to write one row twice in one statement.
    let last: BTreeMap<_, &Base> =
        given.iter().map(|base| ((base.pair_id, base.side, &base.field_ref), base)).collect();
    let mut rows = Vec::with_capacity(last.len());
    for base in last.into_values() {
        rows.push(BaseRow {
            pair_id: base.pair_id.0,
            side: base.side.as_str().to_owned(),
            field_ref: base.field_ref.as_str().to_owned(),
            value: to_json(&base.value)?,
            updated_at_us: base.updated_at.micros(),
        });
    }
    for chunk in rows.chunks(CHUNK) {
        on_db!(&mut *db, c => diesel::insert_into(bases::table)
            .values(chunk)
            .on_conflict((bases::pair_id, bases::side, bases::field_ref))
            .do_update()
            .set((
                bases::value.eq(excluded(bases::value)),
                bases::updated_at_us.eq(excluded(bases::updated_at_us)),
            ))
            .execute(c))
        .or_fault()?;
    }
    Ok(())
}

/// The newest receipt of each pair, side and field.
pub(super) fn get_receipts(db: &mut Db, pairs: &[PairId]) -> Result<Vec<Receipt>, Fault> {
    let mut found = Vec::new();
    for chunk in raw(pairs).chunks(CHUNK) {
        let rows: Vec<ReceiptRow> = on_db!(&mut *db, c => receipts::table
            .filter(receipts::pair_id.eq_any(chunk))
            .select(ReceiptRow::as_select())
            .load(c))
        .or_fault()?;
        found.extend(all(rows, ReceiptRow::into_domain)?);
    }
    Ok(found)
}

/// Writes receipts over those of the same pair, side and field.
pub(super) fn put_receipts(db: &mut Db, given: &[Receipt]) -> Result<(), Fault> {
    let last: BTreeMap<_, &Receipt> =
        given.iter().map(|row| ((row.pair_id, row.side, &row.field_ref), row)).collect();
    let rows: Vec<ReceiptRow> = last
        .into_values()
        .map(|receipt| ReceiptRow {
            pair_id: receipt.pair_id.0,
            side: receipt.side.as_str().to_owned(),
            field_ref: receipt.field_ref.as_str().to_owned(),
            hash: receipt.hash.clone(),
            version: receipt.version.as_str().to_owned(),
            written_at_us: receipt.written_at.micros(),
        })
        .collect();
    for chunk in rows.chunks(CHUNK) {
        on_db!(&mut *db, c => diesel::insert_into(receipts::table)
            .values(chunk)
            .on_conflict((receipts::pair_id, receipts::side, receipts::field_ref))
            .do_update()
            .set((
                receipts::hash.eq(excluded(receipts::hash)),
                receipts::version.eq(excluded(receipts::version)),
                receipts::written_at_us.eq(excluded(receipts::written_at_us)),
            ))
            .execute(c))
        .or_fault()?;
    }
    Ok(())
}
