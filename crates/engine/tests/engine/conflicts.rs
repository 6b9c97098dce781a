//! Conflicts as rows: one a pair and field, closed by the world or by a decision, and decisions that reach both trackers.

use std::sync::Arc;
use std::time::Duration;

use crate::common::{FIELDS, World, two_way};
use serde_json::{Value, json};
use syncline_domain::ports::{ConnectorError, ErrorKind, StoreExt as _};
use syncline_domain::{
    ConfigId, Conflict, ConflictKind, ConflictResolution, ConflictStatus, ItemId, ItemState,
    MapDirection, ResolutionChoice, RunDirection,
};
use syncline_engine::{ResolveRequest, Resolved, RunRequest, fault_points};
use syncline_testkit::{Method, Planned, Quirks, ScriptedFaultPoints};

type Scene = (World, ConfigId, ItemId, ItemId);

/// Title and tags were changed on both sides.
async fn clash() -> (Scene, Conflict) {
    let scene = two_way(ConflictResolution::Merge).await;
    let (world, config, id, copy) = &scene;
    world.fake(0).edit_as("ada", id, json!({"title": "S", "progress": 7}));
    world.fake(1).edit_as("bob", copy, json!({"title": "T", "estimate": 9}));
    world.run(*config).await;
    let conflict = world.conflicts(*config).await.remove(0);
    (scene, conflict)
}

async fn resolve(
    world: &World,
    conflict: &Conflict,
    choice: ResolutionChoice,
    value: Value,
) -> Resolved {
    let resolution = world.decide(conflict.id, choice, value).await;
    let (source, target) = world.ends(conflict.config_id).await;
    let request = ResolveRequest { conflict: conflict.id, resolution };
    world.engine().resolve(request, source, target).await.unwrap()
}

#[tokio::test]
async fn only_the_field_that_clashes_waits_and_it_is_one_row() {
    let ((world, config, id, copy), conflict) = clash().await;
    assert_eq!(world.field(1, &copy, "progress"), json!(7), "others go on");
    assert_eq!(world.field(0, &id, "estimate"), json!(9), "others go on");
    assert_eq!(conflict.kind, ConflictKind::Field);
    assert_eq!(conflict.field.as_ref().unwrap().as_str(), "title");
    assert_eq!(conflict.source_field.as_ref().unwrap().as_str(), "title");
    assert_eq!((&conflict.source_value, &conflict.target_value), (&json!("S"), &json!("T")));
    assert_eq!(conflict.base_value, json!("Bug 0: ümlaut & <tags>"));
    assert!(conflict.source_changed_at.is_some() && conflict.target_changed_at.is_some());
    world.fake(0).edit_as("ada", &id, json!({"progress": 8}));
    let run = world.run(config).await;
    let outcome = world.outcomes(&run).await.remove(0);
    assert_eq!(outcome.state, ItemState::Conflicted);
    assert!(outcome.error.unwrap().message.contains("title"), "the field is named");
    world.fake(1).edit_as("bob", &copy, json!({"title": "T2"}));
    world.run(config).await;
    let rows = world.conflicts(config).await;
    assert_eq!(rows.len(), 1, "never two for one pair and field");
    assert_eq!((rows[0].id, &rows[0].target_value), (conflict.id, &json!("T2")));
    world.rest(config).await;
}

#[tokio::test]
async fn a_conflict_that_the_world_resolved_closes_itself() {
    let base = "Bug 0: ümlaut & <tags>";
    for (case, source, target, wanted) in [
        ("the same on both", Some("T"), None, "T"),
        ("the other follows", None, Some("S"), "S"),
        ("the source went back", Some(base), None, "T"),
        ("the target went back", None, Some(base), "S"),
        ("both went back", Some(base), Some(base), base),
    ] {
        let ((world, config, id, copy), conflict) = clash().await;
        if let Some(title) = source {
            world.fake(0).edit_as("ada", &id, json!({"title": title}));
        }
        if let Some(title) = target {
            world.fake(1).edit_as("bob", &copy, json!({"title": title}));
        }
        world.run(config).await;
        world.run(config).await;
        let rows = world.conflicts(config).await;
        assert_eq!(rows.len(), 1, "{case}");
        assert_eq!(rows[0].status, ConflictStatus::Resolved, "{case}: {}", conflict.reason);
        assert!(rows[0].ended_at.is_some(), "{case}");
        let decision = world.decisions(conflict.id).await.pop().unwrap();
        assert_eq!(decision.choice, ResolutionChoice::Agreement, "{case}");
        assert_eq!(decision.resolved_by, "agreement of both sides");
        assert!(decision.applied_at.is_some(), "{case}");
        assert_eq!(world.field(0, &id, "title"), json!(wanted), "{case}");
        assert_eq!(world.field(1, &copy, "title"), json!(wanted), "{case}");
        world.rest(config).await;
    }
}

#[tokio::test]
async fn an_ignored_conflict_is_quiet_until_a_side_changes_the_field() {
    let ((world, config, id, copy), conflict) = clash().await;
    let row = Conflict { status: ConflictStatus::Ignored, ..conflict.clone() };
    world.store.tx("ignore", move |tx| tx.update_conflict(&row)).await.unwrap();
    world.fake(0).edit_as("ada", &id, json!({"progress": 70}));
    let run = world.run(config).await;
    assert_eq!(run.totals.conflicted, 0, "{:?}", world.outcomes(&run).await);
    assert_eq!(world.field(1, &copy, "progress"), json!(70));
    assert_eq!(world.field(1, &copy, "title"), json!("T"), "it waits all the same");
    world.fake(1).edit_as("bob", &copy, json!({"title": "T3"}));
    assert!(world.run(config).await.totals.conflicted > 0);
    let rows = world.conflicts(config).await;
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].id, rows[0].status), (conflict.id, ConflictStatus::Unresolved));
}

#[tokio::test]
async fn a_decision_reaches_both_trackers() {
    use ResolutionChoice::{Base, Source, Target, Value as Given};
    let base = json!("Bug 0: ümlaut & <tags>");
    for (choice, value, wanted, writes) in [
        (Source, json!(null), json!("S"), (0, 1)),
        (Target, json!(null), json!("T"), (1, 0)),
        (Base, json!(null), base, (1, 1)),
        (Given, json!("Both"), json!("Both"), (1, 1)),
        (Given, json!("S"), json!("S"), (0, 1)),
    ] {
        let ((world, config, id, copy), conflict) = clash().await;
        world.fake(0).clear_logs();
        world.fake(1).clear_logs();
        // What nobody has synced yet must not get lost on the way.
        world.fake(0).edit_as("ada", &id, json!({"progress": 55}));
        world.fake(1).edit_as("bob", &copy, json!({"tags": ["late"]}));
        let done = resolve(&world, &conflict, choice, value).await;
        assert!(done.applied, "{choice}: {}", done.message);
        assert_eq!(done.conflict.status, ConflictStatus::Resolved, "{choice}");
        assert!(done.resolution.applied_at.is_some() && done.resolution.error.is_none());
        assert_eq!(world.field(0, &id, "title"), wanted, "{choice}");
        assert_eq!(world.field(1, &copy, "title"), wanted, "{choice}");
        let counts = (world.fake(0).own_effects().len(), world.fake(1).own_effects().len());
        assert_eq!(counts, writes, "{choice}: no more writes than needed");
        world.run(config).await;
        world.assert_in_step(config, FIELDS).await;
        assert_eq!(world.field(1, &copy, "progress"), json!(55), "{choice}");
        assert_eq!(world.field(0, &id, "tags"), json!(["late"]), "{choice}");
        world.rest(config).await;
        assert_eq!(world.conflicts(config).await.len(), 1, "{choice}");
    }
}

#[tokio::test]
async fn a_status_is_decided_about_like_any_field() {
    let (world, config, id, copy) = two_way(ConflictResolution::Manual).await;
    world.fake(0).set_status_as("ada", &id, "Closed");
    world.fake(1).set_status_as("bob", &copy, "Resolved");
    world.run(config).await;
    let conflict = world.conflicts(config).await.remove(0);
    assert_eq!(
        (&conflict.source_value, &conflict.target_value),
        (&json!("Closed"), &json!("Resolved"))
    );
    let done = resolve(&world, &conflict, ResolutionChoice::Value, json!("Removed")).await;
    assert!(done.applied, "{}", done.message);
    for (at, item) in [(0, &id), (1, &copy)] {
        assert_eq!(world.fake(at).item(item).unwrap().status.as_deref(), Some("Removed"));
    }
    world.rest(config).await;
}

#[tokio::test]
async fn a_write_that_fails_leaves_the_conflict_open_with_the_reason() {
    for (kind, is_for_good) in [(ErrorKind::Invalid, true), (ErrorKind::Unavailable, false)] {
        let ((world, config, id, copy), conflict) = clash().await;
        let error = ConnectorError::new(kind, "the title is too plain");
        world.fake(1).plan(Method::Apply, 1, Planned::Before(error));
        let done = resolve(&world, &conflict, ResolutionChoice::Source, Value::Null).await;
        assert!(!done.applied, "{kind:?}");
        assert_eq!(done.conflict.status, ConflictStatus::Unresolved, "{kind:?}");
        let told = done.resolution.error.unwrap();
        assert_eq!(told, done.message);
        assert!(told.contains("too plain") && told.contains("target"), "{told}");
        assert_eq!(world.field(1, &copy, "title"), json!("T"));
        world.run(config).await;
        let row = world.conflicts(config).await.remove(0);
        let wanted = if is_for_good { "T" } else { "S" };
        assert_eq!(world.field(1, &copy, "title"), json!(wanted), "{kind:?}");
        assert_eq!(row.status == ConflictStatus::Unresolved, is_for_good, "{kind:?}");
        assert_eq!(world.field(0, &id, "title"), json!("S"), "{kind:?}");
        world.rest(config).await;
    }
}

#[tokio::test]
async fn a_value_that_the_tracker_does_not_keep_is_not_called_applied() {
    let ((world, config, id, copy), conflict) = clash().await;
    world.fake(1).set_quirks(Quirks { ignores: vec!["title".into()], ..Quirks::default() });
    for choice in [ResolutionChoice::Source, ResolutionChoice::Base] {
        let done = resolve(&world, &conflict, choice, Value::Null).await;
        assert!(!done.applied);
        assert!(done.message.contains("kept"), "{}", done.message);
    }
    world.fake(1).set_quirks(Quirks::default());
    world.rest(config).await;
    let rows = world.conflicts(config).await;
    assert_eq!(rows[0].status, ConflictStatus::Unresolved);
    assert_eq!(world.field(0, &id, "title"), json!("S"), "neither side's value is lost");
    assert_eq!(world.field(1, &copy, "title"), json!("T"), "neither side's value is lost");
}

#[tokio::test]
async fn a_stored_decision_is_carried_out_by_the_next_run() {
    let ((world, config, id, copy), conflict) = clash().await;
    world.decide(conflict.id, ResolutionChoice::Source, Value::Null).await;
    world.decide(conflict.id, ResolutionChoice::Value, json!("The newest decision")).await;
    let dry = RunRequest { dry_run: true, ..RunRequest::of(config) };
    world.run_with(dry).await;
    assert_eq!(world.field(1, &copy, "title"), json!("T"), "a dry run writes nothing");
    let run = world.run(config).await;
    assert_eq!(run.totals.conflicts_resolved, 1);
    for (at, item) in [(0, &id), (1, &copy)] {
        assert_eq!(world.field(at, item, "title"), json!("The newest decision"));
    }
    assert_eq!(world.conflicts(config).await[0].status, ConflictStatus::Resolved);
    world.rest(config).await;
}

#[tokio::test]
async fn a_decision_survives_a_crash_at_any_point() {
    for point in fault_points::ALL {
        for nth in [1, 2] {
            let ((world, config, id, copy), conflict) = clash().await;
            let resolution =
                world.decide(conflict.id, ResolutionChoice::Value, json!("Decided")).await;
            let faults = Arc::new(ScriptedFaultPoints::crash_at(point, nth));
            let (source, target) = world.ends(config).await;
            let request = ResolveRequest { conflict: conflict.id, resolution };
            // Whether it was carried out shows below.
            let _ = world.engine_with(faults).resolve(request, source, target).await;
            world.clock.advance(Duration::from_secs(120));
            world.run(config).await;
            for (at, item) in [(0, &id), (1, &copy)] {
                assert_eq!(world.field(at, item, "title"), json!("Decided"), "{point} {nth}");
            }
            let status = world.conflicts(config).await[0].status;
            assert_eq!(status, ConflictStatus::Resolved, "{point} {nth}");
            world.rest(config).await;
        }
    }
}

#[tokio::test]
async fn lists_and_lines_of_both_sides_reach_both_sides_whatever_the_strategy() {
    use ConflictResolution::{LastWriteWins, Manual, Merge, SourcePriority, TargetPriority};
    for strategy in [LastWriteWins, Manual, Merge, SourcePriority, TargetPriority] {
        let (world, config, id, copy) = two_way(strategy).await;
        let text = |a: &str, b: &str| format!("<p>{a}</p><p>middle</p><p>{b}</p>");
        world.fake(0).edit_as("ada", &id, json!({"description": text("a", "b")}));
        world.run(config).await;
        world.fake(0).clear_logs();
        world.fake(1).clear_logs();
        world.fake(0).edit_as(
            "ada",
            &id,
            json!({"description": text("A", "b"), "tags": ["one", "s"]}),
        );
        world.clock.advance(Duration::from_secs(60));
        world.fake(1).edit_as(
            "bob",
            &copy,
            json!({"description": text("a", "B"), "tags": ["one", "t", "t0"]}),
        );
        let run = world.run(config).await;
        assert_eq!(run.totals.conflicted, 0, "{strategy}: {:?}", world.outcomes(&run).await);
        for (at, item) in [(0, &id), (1, &copy)] {
            assert_eq!(world.field(at, item, "description"), json!(text("A", "B")), "{strategy}");
            assert_eq!(world.field(at, item, "tags"), json!(["one", "s", "t"]), "{strategy}");
            assert_eq!(world.fake(at).own_effects().len(), 1, "{strategy}: one write a side");
        }
        world.rest(config).await;
        assert!(world.conflicts(config).await.is_empty(), "{strategy}");
    }
}

#[tokio::test]
async fn a_merged_value_survives_a_crash_at_any_point() {
    for point in fault_points::ALL {
        for nth in [1, 2] {
            let (world, config, id, copy) = two_way(ConflictResolution::SourcePriority).await;
            world.fake(0).edit_as("ada", &id, json!({"tags": ["one", "s"], "progress": 42}));
            world.fake(1).edit_as(
                "bob",
                &copy,
                json!({"tags": ["one", "t", "t0"], "progress": 43}),
            );
            let faults = Arc::new(ScriptedFaultPoints::crash_at(point, nth));
            world.run_by(&world.engine_with(faults), RunRequest::of(config)).await;
            world.clock.advance(Duration::from_secs(120));
            world.run(config).await;
            world.run(config).await;
            for (at, item) in [(0, &id), (1, &copy)] {
                assert_eq!(
                    world.field(at, item, "tags"),
                    json!(["one", "s", "t"]),
                    "{point} {nth}"
                );
                assert_eq!(world.field(at, item, "progress"), json!(42), "{point} {nth}");
            }
            world.rest(config).await;
        }
    }
}

#[tokio::test]
async fn a_field_that_goes_one_way_is_never_read_back() {
    let (world, config, id, copy) = two_way(ConflictResolution::LastWriteWins).await;
    world
        .store
        .tx("one way", move |tx| {
            for rule in tx.field_mappings(config)? {
                let direction = MapDirection::Forward;
                tx.update_field_mapping(&syncline_domain::FieldMapping { direction, ..rule })?;
            }
            Ok(())
        })
        .await
        .unwrap();
    world.fake(0).edit_as("ada", &id, json!({"title": "From the source"}));
    world.clock.advance(Duration::from_secs(60));
    world.fake(1).edit_as("bob", &copy, json!({"title": "Nobody asked", "progress": 99}));
    let run = world.run(config).await;
    assert_eq!(run.totals.conflicted, 0);
    assert_eq!(world.field(0, &id, "title"), json!("From the source"));
    assert_eq!(world.field(1, &copy, "title"), json!("From the source"));
    assert_ne!(world.field(0, &id, "progress"), json!(99));
    world.rest(config).await;
}

#[tokio::test]
async fn a_strategy_of_one_rule_goes_before_that_of_the_configuration() {
    let (world, config, id, copy) = two_way(ConflictResolution::Manual).await;
    world
        .store
        .tx("own word", move |tx| {
            for rule in tx.field_mappings(config)? {
                let own = Some(ConflictResolution::TargetPriority);
                tx.update_field_mapping(&syncline_domain::FieldMapping {
                    conflict_resolution: own,
                    ..rule
                })?;
            }
            Ok(())
        })
        .await
        .unwrap();
    world.fake(0).edit_as("ada", &id, json!({"title": "S"}));
    world.fake(1).edit_as("bob", &copy, json!({"title": "T"}));
    world.fake(0).set_status_as("ada", &id, "Closed");
    world.fake(1).set_status_as("bob", &copy, "Removed");
    let run = world.run(config).await;
    assert_eq!(run.totals.conflicts_resolved, 1);
    assert_eq!(world.field(0, &id, "title"), json!("T"));
    let rows = world.conflicts(config).await;
    assert_eq!(rows.len(), 1, "the status has no rule of its own");
    assert!(rows[0].field.as_ref().unwrap().as_str().contains("status"));
}

#[tokio::test]
async fn a_tie_is_not_decided_by_our_own_write_to_another_field() {
    let (world, config, id, copy) = two_way(ConflictResolution::LastWriteWins).await;
    world.fake(0).edit_as("ada", &id, json!({"title": "S", "progress": 3}));
    world.fake(1).edit_as("bob", &copy, json!({"title": "T"}));
    world.clock.advance(Duration::from_secs(300));
    for _ in 0..3 {
        world.run(config).await;
        world.clock.advance(Duration::from_secs(300));
    }
    assert_eq!(world.field(1, &copy, "progress"), json!(3));
    assert_eq!(world.field(0, &id, "title"), json!("S"), "a tie is a conflict, not a coin");
    assert_eq!(world.field(1, &copy, "title"), json!("T"), "a tie is a conflict, not a coin");
    assert_eq!(world.conflicts(config).await.len(), 1);
    world.fake(1).edit_as("bob", &copy, json!({"title": "Later"}));
    world.run(config).await;
    assert_eq!(world.field(0, &id, "title"), json!("Later"), "now somebody was later");
    assert_eq!(world.conflicts(config).await[0].status, ConflictStatus::Resolved);
}

#[tokio::test]
async fn a_value_that_is_thrown_to_and_fro_is_stopped_and_told() {
    for (case, growing, most) in [("flips", false, 4), ("grows", true, 10)] {
        let (world, config, id, copy) = two_way(ConflictResolution::LastWriteWins).await;
        world.fake(0).clear_logs();
        world.fake(1).clear_logs();
        let word =
            |side: &str, n: usize| if growing { format!("{side} {n}") } else { side.to_owned() };
        for n in 0..20 {
            // What a rule of the tracker does whenever somebody else writes the field.
            world.fake(0).edit_as("robot", &id, json!({"title": word("left", n)}));
            world.run(config).await;
            world.fake(1).edit_as("robot", &copy, json!({"title": word("right", n)}));
            world.run(config).await;
        }
        let writes = world.fake(0).own_effects().len() + world.fake(1).own_effects().len();
        assert_eq!(writes, most, "{case}");
        let rows = world.conflicts(config).await;
        assert_eq!(rows.len(), 1, "{case}");
        assert_eq!(rows[0].status, ConflictStatus::Unresolved, "{case}");
        assert!(rows[0].reason.contains("something changes"), "{case}: {}", rows[0].reason);
        world.clock.advance(Duration::from_secs(3_600));
        world.fake(0).edit_as("robot", &id, json!({"title": "an hour later"}));
        world.run(config).await;
        assert_eq!(
            world.field(1, &copy, "title"),
            json!(word("right", 19)),
            "{case}: it stays stopped"
        );
        let done = resolve(&world, &rows[0], ResolutionChoice::Source, Value::Null).await;
        assert!(done.applied, "{case}: {}", done.message);
        world.fake(0).edit_as("ada", &id, json!({"title": "free again"}));
        world.run(config).await;
        assert_eq!(world.field(1, &copy, "title"), json!("free again"), "{case}");
    }
}

#[tokio::test]
async fn a_resolve_waits_for_no_run() {
    let ((world, config, ..), conflict) = clash().await;
    let engine = world.engine();
    let run = engine.start(RunRequest::of(config)).await.unwrap();
    let resolution = world.decide(conflict.id, ResolutionChoice::Source, Value::Null).await;
    let (source, target) = world.ends(config).await;
    let request = ResolveRequest { conflict: conflict.id, resolution };
    let busy = engine.resolve(request, source.clone(), target.clone()).await.unwrap_err();
    assert_eq!(busy, syncline_engine::ResolveError::Busy(run.id()));
    engine.drive(run, source.clone(), target.clone()).await;
    let late = engine.resolve(request, source.clone(), target.clone()).await.unwrap();
    assert!(late.applied, "the run had carried it out");
    let nobody = ResolveRequest { conflict: 999.into(), resolution };
    let lost = engine.resolve(nobody, source, target).await.unwrap_err();
    assert_eq!(lost, syncline_engine::ResolveError::NotFound);
}

#[tokio::test]
async fn items_whose_types_no_longer_fit_are_one_conflict() {
    let (world, config, id, copy) = two_way(ConflictResolution::LastWriteWins).await;
    let pair = world.pairs(config).await.remove(0);
    let as_if = syncline_domain::Pair { target_type: "task".to_owned(), ..pair.clone() };
    world.store.tx("other type", move |tx| tx.update_pair(&as_if)).await.unwrap();
    for n in 0..3 {
        world.fake(0).edit_as("ada", &id, json!({"title": format!("Edit {n}")}));
        assert_eq!(world.run_way(config, RunDirection::SourceToTarget).await.totals.conflicted, 1);
    }
    assert_ne!(
        world.field(1, &copy, "title"),
        json!("Edit 2"),
        "nothing is written by other rules"
    );
    let rows = world.conflicts(config).await;
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].kind, &rows[0].field), (ConflictKind::TypeMismatch, &None));
    assert!(rows[0].reason.contains("\"bug\"") && rows[0].reason.contains("\"task\""));
    let done = resolve(&world, &rows[0], ResolutionChoice::Source, Value::Null).await;
    assert!(!done.applied && done.message.contains("map the two types"), "{}", done.message);
    world.store.tx("same type", move |tx| tx.update_pair(&pair)).await.unwrap();
    world.fake(0).edit_as("ada", &id, json!({"title": "It fits again"}));
    world.run(config).await;
    assert_eq!(world.conflicts(config).await[0].status, ConflictStatus::Resolved);
    assert_eq!(world.field(1, &copy, "title"), json!("It fits again"));
    world.rest(config).await;
}

#[tokio::test]
async fn a_tracker_that_rewrites_what_it_gets_merges_and_comes_to_rest() {
    let (world, config, id, copy) = two_way(ConflictResolution::Manual).await;
    world.fake(1).set_quirks(Quirks::all());
    let text = |a: &str, b: &str| format!("<P>{a}</P>\n<P>middle</P>\n<P>{b}</P> ");
    world.fake(0).edit_as("ada", &id, json!({"description": text("a", "b")}));
    world.run(config).await;
    let shown = world.field(1, &copy, "description");
    assert_ne!(shown, json!(text("a", "b")), "the tracker has a spelling of its own");
    world.fake(0).edit_as("ada", &id, json!({"description": text("A", "b")}));
    let edited = shown.as_str().unwrap().replace(">b<", ">B<");
    world.fake(1).edit_as("bob", &copy, json!({"description": edited}));
    let run = world.run(config).await;
    assert_eq!(run.totals.conflicted, 0, "{:?}", world.conflicts(config).await);
    for (at, item) in [(0, &id), (1, &copy)] {
        let shown = world.field(at, item, "description").as_str().unwrap().to_lowercase();
        assert!(shown.contains("<p>a</p>") && shown.contains("<p>b</p>"), "{shown}");
        let shown = world.field(at, item, "description").as_str().unwrap().to_owned();
        assert!(shown.contains(">A<") && shown.contains(">B<"), "{shown}");
    }
    world.rest(config).await;
}
