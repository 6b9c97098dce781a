//! The command line, as people see it with `--help`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

/// Keeps bugs, tickets and requests in step between trackers.
#[derive(Debug, Parser)]
#[command(name = "syncline", version, max_term_width = 100)]
pub struct Cli {
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// Read settings from this file instead of `.env`.
    #[arg(long, global = true, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the HTTP API.
    Serve(ServeArgs),
    /// Show a first sync between two sandbox trackers; needs no account and leaves nothing behind.
    Demo(DemoArgs),
    /// Start sandbox trackers alone, to try a mapping against.
    Sandbox(SandboxArgs),
    /// Bring the database to this version's schema (`serve` does so by itself).
    Migrate,
    /// Check database, key, connectors, clock and disk, one line each.
    Doctor,
    /// Look at the registered trackers.
    #[command(subcommand)]
    Connectors(ConnectorsCommand),
    /// Look at the sync configurations.
    #[command(subcommand)]
    Configs(ConfigsCommand),
    /// Look at conflicts, and decide about them.
    #[command(subcommand)]
    Conflicts(ConflictsCommand),
    /// Run syncs.
    #[command(subcommand)]
    Sync(SyncCommand),
    /// Show what a sync would do, writing nothing.
    Preview(PreviewArgs),
    /// Store what a sync would do as a plan, to be looked at and then applied; writes nothing to trackers.
    Plan(PlanArgs),
    /// Perform a stored plan, and nothing else; items that moved on since are refused by name.
    Apply {
        /// The plan's id, as `syncline plan` prints it.
        plan: i64,
        /// Apply it although mapping tests of its configuration fail.
        #[arg(long)]
        ignore_mapping_tests: bool,
    },
    /// Run the mapping tests of a configuration.
    #[command(subcommand)]
    Mapping(MappingCommand),
    /// Compare both sides of a configuration, writing nothing; ends with an error when they differ.
    Census(CensusArgs),
    /// Say why the values of a pair are what they are.
    Explain(ExplainArgs),
    /// Say when a crontab expression fires, and what it says.
    Cron(CronArgs),
    /// Make, list and revoke API keys.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Make a new encryption key and bring all stored credentials under it.
    RotateKey,
    /// Print the OpenAPI document of the HTTP API.
    Openapi,
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The address to listen on (HOST).
    #[arg(long)]
    pub(crate) host: Option<String>,
    /// The port to listen on (PORT).
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// Which part of the work this process does; several processes share one PostgreSQL database.
    #[arg(long, value_enum, env = "SYNCLINE_ROLE")]
    pub(crate) role: Option<crate::config::Role>,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// How many bugs the source tracker starts with.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) items: u16,
    /// Keep the database of the demo in this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// The port of the HTTP API while the demo goes on; any free one by default.
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// End after the second sync instead of serving until Ctrl-C.
    #[arg(long)]
    pub(crate) exit: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SandboxArgs {
    /// Serve a sandbox Azure DevOps on this port (0: any free one).
    #[arg(long, value_name = "PORT")]
    pub(crate) azure_devops: Option<u16>,
    /// Serve a sandbox ServiceDesk Plus on this port (0: any free one).
    #[arg(long, value_name = "PORT")]
    pub(crate) servicedesk: Option<u16>,
    /// How many tickets each starts with.
    #[arg(long, default_value_t = 40)]
    pub(crate) items: usize,
    /// Milliseconds that every answer takes.
    #[arg(long, default_value_t = 0)]
    pub(crate) latency_ms: u64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConnectorsCommand {
    /// List the connectors.
    List,
    /// Test a connector: address, sign-in, project, permissions, clock.
    Test {
        /// Its id or name.
        connector: String,
    },
    /// Read types, fields and statuses from a tracker.
    Discover {
        /// Its id or name.
        connector: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigsCommand {
    /// List the configurations.
    List,
    /// Check whether a configuration is fit to run.
    Validate {
        /// Its id or name.
        config: String,
    },
    /// Show the rows of its rules that are paused because a tracker changed, and the likeliest edits.
    Drift {
        /// Its id or name.
        config: String,
        /// Make the proposed edit of the row with this id.
        #[arg(long, value_name = "ID")]
        apply: Option<i64>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConflictsCommand {
    /// List the conflicts, newest first.
    List(ConflictsListArgs),
    /// Show a conflict and what was decided about it.
    Show {
        /// Its id.
        id: i64,
    },
    /// Decide about a conflict, and write the decision to both trackers.
    Resolve(ResolveArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ConflictsListArgs {
    /// Of this configuration only, by id or name.
    #[arg(long)]
    pub(crate) config: Option<String>,
    /// In this status.
    #[arg(long, default_value = "unresolved", value_parser = ["unresolved", "resolved", "ignored"])]
    pub(crate) status: String,
}

#[derive(Debug, Args)]
pub(crate) struct ResolveArgs {
    /// The conflict's id.
    pub(crate) id: i64,
    /// Whose value stays; base is what both agreed on last. Of a deletion: the side that is right.
    #[arg(long = "use", value_parser = ["source", "target", "base"], conflicts_with = "value")]
    pub(crate) side: Option<String>,
    /// The value that both sides shall show, in the target field's form: JSON, or else a text.
    #[arg(long)]
    pub(crate) value: Option<String>,
    /// Why; kept with the decision.
    #[arg(long, default_value = "")]
    pub(crate) rationale: String,
    /// Who decides.
    #[arg(long)]
    pub(crate) by: Option<String>,
    /// Only keep the decision; the next run carries it out.
    #[arg(long)]
    pub(crate) later: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SyncCommand {
    /// Run a configuration now.
    Run(RunArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The configuration's id or name.
    pub(crate) config: String,
    /// Write nothing; show what would be written.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Read everything, not only what changed.
    #[arg(long)]
    pub(crate) full: bool,
    /// Only these items, with commas between.
    #[arg(long, value_delimiter = ',', value_name = "IDS")]
    pub(crate) items: Vec<String>,
    /// source-to-target, target-to-source or bidirectional.
    #[arg(long)]
    pub(crate) direction: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PreviewArgs {
    /// The configuration's id or name.
    pub(crate) config: String,
    /// Read everything, not only what changed.
    #[arg(long)]
    pub(crate) full: bool,
    /// Only these items, with commas between.
    #[arg(long, value_delimiter = ',', value_name = "IDS")]
    pub(crate) items: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The configuration's id or name.
    pub(crate) config: String,
    /// Read everything, not only what changed.
    #[arg(long)]
    pub(crate) full: bool,
    /// Only these items, with commas between.
    #[arg(long, value_delimiter = ',', value_name = "IDS")]
    pub(crate) items: Vec<String>,
    /// source-to-target, target-to-source or bidirectional.
    #[arg(long)]
    pub(crate) direction: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MappingCommand {
    /// Run the mapping tests of a configuration; ends with an error when one fails.
    Test {
        /// The configuration's id or name.
        config: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CensusArgs {
    /// The configuration's id or name.
    pub(crate) config: String,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The configuration's id or name.
    pub(crate) config: String,
    /// The source item's id.
    pub(crate) item: String,
    /// A field of either side, by its reference or name, or "status"; all fields by default.
    #[arg(long)]
    pub(crate) field: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CronArgs {
    /// Five fields such as "0 9 * * 1-5", or a nickname such as @hourly.
    pub(crate) expression: String,
    /// The time zone whose clocks count, such as Europe/Berlin.
    #[arg(long, default_value = "UTC", value_name = "ZONE")]
    pub(crate) tz: String,
    /// The instant to start after, such as 2026-03-28T00:00:00Z; now by default.
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// How many runs to show.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) count: u16,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key; it is shown once.
    Create {
        /// What to call it.
        name: String,
        /// viewer, operator or admin.
        #[arg(long, default_value = "admin")]
        role: String,
        /// When it ends, such as 2027-01-01T00:00:00Z.
        #[arg(long)]
        expires: Option<String>,
        /// The only configurations it sees, by id, with commas between.
        #[arg(long, value_delimiter = ',', value_name = "IDS")]
        configs: Vec<i64>,
    },
    /// List the keys.
    List,
    /// Revoke a key; it stops working at once.
    Revoke {
        /// Its id or name.
        key: String,
    },
}
