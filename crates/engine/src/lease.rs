//! A run's right to its configuration: kept alive while the run goes on, and asked for before each lasting step.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use syncline_domain::ports::{Clock, Lease, Store, StoreExt as _};
use syncline_domain::{ConfigId, Fault};

use crate::error::Stop;

/// How often a lease is renewed while it lasts.
const BEATS: u32 = 3;

/// The lease's name in the store.
pub(crate) fn lease_name(config: ConfigId) -> String {
    format!("run/{config}")
}

/// Keeps a lease alive.
pub(crate) struct Keeper {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    lease: Lease,
    ttl: Duration,
    valid_until: AtomicI64,
    lost: AtomicBool,
}

impl Keeper {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        lease: Lease,
        ttl: Duration,
    ) -> Self {
        let valid_until = AtomicI64::new(lease.expires_at.micros());
        Self { store, clock, lease, ttl, valid_until, lost: AtomicBool::new(false) }
    }

    pub(crate) const fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Renews the lease for ever.
    pub(crate) async fn beat(&self) -> Infallible {
        loop {
            self.clock.sleep(self.ttl / BEATS).await;
            // A store that is away for a moment costs nothing as long as the lease lasts.
            if let Err(fault) = self.renew().await {
                log::warn!(lease = self.lease.name.as_str(); "lease not renewed: {fault}");
            }
        }
    }

    /// Passes while the lease is ours. One that is over by our clock (the process was asleep) is renewed first.
    ///
    /// # Errors
    /// [`Stop::LeaseLost`] when somebody else took it, [`Stop::Store`] when nobody can tell.
    pub(crate) async fn ensure(&self) -> Result<(), Stop> {
        if !self.is_lost() && self.clock.now().micros() >= self.valid_until.load(Ordering::Acquire)
        {
            self.renew().await?;
        }
        if self.is_lost() { Err(Stop::LeaseLost) } else { Ok(()) }
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    pub(crate) fn mark_lost(&self) {
        self.lost.store(true, Ordering::Release);
    }

    async fn renew(&self) -> Result<(), Fault> {
        let now = self.clock.now();
        let (lease, ttl) = (self.lease.clone(), self.ttl);
        let held = self.store.tx("renew_lease", move |tx| tx.renew_lease(&lease, now, ttl)).await?;
        if held {
            self.valid_until.store(now.after(ttl).micros(), Ordering::Release);
        } else {
            self.mark_lost();
        }
        Ok(())
    }
}
