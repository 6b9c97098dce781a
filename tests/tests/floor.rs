//! The least requests that a sync can do with, counted at the trackers.
//!
//! Every request counts, whatever it is for.

use serde_json::json;
use syncline_sandbox::RunningSandbox;
use syncline_tests::{BUGS, INCIDENTS, Stage, judge, retitle};

/// Items of a read or of a batch of writes at most.
const BATCH: usize = 200;
/// Work items of which 450 are bugs.
const ITEMS: usize = 562;
/// So many bugs are edited.
const EDITS: usize = 10;
/// How far above the floor a sync may be.
const MARGIN: usize = 2;

/// Fails when a tracker got more requests than the floor and the margin; says which.
#[track_caller]
fn at_the_floor(what: &str, tracker: &RunningSandbox, floor: usize) {
    let counts = tracker.requests();
    let total = usize::try_from(counts.total).unwrap();
    assert!(
        (floor..=floor + MARGIN).contains(&total),
        "{what}: {total} requests, the floor is {floor}: {:?}",
        counts.by_route
    );
    println!("{what}: {total} requests, the floor is {floor}");
}

fn forget(trackers: [&RunningSandbox; 2]) {
    for tracker in trackers {
        tracker.reset_requests();
    }
}

fn edit_some(source: &RunningSandbox) {
    for bug in judge::bugs(source).iter().step_by(7).take(EDITS) {
        retitle(source, &bug.id, &format!("{} (edited)", bug.title));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn between_trackers_with_batches() {
    let stage = Stage::open();
    let (from, to) = (stage.azure(ITEMS).await, stage.azure(0).await);
    let config = stage.join(&from, &to, BUGS, json!({})).await;
    let bugs = judge::bugs(&from).len();
    assert_eq!(bugs, 450);

    let first = stage.run_well(config).await;
    assert_eq!(first.totals.created, 450);
    at_the_floor("first sync, source", &from, 1 + bugs.div_ceil(BATCH));
    at_the_floor("first sync, target", &to, bugs.div_ceil(BATCH));
    assert_eq!(from.requests().matching("wiql"), 1);
    assert_eq!(to.requests().matching("$batch"), 3, "{:?}", to.requests());
    judge::mirrors(&stage, config, &from, &to).await;

    stage.let_time_pass();
    forget([&from, &to]);
    let second = stage.run_well(config).await;
    assert_eq!(second.totals.synced(), 0, "{:?}", second.totals);
    assert_eq!(from.requests().total, 1, "one query says that nothing changed");
    assert_eq!(to.requests().total, 0, "{:?}", to.requests().by_route);

    edit_some(&from);
    forget([&from, &to]);
    let third = stage.run_well(config).await;
    assert_eq!(third.totals.updated, 10, "{:?}", third.totals);
    at_the_floor("ten edits, source", &from, 1 + EDITS.div_ceil(BATCH));
    at_the_floor("ten edits, target", &to, EDITS.div_ceil(BATCH));
    judge::mirrors(&stage, config, &from, &to).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn to_a_tracker_without_batches() {
    let stage = Stage::open();
    let (from, to) = (stage.azure(124).await, stage.desk().await);
    let config = stage.join(&from, &to, INCIDENTS, json!({})).await;
    let bugs = judge::bugs(&from).len();
    assert_eq!(bugs, 100);

    stage.run_well(config).await;
    at_the_floor("first sync, source", &from, 1 + bugs.div_ceil(BATCH));
    at_the_floor("first sync, target", &to, bugs);
    let counts = to.requests();
    assert_eq!(counts.matching("POST "), 100, "one write an item: {:?}", counts.by_route);
    judge::mirrors(&stage, config, &from, &to).await;

    stage.let_time_pass();
    forget([&from, &to]);
    stage.run_well(config).await;
    assert_eq!((from.requests().total, to.requests().total), (1, 0), "nothing changed");

    edit_some(&from);
    forget([&from, &to]);
    let third = stage.run_well(config).await;
    assert_eq!(third.totals.updated, 10, "{:?}", third.totals);
    at_the_floor("ten edits, source", &from, 1 + EDITS.div_ceil(BATCH));
    // It knows no revisions, so each copy is looked at right before it is overwritten.
    assert_eq!(to.requests().matching("PUT "), 10, "{:?}", to.requests().by_route);
    at_the_floor("ten edits, target", &to, 2 * EDITS);
    judge::mirrors(&stage, config, &from, &to).await;
}
