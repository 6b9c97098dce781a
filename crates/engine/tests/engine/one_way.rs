//! One-way runs: creates, updates, and above all what is not written.

use crate::common::{FIELDS, World, seed_bugs, value};
use serde_json::{Value, json};
use syncline_domain::{ExecutionStatus, ItemState};

#[tokio::test]
async fn a_first_run_copies_everything_and_a_second_writes_nothing() {
    let (world, config) = World::pair().await;
    seed_bugs(&world.fake(0), 50);
    let first = world.run(config).await;
    assert_eq!(first.status, ExecutionStatus::Completed, "{:?}", first.error);
    assert_eq!(first.totals.created, 50);
    assert_eq!(first.totals.total(), 50);
    world.assert_in_step(config, FIELDS).await;

    world.fake(1).clear_logs();
    let second = world.run(config).await;
    assert_eq!(second.totals.created + second.totals.updated, 0);
    assert!(world.fake(1).requests().is_empty(), "{:?}", world.fake(1).requests());
}

#[tokio::test]
async fn one_edit_and_ten_idle_runs_are_one_write() {
    let (world, config) = World::pair().await;
    let ids = seed_bugs(&world.fake(0), 5);
    world.run(config).await;
    world.fake(1).clear_logs();
    world.fake(0).edit_as("ada", &ids[2], json!({"title": "Edited"}));
    let run = world.run(config).await;
    assert_eq!(run.totals.updated, 1);
    for _ in 0..10 {
        let idle = world.run(config).await;
        assert_eq!(idle.totals.synced(), 0);
        assert_eq!(idle.status, ExecutionStatus::Completed);
    }
    let writes = world.fake(1).own_effects();
    assert_eq!(writes.len(), 1);
    assert_eq!(writes[0].fields.keys().map(|f| f.as_str()).collect::<Vec<_>>(), ["title"]);
}

#[tokio::test]
async fn zero_false_and_emptiness_travel() {
    let (world, config) = World::pair().await;
    let fake = world.fake(0);
    let id = fake.create_as(
        "ada",
        "bug",
        json!({"title": "x", "progress": 3, "estimate": 2.5, "blocked": true, "priority": "High"}),
    );
    world.run(config).await;
    fake.edit_as(
        "ada",
        &id,
        json!({"progress": 0, "estimate": 0, "blocked": false, "priority": null}),
    );
    let run = world.run(config).await;
    assert_eq!(run.totals.updated, 1);
    let copy = world.fake(1).item(&world.copy_of(config, &id).await).unwrap();
    assert_eq!(value(&copy, "progress"), json!(0));
    assert_eq!(value(&copy, "estimate"), json!(0));
    assert_eq!(value(&copy, "blocked"), json!(false));
    assert_eq!(value(&copy, "priority"), Value::Null);
}

#[tokio::test]
async fn every_item_has_one_outcome_and_the_counts_add_up() {
    let (world, config) = World::pair().await;
    seed_bugs(&world.fake(0), 7);
    world.fake(0).create_as("ada", "task", json!({"title": "no bug"}));
    let run = world.run(config).await;
    let outcomes = world.outcomes(&run).await;
    assert_eq!(u64::try_from(outcomes.len()).unwrap(), run.totals.total());
    assert!(outcomes.iter().all(|outcome| outcome.state == ItemState::Created));
    assert!(outcomes.iter().all(|outcome| outcome.target_id.is_some()));
}
