//! Putting the rooms together: the one place that knows all of them.

use std::sync::Arc;

use anyhow::Context as _;
use syncline_app::{App, AppParts, SettingsSource};
use syncline_connectors::Connectors;
use syncline_domain::ports::{Clock, NoFaultPoints, NothingFollows, Rng, RunEvents, Sealer, Store};
use syncline_engine::{Engine, EngineParts, SystemClock, SystemIds, SystemRng};
use syncline_outbound::{AddressPolicy, Outbound, OutboundConfig, Proxies};
use syncline_storage::{DatabaseConfig, Storage};

use crate::config::Config;
use crate::key_ring::FollowingVault;

/// Everything that runs in this process.
#[derive(Clone)]
pub(crate) struct House {
    pub(crate) app: App,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) vault: Arc<FollowingVault>,
    pub(crate) rng: Arc<dyn Rng>,
}

impl House {
    /// Opens the database (made and migrated where needed) and puts the rooms together.
    pub(crate) async fn open(config: &Config, events: Arc<dyn RunEvents>) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let rng: Arc<dyn Rng> = Arc::new(SystemRng::new());
        let database = DatabaseConfig::new(&config.database_url);
        let store: Arc<dyn Store> =
            Storage::open(&database, Arc::clone(&clock)).context("DATABASE_URL")?;
        let vault = Arc::new(FollowingVault::open(&config.encryption)?);
        vault.must_know_all(store.as_ref()).await?;
        let outbound = outbound(config, Arc::clone(&clock), Arc::clone(&rng))?;
        let engine = Engine::new(EngineParts {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            ids: Arc::new(SystemIds::new()),
            events,
            faults: Arc::new(NoFaultPoints),
            ending: Arc::new(NothingFollows),
            holder: format!("{}-{:08x}", std::process::id(), rng.next_u64() >> 32),
        });
        let sealer: Arc<dyn Sealer> = vault.clone();
        let app = App::new(AppParts {
            store: Arc::clone(&store),
            factory: Arc::new(Connectors::new(outbound, Arc::clone(&clock))),
            sealer,
            engine,
            clock,
            environment: SettingsSource::default(),
        });
        Ok(Self { app, store, vault, rng })
    }

    /// The vault, as what it is to others.
    pub(crate) fn sealer(&self) -> Arc<dyn Sealer> {
        self.vault.clone()
    }
}

fn outbound(config: &Config, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> anyhow::Result<Outbound> {
    let policy = AddressPolicy::connectors(config.binds_loopback())
        .allowing(config.allowed_networks.clone());
    let mut settings = OutboundConfig::new(policy);
    settings.plain_http = config.plain_http.clone();
    settings.extra_ca = config.extra_ca.clone();
    settings.proxies = Proxies::from_lookup(|name| std::env::var(name).ok())
        .map_err(|error| crate::ConfigFault(vec![error.to_string()]))?;
    Outbound::new(settings, clock, rng)
        .map_err(|error| crate::ConfigFault(vec![error.to_string()]).into())
}
