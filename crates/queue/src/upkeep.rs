//! Deleting what is old, in small batches, so that nobody waits for it.

use std::sync::Arc;
use std::time::Duration;

use syncline_domain::ports::{Clock, Store, StoreExt as _, Tx};
use syncline_domain::{Fault, Timestamp};

use crate::stop::StopSignal;

type Prune = Arc<dyn Fn(&mut dyn Tx, Timestamp, usize) -> Result<u64, Fault> + Send + Sync>;

/// Something that grows and is cut back.
#[derive(Clone)]
pub struct Chore {
    name: &'static str,
    prune: Prune,
}

impl Chore {
    /// `prune` deletes at most as many old rows as it is told, as of the instant it is given, and says how many it
    /// deleted. It reads its settings in the same transaction, so that a change is in force at once.
    #[must_use]
    pub fn new(
        name: &'static str,
        prune: impl Fn(&mut dyn Tx, Timestamp, usize) -> Result<u64, Fault> + Send + Sync + 'static,
    ) -> Self {
        Self { name, prune: Arc::new(prune) }
    }
}

impl std::fmt::Debug for Chore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chore").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Does chores at start and then once a while.
#[derive(Clone)]
pub struct Upkeep {
    /// Holds what grows.
    pub store: Arc<dyn Store>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// What is to be cut back.
    pub chores: Vec<Chore>,
}

impl Upkeep {
    /// How many rows one transaction deletes at most.
    pub const BATCH: usize = 500;
    /// How long writers have the store to themselves between two batches.
    pub const PAUSE: Duration = Duration::from_millis(50);
    /// How long after a round the next one begins.
    pub const EVERY: Duration = Duration::from_secs(3_600);

    /// Goes on until a stop is asked for. A chore that fails is done again in the next round.
    pub async fn run(&self, stop: StopSignal) {
        loop {
            tokio::select! {
                () = stop.draining() => return,
                _ = self.round() => {}
            }
            tokio::select! {
                () = stop.draining() => return,
                () = self.clock.sleep(Self::EVERY) => {}
            }
        }
    }

    /// Does every chore once; answers how many rows are gone.
    pub async fn round(&self) -> u64 {
        let mut gone = 0_u64;
        for chore in &self.chores {
            match self.cut_back(chore).await {
                Ok(0) => {}
                Ok(rows) => {
                    log::info!(rows = rows; "deleted old {}", chore.name);
                    gone = gone.saturating_add(rows);
                }
                Err(fault) => log::error!("old {} were not deleted: {fault}", chore.name),
            }
        }
        gone
    }

    async fn cut_back(&self, chore: &Chore) -> Result<u64, Fault> {
        let mut all = 0_u64;
        loop {
            let (now, prune) = (self.clock.now(), Arc::clone(&chore.prune));
            let gone = self.store.tx("prune", move |tx| prune(tx, now, Self::BATCH)).await?;
            all = all.saturating_add(gone);
            if gone < u64::try_from(Self::BATCH).unwrap_or(u64::MAX) {
                return Ok(all);
            }
            self.clock.sleep(Self::PAUSE).await;
        }
    }
}

impl std::fmt::Debug for Upkeep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upkeep").field("chores", &self.chores).finish_non_exhaustive()
    }
}
