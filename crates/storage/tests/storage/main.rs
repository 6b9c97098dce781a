//! The store on both databases.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests: a broken assumption is the failure"
)]

mod automation;
mod catalog;
mod contract;
mod last_handle;
mod postgresql;
mod sqlite;
