//! What keeps two sides in step.

use std::collections::{BTreeMap, BTreeSet};

use syncline_domain::ports::SyncTx;
use syncline_domain::{
    Base, CommentId, CommentPair, ConfigId, ConnectorId, Cursor, Fault, FieldRef, Intent, IntentId,
    IntentState, ItemId, ItemRetry, LineageId, LineageMember, Pair, PairId, PairState, Receipt,
    Side, Timestamp, WriteOp,
};

use super::MemTx;
use super::table::Keyed;
use super::tables::{PairField, Tables};

fn pair_fits(tables: &Tables, pair: &Pair, own: Option<PairId>) -> Result<(), Fault> {
    if tables.configs.get(pair.config_id.0).is_none() {
        return Err(Fault::Conflict(format!("there is no configuration {}", pair.config_id)));
    }
    let clash = tables.pairs.all().any(|other| {
        other.config_id == pair.config_id
            && Some(other.id) != own
            && (other.source_item_id == pair.source_item_id
                || (pair.target_item_id.is_some() && other.target_item_id == pair.target_item_id))
    });
    if clash {
        return Err(Fault::Conflict(format!(
            "item {} or its copy is paired already",
            pair.source_item_id
        )));
    }
    Ok(())
}

fn pair_there(tables: &Tables, id: PairId) -> Result<(), Fault> {
    match tables.pairs.get(id.0) {
        Some(_) => Ok(()),
        None => Err(Fault::Conflict(format!("there is no pair {id}"))),
    }
}

fn of_pairs<V: Clone>(rows: &Keyed<PairField, V>, pairs: &[PairId]) -> Vec<V> {
    let pairs: BTreeSet<&PairId> = pairs.iter().collect();
    let mut found = Vec::new();
    for pair in pairs {
        let first = (*pair, Side::Source, FieldRef::default());
        found.extend(
            rows.from(first).take_while(|((id, _, _), _)| id == pair).map(|(_, row)| row.clone()),
        );
    }
    found
}

impl SyncTx for MemTx<'_> {
    fn insert_pair(&mut self, pair: &Pair) -> Result<PairId, Fault> {
        let tables = self.write()?;
        pair_fits(tables, pair, None)?;
        Ok(PairId(tables.pairs.add(|id| Pair { id: PairId(id), ..pair.clone() })))
    }

    fn pair(&mut self, id: PairId) -> Result<Option<Pair>, Fault> {
        Ok(self.tables.pairs.get(id.0).cloned())
    }

    fn pairs_by_items(
        &mut self,
        config_id: ConfigId,
        side: Side,
        items: &[ItemId],
    ) -> Result<Vec<Pair>, Fault> {
        let items: BTreeSet<&ItemId> = items.iter().collect();
        let rows = self.tables.pairs.all();
        Ok(rows
            .filter(|pair| pair.config_id == config_id)
            .filter(|pair| pair.item(side).is_some_and(|item| items.contains(item)))
            .cloned()
            .collect())
    }

    fn pairs(
        &mut self,
        config_id: ConfigId,
        after: Option<PairId>,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Pair>, Fault> {
        let rows = self.tables.pairs.above(after.map_or(0, |id| id.0));
        Ok(rows
            .filter(|pair| pair.config_id == config_id)
            .skip(offset)
            .take(limit)
            .cloned()
            .collect())
    }

    fn count_pairs(&mut self, config_id: ConfigId) -> Result<u64, Fault> {
        let rows = self.tables.pairs.all();
        let count = rows.filter(|pair| pair.config_id == config_id).count();
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    }

    fn update_pair(&mut self, pair: &Pair) -> Result<(), Fault> {
        let tables = self.write()?;
        if tables.pairs.get(pair.id.0).is_none() {
            return Err(Fault::no_such("pair", pair.id));
        }
        pair_fits(tables, pair, Some(pair.id))?;
        if let Some(slot) = tables.pairs.get_mut(pair.id.0) {
            *slot = pair.clone();
        }
        Ok(())
    }

    fn delete_pair(&mut self, id: PairId) -> Result<(), Fault> {
        let tables = self.write()?;
        if tables.pairs.get(id.0).is_none() {
            return Err(Fault::no_such("pair", id));
        }
        tables.drop_pairs(&BTreeSet::from([id]));
        Ok(())
    }

    fn paired_items(
        &mut self,
        connector_id: ConnectorId,
        items: &[ItemId],
    ) -> Result<BTreeSet<ItemId>, Fault> {
        let asked: BTreeSet<&ItemId> = items.iter().collect();
        let mut found = BTreeSet::new();
        for pair in self.tables.pairs.all() {
            let Some(config) = self.tables.configs.get(pair.config_id.0) else {
                continue;
            };
            for side in [Side::Source, Side::Target] {
                let item = pair.item(side).filter(|item| asked.contains(item));
                if pair.state == PairState::Active && config.connector(side) == connector_id {
                    found.extend(item.cloned());
                }
            }
        }
        Ok(found)
    }

    fn bases(&mut self, pairs: &[PairId]) -> Result<Vec<Base>, Fault> {
        Ok(of_pairs(&self.tables.bases, pairs))
    }

    fn put_bases(&mut self, bases: &[Base]) -> Result<(), Fault> {
        let tables = self.write()?;
        for base in bases {
            pair_there(tables, base.pair_id)?;
            let key = (base.pair_id, base.side, base.field_ref.clone());
            tables.bases.put(key, base.clone());
        }
        Ok(())
    }

    fn receipts(&mut self, pairs: &[PairId]) -> Result<Vec<Receipt>, Fault> {
        Ok(of_pairs(&self.tables.receipts, pairs))
    }

    fn put_receipts(&mut self, receipts: &[Receipt]) -> Result<(), Fault> {
        let tables = self.write()?;
        for receipt in receipts {
            pair_there(tables, receipt.pair_id)?;
            let key = (receipt.pair_id, receipt.side, receipt.field_ref.clone());
            tables.receipts.put(key, receipt.clone());
        }
        Ok(())
    }

    fn insert_intents(&mut self, intents: &[Intent]) -> Result<Vec<IntentId>, Fault> {
        let tables = self.write()?;
        let mut ids = Vec::with_capacity(intents.len());
        for intent in intents {
            if tables.configs.get(intent.config_id.0).is_none() {
                return Err(Fault::Conflict(format!(
                    "there is no configuration {}",
                    intent.config_id
                )));
            }
            ids.push(IntentId(
                tables.intents.add(|id| Intent { id: IntentId(id), ..intent.clone() }),
            ));
        }
        Ok(ids)
    }

    fn finish_intent(
        &mut self,
        id: IntentId,
        state: IntentState,
        item_id: Option<&ItemId>,
    ) -> Result<(), Fault> {
        let slot =
            self.write()?.intents.get_mut(id.0).ok_or_else(|| Fault::no_such("intent", id))?;
        slot.state = state;
        if let Some(item) = item_id {
            slot.item_id = Some(item.clone());
        }
        Ok(())
    }

    fn open_creates(&mut self, config_id: ConfigId, side: Side) -> Result<Vec<Intent>, Fault> {
        let mut open = self.open_intents(config_id)?;
        open.retain(|row| row.op == WriteOp::Create && row.side == side);
        Ok(open)
    }

    fn open_intents(&mut self, config_id: ConfigId) -> Result<Vec<Intent>, Fault> {
        let rows = self.tables.intents.all();
        Ok(rows
            .filter(|row| row.config_id == config_id)
            .filter(|row| matches!(row.state, IntentState::Open | IntentState::Doubtful))
            .cloned()
            .collect())
    }

    fn cursor(&mut self, config_id: ConfigId, side: Side) -> Result<Option<Cursor>, Fault> {
        Ok(self.tables.cursors.get(&(config_id, side)).cloned())
    }

    fn put_cursor(
        &mut self,
        config_id: ConfigId,
        side: Side,
        cursor: Option<&Cursor>,
        _now: Timestamp,
    ) -> Result<(), Fault> {
        let tables = self.write()?;
        match cursor {
            Some(cursor) => tables.cursors.put((config_id, side), cursor.clone()),
            None => drop(tables.cursors.remove(&(config_id, side))),
        }
        Ok(())
    }

    fn lineages(
        &mut self,
        connector_id: ConnectorId,
        items: &[ItemId],
    ) -> Result<BTreeMap<ItemId, LineageId>, Fault> {
        let mut found = BTreeMap::new();
        for item in items {
            if let Some(id) = self.tables.lineage.get(&(connector_id, item.clone())) {
                found.insert(item.clone(), *id);
            }
        }
        Ok(found)
    }

    fn lineage_members(&mut self, lineages: &[LineageId]) -> Result<Vec<LineageMember>, Fault> {
        let rows = self.tables.lineage.all();
        Ok(rows
            .filter(|(_, id)| lineages.contains(id))
            .map(|((connector_id, item_id), id)| LineageMember {
                lineage_id: *id,
                connector_id: *connector_id,
                item_id: item_id.clone(),
            })
            .collect())
    }

    fn join_lineage(
        &mut self,
        one: (ConnectorId, &ItemId),
        other: (ConnectorId, &ItemId),
    ) -> Result<LineageId, Fault> {
        let tables = self.write()?;
        let keys = [(one.0, one.1.clone()), (other.0, other.1.clone())];
        let families: BTreeSet<LineageId> =
            keys.iter().filter_map(|key| tables.lineage.get(key).copied()).collect();
        let family = families.first().copied().unwrap_or_else(|| {
            tables.last_lineage += 1;
            LineageId(tables.last_lineage)
        });
        let moved: Vec<(ConnectorId, ItemId)> = tables
            .lineage
            .all()
            .filter(|(_, id)| families.contains(id) && **id != family)
            .map(|(key, _)| key.clone())
            .collect();
        for key in moved.into_iter().chain(keys) {
            tables.lineage.put(key, family);
        }
        Ok(family)
    }

    fn leave_lineage(&mut self, connector_id: ConnectorId, item: &ItemId) -> Result<(), Fault> {
        self.write()?.lineage.remove(&(connector_id, item.clone()));
        Ok(())
    }

    fn retries(
        &mut self,
        config_id: ConfigId,
        side: Side,
        items: Option<&[ItemId]>,
    ) -> Result<Vec<ItemRetry>, Fault> {
        let rows = self.tables.retries.all();
        Ok(rows
            .filter(|((config, at, item), _)| {
                *config == config_id
                    && *at == side
                    && items.is_none_or(|items| items.contains(item))
            })
            .map(|(_, row)| row.clone())
            .collect())
    }

    fn put_retry(&mut self, retry: &ItemRetry) -> Result<(), Fault> {
        let key = (retry.config_id, retry.side, retry.item_id.clone());
        self.write()?.retries.put(key, retry.clone());
        Ok(())
    }

    fn clear_retries(
        &mut self,
        config_id: ConfigId,
        side: Side,
        items: &[ItemId],
    ) -> Result<(), Fault> {
        let tables = self.write()?;
        for item in items {
            tables.retries.remove(&(config_id, side, item.clone()));
        }
        Ok(())
    }

    fn comment_pairs(&mut self, pair_id: PairId) -> Result<Vec<CommentPair>, Fault> {
        let rows = self.tables.comment_pairs.all();
        Ok(rows.filter(|((pair, _), _)| *pair == pair_id).map(|(_, row)| row.clone()).collect())
    }

    fn set_comment_hash(
        &mut self,
        pair_id: PairId,
        source_comment: &CommentId,
        hash: &str,
    ) -> Result<(), Fault> {
        let tables = self.write()?;
        let key = (pair_id, source_comment.clone());
        let Some(row) = tables.comment_pairs.get(&key).cloned() else {
            return Err(Fault::no_such("comment pair", source_comment));
        };
        tables.comment_pairs.put(key, CommentPair { hash: hash.to_owned(), ..row });
        Ok(())
    }

    fn delete_comment_pair(
        &mut self,
        pair_id: PairId,
        source_comment: &CommentId,
    ) -> Result<(), Fault> {
        match self.write()?.comment_pairs.remove(&(pair_id, source_comment.clone())) {
            Some(_) => Ok(()),
            None => Err(Fault::no_such("comment pair", source_comment)),
        }
    }

    fn insert_comment_pair(&mut self, pair: &CommentPair) -> Result<(), Fault> {
        let tables = self.write()?;
        pair_there(tables, pair.pair_id)?;
        let clash = tables.comment_pairs.all().any(|(_, row)| {
            row.pair_id == pair.pair_id
                && (row.source_comment_id == pair.source_comment_id
                    || row.target_comment_id == pair.target_comment_id)
        });
        if clash {
            return Err(Fault::Conflict("the comment is paired already".to_owned()));
        }
        let key = (pair.pair_id, pair.source_comment_id.clone());
        tables.comment_pairs.put(key, pair.clone());
        Ok(())
    }
}
