//! What history keeps of writes and looks, and what explanations make of it.

use std::sync::Arc;

use crate::common::{World, seed_bugs};
use serde_json::{Value, json};
use syncline_domain::ports::StoreExt as _;
use syncline_domain::{
    ConfigId, ConflictResolution, Direction, Fault, FieldHow, HistoryEntry, HistoryEvent,
    HistoryKind, ItemId, MapDirection, MappingType, ResolutionChoice, RunDirection, Trigger,
};
use syncline_engine::{Explained, ResolveRequest, RunRequest, StepKind, fault_points};
use syncline_testkit::ScriptedFaultPoints;

/// Two trackers and a two-way configuration of the field `external`: on its way to the target it is trimmed and put
/// in capitals, and it comes back as it is.
async fn chained() -> (World, ConfigId, ItemId, ItemId) {
    let mut world = World::new();
    world.tracker("a", 1).await;
    world.tracker("b", 5_001).await;
    let config = world
        .join_fields(0, 1, &["title", "external", "external"], |config| {
            config.direction = Direction::Bidirectional;
            config.conflict_resolution = ConflictResolution::Merge;
            config.version = 3;
        })
        .await;
    world
        .store
        .tx("chain", move |tx| {
            let rules = tx.field_mappings(config)?;
            let mut there = rules[1].clone();
            there.mapping_type = MappingType::Transformation;
            there.transformation = Some(json!({"chain": ["trim", "toUpperCase"]}));
            there.direction = MapDirection::Forward;
            tx.update_field_mapping(&there)?;
            let mut back = rules[2].clone();
            back.direction = MapDirection::Backward;
            tx.update_field_mapping(&back)
        })
        .await
        .unwrap();
    let id = world.fake(0).create_in_status(
        "ada",
        "bug",
        json!({"title": "A bug", "external": " One\nTwo\nThree "}),
        None,
    );
    run_by(&world, config, "schedule 0 * * * *").await;
    let copy = world.copy_of(config, &id).await;
    (world, config, id, copy)
}

async fn run_by(world: &World, config: ConfigId, by: &str) {
    let request = RunRequest {
        trigger: Trigger::Scheduled,
        triggered_by: by.to_owned(),
        ..RunRequest::of(config)
    };
    world.run_with(request).await;
}

async fn explain(world: &World, config: ConfigId, id: &ItemId, field: Option<&str>) -> Explained {
    let field = field.map(str::to_owned);
    world.engine().explain(config, id.clone(), field).await.unwrap()
}

async fn entries(world: &World, config: ConfigId, id: &ItemId) -> Vec<HistoryEntry> {
    world.engine().history(config, id.clone(), None, 500).await.unwrap().entries
}

fn kinds(entries: &[HistoryEntry]) -> Vec<HistoryKind> {
    let kind = |entry: &HistoryEntry| {
        let HistoryEvent::V1 { kind, .. } = &entry.event;
        *kind
    };
    entries.iter().map(kind).collect()
}

#[tokio::test]
async fn an_explanation_names_the_merge_the_chain_and_the_decision() {
    let (world, config, id, copy) = chained().await;
    let (source, target) = world.ends(config).await;
    // Both sides change other lines: merged.
    source.edit_as("ada", &id, json!({"external": "One here\nTwo\nThree"}));
    target.edit_as("bob", &copy, json!({"external": "ONE\nTWO\nTHREE THERE"}));
    run_by(&world, config, "webhook hook of a").await;
    assert_eq!(world.field(1, &copy, "external"), json!("ONE HERE\nTWO\nTHREE THERE"));
    // Both change the same line: a person decides.
    source.edit_as("ada", &id, json!({"external": "One here\nTwo of ada\nThree there"}));
    target.edit_as("bob", &copy, json!({"external": "ONE HERE\nTWO OF BOB\nTHREE THERE"}));
    world.run(config).await;
    let conflict = world.conflicts(config).await.remove(0);
    let resolution = world.decide(conflict.id, ResolutionChoice::Source, Value::Null).await;
    let request = ResolveRequest { conflict: conflict.id, resolution };
    let done = world.engine().resolve(request, source, target).await.unwrap();
    assert!(done.applied, "{}", done.message);

    let told = explain(&world, config, &id, Some("external")).await;
    assert_eq!(told.fields.len(), 1);
    let field = &told.fields[0];
    let text = field.sentences.join("\n");
    let kinds: Vec<StepKind> = field.steps.iter().map(|step| step.kind).collect();
    for kind in [
        StepKind::Paired,
        StepKind::Observed,
        StepKind::Mapped,
        StepKind::Merged,
        StepKind::Written,
        StepKind::Conflict,
        StepKind::Decision,
    ] {
        assert!(kinds.contains(&kind), "{kind:?} is missing in {kinds:?}\n{text}");
    }
    let chain = field.steps.iter().find(|step| step.kind == StepKind::Mapped).unwrap();
    let names: Vec<&str> = chain.transformation.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["trim", "toUpperCase"], "{text}");
    assert_eq!(chain.config_version, Some(3));
    let merged = field.steps.iter().find(|step| step.kind == StepKind::Merged).unwrap();
    assert_eq!(merged.value, Some(json!("ONE HERE\nTWO\nTHREE THERE")), "{text}");
    let decision = field.steps.iter().find(|step| step.kind == StepKind::Decision).unwrap();
    assert_eq!((decision.actor.as_deref(), decision.conflict), (Some("anna"), Some(conflict.id)));
    for words in [
        "trim gave",
        "then toUpperCase gave",
        "both changes were merged to",
        "decided by anna",
        "looked at both",
        "scheduled: schedule 0 * * * *",
        "scheduled: webhook hook of a",
        "changed by ada",
        &format!("target item {copy}"),
        &format!("source item {id}"),
        &format!("Conflict {}", conflict.id),
        "version 3",
    ] {
        assert!(text.contains(words), "{words:?} is missing in\n{text}");
    }
    let last = field.steps.iter().rev().find(|step| step.kind == StepKind::Written).unwrap();
    assert_eq!(last.value, Some(json!("ONE HERE\nTWO OF ADA\nTHREE THERE")), "{text}");
    assert_eq!(field.target_value, last.value);
    assert!(field.steps.is_sorted_by_key(|step| step.at));
}

#[tokio::test]
async fn a_strategy_is_named_with_what_it_gave_up() {
    let (world, config, id, copy) =
        crate::common::two_way(ConflictResolution::SourcePriority).await;
    world.fake(0).edit_as("ada", &id, json!({"priority": "High"}));
    world.fake(1).edit_as("bob", &copy, json!({"priority": "Normal"}));
    world.run(config).await;
    let told = explain(&world, config, &id, Some("Priority")).await;
    let step = told.fields[0].steps.iter().find(|step| step.kind == StepKind::Strategy).unwrap();
    assert_eq!(step.other_value, Some(json!("Normal")));
    assert!(step.text.contains("source-priority let the source win"), "{}", step.text);
}

#[tokio::test]
async fn an_unchanged_item_leaves_no_entry_and_an_edit_leaves_one() {
    let (world, config) = World::pair().await;
    let ids = seed_bugs(&world.fake(0), 3);
    world.run(config).await;
    assert_eq!(kinds(&entries(&world, config, &ids[0]).await), [HistoryKind::Created]);
    for _ in 0..3 {
        world.run(config).await;
        world.run_with(RunRequest { full: true, ..RunRequest::of(config) }).await;
    }
    assert_eq!(entries(&world, config, &ids[0]).await.len(), 1);
    world.fake(0).edit_as("ada", &ids[1], json!({"title": "Other", "external": "not mapped"}));
    let run = world.run(config).await;
    let told = entries(&world, config, &ids[1]).await;
    assert_eq!(kinds(&told), [HistoryKind::Updated, HistoryKind::Created]);
    assert_eq!(told[0].execution_id, Some(run.id));
    let HistoryEvent::V1 { fields, from, .. } = &told[0].event;
    assert_eq!(fields.len(), 1, "only what was written: {fields:?}");
    assert_eq!((fields[0].field.as_str(), fields[0].how), ("title", FieldHow::Written));
    assert_eq!(fields[0].old, Some(json!("Bug 1: ümlaut & <tags>")));
    assert_eq!(from.by.as_deref(), Some("ada"));
    assert_eq!(entries(&world, config, &ids[0]).await.len(), 1);
}

#[tokio::test]
async fn history_of_a_pair_of_nine_fields_stays_small() {
    let (world, config) = World::pair().await;
    let ids = seed_bugs(&world.fake(0), 100);
    world.run(config).await;
    let mut bytes = 0;
    for id in &ids {
        let told = entries(&world, config, id).await;
        assert_eq!(told.len(), 1);
        bytes += serde_json::to_string(&told[0].event).unwrap().len();
    }
    let each = bytes / ids.len();
    assert!(each < 1_024, "{each} bytes for a copy of nine fields and a status");
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_in_history_once_it_is_found() {
    let (world, config) = World::pair().await;
    let id = seed_bugs(&world.fake(0), 1).remove(0);
    let faults = Arc::new(ScriptedFaultPoints::crash_at(fault_points::WRITE_AFTER_CALL, 1));
    let dead = world.run_by(&world.engine_with(faults), RunRequest::of(config)).await;
    world.clock.advance(std::time::Duration::from_secs(60));
    world.engine().close_orphans().await.unwrap();
    world.run(config).await;
    world.run(config).await;
    let told = entries(&world, config, &id).await;
    assert_eq!(kinds(&told).last(), Some(&HistoryKind::Found), "{told:?}");
    assert_eq!(told.last().unwrap().execution_id, Some(dead.id));
    let told = explain(&world, config, &id, Some("title")).await;
    let text = told.fields[0].sentences.join("\n");
    assert!(text.contains("its answer was lost"), "{text}");
    assert!(text.contains("ümlaut"), "{text}");
}

#[tokio::test]
async fn what_cannot_be_explained_is_refused_with_what_to_do() {
    let (world, config) = World::pair().await;
    let id = seed_bugs(&world.fake(0), 1).remove(0);
    world.run(config).await;
    let copy = world.copy_of(config, &id).await;
    let ask = |config: ConfigId, item: &ItemId, field: &str| {
        let (engine, item, field) = (world.engine(), item.clone(), Some(field.to_owned()));
        async move { engine.explain(config, item, field).await.unwrap_err() }
    };
    let Fault::Invalid(faults) = ask(config, &id, "nonsense").await else {
        unreachable!("a wrong field is an invalid input")
    };
    assert_eq!(faults[0].path, "field");
    assert!(faults[0].message.contains("title, description"), "{}", faults[0].message);
    assert!(faults[0].message.contains("status"), "{}", faults[0].message);
    let gone = ask(config, &ItemId::new("4711"), "title").await;
    assert!(matches!(&gone, Fault::NotFound(text) if text.contains("check the id")), "{gone}");
    let turned = ask(config, &copy, "title").await;
    let hint = format!("ask for {id}");
    assert!(matches!(&turned, Fault::NotFound(text) if text.contains(&hint)), "{turned}");
    assert!(matches!(ask(99.into(), &id, "title").await, Fault::NotFound(_)));
}

#[tokio::test]
async fn every_field_is_explained_when_none_is_named_and_old_values_say_so() {
    let (world, config) = World::pair().await;
    let id = seed_bugs(&world.fake(0), 1).remove(0);
    world.run_way(config, RunDirection::SourceToTarget).await;
    let told = explain(&world, config, &id, None).await;
    assert_eq!(told.fields.len(), crate::common::FIELDS.len() + 1, "all fields and the status");
    let status = told.fields.last().unwrap();
    assert!(status.sentences[0].contains("the status"), "{:?}", status.sentences);
    let far = syncline_domain::Timestamp::from_secs(4_000_000_000);
    let gone = world.store.tx("prune", move |tx| tx.prune_history(far, 500)).await.unwrap();
    assert_eq!(gone, 1);
    let told = explain(&world, config, &id, Some("title")).await;
    let text = told.fields[0].sentences.join("\n");
    assert!(text.contains("before the history that is kept begins"), "{text}");
    assert_eq!(told.fields[0].target_value, Some(json!("Bug 0: ümlaut & <tags>")));
}
