//! Two-way runs: different fields both arrive, the same field is settled by the configured word.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::time::Duration;

use common::{FIELDS, World, seed_bugs, value};
use serde_json::{Value, json};
use syncline_domain::{ConfigId, ConflictResolution, Direction, ItemId};

async fn scene(resolution: ConflictResolution) -> (World, ConfigId, ItemId, ItemId) {
    let mut world = World::new();
    world.tracker("a", 1).await;
    world.tracker("b", 5_001).await;
    let config = world
        .join_fields(0, 1, FIELDS, |config| {
            config.direction = Direction::Bidirectional;
            config.conflict_resolution = resolution;
        })
        .await;
    let id = seed_bugs(&world.fake(0), 1).remove(0);
    let run = world.run(config).await;
    assert_eq!(run.totals.total(), 1, "a pair that was just made is counted once");
    let copy = world.copy_of(config, &id).await;
    (world, config, id, copy)
}

fn field(world: &World, at: usize, id: &ItemId, name: &str) -> Value {
    value(&world.fake(at).item(id).unwrap(), name)
}

#[tokio::test]
async fn items_of_both_sides_get_their_copies() {
    let (world, config, ..) = scene(ConflictResolution::Manual).await;
    seed_bugs(&world.fake(1), 2);
    let run = world.run(config).await;
    assert_eq!(run.totals.created, 2);
    world.assert_in_step(config, FIELDS).await;
    for _ in 0..10 {
        assert_eq!(world.run(config).await.totals.synced(), 0);
    }
}

#[tokio::test]
async fn different_fields_edited_on_both_sides_both_arrive() {
    let (world, config, id, copy) = scene(ConflictResolution::Manual).await;
    world.fake(0).edit_as("ada", &id, json!({"title": "From the source"}));
    world.fake(1).edit_as("bob", &copy, json!({"progress": 0, "priority": "High"}));
    world.fake(1).set_status_as("bob", &copy, "Resolved");
    let run = world.run(config).await;
    assert_eq!(run.totals.conflicted, 0);
    world.assert_in_step(config, FIELDS).await;
    assert_eq!(field(&world, 1, &copy, "title"), json!("From the source"));
    assert_eq!(field(&world, 0, &id, "progress"), json!(0));
    assert_eq!(world.fake(0).item(&id).unwrap().status.as_deref(), Some("Resolved"));
    for _ in 0..10 {
        assert_eq!(world.run(config).await.totals.synced(), 0);
    }
}

#[tokio::test]
async fn the_same_field_is_settled_by_the_configured_word() {
    use ConflictResolution::{LastWriteWins, Manual, Merge, SourcePriority, TargetPriority};
    for (word, source, target, resolved) in [
        (SourcePriority, "S", "S", 1),
        (TargetPriority, "T", "T", 1),
        (LastWriteWins, "T", "T", 1),
        (Manual, "S", "T", 0),
        (Merge, "S", "T", 0),
    ] {
        let (world, config, id, copy) = scene(word).await;
        world.fake(0).edit_as("ada", &id, json!({"title": "S", "tags": ["new"]}));
        world.clock.advance(Duration::from_secs(60));
        world.fake(1).edit_as("bob", &copy, json!({"title": "T"}));
        let run = world.run(config).await;
        assert_eq!(field(&world, 0, &id, "title"), json!(source), "{word}");
        assert_eq!(field(&world, 1, &copy, "title"), json!(target), "{word}");
        assert_eq!(field(&world, 1, &copy, "tags"), json!(["new"]), "{word}: others travel");
        assert_eq!(run.totals.conflicts_resolved, resolved, "{word}");
        assert_eq!(run.totals.conflicted > 0, resolved == 0, "{word}");
        for _ in 0..5 {
            assert_eq!(world.run(config).await.totals.synced(), 0, "{word}");
        }
        assert_eq!(field(&world, 0, &id, "title"), json!(source), "{word}: it stays");
        assert_eq!(field(&world, 1, &copy, "title"), json!(target), "{word}: it stays");
    }
}

#[tokio::test]
async fn the_same_value_on_both_sides_is_no_conflict() {
    let (world, config, id, copy) = scene(ConflictResolution::Manual).await;
    world.fake(0).edit_as("ada", &id, json!({"title": "Same"}));
    world.fake(1).edit_as("bob", &copy, json!({"title": "Same"}));
    let run = world.run(config).await;
    assert_eq!((run.totals.conflicted, run.totals.synced()), (0, 0));
    world.fake(0).edit_as("ada", &id, json!({"title": "Next"}));
    world.run(config).await;
    assert_eq!(field(&world, 1, &copy, "title"), json!("Next"));
}

#[tokio::test]
async fn an_edit_made_while_the_run_writes_is_merged() {
    let (world, config, id, copy) = scene(ConflictResolution::Manual).await;
    world.fake(0).edit_as("ada", &id, json!({"title": "New"}));
    let other = copy.clone();
    world.fake(1).plan(
        syncline_testkit::Method::Apply,
        1,
        syncline_testkit::Planned::Meanwhile(Box::new(move |fake| {
            fake.edit_as("bob", &other, json!({"estimate": 0}));
        })),
    );
    world.run(config).await;
    world.run(config).await;
    world.assert_in_step(config, FIELDS).await;
    assert_eq!(field(&world, 0, &id, "estimate"), json!(0));
}

#[tokio::test]
async fn each_of_200_items_edited_once_is_written_once() {
    let (world, config, ..) = scene(ConflictResolution::LastWriteWins).await;
    let ids = seed_bugs(&world.fake(0), 199);
    world.run(config).await;
    world.fake(1).clear_logs();
    for id in world.fake(0).items().into_iter().map(|item| item.id) {
        world.fake(0).edit_as("ada", &id, json!({"title": format!("Edited {id}")}));
    }
    world.run(config).await;
    assert_eq!(world.fake(1).own_effects().len(), ids.len() + 1);
    world.fake(0).clear_logs();
    world.fake(1).clear_logs();
    for _ in 0..10 {
        world.run(config).await;
    }
    assert!(world.fake(0).own_effects().is_empty());
    assert!(world.fake(1).own_effects().is_empty());
}
