//! What goes on without anybody asking: jobs, schedules, messages, upkeep.

pub(crate) mod channels;
mod holder;
mod jobs;

use std::sync::Arc;
use std::time::Duration;

use syncline_app::App;
use syncline_domain::ports::{Clock, Rng, Sealer, Store, Topic};
use syncline_notifier::{Notifier, NotifierParts};
use syncline_queue::{
    Chore, Queue, QueueConfig, QueueParts, QueueTimes, Slots, StopSignal, Upkeep,
};
use syncline_scheduler::Scheduler;
use tokio::task::JoinSet;

pub(crate) use holder::{is_dead, name_of_process};

use crate::config::Role;
use channels::{Desk, Post};

/// Everything that automation stands on.
pub(crate) struct Machinery {
    pub(crate) app: App,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) sealer: Arc<dyn Sealer>,
    pub(crate) post: Post,
    pub(crate) holder: String,
    /// How long a process that says nothing keeps what it works at.
    pub(crate) lease: Duration,
}

/// How often a worker says that it is there, and looks at its settings without being woken.
const BEAT: Duration = Duration::from_secs(10);

/// How often a worker asks which trackers are to be looked at.
const LOOK: Duration = Duration::from_secs(60);

/// What was started, to be stopped together.
pub(crate) struct Automation {
    stop: StopSignal,
    tasks: JoinSet<()>,
}

impl Automation {
    /// Starts what belongs to the role.
    pub(crate) async fn start(
        machinery: Machinery,
        role: Role,
        scheduler_enabled: bool,
    ) -> anyhow::Result<Self> {
        let stop = StopSignal::new();
        let mut tasks = JoinSet::new();
        if role.schedules() && scheduler_enabled {
            let scheduler = Scheduler::new(
                Arc::clone(&machinery.store),
                Arc::clone(&machinery.clock),
                Arc::clone(&machinery.app.automation().room),
                machinery.holder.clone(),
            )
            .with_lease(machinery.lease / 2);
            let token = stop.token();
            tasks.spawn(async move { scheduler.run(token).await });
        }
        if role.works() {
            work(&machinery, &stop, &mut tasks).await?;
        }
        Ok(Self { stop, tasks })
    }

    /// No new work; what runs may go on for as long as the queue allows. Resolves when everything has ended.
    pub(crate) async fn drain(&mut self) {
        self.stop.drain();
        while self.tasks.join_next().await.is_some() {}
    }

    /// How to end at once.
    pub(crate) fn signal(&self) -> StopSignal {
        self.stop.clone()
    }
}

/// The worker, the outbox, the watch, the looks at trackers and the upkeep.
async fn work(
    machinery: &Machinery,
    stop: &StopSignal,
    tasks: &mut JoinSet<()>,
) -> anyhow::Result<()> {
    let settings = machinery.app.settings_in_force().await.map_err(anyhow::Error::new)?;
    let slots = settings.max_concurrent_syncs();
    let times = QueueTimes::of_lease(machinery.lease);
    let config = QueueConfig::new(machinery.holder.clone(), slots, times)?;
    let handlers = jobs::handlers(&machinery.app, &machinery.rng);
    let (store, clock) = (Arc::clone(&machinery.store), Arc::clone(&machinery.clock));
    let mut parts = QueueParts::new(store, clock, Arc::clone(&machinery.rng), handlers);
    parts.is_dead = Arc::new(holder::is_dead);
    parts.left_behind = Arc::new(jobs::left_behind);
    let queue = Queue::new(parts, config);
    let (app, holder) = (machinery.app.clone(), machinery.holder.clone());
    let (slots, signal) = (queue.slots(), stop.clone());
    tasks.spawn(async move { be_seen(app, holder, slots, signal).await });
    let signal = stop.clone();
    tasks.spawn(async move {
        let ending = queue.run(signal).await;
        if ending.released > 0 || ending.unsettled > 0 {
            log::warn!(
                "{} job(s) were handed back, {} are left to be rescued",
                ending.released,
                ending.unsettled
            );
        }
    });
    let notifier = Notifier::new(NotifierParts {
        store: Arc::clone(&machinery.store),
        clock: Arc::clone(&machinery.clock),
        rng: Arc::clone(&machinery.rng),
        sealer: Arc::clone(&machinery.sealer),
        desk: Arc::new(Desk { app: machinery.app.clone(), post: machinery.post.clone() }),
    });
    let token = stop.token();
    tasks.spawn(async move { notifier.run(token).await });
    let (store, clock, token) =
        (Arc::clone(&machinery.store), Arc::clone(&machinery.clock), stop.token());
    tasks.spawn(async move {
        syncline_notifier::watch(store.as_ref(), clock.as_ref(), token).await;
    });
    let (app, holder, signal) = (machinery.app.clone(), machinery.holder.clone(), stop.clone());
    tasks.spawn(async move { look_out(app, holder, signal).await });
    let (upkeep, signal) = (upkeep(machinery), stop.clone());
    tasks.spawn(async move { upkeep.run(signal).await });
    Ok(())
}

/// Says that a worker is there, and follows `max_concurrent_syncs`.
async fn be_seen(app: App, holder: String, slots: Slots, stop: StopSignal) {
    let mut changed = app.store().wakeup(Topic::Schedules);
    loop {
        if let Err(fault) = app.worker_is_alive(&holder).await {
            log::warn!("nobody was told that this worker is there: {fault}");
        }
        match app.settings_in_force().await {
            Ok(settings) => {
                if let Err(error) = slots.set(settings.max_concurrent_syncs()) {
                    log::error!("max_concurrent_syncs: {error}");
                }
            }
            Err(error) => log::warn!("settings were not read: {error}"),
        }
        if let Err(fault) = app.receiver().flush().await {
            log::warn!("counts of rejected requests are recorded later: {fault}");
        }
        tokio::select! {
            () = stop.draining() => break,
            () = changed.woken() => {}
            () = app.clock().sleep(BEAT) => {}
        }
    }
    if let Err(fault) = app.worker_is_gone(&holder).await {
        log::warn!("nobody was told that this worker ends: {fault}");
    }
}

/// Discovers trackers again and takes the censuses that are due, as long as nobody asks for a stop.
async fn look_out(app: App, holder: String, stop: StopSignal) {
    loop {
        let round = async {
            if let Err(fault) = app.look_out(&holder).await {
                log::warn!("trackers are looked at again in a minute: {fault}");
            }
            app.clock().sleep(LOOK).await;
        };
        tokio::select! {
            () = stop.draining() => return,
            () = round => {}
        }
    }
}

fn upkeep(machinery: &Machinery) -> Upkeep {
    let source = machinery.app.environment();
    let chore = |name: &'static str, prune: Prune| {
        let source = source.clone();
        Chore::new(name, move |tx, now, limit| prune(&source, tx, now, limit))
    };
    Upkeep {
        store: Arc::clone(&machinery.store),
        clock: Arc::clone(&machinery.clock),
        chores: vec![
            chore("runs", syncline_app::SettingsSource::prune_executions),
            chore("entries of history", syncline_app::SettingsSource::prune_history),
            chore("deliveries", syncline_app::SettingsSource::prune_deliveries),
            chore("jobs", syncline_app::SettingsSource::prune_jobs),
            chore("schedule instants", syncline_app::SettingsSource::prune_occurrences),
            chore("messages", syncline_app::SettingsSource::prune_outbox),
            chore("lines of the audit trail", syncline_app::SettingsSource::prune_audit),
        ],
    }
}

type Prune = fn(
    &syncline_app::SettingsSource,
    &mut dyn syncline_domain::ports::Tx,
    syncline_domain::Timestamp,
    usize,
) -> Result<u64, syncline_domain::Fault>;
