//! The queue over stores in memory and on disk.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests: a broken assumption is the failure"
)]

mod attempts;
mod common;
mod drain;
mod room;
mod simulation;
mod slots;
mod store_away;
mod takeover;
mod upkeep;
