//! Rules, and the values that they make.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests: a broken assumption is the failure"
)]

mod common;
mod formats;
mod plans;
mod properties;
mod round_trips;
mod suggestions;
mod transformations;
