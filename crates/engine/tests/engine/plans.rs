//! Plans: what a preview drafts is what is written, once, and an item that moved on is refused by name.

use std::sync::Arc;
use std::time::Duration;

use crate::common::{FIELDS, World, seed_bugs, value};
use serde_json::{Value, json};
use syncline_domain::ports::{StoreExt as _, Write};
use syncline_domain::{
    ConfigId, ConflictResolution, DeletePolicy, Direction, ErrorType, Execution, ExecutionStatus,
    ItemId, ItemOutcome, ItemState, MatchExisting, OnMany, PLAN_LASTS, PlanId, PlanOperation,
    PlanState, PlannedWrite, RequirePlan, Side, StoredPlan, Trigger,
};
use syncline_engine::{
    ApplyRequest, Drafted, PreviewRequest, RunRequest, StartError, fault_points,
};
use syncline_testkit::{Method, Planned, ScriptedFaultPoints};

fn everything(config: ConfigId) -> PreviewRequest {
    PreviewRequest {
        config_id: config,
        direction: None,
        full: false,
        item_ids: None,
        limit: 10_000,
    }
}

/// What a run would do now, stored.
async fn plan(world: &World, request: PreviewRequest) -> (StoredPlan, Vec<PlannedWrite>) {
    let (source, target) = world.ends(request.config_id).await;
    let drafted = world.engine().draft(request, "ada", source, target).await.unwrap();
    let Drafted { plan, writes, .. } = drafted;
    let (row, rows) = (plan.clone(), writes);
    let stored = world.store.tx("store_plan", move |tx| {
        let id = tx.insert_plan(&row, &rows)?;
        Ok((id, tx.plan_writes(id, None, 10_000)?))
    });
    let (id, writes) = stored.await.unwrap();
    (StoredPlan { id, ..plan }, writes)
}

fn applying(id: PlanId) -> ApplyRequest {
    ApplyRequest { plan_id: id, applied_by: "grace".to_owned(), batch: None }
}

async fn apply(world: &World, plan: &StoredPlan) -> Execution {
    world.clock.advance(Duration::from_secs(1));
    let engine = world.engine();
    let started = engine.start_plan(applying(plan.id)).await.unwrap();
    let (source, target) = world.ends(plan.config_id).await;
    let run = engine.drive(started, source, target).await;
    world.clock.advance(Duration::from_secs(1));
    run
}

async fn refusal(world: &World, plan: &StoredPlan) -> String {
    match world.engine().start_plan(applying(plan.id)).await {
        Err(StartError::PlanRefused(why)) => why,
        other => panic!("{other:?}"),
    }
}

async fn stored(world: &World, plan: &StoredPlan) -> StoredPlan {
    let id = plan.id;
    world.store.view("plan", move |tx| tx.plan(id)).await.unwrap().unwrap()
}

/// Everything about a write, as bytes.
fn bytes(write: &Write) -> String {
    format!(
        "{} {:?} {:?} {} {:?}",
        write.op_id,
        write.kind,
        write.status,
        serde_json::to_string(&write.fields).unwrap(),
        write.marker
    )
}

fn sorted(mut all: Vec<String>) -> Vec<String> {
    all.sort();
    all
}

/// The writes that reached a tracker, and those that a plan holds for that side.
fn compared(world: &World, at: usize, writes: &[PlannedWrite]) -> (Vec<String>, Vec<String>) {
    let side = if at == 0 { Side::Source } else { Side::Target };
    let held = writes.iter().filter(|write| write.written_side == side);
    let held = held.filter_map(PlannedWrite::write).map(|write| bytes(&write)).collect();
    (sorted(world.fake(at).writes().iter().map(bytes).collect()), sorted(held))
}

fn clear(world: &World) {
    for tracker in &world.trackers {
        tracker.fake.clear_logs();
    }
}

async fn of_item(world: &World, run: &Execution, item: &ItemId) -> ItemOutcome {
    let mut outcomes = world.outcomes(run).await;
    outcomes.retain(|one| one.source_id.as_ref() == Some(item));
    assert_eq!(outcomes.len(), 1, "one row of {item}: {outcomes:?}");
    outcomes.remove(0)
}

/// Two-way, with new items, edits and deletions on either side, and edits on both.
async fn eventful() -> (World, ConfigId, Vec<ItemId>) {
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
            row.options.source_delete_policy = DeletePolicy::Delete;
            row.options.target_delete_policy = DeletePolicy::Unlink;
        })
        .await;
    let ids = seed_bugs(&world.fake(0), 7);
    world.run(config).await;
    world.run(config).await;
    let mut copies = Vec::new();
    for id in &ids {
        copies.push(world.copy_of(config, id).await);
    }
    let (a, b) = (world.fake(0), world.fake(1));
    a.edit_as("ada", &ids[0], json!({"title": "Edited on the source", "priority": null}));
    b.edit_as("bob", &copies[1], json!({"title": "Edited on the target", "estimate": 0.1}));
    a.edit_as("ada", &ids[2], json!({"title": "Title from the source"}));
    b.edit_as("bob", &copies[2], json!({"progress": 55}));
    a.edit_as("ada", &ids[3], json!({"tags": ["one", "t3", "of the source"]}));
    b.edit_as("bob", &copies[3], json!({"tags": ["one", "t3", "of the target"]}));
    a.delete_as("ada", &ids[4]);
    b.delete_as("bob", &copies[5]);
    a.set_status_as("ada", &ids[6], "Closed");
    a.create_as("ada", "bug", json!({"title": "New on the source"}));
    b.create_as("bob", "bug", json!({"title": "New on the target"}));
    (world, config, ids)
}

#[tokio::test]
async fn what_is_written_is_the_plan_byte_for_byte() {
    let (world, config, _) = eventful().await;
    clear(&world);
    let (plan, writes) = plan(&world, everything(config)).await;
    for at in [0, 1] {
        assert_eq!(world.fake(at).writes(), [], "a plan writes nothing");
    }
    let totals = plan.totals;
    assert_eq!((totals.creates, totals.deletes, totals.unlinks), (2, 1, 1), "{totals:?}");
    assert!(totals.updates >= 6, "{totals:?}");
    assert_eq!(totals.items(), u64::try_from(writes.len()).unwrap());
    let says_what = |write: &PlannedWrite| match write.operation {
        PlanOperation::Delete => true,
        PlanOperation::Unlink => write.comments.len() == 1,
        _ => !write.changes.is_empty(),
    };
    assert!(writes.iter().all(says_what));
    assert!(writes.iter().flat_map(|write| &write.changes).all(|change| !change.rule.is_empty()));

    let run = apply(&world, &plan).await;
    assert_eq!(run.totals.errors(), 0, "{:#?}", world.outcomes(&run).await);
    assert_eq!(run.status, ExecutionStatus::Completed);
    for at in [0, 1] {
        let (sent, held) = compared(&world, at, &writes);
        assert_eq!(sent, held, "tracker {at}");
        assert!(!sent.is_empty());
    }
    let after = stored(&world, &plan).await;
    assert_eq!((after.state, after.execution_id), (PlanState::Applied, Some(run.id)));
    assert_eq!(after.applied_by.as_deref(), Some("grace"));
    clear(&world);
    for _ in 0..3 {
        let idle = world.run(config).await;
        assert_eq!(idle.totals.errors(), 0);
    }
    for at in [0, 1] {
        assert_eq!(world.fake(at).writes(), [], "the plan was all there was");
    }
}

#[tokio::test]
async fn a_marker_and_the_name_of_a_write_are_those_of_the_plan() {
    let (mut world, _) = World::pair().await;
    let config = world
        .join_fields(0, 1, &["title"], |row| {
            row.name = "marked".to_owned();
            row.options.external_id_field = Some("description".into());
        })
        .await;
    seed_bugs(&world.fake(0), 3);
    let (plan, writes) = plan(&world, everything(config)).await;
    apply(&world, &plan).await;
    let (sent, held) = compared(&world, 1, &writes);
    assert_eq!((sent.len(), &sent), (3, &held));
    let copies = world.fake(1).items();
    let marked = |write: &PlannedWrite| {
        copies.iter().any(|copy| value(copy, "description") == json!(write.op_id.as_str()))
    };
    assert!(writes.iter().all(marked));
}

#[tokio::test]
async fn an_item_that_moved_on_is_refused_by_name() {
    let (world, config) = World::pair().await;
    let ids = seed_bugs(&world.fake(0), 4);
    world.run(config).await;
    for id in &ids {
        world.fake(0).edit_as("ada", id, json!({"title": "Planned"}));
    }
    let (plan, writes) = plan(&world, everything(config)).await;
    let mut copies = Vec::new();
    for id in &ids {
        copies.push(world.copy_of(config, id).await);
    }
    world.fake(0).edit_as("ada", &ids[0], json!({"priority": "High"}));
    world.fake(1).edit_as("bob", &copies[1], json!({"title": "Mine"}));
    world.fake(1).delete_as("bob", &copies[2]);
    clear(&world);
    let run = apply(&world, &plan).await;
    assert_eq!((run.totals.updated, run.totals.failed), (1, 3), "{:?}", run.totals);
    assert_eq!(run.status, ExecutionStatus::CompletedWithErrors);
    for (at, said) in [(0, "source item"), (1, "target item"), (2, "target item")] {
        let row = of_item(&world, &run, &ids[at]).await;
        let error = row.error.unwrap();
        assert_eq!((row.state, error.error_type), (ItemState::Failed, ErrorType::Conflict));
        assert!(error.message.starts_with("refused: "), "{}", error.message);
        assert!(
            error.message.contains(said) && error.message.contains("new plan"),
            "{}",
            error.message
        );
    }
    assert_eq!(of_item(&world, &run, &ids[3]).await.state, ItemState::Updated);
    assert_eq!(world.field(1, &copies[1], "title"), json!("Mine"));
    let effects = world.fake(1).own_effects();
    assert_eq!((effects.len(), &effects[0].item_id), (1, &copies[3]));
    let (sent, held) = compared(&world, 1, &writes);
    assert!(sent.iter().all(|write| held.contains(write)), "nothing but the plan is tried");
    // Nothing is held against the items: the next run finds them as any run would.
    let next = world.run(config).await;
    assert_eq!(next.totals.updated, 2, "{:?}", next.totals);
}

#[tokio::test]
async fn an_edit_in_the_moment_of_the_write_is_not_overwritten() {
    let (world, config) = World::pair().await;
    let id = seed_bugs(&world.fake(0), 1).remove(0);
    world.run(config).await;
    let copy = world.copy_of(config, &id).await;
    world.fake(0).edit_as("ada", &id, json!({"title": "Planned"}));
    let (plan, _) = plan(&world, everything(config)).await;
    let edited = copy.clone();
    let edit = move |fake: &syncline_testkit::FakeConnector| {
        fake.edit_as("bob", &edited, json!({"title": "Just now"}));
    };
    world.fake(1).plan(Method::Apply, 1, Planned::Meanwhile(Box::new(edit)));
    let run = apply(&world, &plan).await;
    let row = of_item(&world, &run, &id).await;
    assert_eq!(row.state, ItemState::Failed);
    assert!(row.error.unwrap().message.starts_with("refused: "));
    assert_eq!(world.field(1, &copy, "title"), json!("Just now"));
    let open = world.store.view("open", move |tx| tx.open_intents(config)).await.unwrap();
    assert_eq!(open, []);
}

#[tokio::test]
async fn what_the_plan_does_not_name_is_not_written() {
    let (world, config) = World::pair().await;
    world.fake(0).set_capabilities(|can| can.comments = true);
    world.fake(1).set_capabilities(|can| can.comments = true);
    world.change_config(config, |row| row.options.sync_comments = true).await;
    let ids = seed_bugs(&world.fake(0), 3);
    world.run(config).await;
    world.fake(0).edit_as("ada", &ids[0], json!({"title": "Planned"}));
    world.fake(0).comment_as("ada", &ids[0], "a comment");
    let (plan, writes) = plan(&world, everything(config)).await;
    assert_eq!(writes.len(), 1);
    world.fake(0).edit_as("ada", &ids[1], json!({"title": "Not planned"}));
    world.fake(0).create_as("ada", "bug", json!({"title": "Not planned"}));
    clear(&world);
    let run = apply(&world, &plan).await;
    assert_eq!((run.totals.total(), run.totals.updated), (1, 1));
    assert_eq!(world.fake(1).own_effects().len(), 1);
    assert_eq!(world.fake(1).count(Method::AddComment), 0);
    let next = world.run(config).await;
    assert_eq!((next.totals.updated, next.totals.created), (1, 1), "{:?}", next.totals);
    let copy = world.copy_of(config, &ids[0]).await;
    assert_eq!(world.fake(1).comments_of(&copy).len(), 1, "the next run copies the comment");
}

#[tokio::test]
async fn joins_and_notes_are_planned_and_performed() {
    let mut world = World::new();
    world.tracker("a", 1).await;
    world.tracker("b", 5_001).await;
    world.fake(1).set_capabilities(|can| can.comments = true);
    let config = world
        .join_fields(0, 1, FIELDS, |row| {
            row.options.source_delete_policy = DeletePolicy::Unlink;
            row.options.match_existing = Some(MatchExisting {
                source_field: "title".into(),
                target_field: "title".into(),
                on_many: OnMany::Ask,
            });
        })
        .await;
    let ids = seed_bugs(&world.fake(0), 1);
    world.run(config).await;
    let copy = world.copy_of(config, &ids[0]).await;
    world.fake(0).delete_as("ada", &ids[0]);
    for fake in [world.fake(0), world.fake(1)] {
        fake.create_as("ada", "bug", json!({"title": "The same"}));
        fake.create_as("ada", "bug", json!({"title": "Alike", "priority": "High"}));
    }
    let alike = world.fake(1).items().into_iter().find(|item| item.title == "Alike").unwrap();
    world.fake(1).edit_as("bob", &alike.id, json!({"priority": "Low"}));
    clear(&world);
    let (plan, writes) = plan(&world, everything(config)).await;
    assert_eq!((plan.totals.links, plan.totals.unlinks), (2, 1), "{writes:#?}");
    assert_eq!(writes.iter().filter(|write| write.write().is_some()).count(), 1);
    let run = apply(&world, &plan).await;
    assert_eq!(run.totals.errors(), 0, "{:#?}", world.outcomes(&run).await);
    assert_eq!(run.totals.linked, 2);
    let (sent, held) = compared(&world, 1, &writes);
    assert_eq!(sent, held);
    let planned: Vec<&String> = writes.iter().flat_map(|write| &write.comments).collect();
    let left: Vec<String> =
        world.fake(1).comments_of(&copy).into_iter().map(|comment| comment.body).collect();
    assert_eq!(left.iter().collect::<Vec<_>>(), planned);
    assert_eq!(world.pairs(config).await.len(), 3);
}

#[tokio::test]
async fn a_deleted_item_that_came_back_is_left_alone() {
    let (world, config, ids) = eventful().await;
    let copy = world.copy_of(config, &ids[4]).await;
    let (plan, _) = plan(&world, everything(config)).await;
    world.fake(0).restore(&ids[4]);
    clear(&world);
    let run = apply(&world, &plan).await;
    let row = of_item(&world, &run, &ids[4]).await;
    assert_eq!(row.state, ItemState::Failed);
    assert!(row.error.unwrap().message.contains("is there again"));
    assert!(world.fake(1).item(&copy).is_some());
    assert_eq!((run.totals.failed, run.totals.deleted), (1, 0));
}

#[tokio::test]
async fn a_plan_is_applied_once_in_its_time_and_with_the_same_rules() {
    let (world, config) = World::pair().await;
    let ids = seed_bugs(&world.fake(0), 2);
    let (used, _) = plan(&world, everything(config)).await;
    let (old, _) = plan(&world, everything(config)).await;
    apply(&world, &used).await;
    let why = refusal(&world, &used).await;
    assert!(why.contains("applied already by run 1"), "{why}");

    world.clock.advance(PLAN_LASTS);
    let why = refusal(&world, &old).await;
    assert!(why.contains("expired"), "{why}");

    world.fake(0).edit_as("ada", &ids[0], json!({"title": "Edited"}));
    let (outdated, _) = plan(&world, everything(config)).await;
    world.change_config(config, |row| row.version += 1).await;
    let why = refusal(&world, &outdated).await;
    assert!(why.contains("changed after plan") && why.contains("(version 1, now 2)"), "{why}");

    world.change_config(config, |row| row.options.max_updates = Some(0)).await;
    let (too_much, _) = plan(&world, everything(config)).await;
    assert!(too_much.limits[0].exceeded);
    let why = refusal(&world, &too_much).await;
    assert!(why.contains("max_updates = 0") && why.contains("it wants 1"), "{why}");
    let nobody = world.engine().start_plan(applying(PlanId(99))).await;
    assert!(matches!(nobody, Err(StartError::Store(syncline_domain::Fault::NotFound(_)))));
    let runs = world.store.view("runs", |tx| tx.executions(&Default::default(), 9)).await.unwrap();
    assert_eq!(runs.len(), 1, "a refused plan leaves no run");
    assert_eq!(stored(&world, &too_much).await.state, PlanState::Open);
}

#[tokio::test]
async fn a_plan_that_dies_anywhere_leaves_no_duplicate_and_no_gap() {
    for point in fault_points::ALL {
        let (world, config) = World::pair().await;
        let ids = seed_bugs(&world.fake(0), 3);
        world.run(config).await;
        world.fake(0).edit_as("ada", &ids[0], json!({"title": "Planned"}));
        seed_bugs(&world.fake(0), 2);
        let (plan, _) = plan(&world, everything(config)).await;
        let faults = ScriptedFaultPoints::crash_at(point, 1);
        let engine = world.engine_with(Arc::new(faults));
        let started = engine.start_plan(applying(plan.id)).await.unwrap();
        let (source, target) = world.ends(config).await;
        engine.drive(started, source, target).await;
        world.clock.advance(Duration::from_secs(60));
        world.engine().close_orphans().await.unwrap();
        let state = stored(&world, &plan).await.state;
        assert!(matches!(state, PlanState::Stopped | PlanState::Applied), "{state} at {point}");
        assert!(refusal(&world, &plan).await.contains("applied already"));
        for _ in 0..3 {
            world.run(config).await;
            world.clock.advance(Duration::from_secs(120));
        }
        world.assert_in_step(config, FIELDS).await;
    }
}

#[tokio::test]
async fn changed_rules_wait_for_a_plan_where_that_is_asked_for() {
    let (world, config) = World::pair().await;
    seed_bugs(&world.fake(0), 1);
    world
        .change_config(config, |row| {
            row.options.require_plan = RequirePlan::OnMappingChange;
            row.needs_full = true;
            row.version = 7;
        })
        .await;
    let by = |trigger| RunRequest { trigger, ..RunRequest::of(config) };
    for trigger in [Trigger::Scheduled, Trigger::Webhook, Trigger::Retry] {
        match world.engine().start(by(trigger)).await {
            Err(StartError::PlanNeeded(why)) => {
                assert!(why.contains("require_plan") && why.contains("syncline plan"), "{why}");
            }
            other => panic!("{trigger}: {other:?}"),
        }
    }
    // One item is no review of the rules.
    let some = PreviewRequest { item_ids: Some(vec!["1".into()]), ..everything(config) };
    let (part, _) = plan(&world, some).await;
    apply(&world, &part).await;
    assert!(matches!(
        world.engine().start(by(Trigger::Scheduled)).await,
        Err(StartError::PlanNeeded(_))
    ));
    let (whole, writes) = plan(&world, everything(config)).await;
    assert_eq!(writes, [], "there is nothing left to write, and the plan says so");
    apply(&world, &whole).await;
    let run = world.run_with(by(Trigger::Scheduled)).await;
    assert_eq!(run.status, ExecutionStatus::Completed);
    world
        .change_config(config, |row| {
            row.needs_full = true;
            row.version += 1;
        })
        .await;
    assert!(matches!(
        world.engine().start(by(Trigger::Scheduled)).await,
        Err(StartError::PlanNeeded(_))
    ));
    let dry = RunRequest { dry_run: true, ..by(Trigger::Scheduled) };
    assert_eq!(world.run_with(dry).await.status, ExecutionStatus::Completed);
    let by_hand = world.run(config).await;
    assert_eq!(by_hand.status, ExecutionStatus::Completed, "people may do as they like");
}

#[tokio::test]
async fn a_value_that_a_rule_makes_of_the_run_is_the_same_in_plan_and_write() {
    let (world, config) = World::pair().await;
    world
        .store
        .tx("computed", move |tx| {
            let mut rule = tx.field_mappings(config)?.remove(1);
            rule.mapping_type = syncline_domain::MappingType::Constant;
            rule.constant_value = Some(json!("run $context.run_id"));
            rule.source_field_ids.clear();
            tx.update_field_mapping(&rule)
        })
        .await
        .unwrap();
    seed_bugs(&world.fake(0), 1);
    let (plan, writes) = plan(&world, everything(config)).await;
    let made: Vec<&Value> = writes[0]
        .fields
        .iter()
        .filter(|(f, _)| f.as_str() == "description")
        .map(|(_, v)| v)
        .collect();
    assert_eq!(made.len(), 1, "{writes:?}");
    let run = apply(&world, &plan).await;
    assert_eq!(
        (run.totals.created, run.totals.failed),
        (1, 0),
        "{:#?}",
        world.outcomes(&run).await
    );
    let (sent, held) = compared(&world, 1, &writes);
    assert_eq!(sent, held);
}

#[tokio::test]
async fn limits_are_told_beside_what_the_plan_wants() {
    let (world, config, _) = eventful().await;
    world
        .change_config(config, |row| {
            row.options.max_updates = Some(7);
            row.options.max_deletes = Some(0);
            row.options.max_delete_percent = Some(14);
        })
        .await;
    let (plan, writes) = plan(&world, everything(config)).await;
    assert_eq!(plan.totals.items(), u64::try_from(writes.len()).unwrap(), "no limit cuts a plan");
    let told: Vec<(&str, u64, bool)> =
        plan.limits.iter().map(|one| (one.option.as_str(), one.planned, one.exceeded)).collect();
    // One of seven pairs is a little more than 14 percent.
    let expected =
        [("max_updates", 7, false), ("max_deletes", 1, true), ("max_delete_percent", 15, true)];
    assert_eq!(told, expected);
    let why = refusal(&world, &plan).await;
    assert!(why.contains("max_deletes = 0"), "{why}");
}

#[tokio::test]
async fn items_that_are_joined_as_they_are_meet_no_limit() {
    let mut world = World::new();
    world.tracker("a", 1).await;
    world.tracker("b", 5_001).await;
    let config = world
        .join_fields(0, 1, FIELDS, |row| {
            row.options.max_updates = Some(0);
            row.options.match_existing = Some(MatchExisting {
                source_field: "title".into(),
                target_field: "title".into(),
                on_many: OnMany::Ask,
            });
        })
        .await;
    seed_bugs(&world.fake(0), 3);
    seed_bugs(&world.fake(1), 3);
    let (plan, _) = plan(&world, everything(config)).await;
    assert_eq!((plan.totals.links, plan.limits[0].planned), (3, 0));
    let run = apply(&world, &plan).await;
    assert_eq!(run.totals.linked, 3);
    assert_eq!(world.fake(1).writes(), []);
}

#[tokio::test]
async fn an_edit_of_the_copy_that_wins_is_a_refusal_and_not_silence() {
    let (world, config, id, copy) = crate::common::two_way(ConflictResolution::LastWriteWins).await;
    world.fake(1).edit_as("bob", &copy, json!({"title": "Planned"}));
    let (plan, writes) = plan(&world, everything(config)).await;
    assert_eq!((writes.len(), writes[0].written_side), (1, Side::Source));
    world.clock.advance(Duration::from_secs(60));
    world.fake(0).edit_as("ada", &id, json!({"title": "Later, and wins"}));
    clear(&world);
    let run = apply(&world, &plan).await;
    let row = of_item(&world, &run, &id).await;
    assert_eq!(row.state, ItemState::Failed);
    assert!(row.error.unwrap().message.contains("source item"));
    assert_eq!((world.fake(0).writes(), world.fake(1).writes()), (vec![], vec![]));
    world.run(config).await;
    assert_eq!(world.field(1, &copy, "title"), json!("Later, and wins"));
}
