//! An edit against a deletion: one conflict, decided by a person or by the world, and nothing made or removed until then.

use std::sync::Arc;
use std::time::Duration;

use crate::common::{FIELDS, World, seed_bugs, value};
use serde_json::{Value, json};
use syncline_domain::ports::{ConnectorError, ErrorKind, StoreExt as _};
use syncline_domain::{
    ConfigId, Conflict, ConflictKind, ConflictResolution, ConflictStatus, DeletePolicy, Direction,
    ItemId, ItemState, Options, ResolutionChoice, Side,
};
use syncline_engine::{OnNextRun, ResolveRequest, Resolved, RunRequest, fault_points};
use syncline_testkit::{EffectOp, Method, Planned, ScriptedFaultPoints};

const N: usize = 4;

/// Some bugs in step; the first is deleted on one side and edited on the other.
struct Scene {
    world: World,
    config: ConfigId,
    /// Which tracker deleted it.
    deleted: usize,
    /// What the trackers had, source first.
    ids: [ItemId; 2],
}

async fn quiet(deleted: usize, policy: DeletePolicy, change: impl FnOnce(&mut Options)) -> Scene {
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
            row.direction = Direction::Bidirectional;
            row.conflict_resolution = ConflictResolution::Manual;
            row.options.source_delete_policy = policy;
            row.options.target_delete_policy = policy;
            row.options.sync_comments = true;
            change(&mut row.options);
        })
        .await;
    let item = seed_bugs(&world.fake(0), N).remove(0);
    world.run(config).await;
    let copy = world.copy_of(config, &item).await;
    // Both sides have been written, so that both are ours to remove.
    world.fake(1).edit_as("bob", &copy, json!({"progress": 42}));
    world.run(config).await;
    Scene { world, config, deleted, ids: [item, copy] }
}

async fn scene_with(
    deleted: usize,
    policy: DeletePolicy,
    change: impl FnOnce(&mut Options),
) -> Scene {
    let scene = quiet(deleted, policy, change).await;
    scene.world.fake(deleted).delete_as("ada", &scene.ids[deleted]);
    let title = json!({"title": "Still needed"});
    scene.world.fake(1 - deleted).edit_as("bob", &scene.ids[1 - deleted], title);
    scene.run().await;
    scene
}

async fn scene(deleted: usize) -> Scene {
    scene_with(deleted, DeletePolicy::Delete, |_| {}).await
}

const SIDES: [Side; 2] = [Side::Source, Side::Target];

impl Scene {
    async fn run(&self) -> syncline_domain::Execution {
        self.world.run(self.config).await
    }

    fn left(&self) -> Option<syncline_domain::Item> {
        self.world.fake(1 - self.deleted).item(&self.ids[1 - self.deleted])
    }

    fn effects(&self, at: usize, op: EffectOp) -> usize {
        self.world.fake(at).own_effects().iter().filter(|one| one.op == op).count()
    }

    async fn conflict(&self) -> Conflict {
        let mut rows = self.world.conflicts(self.config).await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows.remove(0)
    }

    /// The choice of the side that deleted the item, or of the other one.
    const fn choice(&self, deletes: bool) -> ResolutionChoice {
        match (self.deleted, deletes) {
            (0, true) | (1, false) => ResolutionChoice::Source,
            _ => ResolutionChoice::Target,
        }
    }

    async fn decide(&self, choice: ResolutionChoice, value: Value) -> Resolved {
        let conflict = self.conflict().await.id;
        let resolution = self.world.decide(conflict, choice, value).await;
        let (source, target) = self.world.ends(self.config).await;
        let request = ResolveRequest { conflict, resolution };
        self.world.engine().resolve(request, source, target).await.unwrap()
    }

    async fn deletes(&self) -> Resolved {
        self.decide(self.choice(true), Value::Null).await
    }

    async fn keeps(&self) -> Resolved {
        self.decide(self.choice(false), Value::Null).await
    }

    /// Nothing was made, and nothing removed.
    fn assert_untouched(&self, why: &str) {
        assert_eq!(value(&self.left().unwrap(), "title"), json!("Still needed"), "{why}");
        assert_eq!(self.effects(0, EffectOp::Create), 0, "{why}: made again");
        assert_eq!(self.effects(1, EffectOp::Create), N, "{why}: made again");
        for at in [0, 1] {
            assert_eq!(self.effects(at, EffectOp::Delete), 0, "{why}: removed");
        }
    }
}

fn resolved(conflict: &Conflict) -> bool {
    conflict.status == ConflictStatus::Resolved && conflict.ended_at.is_some()
}

#[tokio::test]
async fn an_edit_against_a_deletion_is_one_open_conflict_that_says_what_each_side_did() {
    for deleted in [0, 1] {
        let scene = scene(deleted).await;
        let first = scene.conflict().await;
        assert_eq!((first.kind, &first.field), (ConflictKind::Deletion, &None));
        assert_eq!(first.deleted_side, Some(SIDES[deleted]));
        let said = [&first.source_value, &first.target_value];
        assert_eq!(*said[deleted], Value::Null);
        assert_eq!(*said[1 - deleted], json!({"title": "Still needed"}));
        assert_eq!(first.base_value, json!({"title": "Bug 0: ümlaut & <tags>"}));
        let times = [first.source_changed_at, first.target_changed_at];
        assert!(times[deleted].is_none() && times[1 - deleted].is_some());
        assert!(first.reason.contains("title") && first.reason.contains("keep the item"));
        let other = scene.ids[1 - deleted].clone();
        scene.world.fake(1 - deleted).edit_as("bob", &other, json!({"progress": 77}));
        for full in [false, true, false] {
            let again = RunRequest { full, ..RunRequest::of(scene.config) };
            let run = scene.world.run_with(again).await;
            assert_eq!(run.totals.conflicted, 1, "once a run: {:?}", run.totals);
            assert_eq!(run.totals.errors(), 0, "{:?}", run.totals);
        }
        let row = scene.conflict().await;
        assert_eq!((row.id, row.status), (first.id, ConflictStatus::Unresolved));
        let said = [&row.source_value, &row.target_value];
        assert_eq!(*said[1 - deleted], json!({"progress": 77, "title": "Still needed"}));
        scene.assert_untouched("nobody has decided");
    }
}

#[tokio::test]
async fn who_decides_to_keep_the_item_has_it_made_again_as_it_is_now() {
    for deleted in [0, 1] {
        let scene = scene(deleted).await;
        let other = scene.ids[1 - deleted].clone();
        scene.world.fake(1 - deleted).edit_as("bob", &other, json!({"progress": 55}));
        let done = scene.keeps().await;
        assert!(done.applied, "{}", done.message);
        assert!(resolved(&done.conflict), "{:?}", done.conflict);
        let decision = &done.resolution;
        assert_eq!(
            (decision.rationale.as_str(), decision.resolved_by.as_str()),
            ("looked at both", "anna")
        );
        assert!(decision.applied_at.is_some() && decision.error.is_none());
        let made = scene.effects(deleted, EffectOp::Create);
        assert_eq!(made, if deleted == 0 { 1 } else { N + 1 });
        scene.run().await;
        scene.world.assert_in_step(scene.config, FIELDS).await;
        for at in [0, 1] {
            let titles = scene.world.fake(at).items();
            let titles = titles.iter().filter(|item| item.title == "Still needed").count();
            assert_eq!(titles, 1, "no copy too many");
        }
        scene.world.fake(deleted).edit_as(
            "ada",
            &scene.world.fake(deleted).items().last().unwrap().id,
            json!({"title": "Goes on"}),
        );
        scene.run().await;
        assert_eq!(value(&scene.left().unwrap(), "title"), json!("Goes on"));
        scene.world.rest(scene.config).await;
        assert_eq!(scene.world.decisions(done.conflict.id).await.len(), 1, "it is kept");
        // The old item comes back after all: it is an item of its own now.
        scene.world.fake(deleted).restore(&scene.ids[deleted]);
        scene.run().await;
        scene.world.assert_in_step(scene.config, FIELDS).await;
        scene.world.rest(scene.config).await;
    }
}

#[tokio::test]
async fn who_decides_for_the_deletion_has_it_followed_as_the_policy_says() {
    for deleted in [0, 1] {
        for policy in [DeletePolicy::Delete, DeletePolicy::Close] {
            let scene = scene_with(deleted, policy, |_| {}).await;
            let done = scene.deletes().await;
            assert!(done.applied, "{policy}: {}", done.message);
            assert!(resolved(&done.conflict), "{policy}");
            assert!(done.resolution.applied_at.is_some(), "{policy}");
            let status = scene.left().and_then(|left| left.status);
            let expected = (policy == DeletePolicy::Close).then(|| "Removed".to_owned());
            assert_eq!(status, expected, "{policy}");
            scene.world.rest(scene.config).await;
            let row = scene.conflict().await;
            assert!(resolved(&row), "the decision outlives the pair");
            assert_eq!(scene.world.decisions(row.id).await[0].resolved_by, "anna");
            assert_eq!(scene.effects(deleted, EffectOp::Delete), 0, "{policy}");
        }
        let scene = scene(deleted).await;
        scene
            .world
            .change_config(scene.config, |row| {
                row.options.source_delete_policy = DeletePolicy::Unlink;
                row.options.target_delete_policy = DeletePolicy::Unlink;
            })
            .await;
        let done = scene.deletes().await;
        assert!(done.applied, "{}", done.message);
        scene.run().await;
        scene.assert_untouched("the policy only takes the pair apart");
        scene.world.rest(scene.config).await;
    }
}

#[tokio::test]
async fn a_decision_for_later_is_carried_out_by_the_next_run() {
    for deletes in [false, true] {
        let scene = scene(1).await;
        let conflict = scene.conflict().await;
        scene.world.decide(conflict.id, scene.choice(deletes), Value::Null).await;
        let dry = RunRequest { dry_run: true, ..RunRequest::of(scene.config) };
        scene.world.run_with(dry).await;
        scene.assert_untouched("a dry run");
        let run = scene.run().await;
        assert_eq!(run.totals.conflicts_resolved, 1, "{deletes}");
        assert_eq!(scene.left().is_none(), deletes);
        assert!(resolved(&scene.conflict().await));
        scene.world.assert_in_step(scene.config, FIELDS).await;
        scene.world.rest(scene.config).await;
    }
}

#[tokio::test]
async fn values_decide_nothing_about_a_deletion() {
    let scene = scene(0).await;
    for choice in [ResolutionChoice::Value, ResolutionChoice::Base] {
        let done = scene.decide(choice, json!("Both")).await;
        assert!(!done.applied && done.message.contains("choose a side"), "{}", done.message);
        assert_eq!(done.conflict.status, ConflictStatus::Unresolved);
        scene.assert_untouched("refused");
    }
}

#[tokio::test]
async fn what_the_person_has_not_seen_is_not_removed() {
    let scene = scene(0).await;
    let copy = scene.ids[1].clone();
    scene.world.fake(1).edit_as("bob", &copy, json!({"progress": 99}));
    let done = scene.deletes().await;
    assert!(!done.applied && done.message.contains("edited again"), "{}", done.message);
    assert_eq!(done.conflict.status, ConflictStatus::Unresolved);
    assert_eq!(done.conflict.target_value, json!({"progress": 99, "title": "Still needed"}));
    scene.assert_untouched("it was edited again");
    scene.run().await;
    scene.assert_untouched("a decision in vain is not tried again");
    let done = scene.deletes().await;
    assert!(done.applied && scene.left().is_none(), "{}", done.message);
}

#[tokio::test]
async fn limits_and_receipts_hold_for_decisions_too() {
    let scene = scene_with(0, DeletePolicy::Delete, |options| options.max_deletes = Some(0)).await;
    let done = scene.deletes().await;
    assert!(!done.applied && done.message.contains("max_deletes = 0"), "{}", done.message);
    assert!(done.resolution.error.unwrap().contains("max_deletes"));
    let run = scene.run().await;
    assert_eq!(run.error, None, "a decision that has to wait stops no run");
    scene.assert_untouched("the limit");
    scene.world.change_config(scene.config, |row| row.options.max_deletes = Some(1)).await;
    scene.run().await;
    assert!(scene.left().is_none(), "the limit was raised");

    let mut bare = quiet(1, DeletePolicy::Delete, |_| {}).await;
    // An item of which only the copy was ever written.
    let item = bare.world.fake(0).create_as("ada", "bug", json!({"title": "Her own"}));
    bare.run().await;
    bare.ids = [item.clone(), bare.world.copy_of(bare.config, &item).await];
    bare.world.fake(1).delete_as("bob", &bare.ids[1]);
    bare.world.fake(0).edit_as("ada", &item, json!({"title": "Still needed"}));
    bare.run().await;
    let done = bare.deletes().await;
    assert!(!done.applied && done.message.contains("not ours to remove"), "{}", done.message);
    assert_eq!(value(&bare.left().unwrap(), "title"), json!("Still needed"));
}

#[tokio::test]
async fn a_write_that_fails_leaves_the_conflict_open_with_the_reason() {
    for deletes in [false, true] {
        for (kind, passes) in [(ErrorKind::Invalid, false), (ErrorKind::Unavailable, true)] {
            let scene = scene(0).await;
            let at = if deletes { 1 } else { 0 };
            let error = ConnectorError::new(kind, "not on a Sunday");
            scene.world.fake(at).plan(Method::Apply, 1, Planned::Before(error));
            let done = if deletes { scene.deletes().await } else { scene.keeps().await };
            assert!(!done.applied, "{kind:?}");
            assert_eq!(done.conflict.status, ConflictStatus::Unresolved, "{kind:?}");
            let told = done.resolution.error.unwrap();
            assert!(told.contains("Sunday") && told == done.message, "{told}");
            scene.assert_untouched("it failed");
            scene.run().await;
            let row = scene.conflict().await;
            assert_eq!(resolved(&row), passes, "{kind:?}: what passes by itself is tried again");
            if passes {
                scene.world.assert_in_step(scene.config, FIELDS).await;
            } else {
                scene.assert_untouched("it waits for another decision");
            }
        }
    }
}

#[tokio::test]
async fn a_lost_answer_to_a_decision_makes_and_removes_once() {
    for deletes in [false, true] {
        for policy in [DeletePolicy::Delete, DeletePolicy::Close] {
            let scene = scene_with(0, policy, |_| {}).await;
            let at = if deletes { 1 } else { 0 };
            let lost = ConnectorError::new(ErrorKind::Ambiguous, "no answer");
            scene.world.fake(at).plan(Method::Apply, 1, Planned::After(lost));
            let done = if deletes { scene.deletes().await } else { scene.keeps().await };
            assert!(!done.applied, "nobody knows");
            if !deletes {
                let again = scene.keeps().await;
                assert!(!again.applied, "not before somebody has looked");
            }
            scene.world.clock.advance(Duration::from_secs(600));
            scene.run().await;
            let row = scene.conflict().await;
            assert!(resolved(&row), "{deletes} {policy}: {row:?}");
            assert_eq!(scene.effects(0, EffectOp::Create), usize::from(!deletes), "{policy}");
            let decisions = scene.world.decisions(row.id).await;
            assert!(decisions.iter().any(|one| one.applied_at.is_some()), "{decisions:?}");
            scene.world.rest(scene.config).await;
        }
    }
}

#[tokio::test]
async fn a_decision_survives_a_crash_at_any_point() {
    for deletes in [false, true] {
        for policy in [DeletePolicy::Delete, DeletePolicy::Close] {
            for point in fault_points::ALL {
                let scene = scene_with(0, policy, |_| {}).await;
                let conflict = scene.conflict().await.id;
                let choice = scene.choice(deletes);
                let resolution = scene.world.decide(conflict, choice, Value::Null).await;
                let faults = Arc::new(ScriptedFaultPoints::crash_at(point, 1));
                let (source, target) = scene.world.ends(scene.config).await;
                let request = ResolveRequest { conflict, resolution };
                // Whether it was carried out shows below.
                let engine = scene.world.engine_with(faults.clone());
                let _ = engine.resolve(request, source, target).await;
                let again = scene.world.engine_with(faults);
                scene.world.clock.advance(Duration::from_secs(600));
                scene.world.run_by(&again, RunRequest::of(scene.config)).await;
                scene.world.clock.advance(Duration::from_secs(600));
                scene.run().await;
                let why = format!("{deletes} {policy} at {point}");
                let row = scene.conflict().await;
                assert!(resolved(&row), "{why}");
                assert_eq!(scene.effects(0, EffectOp::Create), usize::from(!deletes), "{why}");
                let there = !deletes || policy == DeletePolicy::Close;
                assert_eq!(scene.left().is_some(), there, "{why}");
                let config = scene.config;
                let open = scene.world.store.view("open", move |tx| tx.open_intents(config));
                assert_eq!(open.await.unwrap().len(), 0, "{why}");
                let idle = scene.run().await;
                assert_eq!((idle.totals.synced(), idle.totals.errors()), (0, 0), "{why}");
            }
        }
    }
}

#[tokio::test]
async fn a_conflict_that_the_world_resolved_closes_itself() {
    for deleted in [0, 1] {
        for ignored in [false, true] {
            // Restored: the edits arrive.
            let scene = scene(deleted).await;
            if ignored {
                let row = Conflict { status: ConflictStatus::Ignored, ..scene.conflict().await };
                scene.world.store.tx("ignore", move |tx| tx.update_conflict(&row)).await.unwrap();
                let run = scene.run().await;
                assert_eq!(run.totals.conflicted, 0, "{:?}", run.totals);
            }
            scene.world.fake(deleted).restore(&scene.ids[deleted]);
            scene.run().await;
            scene.run().await;
            let row = scene.conflict().await;
            assert!(resolved(&row), "restored: {row:?}");
            let decision = scene.world.decisions(row.id).await.pop().unwrap();
            assert_eq!(decision.choice, ResolutionChoice::Agreement);
            let back = scene.world.fake(deleted).item(&scene.ids[deleted]).unwrap();
            assert_eq!(value(&back, "title"), json!("Still needed"), "the edit arrives");
            scene.world.assert_in_step(scene.config, FIELDS).await;
            scene.world.rest(scene.config).await;

            // Deleted on the other side, too.
            let scene = self::scene(deleted).await;
            scene.world.fake(1 - deleted).delete_as("bob", &scene.ids[1 - deleted]);
            scene.run().await;
            assert!(resolved(&scene.conflict().await), "deleted on both sides");
            scene.world.rest(scene.config).await;
            assert_eq!(scene.effects(0, EffectOp::Create), 0);
            assert_eq!(scene.world.fake(1).items().len(), N - 1);
        }
        // The edit was taken back: only the deletion is left.
        let scene = scene(deleted).await;
        let other = scene.ids[1 - deleted].clone();
        let base = json!({"title": "Bug 0: ümlaut & <tags>"});
        scene.world.fake(1 - deleted).edit_as("bob", &other, base);
        scene.run().await;
        assert!(resolved(&scene.conflict().await), "the edit was taken back");
        assert!(scene.left().is_none());
        // Taken apart by hand.
        let scene = self::scene(deleted).await;
        let pair = scene.conflict().await.pair_id;
        scene.world.engine().unpair(scene.config, pair, OnNextRun::Ignore).await.unwrap();
        assert!(resolved(&scene.conflict().await), "taken apart");
        scene.assert_untouched("taken apart");
    }
}

#[tokio::test]
async fn an_ignored_one_is_quiet_until_the_item_is_edited_again() {
    let scene = scene(0).await;
    let first = scene.conflict().await;
    let row = Conflict { status: ConflictStatus::Ignored, ..first.clone() };
    scene.world.store.tx("ignore", move |tx| tx.update_conflict(&row)).await.unwrap();
    for _ in 0..2 {
        let run = scene.run().await;
        assert_eq!((run.totals.conflicted, run.totals.errors()), (0, 0), "{:?}", run.totals);
    }
    assert_eq!(scene.conflict().await.status, ConflictStatus::Ignored);
    scene.world.fake(1).edit_as("bob", &scene.ids[1], json!({"progress": 3}));
    assert_eq!(scene.run().await.totals.conflicted, 1);
    let row = scene.conflict().await;
    assert_eq!((row.id, row.status), (first.id, ConflictStatus::Unresolved));
    scene.assert_untouched("ignored");
}

#[tokio::test]
async fn a_decision_comes_too_late_for_an_item_that_is_back_or_gone() {
    for deletes in [false, true] {
        let back = scene(0).await;
        back.world.fake(0).restore(&back.ids[0]);
        let done = if deletes { back.deletes().await } else { back.keeps().await };
        assert_eq!(done.applied, !deletes, "{}", done.message);
        assert!(resolved(&done.conflict));
        back.run().await;
        back.world.assert_in_step(back.config, FIELDS).await;
        back.assert_untouched("it was there again");

        let gone = scene(0).await;
        gone.world.fake(1).delete_as("bob", &gone.ids[1]);
        let done = if deletes { gone.deletes().await } else { gone.keeps().await };
        assert_eq!(done.applied, deletes, "{}", done.message);
        assert!(resolved(&done.conflict));
        assert_eq!(gone.effects(0, EffectOp::Create), 0);
        gone.world.rest(gone.config).await;
    }
}

#[tokio::test]
async fn comments_wait_for_the_decision_and_are_copied_to_what_was_made_again() {
    let scene = scene(0).await;
    scene.world.fake(1).comment_as("bob", &scene.ids[1], "<p>Do not delete it</p>");
    let run = scene.run().await;
    assert_eq!((run.totals.conflicted, run.totals.failed), (1, 0), "{:?}", run.totals);
    let outcomes = scene.world.outcomes(&run).await;
    assert!(outcomes.iter().all(|one| one.state != ItemState::Failed), "{outcomes:?}");
    assert!(scene.keeps().await.applied);
    scene.run().await;
    let made = scene.world.fake(0).items().pop().unwrap();
    assert_eq!(scene.world.fake(0).comments_of(&made.id).len(), 1);
    scene.world.rest(scene.config).await;
}

#[tokio::test]
async fn a_deleted_copy_of_a_one_way_configuration_is_made_again_or_left_alone() {
    let mut scene = scene(1).await;
    scene.world.change_config(scene.config, |row| row.direction = Direction::OneWay).await;
    let done = scene.keeps().await;
    assert!(done.applied, "{}", done.message);
    assert_eq!(scene.effects(1, EffectOp::Create), N + 1);
    scene.world.assert_in_step(scene.config, FIELDS).await;

    // The original of a copy that is not written back to.
    scene = self::scene(0).await;
    scene.world.change_config(scene.config, |row| row.direction = Direction::OneWay).await;
    let done = scene.keeps().await;
    assert!(done.applied, "{}", done.message);
    scene.assert_untouched("it stays, and that is all");
    scene.run().await;
    scene.assert_untouched("it stays, and that is all");
}
