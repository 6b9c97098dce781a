//! The official Python client against the sandbox, so that the sandbox and our own connector cannot
//! share one misunderstanding.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::options;
use syncline_sandbox::{AzureDevOps, EffectOp};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_client_lists_creates_updates_and_comments() {
    let home = tempfile::tempdir().unwrap();
    let python = match client(home.path()) {
        Ok(python) => python,
        Err(why) => return skip("python", &why),
    };
    let sandbox = AzureDevOps::start(options(12)).await.unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/official_client.py");
    let mut command = Command::new(python);
    command
        .arg(script)
        .args([sandbox.base_url(), sandbox.endpoint(), sandbox.credentials()["token"].clone()])
        .env("AZURE_DEVOPS_CACHE_DIR", home.path().join("cache"))
        .env("NO_PROXY", "127.0.0.1");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", told(&output));
    let ops: Vec<EffectOp> = sandbox.effects().iter().map(|effect| effect.op).collect();
    assert_eq!(
        ops,
        [
            EffectOp::Create,
            EffectOp::Update,
            EffectOp::Comment,
            EffectOp::Attachment,
            EffectOp::Delete
        ]
    );
    sandbox.stop().await;
}

/// A Python that has the pinned client, in a fresh environment.
fn client(home: &Path) -> Result<PathBuf, String> {
    let venv = home.join("venv");
    run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    let python = venv.join("bin/python");
    let wanted = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/requirements.txt");
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--pre", "-r"])
        .arg(wanted))?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(told(&output)) }
}

fn told(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Says that a test is skipped; fails instead where the requirement must be there.
fn skip(word: &str, why: &str) {
    let required = std::env::var("SYNCLINE_REQUIRE").unwrap_or_default();
    assert!(!required.split(',').any(|part| part.trim() == word), "{word} is required: {why}");
    let first = why.lines().last().unwrap_or("");
    let line = format!("skipped: the official client needs {word}: {first}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
