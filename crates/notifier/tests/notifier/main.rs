//! Messages on their way out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests: a broken assumption is the failure"
)]

mod hooks;
mod mail;
mod outbox;
mod support;
