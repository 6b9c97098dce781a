//! The `syncline` program: reads the command line, hands over, turns an error into a line and an exit code.

use std::process::ExitCode;

use clap::Parser as _;
use syncline::{Cli, exit_code_of, start};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match start(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            syncline::complain(&error);
            ExitCode::from(exit_code_of(&error))
        }
    }
}
