//! The connectors against sandboxes, scripted servers and real ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests: a broken assumption is the failure"
)]

mod addresses;
mod azuredevops_sandbox;
mod events;
mod redmine_real;
mod redmine_scripted;
mod scripted;
mod servicedesk_sandbox;
mod support;
