//! A store with trackers registered, their types discovered and configurations between them.

use std::collections::BTreeMap;
use std::sync::Arc;

use syncline_domain::ports::{Connector, ExecutionFilter, OutcomeFilter, Store, StoreExt, Tx};
use syncline_domain::{
    ConfigId, ConnectorId, ConnectorRow, Execution, ExecutionId, Fault, FieldId, FieldRow,
    ItemOutcome, Pair, PairId, Schema, StatusId, StatusRow, SyncConfig, TypeId, TypeRow,
};

use crate::rows::{at, connector_row};
use crate::{ConfigPlan, FakeConnector, ManualClock, MemStore};

/// A clock, a store and the trackers that are registered in it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use serde_json::json;
/// use syncline_testkit::World;
///
/// let world = World::bugs_to_desk().await;
/// let config = world.default_config().await;
/// world.source().create_as("ada", "bug", json!({"title": "It is broken"}));
/// // ... run the engine on `config` with `world.store()` and `world.ends(config)` ...
/// assert_eq!(world.target().items(), []);
/// # let _ = config;
/// # }
/// ```
pub struct World {
    clock: ManualClock,
    store: Arc<dyn Store>,
    trackers: BTreeMap<ConnectorId, Arc<FakeConnector>>,
}

impl World {
    /// A world without trackers on a store in memory.
    #[must_use]
    pub fn new(clock: ManualClock) -> Self {
        Self::on(clock, Arc::new(MemStore::new()))
    }

    /// A world without trackers on this store.
    #[must_use]
    pub fn on(clock: ManualClock, store: Arc<dyn Store>) -> Self {
        Self { clock, store, trackers: BTreeMap::new() }
    }

    /// The two ready trackers, [`FakeConnector::bugs`] as source and [`FakeConnector::requests_desk`] as target.
    pub async fn bugs_to_desk() -> Self {
        let clock = ManualClock::new();
        let mut world = Self::new(clock.clone());
        world.add("bugs", FakeConnector::bugs(&clock)).await;
        world.add("desk", FakeConnector::requests_desk(&clock)).await;
        world
    }

    /// Registers a tracker and stores its types.
    pub async fn add(&mut self, name: &str, tracker: Arc<FakeConnector>) -> ConnectorId {
        let row = ConnectorRow { created_at: at(0), ..connector_row(name) };
        let schema = tracker.schema().clone();
        let stored = self.tx(move |tx| {
            let id = tx.insert_connector(&row)?;
            store_schema(tx, id, &schema)?;
            Ok(id)
        });
        let id = stored.await;
        self.trackers.insert(id, tracker);
        id
    }

    /// The clock that everything shares.
    #[must_use]
    pub const fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// Puts another store in place, such as a [`crate::FaultyStore`] around the old one.
    pub fn set_store(&mut self, store: Arc<dyn Store>) {
        self.store = store;
    }

    /// A registered tracker.
    #[must_use]
    pub fn tracker(&self, id: ConnectorId) -> Arc<FakeConnector> {
        Arc::clone(&self.trackers[&id])
    }

    /// All registered trackers as connectors.
    #[must_use]
    pub fn connectors(&self) -> BTreeMap<ConnectorId, Arc<dyn Connector>> {
        let all = self.trackers.iter();
        all.map(|(id, fake)| -> (ConnectorId, Arc<dyn Connector>) { (*id, fake.clone()) }).collect()
    }

    /// The tracker that was registered first.
    #[must_use]
    pub fn source(&self) -> Arc<FakeConnector> {
        self.tracker(self.source_id())
    }

    /// The tracker that was registered second.
    #[must_use]
    pub fn target(&self) -> Arc<FakeConnector> {
        self.tracker(self.target_id())
    }

    /// The id of the tracker that was registered first.
    #[must_use]
    pub fn source_id(&self) -> ConnectorId {
        *self.trackers.keys().next().expect("a first tracker")
    }

    /// The id of the tracker that was registered second.
    #[must_use]
    pub fn target_id(&self) -> ConnectorId {
        *self.trackers.keys().nth(1).expect("a second tracker")
    }

    /// The two connectors of a configuration: source, target.
    pub async fn ends(&self, config: ConfigId) -> (Arc<dyn Connector>, Arc<dyn Connector>) {
        let config = self.config(config).await;
        (self.tracker(config.source_connector_id), self.tracker(config.target_connector_id))
    }

    /// The configuration that [`ConfigPlan::bugs_to_desk`] describes.
    pub async fn default_config(&self) -> ConfigId {
        let plan = ConfigPlan::bugs_to_desk(self.source_id(), self.target_id());
        self.configure(plan).await
    }

    /// Stores a configuration with its rules.
    ///
    /// # Panics
    /// When the plan names a type, field or status that its tracker does not have.
    pub async fn configure(&self, plan: ConfigPlan) -> ConfigId {
        self.tx(move |tx| plan.store(tx)).await
    }

    /// Changes a stored configuration.
    pub async fn reconfigure(
        &self,
        id: ConfigId,
        mut change: impl FnMut(&mut SyncConfig) + Send + 'static,
    ) {
        self.tx(move |tx| {
            let mut config = tx.config(id)?.ok_or_else(|| Fault::no_such("config", id))?;
            change(&mut config);
            tx.update_config(&config)
        })
        .await;
    }

    /// A stored configuration.
    pub async fn config(&self, id: ConfigId) -> SyncConfig {
        let config = self.tx(move |tx| tx.config(id)).await;
        config.expect("the configuration is there")
    }

    /// The pairs of a configuration, by id.
    pub async fn pairs(&self, config: ConfigId) -> Vec<Pair> {
        self.tx(move |tx| tx.pairs(config, None, 0, usize::MAX >> 1)).await
    }

    /// The runs of a configuration, oldest first.
    pub async fn runs(&self, config: ConfigId) -> Vec<Execution> {
        let filter = ExecutionFilter { config_id: Some(config), ..ExecutionFilter::default() };
        let mut runs = self.tx(move |tx| tx.executions(&filter, usize::MAX >> 1)).await;
        runs.reverse();
        runs
    }

    /// What became of the items of a run, in order.
    pub async fn outcomes(&self, run: ExecutionId) -> Vec<ItemOutcome> {
        self.tx(move |tx| tx.outcomes(run, &OutcomeFilter::default(), usize::MAX >> 1)).await
    }

    /// How many bases and receipts a pair has.
    pub async fn memory(&self, pair: PairId) -> (usize, usize) {
        self.tx(move |tx| Ok((tx.bases(&[pair])?.len(), tx.receipts(&[pair])?.len()))).await
    }

    /// How many intents of a configuration have no outcome.
    pub async fn open_intents(&self, config: ConfigId) -> usize {
        self.tx(move |tx| Ok(tx.open_intents(config)?.len())).await
    }

    /// A transaction that must go well.
    pub async fn tx<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut dyn Tx) -> Result<T, Fault> + Send + 'static,
    ) -> T {
        self.store.tx("world", work).await.expect("the transaction failed")
    }
}

/// Stores what a tracker says about its types, as discovery does.
///
/// # Errors
/// What the store answers.
pub fn store_schema(tx: &mut dyn Tx, connector: ConnectorId, schema: &Schema) -> Result<(), Fault> {
    for kind in &schema.types {
        let type_id = tx.insert_type(&TypeRow {
            id: TypeId(0),
            connector_id: connector,
            type_name: kind.name.clone(),
            type_ref: kind.reference.clone(),
            enabled_for_sync: true,
            metadata: kind.metadata.clone(),
            created_at: at(0),
            gone_at: None,
        })?;
        let fields: Vec<FieldRow> = kind
            .fields
            .iter()
            .map(|field| FieldRow {
                id: FieldId(0),
                type_id,
                schema: field.clone(),
                enabled_for_sync: true,
                suggestion_score: 50,
                gone_at: None,
            })
            .collect();
        tx.insert_fields(&fields)?;
        let statuses: Vec<StatusRow> = (0..)
            .zip(&kind.statuses)
            .map(|(sort_order, status)| StatusRow {
                id: StatusId(0),
                type_id,
                schema: status.clone(),
                sort_order,
                enabled_for_sync: true,
                gone_at: None,
            })
            .collect();
        tx.insert_statuses(&statuses)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_plan_becomes_rows_that_point_at_the_right_types() {
        let world = World::bugs_to_desk().await;
        let id = world.default_config().await;
        let (types, fields, statuses) = world
            .tx(move |tx| {
                Ok((tx.type_mappings(id)?, tx.field_mappings(id)?, tx.status_mappings(id)?))
            })
            .await;
        assert_eq!((types.len(), fields.len(), statuses.len()), (1, 9, 4));
        let subject = fields[0].target_field_id;
        let row = world.tx(move |tx| tx.field(subject)).await;
        assert_eq!(row.map(|row| row.schema.reference), Some("subject".to_owned()));
        world.reconfigure(id, |config| config.needs_full = true).await;
        assert!(world.config(id).await.needs_full);
        let (source, _) = world.ends(id).await;
        assert_eq!(source.whoami().await, Ok(world.source().me()));
    }
}
