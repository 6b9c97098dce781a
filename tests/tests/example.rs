//! The example of docs and README really embeds the engine: built with the tests, run here.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::process::Command;

#[test]
fn a_program_with_a_tracker_of_its_own_syncs() {
    let tests = std::env::current_exe().unwrap();
    let example = tests.parent().unwrap().parent().unwrap().join("examples/embed");
    let done = Command::new(&example).output().unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    assert_eq!(text.trim(), "completed: 2 created, 2 on their board", "{:?}", done.stderr);
}

#[test]
fn the_example_stays_under_a_hundred_lines() {
    let text = std::fs::read_to_string("../examples/embed.rs").unwrap();
    assert!(text.lines().count() < 100, "{} lines", text.lines().count());
}
