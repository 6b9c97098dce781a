//! The course of runs: leases, cancelling, limits, retries, requests, transactions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::common::{FIELDS, World, seed_bugs, value};
use serde_json::json;
use syncline_domain::ports::{
    BoxFuture, Clock as _, ConnectorError, ErrorKind, RunEnding, RunEvent, Store, StoreExt as _,
    Topic, Tx, TxWork, Wakeup,
};
use syncline_domain::{
    ConfigId, ErrorType, Execution, ExecutionStatus, Fault, ItemError, ItemId, ItemState,
    RunDirection, TargetEdits,
};
use syncline_engine::{Engine, EngineParts, RunRequest, StartError};
use syncline_testkit::{
    FakeConnector, FaultyStore, ManualClock, MemStore, Method, Planned, Quirks, ScriptedFaultPoints,
};

fn calls(fake: &FakeConnector) -> BTreeMap<Method, usize> {
    let mut calls = BTreeMap::new();
    for request in fake.requests() {
        *calls.entry(request.method).or_default() += 1;
    }
    calls
}

#[tokio::test]
async fn no_change_is_one_request_and_k_changes_are_one_and_their_writes() {
    let (world, config) = World::pair().await;
    let mut ids = Vec::new();
    for _ in 0..450 {
        ids.extend(seed_bugs(&world.fake(0), 1));
        world.clock.advance(Duration::from_millis(1));
    }
    world.fake(0).clear_logs();
    world.run(config).await;
    // People are looked up once each; items go in batches of 200.
    assert_eq!(calls(&world.fake(0)), BTreeMap::from([(Method::Changes, 3)]));
    assert_eq!(
        calls(&world.fake(1)),
        BTreeMap::from([(Method::Apply, 3), (Method::ResolveIdentity, 1)])
    );
    for id in ids.iter().take(210) {
        world.clock.advance(Duration::from_millis(1));
        world.fake(0).edit_as("ada", id, json!({"title": format!("Edited {id}")}));
    }
    world.clock.advance(Duration::from_secs(3_600));
    world.fake(0).clear_logs();
    world.fake(1).clear_logs();
    world.run(config).await;
    assert_eq!(calls(&world.fake(0)), BTreeMap::from([(Method::Changes, 2)]));
    // Not even a new process asks for people whom nobody changed.
    assert_eq!(calls(&world.fake(1)), BTreeMap::from([(Method::Apply, 2)]));
    world.fake(0).clear_logs();
    world.fake(1).clear_logs();
    world.run(config).await;
    assert_eq!(calls(&world.fake(0)), BTreeMap::from([(Method::Changes, 1)]));
    assert_eq!(calls(&world.fake(1)), BTreeMap::new());
}

#[tokio::test]
async fn whom_one_run_found_the_next_of_the_same_process_does_not_look_up() {
    let (world, config) = World::pair().await;
    let engine = world.engine();
    let nobody = json!({"title": "x", "assignee": {"email": "no@body.test"}});
    seed_bugs(&world.fake(0), 3);
    world.fake(0).create_as("ada", "bug", nobody.clone());
    world.run_by(&engine, RunRequest::of(config)).await;
    assert_eq!(world.fake(1).count(Method::ResolveIdentity), 2, "bob, and nobody");
    for (minutes, asked) in [(10, 0), (60, 1)] {
        world.clock.advance(Duration::from_secs(minutes * 60));
        seed_bugs(&world.fake(0), 3);
        world.fake(0).create_as("ada", "bug", nobody.clone());
        world.fake(1).clear_logs();
        let next = world.run_by(&engine, RunRequest::of(config)).await;
        assert_eq!(next.totals.created, 4);
        // That somebody is absent is believed for a quarter of an hour.
        assert_eq!(world.fake(1).count(Method::ResolveIdentity), asked, "after {minutes} minutes");
    }
}

#[tokio::test]
async fn a_tracker_that_judges_people_is_not_asked_until_it_refuses_one() {
    for (stand_in, wanted) in [(None, None), (Some("bob@example.test"), Some("u-bob"))] {
        let (world, config) = World::pair().await;
        world.fake(1).set_quirks(Quirks { judges_people: true, ..Quirks::default() });
        let map = syncline_domain::UserMap {
            default: stand_in.map(str::to_owned),
            ..syncline_domain::UserMap::default()
        };
        world.store.tx("map", move |tx| tx.put_user_map(config, &map)).await.unwrap();
        let ids = seed_bugs(&world.fake(0), 20);
        world.run(config).await;
        assert_eq!(calls(&world.fake(1)), BTreeMap::from([(Method::Apply, 1)]));

        world.fake(1).clear_logs();
        let nobody = json!({"title": "x", "assignee": {"email": "no@body.test"}});
        let lost = world.fake(0).create_as("ada", "bug", nobody.clone());
        world.fake(0).create_as("ada", "bug", nobody.clone());
        world.fake(0).edit_as("ada", &ids[0], json!({"assignee": {"email": "no@body.test"}}));
        world.fake(0).edit_as("ada", &ids[1], json!({"assignee": {"email": "eve@example.test"}}));
        let run = world.run(config).await;
        assert_eq!((run.totals.created, run.totals.updated, run.totals.failed), (2, 1, 0));
        // One refused, one asked for, one write of what is left.
        assert_eq!(world.fake(1).count(Method::ResolveIdentity), 1);
        assert_eq!(world.fake(1).count(Method::Apply), 2);
        let assignee = |id: ItemId| {
            let item = world.fake(1).item(&id).unwrap();
            value(&item, "assignee").get("id").and_then(|id| id.as_str().map(str::to_owned))
        };
        assert_eq!(assignee(world.copy_of(config, &lost).await).as_deref(), wanted);
        assert_eq!(assignee(world.copy_of(config, &ids[1]).await).as_deref(), Some("u-eve"));
        let kept = wanted.unwrap_or("u-bob");
        assert_eq!(assignee(world.copy_of(config, &ids[0]).await).as_deref(), Some(kept));
        let told = world.outcomes(&run).await.into_iter().find_map(|outcome| outcome.rule);
        assert_eq!(told.is_some_and(|text| text.contains("no@body.test")), wanted.is_none());
        assert_eq!(world.run(config).await.totals.synced(), 0);
    }
}

#[tokio::test]
async fn a_refusal_that_is_about_nobody_stays_one() {
    let (world, config) = World::pair().await;
    world.fake(1).set_quirks(Quirks { judges_people: true, ..Quirks::default() });
    let refused = error(ErrorKind::Invalid).on_field("assignee");
    world.fake(1).reject_title("Bug 1", refused);
    seed_bugs(&world.fake(0), 3);
    let run = world.run(config).await;
    assert_eq!((run.totals.created, run.totals.failed), (2, 1));
    assert_eq!(world.fake(1).count(Method::Apply), 1, "nothing is sent again");
}

#[tokio::test]
async fn a_status_that_the_tracker_does_not_take_is_told() {
    let (world, config) = World::pair().await;
    let id = world.fake(0).create_as("ada", "bug", json!({"title": "x"}));
    world.run(config).await;
    let quirks = Quirks { keeps_out_of: vec!["Closed".to_owned()], ..Quirks::default() };
    world.fake(1).set_quirks(quirks);
    world.fake(0).set_status_as("ada", &id, "Closed");
    let made = world.fake(0).create_in_status("ada", "bug", json!({"title": "y"}), Some("Closed"));
    let run = world.run(config).await;
    assert_eq!((run.totals.created, run.totals.updated), (1, 1));
    let outcomes = world.outcomes(&run).await;
    for item in [&id, &made] {
        let outcome = outcomes.iter().find(|one| one.source_id.as_ref() == Some(item)).unwrap();
        let told = outcome.rule.as_deref().unwrap_or_default();
        assert!(told.contains("kept the status New where Closed was written"), "{told}");
        let copy = world.fake(1).item(&world.copy_of(config, item).await).unwrap();
        assert_eq!(copy.status.as_deref(), Some("New"));
    }
    assert_eq!(world.run(config).await.totals.synced(), 0, "it is told once, not tried for ever");
}

#[tokio::test]
async fn only_its_connector_looks_before_a_tracker_without_a_version_check_is_written() {
    let (world, config) = World::pair().await;
    world.fake(1).set_capabilities(|can| can.version_check = false);
    let ids = seed_bugs(&world.fake(0), 210);
    world.run(config).await;
    for id in &ids {
        world.fake(0).edit_as("ada", id, json!({"progress": 50}));
    }
    world.fake(1).clear_logs();
    world.run(config).await;
    assert_eq!(calls(&world.fake(1)), BTreeMap::from([(Method::Apply, 2)]));
    world.assert_in_step(config, FIELDS).await;

    // Somebody is quicker: the connector sees it, and the copy is read and merged anew.
    let (source, copy) = (ids[0].clone(), world.copy_of(config, &ids[0]).await);
    world.fake(0).edit_as("ada", &source, json!({"title": "Ours"}));
    world.fake(1).clear_logs();
    let edited = copy.clone();
    world.fake(1).plan(
        Method::Apply,
        1,
        Planned::Meanwhile(Box::new(move |fake| {
            fake.edit_as("bob", &edited, json!({"external": "theirs"}));
        })),
    );
    world.run(config).await;
    assert_eq!(
        calls(&world.fake(1)),
        BTreeMap::from([(Method::Apply, 2), (Method::Fetch, 1)]),
        "refused, looked at, written"
    );
    let item = world.fake(1).item(&copy).unwrap();
    assert_eq!((value(&item, "title"), value(&item, "external")), (json!("Ours"), json!("theirs")));
}

#[tokio::test]
async fn a_page_is_recorded_in_transactions_of_32_items() {
    let mut per_run = Vec::new();
    for count in [1, 20, 200] {
        let store = Arc::new(FaultyStore::new(Arc::new(MemStore::new())));
        let mut world = World::over(store.clone());
        world.tracker("a", 1).await;
        world.tracker("b", 5_001).await;
        let config = world.join(0, 1).await;
        seed_bugs(&world.fake(0), count);
        let before = store.log().len();
        world.run(config).await;
        per_run.push(store.log().len() - before);
    }
    let one = per_run[0];
    assert_eq!(per_run, [one, one, one + 200_usize.div_ceil(32) - 1]);
}

/// A store in which every transaction waits a minute for its turn.
struct Busy {
    inner: MemStore,
    clock: ManualClock,
}

impl Store for Busy {
    fn tx_raw(&self, name: &'static str, work: TxWork) -> BoxFuture<'_, Result<(), Fault>> {
        self.clock.advance(Duration::from_secs(60));
        self.inner.tx_raw(name, work)
    }

    fn view_raw(&self, name: &'static str, work: TxWork) -> BoxFuture<'_, Result<(), Fault>> {
        self.inner.view_raw(name, work)
    }

    fn wakeup(&self, topic: Topic) -> Box<dyn Wakeup> {
        self.inner.wakeup(topic)
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), Fault>> {
        self.inner.ready()
    }
}

#[tokio::test]
async fn a_run_begins_when_its_turn_has_come_and_so_after_whatever_was_closed_meanwhile() {
    let clock = ManualClock::new();
    let store = Busy { inner: MemStore::new(), clock: clock.clone() };
    let mut world = World::over(Arc::new(store));
    world.clock = clock.clone();
    world.tracker("a", 1).await;
    world.tracker("b", 5_001).await;
    let config = world.join(0, 1).await;
    let asked = clock.now();
    let started = world.engine().start(RunRequest::of(config)).await.unwrap();
    let id = started.id();
    assert_eq!(started.execution().started_at, asked.after(Duration::from_secs(60)));
    drop(started);
    let asked = clock.now();
    assert_eq!(world.engine().close_orphans().await.unwrap(), [id]);
    let closed = world.store.view("closed", move |tx| tx.execution(id)).await.unwrap().unwrap();
    assert_eq!(closed.ended_at, Some(asked.after(Duration::from_secs(60))));
}

#[tokio::test]
async fn an_edit_on_the_target_is_overwritten_or_kept_by_policy() {
    for (edits, wanted) in [(TargetEdits::Overwrite, "Source"), (TargetEdits::Keep, "Target")] {
        let (world, config) = World::pair().await;
        world.change_config(config, |row| row.options.target_edits = edits).await;
        let id = seed_bugs(&world.fake(0), 1).remove(0);
        world.run(config).await;
        let copy = world.copy_of(config, &id).await;
        world.fake(1).edit_as("bob", &copy, json!({"title": "Target"}));
        world.fake(0).edit_as("ada", &id, json!({"title": "Source", "progress": 9}));
        world.run(config).await;
        world.fake(0).edit_as("ada", &id, json!({"progress": 10}));
        world.run(config).await;
        let item = world.fake(1).item(&copy).unwrap();
        assert_eq!(value(&item, "title"), json!(wanted), "{edits}");
        assert_eq!(value(&item, "progress"), json!(10), "{edits}: other fields travel");
    }
}

#[tokio::test]
async fn items_changed_during_a_run_are_not_lost() {
    let (world, config) = World::pair().await;
    let ids = seed_bugs(&world.fake(0), 3);
    let source = world.fake(0);
    let (first, clock) = (ids[0].clone(), world.clock.clone());
    world.fake(1).plan(
        Method::Apply,
        1,
        Planned::Meanwhile(Box::new(move |_| {
            source.edit_as("ada", &first, json!({"title": "Edited meanwhile"}));
            clock.advance(Duration::from_secs(5));
            source.create_as("ada", "bug", json!({"title": "Made meanwhile"}));
        })),
    );
    world.run(config).await;
    world.run(config).await;
    world.assert_in_step(config, FIELDS).await;
    assert_eq!(world.fake(1).items().len(), 4);
}

#[tokio::test]
async fn an_item_of_a_type_that_is_not_mapped_is_left_out_by_name() {
    let (world, config) = World::pair().await;
    let task = world.fake(0).create_as("ada", "task", json!({"title": "A task"}));
    let run =
        world.run_with(RunRequest { item_ids: Some(vec![task]), ..RunRequest::of(config) }).await;
    let outcomes = world.outcomes(&run).await;
    assert_eq!(outcomes.len(), 1);
    assert_eq!(outcomes[0].state, ItemState::Filtered);
    assert!(outcomes[0].rule.is_some());
    assert!(world.fake(1).items().is_empty());
}

#[tokio::test]
async fn named_items_only_and_the_cursor_stays() {
    let (world, config) = World::pair().await;
    let ids = seed_bugs(&world.fake(0), 5);
    let run = world
        .run_with(RunRequest {
            item_ids: Some(vec![ids[1].clone(), "404404".into()]),
            ..RunRequest::of(config)
        })
        .await;
    assert_eq!((run.totals.created, run.totals.failed), (1, 1));
    let all = world.run(config).await;
    assert_eq!((all.totals.created, all.totals.unchanged), (4, 1));
    world.assert_in_step(config, FIELDS).await;
}

#[tokio::test]
async fn a_limit_of_items_goes_on_where_it_ended() {
    let (world, config) = World::pair().await;
    seed_bugs(&world.fake(0), 5);
    for wanted in [2, 2, 1] {
        world.clock.advance(Duration::from_secs(60));
        let run = world.run_with(RunRequest { limit: Some(2), ..RunRequest::of(config) }).await;
        assert!(run.totals.created <= wanted, "{:?}", run.totals);
    }
    world.run(config).await;
    world.assert_in_step(config, FIELDS).await;
}

#[tokio::test]
async fn pages_are_as_large_as_the_tracker_gives_and_the_request_allows() {
    let (world, config) = World::pair().await;
    seed_bugs(&world.fake(0), 5);
    let run = world.run_with(RunRequest { batch: Some(2), ..RunRequest::of(config) }).await;
    assert_eq!(run.totals.created, 5);
    let (pages, items) = (world.fake(0).count(Method::Changes), world.fake(0).requests());
    assert!(pages >= 3, "{pages} pages of at most two");
    assert!(items.iter().filter(|one| one.method == Method::Changes).all(|one| one.size == 2));
    world.fake(0).clear_logs();
    let full = RunRequest { full: true, batch: Some(100_000), ..RunRequest::of(config) };
    world.run_with(full).await;
    let most = world.fake(0).requests().iter().map(|one| one.size).max();
    assert!(most <= Some(500), "{most:?}");
    world.assert_in_step(config, FIELDS).await;
}

/// Remembers which runs ended.
#[derive(Default)]
struct Heard(std::sync::Mutex<Vec<Execution>>);

impl RunEnding for Heard {
    fn run_ended(&self, _: &mut dyn Tx, execution: &Execution) -> Result<(), Fault> {
        self.0.lock().unwrap().push(execution.clone());
        Ok(())
    }
}

#[tokio::test]
async fn a_run_that_could_not_begin_is_a_run_that_failed_and_is_told() {
    let (world, config) = World::pair().await;
    let heard = Arc::new(Heard::default());
    let engine = Engine::new(EngineParts {
        store: Arc::clone(&world.store),
        clock: Arc::new(world.clock.clone()),
        ending: heard.clone(),
        ..EngineParts::of_machine(Arc::clone(&world.store), "test")
    });
    let error = ItemError {
        error_type: ErrorType::Validation,
        message: "connector Desk is inactive".to_owned(),
        field: None,
    };
    let run = engine.record_refused(RunRequest::of(config), error.clone()).await.unwrap();
    assert_eq!((run.status, run.error.as_ref()), (ExecutionStatus::Failed, Some(&error)));
    assert!(run.ended_at.is_some());
    let id = run.id;
    let stored = world.store.view("run", move |tx| tx.execution(id)).await.unwrap();
    assert_eq!(stored.as_ref(), Some(&run));
    assert_eq!(heard.0.lock().unwrap().as_slice(), std::slice::from_ref(&run));
    // It holds nothing up.
    seed_bugs(&world.fake(0), 1);
    assert_eq!(world.run(config).await.totals.created, 1);
    let nobody = engine.record_refused(RunRequest::of(ConfigId(999)), error).await;
    assert!(matches!(nobody, Err(Fault::NotFound(_))), "{nobody:?}");
}

#[tokio::test]
async fn a_run_stops_before_it_writes_more_than_it_may() {
    let (world, config) = World::pair().await;
    let ids = seed_bugs(&world.fake(0), 10);
    world.change_config(config, |row| row.options.max_writes_per_run = Some(4)).await;
    let run = world.run(config).await;
    assert_eq!(run.status, ExecutionStatus::Failed);
    assert_eq!((run.totals.created, run.totals.waiting), (4, 6));
    assert!(run.error.unwrap().message.contains("max_writes_per_run = 4"));
    world.change_config(config, |row| row.options.max_writes_per_run = None).await;
    let run = world.run(config).await;
    assert_eq!(run.totals.created, 6);

    world.change_config(config, |row| row.options.max_updates = Some(1)).await;
    for id in ids.iter().take(3) {
        world.fake(0).edit_as("ada", id, json!({"title": format!("Edited {id}")}));
    }
    let run = world.run(config).await;
    assert_eq!((run.totals.updated, run.totals.waiting), (1, 2));
}

fn error(kind: ErrorKind) -> ConnectorError {
    ConnectorError::new(kind, "as planned")
}

#[tokio::test]
async fn a_failing_item_is_tried_again_later_and_blocks_nobody() {
    let (world, config) = World::pair().await;
    seed_bugs(&world.fake(0), 3);
    world.fake(1).reject_title("Bug 1", error(ErrorKind::Invalid));
    let run = world.run(config).await;
    assert_eq!((run.totals.created, run.totals.failed), (2, 1));
    world.fake(0).create_as("ada", "bug", json!({"title": "Later"}));
    world.clock.advance(Duration::from_secs(3));
    world.run(config).await;
    assert_eq!(world.fake(1).items().len(), 3);
    let idle = world.run(config).await;
    assert_eq!(idle.totals.failed, 0, "its time has not come");
    for _ in 0..12 {
        world.clock.advance(Duration::from_secs(25 * 3_600));
        world.run(config).await;
    }
    let retries = world
        .store
        .view("retries", move |tx| tx.retries(config, syncline_domain::Side::Source, None))
        .await
        .unwrap();
    assert!(retries[0].attempts >= 10);
    world.change_config(config, |row| row.needs_full = true).await;
    let run = world.run(config).await;
    assert_eq!(run.totals.quarantined, 1);
    assert_eq!(run.status, ExecutionStatus::CompletedWithErrors);
    assert!(!world.config(config).await.needs_full, "everything was read");
    world.fake(1).clear_plans();
    world.clock.advance(Duration::from_secs(25 * 3_600));
    world.run(config).await;
    world.assert_in_step(config, FIELDS).await;
}

#[tokio::test]
async fn a_tracker_at_fault_stops_the_run_and_the_cursor_stays_in_front() {
    for (kind, class) in [
        (ErrorKind::Auth, ErrorType::Authentication),
        (ErrorKind::RateLimited, ErrorType::RateLimit),
        (ErrorKind::Unavailable, ErrorType::Connection),
    ] {
        let (world, config) = World::pair().await;
        world.fake(1).set_capabilities(|can| can.write_batch = 1);
        world.change_config(config, |row| row.options.concurrency = 1).await;
        seed_bugs(&world.fake(0), 6);
        world.fake(1).plan(Method::Apply, 3, Planned::Before(error(kind)));
        let run = world.run(config).await;
        assert_eq!(run.status, ExecutionStatus::Failed);
        assert_eq!(run.error.unwrap().error_type, class);
        assert_eq!((run.totals.created, run.totals.waiting), (2, 4), "{kind:?}");
        assert_eq!(world.fake(1).count(Method::Apply), 3, "nothing is sent after {kind:?}");
        let next = world.run(config).await;
        assert_eq!(next.totals.created, 4);
        world.assert_in_step(config, FIELDS).await;
    }
}

#[tokio::test]
async fn a_lost_lease_stops_all_writing() {
    let (world, config) = World::pair().await;
    world.fake(1).set_capabilities(|can| can.write_batch = 1);
    world.change_config(config, |row| row.options.concurrency = 1).await;
    seed_bugs(&world.fake(0), 6);
    let (store, clock) = (Arc::clone(&world.store), world.clock.clone());
    world.fake(1).plan(
        Method::Apply,
        2,
        Planned::Meanwhile(Box::new(move |_| {
            clock.advance(Duration::from_secs(31));
            let now = syncline_domain::ports::Clock::now(&clock);
            let name = format!("run/{config}");
            let taken = store.tx("steal", move |tx| {
                tx.acquire_lease(&name, "another process", now, Duration::from_secs(30))
            });
            let taken = futures_util::FutureExt::now_or_never(taken).unwrap().unwrap();
            assert!(taken.is_some(), "the lease was over");
        })),
    );
    let run = world.run(config).await;
    assert_eq!(run.status, ExecutionStatus::Failed);
    assert_eq!(world.fake(1).items().len(), 2, "the write in flight was the last");
    assert_eq!(world.pairs(config).await.len(), 1, "what it made is not recorded by the loser");
    let busy = world.engine().start(RunRequest::of(config)).await;
    assert!(matches!(busy, Err(StartError::Running(id)) if id == run.id), "{busy:?}");

    world.clock.advance(Duration::from_secs(31));
    let next = world.run(config).await;
    assert_eq!(next.status, ExecutionStatus::Completed, "{:?}", next.error);
    world.assert_in_step(config, FIELDS).await;
}

#[tokio::test]
async fn a_run_is_cancelled_between_writes() {
    let (world, config) = World::pair().await;
    world.fake(1).set_capabilities(|can| can.write_batch = 1);
    world.change_config(config, |row| row.options.concurrency = 1).await;
    seed_bugs(&world.fake(0), 6);
    let store = Arc::clone(&world.store);
    world.fake(1).plan(
        Method::Apply,
        2,
        Planned::Meanwhile(Box::new(move |_| {
            let asked = store.tx("cancel", |tx| tx.request_cancel(1.into()));
            assert!(futures_util::FutureExt::now_or_never(asked).unwrap().unwrap());
        })),
    );
    let run = world.run(config).await;
    assert_eq!(run.status, ExecutionStatus::Cancelled);
    assert_eq!((run.totals.created, run.totals.waiting), (2, 4));
    let next = world.run(config).await;
    assert_eq!(next.totals.created, 4);
    world.assert_in_step(config, FIELDS).await;
}

#[tokio::test]
async fn runs_of_one_configuration_do_not_overlap_and_orphans_are_closed() {
    let (world, config) = World::pair().await;
    let engine = world.engine();
    let started = engine.start(RunRequest::of(config)).await.unwrap();
    let id = started.id();
    let second = engine.start(RunRequest::of(config)).await;
    assert!(matches!(second, Err(StartError::Running(there)) if there == id));
    drop(started);
    assert_eq!(engine.close_orphans().await.unwrap(), [id]);
    assert_eq!(engine.close_orphans().await.unwrap(), []);
    let row = world.store.view("run", move |tx| tx.execution(id)).await.unwrap().unwrap();
    assert_eq!(row.status, ExecutionStatus::Failed);
    assert!(row.error.is_some() && row.ended_at.is_some());
    assert_eq!(world.run(config).await.status, ExecutionStatus::Completed);
}

#[tokio::test]
async fn what_cannot_run_is_refused_at_the_start() {
    let (world, config) = World::pair().await;
    let engine = world.engine();
    let missing = engine.start(RunRequest::of(ConfigId(99))).await;
    assert!(matches!(missing, Err(StartError::NotFound(ConfigId(99)))));
    let both =
        RunRequest { direction: Some(RunDirection::Bidirectional), ..RunRequest::of(config) };
    assert!(matches!(engine.start(both).await, Err(StartError::Invalid(_))));
    world.change_config(config, |row| row.is_active = false).await;
    let inactive = engine.start(RunRequest::of(config)).await;
    assert!(matches!(inactive, Err(StartError::Inactive(_))));
}

#[tokio::test]
async fn a_dry_run_writes_nothing_and_says_what_it_would() {
    let (world, config) = World::pair().await;
    let ids = seed_bugs(&world.fake(0), 3);
    world.run(config).await;
    world.fake(0).edit_as("ada", &ids[0], json!({"title": "Edited"}));
    seed_bugs(&world.fake(0), 2);
    world.fake(1).clear_logs();
    for _ in 0..2 {
        let run = world.run_with(RunRequest { dry_run: true, ..RunRequest::of(config) }).await;
        assert_eq!((run.totals.created, run.totals.updated), (2, 1));
        let outcomes = world.outcomes(&run).await;
        let edited = outcomes.iter().find(|one| one.state == ItemState::Updated).unwrap();
        assert_eq!(edited.changes.len(), 1);
        assert_eq!(edited.changes[0].new, json!("Edited"));
        assert!(edited.changes[0].old.as_str().unwrap().starts_with("Bug 0"));
    }
    assert!(world.fake(1).own_effects().is_empty());
    assert_eq!(world.pairs(config).await.len(), 3);
    let run = world.run(config).await;
    assert_eq!((run.totals.created, run.totals.updated), (2, 1));
}

#[tokio::test]
async fn changed_rules_write_only_what_differs() {
    let mut world = World::new();
    world.tracker("a", 1).await;
    world.tracker("b", 5_001).await;
    let config = world.join_fields(0, 1, &["title"], |_| {}).await;
    seed_bugs(&world.fake(0), 4);
    world.run(config).await;
    let wider = world.join_fields(0, 1, FIELDS, |row| row.name = "wider".to_owned()).await;
    // The rules of the wider configuration take the place of the first one's.
    world
        .store
        .tx("widen", move |tx| {
            let mapping = tx.type_mappings(config)?[0].id;
            for mut rule in tx.field_mappings(wider)? {
                rule.config_id = config;
                rule.type_mapping_id = mapping;
                if tx
                    .field_mappings(config)?
                    .iter()
                    .all(|old| old.target_field_id != rule.target_field_id)
                {
                    tx.insert_field_mapping(&rule)?;
                }
            }
            tx.delete_config(wider)
        })
        .await
        .unwrap();
    world
        .change_config(config, |row| {
            row.needs_full = true;
            row.version += 1;
        })
        .await;
    let run = world.run(config).await;
    assert_eq!(run.totals.updated, 4, "{:?}", world.outcomes(&run).await);
    world.assert_in_step(config, FIELDS).await;
    world.fake(1).clear_logs();
    let full = world.run_with(RunRequest { full: true, ..RunRequest::of(config) }).await;
    assert_eq!((full.totals.unchanged, full.totals.synced()), (4, 0));
    assert!(world.fake(1).own_effects().is_empty());
}

#[tokio::test]
async fn create_only_leaves_copies_alone() {
    let (world, config) = World::pair().await;
    world.change_config(config, |row| row.options.create_only = true).await;
    let ids = seed_bugs(&world.fake(0), 2);
    world.run(config).await;
    world.fake(0).edit_as("ada", &ids[0], json!({"title": "Edited"}));
    let run = world.run(config).await;
    assert_eq!((run.totals.filtered, run.totals.updated), (1, 0));
}

#[tokio::test]
async fn failed_items_of_a_run_are_taken_up_again_by_name() {
    let (world, config) = World::pair().await;
    seed_bugs(&world.fake(0), 4);
    world.fake(1).reject_title("Bug 2", error(ErrorKind::Invalid));
    let run = world.run(config).await;
    assert_eq!(run.totals.failed, 1);
    world.fake(1).clear_plans();
    let again =
        world.run_with(RunRequest { retry_of: Some(run.id), ..RunRequest::of(config) }).await;
    assert_eq!((again.totals.created, again.totals.total()), (1, 1));
    world.assert_in_step(config, FIELDS).await;
}

#[tokio::test]
async fn failed_items_of_either_side_of_a_two_way_run_are_taken_up_again() {
    let mut world = World::new();
    world.tracker("a", 1).await;
    world.tracker("b", 5_001).await;
    let config = world
        .join_fields(0, 1, FIELDS, |row| row.direction = syncline_domain::Direction::Bidirectional)
        .await;
    let paired = seed_bugs(&world.fake(0), 2);
    world.run(config).await;
    let copy = world.copy_of(config, &paired[0]).await;
    // New on the target, an edit of a copy, and an edit of the source.
    world.fake(1).create_as("bob", "bug", json!({"title": "New on the target"}));
    world.fake(1).edit_as("bob", &copy, json!({"title": "Edited on the target"}));
    world.fake(0).edit_as("ada", &paired[1], json!({"title": "Edited on the source"}));
    for at in [0, 1] {
        world.fake(at).fail_always(Method::Create, error(ErrorKind::Invalid));
        world.fake(at).fail_always(Method::Update, error(ErrorKind::Invalid));
    }
    let run = world.run(config).await;
    assert_eq!((run.totals.failed, run.totals.synced()), (3, 0), "{:?}", run.totals);
    for at in [0, 1] {
        world.fake(at).clear_plans();
    }
    seed_bugs(&world.fake(0), 1);
    let again = RunRequest { retry_of: Some(run.id), ..RunRequest::of(config) };
    let again = world.run_with(again).await;
    assert_eq!((again.totals.created, again.totals.updated), (1, 2), "{:?}", again.totals);
    assert_eq!(again.totals.errors(), 0, "and what did not fail is not looked at");
    world.run(config).await;
    world.assert_in_step(config, FIELDS).await;
}

#[tokio::test]
async fn progress_is_told_item_by_item() {
    let (world, config) = World::pair().await;
    seed_bugs(&world.fake(0), 3);
    let _ = world.events.take();
    let run = world.run(config).await;
    let events = world.events.take();
    assert!(matches!(events[0], RunEvent::Started { .. }));
    assert!(events.iter().any(|event| matches!(event, RunEvent::Expected { items: 3, .. })));
    let items = events.iter().filter(|event| matches!(event, RunEvent::Item { .. })).count();
    assert_eq!(items, 3);
    let last = RunEvent::Ended {
        execution_id: run.id,
        status: ExecutionStatus::Completed,
        totals: run.totals,
    };
    assert_eq!(events.last(), Some(&last));
}

#[tokio::test]
async fn comments_are_copied_once_in_order_with_author_and_time() {
    let mut world = World::new();
    world.tracker("a", 1).await;
    world.tracker("b", 5_001).await;
    let config = world.join_fields(0, 1, FIELDS, |row| row.options.sync_comments = true).await;
    let id: ItemId = seed_bugs(&world.fake(0), 1).remove(0);
    world.fake(0).comment_as("ada", &id, "<p>First</p>");
    world.clock.advance(Duration::from_secs(60));
    world.fake(0).comment_as("bob", &id, "<p>Second</p>");
    world.run(config).await;
    let copy = world.copy_of(config, &id).await;
    world.clock.advance(Duration::from_secs(60));
    world.fake(0).comment_as("eve", &id, "<p>Third</p>");
    for _ in 0..3 {
        world.run(config).await;
    }
    let texts: Vec<String> =
        world.fake(1).comments_of(&copy).into_iter().map(|comment| comment.body).collect();
    assert_eq!(texts.len(), 3, "{texts:?}");
    for (text, author, body) in
        [(&texts[0], "ada", "First"), (&texts[1], "bob", "Second"), (&texts[2], "eve", "Third")]
    {
        assert!(text.contains(author) && text.contains(body) && text.contains("2026-"), "{text}");
    }
    world.fake(0).edit_as("ada", &id, json!({"title": "After a comment"}));
    world.run(config).await;
    world.assert_in_step(config, FIELDS).await;
}

#[tokio::test]
async fn a_run_that_dies_is_closed_by_the_next() {
    let (world, config) = World::pair().await;
    seed_bugs(&world.fake(0), 2);
    let faults = Arc::new(ScriptedFaultPoints::crash_at("page.read", 1));
    let died = world.run_by(&world.engine_with(faults), RunRequest::of(config)).await;
    world.run(config).await;
    let row = world.store.view("run", move |tx| tx.execution(died.id)).await.unwrap().unwrap();
    assert_eq!(row.status, ExecutionStatus::Failed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_of_several_configurations_go_on_side_by_side() {
    let mut world = World::new();
    for (name, first) in [("a", 1), ("b", 1_001), ("c", 2_001)] {
        world.tracker(name, first).await;
    }
    let configs = [world.join(0, 1).await, world.join(0, 2).await];
    seed_bugs(&world.fake(0), 300);
    let engine = world.engine();
    let mut runs = Vec::new();
    for (config, target) in configs.into_iter().zip([1, 2]) {
        let run = engine.start(RunRequest::of(config)).await.unwrap();
        let (engine, source, target) = (engine.clone(), world.fake(0), world.fake(target));
        runs.push(tokio::spawn(async move { engine.drive(run, source, target).await }));
    }
    for run in runs {
        assert_eq!(run.await.unwrap().totals.created, 300);
    }
    for config in configs {
        world.assert_in_step(config, FIELDS).await;
    }
}

#[tokio::test]
async fn people_are_found_or_left_alone_or_stood_in_for() {
    for (stand_in, wanted) in [(None, None), (Some("bob@example.test"), Some("u-bob"))] {
        let (world, config) = World::pair().await;
        let map = syncline_domain::UserMap {
            default: stand_in.map(str::to_owned),
            ..syncline_domain::UserMap::default()
        };
        world.store.tx("map", move |tx| tx.put_user_map(config, &map)).await.unwrap();
        let known = world.fake(0).create_as(
            "ada",
            "bug",
            json!({"title": "x", "assignee": {"login": "eve"}}),
        );
        let unknown = world.fake(0).create_as(
            "ada",
            "bug",
            json!({"title": "y", "assignee": {"email": "no@body.test"}}),
        );
        let run = world.run(config).await;
        let assignee = |id: ItemId| {
            let item = world.fake(1).item(&id).unwrap();
            value(&item, "assignee").get("id").and_then(|id| id.as_str().map(str::to_owned))
        };
        assert_eq!(assignee(world.copy_of(config, &known).await).as_deref(), Some("u-eve"));
        assert_eq!(assignee(world.copy_of(config, &unknown).await).as_deref(), wanted);
        let told = world.outcomes(&run).await.into_iter().find_map(|outcome| outcome.rule);
        assert_eq!(told.is_some_and(|text| text.contains("no@body.test")), wanted.is_none());
        assert_eq!(world.run(config).await.totals.synced(), 0);
    }
}

#[tokio::test]
async fn a_preview_says_what_a_run_would_do_and_writes_nothing() {
    let (world, config) = World::pair().await;
    let ids = seed_bugs(&world.fake(0), 2);
    world.run(config).await;
    world.fake(0).edit_as("ada", &ids[0], json!({"priority": null, "title": "Edited"}));
    world.fake(0).create_as("ada", "bug", json!({"title": "New"}));
    world.fake(1).clear_logs();
    let (source, target) = world.ends(config).await;
    let request = syncline_engine::PreviewRequest {
        config_id: config,
        direction: None,
        full: true,
        item_ids: None,
        limit: 2,
    };
    let engine = world.engine();
    let part = engine.preview(request.clone(), source.clone(), target.clone()).await.unwrap();
    assert!(part.truncated && part.items.len() == 2);
    let request = syncline_engine::PreviewRequest { limit: 100, ..request };
    let all = engine.preview(request, source, target).await.unwrap();
    assert!(!all.truncated);
    assert_eq!(
        (all.summary.to_create, all.summary.to_update, all.summary.unchanged),
        (1, 1, 1),
        "{all:?}"
    );
    let edited = all.items.iter().find(|item| !item.changes.is_empty() && item.target_id.is_some());
    let fields: Vec<&str> =
        edited.unwrap().changes.iter().map(|change| change.field.as_str()).collect();
    assert_eq!(fields, ["title", "priority"]);
    assert!(world.fake(1).own_effects().is_empty());
    let runs = world.store.view("runs", |tx| tx.executions(&Default::default(), 10)).await.unwrap();
    assert_eq!(runs.len(), 1);
}

#[tokio::test]
async fn rules_for_creates_or_updates_only_act_then_only() {
    let (world, config) = World::pair().await;
    world
        .store
        .tx("when", move |tx| {
            let fields = tx.field_mappings(config)?;
            let mut rules = fields.into_iter();
            let (Some(mut title), Some(mut text), Some(mut priority)) =
                (rules.next(), rules.next(), rules.next())
            else {
                return Ok(());
            };
            title.when = syncline_domain::When::Always;
            text.when = syncline_domain::When::CreateOnly;
            priority.when = syncline_domain::When::UpdateOnly;
            for rule in [title, text, priority] {
                tx.update_field_mapping(&rule)?;
            }
            Ok(())
        })
        .await
        .unwrap();
    let fields = json!({"title": "One", "description": "<p>Text</p>", "priority": "High"});
    let id = world.fake(0).create_as("ada", "bug", fields);
    world.run(config).await;
    let copy = world.copy_of(config, &id).await;
    let shown = |field: &str| value(&world.fake(1).item(&copy).unwrap(), field);
    assert_eq!((shown("description"), shown("priority")), (json!("<p>Text</p>"), json!(null)));
    world.fake(1).clear_logs();
    world.run_with(RunRequest { full: true, ..RunRequest::of(config) }).await;
    assert!(world.fake(1).own_effects().is_empty(), "no write of its own right after the create");
    world.fake(0).edit_as("ada", &id, json!({"title": "Two", "description": "<p>Other</p>"}));
    world.run(config).await;
    assert_eq!(
        (shown("title"), shown("description"), shown("priority")),
        (json!("Two"), json!("<p>Text</p>"), json!("High"))
    );
    for _ in 0..3 {
        assert_eq!(world.run(config).await.totals.synced(), 0);
    }
}
