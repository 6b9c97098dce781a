//! Runs a command with a throw-away PostgreSQL, whose address it finds in `SYNCLINE_TEST_POSTGRES`.

use std::process::{Command, ExitCode};

use syncline_testkit::{EXTERNAL_POSTGRES, TestServer};

fn main() -> Result<ExitCode, String> {
    let mut words = std::env::args_os().skip(1);
    let program = words.next().ok_or("name the command to run")?;
    let server = TestServer::start()?;
    let status = Command::new(&program)
        .args(words)
        .env(EXTERNAL_POSTGRES, server.url())
        .status()
        .map_err(|error| format!("{} does not start: {error}", program.display()))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
