//! A property-based client of the OpenAPI document: whatever it thinks of, the server answers with less than 500.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;
use syncline_testkit::require;

use crate::support::House;

const VERSION: &str = "schemathesis==4.32.5";

/// Bounded: a person waits for it.
const ARGUMENTS: &[&str] = &[
    "--checks",
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
    "--phases",
    "examples,coverage,fuzzing",
    "--exclude-path-regex",
    "/api/execute/events/.*",
    "--max-examples",
    "12",
    "--max-time",
    "60",
    "--seed",
    "7",
    "--request-timeout",
    "10",
    "--continue-on-failure",
    "--no-color",
];

/// The client's own place, kept between runs.
fn client() -> Result<PathBuf, String> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(VERSION.replace("==", "-"));
    let program = place.join("bin").join("schemathesis");
    if program.exists() {
        return Ok(program);
    }
    let place = place.display().to_string();
    run(Command::new("python3").args(["-m", "venv", &place]))?;
    let pip = format!("{place}/bin/pip");
    let quiet = ["install", "--quiet", "--disable-pip-version-check", "--retries", "5", VERSION];
    run(Command::new(pip).args(quiet))?;
    Ok(program)
}

fn run(command: &mut Command) -> Result<String, String> {
    let done = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    if done.status.success() { Ok(text) } else { Err(text) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_the_document_allows_or_forbids_is_a_server_error() {
    let program = match tokio::task::spawn_blocking(client).await.unwrap() {
        Ok(program) => program,
        Err(why) => {
            require::or_skip("python", &why);
            return;
        }
    };
    let house = House::furnished().await;
    house.desk.create_as("ada", "request", json!({"subject": "a copy"}));
    house.post("/api/execute/sync/1", &json!({})).await;
    let url = format!("http://{}/api/openapi.json", house.address);
    let asking = move || run(Command::new(program).args(["run", &url]).args(ARGUMENTS));
    if let Err(report) = tokio::task::spawn_blocking(asking).await.unwrap() {
        panic!("{report}");
    }
}
