//! `syncline cron`, as a person types it.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use serde_json::{Value, json};
use support::{output, syncline, text};

#[test]
fn the_next_runs_are_told_in_json_and_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let ask = |more: &[&str]| {
        let mut command = syncline(folder.path());
        command.args(["cron", "0 9 * * 1-5", "--tz", "Europe/Berlin"]);
        command.args(["--from", "2026-03-28T00:00:00Z", "--count", "2"]).args(more);
        let done = output(&mut command);
        assert!(done.status.success(), "{}", text(&done.stderr));
        text(&done.stdout)
    };
    let said: Value = serde_json::from_str(&ask(&["--json"])).expect("JSON");
    // The clocks of Berlin change on the Sunday between.
    let expected = json!({
        "description": "At 09:00, Monday to Friday.",
        "next_runs": [
            {"epoch_ms": 1_774_854_000_000_i64, "iso": "2026-03-30T07:00:00.000Z"},
            {"epoch_ms": 1_774_940_400_000_i64, "iso": "2026-03-31T07:00:00.000Z"},
        ],
    });
    assert_eq!(said, expected);
    let words = ask(&[]);
    for part in [
        "At 09:00, Monday to Friday.",
        "0 9 * * 1-5 (Europe/Berlin)",
        "Mon 2026-03-30 09:00 +02:00",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    let left = std::fs::read_dir(folder.path()).expect("readable").count();
    assert_eq!(left, 0, "no database, no key");
}

#[test]
fn now_and_utc_are_where_it_starts() {
    let folder = tempfile::tempdir().expect("a folder");
    let done = output(syncline(folder.path()).args(["--json", "cron", "@hourly"]));
    let said: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    let runs: Vec<i64> = said["next_runs"]
        .as_array()
        .expect("runs")
        .iter()
        .map(|run| run["epoch_ms"].as_i64().expect("milliseconds"))
        .collect();
    assert_eq!(runs.len(), 5);
    assert!(runs.windows(2).all(|pair| pair[1] - pair[0] == 3_600_000 && pair[0] % 3_600_000 == 0));
}

#[test]
fn what_is_wrong_is_one_line_with_its_field() {
    let folder = tempfile::tempdir().expect("a folder");
    for (arguments, reason) in [
        (vec!["61 * * * *"], "minute \"61\": 61 is out of range"),
        (vec!["0 0 31 2 *"], "would never fire"),
        (vec!["@reboot"], "@reboot is refused"),
        (vec!["0 9 * *"], "it has 4 fields"),
        (
            vec!["@daily", "--tz", "europe/berlin"],
            "--tz: \"europe/berlin\" is no IANA time zone; use Europe/Berlin",
        ),
        (vec!["@daily", "--from", "tomorrow"], "--from: \"tomorrow\" is no time"),
    ] {
        let done = output(syncline(folder.path()).arg("cron").args(&arguments));
        let said = text(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.starts_with("error: ") && said.contains(reason), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(done.stdout.is_empty());
    }
    let done = output(syncline(folder.path()).args(["cron", "@daily", "--count", "0"]));
    assert_eq!(done.status.code(), Some(2));
}
