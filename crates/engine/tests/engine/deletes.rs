//! Deleted items: confirmed, followed by the policy, never made again, and brought back to life with their pair.

use std::sync::Arc;

use crate::common::{FIELDS, World, seed_bugs, value};
use serde_json::json;
use syncline_domain::ports::{ConnectorError, ErrorKind, StoreExt as _};
use syncline_domain::{
    ConfigId, ConflictResolution, DeletePolicy, Direction, Execution, ExecutionStatus, ItemId,
    ItemState, Options, Side,
};
use syncline_engine::{RunRequest, fault_points};
use syncline_testkit::{EffectOp, Method, Planned, ScriptedFaultPoints};

const N: usize = 4;

struct Scene {
    world: World,
    config: ConfigId,
    items: Vec<ItemId>,
    copies: Vec<ItemId>,
}

/// Some bugs with copies, in step.
async fn scene(direction: Direction, options: impl FnOnce(&mut Options)) -> Scene {
    let mut world = World::new();
    world.tracker("a", 1).await;
    world.tracker("b", 5_001).await;
    for at in [0, 1] {
        world.fake(at).set_capabilities(|can| {
            can.delete = true;
            can.comments = true;
        });
    }
    let config = world
        .join_fields(0, 1, FIELDS, |row| {
            row.direction = direction;
            row.conflict_resolution = ConflictResolution::Manual;
            options(&mut row.options);
        })
        .await;
    let items = seed_bugs(&world.fake(0), N);
    world.run(config).await;
    let mut copies = Vec::new();
    for item in &items {
        copies.push(world.copy_of(config, item).await);
    }
    Scene { world, config, items, copies }
}

async fn of_source(policy: DeletePolicy) -> Scene {
    scene(Direction::OneWay, |options| options.source_delete_policy = policy).await
}

impl Scene {
    async fn run(&self) -> Execution {
        self.world.run(self.config).await
    }

    fn creates(&self, at: usize) -> usize {
        let effects = self.world.fake(at).own_effects();
        effects.iter().filter(|effect| effect.op == EffectOp::Create).count()
    }

    fn deletes(&self, at: usize) -> usize {
        let effects = self.world.fake(at).own_effects();
        effects.iter().filter(|effect| effect.op == EffectOp::Delete).count()
    }

    async fn rule_of(&self, run: &Execution, item: &ItemId) -> String {
        let outcomes = self.world.outcomes(run).await;
        let mut of_item = outcomes.iter().filter(|one| one.source_id.as_ref() == Some(item));
        of_item.find_map(|one| one.rule.clone()).unwrap_or_default()
    }

    async fn idle(&self) {
        for _ in 0..3 {
            let run = self.run().await;
            assert_eq!(run.totals.synced(), 0, "{:?}", run.totals);
            assert_eq!(run.totals.errors(), 0, "{:?}", run.totals);
        }
    }
}

#[tokio::test]
async fn each_policy_does_what_it_says_and_makes_nothing_again() {
    use DeletePolicy::{Close, Delete, Ignore, Unlink};
    for (policy, deleted, status, is_there, notes) in [
        (Ignore, 0, "New", true, 0),
        (Unlink, 0, "New", true, 1),
        (Close, 1, "Removed", true, 0),
        (Delete, 1, "", false, 0),
    ] {
        let scene = of_source(policy).await;
        let (item, copy) = (&scene.items[0], &scene.copies[0]);
        scene.world.fake(0).delete_as("ada", item);
        // What is ignored is not looked for; a delivery names it.
        let named =
            RunRequest { item_ids: Some(vec![item.clone()]), ..RunRequest::of(scene.config) };
        let run = scene.world.run_with(named).await;
        assert_eq!(run.status, ExecutionStatus::Completed, "{policy}");
        assert_eq!((run.totals.deleted, run.totals.total()), (deleted, 1), "{policy}");
        let rule = scene.rule_of(&run, item).await;
        assert!(rule.contains("source_delete_policy") && rule.contains(policy.as_str()), "{rule}");
        let left = scene.world.fake(1).item(copy);
        assert_eq!(left.is_some(), is_there, "{policy}");
        if let Some(left) = left {
            assert_eq!(left.status.as_deref(), Some(status), "{policy}");
            assert_eq!(scene.world.fake(1).comments_of(copy).len(), notes, "{policy}");
        }
        scene.idle().await;
        assert_eq!(scene.creates(1), N, "{policy}: nothing is made again");
    }
}

#[tokio::test]
async fn runs_find_deleted_items_by_themselves_with_one_fetch_a_side() {
    let scene = of_source(DeletePolicy::Close).await;
    scene.world.fake(0).delete_as("ada", &scene.items[2]);
    scene.world.fake(0).clear_logs();
    let run = scene.run().await;
    assert_eq!((run.totals.deleted, run.totals.errors()), (1, 0));
    assert_eq!(scene.world.fake(0).count(Method::Fetch), 1);
    scene.world.fake(0).clear_logs();
    scene.idle().await;
    assert_eq!(scene.world.fake(0).count(Method::Fetch), 3, "one a run");
}

#[tokio::test]
async fn a_look_goes_on_where_the_last_run_ended_and_a_full_run_looks_at_all() {
    for full in [false, true] {
        let scene = of_source(DeletePolicy::Close).await;
        scene.world.fake(0).set_capabilities(|can| can.fetch_batch = 1);
        scene.world.fake(0).delete_as("ada", &scene.items[3]);
        let mut deleted = Vec::new();
        for _ in 0..N {
            let run =
                scene.world.run_with(RunRequest { full, ..RunRequest::of(scene.config) }).await;
            deleted.push(run.totals.deleted);
        }
        let expected = if full { [1, 0, 0, 0] } else { [0, 0, 0, 1] };
        assert_eq!(deleted, expected, "full: {full}");
    }
}

#[tokio::test]
async fn an_item_that_is_only_hidden_is_left_alone() {
    let scene = of_source(DeletePolicy::Delete).await;
    scene.world.fake(0).hide(&scene.items[0]);
    let run = scene.run().await;
    assert_eq!((run.totals.deleted, run.totals.failed), (0, 1));
    assert!(scene.world.fake(1).item(&scene.copies[0]).is_some());
    assert_eq!(scene.deletes(1), 0);
    scene.world.fake(0).unhide(&scene.items[0]);
    scene.world.fake(0).edit_as("ada", &scene.items[0], json!({"title": "Seen again"}));
    scene.run().await;
    let copy = scene.world.fake(1).item(&scene.copies[0]).unwrap();
    assert_eq!(value(&copy, "title"), json!("Seen again"));
}

#[tokio::test]
async fn what_left_the_filter_is_not_deleted() {
    let scene = of_source(DeletePolicy::Delete).await;
    let filter = json!({"fields": [{"field": "priority", "op": "ne", "value": "High"}]});
    scene
        .world
        .change_config(scene.config, |config| config.sync_filter = Some(filter.clone()))
        .await;
    scene.world.fake(0).edit_as("ada", &scene.items[0], json!({"priority": "High"}));
    for full in [false, true] {
        let run = scene.world.run_with(RunRequest { full, ..RunRequest::of(scene.config) }).await;
        assert_eq!(run.totals.deleted, 0);
    }
    assert!(scene.world.fake(1).item(&scene.copies[0]).is_some());
}

#[tokio::test]
async fn a_copy_that_was_deleted_is_not_made_again() {
    let scene = scene(Direction::OneWay, |_| {}).await;
    scene.world.fake(1).delete_as("bob", &scene.copies[0]);
    scene.world.fake(0).edit_as("ada", &scene.items[0], json!({"title": "Edited"}));
    let run = scene.run().await;
    assert_eq!((run.totals.filtered, run.totals.failed), (1, 0), "{:?}", run.totals);
    let rule = scene.rule_of(&run, &scene.items[0]).await;
    assert!(rule.contains("target_delete_policy is ignore"), "{rule}");
    scene.world.fake(0).edit_as("ada", &scene.items[0], json!({"title": "Edited again"}));
    let run = scene.run().await;
    assert_eq!((run.totals.filtered, run.totals.synced()), (1, 0));
    assert_eq!(scene.creates(1), N);
}

#[tokio::test]
async fn what_we_never_wrote_is_never_removed() {
    // The originals are people's own: nothing was ever written there.
    let scene = scene(Direction::Bidirectional, |options| {
        options.target_delete_policy = DeletePolicy::Delete;
    })
    .await;
    scene.world.fake(1).delete_as("bob", &scene.copies[0]);
    let run = scene.run().await;
    assert_eq!(run.totals.deleted, 0);
    assert!(scene.world.fake(0).item(&scene.items[0]).is_some());
    assert_eq!(scene.deletes(0), 0);
    let rule = scene.rule_of(&run, &scene.items[0]).await;
    assert!(rule.contains("not ours to remove"), "{rule}");
    scene.idle().await;
    assert_eq!(scene.creates(1), N, "and not made again");
}

#[tokio::test]
async fn an_item_that_comes_back_takes_up_its_pair() {
    for policy in [DeletePolicy::Ignore, DeletePolicy::Unlink, DeletePolicy::Close] {
        for direction in [Direction::OneWay, Direction::Bidirectional] {
            let scene = scene(direction, |options| options.source_delete_policy = policy).await;
            let (item, copy) = (&scene.items[1], &scene.copies[1]);
            scene.world.fake(0).delete_as("ada", item);
            let named =
                RunRequest { item_ids: Some(vec![item.clone()]), ..RunRequest::of(scene.config) };
            scene.world.run_with(named).await;
            scene.world.fake(0).restore(item);
            scene.world.fake(0).edit_as("ada", item, json!({"title": "Back"}));
            scene.run().await;
            let left = scene.world.fake(1).item(copy).unwrap();
            assert_eq!(value(&left, "title"), json!("Back"), "{policy} {direction:?}");
            assert_eq!(
                left.status.as_deref(),
                Some("Active"),
                "{policy} {direction:?}: open again"
            );
            assert_eq!(scene.creates(1), N, "{policy} {direction:?}");
            scene.world.assert_in_step(scene.config, FIELDS).await;
            scene.idle().await;
        }
    }
}

#[tokio::test]
async fn edits_of_the_other_side_travel_when_an_item_comes_back() {
    for direction in [Direction::OneWay, Direction::Bidirectional] {
        for (gone, left) in [(0, 1), (1, 0)] {
            if direction == Direction::OneWay && gone == 0 {
                continue;
            }
            let scene = scene(direction, |options| {
                options.source_delete_policy = DeletePolicy::Unlink;
                options.target_delete_policy = DeletePolicy::Unlink;
            })
            .await;
            let ids = [scene.items[1].clone(), scene.copies[1].clone()];
            scene.world.fake(gone).delete_as("ada", &ids[gone]);
            scene.run().await;
            scene.world.fake(left).edit_as("bob", &ids[left], json!({"title": "Meanwhile"}));
            scene.run().await;
            scene.world.fake(gone).restore(&ids[gone]);
            scene.run().await;
            scene.run().await;
            let back = scene.world.fake(gone).item(&ids[gone]).unwrap();
            assert_eq!(value(&back, "title"), json!("Meanwhile"), "{direction:?} {gone}");
            scene.world.assert_in_step(scene.config, FIELDS).await;
            scene.idle().await;
        }
    }
}

#[tokio::test]
async fn an_item_that_comes_back_after_its_copy_was_deleted_gets_a_new_one() {
    let scene = of_source(DeletePolicy::Delete).await;
    scene.world.fake(0).delete_as("ada", &scene.items[1]);
    scene.run().await;
    scene.world.fake(0).restore(&scene.items[1]);
    let run = scene.run().await;
    assert_eq!(run.totals.created, 1);
    scene.world.assert_in_step(scene.config, FIELDS).await;
    scene.idle().await;
}

#[tokio::test]
async fn limits_stop_a_run_before_it_removes_more() {
    type Limit = fn(&mut Options);
    let limits: [(Limit, &str); 2] = [
        (|options| options.max_deletes = Some(1), "max_deletes = 1"),
        (|options| options.max_delete_percent = Some(25), "max_delete_percent = 25"),
    ];
    for (limit, told) in limits {
        let scene = scene(Direction::OneWay, |options| {
            options.source_delete_policy = DeletePolicy::Delete;
            limit(options);
        })
        .await;
        for item in &scene.items[..3] {
            scene.world.fake(0).delete_as("ada", item);
        }
        let run = scene.run().await;
        assert_eq!(run.status, ExecutionStatus::Failed);
        assert!(run.error.unwrap().message.contains(told), "{told}");
        assert_eq!(scene.deletes(1), 1, "{told}");
    }
}

#[tokio::test]
async fn a_lost_answer_to_a_deletion_deletes_once() {
    for policy in [DeletePolicy::Delete, DeletePolicy::Close] {
        let scene = of_source(policy).await;
        scene.world.fake(0).delete_as("ada", &scene.items[0]);
        let lost = ConnectorError::new(ErrorKind::Ambiguous, "no answer");
        scene.world.fake(1).plan(Method::Apply, 1, Planned::After(lost));
        let run = scene.run().await;
        assert_eq!((run.totals.waiting, run.totals.deleted), (1, 0), "{policy}");
        scene.world.clock.advance(std::time::Duration::from_secs(600));
        let run = scene.run().await;
        assert_eq!((run.totals.deleted, run.totals.errors()), (1, 0), "{policy}");
        let effects = scene.world.fake(1).own_effects();
        let after_creates = effects.iter().filter(|one| one.op != EffectOp::Create).count();
        assert_eq!(after_creates, 1, "{policy}: written once");
        scene.idle().await;
    }
}

#[tokio::test]
async fn a_crash_at_any_point_of_a_deletion_leaves_no_gap() {
    for policy in [DeletePolicy::Unlink, DeletePolicy::Delete, DeletePolicy::Close] {
        for point in fault_points::ALL {
            let scene = of_source(policy).await;
            scene.world.fake(0).delete_as("ada", &scene.items[0]);
            let faults = Arc::new(ScriptedFaultPoints::crash_at(point, 1));
            let engine = scene.world.engine_with(faults);
            scene.world.run_by(&engine, RunRequest::of(scene.config)).await;
            scene.world.clock.advance(std::time::Duration::from_secs(600));
            scene.run().await;
            scene.idle().await;
            let config = scene.config;
            let open = scene.world.store.view("open", move |tx| tx.open_intents(config));
            assert_eq!(open.await.unwrap().len(), 0, "{policy} at {point}");
            let left = scene.world.fake(1).item(&scene.copies[0]);
            match policy {
                DeletePolicy::Delete => assert!(left.is_none(), "at {point}"),
                DeletePolicy::Close => {
                    assert_eq!(left.unwrap().status.as_deref(), Some("Removed"), "at {point}");
                }
                _ => assert!(left.is_some(), "at {point}"),
            }
            assert_eq!(scene.creates(1), N, "{policy} at {point}");
            assert!(scene.deletes(1) <= 1, "{policy} at {point}");
        }
    }
}

#[tokio::test]
async fn a_dry_run_and_a_preview_only_tell() {
    let scene = of_source(DeletePolicy::Delete).await;
    scene.world.fake(0).delete_as("ada", &scene.items[0]);
    let dry = RunRequest {
        dry_run: true,
        item_ids: Some(vec![scene.items[0].clone()]),
        ..RunRequest::of(scene.config)
    };
    let run = scene.world.run_with(dry).await;
    let outcomes = scene.world.outcomes(&run).await;
    assert_eq!(outcomes[0].state, ItemState::Deleted);
    assert_eq!(outcomes[0].side, Side::Source);
    assert_eq!(scene.deletes(1), 0);
    assert!(scene.world.fake(1).item(&scene.copies[0]).is_some());
}
