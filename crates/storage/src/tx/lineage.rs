//! Tables `lineages`, `lineage_members`: which items are copies of one another, over all configurations.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use syncline_domain::{ConnectorId, Fault, ItemId, LineageId, LineageMember};

use super::pairs::texts;
use crate::convert::CHUNK;
use crate::db::{Db, on_db};
use crate::error::OrFault;
use crate::schema::{lineage_members, lineages};
use crate::statement::Statement;

/// The family of each of these items; items without one are absent.
pub(super) fn of_items(
    db: &mut Db,
    connector: ConnectorId,
    items: &[ItemId],
) -> Result<BTreeMap<ItemId, LineageId>, Fault> {
    let mut found = BTreeMap::new();
    for chunk in items.chunks(CHUNK) {
        let rows: Vec<(String, i64)> = on_db!(&mut *db, c => lineage_members::table
            .filter(lineage_members::connector_id.eq(connector.0))
            .filter(lineage_members::item_id.eq_any(texts(chunk)))
            .select((lineage_members::item_id, lineage_members::lineage_id))
            .load(c))
        .or_fault()?;
        found.extend(rows.into_iter().map(|(item, id)| (ItemId::new(item), LineageId(id))));
    }
    Ok(found)
}

/// All members of these families.
pub(super) fn members(db: &mut Db, families: &[LineageId]) -> Result<Vec<LineageMember>, Fault> {
    let asked: BTreeSet<i64> = families.iter().map(|id| id.0).collect();
    let asked: Vec<i64> = asked.into_iter().collect();
    let mut found = Vec::new();
    for chunk in asked.chunks(CHUNK) {
        let rows: Vec<(i64, i64, String)> = on_db!(&mut *db, c => lineage_members::table
            .filter(lineage_members::lineage_id.eq_any(chunk))
            .select((
                lineage_members::lineage_id,
                lineage_members::connector_id,
                lineage_members::item_id,
            ))
            .load(c))
        .or_fault()?;
        found.extend(rows.into_iter().map(|(lineage, connector, item)| LineageMember {
            lineage_id: LineageId(lineage),
            connector_id: ConnectorId(connector),
            item_id: ItemId::new(item),
        }));
    }
    Ok(found)
}

/// Joins two items into one family; of two families the older takes the other in.
pub(super) fn join(
    db: &mut Db,
    one: (ConnectorId, &ItemId),
    other: (ConnectorId, &ItemId),
) -> Result<LineageId, Fault> {
    let mut families = families_of(db, one, other)?;
    let family = match families.pop_first() {
        Some(oldest) => oldest,
        None => found_family(db)?,
    };
    for merged in families {
        merge(db, merged, family)?;
    }
    for (connector, item) in [one, other] {
        put_member(db, connector, item, family)?;
    }
    Ok(LineageId(family))
}

/// The families of two items: every new pair asks.
fn families_of(
    db: &mut Db,
    one: (ConnectorId, &ItemId),
    other: (ConnectorId, &ItemId),
) -> Result<BTreeSet<i64>, Fault> {
    let ask: Statement<BigInt> = Statement::new(
        "SELECT lineage_id FROM lineage_members WHERE connector_id = ? AND item_id = ? \
         UNION SELECT lineage_id FROM lineage_members WHERE connector_id = ? AND item_id = ?",
    )
    .number(one.0.0)
    .text(one.1.as_str())
    .number(other.0.0)
    .text(other.1.as_str());
    let found: Vec<i64> = on_db!(db, c => ask.load(c)).or_fault()?;
    Ok(found.into_iter().collect())
}

/// Takes an item out of its family.
pub(super) fn leave(db: &mut Db, connector: ConnectorId, item: &ItemId) -> Result<(), Fault> {
    on_db!(db, c => diesel::delete(lineage_members::table.find((connector.0, item.as_str())))
        .execute(c))
    .or_fault()?;
    Ok(())
}

/// Starts a new family.
fn found_family(db: &mut Db) -> Result<i64, Fault> {
    on_db!(db, c => diesel::insert_into(lineages::table)
        .default_values()
        .returning(lineages::id)
        .get_result(c))
    .or_fault()
}

/// Moves all members of `merged` to `family`, and ends `merged`.
fn merge(db: &mut Db, merged: i64, family: i64) -> Result<(), Fault> {
    on_db!(&mut *db, c => diesel::update(lineage_members::table)
        .filter(lineage_members::lineage_id.eq(merged))
        .set(lineage_members::lineage_id.eq(family))
        .execute(c))
    .or_fault()?;
    on_db!(db, c => diesel::delete(lineages::table.find(merged)).execute(c)).or_fault()?;
    Ok(())
}

/// Puts an item into a family.
fn put_member(
    db: &mut Db,
    connector: ConnectorId,
    item: &ItemId,
    family: i64,
) -> Result<(), Fault> {
    let put: Statement<()> = Statement::new(
        "INSERT INTO lineage_members (connector_id, item_id, lineage_id) VALUES (?, ?, ?) \
         ON CONFLICT (connector_id, item_id) DO UPDATE SET lineage_id = excluded.lineage_id",
    )
    .number(connector.0)
    .text(item.as_str())
    .number(family);
    on_db!(db, c => put.execute(c)).or_fault()?;
    Ok(())
}
