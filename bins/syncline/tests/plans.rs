//! `syncline plan` and `syncline apply` on the trackers of the README.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::process::Command;

use serde_json::Value;
use support::{free_port, output, serve, start_until, syncline, text};

/// The README's first sync, up to where something would be written.
fn registration() -> String {
    let readme = std::fs::read_to_string("../../README.md").expect("the README");
    let mut script = String::new();
    let mut inside = false;
    for line in readme.lines() {
        match line {
            "```bash first-sync" => inside = true,
            "```" => inside = false,
            _ if line.contains("/api/execute/") => break,
            _ if inside => {
                script.push_str(line);
                script.push('\n');
            }
            _ => {}
        }
    }
    script
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|e| panic!("{e}: {}", text(bytes)))
}

#[test]
fn a_plan_is_printed_and_then_applied_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let (azure, desk, port) = (free_port(), free_port(), free_port());
    let mut sandbox = syncline(folder.path());
    sandbox.args(["sandbox", "--azure-devops", &azure.to_string()]);
    sandbox.args(["--servicedesk", &desk.to_string()]);
    let _sandbox = start_until(&mut sandbox, "Ctrl-C ends", false);
    let _server = serve(folder.path(), port);
    let script = registration()
        .replace(":8801", &format!(":{azure}"))
        .replace(":8802", &format!(":{desk}"))
        .replace(":3000", &format!(":{port}"));
    let script = format!("set -eu\ncurl() {{ command curl --fail-with-body \"$@\"; }}\n{script}");
    let done = Command::new("bash").arg("-c").arg(&script).output().expect("bash and curl");
    assert!(done.status.success(), "{}\n{}", text(&done.stdout), text(&done.stderr));

    let call = |args: &[&str]| output(syncline(folder.path()).args(args));
    let shown = call(&["plan", "1"]);
    let said = text(&shown.stdout);
    assert!(shown.status.success(), "{}", text(&shown.stderr));
    assert!(said.contains("create on the target") && said.contains("rule"), "{said}");
    assert!(said.contains("syncline apply 1"), "{said}");
    let plan = json(&call(&["plan", "1", "--json"]).stdout);
    let (id, creates) = (plan["plan_id"].to_string(), plan["totals"]["creates"].clone());
    assert_eq!(id, "2", "{plan}");
    assert!(creates.as_u64().is_some_and(|n| n > 0), "{plan}");
    assert_eq!(
        plan["items"].as_array().map(Vec::len),
        plan["totals"]["creates"].as_u64().and_then(|n| usize::try_from(n).ok())
    );

    let run = call(&["apply", &id, "--json"]);
    assert!(run.status.success(), "{}", text(&run.stderr));
    let run = json(&run.stdout);
    assert_eq!((&run["totals"]["created"], &run["status"]), (&creates, &Value::from("completed")));
    let twice = call(&["apply", &id]);
    assert!(!twice.status.success());
    assert!(text(&twice.stderr).contains("applied already"), "{}", text(&twice.stderr));
    // The first plan wants copies that are there by now: none is made again.
    let late = call(&["apply", "1"]);
    let said = format!("{}{}", text(&late.stdout), text(&late.stderr));
    assert!(late.status.success() && said.contains("0 created"), "{said}");
    let none = json(&call(&["plan", "1", "--json"]).stdout);
    assert_eq!(none["items"], Value::Array(Vec::new()), "{none}");
}
