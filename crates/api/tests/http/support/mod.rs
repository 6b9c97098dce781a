//! A house to test in: server, store, trackers, a client, and the contract every reply is held against.

pub(crate) mod automation;
mod client;
mod contract;
mod logs;
mod rig;
mod routes;

pub(crate) use automation::{JOB, parts as automation_parts};
pub(crate) use client::{Seen, exchange};
pub(crate) use contract::Contract;
pub(crate) use logs::captured as captured_logs;
pub(crate) use rig::{House, REVOKED, config_body, connector_body};
pub(crate) use routes::{Route, fill, routes};
