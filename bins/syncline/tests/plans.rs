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

/// Keeps a mapping test with configuration 1: a bug with the title A, and the subject that it must get.
fn keep_test(port: u16, name: &str, subject: &str) {
    let body = serde_json::json!({
        "name": name, "direction": "source_to_target",
        "item": {"type": "Bug", "fields": {"System.Title": "A"}},
        "expected": {"fields": {"subject": subject}}
    });
    let place = format!("http://127.0.0.1:{port}/api/sync-configs/1/mapping-tests");
    let made = Command::new("curl")
        .args(["-sS", "--fail-with-body", "-H", "Content-Type: application/json", "-d"])
        .args([body.to_string(), place])
        .output()
        .expect("curl");
    assert!(made.status.success(), "{}{}", text(&made.stdout), text(&made.stderr));
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

    keep_test(port, "fits", "A");
    let fine = call(&["mapping", "test", "1", "--json"]);
    assert_eq!(fine.status.code(), Some(0), "{}", text(&fine.stderr));
    assert_eq!(json(&fine.stdout)["passed"], 1, "{}", text(&fine.stdout));
    keep_test(port, "does not fit", "B");
    let told = call(&["mapping", "test", "1"]);
    assert_eq!(told.status.code(), Some(1), "{}", text(&told.stdout));
    let said = text(&told.stdout);
    assert!(said.contains("does not fit") && said.contains("FAILED"), "{said}");
    assert!(said.contains("1 passed, 1 failed"), "{said}");
    let refused = call(&["apply", &id]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("does not fit"), "{}", text(&refused.stderr));

    let run = call(&["apply", &id, "--ignore-mapping-tests", "--json"]);
    assert!(run.status.success(), "{}", text(&run.stderr));
    let run = json(&run.stdout);
    assert_eq!((&run["totals"]["created"], &run["status"]), (&creates, &Value::from("completed")));
    let twice = call(&["apply", &id]);
    assert!(!twice.status.success());
    assert!(text(&twice.stderr).contains("applied already"), "{}", text(&twice.stderr));
    // The first plan wants copies that are there by now: none is made again.
    let late = call(&["apply", "1", "--ignore-mapping-tests"]);
    let said = format!("{}{}", text(&late.stdout), text(&late.stderr));
    assert!(late.status.success() && said.contains("0 created"), "{said}");
    let none = json(&call(&["plan", "1", "--json"]).stdout);
    assert_eq!(none["items"], Value::Array(Vec::new()), "{none}");
}
