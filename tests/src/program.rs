//! The built program as a process.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::Stage;

/// Where the program is; built first when it is not there. The test process is its owner, since one build is enough.
static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// The program on a stage's database, without any of the test's own variables.
///
/// # Panics
/// When the program cannot be built.
#[must_use]
pub fn syncline(stage: &Stage) -> Command {
    on_stage(stage, PROGRAM.get_or_init(find))
}

/// Another program in the same place.
#[must_use]
pub fn on_stage(stage: &Stage, program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(stage.folder()).env_clear().stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    for name in ["PATH", "HOME", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("DATABASE_URL", &stage.database).env("ENCRYPTION_KEY", &stage.key);
    command
}

/// Beside the test programs; a run of the whole workspace has built it there.
fn find() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let program = profile.join(format!("syncline{}", std::env::consts::EXE_SUFFIX));
    if !program.exists() {
        build(profile);
    }
    assert!(program.exists(), "{} is not there; run cargo build -p syncline", program.display());
    program
}

fn build(profile: &Path) {
    // The handle itself, since the test harness swallows what print macros write.
    drop(writeln!(std::io::stderr(), "building the program, which is not there yet"));
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "-p", "syncline"]);
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.env("CARGO_TARGET_DIR", profile.parent().unwrap());
    assert!(cargo.status().unwrap().success(), "the program does not build");
}
