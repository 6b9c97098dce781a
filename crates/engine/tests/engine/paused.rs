//! Rules that rest: nothing of theirs is written or forgotten, the others go on, and what changed meanwhile is carried
//! once they go on.

use serde_json::json;
use syncline_domain::ports::StoreExt as _;
use syncline_domain::{
    ConfigId, ConflictResolution, DeletePolicy, Direction, Execution, FieldMapping, ItemId,
    ItemState, Loss, MappingRef, Pause, PauseCause, PauseId, RunDirection, Side, TypeMapping,
    TypeMappingId,
};
use syncline_engine::{RunRequest, StartError};

use crate::common::{FIELDS, World, seed_bugs, two_way, value};

const WHY: &str = "field X of the target was removed or renamed";

async fn pause(world: &World, config: ConfigId, mapping: MappingRef) {
    let loss = Loss::FieldRemoved { id: 1.into(), name: "X".to_owned() };
    let pause = Pause {
        id: PauseId(0),
        config_id: config,
        mapping,
        causes: vec![PauseCause { side: Side::Target, loss }],
        paused_at: syncline_domain::ports::Clock::now(&world.clock),
    };
    world.store.tx("pause", move |tx| tx.put_pause(&pause)).await.unwrap();
}

/// As the end of a pause is made: the next run reads everything.
async fn resume(world: &World, config: ConfigId, mapping: MappingRef) {
    world.store.tx("resume", move |tx| tx.end_pause(mapping)).await.unwrap();
    world
        .change_config(config, |config| {
            config.needs_full = true;
            config.version += 1;
        })
        .await;
}

async fn field_rule(world: &World, config: ConfigId, field: &str) -> MappingRef {
    let target = world.trackers[1].fields[&("bug".to_owned(), field.to_owned())];
    let rules = world.store.view("rules", move |tx| tx.field_mappings(config)).await.unwrap();
    let rule = rules.iter().find(|rule: &&FieldMapping| rule.target_field_id == target).unwrap();
    MappingRef::Field(rule.id)
}

async fn status_rule(world: &World, config: ConfigId, status: &str) -> MappingRef {
    let source = world.trackers[0].statuses[&("bug".to_owned(), status.to_owned())];
    let rules = world.store.view("rules", move |tx| tx.status_mappings(config)).await.unwrap();
    MappingRef::Status(rules.iter().find(|rule| rule.source_status_id == source).unwrap().id)
}

async fn type_rule(world: &World, config: ConfigId) -> MappingRef {
    let rules = world.store.view("rules", move |tx| tx.type_mappings(config)).await.unwrap();
    MappingRef::Type(rules[0].id)
}

/// What became of an item of the source, and why.
async fn outcome(world: &World, run: &Execution, id: &ItemId) -> (ItemState, String) {
    let all = world.outcomes(run).await;
    let one = all.iter().find(|one| one.source_id.as_ref() == Some(id)).expect("no outcome");
    (one.state, one.rule.clone().unwrap_or_default())
}

#[tokio::test]
async fn a_paused_field_is_not_written_and_its_change_is_carried_when_it_goes_on() {
    let (world, config) = World::pair().await;
    let ids = seed_bugs(&world.fake(0), 3);
    world.run(config).await;
    let copy = world.copy_of(config, &ids[0]).await;
    let before = world.field(1, &copy, "priority");
    let rule = field_rule(&world, config, "priority").await;
    pause(&world, config, rule).await;

    let change = json!({"title": "Another", "priority": "High"});
    world.fake(0).edit_as("ada", &ids[0], change);
    let new = world.fake(0).create_as("ada", "bug", json!({"title": "New", "priority": "High"}));
    let run = world.run(config).await;
    assert_eq!((run.totals.updated, run.totals.created, run.totals.errors()), (1, 1, 0));
    assert_eq!(world.field(1, &copy, "title"), "Another");
    assert_eq!(world.field(1, &copy, "priority"), before, "the paused field stays");
    let made = world.copy_of(config, &new).await;
    assert!(world.field(1, &made, "priority").is_null());

    // A run of everything forgets nothing either.
    world.run_with(RunRequest { full: true, ..RunRequest::of(config) }).await;
    resume(&world, config, rule).await;
    let run = world.run(config).await;
    assert_eq!(run.totals.errors(), 0);
    assert_eq!(world.field(1, &copy, "priority"), "High");
    assert_eq!(world.field(1, &made, "priority"), "High");
    world.assert_in_step(config, FIELDS).await;
    world.rest(config).await;
}

#[tokio::test]
async fn changes_on_either_side_of_a_paused_two_way_field_travel_when_it_goes_on() {
    let (world, config, id, copy) = two_way(ConflictResolution::Manual).await;
    let other = seed_bugs(&world.fake(0), 1).remove(0);
    world.run(config).await;
    let other_copy = world.copy_of(config, &other).await;
    let rule = field_rule(&world, config, "estimate").await;
    pause(&world, config, rule).await;
    world.fake(0).edit_as("ada", &id, json!({"estimate": 41, "title": "By the source"}));
    world.fake(1).edit_as("bob", &other_copy, json!({"estimate": 42, "title": "By the target"}));
    world.run(config).await;
    world.run(config).await;
    assert_eq!(world.field(1, &copy, "title"), "By the source");
    assert_eq!(world.field(0, &other, "title"), "By the target");
    assert_ne!(world.field(1, &copy, "estimate"), 41);
    assert_ne!(world.field(0, &other, "estimate"), 42);

    resume(&world, config, rule).await;
    world.run(config).await;
    world.run(config).await;
    assert_eq!(world.field(1, &copy, "estimate"), 41);
    assert_eq!(world.field(0, &other, "estimate"), 42);
    assert_eq!(world.conflicts(config).await, []);
    world.rest(config).await;
}

#[tokio::test]
async fn both_sides_changed_during_a_pause_are_a_conflict_and_nothing_is_lost() {
    let (world, config, id, copy) = two_way(ConflictResolution::Manual).await;
    let rule = field_rule(&world, config, "estimate").await;
    pause(&world, config, rule).await;
    world.fake(0).edit_as("ada", &id, json!({"estimate": 41}));
    world.fake(1).edit_as("bob", &copy, json!({"estimate": 42}));
    world.run(config).await;
    resume(&world, config, rule).await;
    world.run(config).await;
    assert_eq!(world.conflicts(config).await.len(), 1);
    assert_eq!(world.field(0, &id, "estimate"), 41);
    assert_eq!(world.field(1, &copy, "estimate"), 42);
}

#[tokio::test]
async fn items_in_a_paused_status_wait_by_name_and_the_others_go_on() {
    let (world, config) = World::pair().await;
    let ids = seed_bugs(&world.fake(0), 6);
    world.run(config).await;
    let copies = [world.copy_of(config, &ids[0]).await, world.copy_of(config, &ids[1]).await];
    let rule = status_rule(&world, config, "Closed").await;
    pause(&world, config, rule).await;
    world.fake(0).set_status_as("ada", &ids[0], "Closed");
    world.fake(0).set_status_as("ada", &ids[1], "New");
    let new = world.fake(0).create_in_status("ada", "bug", json!({"title": "N"}), Some("Closed"));
    let run = world.run(config).await;
    let (state, why) = outcome(&world, &run, &ids[0]).await;
    assert_eq!(state, ItemState::Waiting);
    assert!(why.contains(WHY), "{why}");
    assert_eq!(outcome(&world, &run, &new).await.0, ItemState::Waiting);
    assert_eq!(outcome(&world, &run, &ids[1]).await.0, ItemState::Updated);
    assert_eq!(run.totals.errors(), 0);
    let status = |copy: &ItemId| world.fake(1).item(copy).unwrap().status.unwrap();
    assert_eq!(status(&copies[0]), "New", "nobody decides its status meanwhile");
    assert_eq!(status(&copies[1]), "New");

    resume(&world, config, rule).await;
    world.run(config).await;
    assert_eq!(status(&copies[0]), "Closed");
    world.assert_in_step(config, FIELDS).await;
    world.rest(config).await;
}

#[tokio::test]
async fn statuses_that_are_all_paused_leave_the_status_alone() {
    let (world, config) = World::pair().await;
    let ids = seed_bugs(&world.fake(0), 1);
    world.run(config).await;
    for status in ["New", "Active", "Resolved", "Closed"] {
        if world.trackers[0].statuses.contains_key(&("bug".to_owned(), status.to_owned())) {
            let rule = status_rule(&world, config, status).await;
            pause(&world, config, rule).await;
        }
    }
    world.fake(1).clear_logs();
    world.fake(0).set_status_as("ada", &ids[0], "Closed");
    let run = world.run(config).await;
    assert_eq!(outcome(&world, &run, &ids[0]).await.0, ItemState::Waiting);
    assert_eq!(world.fake(1).own_effects(), []);
}

#[tokio::test]
async fn an_item_that_lacks_a_required_field_by_a_pause_waits() {
    let (world, config) = World::pair().await;
    let known = seed_bugs(&world.fake(0), 1).remove(0);
    world.run(config).await;
    let rule = field_rule(&world, config, "title").await;
    pause(&world, config, rule).await;
    let new = world.fake(0).create_as("ada", "bug", json!({"title": "New"}));
    world.fake(0).edit_as("ada", &known, json!({"title": "Other", "estimate": 9}));
    let run = world.run(config).await;
    assert_eq!(outcome(&world, &run, &new).await.0, ItemState::Waiting);
    assert_eq!(outcome(&world, &run, &known).await.0, ItemState::Updated);
    assert_eq!(run.totals.errors(), 0);
    resume(&world, config, rule).await;
    world.run(config).await;
    world.assert_in_step(config, FIELDS).await;
}

/// Adds the mapping of tasks to tasks, of titles alone.
async fn with_tasks(world: &World, config: ConfigId) {
    let of = |at: usize| {
        let tracker = &world.trackers[at];
        let title = tracker.fields[&("task".to_owned(), "title".to_owned())];
        (tracker.types["task"], title)
    };
    let (source, target) = (of(0), of(1));
    world
        .store
        .tx("tasks", move |tx| {
            let pair = tx.insert_type_mapping(&TypeMapping {
                id: TypeMappingId(0),
                config_id: config,
                source_type_id: source.0,
                target_type_id: target.0,
            })?;
            let rule = syncline_testkit::rows::field_mapping(config, pair, source.1, target.1);
            tx.insert_field_mapping(&rule)
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn items_of_paused_types_wait_and_no_deletion_is_read_into_it() {
    let (world, config) = World::pair().await;
    with_tasks(&world, config).await;
    world
        .change_config(config, |config| config.options.source_delete_policy = DeletePolicy::Delete)
        .await;
    let ids = seed_bugs(&world.fake(0), 2);
    let task = world.fake(0).create_as("ada", "task", json!({"title": "T"}));
    world.run(config).await;
    let copies = [world.copy_of(config, &ids[0]).await, world.copy_of(config, &ids[1]).await];
    let rule = type_rule(&world, config).await;
    pause(&world, config, rule).await;

    world.fake(0).edit_as("ada", &ids[0], json!({"title": "Edited"}));
    world.fake(0).edit_as("ada", &task, json!({"title": "T2"}));
    world.fake(0).delete_as("ada", &ids[1]);
    let run = world.run_with(RunRequest { full: true, ..RunRequest::of(config) }).await;
    let (state, why) = outcome(&world, &run, &ids[0]).await;
    assert_eq!(state, ItemState::Waiting);
    assert!(why.contains(WHY), "{why}");
    assert_eq!(outcome(&world, &run, &task).await.0, ItemState::Updated);
    assert!(world.fake(1).item(&copies[1]).is_some(), "its type may be all that is gone");
    let (source, target) = world.ends(config).await;
    let census = world.engine().census(config, source, target).await.unwrap();
    assert_eq!(census.drift, [], "what rests is no drift");

    resume(&world, config, rule).await;
    world.run_with(RunRequest { full: true, ..RunRequest::of(config) }).await;
    assert_eq!(value(&world.fake(1).item(&copies[0]).unwrap(), "title"), "Edited");
    assert!(world.fake(1).item(&copies[1]).is_none(), "now the deletion counts");
}

#[tokio::test]
async fn a_configuration_without_any_type_that_is_there_does_not_run_and_says_why() {
    let mut world = World::new();
    world.tracker("a", 1).await;
    world.tracker("b", 5_001).await;
    let config = world.join_fields(0, 1, FIELDS, |row| row.direction = Direction::OneWay).await;
    let rule = type_rule(&world, config).await;
    pause(&world, config, rule).await;
    let gone = world.trackers[0].types["bug"];
    let now = syncline_domain::ports::Clock::now(&world.clock);
    world
        .store
        .tx("gone", move |tx| {
            let row = tx.type_row(gone)?.unwrap();
            tx.update_type(&syncline_domain::TypeRow { gone_at: Some(now), ..row })
        })
        .await
        .unwrap();
    let refused = world.engine().start(RunRequest::of(config)).await;
    let Err(StartError::Invalid(faults)) = refused else { panic!("it ran") };
    assert!(faults[0].message.contains(WHY), "{faults:?}");
    // The other side is there, and what it has waits.
    seed_bugs(&world.fake(1), 1);
    let run = world.run_way(config, RunDirection::TargetToSource).await;
    assert_eq!((run.totals.waiting, run.totals.total()), (1, 1));
}
