//! The server as its clients see it: the real one, on a port of its own, over a store and trackers in memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::type_complexity,
    reason = "tests"
)]

mod access;
mod automation;
mod bad_bodies;
mod bad_places;
mod browser;
mod conflicts;
mod documented;
mod drift;
mod explain;
mod headers;
mod idempotency;
mod openapi_file;
mod pages;
mod plans;
mod progress;
mod receiver;
mod samples;
mod schemathesis;
mod secrets;
mod support;
mod using;
