//! The queue in figures, and whether anybody works at it.

use std::time::Duration;

use syncline_domain::ports::StoreExt as _;
use syncline_domain::{Fault, QueueCounts};

use crate::{App, AppError, Caller};

/// The lease by which a process says that it works at jobs.
const WORKER_LEASE: &str = "worker";
/// How long a worker that says nothing counts as alive.
const WORKER_TTL: Duration = Duration::from_secs(45);

/// The queue in figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueFigures {
    /// Somebody works at jobs, or would if there were any.
    pub is_processing: bool,
    /// How many jobs stand where.
    pub counts: QueueCounts,
    /// How many jobs a worker runs at once.
    pub max_concurrent: usize,
    /// How many jobs may wait.
    pub max_waiting: u64,
    /// For how long the first due job has been waiting; `None` when none is due.
    pub oldest_wait: Option<Duration>,
}

impl App {
    /// The queue in figures, of the configurations in the caller's sight.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn queue_figures(&self, caller: &Caller) -> Result<QueueFigures, AppError> {
        let (scope, now) = (caller.scope.clone(), self.now());
        let (counts, alive) = self
            .store()
            .view("queue figures", move |tx| {
                let worker = tx.lease(WORKER_LEASE)?;
                let alive = worker.is_some_and(|lease| lease.expires_at > now);
                Ok((tx.queue_counts(scope.as_deref())?, alive))
            })
            .await?;
        Ok(QueueFigures {
            is_processing: alive || counts.running > 0,
            counts,
            max_concurrent: self.max_concurrent_syncs().await?,
            max_waiting: self.automation().room.limit(),
            oldest_wait: counts.oldest_due_at.filter(|at| *at <= now).map(|at| now.since(at)),
        })
    }

    /// Says that a worker of this name is alive; to be said again every ten seconds or so.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn worker_is_alive(&self, holder: &str) -> Result<(), Fault> {
        let (holder, now) = (holder.to_owned(), self.now());
        self.store()
            .tx("worker alive", move |tx| {
                match tx.lease(WORKER_LEASE)?.filter(|lease| lease.holder == holder) {
                    Some(lease) if tx.renew_lease(&lease, now, WORKER_TTL)? => Ok(()),
                    // Another worker speaks for all: one is enough.
                    _ => tx.acquire_lease(WORKER_LEASE, &holder, now, WORKER_TTL).map(drop),
                }
            })
            .await
    }

    /// Says that the worker of this name works no more.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn worker_is_gone(&self, holder: &str) -> Result<(), Fault> {
        let holder = holder.to_owned();
        self.store()
            .tx("worker gone", move |tx| {
                match tx.lease(WORKER_LEASE)?.filter(|lease| lease.holder == holder) {
                    Some(lease) => tx.release_lease(&lease),
                    None => Ok(()),
                }
            })
            .await
    }
}
