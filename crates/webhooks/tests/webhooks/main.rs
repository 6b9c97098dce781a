//! What becomes of requests to webhooks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests: a broken assumption is the failure"
)]

mod accept;
mod manage;
mod proofs;
mod support;
mod together;
