//! The loop: leads, waits for the next instant, decides on what is due.

mod decide;
mod fire;
mod leader;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use syncline_domain::ports::{Clock, Store, StoreExt as _, Topic, Wakeup};
use syncline_domain::{ConfigId, Fault, Timestamp, WaitingRoom};
use tokio_util::sync::CancellationToken;

use fire::Fired;
pub use leader::{LEADER_LEASE, LEADER_TTL};

/// The setting that says whether the scheduler runs; absent is on. A JSON text: `true` or `false`.
pub const RUNNING_SETTING: &str = "scheduler_running";

/// The longest time between two looks at the database.
const LOOK: Duration = Duration::from_secs(5);

/// The longest time between two looks at the wall clock, which may be set.
const GLANCE: Duration = Duration::from_secs(1);

/// Configurations that are read at once.
const BATCH: usize = 2_000;

/// Configurations that are decided on side by side; the store commits them together.
const SIDE_BY_SIDE: usize = 64;

/// Versions of configurations whose schedule cannot be read, so that each is told once.
type Unreadable = BTreeSet<(ConfigId, i64)>;

/// Queues a job for each instant of each schedule.
pub struct Scheduler {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    room: Arc<WaitingRoom>,
    holder: String,
    lease: Duration,
}

impl Scheduler {
    /// A scheduler that calls itself `holder` (give every process its own name) and queues into `room`.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        room: Arc<WaitingRoom>,
        holder: String,
    ) -> Self {
        Self { store, clock, room, holder, lease: LEADER_TTL }
    }

    /// With a leader's lease that lasts this long in place of [`LEADER_TTL`]; at least a second.
    #[must_use]
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(Duration::from_secs(1));
        self
    }

    /// Goes on until `stop`. A store that is away is asked again; instants of the time between are caught up as each
    /// schedule says.
    pub async fn run(&self, stop: CancellationToken) {
        let mut wakeup = self.store.wakeup(Topic::Schedules);
        let (store, clock) = (Arc::clone(&self.store), Arc::clone(&self.clock));
        let mut leader = leader::Leader::new(store, clock, self.holder.clone(), self.lease);
        let mut unreadable = BTreeSet::new();
        loop {
            let next = match self.turn(&mut leader, &mut unreadable).await {
                Ok(next) => next,
                Err(fault) => {
                    log::warn!("the scheduler looks again in a moment: {fault}");
                    Some(self.clock.now().after(GLANCE))
                }
            };
            // In order, so that a history replays.
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = self.wait(next, wakeup.as_mut()) => {}
            }
        }
        leader.step_down().await;
    }

    /// Until it is `until` on the wall clock, somebody changes a schedule, or it is time to look anyway.
    async fn wait(&self, until: Option<Timestamp>, wakeup: &mut dyn Wakeup) {
        let began = self.clock.monotonic();
        loop {
            let left = LOOK.saturating_sub(self.clock.monotonic().saturating_sub(began));
            let due = until.map_or(left, |until| until.since(self.clock.now()));
            let nap = left.min(due).min(GLANCE);
            if nap.is_zero() {
                return;
            }
            tokio::select! {
                biased;
                () = wakeup.woken() => return,
                () = self.clock.sleep(nap) => {}
            }
        }
    }

    /// Leads if it can, decides on everything that is due, and says when to look again.
    async fn turn(
        &self,
        leader: &mut leader::Leader,
        unreadable: &mut Unreadable,
    ) -> Result<Option<Timestamp>, Fault> {
        if !leader.lead().await? || !self.is_on().await? {
            return Ok(None);
        }
        self.arm(unreadable).await?;
        let due = self.due().await?;
        let fired: Vec<(ConfigId, i64, Result<Fired, Fault>)> = stream::iter(due)
            .filter(|which| std::future::ready(!unreadable.contains(which)))
            .map(|(id, version)| async move { (id, version, self.fire(id).await) })
            .buffer_unordered(SIDE_BY_SIDE)
            .collect()
            .await;
        let again = fired.iter().any(|(_, _, result)| matches!(result, Ok(Fired::Decided { .. })));
        let soonest = self.told(fired, unreadable);
        let next = self.store.view("next schedule", |tx| tx.next_schedule_at()).await?;
        // What stays due (spread, unreadable, waiting for room) must not make the loop spin.
        let now = self.clock.now();
        let next = next.filter(|next| again || *next > now);
        Ok(soonest.into_iter().chain(next).min())
    }

    /// Notes what came of each, and says when the first of those that stay due is to be looked at.
    fn told(
        &self,
        fired: Vec<(ConfigId, i64, Result<Fired, Fault>)>,
        unreadable: &mut Unreadable,
    ) -> Option<Timestamp> {
        let mut soonest: Option<Timestamp> = None;
        for (id, version, result) in fired {
            let again = match result {
                Ok(Fired::Decided { jobs }) => {
                    log::debug!(config_id = id.0, jobs = jobs; "schedule decided on");
                    None
                }
                Ok(Fired::NotYet(at)) => Some(at),
                Ok(Fired::NotDue) => None,
                Ok(Fired::Unreadable(why)) => {
                    complain(unreadable, (id, version), &why);
                    None
                }
                Err(fault) => {
                    log::warn!(config_id = id.0; "this schedule is looked at again soon: {fault}");
                    Some(self.clock.now().after(GLANCE))
                }
            };
            soonest = soonest.into_iter().chain(again).min();
        }
        soonest
    }

    async fn is_on(&self) -> Result<bool, Fault> {
        let settings = self.store.view("scheduler settings", |tx| tx.settings()).await?;
        Ok(settings.get(RUNNING_SETTING).is_none_or(|text| text.trim() != "false"))
    }

    /// Gives schedules that have none their next instant.
    async fn arm(&self, unreadable: &mut Unreadable) -> Result<(), Fault> {
        let now = self.clock.now();
        let waiting =
            self.store.view("unarmed schedules", |tx| tx.unarmed_schedules(BATCH)).await?;
        for config in waiting {
            let next = match fire::schedule_of(&config) {
                Ok(schedule) => schedule.next_after(now),
                Err(error) => {
                    complain(unreadable, (config.id, config.version), &error.to_string());
                    continue;
                }
            };
            let id = config.id;
            if next.is_some() {
                self.store
                    .tx("arm a schedule", move |tx| tx.advance_schedule(id, None, next))
                    .await?;
            }
        }
        Ok(())
    }

    async fn due(&self) -> Result<Vec<(ConfigId, i64)>, Fault> {
        let now = self.clock.now();
        let due = self.store.view("due schedules", move |tx| tx.due_schedules(now, BATCH)).await?;
        Ok(due.into_iter().map(|config| (config.id, config.version)).collect())
    }

    async fn fire(&self, id: ConfigId) -> Result<Fired, Fault> {
        let (now, room) = (self.clock.now(), Arc::clone(&self.room));
        let fired =
            self.store.tx("decide on a schedule", move |tx| fire::fire(tx, &room, id, now)).await;
        match fired {
            Err(Fault::Conflict(why)) => {
                log::warn!(config_id = id.0; "an instant is passed over: {why}");
                self.store.tx("pass over instants", move |tx| fire::pass_over(tx, id, now)).await?;
                Ok(Fired::NotDue)
            }
            other => other,
        }
    }
}

/// Says once for each version of a configuration that its schedule cannot be read.
fn complain(unreadable: &mut Unreadable, which: (ConfigId, i64), why: &str) {
    if unreadable.insert(which) {
        log::error!(config_id = which.0.0; "this schedule is not run, the others are: {why}");
    }
}
