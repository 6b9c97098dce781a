//! The handle on a running sandbox: the control routes as plain calls.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use serde_json::Value;
use syncline_domain::Timestamp;
use thiserror::Error;
use tokio::task::JoinHandle;

use super::control;
use super::counter::RequestCounts;
use super::effects::Effect;
use super::faults::FaultRule;
use super::options::SandboxOptions;
use super::server;
use super::tracker::{Edit, Edited, ItemSummary, SandboxInfo, Tracker};
use super::world::World;

/// Why a sandbox did not start, or refused a wish.
#[derive(Debug, Error)]
pub enum SandboxError {
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}: {source}; choose another port or 0")]
    Listen {
        /// The address that was asked for.
        addr: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The tracker refused an edit; the text is its own.
    #[error("the sandbox tracker refused: {0}")]
    Refused(String),
}

/// A sandbox that is serving. Dropping it leaves the server running; call [`RunningSandbox::stop`].
pub struct RunningSandbox {
    addr: SocketAddr,
    tracker: Arc<dyn Tracker>,
    world: Arc<World>,
    handle: ServerHandle,
    task: JoinHandle<()>,
}

/// Binds first, so that the tracker knows its own address, then serves.
pub(crate) fn start(
    options: SandboxOptions,
    make: impl FnOnce(String, Arc<World>, SandboxOptions) -> Arc<dyn Tracker>,
) -> Result<RunningSandbox, SandboxError> {
    let wanted = SocketAddr::new(options.host, options.port);
    let listen = |source| SandboxError::Listen { addr: wanted, source };
    let listener = TcpListener::bind(wanted).map_err(listen)?;
    let addr = listener.local_addr().map_err(listen)?;
    let world = World::new(&options);
    let tracker = make(format!("http://{addr}"), Arc::clone(&world), options.clone());
    let (handle, task) =
        server::serve(Arc::clone(&tracker), Arc::clone(&world), listener, &options)
            .map_err(listen)?;
    Ok(RunningSandbox { addr, tracker, world, handle, task })
}

impl RunningSandbox {
    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://host:port`, under which the control routes live.
    #[must_use]
    pub fn control_url(&self) -> String {
        format!("http://{}/_sandbox", self.addr)
    }

    /// All that a connector's form wants.
    #[must_use]
    pub fn info(&self) -> SandboxInfo {
        self.tracker.info()
    }

    /// The connector's `base_url`.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.info().base_url
    }

    /// The connector's `endpoint`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.info().endpoint
    }

    /// The connector's credentials by field name.
    #[must_use]
    pub fn credentials(&self) -> BTreeMap<String, String> {
        self.info().credentials
    }

    /// Effects of API callers since the start or the last reset.
    #[must_use]
    pub fn effects(&self) -> Vec<Effect> {
        self.world.effects.by_api(0)
    }

    /// Effects of API callers with a `seq` above `since`.
    #[must_use]
    pub fn effects_since(&self, since: u64) -> Vec<Effect> {
        self.world.effects.by_api(since)
    }

    /// Requests counted since the start or the last reset.
    #[must_use]
    pub fn requests(&self) -> RequestCounts {
        self.world.counter.snapshot()
    }

    /// Starts counting requests from zero.
    pub fn reset_requests(&self) {
        self.world.counter.clear();
    }

    /// Arms these fault rules instead of all former ones.
    pub fn set_faults(&self, rules: Vec<FaultRule>) {
        self.world.faults.set(rules);
    }

    /// Changes how long each answer is held back.
    pub fn set_latency(&self, latency: Duration) {
        self.world.set_latency(latency);
    }

    /// Changes how long new tickets stay out of queries, in sandbox time.
    pub fn set_search_lag(&self, lag: Duration) {
        self.world.set_search_lag(lag);
    }

    /// Sandbox time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    /// Sets sandbox time; it runs on from there.
    pub fn set_clock(&self, now: Timestamp) {
        self.world.clock.set(now.millis());
    }

    /// Moves sandbox time ahead.
    pub fn advance(&self, by: Duration) {
        self.world.clock.advance(by);
    }

    /// Edits or creates a ticket as a person would, outside the effect log.
    ///
    /// # Errors
    /// [`SandboxError::Refused`] when the tracker's own rules refuse it.
    pub fn edit(&self, edit: &Edit) -> Result<Edited, SandboxError> {
        self.tracker.edit(edit).map_err(SandboxError::Refused)
    }

    /// Deletes a ticket as a person would; `false` when there is none.
    #[must_use]
    pub fn remove(&self, id: &str, destroy: bool) -> bool {
        self.tracker.remove(id, destroy)
    }

    /// Takes the API account's permission on a ticket away, or gives it back; `false`: none such.
    #[must_use]
    pub fn forbid(&self, id: &str, forbidden: bool) -> bool {
        self.tracker.forbid(id, forbidden)
    }

    /// All tickets in short, in id order.
    #[must_use]
    pub fn items(&self) -> Vec<ItemSummary> {
        self.tracker.items()
    }

    /// One ticket as the API shows it, with all fields.
    #[must_use]
    pub fn item(&self, id: &str) -> Option<Value> {
        self.tracker.item(id)
    }

    /// Back to the seeded data, empty logs and no faults.
    pub fn reset(&self) {
        control::reset(self.tracker.as_ref(), &self.world);
    }

    /// Stops serving and waits until it has; requests under way are cut off.
    pub async fn stop(self) {
        self.handle.stop(false).await;
        if let Err(error) = self.task.await {
            log::warn!(error:%; "the sandbox server task did not end well");
        }
    }
}
