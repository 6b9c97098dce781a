//! The server's life: bind, close what a dead process left, serve, drain, end.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use syncline_api::{ApiState, EventHub, ServerOptions};
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Config;
use crate::key_ring::reseal_all;
use crate::wiring::House;

/// How long running syncs may go on after a stop was asked for.
const DRAIN: Duration = Duration::from_secs(25);

/// Serves until a signal comes. A second signal ends at once.
///
/// # Errors
/// When the configuration cannot be used, or the database or the listener cannot be opened.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    let listener =
        TcpListener::bind(SocketAddr::new(config.host, config.port)).with_context(|| {
            format!("cannot listen on {}:{} (HOST, PORT)", config.host, config.port)
        })?;
    run(config, listener, stop_signal()).await
}

/// Serves on a bound listener until `stop` resolves: the server as a library call.
///
/// # Errors
/// As [`serve`].
pub async fn run(
    config: Config,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let events = EventHub::default();
    let house = House::open(&config, Arc::new(events.clone())).await?;
    refuse_open_door(&config, &house).await?;
    run_house(&config, house, events, listener, stop).await
}

/// Serves an open house.
pub(crate) async fn run_house(
    config: &Config,
    house: House,
    events: EventHub,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    clean_up(&house).await;
    let state = ApiState {
        app: house.app.clone(),
        events,
        anonymous_possible: config.is_private(),
        rng: Arc::clone(&house.rng),
    };
    let workers = std::thread::available_parallelism().map_or(2, |n| n.get().clamp(1, 4));
    let server = syncline_api::serve(
        listener,
        state,
        ServerOptions { workers, drain: Duration::from_secs(5) },
    )?;
    let handle = server.handle();
    let serving = tokio::spawn(server);
    let public = config.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
    log::info!("✓ Database connection successful");
    log::info!("✓ Connector registry initialized");
    log::info!("listening on {address}; API documentation at {public}/api/docs/");
    stop.await;
    log::info!("stopping: no new work; running syncs may go on for {} seconds", DRAIN.as_secs());
    drain(&house).await;
    handle.stop(true).await;
    serving.await.context("the server's task")?.context("the server")?;
    log::info!("stopped");
    Ok(())
}

/// Waits for running syncs; what is still going on then is closed by the next start and goes on from its cursor.
async fn drain(house: &House) {
    let runs = house.app.runs();
    runs.close();
    let hurried = second_signal();
    tokio::select! {
        () = runs.wait() => {}
        () = tokio::time::sleep(DRAIN) => {
            let left = runs.running();
            log::warn!("{} sync(s) still running are left to the next start", left.len());
        }
        () = hurried => log::warn!("second signal: ending at once"),
    }
}

async fn clean_up(house: &House) {
    match house.app.engine().close_orphans().await {
        Ok(closed) if closed.is_empty() => {}
        Ok(closed) => log::warn!("closed {} run(s) whose process died", closed.len()),
        Err(fault) => log::error!("runs of dead processes were not closed: {fault}"),
    }
    match reseal_all(house.store.as_ref(), house.sealer()).await {
        Ok(0) => {}
        Ok(moved) => {
            log::info!("brought the credentials of {moved} connector(s) under the current key")
        }
        Err(error) => log::error!("credentials were not brought under the current key: {error:#}"),
    }
    match house.app.prune_executions().await {
        Ok(0) => {}
        Ok(gone) => log::info!("deleted {gone} old run(s) (execution_retention_days)"),
        Err(error) => log::error!("old runs were not deleted: {error}"),
    }
}

/// An address that others can reach wants a key first.
async fn refuse_open_door(config: &Config, house: &House) -> anyhow::Result<()> {
    if config.binds_loopback() {
        return Ok(());
    }
    if house.app.has_keys().await.map_err(anyhow::Error::new)? {
        return Ok(());
    }
    Err(crate::ConfigFault(vec![format!(
        "HOST: {} can be reached by others and there is no API key; make one with `syncline keys create NAME`, \
         or listen on 127.0.0.1",
        config.host
    )])
    .into())
}

/// Resolves at SIGTERM or Ctrl-C.
pub(crate) async fn stop_signal() {
    let Ok(mut term) = signal(SignalKind::terminate()) else {
        drop(tokio::signal::ctrl_c().await);
        return;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

async fn second_signal() {
    stop_signal().await;
}
