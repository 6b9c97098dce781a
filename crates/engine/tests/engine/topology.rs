//! Several configurations over the same trackers: nothing is copied in circles, and chains flow.

use std::sync::Arc;
use std::time::Duration;

use crate::common::{FIELDS, World, seed_bugs, value};
use serde_json::json;
use syncline_domain::{ConfigId, Direction};
use syncline_engine::RunRequest;
use syncline_testkit::ScriptedFaultPoints;

#[tokio::test]
async fn two_opposite_one_way_configurations_create_nothing_new() {
    let (mut world, there) = World::pair().await;
    let back = world.join(1, 0).await;
    seed_bugs(&world.fake(0), 4);
    for _ in 0..4 {
        world.run(there).await;
        world.run(back).await;
    }
    assert_eq!(world.fake(0).items().len(), 4);
    assert_eq!(world.fake(1).items().len(), 4);
    assert_eq!(world.pairs(back).await.len(), 0);
}

#[tokio::test]
async fn a_copy_that_is_just_being_made_is_not_copied_back() {
    let (mut world, there) = World::pair().await;
    let back = world.join(1, 0).await;
    seed_bugs(&world.fake(0), 2);
    let faults = Arc::new(ScriptedFaultPoints::crash_at("write.after_call", 1));
    world.run_by(&world.engine_with(faults), RunRequest::of(there)).await;
    let early = world.run(back).await;
    assert_eq!((early.totals.created, early.totals.waiting), (0, 2));
    world.run(there).await;
    world.clock.advance(Duration::from_secs(120));
    let late = world.run(back).await;
    assert_eq!((late.totals.created, late.totals.filtered), (0, 2));
    world.assert_in_step(there, FIELDS).await;
}

#[tokio::test]
async fn a_ring_of_three_creates_nothing_new_and_a_chain_flows() {
    let mut world = World::new();
    for (name, first) in [("a", 1), ("b", 1_001), ("c", 2_001)] {
        world.tracker(name, first).await;
    }
    let ring = [world.join(0, 1).await, world.join(1, 2).await, world.join(2, 0).await];
    let ids = seed_bugs(&world.fake(0), 3);
    for _ in 0..4 {
        for config in ring {
            world.run(config).await;
        }
    }
    for at in 0..3 {
        assert_eq!(world.fake(at).items().len(), 3, "tracker {at}");
    }
    world.fake(0).edit_as("ada", &ids[0], json!({"title": "Down the chain"}));
    world.run(ring[0]).await;
    world.run(ring[1]).await;
    let b = world.copy_of(ring[0], &ids[0]).await;
    let c = world.copy_of(ring[1], &b).await;
    assert_eq!(value(&world.fake(2).item(&c).unwrap(), "title"), json!("Down the chain"));
}

#[tokio::test]
async fn a_rewriting_tracker_does_not_bounce_two_ways() {
    let mut world = World::new();
    world.tracker("a", 1).await;
    world.tracker("b", 5_001).await;
    let config =
        world.join_fields(0, 1, FIELDS, |config| config.direction = Direction::Bidirectional).await;
    world.fake(1).set_quirks(syncline_testkit::Quirks::all());
    let ids = seed_bugs(&world.fake(0), 6);
    world.run(config).await;
    world.fake(0).edit_as(
        "ada",
        &ids[0],
        json!({"description": "<P>One</P>\n<script>x</script> "}),
    );
    world.run(config).await;
    world.fake(0).clear_logs();
    world.fake(1).clear_logs();
    for _ in 0..10 {
        let run = world.run(config).await;
        assert_eq!(run.totals.synced(), 0, "{:?}", world.outcomes(&run).await);
    }
    assert!(world.fake(0).own_effects().is_empty());
    assert!(world.fake(1).own_effects().is_empty());
}

/// Every item of every tracker is edited once; after a few rounds nothing is written any more.
async fn comes_to_rest(world: &World, configs: &[ConfigId], trackers: usize, items: usize) {
    for at in 0..trackers {
        assert_eq!(world.fake(at).items().len(), items, "tracker {at} has one copy of each");
        for (n, item) in world.fake(at).items().iter().enumerate() {
            if n % trackers == at {
                let title = format!("Edited {n} on {at}");
                world.fake(at).edit_as("ada", &item.id, json!({"title": title}));
            }
        }
    }
    for _ in 0..trackers + 1 {
        for config in configs {
            world.run(*config).await;
        }
    }
    for at in 0..trackers {
        world.fake(at).clear_logs();
    }
    for _ in 0..10 {
        for config in configs {
            assert_eq!(world.run(*config).await.totals.synced(), 0);
        }
    }
    for at in 0..trackers {
        assert_eq!(world.fake(at).own_effects(), [], "tracker {at}");
        assert_eq!(world.fake(at).items().len(), items, "tracker {at}");
    }
}

#[tokio::test]
async fn opposite_one_way_configurations_come_to_rest() {
    let (mut world, there) = World::pair().await;
    let back = world.join(1, 0).await;
    seed_bugs(&world.fake(0), 20);
    for _ in 0..2 {
        world.run(there).await;
        world.run(back).await;
    }
    comes_to_rest(&world, &[there, back], 2, 20).await;
}

async fn three(links: &[(usize, usize)], direction: Direction) -> (World, Vec<ConfigId>) {
    let mut world = World::new();
    for (name, first) in [("a", 1), ("b", 1_001), ("c", 2_001)] {
        world.tracker(name, first).await;
    }
    let mut configs = Vec::new();
    for (from, to) in links {
        let config =
            world.join_fields(*from, *to, FIELDS, |config| config.direction = direction).await;
        configs.push(config);
    }
    seed_bugs(&world.fake(0), 20);
    for _ in 0..4 {
        for config in &configs {
            world.run(*config).await;
        }
    }
    (world, configs)
}

#[tokio::test]
async fn rings_and_chains_of_three_come_to_rest() {
    for direction in [Direction::OneWay, Direction::Bidirectional] {
        let (world, configs) = three(&[(0, 1), (1, 2), (2, 0)], direction).await;
        comes_to_rest(&world, &configs, 3, 20).await;
        let (world, configs) = three(&[(0, 1), (1, 2)], direction).await;
        comes_to_rest(&world, &configs, 3, 20).await;
        if direction == Direction::Bidirectional {
            for config in configs {
                world.assert_in_step(config, FIELDS).await;
            }
        }
    }
}
