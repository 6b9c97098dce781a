//! A world for one test: a store in memory, a clock by hand, and trackers in memory joined by configurations.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use syncline_domain::ports::{
    FaultPoints, NoFaultPoints, NothingFollows, RunEnding, Store, StoreExt as _,
};
use syncline_domain::{
    ConfigId, ConnectorId, Execution, FieldId, FieldMapping, FieldRow, Item, ItemId, ItemOutcome,
    Pair, RunDirection, Side, StatusId, StatusMapping, StatusRow, SyncConfig, TypeId, TypeMapping,
    TypeRow,
};
use syncline_engine::{Engine, EngineParts, RunRequest};
use syncline_testkit::rows::{config_row, connector_row, field_mapping};
use syncline_testkit::{
    FakeConnector, ManualClock, MemStore, RecordingEvents, SeqIds, bug_tracker,
};

/// The fields that pairs of bug trackers share.
pub(crate) const FIELDS: &[&str] = &[
    "title",
    "description",
    "priority",
    "estimate",
    "progress",
    "due",
    "assignee",
    "tags",
    "blocked",
];

pub(crate) struct Tracker {
    pub(crate) fake: Arc<FakeConnector>,
    pub(crate) id: ConnectorId,
    pub(crate) types: BTreeMap<String, TypeId>,
    pub(crate) fields: BTreeMap<(String, String), FieldId>,
    pub(crate) statuses: BTreeMap<(String, String), StatusId>,
}

pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: ManualClock,
    pub(crate) events: Arc<RecordingEvents>,
    ids: Arc<SeqIds>,
    pub(crate) trackers: Vec<Tracker>,
    /// What follows from the end of a run.
    pub(crate) ending: Arc<dyn RunEnding>,
    holder: String,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::over(Arc::new(MemStore::new()))
    }

    pub(crate) fn over(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            clock: ManualClock::new(),
            events: Arc::new(RecordingEvents::new()),
            ids: Arc::new(SeqIds::new()),
            trackers: Vec::new(),
            ending: Arc::new(NothingFollows),
            holder: "test".to_owned(),
        }
    }

    /// Two bug trackers and a one-way configuration of all shared fields and statuses from the first to the second.
    pub(crate) async fn pair() -> (Self, ConfigId) {
        let mut world = Self::new();
        world.tracker("a", 1).await;
        world.tracker("b", 5_001).await;
        let config = world.join(0, 1).await;
        (world, config)
    }

    /// Registers a bug tracker that writes in batches.
    pub(crate) async fn tracker(&mut self, name: &str, first_id: u64) -> usize {
        let fake = FakeConnector::builder(name, bug_tracker())
            .clock(self.clock.clone())
            .first_id(first_id)
            .capabilities(|can| can.write_batch = 200)
            .build();
        self.register(name, fake).await
    }

    pub(crate) async fn register(&mut self, name: &str, fake: Arc<FakeConnector>) -> usize {
        let schema = fake.schema().clone();
        let row = connector_row(name);
        let tracker = self
            .store
            .tx("seed_tracker", move |tx| {
                let id = tx.insert_connector(&row)?;
                let mut types = BTreeMap::new();
                let mut fields = BTreeMap::new();
                let mut statuses = BTreeMap::new();
                for kind in &schema.types {
                    let type_id = tx.insert_type(&TypeRow {
                        id: TypeId(0),
                        connector_id: id,
                        type_name: kind.name.clone(),
                        type_ref: kind.reference.clone(),
                        enabled_for_sync: true,
                        metadata: json!({}),
                        created_at: row.created_at,
                        gone_at: None,
                    })?;
                    types.insert(kind.reference.clone(), type_id);
                    let rows: Vec<FieldRow> = kind
                        .fields
                        .iter()
                        .map(|schema| FieldRow {
                            id: FieldId(0),
                            type_id,
                            schema: schema.clone(),
                            enabled_for_sync: true,
                            suggestion_score: 0,
                            gone_at: None,
                        })
                        .collect();
                    for (row, id) in rows.iter().zip(tx.insert_fields(&rows)?) {
                        fields.insert((kind.reference.clone(), row.schema.reference.clone()), id);
                    }
                    let rows: Vec<StatusRow> = kind
                        .statuses
                        .iter()
                        .enumerate()
                        .map(|(at, schema)| StatusRow {
                            id: StatusId(0),
                            type_id,
                            schema: schema.clone(),
                            sort_order: i32::try_from(at).unwrap(),
                            enabled_for_sync: true,
                            gone_at: None,
                        })
                        .collect();
                    for (row, id) in rows.iter().zip(tx.insert_statuses(&rows)?) {
                        statuses.insert((kind.reference.clone(), row.schema.value.clone()), id);
                    }
                }
                Ok((id, types, fields, statuses))
            })
            .await
            .unwrap();
        let (id, types, fields, statuses) = tracker;
        self.trackers.push(Tracker { fake, id, types, fields, statuses });
        self.trackers.len() - 1
    }

    /// A one-way configuration of bugs with direct rules for all shared fields and equal statuses.
    pub(crate) async fn join(&mut self, from: usize, to: usize) -> ConfigId {
        self.join_fields(from, to, FIELDS, |_| {}).await
    }

    /// As [`World::join`], with these fields only and a change to the configuration's row.
    pub(crate) async fn join_fields(
        &mut self,
        from: usize,
        to: usize,
        fields: &[&str],
        change: impl FnOnce(&mut SyncConfig),
    ) -> ConfigId {
        let (source, target) = (&self.trackers[from], &self.trackers[to]);
        let mut row = config_row(&format!("{from} to {to}"), source.id, target.id);
        change(&mut row);
        let types = (source.types["bug"], target.types["bug"]);
        let of =
            |tracker: &Tracker, field: &str| tracker.fields[&("bug".to_owned(), field.to_owned())];
        let rules: Vec<(FieldId, FieldId)> =
            fields.iter().map(|field| (of(source, field), of(target, field))).collect();
        let statuses: Vec<(StatusId, StatusId)> = source
            .statuses
            .iter()
            .filter(|((kind, _), _)| kind == "bug")
            .map(|(key, id)| (*id, target.statuses[key]))
            .collect();
        self.store
            .tx("seed_config", move |tx| {
                let config_id = tx.insert_config(&row)?;
                let mapping = tx.insert_type_mapping(&TypeMapping {
                    id: 0.into(),
                    config_id,
                    source_type_id: types.0,
                    target_type_id: types.1,
                })?;
                for (source, target) in &rules {
                    let rule: FieldMapping = field_mapping(config_id, mapping, *source, *target);
                    tx.insert_field_mapping(&rule)?;
                }
                for (source, target) in &statuses {
                    tx.insert_status_mapping(&StatusMapping {
                        id: 0.into(),
                        config_id,
                        type_mapping_id: mapping,
                        source_status_id: *source,
                        target_status_id: *target,
                    })?;
                }
                Ok(config_id)
            })
            .await
            .unwrap()
    }

    pub(crate) fn fake(&self, at: usize) -> Arc<FakeConnector> {
        Arc::clone(&self.trackers[at].fake)
    }

    pub(crate) fn engine(&self) -> Engine {
        self.engine_with(Arc::new(NoFaultPoints))
    }

    pub(crate) fn engine_with(&self, faults: Arc<dyn FaultPoints>) -> Engine {
        Engine::new(EngineParts {
            store: Arc::clone(&self.store),
            clock: Arc::new(self.clock.clone()),
            ids: self.ids.clone(),
            events: self.events.clone(),
            faults,
            ending: Arc::clone(&self.ending),
            holder: self.holder.clone(),
        })
    }

    /// A run of everything that changed, a second later.
    pub(crate) async fn run(&self, config: ConfigId) -> Execution {
        self.run_with(RunRequest::of(config)).await
    }

    pub(crate) async fn run_with(&self, request: RunRequest) -> Execution {
        self.run_by(&self.engine(), request).await
    }

    pub(crate) async fn run_by(&self, engine: &Engine, request: RunRequest) -> Execution {
        self.clock.advance(Duration::from_secs(1));
        let started = engine.start(request).await.unwrap();
        let (source, target) = self.ends(started.spec().config.id).await;
        let report = engine.drive(started, source, target).await;
        self.clock.advance(Duration::from_secs(1));
        report
    }

    pub(crate) async fn run_way(&self, config: ConfigId, direction: RunDirection) -> Execution {
        let direction = Some(direction);
        self.run_with(RunRequest { direction, ..RunRequest::of(config) }).await
    }

    pub(crate) async fn ends(&self, config: ConfigId) -> (Arc<FakeConnector>, Arc<FakeConnector>) {
        let row = self.config(config).await;
        let find = |side: Side| {
            let id = row.connector(side);
            let tracker = self.trackers.iter().find(|tracker| tracker.id == id).unwrap();
            Arc::clone(&tracker.fake)
        };
        (find(Side::Source), find(Side::Target))
    }

    pub(crate) async fn config(&self, id: ConfigId) -> SyncConfig {
        self.store.view("config", move |tx| tx.config(id)).await.unwrap().unwrap()
    }

    pub(crate) async fn change_config(&self, id: ConfigId, change: impl FnOnce(&mut SyncConfig)) {
        let mut row = self.config(id).await;
        change(&mut row);
        self.store.tx("change_config", move |tx| tx.update_config(&row)).await.unwrap();
    }

    pub(crate) async fn pairs(&self, config: ConfigId) -> Vec<Pair> {
        self.store.view("pairs", move |tx| tx.pairs(config, None, 0, 100_000)).await.unwrap()
    }

    pub(crate) async fn copy_of(&self, config: ConfigId, source: &ItemId) -> ItemId {
        let pairs = self.pairs(config).await;
        let pair = pairs.iter().find(|pair| pair.source_item_id == *source).expect("no pair");
        pair.target_item_id.clone().unwrap()
    }

    pub(crate) async fn outcomes(&self, run: &Execution) -> Vec<ItemOutcome> {
        let id = run.id;
        let filter = syncline_domain::ports::OutcomeFilter::default();
        self.store.view("outcomes", move |tx| tx.outcomes(id, &filter, 100_000)).await.unwrap()
    }

    /// Asserts that each source item has exactly one copy with equal values, and that nothing else is there.
    pub(crate) async fn assert_in_step(&self, config: ConfigId, fields: &[&str]) {
        let (source, target) = self.ends(config).await;
        let pairs = self.pairs(config).await;
        let (left, right) = (source.items(), target.items());
        assert_eq!(left.len(), pairs.len(), "every source item has a pair");
        assert_eq!(right.len(), pairs.len(), "every copy has a pair: no duplicates");
        for pair in pairs {
            let item = source.item(&pair.source_item_id).unwrap();
            let copy = target.item(&pair.target_item_id.unwrap()).unwrap();
            for field in fields {
                let kind = &source.schema().types[0].fields;
                let kind = kind.iter().find(|schema| schema.reference == *field).unwrap();
                let (left, right) = (value(&item, field), value(&copy, field));
                assert!(
                    syncline_domain::same(&left, &right, kind.field_type),
                    "{field} of {}: {left} and {right}",
                    item.id
                );
            }
            assert_eq!(item.status, copy.status, "status of {}", item.id);
        }
    }
}

pub(crate) fn value(item: &Item, field: &str) -> Value {
    item.fields.get(&field.into()).cloned().unwrap_or(Value::Null)
}

/// Makes `count` bugs with lifelike values.
pub(crate) fn seed_bugs(fake: &FakeConnector, count: usize) -> Vec<ItemId> {
    (0..count)
        .map(|n| {
            fake.create_in_status(
                "ada",
                "bug",
                json!({
                    "title": format!("Bug {n}: ümlaut & <tags>"),
                    "description": format!("<p>What happens in case {n}</p>"),
                    "priority": (["Low", "Normal", "High"][n % 3]),
                    "estimate": n % 5,
                    "progress": n % 2,
                    "due": "2026-03-01T12:00:00.000Z",
                    "assignee": {"email": "bob@example.test"},
                    "tags": ["one", format!("t{n}")],
                    "blocked": n % 2 == 0,
                }),
                Some(["New", "Active", "Closed"][n % 3]),
            )
        })
        .collect()
}

/// Two trackers, a two-way configuration of all shared fields, and one pair of items.
pub(crate) async fn two_way(
    resolution: syncline_domain::ConflictResolution,
) -> (World, ConfigId, ItemId, ItemId) {
    let mut world = World::new();
    world.tracker("a", 1).await;
    world.tracker("b", 5_001).await;
    let config = world
        .join_fields(0, 1, FIELDS, |config| {
            config.direction = syncline_domain::Direction::Bidirectional;
            config.conflict_resolution = resolution;
        })
        .await;
    let id = seed_bugs(&world.fake(0), 1).remove(0);
    world.run(config).await;
    let copy = world.copy_of(config, &id).await;
    (world, config, id, copy)
}

impl World {
    /// What a field of an item shows.
    pub(crate) fn field(&self, at: usize, id: &ItemId, name: &str) -> Value {
        value(&self.fake(at).item(id).unwrap(), name)
    }

    /// All conflicts, oldest first.
    pub(crate) async fn conflicts(&self, config: ConfigId) -> Vec<syncline_domain::Conflict> {
        let filter = syncline_domain::ports::ConflictFilter {
            config_id: Some(config),
            ..syncline_domain::ports::ConflictFilter::default()
        };
        let mut rows =
            self.store.view("conflicts", move |tx| tx.conflicts(&filter, 0, 10_000)).await.unwrap();
        rows.reverse();
        rows
    }

    /// The decisions about a conflict, oldest first.
    pub(crate) async fn decisions(
        &self,
        conflict: syncline_domain::ConflictId,
    ) -> Vec<syncline_domain::Resolution> {
        self.store.view("decisions", move |tx| tx.resolutions(conflict)).await.unwrap()
    }

    /// Stores a decision.
    pub(crate) async fn decide(
        &self,
        conflict: syncline_domain::ConflictId,
        choice: syncline_domain::ResolutionChoice,
        value: Value,
    ) -> syncline_domain::ResolutionId {
        let row = syncline_domain::Resolution {
            id: 0.into(),
            conflict_id: conflict,
            choice,
            value,
            strategy: None,
            rationale: "looked at both".to_owned(),
            resolved_by: "anna".to_owned(),
            decided_at: syncline_domain::ports::Clock::now(&self.clock),
            applied_at: None,
            error: None,
        };
        self.store.tx("decide", move |tx| tx.insert_resolution(&row)).await.unwrap()
    }

    /// Runs until nothing happens any more, and asserts that then nothing does for ten runs.
    pub(crate) async fn rest(&self, config: ConfigId) {
        for _ in 0..4 {
            self.run(config).await;
        }
        for at in 0..self.trackers.len() {
            self.fake(at).clear_logs();
        }
        for _ in 0..10 {
            self.run(config).await;
        }
        for at in 0..self.trackers.len() {
            assert_eq!(self.fake(at).own_effects(), [], "nothing is written at rest: {at}");
        }
    }
}
