//! A census finds every drift by its cause, finds no other, and writes nothing.

use std::time::Duration;

use crate::common::{FIELDS, World, seed_bugs};
use serde_json::json;
use syncline_domain::ports::{ConnectorError, ErrorKind, StoreExt as _};
use syncline_domain::{ConfigId, ConflictResolution, Direction, ItemId, MappingType, Pair, Side};
use syncline_engine::{Census, DriftCause, OnNextRun, PreviewError};
use syncline_testkit::Method;

async fn two_ways(count: usize) -> (World, ConfigId, Vec<ItemId>, Vec<ItemId>) {
    let mut world = World::new();
    world.tracker("a", 1).await;
    world.tracker("b", 5_001).await;
    let config = world
        .join_fields(0, 1, FIELDS, |config| {
            config.direction = Direction::Bidirectional;
            config.conflict_resolution = ConflictResolution::Manual;
        })
        .await;
    let ids = seed_bugs(&world.fake(0), count);
    world.run(config).await;
    let mut copies = Vec::with_capacity(ids.len());
    for id in &ids {
        copies.push(world.copy_of(config, id).await);
    }
    (world, config, ids, copies)
}

async fn census(world: &World, config: ConfigId) -> Census {
    let (source, target) = world.ends(config).await;
    world.engine().census(config, source, target).await.unwrap()
}

async fn change_pair(world: &World, config: ConfigId, id: &ItemId, change: impl FnOnce(&mut Pair)) {
    let mut pair = world.pairs(config).await.into_iter().find(|p| p.source_item_id == *id).unwrap();
    change(&mut pair);
    world.store.tx("change_pair", move |tx| tx.update_pair(&pair)).await.unwrap();
}

/// What was found, in a form that is easily compared: cause, item, field.
fn found(census: &Census) -> Vec<(DriftCause, String, String)> {
    let mut all: Vec<_> = census
        .drift
        .iter()
        .map(|one| {
            let item = one.source_id.as_ref().or(one.target_id.as_ref()).unwrap().to_string();
            let field = one.field.as_ref().map(ToString::to_string).unwrap_or_default();
            (one.cause, item, field)
        })
        .collect();
    all.sort();
    all
}

#[tokio::test]
async fn planted_drifts_are_found_by_their_cause_and_no_other() {
    let (world, config, ids, copies) = two_ways(20).await;
    let (source, target) = world.ends(config).await;
    assert_eq!(census(&world, config).await.total(), 0, "all is in step");

    // A conflict waits.
    source.edit_as("ada", &ids[8], json!({"title": "of the source"}));
    target.edit_as("bob", &copies[8], json!({"title": "of the target"}));
    world.run(config).await;
    world.clock.advance(Duration::from_secs(5));

    source.delete_as("ada", &ids[0]);
    target.delete_as("bob", &copies[1]);
    source.delete_as("ada", &ids[2]);
    target.delete_as("bob", &copies[2]);
    source.edit_as("ada", &ids[3], json!({"title": "edited"}));
    target.edit_as("bob", &copies[4], json!({"priority": "High", "external": "not mapped"}));
    source.edit_as("ada", &ids[5], json!({"estimate": 11}));
    target.edit_as("bob", &copies[5], json!({"estimate": 12}));
    // The revision is the one that was recorded, and the value is not.
    let version = target.edit_as("bob", &copies[6], json!({"title": "silent"})).version;
    change_pair(&world, config, &ids[6], |pair| pair.target_version = version).await;
    let version = source.edit_as("ada", &ids[7], json!({"tags": ["silent"]})).version;
    change_pair(&world, config, &ids[7], |pair| pair.source_version = version).await;
    // The pair names an item of a type that is not mapped.
    let task = target.create_as("bob", "task", json!({"title": "A task"}));
    target.delete_as("bob", &copies[9]);
    let other = task.clone();
    change_pair(&world, config, &ids[9], |pair| pair.target_item_id = Some(other)).await;
    let lonely = source.create_as("ada", "bug", json!({"title": "new on the source"}));
    let stray = target.create_as("bob", "bug", json!({"title": "new on the target"}));
    let copy = target.item(&copies[10]).unwrap();
    let said = copy.fields.iter().filter(|(field, _)| FIELDS.contains(&field.as_str()));
    let said: serde_json::Map<String, serde_json::Value> =
        said.map(|(field, value)| (field.to_string(), value.clone())).collect();
    let twice = target.create_in_status("ada", "bug", said.into(), copy.status.as_deref());

    // None of these is a drift: both sides say the same, no rule knows the field, a person took the pair apart.
    source.edit_as("ada", &ids[11], json!({"title": "the same"}));
    target.edit_as("bob", &copies[11], json!({"title": "the same"}));
    source.edit_as("ada", &ids[12], json!({"external": "not mapped"}));
    let apart = world.pairs(config).await;
    let apart = apart.iter().find(|pair| pair.source_item_id == ids[13]).unwrap().id;
    world.engine().unpair(config, apart, OnNextRun::Ignore).await.unwrap();

    source.clear_logs();
    target.clear_logs();
    let census = census(&world, config).await;
    let plain = |cause, id: &ItemId| (cause, id.to_string(), String::new());
    let field = |cause, id: &ItemId, field: &str| (cause, id.to_string(), field.to_owned());
    let mut planted = vec![
        plain(DriftCause::MissingOnSource, &ids[0]),
        plain(DriftCause::MissingOnTarget, &ids[1]),
        plain(DriftCause::MissingOnBoth, &ids[2]),
        field(DriftCause::EditedOnSource, &ids[3], "title"),
        field(DriftCause::EditedOnTarget, &ids[4], "priority"),
        field(DriftCause::EditedOnBoth, &ids[5], "estimate"),
        field(DriftCause::SilentlyDifferent, &ids[6], "title"),
        field(DriftCause::SilentlyDifferent, &ids[7], "tags"),
        field(DriftCause::InConflict, &ids[8], "title"),
        plain(DriftCause::TypeMismatch, &ids[9]),
        plain(DriftCause::UnpairedOnSource, &lonely),
        plain(DriftCause::UnpairedOnTarget, &stray),
        plain(DriftCause::Duplicate, &twice),
    ];
    planted.sort();
    assert_eq!(found(&census), planted, "{:#?}", census.drift);
    assert_eq!(census.total(), 13);
    assert_eq!((census.pairs, census.resting, census.in_step), (19, 1, 9));
    let silent = |id: &ItemId| {
        census.drift.iter().find(|one| one.source_id.as_ref() == Some(id)).unwrap().clone()
    };
    assert_eq!(silent(&ids[6]).side, Some(Side::Target));
    assert_eq!(silent(&ids[6]).shown, Some(json!("silent")));
    assert_eq!(silent(&ids[7]).side, Some(Side::Source));
    assert!(census.drift.iter().all(|one| !one.message.is_empty()));
    assert_eq!(source.own_effects(), [], "nothing is written");
    assert_eq!(target.own_effects(), [], "nothing is written");
}

#[tokio::test]
async fn one_way_a_changed_rule_and_foreign_items() {
    let (world, config) = World::pair().await;
    let (source, target) = world.ends(config).await;
    let ids = seed_bugs(&source, 5);
    world.run(config).await;
    let copy = world.copy_of(config, &ids[1]).await;
    target.edit_as("bob", &copy, json!({"title": "by bob"}));
    target.create_as("bob", "bug", json!({"title": "people's own"}));
    let census_of_edit = census(&world, config).await;
    assert_eq!(
        found(&census_of_edit),
        [(DriftCause::EditedOnTarget, ids[1].to_string(), "title".to_owned())]
    );
    world
        .store
        .tx("change_rule", move |tx| {
            let mut rule = tx.field_mappings(config)?.remove(0);
            rule.mapping_type = MappingType::Transformation;
            rule.transformation = Some(json!({"name": "prefix", "args": ["X "]}));
            tx.update_field_mapping(&rule)
        })
        .await
        .unwrap();
    let after = census(&world, config).await;
    assert_eq!(after.counts.get(&DriftCause::RulesDiffer), Some(&4), "{:#?}", after.drift);
    assert_eq!(after.counts.get(&DriftCause::EditedOnTarget), Some(&1));
    assert_eq!(after.total(), 5);
    let one = after.drift.iter().find(|one| one.cause == DriftCause::RulesDiffer).unwrap();
    assert!(one.expected.as_ref().unwrap().as_str().unwrap().starts_with("X Bug"));
}

#[tokio::test]
async fn a_census_of_a_thousand_pairs_is_a_page_of_each_side_at_a_time() {
    let (world, config, ids, _) = two_ways(1_000).await;
    let (source, target) = world.ends(config).await;
    source.edit_as("ada", &ids[0], json!({"title": "edited"}));
    source.clear_logs();
    target.clear_logs();
    let census = census(&world, config).await;
    assert_eq!((census.total(), census.in_step), (1, 999));
    assert_eq!((census.source_items, census.target_items), (1_000, 1_000));
    let pages = |can: usize| 1_000_usize.div_ceil(can);
    let batch = syncline_domain::ports::Connector::capabilities(source.as_ref()).fetch_batch;
    let requests = source.requests().len() + target.requests().len();
    // The pages of both sides, perhaps a look whether there are more, and the suspects of both sides.
    assert!(requests <= 2 * (pages(batch) + 1) + 2, "{requests} requests, {batch} items each");
}

#[tokio::test]
async fn a_census_that_cannot_be_taken_says_why() {
    let (world, config) = World::pair().await;
    let (source, target) = world.ends(config).await;
    let unknown = world.engine().census(99.into(), source.clone(), target.clone()).await;
    assert!(matches!(unknown, Err(PreviewError::NotFound(_))));
    let away = ConnectorError::new(ErrorKind::Unavailable, "the tracker is away");
    target.fail_always(Method::Changes, away);
    let failed = world.engine().census(config, source, target).await;
    assert!(matches!(failed, Err(PreviewError::Connector(_))), "{failed:?}");
}
