//! The whole product in this process, wired as the program wires it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use syncline_app::{App, AppParts, Caller, Engine, EngineParts, RunAsked, SettingsSource};
use syncline_connectors::Connectors;
use syncline_domain::ports::{
    Clock, NoEvents, NoFaultPoints, NothingFollows, Store, StoreExt as _,
};
use syncline_domain::{ConfigId, ConnectorId, Execution, ExecutionStatus, ItemOutcome, Pair};
use syncline_engine::{SystemIds, SystemRng};
use syncline_outbound::{AddressPolicy, Outbound, OutboundConfig};
use syncline_sandbox::{
    AzureDevOps, Edit, ItemId, RunningSandbox, SandboxOptions, ServiceDeskPlus,
};
use syncline_storage::{DatabaseConfig, Storage};
use syncline_vault::{KeyRing, Vault, new_key_text};
use tempfile::TempDir;

use crate::TestClock;

/// Bugs to bugs: the types of a configuration between two Azure DevOps sandboxes.
pub const BUGS: (&str, &str) = ("Bug", "Bug");
/// Bugs to incidents: from Azure DevOps to ServiceDesk Plus.
pub const INCIDENTS: (&str, &str) = ("Bug", "Incident");

/// The product on a database of its own. Sandboxes that it starts share its clock.
pub struct Stage {
    /// The use cases.
    pub app: App,
    /// The database behind them.
    pub store: Arc<dyn Store>,
    /// The one clock of product and sandboxes.
    pub clock: TestClock,
    /// Where the database is: what `DATABASE_URL` holds.
    pub database: String,
    /// The key that seals its credentials: what `ENCRYPTION_KEY` holds.
    pub key: String,
    me: Caller,
    folder: TempDir,
}

impl Stage {
    /// On a SQLite file.
    #[must_use]
    pub fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = format!("sqlite:{}", folder.path().join("syncline.db").display());
        Self::over(folder, database)
    }

    /// On a database that is there already.
    #[must_use]
    pub fn on(database: &str) -> Self {
        Self::over(tempfile::tempdir().unwrap(), database.to_owned())
    }

    fn over(folder: TempDir, database: String) -> Self {
        let clock = TestClock::default();
        let ticks: Arc<dyn Clock> = Arc::new(clock.clone());
        let store: Arc<dyn Store> =
            Storage::open(&DatabaseConfig::new(&database), Arc::clone(&ticks)).unwrap();
        let limits = OutboundConfig::new(AddressPolicy::connectors(true));
        let outbound =
            Outbound::new(limits, Arc::clone(&ticks), Arc::new(SystemRng::new())).unwrap();
        let key = new_key_text().unwrap();
        let vault = Vault::new(KeyRing::parse("ENCRYPTION_KEY", &key).unwrap());
        let engine = Engine::new(EngineParts {
            store: Arc::clone(&store),
            clock: Arc::clone(&ticks),
            ids: Arc::new(SystemIds::new()),
            events: Arc::new(NoEvents),
            faults: Arc::new(NoFaultPoints),
            ending: Arc::new(NothingFollows),
            holder: "stage".to_owned(),
        });
        let app = App::new(AppParts {
            store: Arc::clone(&store),
            factory: Arc::new(Connectors::new(outbound, Arc::clone(&ticks))),
            sealer: Arc::new(vault),
            engine,
            clock: ticks,
            environment: SettingsSource::default(),
        });
        Self {
            app,
            store,
            clock,
            database,
            key: key.to_string(),
            me: Caller::command_line(),
            folder,
        }
    }

    /// A folder that goes with the stage.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// How this stage's sandboxes begin.
    #[must_use]
    pub fn sandbox(&self, items: usize) -> SandboxOptions {
        SandboxOptions::new(Arc::new(self.clock.clone())).items(items)
    }

    /// An Azure DevOps sandbox with this many work items, four in five of them bugs.
    pub async fn azure(&self, items: usize) -> RunningSandbox {
        AzureDevOps::start(self.sandbox(items)).await.unwrap()
    }

    /// An empty ServiceDesk Plus sandbox.
    pub async fn desk(&self) -> RunningSandbox {
        ServiceDeskPlus::start(self.sandbox(0)).await.unwrap()
    }

    /// Registers and discovers two trackers and maps one type of each by suggestions. Requests of all that are
    /// forgotten.
    pub async fn join(
        &self,
        from: &RunningSandbox,
        to: &RunningSandbox,
        types: (&str, &str),
        options: Value,
    ) -> ConfigId {
        let source = self.connect("source", from).await;
        let target = self.connect("target", to).await;
        let config = self.configure("in step", (source, target), types, options).await;
        from.reset_requests();
        to.reset_requests();
        config
    }

    /// A configuration between registered trackers, with one type of each mapped by suggestions.
    pub async fn configure(
        &self,
        name: &str,
        (source, target): (ConnectorId, ConnectorId),
        types: (&str, &str),
        options: Value,
    ) -> ConfigId {
        let body = json!({
            "name": name, "source_connector_id": source, "target_connector_id": target,
            "type_mappings": [{
                "source_type_id": self.type_id(source, types.0).await,
                "target_type_id": self.type_id(target, types.1).await,
                "suggest": true
            }],
            "options": options
        });
        self.app.create_config(&self.me, body).await.unwrap().id
    }

    /// Registers and discovers a tracker.
    pub async fn connect(&self, name: &str, sandbox: &RunningSandbox) -> ConnectorId {
        let info = sandbox.info();
        let body = json!({
            "name": name, "connector_type": info.connector_type, "base_url": info.base_url,
            "endpoint": info.endpoint, "auth_type": info.auth_type,
            "credentials": info.credentials, "metadata": info.metadata
        });
        let id = self.app.create_connector(&self.me, body).await.unwrap().id;
        let checks = self.app.test_connector(&self.me, id).await.unwrap();
        assert!(checks.iter().all(|check| check.ok), "{checks:?}");
        self.app.discover(&self.me, id).await.unwrap();
        id
    }

    async fn type_id(&self, connector: ConnectorId, name: &str) -> i64 {
        let types = self.app.types(&self.me, connector, false).await.unwrap();
        let found = types.iter().find(|row| row.type_name == name);
        found.unwrap_or_else(|| panic!("no type {name} in {types:?}")).id.0
    }

    /// Starts a run; it goes on in the background and hands its row over at the end.
    pub async fn start(&self, config: ConfigId) -> tokio::sync::oneshot::Receiver<Execution> {
        self.app.start_run(&self.me, config, RunAsked::default()).await.unwrap().ended
    }

    /// Runs to the end, however it ends.
    pub async fn run(&self, config: ConfigId) -> Execution {
        self.start(config).await.await.unwrap()
    }

    /// Runs to an end without any complaint.
    pub async fn run_well(&self, config: ConfigId) -> Execution {
        let run = self.run(config).await;
        let told = self.outcomes(&run).await;
        let bad: Vec<_> = told.iter().filter(|item| item.error.is_some()).take(3).collect();
        let totals = run.totals;
        assert_eq!(run.status, ExecutionStatus::Completed, "{:?} {totals:?} {bad:#?}", run.error);
        assert_eq!((totals.waiting, totals.conflicted), (0, 0), "{totals:?} {bad:#?}");
        run
    }

    /// What became of the items of a run, those with trouble first.
    pub async fn outcomes(&self, run: &Execution) -> Vec<ItemOutcome> {
        self.app.outcomes_for_reply(run.id).await.unwrap().0
    }

    /// All pairs of a configuration.
    pub async fn pairs(&self, config: ConfigId) -> Vec<Pair> {
        self.app.pairs(&self.me, config, 0, 100_000).await.unwrap().pairs
    }

    /// Time goes on beyond overlap windows, search lags, pauses and first retries.
    pub fn let_time_pass(&self) {
        self.clock.advance(Duration::from_secs(10 * 60));
    }

    /// Takes the lease from a process that died, as its time limit would.
    pub async fn free_lease(&self, config: ConfigId) {
        let name = format!("run/{config}");
        let free = self.store.tx("free lease", move |tx| {
            tx.lease(&name)?.map_or(Ok(()), |lease| tx.release_lease(&lease))
        });
        free.await.unwrap();
    }
}

/// Gives an item of an Azure DevOps sandbox a new title, as a person would.
pub fn retitle(sandbox: &RunningSandbox, id: &str, title: &str) {
    let mut fields = Map::new();
    fields.insert("System.Title".to_owned(), json!(title));
    let item_id = Some(ItemId::Text(id.to_owned()));
    sandbox.edit(&Edit { item_id, fields, ..Edit::default() }).unwrap();
}
