//! The store fails, before or after its commit, at every transaction of a run; and whole histories of faults.

use std::sync::Arc;
use std::time::Duration;

use crate::common::{FIELDS, World, seed_bugs};
use proptest::prelude::*;
use serde_json::json;
use syncline_domain::ports::{ConnectorError, ErrorKind};
use syncline_domain::{ConfigId, ExecutionStatus};
use syncline_engine::{RunRequest, fault_points};
use syncline_testkit::{
    EffectOp, FaultyStore, MemStore, Method, Moment, Planned, ScriptedFaultPoints,
};

async fn scene() -> (World, Arc<FaultyStore>, ConfigId) {
    let store = Arc::new(FaultyStore::new(Arc::new(MemStore::new())));
    let mut world = World::over(store.clone());
    world.tracker("a", 1).await;
    world.tracker("b", 5_001).await;
    let config = world.join_fields(0, 1, FIELDS, |row| row.options.sync_comments = true).await;
    let ids = seed_bugs(&world.fake(0), 3);
    world.run(config).await;
    seed_bugs(&world.fake(0), 2);
    world.fake(0).edit_as("ada", &ids[1], json!({"title": "Edited"}));
    world.fake(0).comment_as("ada", &ids[0], "First");
    (world, store, config)
}

#[tokio::test]
async fn a_store_that_fails_at_any_transaction_costs_nothing_but_the_run() {
    let names = {
        let (world, store, config) = scene().await;
        let before = store.log().len();
        world.run(config).await;
        let mut names = store.log().split_off(before);
        names.retain(|name| !["start_run", "config", "pairs"].contains(name));
        names.sort_unstable();
        names.dedup();
        names
    };
    assert!(names.contains(&"put_intents") && names.contains(&"commit_page"), "{names:?}");
    for name in names {
        for moment in [Moment::BeforeCommit, Moment::AfterCommit] {
            let (world, store, config) = scene().await;
            store.fail(name, 1, moment);
            let run = world.run(config).await;
            assert_ne!(run.status, ExecutionStatus::Running, "{name}");
            world.clock.advance(Duration::from_secs(120));
            let next = world.run(config).await;
            assert_eq!(next.status, ExecutionStatus::Completed, "{name}: {:?}", next.error);
            world.assert_in_step(config, FIELDS).await;
            let effects = world.fake(1).own_effects();
            let count = |op| effects.iter().filter(|one| one.op == op).count();
            assert_eq!(count(EffectOp::Create), 5, "{name} {moment:?}");
            assert_eq!(count(EffectOp::Comment), 1, "{name} {moment:?}");
            assert_eq!(world.run(config).await.totals.synced(), 0, "{name}");
        }
    }
}

/// Something that happens between two runs, or in one.
#[derive(Clone, Debug)]
enum Step {
    Create,
    Edit(usize, u8),
    EditCopy(usize),
    Lost(Method, u64),
    Refused(ErrorKind, u64),
    Crash(usize, u64),
    Run,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Create),
        3 => (0..20_usize, any::<u8>()).prop_map(|(at, to)| Step::Edit(at, to)),
        1 => (0..20_usize).prop_map(Step::EditCopy),
        1 => (0..3_u64).prop_map(|n| Step::Lost(Method::Create, n + 1)),
        1 => (0..2_u64).prop_map(|n| Step::Lost(Method::Apply, n + 1)),
        1 => (0..3_u64).prop_map(|n| Step::Lost(Method::Update, n + 1)),
        1 => (0..3_u64).prop_map(|n| Step::Refused(ErrorKind::Unavailable, n + 1)),
        1 => (0..3_u64).prop_map(|n| Step::Refused(ErrorKind::Invalid, n + 1)),
        2 => (0..fault_points::ALL.len(), 1..4_u64).prop_map(|(at, n)| Step::Crash(at, n)),
        4 => Just(Step::Run),
    ];
    proptest::collection::vec(step, 1..40)
}

async fn live(steps: Vec<Step>, page: usize, write_batch: usize, coarse: bool) {
    let (world, config) = World::pair().await;
    world.fake(0).set_capabilities(|can| can.fetch_batch = page);
    world.fake(1).set_capabilities(|can| can.write_batch = write_batch);
    if coarse {
        // A tracker with whole seconds, no check of revisions, and its own idea of every text.
        world.fake(1).set_quirks(syncline_testkit::Quirks::all());
        world.fake(1).set_capabilities(|can| {
            can.version_check = false;
            can.time_step = Duration::from_secs(1);
        });
    }
    for step in steps {
        world.clock.advance(Duration::from_secs(70));
        take(&world, config, step).await;
    }
    world.fake(1).clear_plans();
    for _ in 0..4 {
        world.clock.advance(Duration::from_secs(25 * 3_600));
        let run = world.run(config).await;
        let outcomes = world.outcomes(&run).await;
        assert_eq!(u64::try_from(outcomes.len()).unwrap(), run.totals.total());
        assert_eq!(run.status, ExecutionStatus::Completed, "{:?} {outcomes:?}", run.error);
    }
    let source = world.fake(0).items().len();
    assert_eq!(world.pairs(config).await.len(), source, "each source item has its pair");
    assert_eq!(world.fake(1).items().len(), source, "and one copy");
    world.fake(1).clear_logs();
    for item in world.fake(0).items() {
        world.fake(0).edit_as(
            "ada",
            &item.id,
            json!({"title": format!("Last of {}", item.id), "progress": 100}),
        );
    }
    world.run(config).await;
    world.assert_in_step(config, &["title", "progress"]).await;
    assert_eq!(world.run(config).await.totals.synced(), 0);
}

async fn take(world: &World, config: ConfigId, step: Step) {
    let lost = || ConnectorError::new(ErrorKind::Ambiguous, "the answer was lost");
    let nth = |of: &syncline_testkit::FakeConnector, at: usize| {
        let items = of.items();
        (!items.is_empty()).then(|| items[at % items.len()].id.clone())
    };
    match step {
        Step::Create => {
            let count = world.fake(0).items().len();
            // Some are alike on purpose.
            let fields = json!({
                "title": format!("Item {}", count % 3),
                "description": format!("<P>Text {}</P>\n ", count % 2),
                "progress": count % 2,
            });
            world.fake(0).create_as("ada", "bug", fields);
        }
        Step::Edit(at, to) => {
            if let Some(id) = nth(&world.fake(0), at) {
                world.fake(0).edit_as("ada", &id, json!({"title": format!("Edit {to}")}));
            }
        }
        Step::EditCopy(at) => {
            if let Some(id) = nth(&world.fake(1), at) {
                world.fake(1).edit_as("bob", &id, json!({"estimate": 3}));
            }
        }
        Step::Lost(method, n) => world.fake(1).plan(method, n, Planned::After(lost())),
        Step::Refused(kind, n) => {
            let error = ConnectorError::new(kind, "as planned");
            world.fake(1).plan(Method::Apply, n, Planned::Before(error));
        }
        Step::Crash(at, n) => {
            let faults = ScriptedFaultPoints::crash_at(fault_points::ALL[at], n);
            world.run_by(&world.engine_with(Arc::new(faults)), RunRequest::of(config)).await;
        }
        Step::Run => {
            world.run(config).await;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_of_faults_ends_with_one_copy_each_and_counts_that_add_up(
        steps in steps(),
        page in prop_oneof![Just(2_usize), Just(200)],
        write_batch in prop_oneof![Just(1_usize), Just(2), Just(200)],
        coarse in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(live(steps, page, write_batch, coarse));
    }
}
