//! Schedules and their times.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests: a broken assumption is the failure"
)]

mod cron;
mod differential;
mod runner;
mod support;
