//! Copies that people made by hand before are joined, not made again; pairs made and taken apart by hand.

use crate::common::{FIELDS, World, seed_bugs, value};
use serde_json::json;
use syncline_domain::{ConfigId, Fault, ItemState, MatchExisting, OnMany, TargetEdits};
use syncline_engine::{OnNextRun, PairError, PreviewAction, PreviewRequest};
use syncline_testkit::{EffectOp, Method};

async fn matching(on_many: OnMany, edits: TargetEdits) -> (World, ConfigId) {
    let mut world = World::new();
    world.tracker("a", 1).await;
    world.tracker("b", 5_001).await;
    let config = world
        .join_fields(0, 1, FIELDS, |config| {
            config.options.target_edits = edits;
            config.options.match_existing = Some(MatchExisting {
                source_field: "title".into(),
                target_field: "title".into(),
                on_many,
            });
        })
        .await;
    (world, config)
}

#[tokio::test]
async fn fifty_tickets_that_are_there_already_make_no_create() {
    let (world, config) = matching(OnMany::Ask, TargetEdits::Overwrite).await;
    seed_bugs(&world.fake(0), 50);
    seed_bugs(&world.fake(1), 50);
    let (source, target) = world.ends(config).await;
    let request = PreviewRequest {
        config_id: config,
        direction: None,
        full: false,
        item_ids: None,
        limit: 1_000,
    };
    let preview = world.engine().preview(request, source, target).await.unwrap();
    assert_eq!(preview.summary.to_link, 50);
    assert!(preview.items.iter().all(|item| item.action == PreviewAction::Link));

    let run = world.run(config).await;
    assert_eq!((run.totals.linked, run.totals.created), (50, 0));
    assert!(world.fake(1).own_effects().is_empty(), "equal fields need no write");
    world.assert_in_step(config, FIELDS).await;
    let idle = world.run(config).await;
    assert_eq!(idle.totals.synced(), 0);
}

#[tokio::test]
async fn a_joined_item_that_differs_is_brought_into_step_or_kept() {
    for (edits, wanted) in [(TargetEdits::Overwrite, "High"), (TargetEdits::Keep, "Low")] {
        let (world, config) = matching(OnMany::Ask, edits).await;
        let id = world.fake(0).create_as("ada", "bug", json!({"title": "One", "priority": "High"}));
        world.fake(1).create_as(
            "bob",
            "bug",
            json!({"title": " one ", "priority": "Low", "progress": 7}),
        );
        // The tracker compares without letter case; outer blanks are its own affair.
        let copies = world.fake(1).items();
        world.fake(1).edit_as("bob", &copies[0].id, json!({"title": "ONE"}));
        let run = world.run(config).await;
        assert_eq!(run.totals.linked, 1, "{edits}");
        let copy = world.fake(1).item(&world.copy_of(config, &id).await).unwrap();
        assert_eq!(value(&copy, "priority"), json!(wanted), "{edits}");
        assert_eq!(value(&copy, "progress"), json!(7), "what the source never had is not cleared");
        world.fake(0).edit_as("ada", &id, json!({"priority": "Normal"}));
        world.run(config).await;
        let copy = world.fake(1).item(&copy.id).unwrap();
        assert_eq!(value(&copy, "priority"), json!("Normal"), "{edits}: nobody edited it since");
    }
}

#[tokio::test]
async fn several_hits_go_to_a_person_or_are_passed_over() {
    for (on_many, state) in
        [(OnMany::Ask, ItemState::Conflicted), (OnMany::Skip, ItemState::Filtered)]
    {
        let (world, config) = matching(on_many, TargetEdits::Overwrite).await;
        world.fake(0).create_as("ada", "bug", json!({"title": "Twice"}));
        for _ in 0..2 {
            world.fake(1).create_as("bob", "bug", json!({"title": "Twice"}));
        }
        let run = world.run(config).await;
        let outcomes = world.outcomes(&run).await;
        assert_eq!(outcomes[0].state, state);
        assert_eq!(world.fake(1).items().len(), 2);
    }
}

#[tokio::test]
async fn two_source_items_never_share_a_copy() {
    let (world, config) = matching(OnMany::Ask, TargetEdits::Overwrite).await;
    for _ in 0..2 {
        world.fake(0).create_as("ada", "bug", json!({"title": "Twice"}));
    }
    world.fake(1).create_as("bob", "bug", json!({"title": "Twice"}));
    let run = world.run(config).await;
    assert_eq!((run.totals.conflicted, run.totals.created), (2, 0));
}

#[tokio::test]
async fn a_pair_made_by_hand_writes_nothing_until_something_changes() {
    let (world, config) = World::pair().await;
    let left = world.fake(0).create_as("ada", "bug", json!({"title": "Left", "progress": 1}));
    let right = world.fake(1).create_as("bob", "bug", json!({"title": "Right", "estimate": 5}));
    let engine = world.engine();
    let (source, target) = world.ends(config).await;
    let pair =
        engine.pair_by_hand(config, &left, &right, source.clone(), target.clone()).await.unwrap();
    let again = engine.pair_by_hand(config, &left, &right, source.clone(), target.clone()).await;
    assert!(matches!(again, Err(PairError::Paired { pair: there, .. }) if there == pair));
    let nowhere = engine.pair_by_hand(config, &left, &"999999".into(), source, target).await;
    assert!(matches!(nowhere, Err(PairError::NoItem(_))));

    let run = world.run(config).await;
    assert_eq!(run.totals.unchanged, 1, "{:?}", world.outcomes(&run).await);
    assert!(world.fake(1).own_effects().is_empty());
    world.fake(0).edit_as("ada", &left, json!({"progress": 2}));
    world.run(config).await;
    let copy = world.fake(1).item(&right).unwrap();
    assert_eq!(value(&copy, "progress"), json!(2));
    assert_eq!(value(&copy, "title"), json!("Right"), "what was not edited stays");
    assert_eq!(value(&copy, "estimate"), json!(5));
}

#[tokio::test]
async fn a_pair_taken_apart_is_ignored_or_made_anew() {
    for (next, items) in [(OnNextRun::Ignore, 1), (OnNextRun::Create, 2)] {
        let (world, config) = World::pair().await;
        let id = seed_bugs(&world.fake(0), 1).remove(0);
        world.run(config).await;
        let pair = world.pairs(config).await[0].id;
        world.engine().unpair(config, pair, next).await.unwrap();
        let gone = world.engine().unpair(config, 77.into(), next).await;
        assert!(matches!(gone, Err(Fault::NotFound(_))));
        world.fake(0).edit_as("ada", &id, json!({"title": "Again"}));
        let run = world.run(config).await;
        assert_eq!(run.totals.total(), 1);
        assert_eq!(world.fake(1).items().len(), items);
        let creates =
            world.fake(1).own_effects().iter().filter(|one| one.op == EffectOp::Create).count();
        assert_eq!(creates, items);
        assert_eq!(world.fake(1).count(Method::Update), 0);
    }
}
