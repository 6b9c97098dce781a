//! The first sync and the automation of the README, executed from the README itself.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::process::Command;

use serde_json::Value;
use support::{free_port, serve, start_until, syncline, text};

/// The blocks of the README that carry this mark, in order.
fn blocks(mark: &str) -> String {
    let readme = std::fs::read_to_string("../../README.md").expect("the README");
    let mut script = String::new();
    let mut inside = false;
    let begin = format!("```bash {mark}");
    for line in readme.lines() {
        match line {
            _ if line == begin => inside = true,
            "```" => inside = false,
            _ if inside => {
                script.push_str(line);
                script.push('\n');
            }
            _ => {}
        }
    }
    script
}

#[test]
fn the_first_sync_works_as_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (azure, desk, port) = (free_port(), free_port(), free_port());
    let mut sandbox = syncline(folder.path());
    sandbox.args(["sandbox", "--azure-devops", &azure.to_string()]);
    sandbox.args(["--servicedesk", &desk.to_string()]);
    let _sandbox = start_until(&mut sandbox, "Ctrl-C ends", false);
    let _server = serve(folder.path(), port);
    let script = format!("{}{}", blocks("first-sync"), blocks("automation"))
        .replace(":8801", &format!(":{azure}"))
        .replace(":8802", &format!(":{desk}"))
        .replace(":3000", &format!(":{port}"));
    // Every call must succeed, and every reply gets a line of its own.
    let script =
        format!("set -eu\ncurl() {{ command curl --fail-with-body \"$@\"; echo; }}\n{script}");
    let done = Command::new("bash").arg("-c").arg(&script).output().expect("bash and curl");
    let said = text(&done.stdout);
    assert!(done.status.success(), "{said}\n{}", text(&done.stderr));
    let replies: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect();
    assert!(replies.iter().all(|reply| reply["success"] == true), "{said}");

    let [.., preview, first, second, pairs, scheduled, hook, told] = replies.as_slice() else {
        panic!("{said}")
    };
    let created = first["results"]["created"].as_u64().expect("a count");
    assert!(created > 0, "{first}");
    assert_eq!(first["results"]["errors"], 0, "{first}");
    assert_eq!(preview["summary"]["to_create"], created, "the preview told the truth");
    assert_eq!(second["results"]["created"], 0, "{second}");
    assert_eq!(second["results"]["updated"], 0, "{second}");
    assert_eq!(pairs["total"], created);
    assert!(scheduled["next_run"]["next_sync_at"].is_i64(), "{scheduled}");
    assert_eq!(hook["webhook"]["secret"].as_str().map(str::len), Some(64), "{hook}");
    assert!(hook["setup"].as_array().is_some_and(|steps| steps.len() > 2), "{hook}");
    assert_eq!(told["notification_id"], 1, "{told}");
}
