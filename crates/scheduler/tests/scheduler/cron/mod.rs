//! Crontab expressions, seen from outside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod clock_changes;
mod describe;
mod facts;
mod invalid;
mod properties;
