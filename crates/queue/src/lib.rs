//! The worker loop: claim due jobs, run their handlers, keep their leases alive, settle how they ended, and rescue what
//! dead workers left.
//!
//! The jobs are rows of the store ([`syncline_domain::ports::JobTx`]); this room is what moves them.
//!
//! ```text
//!            claim                     settle: done, failed, cancelled
//! queued ------------> running --------------------------------------> ended
//!    ^                    |
//!    |   retry, release   |   the lease ends, or its holder is dead
//!    +--------------------+------------------------ rescue
//! ```
//!
//! # The loop
//! One task owns everything. It is woken by commits ([`syncline_domain::ports::Topic::Jobs`]), by jobs that finish, by
//! the time of the next job, and, behind all of them, by a poll. Whatever finished meanwhile is settled in the
//! transaction that claims the next jobs; all leases are renewed in one. Handlers run as tasks of their own and learn
//! through their context that they should stop.
//!
//! # Invariants
//! - Never more jobs run than there are slots (`tests/queue/slots.rs`).
//! - A job runs once at a time over all workers of a store, and the one who lost it settles nothing
//!   (`tests/queue/takeover.rs`, `tests/queue/simulation.rs`).
//! - A job that was queued is queued, running or ended, whatever dies when (`tests/queue/simulation.rs`).
//! - Attempts never exceed the job's limit (`tests/queue/attempts.rs`, `tests/queue/simulation.rs`).
//! - How a job ended is not forgotten while the store is away (`tests/queue/store_away.rs`).
//!
//! # What is deliberately absent
//! What jobs do: a kind is bound to its [`syncline_domain::ports::JobHandler`] by the program. Jobs held in memory
//! beside those that run: a claim is for a free slot. Order: the store says which job is next. SQL, and the machine's
//! clock.
//!
//! ```
//! use std::sync::Arc;
//! use syncline_domain::ports::{BoxFuture, Clock, JobContext, JobHandler, Rng, Store};
//! use syncline_domain::{Job, JobOutcome};
//! use syncline_queue::{Handlers, Queue, QueueConfig, QueueError, QueueParts, QueueTimes, StopSignal};
//!
//! struct Greet;
//!
//! impl JobHandler for Greet {
//!     fn run<'a>(&'a self, job: &'a Job, _: &'a dyn JobContext) -> BoxFuture<'a, JobOutcome> {
//!         Box::pin(async move { JobOutcome::Completed { result: Some(job.payload.clone()) } })
//!     }
//! }
//!
//! async fn work(
//!     store: Arc<dyn Store>,
//!     clock: Arc<dyn Clock>,
//!     rng: Arc<dyn Rng>,
//!     stop: StopSignal,
//! ) -> Result<(), QueueError> {
//!     let config = QueueConfig::new("host/42/5f3a", 3, QueueTimes::default())?;
//!     let handlers: Handlers = [("greet".to_owned(), Arc::new(Greet) as Arc<dyn JobHandler>)].into();
//!     let parts = QueueParts::new(store, clock, rng, handlers);
//!     let ending = Queue::new(parts, config).run(stop).await;
//!     assert_eq!(ending.unsettled, 0);
//!     Ok(())
//! }
//! ```

mod attempt;
mod beat;
mod config;
mod context;
mod end;
mod queue;
mod rescue;
mod retry;
mod stop;
mod timers;
mod turn;
mod upkeep;
mod worker;

pub use config::{MOST_SLOTS, QueueConfig, QueueError, QueueTimes, Slots};
pub use end::Ending;
pub use queue::{Handlers, IsDead, LeftBehind, Queue, QueueParts};
pub use retry::Backoff;
pub use stop::StopSignal;
pub use upkeep::{Chore, Upkeep};
