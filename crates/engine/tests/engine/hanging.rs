//! Links and files in both directions: once each, never back, and never again after somebody took them away.

use std::time::Duration;

use crate::common::{FIELDS, World};
use serde_json::json;
use syncline_domain::ports::{ConnectorError, ErrorKind};
use syncline_domain::{ConfigId, Direction, Execution, ItemId, Options};
use syncline_testkit::{EffectOp, Method, Planned, Quirks};

async fn both_ways(options: impl FnOnce(&mut Options)) -> (World, ConfigId) {
    let mut world = World::new();
    world.tracker("a", 1).await;
    world.tracker("b", 5_001).await;
    let config = world.join_fields(0, 1, FIELDS, |row| {
        row.direction = Direction::Bidirectional;
        options(&mut row.options);
    });
    let config = config.await;
    (world, config)
}

fn bug(world: &World, at: usize, title: &str) -> ItemId {
    world.clock.advance(Duration::from_secs(5));
    world.fake(at).create_as("ada", "bug", json!({"title": title}))
}

async fn run(world: &World, config: ConfigId) -> Execution {
    world.clock.advance(Duration::from_secs(60));
    world.run(config).await
}

fn our(world: &World, op: EffectOp) -> usize {
    let of_one = |at| world.fake(at).own_effects().iter().filter(|one| one.op == op).count();
    of_one(0) + of_one(1)
}

fn words(world: &World, at: usize, id: &ItemId) -> Vec<(String, ItemId)> {
    let links = world.fake(at).links_of(id);
    links.into_iter().map(|link| (link.relation, link.other)).collect()
}

#[tokio::test]
async fn a_link_is_made_when_its_other_end_comes() {
    let (world, config) = both_ways(|options| options.sync_links = true).await;
    let one = bug(&world, 0, "One");
    run(&world, config).await;
    let two = bug(&world, 0, "Two");
    world.fake(0).link_as("ada", &one, "blocks", &two);
    // Only the first is named: the other end has no copy yet.
    let named = syncline_engine::RunRequest {
        item_ids: Some(vec![one.clone()]),
        ..syncline_engine::RunRequest::of(config)
    };
    world.run_with(named).await;
    let copy = world.copy_of(config, &one).await;
    assert_eq!(words(&world, 1, &copy), []);
    run(&world, config).await;
    let other = world.copy_of(config, &two).await;
    assert_eq!(words(&world, 1, &copy), [("blocks".to_owned(), other.clone())]);
    assert_eq!(words(&world, 1, &other), [("blocked".to_owned(), copy)]);
    for _ in 0..3 {
        run(&world, config).await;
    }
    assert_eq!(our(&world, EffectOp::Link), 1);
    assert_eq!(words(&world, 0, &one).len(), 1);
}

#[tokio::test]
async fn a_link_that_somebody_took_away_is_not_made_again() {
    let (world, config) = both_ways(|options| options.sync_links = true).await;
    let (one, two) = (bug(&world, 0, "One"), bug(&world, 0, "Two"));
    world.fake(0).link_as("ada", &one, "relates", &two);
    run(&world, config).await;
    assert_eq!(our(&world, EffectOp::Link), 1);
    world.fake(0).unlink_as("ada", &one, &two);
    let copy = world.copy_of(config, &one).await;
    world.clock.advance(Duration::from_secs(5));
    world.fake(1).edit_as("bob", &copy, json!({"progress": 10}));
    run(&world, config).await;
    assert_eq!(our(&world, EffectOp::Link), 1);
    assert_eq!(words(&world, 0, &one), []);
}

#[tokio::test]
async fn a_refused_link_is_told_on_the_row_and_fails_nothing() {
    let (world, config) = both_ways(|options| options.sync_links = true).await;
    let (one, two) = (bug(&world, 0, "One"), bug(&world, 0, "Two"));
    world.fake(0).link_as("ada", &one, "parent", &two);
    let refusal = ConnectorError::new(ErrorKind::Invalid, "no parents here");
    world.fake(1).plan(Method::AddLink, 1, Planned::Before(refusal.clone()));
    world.fake(1).plan(Method::AddLink, 2, Planned::Before(refusal));
    let run = run(&world, config).await;
    assert_eq!((run.totals.created, run.totals.failed), (2, 0));
    let rows = world.outcomes(&run).await;
    assert!(
        rows.iter().any(|row| row.rule.as_ref().is_some_and(|rule| rule.contains("no parents")))
    );
}

#[tokio::test]
async fn files_are_carried_once_and_never_back() {
    let (world, config) = both_ways(|options| options.sync_attachments = true).await;
    let id = bug(&world, 0, "One");
    world.fake(0).attach_as("ada", &id, "picture.png", &[1, 2, 3]);
    run(&world, config).await;
    let copy = world.copy_of(config, &id).await;
    world.clock.advance(Duration::from_secs(5));
    world.fake(1).attach_as("bob", &copy, "log.txt", b"what happened");
    for _ in 0..4 {
        run(&world, config).await;
    }
    let wanted = [
        ("picture.png".to_owned(), vec![1, 2, 3]),
        ("log.txt".to_owned(), b"what happened".to_vec()),
    ];
    assert_eq!(world.fake(0).files_of(&id), wanted);
    assert_eq!(world.fake(1).files_of(&copy), wanted);
    assert_eq!(our(&world, EffectOp::Attach), 2);
    world.fake(0).detach_as("ada", &id, "picture.png");
    world.clock.advance(Duration::from_secs(5));
    world.fake(1).edit_as("bob", &copy, json!({"progress": 10}));
    run(&world, config).await;
    assert_eq!(world.fake(0).files_of(&id).len(), 1, "what was taken away is not hung up again");
    assert_eq!(our(&world, EffectOp::Attach), 2);
}

#[tokio::test]
async fn a_file_whose_answer_was_lost_is_not_copied_twice() {
    let (world, config) = both_ways(|options| options.sync_attachments = true).await;
    let id = bug(&world, 0, "One");
    world.fake(0).attach_as("ada", &id, "picture.png", &[1, 2, 3]);
    let lost = ConnectorError::new(ErrorKind::Ambiguous, "the answer was lost");
    world.fake(1).plan(Method::Attach, 1, Planned::After(lost));
    let first = run(&world, config).await;
    assert_eq!(first.totals.failed, 1);
    world.clock.advance(Duration::from_secs(3_600));
    run(&world, config).await;
    let copy = world.copy_of(config, &id).await;
    assert_eq!(world.fake(1).files_of(&copy).len(), 1);
}

#[tokio::test]
async fn a_file_that_is_too_large_is_told_on_the_row() {
    let (world, config) = both_ways(|options| {
        options.sync_attachments = true;
        options.attachments_max_bytes = 2;
    })
    .await;
    let id = bug(&world, 0, "One");
    world.fake(0).attach_as("ada", &id, "picture.png", &[1, 2, 3]);
    let run = run(&world, config).await;
    assert_eq!((run.totals.created, run.totals.failed), (1, 0));
    let rows = world.outcomes(&run).await;
    let told = rows[0].rule.clone().unwrap_or_default();
    assert!(told.contains("picture.png") && told.contains("larger than 2 bytes"), "{told}");
    assert_eq!(world.fake(1).files_of(&world.copy_of(config, &id).await), []);
}

#[tokio::test]
async fn a_large_file_is_carried_whole() {
    let (world, config) = both_ways(|options| options.sync_attachments = true).await;
    let id = bug(&world, 0, "One");
    let bytes: Vec<u8> = (0..=250).cycle().take(5_000_000).collect();
    world.fake(0).attach_as("ada", &id, "film.bin", &bytes);
    let run = run(&world, config).await;
    assert_eq!((run.totals.created, run.totals.failed), (1, 0));
    let copied = world.fake(1).files_of(&world.copy_of(config, &id).await);
    assert!(copied == [("film.bin".to_owned(), bytes)]);
}

#[tokio::test]
async fn another_file_of_the_same_name_and_size_is_not_taken_for_the_copy() {
    let (world, config) = both_ways(|options| options.sync_attachments = true).await;
    let id = bug(&world, 0, "One");
    run(&world, config).await;
    let copy = world.copy_of(config, &id).await;
    world.clock.advance(Duration::from_secs(5));
    world.fake(0).attach_as("ada", &id, "log.txt", b"what ada saw");
    world.fake(1).attach_as("bob", &copy, "log.txt", b"what bob saw");
    for _ in 0..4 {
        run(&world, config).await;
    }
    for (at, id) in [(0, &id), (1, &copy)] {
        let mut files: Vec<Vec<u8>> =
            world.fake(at).files_of(id).into_iter().map(|(_, bytes)| bytes).collect();
        files.sort();
        assert_eq!(files, [b"what ada saw", b"what bob saw"], "{at}");
    }
    assert_eq!(our(&world, EffectOp::Attach), 2);
}

#[tokio::test]
async fn a_copy_that_has_other_bytes_is_told_on_the_row() {
    let (world, config) = both_ways(|options| options.sync_attachments = true).await;
    world.fake(1).set_quirks(Quirks { spoils_files: true, ..Quirks::default() });
    let id = bug(&world, 0, "One");
    world.fake(0).attach_as("ada", &id, "picture.png", &[1, 2, 3]);
    let first = run(&world, config).await;
    assert_eq!((first.totals.created, first.totals.failed), (1, 0));
    let told = world.outcomes(&first).await[0].rule.clone().unwrap_or_default();
    assert!(told.contains("picture.png") && told.contains("does not show the bytes"), "{told}");
    for _ in 0..3 {
        run(&world, config).await;
    }
    assert_eq!(our(&world, EffectOp::Attach), 1, "the same bytes again would not help");
}
