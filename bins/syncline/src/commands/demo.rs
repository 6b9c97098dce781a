//! `syncline demo`: two sandbox trackers, a first sync, a few edits, a second sync.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use serde_json::{Map, Value, json};
use syncline_api::EventHub;
use syncline_app::{Caller, RunAsked};
use syncline_domain::ports::{RunEvent, RunEvents};
use syncline_domain::{ConfigId, ConnectorId, Execution, ExecutionStatus};
use syncline_engine::SystemClock;
use syncline_sandbox::{
    AzureDevOps, Edit, ItemId, RunningSandbox, SandboxOptions, ServiceDeskPlus,
};

use super::sync::show_run;
use crate::cli::DemoArgs;
use crate::config::{Config, Variables};
use crate::output::{Output, table};
use crate::progress::Progress;
use crate::serve::{run_house, stop_signal};
use crate::wiring::House;

/// How many bugs are edited between the two syncs.
const EDITS: usize = 3;

/// Where the demo keeps its database; a temporary folder goes with the value.
enum Home {
    Kept(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Home {
    fn path(&self) -> &std::path::Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

/// Hands events to the progress bar and to the HTTP API.
struct Both(Progress, EventHub);

impl RunEvents for Both {
    fn emit(&self, event: RunEvent) {
        self.0.emit(event.clone());
        self.1.emit(event);
    }
}

pub(crate) async fn run(args: DemoArgs, out: Output) -> anyhow::Result<()> {
    let home = match &args.keep {
        Some(folder) => {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("--keep {}", folder.display()))?;
            Home::Kept(folder.clone())
        }
        None => Home::Temporary(tempfile::tempdir()?),
    };
    let listener = TcpListener::bind(("127.0.0.1", args.port))
        .with_context(|| format!("cannot listen on port {} (--port)", args.port))?;
    let config = config_in(&home, listener.local_addr()?.port())?;
    let hub = EventHub::default();
    let events: Arc<dyn RunEvents> = Arc::new(Both(Progress::new(out.json), hub.clone()));
    let house = House::open(&config, events).await?;

    out.say("1. Starting two sandbox trackers");
    let options = || SandboxOptions::new(Arc::new(SystemClock::new()));
    let azure = AzureDevOps::start(options().items(args.items.into())).await?;
    let desk = ServiceDeskPlus::start(options().items(0)).await?;
    let summary = play(&house, &azure, &desk, out).await;
    if summary.is_ok() && !args.exit {
        serve_on(&config, &house, hub, listener, (&azure, &desk), out).await?;
    }
    azure.stop().await;
    desk.stop().await;
    if let Home::Kept(folder) = &home {
        out.say(format!("The database is kept in {}", folder.display()));
    }
    summary
}

fn config_in(home: &Home, port: u16) -> anyhow::Result<Config> {
    let database = format!("sqlite:{}", home.path().join("syncline.db").display());
    let mut config = Config::read(&Variables::of(&[("DATABASE_URL", &database)]))?;
    config.port = port;
    Ok(config)
}

/// The story: connect, discover, map, preview, sync, edit, sync again.
async fn play(
    house: &House,
    azure: &RunningSandbox,
    desk: &RunningSandbox,
    out: Output,
) -> anyhow::Result<()> {
    let source = connect(house, "Azure DevOps (sandbox)", azure, out).await?;
    let target = connect(house, "ServiceDesk Plus (sandbox)", desk, out).await?;
    let config = configure(house, source, target, out).await?;
    preview(house, config, out).await?;
    out.say("4. Syncing");
    let first = sync(house, config).await?;
    show(house, &first, out).await?;
    let edited = edit_some(azure)?;
    out.say(format!(
        "5. Somebody edits {} bugs in Azure DevOps: {}",
        edited.len(),
        edited.join(", ")
    ));
    out.say("6. Syncing again: only those move");
    let second = sync(house, config).await?;
    show(house, &second, out).await?;
    tickets(house, config, out).await
}

async fn connect(
    house: &House,
    name: &str,
    sandbox: &RunningSandbox,
    out: Output,
) -> anyhow::Result<ConnectorId> {
    let info = sandbox.info();
    let body = json!({
        "name": name, "connector_type": info.connector_type, "base_url": info.base_url,
        "endpoint": info.endpoint, "auth_type": info.auth_type, "credentials": info.credentials,
        "metadata": info.metadata
    });
    let caller = Caller::command_line();
    let saved = house.app.create_connector(&caller, body).await?;
    let checks = house.app.test_connector(&caller, saved.id).await?;
    let found = house.app.discover(&caller, saved.id).await?;
    out.say(format!(
        "   {name}: {} at {}; {} checks passed, {} work item types",
        info.connector_type,
        info.base_url,
        checks.len(),
        found.schema.types.len()
    ));
    Ok(saved.id)
}

async fn configure(
    house: &House,
    source: ConnectorId,
    target: ConnectorId,
    out: Output,
) -> anyhow::Result<ConfigId> {
    let bug = type_named(house, source, &["Bug"]).await?;
    let incident = type_named(house, target, &["Incident", "Request"]).await?;
    let body = json!({
        "name": "Azure Bugs to ServiceDesk",
        "source_connector_id": source, "target_connector_id": target,
        "type_mappings": [{"source_type_id": bug, "target_type_id": incident, "suggest": true}],
        "options": {"sync_comments": true}
    });
    let caller = Caller::command_line();
    let saved = house.app.create_config(&caller, body).await?;
    let (_, rules) = house.app.config(&caller, saved.id).await?;
    out.say(format!(
        "2. Mapping Bug to Incident with suggestions: {} fields, {} statuses",
        rules.fields.len(),
        rules.statuses.len()
    ));
    Ok(saved.id)
}

/// The id of the first type whose name is one of these, else of the first type there is.
async fn type_named(house: &House, connector: ConnectorId, names: &[&str]) -> anyhow::Result<i64> {
    let types = house.app.types(&Caller::command_line(), connector, false).await?;
    let named = types.iter().find(|row| names.contains(&row.type_name.as_str()));
    named.or(types.first()).map(|row| row.id.0).context("the tracker has no work item type")
}

async fn preview(house: &House, config: ConfigId, out: Output) -> anyhow::Result<()> {
    let asked = RunAsked { full: true, ..RunAsked::default() };
    let plan = house.app.preview(&Caller::command_line(), config, asked).await?;
    let sums = plan.summary;
    out.say(format!(
        "3. Preview: {} to create, {} to update, {} filtered (other types), {} errors; nothing written yet",
        sums.to_create, sums.to_update, sums.filtered, sums.errors
    ));
    Ok(())
}

async fn sync(house: &House, config: ConfigId) -> anyhow::Result<Execution> {
    let started = house.app.start_run(&Caller::command_line(), config, RunAsked::default()).await?;
    Ok(started.ended.await?)
}

async fn show(house: &House, execution: &Execution, out: Output) -> anyhow::Result<()> {
    let (items, _) = house.app.outcomes_for_reply(execution.id).await?;
    show_run(execution, &items, out);
    anyhow::ensure!(
        execution.status == ExecutionStatus::Completed,
        "the run ended {}",
        execution.status
    );
    Ok(())
}

fn edit_some(azure: &RunningSandbox) -> anyhow::Result<Vec<String>> {
    let bugs = azure.items().into_iter().filter(|item| item.item_type == "Bug");
    let mut edited = Vec::new();
    for bug in bugs.take(EDITS) {
        let mut fields = Map::new();
        let title = format!("{} (edited)", bug.title);
        fields.insert("System.Title".to_owned(), Value::String(title));
        azure.edit(&Edit {
            item_id: Some(ItemId::Text(bug.id.clone())),
            fields,
            ..Edit::default()
        })?;
        edited.push(bug.id);
    }
    Ok(edited)
}

/// Where a person can look at some of the tickets, side by side.
async fn tickets(house: &House, config: ConfigId, out: Output) -> anyhow::Result<()> {
    let view = house.app.pairs(&Caller::command_line(), config, 0, 5).await?;
    let rows = view.pairs.iter().map(|pair| vec![pair.source_url.clone(), pair.target_url.clone()]);
    let rows: Vec<Vec<String>> = rows.collect();
    let json = json!({"pairs": view.total, "examples": rows});
    out.show(&json, || {
        format!("{} pairs; the first five:\n{}", view.total, table(&["bug", "its copy"], rows))
    });
    Ok(())
}

async fn serve_on(
    config: &Config,
    house: &House,
    hub: EventHub,
    listener: TcpListener,
    (azure, desk): (&RunningSandbox, &RunningSandbox),
    out: Output,
) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    out.say(format!(
        "Everything keeps running until Ctrl-C:\n  API            http://{address}/api/docs/\n  \
         Azure DevOps   {}\n  ServiceDesk    {}\nEdit a bug (see {}/info), then:\n  \
         curl -X POST http://{address}/api/execute/sync/1",
        azure.base_url(),
        desk.base_url(),
        azure.control_url()
    ));
    run_house(config, house.clone(), hub, listener, stop_signal()).await
}
