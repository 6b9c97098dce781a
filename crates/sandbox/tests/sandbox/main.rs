//! The sandbox trackers as their clients see them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests: a broken assumption is the failure"
)]

mod azure_items;
mod azure_more;
mod azure_python;
mod azure_spec;
mod azure_wiql;
mod faults;
mod servicedesk;
mod support;
