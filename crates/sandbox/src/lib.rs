//! Sandbox trackers: Azure DevOps and ServiceDesk Plus as servers in this process, with the real
//! wire formats, so that a sync can be tried, tested and measured without an account.
//!
//! A sandbox holds seeded, lifelike tickets in memory. Beside the tracker's own API it serves
//! control routes under `/_sandbox` and a plain page for each ticket at the address that the API
//! gives for people. [`RunningSandbox`] offers the same controls as calls.
//!
//! | control route | does |
//! |---|---|
//! | `GET info` | base address, endpoint and credentials for a connector |
//! | `GET effects?since=&all=` | the effect log: each create, update, comment, attachment, delete |
//! | `POST faults`, `GET faults`, `DELETE faults` | scripted faults: see [`FaultRule`] |
//! | `POST edit` | edits or creates a ticket as a person: see [`Edit`] |
//! | `POST clock` | `{"now"}` or `{"advance_ms"}`; sandbox time runs on from there |
//! | `POST dials` | `{"latency_ms", "search_lag_ms"}` |
//! | `POST forbid` | `{"item_id", "forbidden"}`: takes the API account's permission away |
//! | `GET requests`, `DELETE requests` | requests counted by method and route |
//! | `GET items`, `GET items/ID`, `DELETE items/ID?destroy=` | the tickets, without the API |
//! | `POST reset` | back to the seeded data |
//!
//! Invariants:
//! - Invariant: an effect is logged if and only if an API caller's write was accepted, whether or
//!   not its answer arrived (`a_lost_answer_is_still_an_effect`).
//! - Invariant: equal seeds and equal start times give equal tickets (`seeds_are_stable`).
//! - Invariant: an Azure DevOps item's revisions have rising times (`revisions_rise`).
//!
//! Deliberately absent: persistence, TLS, service hooks, link queries, boards, and any strictness
//! that no source confirms, unless an option asks for it. Memory grows with the effect log.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use syncline_domain::ports::{BoxFuture, Clock};
//! use syncline_domain::Timestamp;
//! use syncline_sandbox::{AzureDevOps, SandboxOptions};
//!
//! struct Fixed;
//! impl Clock for Fixed {
//!     fn now(&self) -> Timestamp { Timestamp::from_secs(1_790_000_000) }
//!     fn monotonic(&self) -> Duration { Duration::ZERO }
//!     fn sleep_until(&self, _: Duration) -> BoxFuture<'static, ()> { Box::pin(async {}) }
//! }
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let sandbox = AzureDevOps::start(SandboxOptions::new(Arc::new(Fixed)).items(5)).await.unwrap();
//! assert_eq!(sandbox.items().len(), 5);
//! println!("{} project {}", sandbox.base_url(), sandbox.endpoint());
//! sandbox.stop().await;
//! # });
//! ```

mod azure;
mod servicedesk;
mod shared;

pub use azure::{AzureDevOps, AzureDevOpsOptions, TagsAdd};
pub use servicedesk::{Flavour, ServiceDeskOptions, ServiceDeskPlus};
pub use shared::counter::RequestCounts;
pub use shared::effects::{Effect, EffectOp, EffectSource};
pub use shared::faults::{FaultKind, FaultRule};
pub use shared::options::SandboxOptions;
pub use shared::running::{RunningSandbox, SandboxError};
pub use shared::tracker::{Edit, Edited, ItemId, ItemSummary, SandboxInfo};
