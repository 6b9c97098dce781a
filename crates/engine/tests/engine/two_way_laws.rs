//! Laws of two-way runs, for any edits on both sides and any strategy:
//!
//! - planning again after applying gives no writes;
//! - source and target swapped give the mirrored result;
//! - an edit that only one side made is on both sides in the end;
//! - it does not matter which side is read first.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::common::{FIELDS, World, two_way, value};
use proptest::prelude::*;
use serde_json::{Value, json};
use syncline_domain::{
    ConfigId, ConflictResolution, ConflictStatus, Direction, FieldType, ItemId, RunDirection, Side,
};

/// The fields that are edited.
const EDITED: &[&str] = &["title", "progress", "description", "tags", "blocked"];

/// An edit of a field by somebody on a side; sides are 0 and 1.
#[derive(Clone, Debug)]
struct Edit {
    side: usize,
    field: &'static str,
    value: Value,
    /// Seconds before the next one.
    wait: u64,
}

fn text() -> impl Strategy<Value = Value> {
    proptest::collection::vec(prop_oneof!["[ab]", "[a-d]{2}"], 1..5)
        .prop_map(|lines| json!(lines.iter().map(|l| format!("<p>{l}</p>")).collect::<String>()))
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let tags = proptest::collection::vec("[a-e]", 0..4).prop_map(|tags| json!(tags));
    let what = prop_oneof![
        "[A-C]".prop_map(|title| ("title", json!(title))),
        (0..4_i64).prop_map(|n| ("progress", json!(n))),
        text().prop_map(|text| ("description", text)),
        tags.prop_map(|tags| ("tags", tags)),
        any::<bool>().prop_map(|on| ("blocked", json!(on))),
    ];
    let edit = (0..2_usize, what, prop_oneof![Just(0_u64), Just(1), Just(60)])
        .prop_map(|(side, (field, value), wait)| Edit { side, field, value, wait });
    proptest::collection::vec(edit, 1..8)
}

fn strategies() -> impl Strategy<Value = ConflictResolution> {
    use ConflictResolution::{LastWriteWins, Manual, Merge, SourcePriority, TargetPriority};
    prop_oneof![
        Just(LastWriteWins),
        Just(Manual),
        Just(Merge),
        Just(SourcePriority),
        Just(TargetPriority),
    ]
}

/// One pair, whose long text has some lines that both sides agreed on.
async fn scene(strategy: ConflictResolution) -> (World, ConfigId, [ItemId; 2]) {
    let (world, config, id, copy) = two_way(strategy).await;
    let agreed = "<p>one</p><p>a</p><p>two</p><p>b</p><p>three</p>";
    world.fake(0).edit_as("ada", &id, json!({"description": agreed}));
    world.run(config).await;
    world.clock.advance(Duration::from_secs(60));
    (world, config, [id, copy])
}

/// The values of both items.
fn shown(world: &World, items: &[ItemId; 2]) -> [BTreeMap<&'static str, Value>; 2] {
    [0, 1].map(|at| {
        let item = world.fake(at).item(&items[at]).unwrap();
        FIELDS.iter().map(|field| (*field, canonical(field, &value(&item, field)))).collect()
    })
}

fn canonical(field: &str, value: &Value) -> Value {
    let kind = if field == "tags" { FieldType::Array } else { FieldType::String };
    match syncline_domain::canonical(value, kind) {
        Value::Array(tags) if tags.is_empty() => Value::Null,
        other => other,
    }
}

/// People edit both items.
fn apply(world: &World, items: &[ItemId; 2], edits: &[Edit]) {
    for edit in edits {
        let side = edit.side;
        world.fake(side).edit_as("ada", &items[side], json!({edit.field: edit.value}));
        world.clock.advance(Duration::from_secs(edit.wait));
    }
}

fn block_on(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work);
}

/// Which fields a side changed, compared with what was agreed on.
fn changed(
    before: &[BTreeMap<&'static str, Value>; 2],
    now: &[BTreeMap<&'static str, Value>; 2],
) -> [BTreeSet<&'static str>; 2] {
    [0, 1].map(|at| {
        FIELDS.iter().copied().filter(|field| before[at][field] != now[at][field]).collect()
    })
}

async fn no_writes_after_applying(edits: Vec<Edit>, strategy: ConflictResolution) {
    let (world, config, items) = scene(strategy).await;
    apply(&world, &items, &edits);
    world.run(config).await;
    for at in [0, 1] {
        world.fake(at).clear_logs();
    }
    for _ in 0..3 {
        world.run(config).await;
        assert_eq!(world.fake(0).own_effects(), [], "planned again, nothing is written");
        assert_eq!(world.fake(1).own_effects(), [], "planned again, nothing is written");
    }
}

async fn one_sided_edits_arrive(edits: Vec<Edit>, strategy: ConflictResolution) {
    let (world, config, items) = scene(strategy).await;
    let before = shown(&world, &items);
    apply(&world, &items, &edits);
    let edited = shown(&world, &items);
    let [source, target] = changed(&before, &edited);
    world.run(config).await;
    let after = shown(&world, &items);
    let waiting: BTreeSet<String> = world
        .conflicts(config)
        .await
        .into_iter()
        .filter(|row| row.status == ConflictStatus::Unresolved)
        .filter_map(|row| row.field.map(|field| field.to_string()))
        .collect();
    for field in EDITED {
        let wanted = match (source.contains(field), target.contains(field)) {
            (true, false) => &edited[0][field],
            (false, true) => &edited[1][field],
            (false, false) => &before[0][field],
            (true, true) => {
                if waiting.contains(*field) {
                    assert_eq!(after[0][field], edited[0][field], "{field} waits as it is");
                    assert_eq!(after[1][field], edited[1][field], "{field} waits as it is");
                } else {
                    assert_eq!(after[0][field], after[1][field], "{field} is settled");
                }
                continue;
            }
        };
        assert!(!waiting.contains(*field), "{field} was changed by one side only");
        assert_eq!(&after[0][field], wanted, "{field} on the source");
        assert_eq!(&after[1][field], wanted, "{field} on the target");
    }
}

/// The world with the other direction: what was the source is the target.
async fn mirrored_scene(strategy: ConflictResolution) -> (World, ConfigId, [ItemId; 2]) {
    let strategy = match strategy {
        ConflictResolution::SourcePriority => ConflictResolution::TargetPriority,
        ConflictResolution::TargetPriority => ConflictResolution::SourcePriority,
        other => other,
    };
    let mut world = World::new();
    world.tracker("a", 1).await;
    world.tracker("b", 5_001).await;
    let config = world
        .join_fields(1, 0, FIELDS, |config| {
            config.direction = Direction::Bidirectional;
            config.conflict_resolution = strategy;
        })
        .await;
    let id = crate::common::seed_bugs(&world.fake(0), 1).remove(0);
    world.run(config).await;
    let pair = world.pairs(config).await.remove(0);
    let copy = pair.item(Side::Source).unwrap().clone();
    let agreed = "<p>one</p><p>a</p><p>two</p><p>b</p><p>three</p>";
    world.fake(0).edit_as("ada", &id, json!({"description": agreed}));
    world.run(config).await;
    world.clock.advance(Duration::from_secs(60));
    (world, config, [id, copy])
}

async fn mirrored(edits: Vec<Edit>, strategy: ConflictResolution) {
    let (world, config, items) = scene(strategy).await;
    apply(&world, &items, &edits);
    world.run(config).await;
    let (other, mirror, twins) = mirrored_scene(strategy).await;
    apply(&other, &twins, &edits);
    other.run(mirror).await;
    other.run(mirror).await;
    world.run(config).await;
    assert_eq!(shown(&world, &items), shown(&other, &twins));
    let open = |rows: Vec<syncline_domain::Conflict>| -> BTreeSet<String> {
        rows.into_iter().map(|row| format!("{} {}", row.field.unwrap(), row.status)).collect()
    };
    assert_eq!(open(world.conflicts(config).await), open(other.conflicts(mirror).await));
}

async fn either_side_first(edits: Vec<Edit>, strategy: ConflictResolution) {
    let mut ends = Vec::new();
    for first in [RunDirection::SourceToTarget, RunDirection::TargetToSource] {
        let (world, config, items) = scene(strategy).await;
        apply(&world, &items, &edits);
        world.run_way(config, first).await;
        for _ in 0..2 {
            world.run(config).await;
        }
        ends.push(shown(&world, &items));
    }
    assert_eq!(ends[0], ends[1]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn planning_again_after_applying_gives_no_writes(edits in edits(), strategy in strategies()) {
        block_on(no_writes_after_applying(edits, strategy));
    }

    #[test]
    fn no_one_sided_edit_is_ever_lost(edits in edits(), strategy in strategies()) {
        block_on(one_sided_edits_arrive(edits, strategy));
    }

    #[test]
    fn source_and_target_swapped_give_the_mirrored_result(edits in edits(), strategy in strategies()) {
        block_on(mirrored(edits, strategy));
    }

    #[test]
    fn merging_does_not_depend_on_which_side_is_read_first(edits in edits(), strategy in strategies()) {
        block_on(either_side_first(edits, strategy));
    }
}
