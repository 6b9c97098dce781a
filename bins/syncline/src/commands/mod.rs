//! What each command does.

mod census;
mod conflicts;
mod cron;
mod demo;
mod doctor;
mod drift;
mod explain;
mod keys;
mod look;
mod mapping;
mod plans;
mod rotate;
mod sandbox;
mod sync;

use std::sync::Arc;

use clap::CommandFactory as _;
use serde_json::json;
use syncline_app::{Caller, ConfigFilter};
use syncline_domain::ports::NoEvents;
use syncline_domain::{ConfigId, ConnectorId};

use crate::cli::{Cli, Command};
use crate::config::{Config, Variables};
use crate::output::Output;
use crate::wiring::House;
use crate::{logging, serve};

/// Runs the command.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<()> {
    let out = Output { json: cli.json };
    let config = || -> anyhow::Result<Config> {
        let variables = Variables::of_process(cli.env_file.as_deref())?;
        if std::env::var_os("RUST_LOG").is_none()
            && let Some(level) = variables.get("RUST_LOG")
        {
            logging::init(&level);
        }
        Ok(Config::read(&variables)?)
    };
    match cli.command {
        Command::Serve(args) => {
            let mut config = config()?;
            logging::init("info");
            if let Some(host) = args.host {
                let fault =
                    || crate::ConfigFault(vec![format!("--host: {host:?} is no IP address")]);
                config.host = host.parse().map_err(|_| fault())?;
            }
            config.port = args.port.unwrap_or(config.port);
            config.automation.role = args.role.unwrap_or_default();
            serve::serve(config).await
        }
        Command::Demo(args) => {
            logging::init("warn");
            demo::run(args, out).await
        }
        Command::Sandbox(args) => {
            logging::init("info");
            sandbox::run(args, out).await
        }
        Command::Openapi => {
            out.raw(&syncline_api::openapi().to_pretty_json()?);
            Ok(())
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "syncline", &mut script);
            out.raw(String::from_utf8_lossy(&script).trim_end());
            Ok(())
        }
        Command::Doctor => {
            logging::init("error");
            doctor::run(config(), out).await
        }
        Command::Migrate => {
            logging::init("info");
            open(&config()?).await?;
            out.show(&json!({"migrated": true}), || "the database is up to date".to_owned());
            Ok(())
        }
        Command::Connectors(command) => {
            look::connectors(&quiet(&config()?).await?, command, out).await
        }
        Command::Configs(command) => look::configs(&quiet(&config()?).await?, command, out).await,
        Command::Conflicts(command) => {
            conflicts::run(&quiet(&config()?).await?, command, out).await
        }
        Command::Sync(command) => {
            logging::init("warn");
            sync::run(&config()?, command, out).await
        }
        Command::Preview(args) => sync::preview(&quiet(&config()?).await?, args, out).await,
        Command::Plan(args) => plans::plan(&quiet(&config()?).await?, args, out).await,
        Command::Apply { plan, ignore_mapping_tests } => {
            logging::init("warn");
            plans::apply(&config()?, plan, ignore_mapping_tests, out).await
        }
        Command::Mapping(command) => mapping::run(&quiet(&config()?).await?, command, out).await,
        Command::Census(args) => census::run(&quiet(&config()?).await?, args, out).await,
        Command::Explain(args) => explain::run(&quiet(&config()?).await?, args, out).await,
        Command::Cron(args) => cron::run(&args, out),
        Command::Keys(command) => keys::run(&quiet(&config()?).await?, command, out).await,
        Command::RotateKey => rotate::run(&quiet(&config()?).await?, out).await,
    }
}

async fn quiet(config: &Config) -> anyhow::Result<House> {
    logging::init("warn");
    open(config).await
}

/// Opens the house without anybody listening to runs.
pub(crate) async fn open(config: &Config) -> anyhow::Result<House> {
    House::open(config, Arc::new(NoEvents)).await
}

/// A connector by id or name.
async fn connector_named(house: &House, which: &str) -> anyhow::Result<ConnectorId> {
    let all = house.app.connectors(&Caller::command_line(), None).await?;
    let found = all.iter().find(|row| row.name == which || row.id.to_string() == which);
    found.map(|row| row.id).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|row| row.name.as_str()).collect();
        anyhow::anyhow!("there is no connector {which:?}; there are: {}", listed(&names))
    })
}

/// A configuration by id or name.
async fn config_named(house: &House, which: &str) -> anyhow::Result<ConfigId> {
    let all = house.app.configs(&Caller::command_line(), ConfigFilter::default()).await?;
    let found =
        all.iter().find(|view| view.config.name == which || view.config.id.to_string() == which);
    found.map(|view| view.config.id).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|view| view.config.name.as_str()).collect();
        anyhow::anyhow!("there is no sync configuration {which:?}; there are: {}", listed(&names))
    })
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "none yet".to_owned() } else { names.join(", ") }
}
