//! The port to the store: named transactions over subject traits.
//!
//! Invariants: a transaction either happened whole or not at all; its future resolves only after COMMIT is durable; it
//! may be run again, so it does no input or output of its own and gives the same answer for the same rows.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{
    BoxFuture, ConflictTx, DeletionTx, DeliveryTx, DriftTx, HistoryTx, JobTx, OutboxTx, PlanTx,
    SampleTx, ScheduleTx, Topic, Wakeup,
};
use crate::{
    ApiKey, ApiKeyId, AuditEntry, AuditId, Base, CommentId, CommentPair, ConfigId, ConnectorId,
    ConnectorRow, ConnectorUsage, Cursor, Execution, ExecutionId, ExecutionStatus, Fault, FieldId,
    FieldMapping, FieldMappingId, FieldRow, Intent, IntentId, IntentState, ItemId, ItemOutcome,
    ItemRetry, ItemState, LineageId, LineageMember, NewExecution, OutcomeId, Pair, PairId, Receipt,
    RememberedReply, Side, StatusId, StatusMapping, StatusMappingId, StatusRow, SyncConfig,
    Timestamp, Trigger, TypeId, TypeMapping, TypeMappingId, TypeRow, UserMap,
};

/// The work of a transaction.
pub type TxWork = Box<dyn FnMut(&mut dyn Tx) -> Result<(), Fault> + Send>;

/// Keeps everything. Use it through [`StoreExt`].
pub trait Store: Send + Sync {
    /// Runs `work` in a writing transaction; the name goes to logs and figures.
    fn tx_raw(&self, name: &'static str, work: TxWork) -> BoxFuture<'_, Result<(), Fault>>;

    /// The same ahead of what waits already, for short transactions for which somebody outside waits. A store that
    /// keeps nobody waiting makes no difference.
    fn urgent_raw(&self, name: &'static str, work: TxWork) -> BoxFuture<'_, Result<(), Fault>> {
        self.tx_raw(name, work)
    }

    /// Runs `work` over one consistent state; writing in it is a [`Fault::Internal`].
    fn view_raw(&self, name: &'static str, work: TxWork) -> BoxFuture<'_, Result<(), Fault>>;

    /// Somebody who is woken by commits on `topic`, those of other processes included where the store can tell.
    fn wakeup(&self, topic: Topic) -> Box<dyn Wakeup>;

    /// Asks the database whether it is there and has every migration.
    fn ready(&self) -> BoxFuture<'_, Result<(), Fault>>;
}

/// Transactions that answer with a value.
pub trait StoreExt: Store {
    /// A writing transaction.
    ///
    /// # Errors
    /// What `work` answers, or [`Fault::Unavailable`] when the database is away; then nothing was written.
    fn tx<T, F>(&self, name: &'static str, work: F) -> impl Future<Output = Result<T, Fault>> + Send
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Tx) -> Result<T, Fault> + Send + 'static,
    {
        let (slot, boxed) = slotted(work);
        let done = self.tx_raw(name, boxed);
        async move {
            done.await?;
            take(name, &slot)
        }
    }

    /// A reading transaction.
    ///
    /// # Errors
    /// What `work` answers, or [`Fault::Unavailable`] when the database is away.
    fn view<T, F>(
        &self,
        name: &'static str,
        work: F,
    ) -> impl Future<Output = Result<T, Fault>> + Send
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Tx) -> Result<T, Fault> + Send + 'static,
    {
        let (slot, boxed) = slotted(work);
        let done = self.view_raw(name, boxed);
        async move {
            done.await?;
            take(name, &slot)
        }
    }
}

impl<S: Store + ?Sized> StoreExt for S {}

type Slot<T> = Arc<Mutex<Option<T>>>;

fn slotted<T, F>(mut work: F) -> (Slot<T>, TxWork)
where
    T: Send + 'static,
    F: FnMut(&mut dyn Tx) -> Result<T, Fault> + Send + 'static,
{
    let slot: Slot<T> = Arc::new(Mutex::new(None));
    let inner = Arc::clone(&slot);
    let boxed: TxWork = Box::new(move |tx| {
        let value = work(tx)?;
        *inner.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        Ok(())
    });
    (slot, boxed)
}

fn take<T>(name: &str, slot: &Slot<T>) -> Result<T, Fault> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(|| {
        Fault::Internal(format!("transaction {name} was answered without having run"))
    })
}

/// Everything a transaction can do.
pub trait Tx:
    ConnectorTx
    + MetadataTx
    + ConfigTx
    + RunTx
    + SyncTx
    + LeaseTx
    + AdminTx
    + JobTx
    + DeliveryTx
    + ScheduleTx
    + OutboxTx
    + DeletionTx
    + ConflictTx
    + PlanTx
    + HistoryTx
    + DriftTx
    + SampleTx
{
}

impl<T> Tx for T where
    T: ConnectorTx
        + MetadataTx
        + ConfigTx
        + RunTx
        + SyncTx
        + LeaseTx
        + AdminTx
        + JobTx
        + DeliveryTx
        + ScheduleTx
        + OutboxTx
        + DeletionTx
        + ConflictTx
        + PlanTx
        + HistoryTx
        + DriftTx
        + SampleTx
{
}

/// Connectors.
pub trait ConnectorTx {
    /// Stores a connector; the id given is ignored. A name that is taken (letter case counts) is a [`Fault::Conflict`].
    fn insert_connector(&mut self, row: &ConnectorRow) -> Result<ConnectorId, Fault>;
    /// Reads one.
    fn connector(&mut self, id: ConnectorId) -> Result<Option<ConnectorRow>, Fault>;
    /// Reads one by its name.
    fn connector_by_name(&mut self, name: &str) -> Result<Option<ConnectorRow>, Fault>;
    /// Reads all, by id.
    fn connectors(&mut self) -> Result<Vec<ConnectorRow>, Fault>;
    /// Writes all columns of one. Unknown id: [`Fault::NotFound`]; taken name: [`Fault::Conflict`].
    fn update_connector(&mut self, row: &ConnectorRow) -> Result<(), Fault>;
    /// Deletes one with everything that hangs on it. Unknown id: [`Fault::NotFound`].
    fn delete_connector(&mut self, id: ConnectorId) -> Result<(), Fault>;
    /// What hangs on it.
    fn connector_usage(&mut self, id: ConnectorId) -> Result<ConnectorUsage, Fault>;
}

/// What discovery found.
pub trait MetadataTx {
    /// Types of a connector, by id.
    fn types(&mut self, connector_id: ConnectorId) -> Result<Vec<TypeRow>, Fault>;
    /// One type.
    fn type_row(&mut self, id: TypeId) -> Result<Option<TypeRow>, Fault>;
    /// Stores a type; the id given is ignored.
    fn insert_type(&mut self, row: &TypeRow) -> Result<TypeId, Fault>;
    /// Writes all columns of a type.
    fn update_type(&mut self, row: &TypeRow) -> Result<(), Fault>;
    /// Fields of all these types, by type and id.
    fn fields(&mut self, types: &[TypeId]) -> Result<Vec<FieldRow>, Fault>;
    /// One field.
    fn field(&mut self, id: FieldId) -> Result<Option<FieldRow>, Fault>;
    /// Stores fields; the ids given are ignored; the answer has the new ones in the same order.
    fn insert_fields(&mut self, rows: &[FieldRow]) -> Result<Vec<FieldId>, Fault>;
    /// Writes all columns of a field.
    fn update_field(&mut self, row: &FieldRow) -> Result<(), Fault>;
    /// Statuses of all these types, by type and sort order.
    fn statuses(&mut self, types: &[TypeId]) -> Result<Vec<StatusRow>, Fault>;
    /// One status.
    fn status(&mut self, id: StatusId) -> Result<Option<StatusRow>, Fault>;
    /// Stores statuses; the ids given are ignored; the answer has the new ones in the same order.
    fn insert_statuses(&mut self, rows: &[StatusRow]) -> Result<Vec<StatusId>, Fault>;
    /// Writes all columns of a status.
    fn update_status(&mut self, row: &StatusRow) -> Result<(), Fault>;
}

/// Configurations and their rules.
pub trait ConfigTx {
    /// Stores a configuration; the id given is ignored. A taken name is a [`Fault::Conflict`].
    fn insert_config(&mut self, config: &SyncConfig) -> Result<ConfigId, Fault>;
    /// Reads one.
    fn config(&mut self, id: ConfigId) -> Result<Option<SyncConfig>, Fault>;
    /// Reads one by its name.
    fn config_by_name(&mut self, name: &str) -> Result<Option<SyncConfig>, Fault>;
    /// Reads all, by id.
    fn configs(&mut self) -> Result<Vec<SyncConfig>, Fault>;
    /// Writes all columns of one. Unknown id: [`Fault::NotFound`]; taken name: [`Fault::Conflict`].
    fn update_config(&mut self, config: &SyncConfig) -> Result<(), Fault>;
    /// Deletes one with everything that hangs on it. Unknown id: [`Fault::NotFound`].
    fn delete_config(&mut self, id: ConfigId) -> Result<(), Fault>;

    /// Pairs of types, by id.
    fn type_mappings(&mut self, config_id: ConfigId) -> Result<Vec<TypeMapping>, Fault>;
    /// Stores a pair of types; the id given is ignored. The same pair twice: [`Fault::Conflict`].
    fn insert_type_mapping(&mut self, mapping: &TypeMapping) -> Result<TypeMappingId, Fault>;
    /// Deletes a pair of types with its rules.
    fn delete_type_mapping(&mut self, id: TypeMappingId) -> Result<(), Fault>;
    /// Field rules, by id.
    fn field_mappings(&mut self, config_id: ConfigId) -> Result<Vec<FieldMapping>, Fault>;
    /// Stores a field rule; the id given is ignored.
    fn insert_field_mapping(&mut self, mapping: &FieldMapping) -> Result<FieldMappingId, Fault>;
    /// Writes all columns of a field rule.
    fn update_field_mapping(&mut self, mapping: &FieldMapping) -> Result<(), Fault>;
    /// Deletes a field rule.
    fn delete_field_mapping(&mut self, id: FieldMappingId) -> Result<(), Fault>;
    /// Status rules, by id.
    fn status_mappings(&mut self, config_id: ConfigId) -> Result<Vec<StatusMapping>, Fault>;
    /// Stores a status rule; the id given is ignored. The same two statuses twice: [`Fault::Conflict`].
    fn insert_status_mapping(&mut self, mapping: &StatusMapping) -> Result<StatusMappingId, Fault>;
    /// Deletes a status rule.
    fn delete_status_mapping(&mut self, id: StatusMappingId) -> Result<(), Fault>;
    /// Who is who; the default when nobody said.
    fn user_map(&mut self, config_id: ConfigId) -> Result<UserMap, Fault>;
    /// Replaces who is who.
    fn put_user_map(&mut self, config_id: ConfigId, map: &UserMap) -> Result<(), Fault>;
}

/// Which runs to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecutionFilter {
    /// Of this configuration only.
    pub config_id: Option<ConfigId>,
    /// In this status only.
    pub status: Option<ExecutionStatus>,
    /// Started by this only.
    pub trigger: Option<Trigger>,
    /// Started at or after.
    pub since: Option<Timestamp>,
    /// With an id below this: the page after the one that ended there.
    pub before: Option<ExecutionId>,
    /// Of these configurations only (a key's scope).
    pub scope: Option<Vec<ConfigId>>,
}

/// Which outcomes to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutcomeFilter {
    /// In these states only; all when empty.
    pub states: Vec<ItemState>,
    /// With an id above this: the page after the one that ended there.
    pub after: Option<OutcomeId>,
}

/// Runs and what became of their items.
pub trait RunTx {
    /// Stores a run in status running.
    fn insert_execution(&mut self, new: &NewExecution) -> Result<ExecutionId, Fault>;
    /// Reads one.
    fn execution(&mut self, id: ExecutionId) -> Result<Option<Execution>, Fault>;
    /// Reads runs, newest (highest id) first, at most `limit`.
    fn executions(
        &mut self,
        filter: &ExecutionFilter,
        limit: usize,
    ) -> Result<Vec<Execution>, Fault>;
    /// How many runs the filter lets through (`before` does not count).
    fn count_executions(&mut self, filter: &ExecutionFilter) -> Result<u64, Fault>;
    /// Writes status, counts, error, end and the wish to stop of a run.
    fn update_execution(&mut self, execution: &Execution) -> Result<(), Fault>;
    /// Asks a run to stop; false when it is not running.
    fn request_cancel(&mut self, id: ExecutionId) -> Result<bool, Fault>;
    /// Stores outcomes in the order given; ids are ignored and ascend.
    fn insert_outcomes(&mut self, outcomes: &[ItemOutcome]) -> Result<(), Fault>;
    /// Reads outcomes by id, at most `limit`.
    fn outcomes(
        &mut self,
        execution_id: ExecutionId,
        filter: &OutcomeFilter,
        limit: usize,
    ) -> Result<Vec<ItemOutcome>, Fault>;
    /// Deletes outcomes of the first `limit` runs that [`RunTx::prune_executions`] would delete, or, when they have none,
    /// their finished intents, at most `limit` rows; answers how many. A run may have as many as there are items.
    fn prune_run_items(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault>;
    /// Deletes ended runs that ended before this, with their outcomes, at most `limit`; answers how many.
    fn prune_executions(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault>;
}

/// What keeps two sides in step.
pub trait SyncTx {
    /// Stores a pair; the id given is ignored. Either item paired already in this configuration: [`Fault::Conflict`].
    fn insert_pair(&mut self, pair: &Pair) -> Result<PairId, Fault>;
    /// Reads one.
    fn pair(&mut self, id: PairId) -> Result<Option<Pair>, Fault>;
    /// The pairs of these items of one side, in no order.
    fn pairs_by_items(
        &mut self,
        config_id: ConfigId,
        side: Side,
        items: &[ItemId],
    ) -> Result<Vec<Pair>, Fault>;
    /// Reads pairs by id, from the one after `after`, at most `limit`, passing over `offset`.
    fn pairs(
        &mut self,
        config_id: ConfigId,
        after: Option<PairId>,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Pair>, Fault>;
    /// How many pairs there are.
    fn count_pairs(&mut self, config_id: ConfigId) -> Result<u64, Fault>;
    /// Writes all columns of a pair. Unknown id: [`Fault::NotFound`].
    fn update_pair(&mut self, pair: &Pair) -> Result<(), Fault>;
    /// Deletes a pair with its bases, receipts, comment pairs and conflicts that are not resolved. Unknown id:
    /// [`Fault::NotFound`].
    fn delete_pair(&mut self, id: PairId) -> Result<(), Fault>;
    /// Which of these items of a connector belong to an active pair of any configuration.
    fn paired_items(
        &mut self,
        connector_id: ConnectorId,
        items: &[ItemId],
    ) -> Result<BTreeSet<ItemId>, Fault>;

    /// All bases of these pairs.
    fn bases(&mut self, pairs: &[PairId]) -> Result<Vec<Base>, Fault>;
    /// Writes bases over those of the same pair, side and field.
    fn put_bases(&mut self, bases: &[Base]) -> Result<(), Fault>;
    /// The newest receipt of each pair, side and field.
    fn receipts(&mut self, pairs: &[PairId]) -> Result<Vec<Receipt>, Fault>;
    /// Writes receipts over those of the same pair, side and field.
    fn put_receipts(&mut self, receipts: &[Receipt]) -> Result<(), Fault>;

    /// Stores intents; the ids given are ignored; the answer has the new ones in the same order.
    fn insert_intents(&mut self, intents: &[Intent]) -> Result<Vec<IntentId>, Fault>;
    /// Moves an intent to its end, with the item it made or changed.
    fn finish_intent(
        &mut self,
        id: IntentId,
        state: IntentState,
        item_id: Option<&ItemId>,
    ) -> Result<(), Fault>;
    /// Intents without a recorded outcome (open or doubtful), oldest first.
    fn open_intents(&mut self, config_id: ConfigId) -> Result<Vec<Intent>, Fault>;
    /// Those of them that are to make an item on this side, oldest first.
    fn open_creates(&mut self, config_id: ConfigId, side: Side) -> Result<Vec<Intent>, Fault>;

    /// Where reading one side goes on.
    fn cursor(&mut self, config_id: ConfigId, side: Side) -> Result<Option<Cursor>, Fault>;
    /// Moves it; `None` forgets it.
    fn put_cursor(
        &mut self,
        config_id: ConfigId,
        side: Side,
        cursor: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<(), Fault>;

    /// The family of each of these items of a connector; items without one are absent.
    fn lineages(
        &mut self,
        connector_id: ConnectorId,
        items: &[ItemId],
    ) -> Result<BTreeMap<ItemId, LineageId>, Fault>;
    /// All members of these families.
    fn lineage_members(&mut self, lineages: &[LineageId]) -> Result<Vec<LineageMember>, Fault>;
    /// Joins two items into one family; families that both had become one.
    fn join_lineage(
        &mut self,
        one: (ConnectorId, &ItemId),
        other: (ConnectorId, &ItemId),
    ) -> Result<LineageId, Fault>;
    /// Takes an item out of its family.
    fn leave_lineage(&mut self, connector_id: ConnectorId, item: &ItemId) -> Result<(), Fault>;

    /// Retries of these items; all of the configuration's when `items` is `None`.
    fn retries(
        &mut self,
        config_id: ConfigId,
        side: Side,
        items: Option<&[ItemId]>,
    ) -> Result<Vec<ItemRetry>, Fault>;
    /// Writes a retry over that of the same configuration, side and item.
    fn put_retry(&mut self, retry: &ItemRetry) -> Result<(), Fault>;
    /// Forgets retries of items that are well again.
    fn clear_retries(
        &mut self,
        config_id: ConfigId,
        side: Side,
        items: &[ItemId],
    ) -> Result<(), Fault>;

    /// The comments of a pair that have copies.
    fn comment_pairs(&mut self, pair_id: PairId) -> Result<Vec<CommentPair>, Fault>;
    /// Stores a comment pair. Either comment paired already: [`Fault::Conflict`].
    fn insert_comment_pair(&mut self, pair: &CommentPair) -> Result<(), Fault>;
    /// Notes what the original of a comment pair says now.
    fn set_comment_hash(
        &mut self,
        pair_id: PairId,
        source_comment: &CommentId,
        hash: &str,
    ) -> Result<(), Fault>;
    /// Forgets a comment pair, known by its comment on the source.
    fn delete_comment_pair(
        &mut self,
        pair_id: PairId,
        source_comment: &CommentId,
    ) -> Result<(), Fault>;
}

/// The right to do something alone, for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What it is about, such as `run/7`.
    pub name: String,
    /// Who holds it.
    pub holder: String,
    /// Rises with every new holder; a late writer with an old one is refused.
    pub token: i64,
    /// When it ends unless renewed.
    pub expires_at: Timestamp,
}

/// Leases.
pub trait LeaseTx {
    /// Takes a lease that is free or over; `None` when somebody holds it.
    fn acquire_lease(
        &mut self,
        name: &str,
        holder: &str,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Option<Lease>, Fault>;
    /// Makes it last until `now + ttl`; false when it was lost.
    fn renew_lease(&mut self, lease: &Lease, now: Timestamp, ttl: Duration) -> Result<bool, Fault>;
    /// Gives it back; nothing happens when it was lost.
    fn release_lease(&mut self, lease: &Lease) -> Result<(), Fault>;
    /// Who holds it, over or not.
    fn lease(&mut self, name: &str) -> Result<Option<Lease>, Fault>;
    /// Passes only while this very lease (name and token) is still the newest: put it first in a fenced transaction.
    ///
    /// # Errors
    /// [`Fault::Conflict`] when somebody else took it since.
    fn assert_lease(&mut self, lease: &Lease) -> Result<(), Fault>;
}

/// Keys, settings, audit, remembered replies.
pub trait AdminTx {
    /// Stores an API key; the id given is ignored. A taken name among keys that are not revoked: [`Fault::Conflict`].
    fn insert_api_key(&mut self, key: &ApiKey) -> Result<ApiKeyId, Fault>;
    /// The key with this hash.
    fn api_key_by_hash(&mut self, hash: &str) -> Result<Option<ApiKey>, Fault>;
    /// All keys, by id.
    fn api_keys(&mut self) -> Result<Vec<ApiKey>, Fault>;
    /// Writes all columns of a key. Unknown id: [`Fault::NotFound`].
    fn update_api_key(&mut self, key: &ApiKey) -> Result<(), Fault>;

    /// Stored settings by key, as JSON texts.
    fn settings(&mut self) -> Result<BTreeMap<String, String>, Fault>;
    /// Writes one; `None` goes back to the default.
    fn put_setting(&mut self, key: &str, value: Option<&str>, now: Timestamp) -> Result<(), Fault>;

    /// Adds a line to the audit trail; the id given is ignored.
    fn append_audit(&mut self, entry: &AuditEntry) -> Result<(), Fault>;
    /// Reads the trail, newest first, from below `before`, at most `limit`.
    fn audit(&mut self, before: Option<AuditId>, limit: usize) -> Result<Vec<AuditEntry>, Fault>;
    /// Deletes the oldest lines as long as they are from before this, at most `limit`; answers how many.
    fn prune_audit(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault>;

    /// The reply remembered for a key within a scope.
    fn remembered_reply(
        &mut self,
        scope: &str,
        key: &str,
    ) -> Result<Option<RememberedReply>, Fault>;
    /// Writes a reply over that of the same scope and key.
    fn remember_reply(&mut self, reply: &RememberedReply) -> Result<(), Fault>;
    /// Forgets one (its request failed and may be sent again).
    fn forget_reply(&mut self, scope: &str, key: &str) -> Result<(), Fault>;
    /// Deletes replies kept before this.
    fn prune_replies(&mut self, before: Timestamp) -> Result<u64, Fault>;
}
