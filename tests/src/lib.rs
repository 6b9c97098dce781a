//! What the end-to-end tests share: the whole product in one process, between sandbox trackers.
//!
//! # What is here
//! - [`Stage`]: storage, vault, outbound client, connectors, engine and use cases, wired as the program wires them, on
//!   one clock with the sandboxes that it starts.
//! - [`TestClock`]: real time that a test may move ahead.
//! - [`edits`]: titles that tell which edit has arrived.
//! - [`judge`]: what must hold after a sync, judged by the trackers and their effect logs, never by the product alone.
//! - [`program`]: the built program as a process; [`server`]: that process as a server, to be killed and frozen.
//!
//! # Invariants
//! - Expectations are read from the sandboxes; the store is asked only about pairs.
//! - Nothing waits for a fixed time: tests move the clock, or wait for a sign.
//!
//! # What is deliberately absent
//! Tests: they are in `tests/`, one file for each promise.
//!
//! ```no_run
//! use serde_json::json;
//! use syncline_tests::{BUGS, Stage, judge};
//!
//! # async fn test() {
//! let stage = Stage::open();
//! let (from, to) = (stage.azure(20).await, stage.azure(0).await);
//! let config = stage.join(&from, &to, BUGS, json!({})).await;
//! stage.run_well(config).await;
//! judge::mirrors(&stage, config, &from, &to).await;
//! # }
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail the test"
)]

mod clock;
pub mod edits;
pub mod judge;
pub mod program;
pub mod server;
mod stage;

pub use clock::TestClock;
pub use stage::{BUGS, INCIDENTS, Stage, retitle};
