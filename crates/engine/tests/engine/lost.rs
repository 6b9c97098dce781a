//! Writes whose answers were lost, while the world around them goes on.

use std::time::Duration;

use crate::common::{FIELDS, World, value};
use serde_json::{Value, json};
use syncline_domain::ports::{ConnectorError, ErrorKind};
use syncline_domain::{ConfigId, ConflictResolution, Direction, ItemId, RunDirection};
use syncline_engine::RunRequest;
use syncline_testkit::{FakeConnector, Method, Planned};

fn lost() -> Planned {
    Planned::After(ConnectorError::new(ErrorKind::Ambiguous, "the answer was lost"))
}

#[tokio::test]
async fn a_copy_of_which_nobody_knows_yet_is_not_copied_back() {
    let mut world = World::new();
    world.tracker("a", 1).await;
    world.tracker("b", 5_001).await;
    let config =
        world.join_fields(0, 1, FIELDS, |config| config.direction = Direction::Bidirectional).await;
    world.fake(1).set_capabilities(|can| can.search_lag = Duration::from_secs(60));
    world.fake(0).create_as("ada", "bug", json!({"title": "One"}));
    world.fake(1).plan(Method::Create, 1, lost());
    world.run(config).await;
    // The target tells of the copy before its searches show it.
    let copy = world.fake(1).items().remove(0).id;
    let named = RunRequest {
        direction: Some(RunDirection::TargetToSource),
        item_ids: Some(vec![copy]),
        ..RunRequest::of(config)
    };
    let early = world.run_with(named).await;
    assert_eq!((early.totals.created, early.totals.waiting), (0, 1));
    world.clock.advance(Duration::from_secs(120));
    world.run(config).await;
    world.assert_in_step(config, FIELDS).await;
}

#[tokio::test]
async fn a_copy_that_was_copied_onward_is_adopted_all_the_same() {
    let mut world = World::new();
    for (name, first) in [("a", 1), ("b", 1_001), ("c", 2_001)] {
        world.tracker(name, first).await;
    }
    let first = world
        .join_fields(0, 1, FIELDS, |config| {
            config.options.external_id_field = Some("external".into());
        })
        .await;
    let second = world.join(1, 2).await;
    world.fake(0).create_as("ada", "bug", json!({"title": "One"}));
    world.fake(1).plan(Method::Create, 1, lost());
    world.run(first).await;
    // Under another title nobody takes it for a copy that is just being made.
    let copy = world.fake(1).items().remove(0).id;
    world.fake(1).edit_as("bob", &copy, json!({"title": "Another"}));
    world.run(second).await;
    world.run(first).await;
    assert_eq!(world.fake(1).items().len(), 1, "its marker says whose copy it is");
    assert_eq!(world.pairs(first).await.len(), 1);
    assert_eq!(world.fake(2).items().len(), 1);
}

#[tokio::test]
async fn an_edit_taken_back_before_its_answer_is_known_travels() {
    for direction in [Direction::OneWay, Direction::Bidirectional] {
        let mut world = World::new();
        world.tracker("a", 1).await;
        world.tracker("b", 5_001).await;
        let config = world.join_fields(0, 1, FIELDS, |row| row.direction = direction).await;
        let id = world.fake(0).create_as("ada", "bug", json!({"title": "One"}));
        world.run(config).await;
        world.fake(0).edit_as("ada", &id, json!({"progress": 50}));
        world.fake(1).plan(Method::Update, 1, lost());
        world.run(config).await;
        world.fake(0).edit_as("ada", &id, json!({"progress": null}));
        world.clock.advance(Duration::from_secs(120));
        for _ in 0..2 {
            world.run(config).await;
        }
        let copy = world.fake(1).item(&world.copy_of(config, &id).await).unwrap();
        assert_eq!(value(&copy, "progress"), Value::Null, "{direction}");
    }
}

#[tokio::test]
async fn the_search_lag_counts_from_the_last_moment_of_sending() {
    let (world, config) = World::pair().await;
    drop(world.clock.clone().auto_advance());
    world.fake(1).set_capabilities(|can| can.search_lag = Duration::from_secs(60));
    world.fake(0).create_as("ada", "bug", json!({"title": "One"}));
    // The tracker takes its time, and then the answer is lost.
    world.fake(1).plan(Method::Create, 1, Planned::Slow(Duration::from_secs(50)));
    world.fake(1).plan(Method::Create, 1, lost());
    world.run(config).await;
    world.clock.advance(Duration::from_secs(20));
    let early = world.run(config).await;
    assert_eq!((early.totals.created, early.totals.waiting), (0, 1), "it may not be found yet");
    world.clock.advance(Duration::from_secs(120));
    world.run(config).await;
    world.assert_in_step(config, FIELDS).await;
}

/// Of a write without an answer nobody knows what of it is there. Read from the other side it looks like an edit.
#[tokio::test]
async fn a_write_without_an_answer_is_not_read_back_as_an_edit() {
    let mut world = World::new();
    world.tracker("a", 1).await;
    world.tracker("b", 5_001).await;
    let config = world.join_fields(0, 1, FIELDS, |row| {
        row.direction = Direction::Bidirectional;
        row.conflict_resolution = ConflictResolution::TargetPriority;
    });
    let config = config.await;
    let id = world.fake(0).create_as("ada", "bug", json!({"title": "One"}));
    world.run(config).await;
    world.fake(0).edit_as("ada", &id, json!({"progress": 50}));
    world.fake(1).plan(Method::Update, 1, lost());
    let (source, item) = (world.fake(0), id.clone());
    let edit = move |_: &FakeConnector| drop(source.edit_as("ada", &item, json!({"progress": 60})));
    world.fake(1).plan(Method::Changes, 1, Planned::Meanwhile(Box::new(edit)));
    world.run(config).await;
    world.clock.advance(Duration::from_secs(120));
    world.run(config).await;
    let copy = world.fake(1).item(&world.copy_of(config, &id).await).unwrap();
    assert_eq!(value(&copy, "progress"), json!(60));
    world.assert_in_step(config, FIELDS).await;
}

/// One value that is not there any more does not say that nothing was written, whether the tracker keeps account of its
/// changes or its values alone must tell.
#[tokio::test]
async fn a_write_without_an_answer_is_found_field_by_field() {
    for tells_changes in [true, false] {
        let kept = bobs_edit_after_a_lost_answer(tells_changes, "priority", json!("High")).await;
        assert_eq!(kept, json!("High"), "{tells_changes}");
    }
    assert_eq!(bobs_edit_after_a_lost_answer(true, "progress", Value::Null).await, Value::Null);
    // What went back to how it was is as if it had never been written: nothing tells the two apart.
    assert_eq!(bobs_edit_after_a_lost_answer(false, "progress", Value::Null).await, json!(50));
}

/// Three values are written, the answer is lost, and bob edits one of them: what the copy shows of it at last.
async fn bobs_edit_after_a_lost_answer(tells_changes: bool, field: &str, edit: Value) -> Value {
    let mut world = World::new();
    world.tracker("a", 1).await;
    world.tracker("b", 5_001).await;
    world.fake(1).set_tells_changes(tells_changes);
    let config = world.join_fields(0, 1, FIELDS, |row| {
        row.direction = Direction::Bidirectional;
        row.conflict_resolution = ConflictResolution::TargetPriority;
    });
    let config = config.await;
    let id = world.fake(0).create_as("ada", "bug", json!({"title": "One"}));
    world.run(config).await;
    let edits = json!({"progress": 50, "priority": "Low", "title": "Two"});
    world.fake(0).edit_as("ada", &id, edits);
    world.fake(1).plan(Method::Update, 1, lost());
    world.run(config).await;
    let copy = world.copy_of(config, &id).await;
    world.fake(1).edit_as("bob", &copy, json!({field: edit}));
    world.fake(0).edit_as("ada", &id, json!({"title": "Three"}));
    world.clock.advance(Duration::from_secs(120));
    let run = world.run(config).await;
    assert_eq!((run.totals.conflicts_resolved, run.totals.conflicted), (0, 0), "{field}");
    world.assert_in_step(config, FIELDS).await;
    let copy = world.fake(1).item(&copy).unwrap();
    assert_eq!(value(&copy, "title"), json!("Three"));
    value(&copy, field)
}

/// An item can be read twice in one run: it was changed while the run went on.
#[tokio::test]
async fn a_create_without_an_answer_is_not_made_twice_in_one_run() {
    let mut world = World::new();
    world.tracker("a", 1).await;
    world.tracker("b", 5_001).await;
    let config = world.join_fields(0, 1, FIELDS, |row| row.options.concurrency = 1).await;
    world.fake(0).set_tells_total(false);
    world.fake(1).set_capabilities(|can| can.write_batch = 1);
    let id = world.fake(0).create_as("ada", "bug", json!({"title": "One"}));
    for _ in 0..8 {
        world.clock.advance(Duration::from_secs(1));
        world.fake(0).create_as("ada", "bug", json!({"title": "Another"}));
    }
    world.fake(1).plan(Method::Create, 1, lost());
    let (source, clock, item) = (world.fake(0), world.clock.clone(), id.clone());
    let edit = move |_: &FakeConnector| {
        clock.advance(Duration::from_secs(5));
        source.edit_as("ada", &item, json!({"progress": 60}));
    };
    world.fake(1).plan(Method::Create, 1, Planned::Meanwhile(Box::new(edit)));
    let request = RunRequest { batch: Some(1), ..RunRequest::of(config) };
    world.run_with(request).await;
    world.clock.advance(Duration::from_secs(120));
    world.run(config).await;
    assert_eq!(world.fake(1).items().len(), 9);
    world.assert_in_step(config, FIELDS).await;
}

/// Two people can make the same edit; whose it is, the tracker's account of changes says.
#[tokio::test]
async fn an_edit_that_equals_a_write_that_never_came_is_somebody_elses() {
    let never = Planned::Before(ConnectorError::new(ErrorKind::Ambiguous, "no answer"));
    let (world, config, id) = edited_while_an_answer_was_out(never, json!({"progress": 50})).await;
    world.fake(0).edit_as("ada", &id, json!({"progress": 10}));
    world.run(config).await;
    world.run(config).await;
    let item = world.fake(0).item(&id).unwrap();
    assert_eq!(
        value(&item, "progress"),
        json!(50),
        "bob's edit, which nobody has seen yet, travels"
    );
    world.assert_in_step(config, FIELDS).await;
}

/// What a person has taken back looks as if it had never been written.
#[tokio::test]
async fn a_write_that_was_taken_back_is_not_made_again() {
    let (world, config, id) = edited_while_an_answer_was_out(lost(), json!({"progress": 10})).await;
    world.run(config).await;
    world.run(config).await;
    let item = world.fake(0).item(&id).unwrap();
    assert_eq!(value(&item, "progress"), json!(10), "bob's edit travels");
    world.assert_in_step(config, FIELDS).await;
}

/// A pair whose progress was 10 and went to 50 in a write that got no answer; then bob edited the copy.
async fn edited_while_an_answer_was_out(fate: Planned, edit: Value) -> (World, ConfigId, ItemId) {
    let mut world = World::new();
    world.tracker("a", 1).await;
    world.tracker("b", 5_001).await;
    let config =
        world.join_fields(0, 1, FIELDS, |config| config.direction = Direction::Bidirectional).await;
    let id = world.fake(0).create_as("ada", "bug", json!({"title": "One", "progress": 10}));
    world.run(config).await;
    let copy = world.copy_of(config, &id).await;
    world.fake(0).edit_as("ada", &id, json!({"progress": 50}));
    world.fake(1).plan(Method::Update, 1, fate);
    world.run(config).await;
    world.fake(1).edit_as("bob", &copy, edit);
    world.clock.advance(Duration::from_secs(120));
    (world, config, id)
}
