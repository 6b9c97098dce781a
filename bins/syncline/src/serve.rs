//! The server's life: bind, close what a dead process left, serve, drain, end.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use syncline_api::{ApiState, EventHub, ServerOptions};
use syncline_app::Caller;
use syncline_domain::ports::Clock;
use tokio::signal::unix::{SignalKind, signal};

use crate::automation::{Automation, Machinery, is_dead};
use crate::config::Config;
use crate::key_ring::reseal_all;
use crate::wiring::{House, Seams};

/// How long running syncs may go on after a stop was asked for.
const DRAIN: Duration = Duration::from_secs(25);

/// How long a hurried end may take.
const LAST_BREATH: Duration = Duration::from_millis(1_500);

/// How long jobs that did not end have to be handed back.
const HAND_BACK: Duration = Duration::from_secs(4);

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
    run_within(config, listener, Seams::default(), stop).await
}

/// The same by another clock, for tests.
///
/// # Errors
/// As [`serve`].
pub async fn run_at(
    config: Config,
    listener: TcpListener,
    clock: Arc<dyn Clock>,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    run_within(config, listener, Seams { clock, ..Seams::default() }, stop).await
}

/// The same between other seams.
///
/// # Errors
/// As [`serve`].
pub async fn run_within(
    mut config: Config,
    listener: TcpListener,
    seams: Seams,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    config.port = listener.local_addr()?.port();
    let events = EventHub::default();
    let house = House::open_within(&config, Arc::new(events.clone()), seams).await?;
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
        ServerOptions { workers, drain: Duration::from_secs(1) },
    )?;
    let handle = server.handle();
    let serving = tokio::spawn(server);
    let public = config.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
    let mut automation = start_automation(config, &house).await?;
    tell_start(config, &house).await;
    log::info!("listening on {address}; API documentation at {public}/api/docs/");
    stop.await;
    log::info!("stopping: no new work; running syncs may go on for {} seconds", DRAIN.as_secs());
    drain(&house, &mut automation).await;
    handle.stop(true).await;
    serving.await.context("the server's task")?.context("the server")?;
    log::info!("stopped");
    Ok(())
}

async fn start_automation(config: &Config, house: &House) -> anyhow::Result<Automation> {
    let machinery = Machinery {
        app: house.app.clone(),
        store: Arc::clone(&house.store),
        clock: Arc::clone(house.app.clock()),
        rng: Arc::clone(&house.rng),
        sealer: house.sealer(),
        post: house.post.clone(),
        holder: house.holder.clone(),
        lease: config.automation.job_lease,
    };
    Automation::start(machinery, config.automation.role, config.automation.scheduler_enabled).await
}

/// Says what is there, in the order in which it came up; what is off says so and why.
async fn tell_start(config: &Config, house: &House) {
    let (role, schedules) = (config.automation.role, config.automation.scheduler_enabled);
    log::info!("✓ Database connection successful");
    log::info!("✓ Connector registry initialized");
    let scheduler = match (role.schedules(), schedules) {
        (true, true) => match house.app.scheduler_state(&Caller::command_line()).await {
            Ok(state) if !state.is_running => {
                Err("somebody stopped it; POST /api/scheduler/start starts it again")
            }
            Ok(_) => Ok(()),
            Err(_) => Err("its switch is not readable"),
        },
        (true, false) => Err("SCHEDULER_ENABLED=false"),
        (false, _) => Err("another process has this role"),
    };
    match scheduler {
        Ok(()) => log::info!("✓ Scheduler started"),
        Err(why) => log::info!("- Scheduler not started: {why}"),
    }
    let jobs = if role.works() { Ok(()) } else { Err("another process has this role") };
    match jobs {
        Ok(()) => log::info!("✓ Job queue event listeners configured"),
        Err(why) => log::info!("- Job queue not worked off here: {why}"),
    }
    let mail = match house.app.smtp().await {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err("SMTP not configured"),
        Err(_) => Err("the mail settings are not readable"),
    };
    log::info!("Phase 5 Features Active:");
    for (name, state) in [
        ("Scheduled Sync (Cron-based)", scheduler),
        ("Webhook Receivers", Ok(())),
        ("Background Job Queue", jobs),
        ("Email Notifications", jobs.and(mail)),
    ] {
        match state {
            Ok(()) => log::info!("  ✓ {name}"),
            Err(why) => log::info!("  - {name}: {why}"),
        }
    }
}

/// Waits for running syncs; what is still going on then is closed by the next start and goes on from its cursor.
async fn drain(house: &House, automation: &mut Automation) {
    let runs = house.app.runs();
    runs.close();
    let hurried = stop_signal();
    let signal = automation.signal();
    let all = async {
        automation.drain().await;
        runs.wait().await;
    };
    tokio::select! {
        () = all => {}
        () = tokio::time::sleep(DRAIN + HAND_BACK) => {
            let left = runs.running();
            log::warn!("{} sync(s) still running are left to the next start", left.len());
        }
        () = hurried => {
            log::warn!("second signal: ending at once");
            signal.end_now();
            // Jobs are handed back where the database answers; their leases end by themselves where it does not.
            drop(tokio::time::timeout(LAST_BREATH, automation.drain()).await);
        }
    }
    if let Err(fault) = house.app.receiver().flush().await {
        log::warn!("counts of rejected requests were not recorded: {fault}");
    }
}

async fn clean_up(house: &House) {
    match house.app.engine().close_orphans_of(is_dead).await {
        Ok(closed) if closed.is_empty() => {}
        Ok(closed) => log::warn!("closed {} run(s) whose process died", closed.len()),
        Err(fault) => log::error!("runs of dead processes were not closed: {fault}"),
    }
    match reseal_all(house.store.as_ref(), house.sealer(), house.app.now()).await {
        Ok(0) => {}
        Ok(moved) => {
            log::info!("brought the secrets of {moved} row(s) under the current key")
        }
        Err(error) => log::error!("credentials were not brought under the current key: {error:#}"),
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

/// Resolves at SIGTERM or Ctrl-C. Signals are caught from the call on, not only from the first poll: one that comes
/// while the server still starts must not end it the hard way.
pub(crate) fn stop_signal() -> impl Future<Output = ()> {
    let (term, interrupt) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async move {
        match (term, interrupt) {
            (Ok(mut term), Ok(mut interrupt)) => {
                tokio::select! {
                    _ = term.recv() => {}
                    _ = interrupt.recv() => {}
                }
            }
            _ => drop(tokio::signal::ctrl_c().await),
        }
    }
}
