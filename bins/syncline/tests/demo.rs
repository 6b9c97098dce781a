//! `syncline demo`: the story it tells is true, and nothing stays behind.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use serde_json::Value;
use support::{output, syncline, text};

#[test]
fn the_demo_syncs_edits_and_moves_only_the_edits() {
    let folder = tempfile::tempdir().expect("a folder");
    let done = output(syncline(folder.path()).args(["demo", "--exit", "--json", "--items", "30"]));
    assert!(done.status.success(), "{}\n{}", text(&done.stdout), text(&done.stderr));
    let said: Vec<Value> = serde_json::Deserializer::from_slice(&done.stdout)
        .into_iter()
        .collect::<Result<_, _>>()
        .expect("JSON");
    let [first, second, pairs] = said.as_slice() else { panic!("{said:?}") };
    let created = first["totals"]["created"].as_u64().expect("a count");
    assert!(created > 3, "{first}");
    assert_eq!(second["totals"]["created"], 0, "{second}");
    assert_eq!(second["totals"]["updated"], 3, "{second}");
    assert_eq!(pairs["pairs"], created);
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("readable").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_demo_keeps_its_database_when_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let done =
        output(syncline(folder.path()).args(["demo", "--exit", "--items", "5", "--keep", "kept"]));
    assert!(done.status.success(), "{}", text(&done.stderr));
    for name in ["syncline.db", "syncline.key"] {
        assert!(folder.path().join("kept").join(name).exists(), "{name}");
    }
    assert!(text(&done.stdout).contains("6. Syncing again"));
}
