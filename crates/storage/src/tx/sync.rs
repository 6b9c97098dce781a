//! The port's subject of sync state, handed on to the files of its tables.

use std::collections::{BTreeMap, BTreeSet};

use syncline_domain::ports::SyncTx;
use syncline_domain::{
    Base, CommentId, CommentPair, ConfigId, ConnectorId, Cursor, Fault, Intent, IntentId,
    IntentState, ItemId, ItemRetry, LineageId, LineageMember, Pair, PairId, Receipt, Side,
    Timestamp,
};

use super::{DbTx, bases, comments, conflicts, intents, lineage, pairs, retries};

impl SyncTx for DbTx<'_> {
    fn insert_pair(&mut self, pair: &Pair) -> Result<PairId, Fault> {
        pairs::insert(self.write()?, pair)
    }

    fn pair(&mut self, id: PairId) -> Result<Option<Pair>, Fault> {
        pairs::get(self.read(), id)
    }

    fn pairs_by_items(
        &mut self,
        config_id: ConfigId,
        side: Side,
        items: &[ItemId],
    ) -> Result<Vec<Pair>, Fault> {
        pairs::by_items(self.read(), config_id, side, items)
    }

    fn pairs(
        &mut self,
        config_id: ConfigId,
        after: Option<PairId>,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Pair>, Fault> {
        pairs::page(self.read(), config_id, after, offset, limit)
    }

    fn count_pairs(&mut self, config_id: ConfigId) -> Result<u64, Fault> {
        pairs::count(self.read(), config_id)
    }

    fn update_pair(&mut self, pair: &Pair) -> Result<(), Fault> {
        pairs::update(self.write()?, pair)
    }

    fn delete_pair(&mut self, id: PairId) -> Result<(), Fault> {
        let db = self.write()?;
        conflicts::drop_open(db, id)?;
        pairs::delete(db, id)
    }

    fn paired_items(
        &mut self,
        connector_id: ConnectorId,
        items: &[ItemId],
    ) -> Result<BTreeSet<ItemId>, Fault> {
        pairs::paired(self.read(), connector_id, items)
    }

    fn bases(&mut self, pairs: &[PairId]) -> Result<Vec<Base>, Fault> {
        bases::get(self.read(), pairs)
    }

    fn put_bases(&mut self, given: &[Base]) -> Result<(), Fault> {
        self.write()?.guarded(|db| bases::put(db, given))
    }

    fn receipts(&mut self, pairs: &[PairId]) -> Result<Vec<Receipt>, Fault> {
        bases::get_receipts(self.read(), pairs)
    }

    fn put_receipts(&mut self, receipts: &[Receipt]) -> Result<(), Fault> {
        self.write()?.guarded(|db| bases::put_receipts(db, receipts))
    }

    fn insert_intents(&mut self, given: &[Intent]) -> Result<Vec<IntentId>, Fault> {
        self.write()?.guarded(|db| intents::insert(db, given))
    }

    fn finish_intent(
        &mut self,
        id: IntentId,
        state: IntentState,
        item_id: Option<&ItemId>,
    ) -> Result<(), Fault> {
        intents::finish(self.write()?, id, state, item_id)
    }

    fn open_intents(&mut self, config_id: ConfigId) -> Result<Vec<Intent>, Fault> {
        intents::open(self.read(), config_id)
    }

    fn open_creates(&mut self, config_id: ConfigId, side: Side) -> Result<Vec<Intent>, Fault> {
        intents::open_creates(self.read(), config_id, side)
    }

    fn cursor(&mut self, config_id: ConfigId, side: Side) -> Result<Option<Cursor>, Fault> {
        intents::cursor(self.read(), config_id, side)
    }

    fn put_cursor(
        &mut self,
        config_id: ConfigId,
        side: Side,
        cursor: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<(), Fault> {
        self.write()?.guarded(|db| intents::put_cursor(db, config_id, side, cursor, now))
    }

    fn lineages(
        &mut self,
        connector_id: ConnectorId,
        items: &[ItemId],
    ) -> Result<BTreeMap<ItemId, LineageId>, Fault> {
        lineage::of_items(self.read(), connector_id, items)
    }

    fn lineage_members(&mut self, lineages: &[LineageId]) -> Result<Vec<LineageMember>, Fault> {
        lineage::members(self.read(), lineages)
    }

    fn join_lineage(
        &mut self,
        one: (ConnectorId, &ItemId),
        other: (ConnectorId, &ItemId),
    ) -> Result<LineageId, Fault> {
        self.write()?.guarded(|db| lineage::join(db, one, other))
    }

    fn leave_lineage(&mut self, connector_id: ConnectorId, item: &ItemId) -> Result<(), Fault> {
        lineage::leave(self.write()?, connector_id, item)
    }

    fn retries(
        &mut self,
        config_id: ConfigId,
        side: Side,
        items: Option<&[ItemId]>,
    ) -> Result<Vec<ItemRetry>, Fault> {
        match items {
            Some(items) => retries::of_items(self.read(), config_id, side, items),
            None => retries::of_side(self.read(), config_id, side),
        }
    }

    fn put_retry(&mut self, retry: &ItemRetry) -> Result<(), Fault> {
        self.write()?.guarded(|db| retries::put(db, retry))
    }

    fn clear_retries(
        &mut self,
        config_id: ConfigId,
        side: Side,
        items: &[ItemId],
    ) -> Result<(), Fault> {
        retries::clear(self.write()?, config_id, side, items)
    }

    fn comment_pairs(&mut self, pair_id: PairId) -> Result<Vec<CommentPair>, Fault> {
        comments::of_pair(self.read(), pair_id)
    }

    fn set_comment_hash(
        &mut self,
        pair_id: PairId,
        source_comment: &CommentId,
        hash: &str,
    ) -> Result<(), Fault> {
        comments::set_hash(self.write()?, pair_id, source_comment, hash)
    }

    fn delete_comment_pair(
        &mut self,
        pair_id: PairId,
        source_comment: &CommentId,
    ) -> Result<(), Fault> {
        comments::delete(self.write()?, pair_id, source_comment)
    }

    fn insert_comment_pair(&mut self, pair: &CommentPair) -> Result<(), Fault> {
        comments::insert(self.write()?, pair)
    }
}
