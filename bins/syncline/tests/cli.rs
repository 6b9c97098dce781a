//! The command line and the server's life, as a process.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::process::{Command, Stdio};

use serde_json::Value;
use support::{Running, free_port, output, serve, start_until, syncline, text};

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|e| panic!("{e}: {}", text(bytes)))
}

fn get(port: u16, path: &str, key: Option<&str>) -> (u16, String) {
    let mut curl = Command::new("curl");
    curl.args(["-s", "-o", "-", "-w", "\n%{http_code}"]);
    if let Some(key) = key {
        curl.args(["-H", &format!("Authorization: Bearer {key}")]);
    }
    let done = curl.arg(format!("http://127.0.0.1:{port}{path}")).output().expect("curl");
    let said = text(&done.stdout);
    let (body, code) = said.rsplit_once('\n').expect("a status");
    (code.parse().expect("a number"), body.to_owned())
}

#[test]
fn a_wrong_variable_ends_with_78_and_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, value) in [
        ("PORT", "99999"),
        ("HOST", "everywhere"),
        ("PUBLIC_URL", "no address"),
        ("DATABASE_URL", "mysql://root:hunter2@db/x"),
        ("ENCRYPTION_KEY", "hunter2"),
        ("ALLOWED_NETWORKS", "10.0.0.0/99"),
    ] {
        let done = output(syncline(folder.path()).arg("serve").env(name, value));
        let said = text(&done.stderr);
        assert_eq!(done.status.code(), Some(78), "{name}: {said}");
        assert!(said.contains(name), "{name}: {said}");
        assert!(!said.contains("hunter2"), "{name}: {said}");
    }
}

#[test]
fn the_open_door_is_refused_until_there_is_a_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused =
        output(syncline(folder.path()).args(["serve", "--host", "0.0.0.0", "--port", "0"]));
    assert_eq!(refused.status.code(), Some(78));
    assert!(text(&refused.stderr).contains("syncline keys create"), "{}", text(&refused.stderr));

    let made = output(
        syncline(folder.path()).args(["keys", "create", "ci", "--role", "viewer", "--json"]),
    );
    let key = json(&made.stdout)["key"].as_str().expect("a key").to_owned();
    let port = free_port();
    let mut command = syncline(folder.path());
    command.args(["serve", "--host", "0.0.0.0", "--port", &port.to_string()]);
    let _server = start_until(&mut command, "listening on", true);
    assert_eq!(get(port, "/api/connectors", None).0, 401);
    assert_eq!(get(port, "/api/connectors", Some(&key)).0, 200);
    assert_eq!(get(port, "/healthz", None).0, 200);

    output(syncline(folder.path()).args(["keys", "revoke", "ci"]));
    assert_eq!(get(port, "/api/connectors", Some(&key)).0, 401, "revoked at once");
}

#[test]
fn doctor_says_a_line_a_thing() {
    let folder = tempfile::tempdir().expect("a folder");
    let well = output(syncline(folder.path()).args(["doctor", "--json"]));
    assert!(well.status.success(), "{}", text(&well.stderr));
    let said = json(&well.stdout);
    assert_eq!(said["ok"], true, "{said}");
    let lines = said["checks"].as_array().expect("lines");
    for name in ["configuration", "database", "key", "disk", "clock", "connectors"] {
        let line = lines.iter().find(|line| line["name"] == name);
        assert!(line.is_some_and(|line| line["ok"] == true), "{name}: {said}");
    }
    let disk = lines.iter().find(|line| line["name"] == "disk").expect("a line");
    assert!(disk["message"].to_string().contains("data"), "where the data lies: {disk}");
    let left = std::fs::read_dir(folder.path().join("data")).expect("the data's folder");
    assert!(left.flatten().all(|file| file.file_name().to_string_lossy().starts_with("syncline.")));

    let ill = output(syncline(folder.path()).arg("doctor").env("PORT", "x"));
    assert_eq!(ill.status.code(), Some(1));
    assert!(text(&ill.stdout).contains("✗ configuration: PORT"), "{}", text(&ill.stdout));
}

#[test]
fn a_lost_key_stops_the_start_and_a_rotated_one_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let kept =
        output(syncline(folder.path()).args(["demo", "--exit", "--items", "3", "--keep", "data"]));
    assert!(kept.status.success(), "{}", text(&kept.stderr));
    let rotated = output(syncline(folder.path()).args(["rotate-key", "--json"]));
    let said = json(&rotated.stdout);
    assert_eq!(said["resealed"], 2, "{said}");
    assert_ne!(said["key"], said["previous_key"]);
    drop(serve(folder.path(), port));

    std::fs::remove_file(folder.path().join("data/syncline.key")).expect("the key file");
    let refused = output(syncline(folder.path()).args(["serve", "--port", "0"]));
    assert_eq!(refused.status.code(), Some(78), "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains("ENCRYPTION_KEY"), "{}", text(&refused.stderr));
}

#[test]
fn sigterm_ends_the_server_cleanly() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = serve(folder.path(), free_port());
    signal(&server, "TERM");
    let status = server.0.wait().expect("it ends");
    assert!(status.success(), "{status}");
}

fn signal(process: &Running, name: &str) {
    let done = Command::new("kill")
        .args([format!("-{name}"), process.0.id().to_string()])
        .status()
        .expect("kill");
    assert!(done.success());
}

#[test]
fn names_that_do_not_exist_are_answered_with_those_that_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let done = output(syncline(folder.path()).args(["sync", "run", "nope"]));
    assert_eq!(done.status.code(), Some(1));
    let said = text(&done.stderr);
    assert!(said.contains("nope") && said.contains("none yet"), "{said}");
}

#[test]
fn the_openapi_document_and_completions_are_printed_without_a_database() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = json(&output(syncline(folder.path()).arg("openapi")).stdout);
    assert!(spec["paths"].as_object().expect("paths").len() > 30);
    let script = output(syncline(folder.path()).args(["completions", "bash"]));
    assert!(text(&script.stdout).contains("_syncline"));
    let left = std::fs::read_dir(folder.path()).expect("readable").count();
    assert_eq!(left, 0);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_fault() {
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in [vec!["openapi"], vec!["completions", "bash"], vec!["doctor", "--json"]] {
        let mut child = syncline(folder.path())
            .args(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        drop(child.stdout.take());
        let done = child.wait_with_output().expect("it ends");
        assert!(done.status.success(), "{arguments:?}: {}", text(&done.stderr));
        assert_eq!(text(&done.stderr), "", "{arguments:?}");
    }
}
