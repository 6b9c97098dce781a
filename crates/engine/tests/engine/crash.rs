//! The process dies at every named point: the next run leaves no duplicate and no gap.

use std::sync::Arc;

use crate::common::{FIELDS, World, seed_bugs};
use serde_json::json;
use syncline_domain::ports::{ConnectorError, ErrorKind};
use syncline_domain::{ConfigId, ExecutionStatus, ItemState};
use syncline_engine::{RunRequest, fault_points};
use syncline_testkit::{EffectOp, Method, Planned, ScriptedFaultPoints};

/// A world with five items, of which three were copied, one of those commented since, one edited and commented, and a
/// new one commented.
async fn scene(write_batch: usize) -> (World, ConfigId) {
    let mut world = World::new();
    world.tracker("a", 1).await;
    world.tracker("b", 5_001).await;
    world.fake(1).set_capabilities(|can| can.write_batch = write_batch);
    let config =
        world.join_fields(0, 1, FIELDS, |config| config.options.sync_comments = true).await;
    let ids = seed_bugs(&world.fake(0), 3);
    world.run(config).await;
    let new = seed_bugs(&world.fake(0), 2);
    world.fake(0).edit_as("ada", &ids[1], json!({"title": "Edited", "progress": 0}));
    world.fake(0).comment_as("ada", &ids[1], "Beside the edit");
    world.fake(0).comment_as("ada", &new[0], "From the start");
    world.fake(0).comment_as("ada", &ids[0], "First");
    world.fake(0).comment_as("bob", &ids[0], "Second");
    (world, config)
}

async fn assert_whole(world: &World, config: ConfigId, point: &str) {
    world.assert_in_step(config, FIELDS).await;
    let fake = world.fake(1);
    let count = |op: EffectOp| fake.own_effects().iter().filter(|one| one.op == op).count();
    assert_eq!(count(EffectOp::Create), 5, "creates after a crash at {point}");
    assert_eq!(count(EffectOp::Comment), 4, "comments after a crash at {point}");
    let open = world.store.view("open", move |tx| tx_open(tx, config)).await.unwrap();
    assert_eq!(open, 0, "open intents after a crash at {point}");
}

fn tx_open(
    tx: &mut dyn syncline_domain::ports::Tx,
    config: ConfigId,
) -> Result<usize, syncline_domain::Fault> {
    Ok(tx.open_intents(config)?.len())
}

use syncline_domain::ports::StoreExt as _;

#[tokio::test]
async fn a_crash_at_any_point_leaves_no_duplicate_and_no_gap() {
    let mut passed = std::collections::BTreeSet::new();
    for write_batch in [1, 200] {
        for point in fault_points::ALL {
            for nth in 1..=4 {
                let (world, config) = scene(write_batch).await;
                let faults = Arc::new(ScriptedFaultPoints::crash_at(point, nth));
                let engine = world.engine_with(faults.clone());
                let died = world.run_by(&engine, RunRequest::of(config)).await;
                if died.status == ExecutionStatus::Running {
                    passed.insert(*point);
                }
                let next = world.run(config).await;
                assert_eq!(next.status, ExecutionStatus::Completed, "{point}: {:?}", next.error);
                assert_whole(&world, config, point).await;
                let rows = world
                    .store
                    .view("runs", move |tx| tx.executions(&Default::default(), 100))
                    .await
                    .unwrap();
                assert!(
                    rows.iter().all(|row| row.status != ExecutionStatus::Running),
                    "no run is left running after {point}"
                );
                let idle = world.run(config).await;
                assert_eq!(idle.totals.synced(), 0, "{point}: the run after is idle");
            }
        }
    }
    let recovery = ["recover.before_commit", "recover.after_commit"];
    for point in fault_points::ALL.iter().filter(|point| !recovery.contains(point)) {
        assert!(passed.contains(point), "no run ever came to {point}");
    }
}

#[tokio::test]
async fn a_crash_during_recovery_is_recovered_from() {
    for point in [fault_points::RECOVER_BEFORE_COMMIT, fault_points::RECOVER_AFTER_COMMIT] {
        let (world, config) = scene(200).await;
        for (at, nth) in [(fault_points::WRITE_AFTER_CALL, 1), (point, 1), (point, 1)] {
            let engine = world.engine_with(Arc::new(ScriptedFaultPoints::crash_at(at, nth)));
            world.run_by(&engine, RunRequest::of(config)).await;
        }
        world.run(config).await;
        assert_whole(&world, config, point).await;
    }
}

fn lost() -> ConnectorError {
    ConnectorError::new(ErrorKind::Ambiguous, "the connection broke before the answer came")
}

#[tokio::test]
async fn three_lost_answers_to_a_create_make_one_copy() {
    let (world, config) = World::pair().await;
    seed_bugs(&world.fake(0), 1);
    for _ in 0..3 {
        world.fake(1).plan(Method::Create, 1, Planned::After(lost()));
        world.run(config).await;
        world.clock.advance(std::time::Duration::from_secs(3_600));
    }
    let last = world.run(config).await;
    assert_eq!(last.status, ExecutionStatus::Completed);
    world.assert_in_step(config, FIELDS).await;
}

#[tokio::test]
async fn a_lost_answer_is_waiting_in_its_run_and_created_in_the_next() {
    let (world, config) = World::pair().await;
    seed_bugs(&world.fake(0), 3);
    world.fake(1).plan(Method::Create, 2, Planned::After(lost()));
    let first = world.run(config).await;
    assert_eq!((first.totals.created, first.totals.waiting), (2, 1));
    assert_eq!(first.totals.total(), 3);
    // The item waits and counts as skipped; but a run that cannot say what it did was no clean one.
    assert_eq!((first.totals.skipped(), first.totals.errors()), (1, 0));
    assert_eq!(first.status, ExecutionStatus::CompletedWithErrors);
    let second = world.run(config).await;
    assert_eq!(second.totals.created, 1);
    let outcome = world.outcomes(&second).await;
    let made = outcome.iter().find(|one| one.state == ItemState::Created).unwrap();
    assert_eq!(made.rule.as_deref(), Some("found after a lost answer"));
    assert_eq!(second.status, ExecutionStatus::Completed);
    world.assert_in_step(config, FIELDS).await;
}

#[tokio::test]
async fn an_item_behind_the_cursor_is_looked_at_once_its_copy_was_found() {
    let (world, config) = World::pair().await;
    let id = seed_bugs(&world.fake(0), 1).remove(0);
    world.clock.advance(std::time::Duration::from_secs(60));
    seed_bugs(&world.fake(0), 1);
    world.fake(1).plan(Method::Create, 1, Planned::After(lost()));
    let first = world.run(config).await;
    assert_eq!((first.totals.created, first.totals.waiting), (1, 1));
    let second = world.run(config).await;
    assert_eq!(second.totals.created, 1, "at once, not when its time has come");
    let outcomes = world.outcomes(&second).await;
    assert!(outcomes.iter().any(|one| one.source_id == Some(id.clone())));
    world.assert_in_step(config, FIELDS).await;
}

#[tokio::test]
async fn nothing_is_made_anew_before_the_search_lag_is_over() {
    let (world, config) = World::pair().await;
    seed_bugs(&world.fake(0), 1);
    world.fake(1).set_capabilities(|can| can.search_lag = std::time::Duration::from_secs(60));
    world.fake(1).plan(Method::Create, 1, Planned::After(lost()));
    world.run(config).await;
    let early = world.run(config).await;
    assert_eq!(early.totals.waiting, 1, "its copy may be there without being found");
    assert_eq!(world.fake(1).items().len(), 1);
    world.clock.advance(std::time::Duration::from_secs(120));
    let late = world.run(config).await;
    assert_eq!(late.totals.created, 1);
    world.assert_in_step(config, FIELDS).await;
}

#[tokio::test]
async fn equal_lost_creates_adopt_equal_items_one_each() {
    let (world, config) = World::pair().await;
    for _ in 0..3 {
        world.fake(0).create_as("ada", "bug", json!({"title": "The same"}));
    }
    world.fake(1).plan(Method::Apply, 1, Planned::After(lost()));
    let first = world.run(config).await;
    assert_eq!(first.totals.waiting, 3);
    let second = world.run(config).await;
    assert_eq!(second.totals.created, 3);
    world.assert_in_step(config, FIELDS).await;
}

#[tokio::test]
async fn more_candidates_than_lost_creates_go_to_a_person() {
    let (world, config) = World::pair().await;
    let id = world.fake(0).create_as("ada", "bug", json!({"title": "The same"}));
    world.fake(1).plan(Method::Create, 1, Planned::After(lost()));
    world.run(config).await;
    // Somebody uses our account at the same time and makes the like.
    let other = world.fake(1).create_as("syncline", "bug", json!({"title": "The same"}));
    let run = world.run(config).await;
    assert_eq!(run.totals.conflicted, 1);
    assert_eq!(world.fake(1).items().len(), 2, "no third one");
    let again = world.run(config).await;
    assert_eq!(again.totals.conflicted, 1, "it stays in sight");

    let (source, target) = world.ends(config).await;
    world.engine().pair_by_hand(config, &id, &other, source, target).await.unwrap();
    let settled = world.run(config).await;
    assert_eq!(settled.totals.conflicted, 0);
    assert_eq!(world.copy_of(config, &id).await, other);
}

#[tokio::test]
async fn a_marker_makes_the_look_up_exact() {
    let mut world = World::new();
    world.tracker("a", 1).await;
    world.tracker("b", 5_001).await;
    let config = world
        .join_fields(0, 1, FIELDS, |config| {
            config.options.external_id_field = Some("external".into());
        })
        .await;
    let id = world.fake(0).create_as("ada", "bug", json!({"title": "The same"}));
    world.fake(1).plan(Method::Create, 1, Planned::After(lost()));
    world.run(config).await;
    world.fake(1).create_as("syncline", "bug", json!({"title": "The same"}));
    let run = world.run(config).await;
    assert_eq!(run.totals.created, 1);
    let copy = world.fake(1).item(&world.copy_of(config, &id).await).unwrap();
    assert!(crate::common::value(&copy, "external").is_string());
}

#[tokio::test]
async fn a_partial_batch_keeps_what_was_good() {
    let (world, config) = World::pair().await;
    seed_bugs(&world.fake(0), 10);
    let refused = ConnectorError::new(ErrorKind::Invalid, "the priority is unknown here");
    world.fake(1).reject_title("Bug 4", refused);
    let run = world.run(config).await;
    assert_eq!((run.totals.created, run.totals.failed), (9, 1));
    assert_eq!(run.status, ExecutionStatus::CompletedWithErrors);
    world.fake(1).clear_plans();
    world.clock.advance(std::time::Duration::from_secs(61));
    let next = world.run(config).await;
    assert_eq!(next.totals.created, 1);
    world.assert_in_step(config, FIELDS).await;
}

#[tokio::test]
async fn a_comment_that_was_refused_is_copied_by_the_next_try() {
    for edited in [false, true] {
        let mut world = World::new();
        world.tracker("a", 1).await;
        world.tracker("b", 5_001).await;
        let config = world.join_fields(0, 1, FIELDS, |row| row.options.sync_comments = true).await;
        let id = seed_bugs(&world.fake(0), 1).remove(0);
        world.run(config).await;
        world.clock.advance(std::time::Duration::from_secs(60));
        if edited {
            world.fake(0).edit_as("ada", &id, json!({"title": "Edited"}));
        }
        world.fake(0).comment_as("ada", &id, "First");
        let away = ConnectorError::new(ErrorKind::Invalid, "not now");
        world.fake(1).plan(Method::AddComment, 1, Planned::Before(away));
        let first = world.run(config).await;
        assert_eq!(first.totals.failed, 1);
        world.clock.advance(std::time::Duration::from_secs(61));
        let next = world.run(config).await;
        assert_eq!(next.status, ExecutionStatus::Completed);
        let copy = world.copy_of(config, &id).await;
        assert_eq!(world.fake(1).comments_of(&copy).len(), 1, "edited: {edited}");
    }
}
