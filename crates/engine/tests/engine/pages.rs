//! Several pages of a walk in work at once: what holds for one page holds for them, and cursors move in order.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::common::{FIELDS, World, seed_bugs};
use serde_json::json;
use syncline_domain::ports::{ConnectorError, ErrorKind};
use syncline_domain::{ConfigId, ExecutionStatus, ItemId};
use syncline_engine::{RunRequest, fault_points};
use syncline_testkit::{
    EffectOp, FaultyStore, MemStore, Method, Moment, Planned, ScriptedFaultPoints,
};

/// Items of a page, and of a write.
const PAGE: usize = 2;
/// Items in all.
const ITEMS: usize = 11;

async fn scene_over(mut world: World) -> (World, ConfigId, Vec<ItemId>) {
    world.tracker("a", 1).await;
    world.tracker("b", 5_001).await;
    world.fake(0).set_capabilities(|can| can.fetch_batch = PAGE);
    world.fake(1).set_capabilities(|can| can.write_batch = PAGE);
    let config = world.join_fields(0, 1, FIELDS, |row| row.options.concurrency = 4).await;
    let mut ids = Vec::new();
    for _ in 0..ITEMS {
        ids.extend(seed_bugs(&world.fake(0), 1));
        world.clock.advance(Duration::from_secs(1));
    }
    (world, config, ids)
}

async fn scene() -> (World, ConfigId, Vec<ItemId>) {
    scene_over(World::new()).await
}

async fn assert_whole(world: &World, config: ConfigId, what: &str) {
    world.assert_in_step(config, FIELDS).await;
    let made = world.fake(1).own_effects().iter().filter(|one| one.op == EffectOp::Create).count();
    assert_eq!(made, world.fake(0).items().len(), "creates after {what}");
}

#[tokio::test]
async fn as_many_pages_are_in_work_as_calls_may_be_in_flight() {
    for (concurrency, wanted) in [(1, 1), (2, 2), (4, 4), (32, 6)] {
        let (world, config, _) = scene().await;
        world.change_config(config, |row| row.options.concurrency = concurrency).await;
        let latency = Duration::from_secs(1);
        let _ = world.clock.clone().auto_advance();
        world.fake(1).set_latency(latency);
        let run = world.run(config).await;
        assert_eq!(run.totals.created, u64::try_from(ITEMS).unwrap());
        let calls = world.fake(1).requests();
        let sent: Vec<_> =
            calls.iter().filter(|call| call.method == Method::Apply).map(|call| call.at).collect();
        assert_eq!(sent.len(), ITEMS.div_ceil(PAGE));
        let most = sent
            .iter()
            .map(|at| sent.iter().filter(|one| **one >= *at && **one < at.after(latency)).count())
            .max();
        assert_eq!(most, Some(wanted), "writes in flight of {concurrency}: {sent:?}");
        assert_whole(&world, config, "a run").await;
    }
}

#[tokio::test]
async fn a_crash_at_any_point_leaves_no_duplicate_and_no_gap() {
    let mut passed = BTreeSet::new();
    for point in fault_points::ALL {
        for nth in 1..=7 {
            let (world, config, _) = scene().await;
            let faults = Arc::new(ScriptedFaultPoints::crash_at(point, nth));
            let died = world.run_by(&world.engine_with(faults), RunRequest::of(config)).await;
            if died.status == ExecutionStatus::Running {
                passed.insert((*point, nth));
            }
            let next = world.run(config).await;
            assert_eq!(next.status, ExecutionStatus::Completed, "{point} {nth}: {:?}", next.error);
            assert_whole(&world, config, &format!("a crash at {point} {nth}")).await;
            assert_eq!(world.run(config).await.totals.synced(), 0, "{point} {nth}");
        }
    }
    for point in ["page.read", "write.before_call", "write.after_call", "page.after_commit"] {
        assert!(passed.contains(&(point, 6)), "six pages came to {point}");
    }
}

#[tokio::test]
async fn a_store_that_fails_at_any_transaction_costs_nothing_but_the_run() {
    for name in ["page_known", "put_intents", "record_writes", "commit_page", "first_cursor"] {
        for (nth, moment) in [
            (1, Moment::BeforeCommit),
            (1, Moment::AfterCommit),
            (3, Moment::BeforeCommit),
            (3, Moment::AfterCommit),
        ] {
            let store = Arc::new(FaultyStore::new(Arc::new(MemStore::new())));
            let (world, config, _) = scene_over(World::over(store.clone())).await;
            store.fail(name, nth, moment);
            let run = world.run(config).await;
            assert_ne!(run.status, ExecutionStatus::Running, "{name}");
            world.clock.advance(Duration::from_secs(120));
            // Where the fault was not reached it must not spoil the next run.
            let mut next = world.run(config).await;
            if next.status == ExecutionStatus::Failed {
                next = world.run(config).await;
            }
            assert_eq!(next.status, ExecutionStatus::Completed, "{name}: {:?}", next.error);
            assert_whole(&world, config, &format!("{name} {nth} {moment:?}")).await;
        }
    }
}

#[tokio::test]
async fn a_tracker_at_fault_stops_all_pages_and_the_cursor_stays_in_front_of_the_first() {
    for nth in 1..=4 {
        let (world, config, _) = scene().await;
        let away = ConnectorError::new(ErrorKind::Unavailable, "as planned");
        world.fake(1).plan(Method::Apply, nth, Planned::Before(away));
        let run = world.run(config).await;
        assert_eq!(run.status, ExecutionStatus::Failed);
        assert!(run.totals.waiting >= 2 && run.totals.failed == 0, "{:?}", run.totals);
        let outcomes = world.outcomes(&run).await;
        assert_eq!(u64::try_from(outcomes.len()).unwrap(), run.totals.total());
        let items: BTreeSet<_> = outcomes.iter().map(|one| one.source_id.clone()).collect();
        assert_eq!(items.len(), outcomes.len(), "each item left the run once");
        let next = world.run(config).await;
        assert_eq!(next.status, ExecutionStatus::Completed, "{:?}", next.error);
        assert_whole(&world, config, "a tracker at fault").await;
    }
}

#[tokio::test]
async fn an_item_that_two_pages_name_gets_one_copy() {
    let (world, config, ids) = scene().await;
    for (call, id) in [(2, &ids[0]), (3, &ids[3]), (4, &ids[5])] {
        let id = id.clone();
        world.fake(0).plan(
            Method::Changes,
            call,
            Planned::Meanwhile(Box::new(move |fake| {
                fake.edit_as("ada", &id, json!({"title": "Edited while it was walked"}));
            })),
        );
    }
    let run = world.run(config).await;
    assert_eq!(run.totals.created, u64::try_from(ITEMS).unwrap(), "{:?}", run.totals);
    world.run(config).await;
    assert_whole(&world, config, "edits during the walk").await;
}

#[tokio::test]
async fn a_limit_of_writes_holds_over_all_pages() {
    let (world, config, _) = scene().await;
    world.change_config(config, |row| row.options.max_writes_per_run = Some(5)).await;
    let run = world.run(config).await;
    assert_eq!(run.status, ExecutionStatus::Failed);
    assert_eq!(run.totals.created, 5);
    assert_eq!(world.fake(1).items().len(), 5);
}

#[tokio::test]
async fn a_cancelled_run_records_what_its_pages_did() {
    let (world, config, _) = scene().await;
    let store = Arc::clone(&world.store);
    world.fake(1).plan(
        Method::Apply,
        2,
        Planned::Meanwhile(Box::new(move |_| {
            let asked = syncline_domain::ports::StoreExt::tx(store.as_ref(), "cancel", |tx| {
                tx.request_cancel(1.into())
            });
            assert!(futures_util::FutureExt::now_or_never(asked).unwrap().unwrap());
        })),
    );
    let run = world.run(config).await;
    assert_eq!(run.status, ExecutionStatus::Cancelled);
    let made = u64::try_from(world.fake(1).items().len()).unwrap();
    assert_eq!(run.totals.created, made, "{:?}", run.totals);
    assert!(made < u64::try_from(ITEMS).unwrap());
    let next = world.run(config).await;
    assert_eq!(next.status, ExecutionStatus::Completed);
    assert_whole(&world, config, "a cancelled run").await;
}
