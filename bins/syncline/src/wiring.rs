//! Putting the rooms together: the one place that knows all of them.

use std::sync::Arc;

use anyhow::Context as _;
use syncline_app::{App, AppParts, Automation, FollowUp, Limits};
use syncline_connectors::{Connectors, Readers};
use syncline_domain::WaitingRoom;
use syncline_domain::ports::{Clock, FaultPoints, NoFaultPoints, Rng, RunEvents, Sealer, Store};
use syncline_engine::{Engine, EngineParts, SystemClock, SystemIds, SystemRng};
use syncline_notifier::Herald;
use syncline_outbound::{AddressPolicy, Outbound, OutboundConfig, Proxies};
use syncline_storage::{DatabaseConfig, Storage};

use crate::automation::channels::Post;
use crate::automation::name_of_process;
use crate::config::Config;
use crate::key_ring::FollowingVault;

/// Puts something over a store.
pub type StoreLayer = Box<dyn FnOnce(Arc<dyn Store>) -> Arc<dyn Store> + Send>;

/// What the rooms stand on besides the configuration: the machine's own by default; tests put theirs in its place.
pub struct Seams {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Named points at which a run may die.
    pub faults: Arc<dyn FaultPoints>,
    /// Puts a layer over the store, through which all transactions go.
    pub over_store: StoreLayer,
}

impl Default for Seams {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock::new()),
            faults: Arc::new(NoFaultPoints),
            over_store: Box::new(|store| store),
        }
    }
}

/// Everything that runs in this process.
#[derive(Clone)]
pub(crate) struct House {
    pub(crate) app: App,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) vault: Arc<FollowingVault>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) post: Post,
    pub(crate) holder: String,
}

impl House {
    /// Opens the database (made and migrated where needed) and puts the rooms together.
    pub(crate) async fn open(config: &Config, events: Arc<dyn RunEvents>) -> anyhow::Result<Self> {
        Self::open_within(config, events, Seams::default()).await
    }

    /// The same, between other seams.
    pub(crate) async fn open_within(
        config: &Config,
        events: Arc<dyn RunEvents>,
        seams: Seams,
    ) -> anyhow::Result<Self> {
        let Seams { clock, faults, over_store } = seams;
        let rng: Arc<dyn Rng> = Arc::new(SystemRng::new());
        let database = DatabaseConfig::new(&config.database_url);
        let store: Arc<dyn Store> =
            Storage::open(&database, Arc::clone(&clock)).context("DATABASE_URL")?;
        let store = over_store(store);
        let vault = Arc::new(FollowingVault::open(&config.encryption)?);
        vault.must_know_all(store.as_ref()).await?;
        let outbound = outbound(config, Arc::clone(&clock), Arc::clone(&rng))?;
        let holder = name_of_process(rng.as_ref());
        let public_url = config.reached_at();
        let post = Post::new(config, &public_url, Arc::clone(&clock), Arc::clone(&rng))?;
        let engine = Engine::new(EngineParts {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            ids: Arc::new(SystemIds::new()),
            events,
            faults,
            ending: Arc::new(FollowUp(Herald)),
            holder: holder.clone(),
        })
        .with_lease(config.automation.job_lease);
        let sealer: Arc<dyn Sealer> = vault.clone();
        let parts = AppParts {
            store: Arc::clone(&store),
            factory: Arc::new(Connectors::new(outbound, Arc::clone(&clock))),
            sealer,
            engine,
            clock,
            environment: config.automation.settings.clone(),
        };
        let app = App::automated(parts, automation(config, public_url, &post, &rng));
        Ok(Self { app, store, vault, rng, post, holder })
    }

    /// The vault, as what it is to others.
    pub(crate) fn sealer(&self) -> Arc<dyn Sealer> {
        self.vault.clone()
    }
}

fn automation(config: &Config, public_url: String, post: &Post, rng: &Arc<dyn Rng>) -> Automation {
    let limits = Limits {
        proven_per_minute: config.automation.webhook_rate_limit,
        settle: config.automation.webhook_settle,
        ..Limits::default()
    };
    Automation {
        room: Arc::new(WaitingRoom::new(config.automation.max_queue)),
        readers: Arc::new(Readers),
        rng: Arc::clone(rng),
        public_url,
        scheduler_enabled: config.automation.scheduler_enabled,
        webhook_limits: limits,
        recipients: Arc::new(post.clone()),
        tester: Arc::new(post.clone()),
        teller: Arc::new(Herald),
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
