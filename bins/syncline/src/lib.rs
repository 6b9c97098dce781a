//! The program: command line, configuration, wiring, signals. A thin wall around the rooms.
//!
//! [`run`] is the whole server as a library call on a bound listener; `main.rs` only parses the command line.
//!
//! # What is deliberately absent
//! Decisions about syncing: they live in `syncline-app` and `syncline-engine`.

mod automation;
mod cli;
mod commands;
mod config;
mod key_ring;
mod logging;
mod output;
mod progress;
mod reseal;
mod serve;
mod wiring;

pub use cli::Cli;
pub use config::{
    AutomationConfig, Config, ConfigFault, Encryption, Role, Variables, parse_dotenv,
};
pub use serve::{run, run_at, run_within, serve};
pub use wiring::{Seams, StoreLayer};

/// A configuration that cannot be used (`EX_CONFIG` of sysexits.h).
const EXIT_CONFIG: u8 = 78;
/// Everything else that went wrong.
const EXIT_FAILED: u8 = 1;

/// Does what the command line says.
///
/// # Errors
/// Whatever went wrong, in words for the person at the terminal.
pub fn start(cli: Cli) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(commands::run(cli))
}

/// The exit code for an error.
#[must_use]
pub fn exit_code_of(error: &anyhow::Error) -> u8 {
    if error.chain().any(|cause| cause.is::<ConfigFault>()) { EXIT_CONFIG } else { EXIT_FAILED }
}

/// Tells the person at the terminal.
#[expect(clippy::print_stderr, reason = "the last line of a failed command")]
pub fn complain(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}
