//! The engine over trackers in memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests: a broken assumption is the failure"
)]

mod census;
mod comments;
mod common;
mod conflicts;
mod crash;
mod deletes;
mod deletion_conflicts;
mod existing;
mod faults;
mod for_jobs;
mod hanging;
mod history;
mod images;
mod lost;
mod one_way;
mod orphans;
mod pages;
mod paused;
mod plans;
mod runs;
mod topology;
mod two_way;
mod two_way_laws;
