//! Who schedules: one process at a time, for economy. Correctness rests on the unique (configuration, instant).

use std::sync::Arc;
use std::time::Duration;

use syncline_domain::Fault;
use syncline_domain::ports::{Clock, Lease, Store, StoreExt as _};

/// The lease's name in the store.
pub const LEADER_LEASE: &str = "scheduler";

/// How long a leader that says nothing stays leader, when nobody says another time.
pub const LEADER_TTL: Duration = Duration::from_secs(15);

/// How often a leader says that it is there while its lease lasts.
const BEATS: u32 = 3;

/// This process's claim to be the leader.
pub(super) struct Leader {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    holder: String,
    ttl: Duration,
    lease: Option<(Lease, Duration)>,
}

impl Leader {
    pub(super) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        holder: String,
        ttl: Duration,
    ) -> Self {
        Self { store, clock, holder, ttl, lease: None }
    }

    /// Takes or renews the lease as needed; true while this process leads.
    pub(super) async fn lead(&mut self) -> Result<bool, Fault> {
        let (now, mono, ttl) = (self.clock.now(), self.clock.monotonic(), self.ttl);
        if let Some((lease, beat)) = self.lease.clone() {
            if mono.saturating_sub(beat) < ttl / BEATS {
                return Ok(true);
            }
            let mine = lease.clone();
            let held = self
                .store
                .tx("renew the scheduler's lease", move |tx| tx.renew_lease(&mine, now, ttl))
                .await?;
            if held {
                self.lease = Some((lease, mono));
                return Ok(true);
            }
            self.lease = None;
            log::warn!("another process schedules now");
        }
        let holder = self.holder.clone();
        let taken = self
            .store
            .tx("take the scheduler's lease", move |tx| take(tx, &holder, now, ttl))
            .await?;
        if taken.is_some() {
            log::info!(holder = self.holder.as_str(); "this process schedules");
        }
        self.lease = taken.map(|lease| (lease, mono));
        Ok(self.lease.is_some())
    }

    /// Gives the lease back, so that another process need not wait for its end.
    pub(super) async fn step_down(&mut self) {
        let Some((lease, _)) = self.lease.take() else { return };
        let gone = self
            .store
            .tx("release the scheduler's lease", move |tx| tx.release_lease(&lease))
            .await;
        if let Err(fault) = gone {
            log::warn!("the scheduler's lease is not given back and ends by itself: {fault}");
        }
    }
}

/// A lease of this very process, left from before, is as good as free.
fn take(
    tx: &mut dyn syncline_domain::ports::Tx,
    holder: &str,
    now: syncline_domain::Timestamp,
    ttl: Duration,
) -> Result<Option<Lease>, Fault> {
    if let Some(old) = tx.lease(LEADER_LEASE)?
        && old.holder == holder
    {
        tx.release_lease(&old)?;
    }
    tx.acquire_lease(LEADER_LEASE, holder, now, ttl)
}
