//! The product as the server wires it, on a database of its own.

use std::sync::Arc;

use anyhow::Context as _;
use serde_json::{Value, json};
use syncline_app::{App, AppParts, Caller, RunAsked, SettingsSource};
use syncline_connectors::Connectors;
use syncline_domain::ports::{Clock, NoEvents, NoFaultPoints, NothingFollows, Rng, Sealer, Store};
use syncline_domain::{ConfigId, ConnectorId, Execution, ExecutionStatus};
use syncline_engine::{Engine, EngineParts, SystemIds, SystemRng};
use syncline_outbound::{AddressPolicy, Outbound, OutboundConfig};
use syncline_storage::{DatabaseConfig, Storage};
use syncline_testkit::PlainSealer;

/// The work item types that the sandbox seeds.
pub(crate) const TYPES: [&str; 3] = ["Bug", "User Story", "Task"];

/// Connectors as the server makes them.
pub(crate) fn factory(clock: Arc<dyn Clock>) -> anyhow::Result<Connectors> {
    let rng: Arc<dyn Rng> = Arc::new(SystemRng::new());
    let settings = OutboundConfig::new(AddressPolicy::connectors(true));
    let outbound = Outbound::new(settings, Arc::clone(&clock), rng)?;
    Ok(Connectors::new(outbound, clock))
}

/// The use cases over a fresh database.
pub(crate) struct Rig {
    pub(crate) app: App,
    _folder: Option<tempfile::TempDir>,
}

impl Rig {
    /// On a new SQLite file.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let place = format!("sqlite:{}", folder.path().join("bench.db").display());
        let rig = Self::over(&place, clock, Arc::new(PlainSealer))?;
        Ok(Self { _folder: Some(folder), ..rig })
    }

    /// On a database that is somebody else's, too.
    pub(crate) fn over(
        place: &str,
        clock: Arc<dyn Clock>,
        sealer: Arc<dyn Sealer>,
    ) -> anyhow::Result<Self> {
        let store: Arc<dyn Store> = Storage::open(&DatabaseConfig::new(place), Arc::clone(&clock))?;
        let engine = Engine::new(EngineParts {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            ids: Arc::new(SystemIds::new()),
            events: Arc::new(NoEvents),
            faults: Arc::new(NoFaultPoints),
            ending: Arc::new(NothingFollows),
            holder: "bench".to_owned(),
        });
        let app = App::new(AppParts {
            store,
            factory: Arc::new(factory(Arc::clone(&clock))?),
            sealer,
            engine,
            clock,
            environment: SettingsSource::default(),
        });
        Ok(Self { app, _folder: None })
    }

    /// Registers a sandbox by what it says of itself, and discovers it.
    async fn connect(
        &self,
        name: &str,
        info: &Value,
        in_flight: u32,
    ) -> anyhow::Result<ConnectorId> {
        let mut metadata = info["metadata"].clone();
        metadata["max_in_flight"] = json!(in_flight);
        let body = json!({
            "name": name, "connector_type": info["connector_type"], "base_url": info["base_url"],
            "endpoint": info["endpoint"], "auth_type": info["auth_type"],
            "credentials": info["credentials"], "metadata": metadata
        });
        let caller = Caller::command_line();
        let saved = self.app.create_connector(&caller, body).await?;
        self.app.discover(&caller, saved.id).await?;
        Ok(saved.id)
    }

    /// A configuration of all seeded types with suggested rules; one-way unless `with`, its other keys, says otherwise.
    async fn configure(
        &self,
        (source, target): (ConnectorId, ConnectorId),
        with: Value,
    ) -> anyhow::Result<ConfigId> {
        let caller = Caller::command_line();
        let mut pairs = Vec::new();
        for name in TYPES {
            let (from, to) = (self.type_id(source, name).await?, self.type_id(target, name).await?);
            pairs.push(json!({"source_type_id": from, "target_type_id": to, "suggest": true}));
        }
        let mut body = with;
        body["source_connector_id"] = json!(source);
        body["target_connector_id"] = json!(target);
        body["type_mappings"] = json!(pairs);
        Ok(self.app.create_config(&caller, body).await?.id)
    }

    async fn type_id(&self, connector: ConnectorId, name: &str) -> anyhow::Result<i64> {
        let types = self.app.types(&Caller::command_line(), connector, false).await?;
        let found = types.iter().find(|row| row.type_name == name);
        found.map(|row| row.id.0).with_context(|| format!("the tracker has no type {name}"))
    }

    /// The field and status rules of the first pair of types.
    pub(crate) async fn rules(&self, config: ConfigId) -> anyhow::Result<(usize, usize)> {
        let (_, rules) = self.app.config(&Caller::command_line(), config).await?;
        Ok((rules.fields.len() / TYPES.len(), rules.statuses.len() / TYPES.len()))
    }

    /// Both ends connected, a configuration between them.
    pub(crate) async fn join(
        &self,
        (source, target): (&Value, &Value),
        in_flight: u32,
        mut with: Value,
    ) -> anyhow::Result<ConfigId> {
        let name = with["name"].as_str().unwrap_or("bench").to_owned();
        let from = self.connect(&format!("{name}: source"), source, in_flight).await?;
        let to = self.connect(&format!("{name}: target"), target, in_flight).await?;
        with["name"] = json!(name);
        with["options"]["concurrency"] = json!(in_flight);
        self.configure((from, to), with).await
    }

    /// A run of what changed, which must end well.
    pub(crate) async fn run(&self, config: ConfigId) -> anyhow::Result<Execution> {
        let caller = Caller::command_line();
        let started = self.app.start_run(&caller, config, RunAsked::default()).await?;
        let ended = started.ended.await?;
        if ended.status != ExecutionStatus::Completed {
            let (items, _) = self.app.outcomes_for_reply(ended.id).await?;
            let first = items.into_iter().find_map(|item| item.error);
            anyhow::bail!("the run ended {}: {:?}, {:?}", ended.status, ended.error, first);
        }
        Ok(ended)
    }
}
