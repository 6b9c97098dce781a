//! Conflicts are told once, wherever the process of the run that found them dies.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use syncline_domain::ports::{Clock as _, FaultPoints, NoEvents, OutboxFilter, StoreExt as _};
use syncline_domain::{
    ChannelKind, ConfigId, ConflictResolution, NotificationEvent, NotificationId,
    NotificationSetting, OutboxMessage, StoredRecipient,
};
use syncline_engine::{Engine, EngineParts, RunRequest, fault_points};
use syncline_notifier::Herald;
use syncline_testkit::{
    ConfigPlan, FakeConnector, ManualClock, ScriptedFaultPoints, SeqIds, World,
};

struct Scene {
    world: World,
    config: ConfigId,
    ids: Arc<SeqIds>,
}

/// Two pairs in step, somebody who wants to know, and then: one pair clashes in a field, of the other one side is
/// deleted and one edited.
async fn scene() -> Scene {
    let clock = ManualClock::new();
    let mut world = World::new(clock.clone());
    let mut sides = Vec::new();
    for (name, first) in [("a", 1), ("b", 1_001)] {
        let fake = FakeConnector::builder(name, syncline_testkit::bug_tracker())
            .clock(clock.clone())
            .first_id(first)
            .capabilities(|can| can.delete = true)
            .build();
        sides.push(world.add(name, fake).await);
    }
    let plan = ConfigPlan::new("a to b", sides[0], sides[1])
        .types("bug", "bug")
        .field("title", "title")
        .bidirectional()
        .config(|config| config.conflict_resolution = ConflictResolution::Manual)
        .options(|options| {
            options.source_delete_policy = syncline_domain::DeletePolicy::Delete;
        });
    let config = world.configure(plan).await;
    let now = clock.now();
    world
        .tx(move |tx| {
            tx.insert_notification(&NotificationSetting {
                id: NotificationId(0),
                config_id: None,
                channel: ChannelKind::Email,
                events: vec![NotificationEvent::ConflictDetected, NotificationEvent::SyncFailed],
                recipients: vec![StoredRecipient {
                    hash: "team".to_owned(),
                    shown: "team@example.test".to_owned(),
                    sealed: None,
                }],
                settings: json!({}),
                sealed_secret: None,
                is_active: true,
                failing_since: None,
                disabled_reason: None,
                created_at: now,
                updated_at: now,
            })
        })
        .await;
    let scene = Scene { world, config, ids: Arc::new(SeqIds::new()) };
    let first = scene.world.source().create_as("ada", "bug", json!({"title": "First"}));
    let second = scene.world.source().create_as("ada", "bug", json!({"title": "Second"}));
    scene.run(Arc::new(syncline_domain::ports::NoFaultPoints)).await;
    let pairs = scene.world.pairs(config).await;
    let copy = |of: &syncline_domain::ItemId| {
        let pair = pairs.iter().find(|pair| pair.source_item_id == *of).unwrap();
        pair.target_item_id.clone().unwrap()
    };
    scene.world.source().edit_as("ada", &first, json!({"title": "S"}));
    scene.world.target().edit_as("bob", &copy(&first), json!({"title": "T"}));
    scene.world.source().delete_as("ada", &second);
    scene.world.target().edit_as("bob", &copy(&second), json!({"title": "Still needed"}));
    scene
}

impl Scene {
    async fn run(&self, faults: Arc<dyn FaultPoints>) {
        let engine = Engine::new(EngineParts {
            store: self.world.store(),
            clock: Arc::new(self.world.clock().clone()),
            ids: self.ids.clone(),
            events: Arc::new(NoEvents),
            faults,
            ending: Arc::new(Herald),
            holder: "process".to_owned(),
        });
        self.world.clock().advance(Duration::from_secs(120));
        engine.close_orphans().await.unwrap();
        let run = engine.start(RunRequest::of(self.config)).await.unwrap();
        let (source, target) = self.world.ends(self.config).await;
        engine.drive(run, source, target).await;
    }

    async fn outbox(&self) -> Vec<OutboxMessage> {
        let all = OutboxFilter::default();
        self.world.store().view("outbox", move |tx| tx.outbox(&all, 1_000)).await.unwrap()
    }
}

#[tokio::test]
async fn each_conflict_is_told_once_wherever_the_run_dies() {
    for point in fault_points::ALL {
        for nth in [1, 2] {
            let scene = scene().await;
            scene.run(Arc::new(ScriptedFaultPoints::crash_at(point, nth))).await;
            for _ in 0..3 {
                scene.run(Arc::new(syncline_domain::ports::NoFaultPoints)).await;
            }
            let mut told: BTreeMap<String, usize> = BTreeMap::new();
            for message in scene.outbox().await {
                *told.entry(message.event_key).or_default() += 1;
            }
            assert!(told.values().all(|times| *times == 1), "{point} {nth}: {told:?}");
            let conflicts = told.keys().filter(|key| key.starts_with("conflict/")).count();
            assert_eq!(conflicts, 2, "{point} {nth}: {told:?}");
            let failures = told.keys().filter(|key| key.ends_with("/sync_failed")).count();
            let died = scene.world.runs(scene.config).await;
            let died = died.iter().filter(|run| run.error.is_some()).count();
            assert_eq!(failures, died, "{point} {nth}: a run that died is told as failed");
        }
    }
}

#[tokio::test]
async fn a_deletion_against_an_edit_is_told_in_words() {
    let scene = scene().await;
    scene.run(Arc::new(syncline_domain::ports::NoFaultPoints)).await;
    let told: Vec<Value> = scene.outbox().await.into_iter().map(|one| one.message).collect();
    let about = |text: &str| told.iter().any(|one| one.to_string().contains(text));
    assert!(about("(deleted)") && about("title: Still needed"), "{told:?}");
}
