//! One sync run as explicit steps over two connectors and a store.
//!
//! # The way of a run
//! 1. `start`: the run's row and the configuration's lease, in one transaction.
//! 2. `recover`: writes whose outcome nobody recorded are looked for and adopted; what cannot be said waits.
//! 3. `walk`: what changed since the cursor, what was asked for by name, what is due for another try; page by page.
//! 4. `page`: what the store knows of the items is read in one transaction (`known`); `plan`, `stance` and `merge`
//!    say, without any input or output, what is to become of each item and field; `existing` finds copies that people
//!    made before; `people` finds accounts.
//! 5. `write`: intents are committed, then sent, then `record` commits pairs, bases and receipts.
//! 6. `commit`: outcomes, retries, cursor and counts of the page, in one transaction.
//! 7. `deletes`: what was not found is asked for a second time, and the policy follows what is surely deleted.
//! 8. `drive`: the run's end, and the lease is given back.
//!
//! What hangs on an item is carried once the item is in step (`hanging`); both trackers are seen through `images`, so
//! that an image inside of a text has one name on both sides.
//!
//! A preview drafts what a run would write (`reviewed`); a run that applies such a plan goes the same way with the plan's
//! items alone, and performs what is stored or refuses.
//! Beside runs: `resolve` carries a decision out, `explain` tells from `history` why a
//! value is where it is, `replay` makes a run's values once more, and `census` compares both sides.
//!
//! # Invariants
//! - A source item has at most one copy per configuration, wherever the process dies (`tests/engine/crash.rs`) and whatever
//!   answers get lost (`tests/engine/faults.rs`).
//! - Once people stop editing, nothing is written (`tests/engine/one_way.rs`, `tests/engine/two_way.rs`).
//! - An item gets no copy on a connector that its family of copies has visited (`tests/engine/topology.rs`).
//! - Whoever lost the lease records nothing (`tests/engine/runs.rs`).
//! - An item leaves a run in one state, and the states add up (`tests/engine/faults.rs`).
//! - A page costs the same number of transactions however many items it has (`tests/engine/runs.rs`).
//! - Nothing is cleared on the writing side that was never agreed on.
//! - What was settled about a field is in its pair's history, in the transaction that settled it; an unchanged item
//!   leaves nothing there (`tests/engine/history.rs`).
//! - A census finds every drift by its cause and writes nothing (`tests/engine/census.rs`).
//!
//! # Bases
//! For each pair and field the store keeps what each side showed when both were in step. Trackers rewrite what they
//! are given; where the shown value differs from the one that was sent, the sent one is kept beside it (under
//! `@sent/` and the field's reference). A field is news when the rules make something else of it than was sent last,
//! so that neither the tracker's rewriting nor a rule that loses something makes two sides bounce.
//!
//! # What is deliberately absent
//! Queues, schedules, webhooks, credentials and SQL. The machine's clock is read in `system` only.
//!
//! ```
//! use std::sync::Arc;
//! use syncline_domain::ports::{Connector, NoEvents, NoFaultPoints, NothingFollows, Store};
//! use syncline_domain::{ConfigId, Execution};
//! use syncline_engine::{
//!     Engine, EngineParts, RunRequest, StartError, SystemClock, SystemIds,
//! };
//!
//! async fn sync_once(
//!     store: Arc<dyn Store>,
//!     config: ConfigId,
//!     source: Arc<dyn Connector>,
//!     target: Arc<dyn Connector>,
//! ) -> Result<Execution, StartError> {
//!     let engine = Engine::new(EngineParts {
//!         store,
//!         clock: Arc::new(SystemClock::new()),
//!         ids: Arc::new(SystemIds::new()),
//!         events: Arc::new(NoEvents),
//!         faults: Arc::new(NoFaultPoints),
//!         ending: Arc::new(NothingFollows),
//!         holder: "nightly job".to_owned(),
//!     });
//!     engine.close_orphans().await?;
//!     let run = engine.start(RunRequest::of(config)).await?;
//!     Ok(engine.drive(run, source, target).await)
//! }
//! ```

mod adopt;
mod agree;
mod breaker;
mod census;
mod choose;
mod clash;
mod comments;
mod commit;
mod course;
mod deletes;
mod drive;
mod engine;
mod error;
mod existing;
mod explain;
mod hanging;
mod history;
mod images;
mod known;
mod lease;
mod limits;
mod merge;
mod orphans;
mod outcome;
mod page;
mod pairs;
mod pass;
mod people;
mod perform;
mod plan;
mod points;
mod preview;
mod record;
mod recover;
mod replay;
mod resolve;
mod retry;
mod reviewed;
pub mod spec;
mod stance;
mod start;
mod system;
mod turn;
mod twins;
mod walk;
mod write;

/// Named points at which a test may make a run die; [`fault_points::ALL`] lists them.
pub mod fault_points {
    pub use crate::points::*;
}

pub use census::{Census, CensusDrift, DriftCause};
pub use engine::{Engine, EngineParts, RunEnd, RunReport};
pub use error::{PairError, PreviewError, StartError};
pub use explain::{
    ExplainStep, Explained, FieldExplained, PairHistory, RunSeen, StepKind, value_in_words,
};
pub use pairs::OnNextRun;
pub use preview::{Drafted, Preview, PreviewAction, PreviewItem, PreviewRequest, PreviewSummary};
pub use replay::{
    FieldReplay, ItemReplay, Made, RecordedWrite, Replay, ReplayRequest, ReplayVerdict,
    recorded_write,
};
pub use resolve::{ResolveError, ResolveRequest, Resolved};
pub use start::{ApplyRequest, RETRIED_STATES, RunRequest, StartedRun};
pub use system::{SystemClock, SystemIds, SystemRng};
