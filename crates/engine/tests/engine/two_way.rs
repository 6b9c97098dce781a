//! Two-way runs: different fields both arrive, the same field is settled by the configured word.

use std::time::Duration;

use crate::common::{FIELDS, World, seed_bugs, value};
use proptest::prelude::*;
use serde_json::{Value, json};
use syncline_domain::{ConfigId, ConflictResolution, Direction, ItemId};
use syncline_engine::{RunRequest, fault_points};
use syncline_testkit::{Quirks, ScriptedFaultPoints};

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
async fn a_value_set_back_to_what_was_written_once_travels() {
    let (world, config, id, copy) = scene(ConflictResolution::SourcePriority).await;
    let first = field(&world, 1, &copy, "progress");
    for wanted in [json!(50), first] {
        world.fake(1).edit_as("bob", &copy, json!({"progress": wanted}));
        world.run(config).await;
        assert_eq!(field(&world, 0, &id, "progress"), wanted);
    }
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

/// What people and fate do between two runs.
#[derive(Clone, Debug)]
enum Step {
    Create(usize),
    Edit(usize, usize, u8),
    Status(usize, usize, usize),
    Wait(u64),
    Crash(usize, u64),
    Run,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let side = 0..2_usize;
    let step = prop_oneof![
        2 => side.clone().prop_map(Step::Create),
        4 => (side.clone(), 0..9_usize, any::<u8>()).prop_map(|(s, n, v)| Step::Edit(s, n, v)),
        2 => (side, 0..9_usize, 0..5_usize).prop_map(|(s, n, v)| Step::Status(s, n, v)),
        2 => (0..10_u64).prop_map(Step::Wait),
        2 => (0..fault_points::ALL.len(), 1..4_u64).prop_map(|(at, n)| Step::Crash(at, n)),
        4 => Just(Step::Run),
    ];
    proptest::collection::vec(step, 1..40)
}

async fn take(world: &World, config: ConfigId, step: Step) {
    let nth = |side: usize, at: usize| {
        let items = world.fake(side).items();
        (!items.is_empty()).then(|| items[at % items.len()].id.clone())
    };
    match step {
        Step::Create(side) => {
            let count = world.fake(side).items().len();
            let fields = json!({
                "title": format!("Item {count} of {side}"),
                "description": format!("<P>{count}</P>\n<script>no</script> "),
            });
            world.fake(side).create_as("ada", "bug", fields);
        }
        Step::Edit(side, at, to) => {
            let fields = match to % 3 {
                0 => json!({"title": format!("Edit {to} ")}),
                1 => json!({"progress": to % 4}),
                _ => json!({"description": (to % 2 == 0).then(|| format!("<B>{to}</B>"))}),
            };
            if let Some(id) = nth(side, at) {
                world.fake(side).edit_as("bob", &id, fields);
            }
        }
        Step::Status(side, at, to) => {
            if let Some(id) = nth(side, at) {
                let word = ["New", "Active", "Resolved", "Closed", "Removed"][to % 5];
                world.fake(side).set_status_as("eve", &id, word);
            }
        }
        Step::Wait(seconds) => world.clock.advance(Duration::from_secs(seconds)),
        Step::Crash(at, n) => {
            let faults = ScriptedFaultPoints::crash_at(fault_points::ALL[at], n);
            let engine = world.engine_with(std::sync::Arc::new(faults));
            world.run_by(&engine, RunRequest::of(config)).await;
        }
        Step::Run => {
            world.run(config).await;
        }
    }
}

async fn live(steps: Vec<Step>, resolution: ConflictResolution) {
    let (world, config, ..) = scene(resolution).await;
    world.fake(1).set_quirks(Quirks::all());
    for step in steps {
        take(&world, config, step).await;
    }
    for _ in 0..3 {
        world.clock.advance(Duration::from_secs(120));
        world.run(config).await;
    }
    world.fake(0).clear_logs();
    world.fake(1).clear_logs();
    for _ in 0..3 {
        world.clock.advance(Duration::from_secs(120));
        world.run(config).await;
    }
    assert_eq!(world.fake(0).own_effects(), [], "nobody edits, so nothing is written");
    assert_eq!(world.fake(1).own_effects(), [], "nobody edits, so nothing is written");
    let pairs = world.pairs(config).await.len();
    assert_eq!(world.fake(0).items().len(), pairs, "one item of a pair each");
    assert_eq!(world.fake(1).items().len(), pairs, "one item of a pair each");
    // People who take turns on both sides within minutes look like a dance: then a person decides.
    let waits = world.conflicts(config).await.iter().any(|row| row.status.as_str() == "unresolved");
    if resolution == ConflictResolution::SourcePriority && !waits {
        world.assert_in_step(config, &["title", "progress"]).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_two_way_history_comes_to_rest(
        steps in steps(),
        resolution in prop_oneof![
            Just(ConflictResolution::SourcePriority),
            Just(ConflictResolution::LastWriteWins),
            Just(ConflictResolution::Manual),
        ],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(live(steps, resolution));
    }
}

/// The revision after our own write covers whatever was said before it.
#[tokio::test]
async fn a_comment_made_before_our_own_write_is_copied() {
    let mut world = World::new();
    world.tracker("a", 1).await;
    world.tracker("b", 5_001).await;
    let config = world.join_fields(0, 1, FIELDS, |row| {
        row.direction = Direction::Bidirectional;
        row.options.sync_comments = true;
    });
    let config = config.await;
    let id = world.fake(0).create_as("ada", "bug", json!({"title": "One"}));
    world.run(config).await;
    let copy = world.copy_of(config, &id).await;
    world.clock.advance(Duration::from_secs(5));
    world.fake(1).comment_as("bob", &copy, "I have seen this");
    world.fake(0).edit_as("ada", &id, json!({"progress": 50}));
    world.run(config).await;
    assert_eq!(world.fake(0).comments_of(&id).len(), 1);
    world.run(config).await;
    assert_eq!(world.fake(0).comments_of(&id).len(), 1);
    assert_eq!(world.fake(1).comments_of(&copy).len(), 1);
}
