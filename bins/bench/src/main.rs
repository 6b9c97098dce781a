//! `syncline-bench`: the product's figures, each beside the limit it is held to.
//!
//! `syncline-bench [NAMES...] [--quick] [--binary PATH]` runs the named measurements (all of them when none is named)
//! and prints one line a figure, then a table. Nothing here is a test: a missed limit is said, not failed on.
//!
//! Measurements that must not share a process with what they measure start this program again: as a sandbox tracker
//! (`child-sandbox`), as one sync (`child-sync`), or as the ceiling of incoming webhooks (`child-reference`).

mod child;
mod clock;
mod floor;
mod ingest;
mod measure;
mod process;
mod report;
mod rig;
mod server;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::report::Report;

/// What the command line asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    /// Small sizes: under a minute for everything.
    pub(crate) quick: bool,
    /// The server to start; beside this program when not given.
    pub(crate) binary: Option<PathBuf>,
    names: Vec<String>,
}

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Vec<String>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match args.split_first() {
        Some((first, rest)) if first == child::SANDBOX => {
            return runtime.block_on(child::be_sandbox(rest));
        }
        Some((first, rest)) if first == child::SYNC => {
            return runtime.block_on(child::be_sync(rest));
        }
        Some((first, rest)) if first == child::REFERENCE => return ingest::reference::serve(rest),
        _ => {}
    }
    let wishes = read(args)?;
    let mut report = Report::default();
    for measurement in measure::ALL {
        if wishes.names.is_empty() || wishes.names.iter().any(|name| name == measurement.name) {
            report.begin(measurement.name, measurement.about);
            (measurement.run)(&runtime, &wishes, &mut report).with_context(|| measurement.name)?;
        }
    }
    report.end();
    Ok(())
}

fn read(args: Vec<String>) -> anyhow::Result<Wishes> {
    let mut wishes = Wishes::default();
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--quick" => wishes.quick = true,
            "--binary" => {
                let path = args.next().context("--binary wants a path")?;
                wishes.binary = Some(PathBuf::from(path));
            }
            "--help" | "-h" => anyhow::bail!("{}", usage()),
            name if measure::ALL.iter().any(|one| one.name == name) => wishes.names.push(arg),
            _ => anyhow::bail!("{arg:?} is no measurement; {}", usage()),
        }
    }
    Ok(wishes)
}

fn usage() -> String {
    let names: Vec<&str> = measure::ALL.iter().map(|one| one.name).collect();
    format!("usage: syncline-bench [{}]... [--quick] [--binary PATH]", names.join(" | "))
}
