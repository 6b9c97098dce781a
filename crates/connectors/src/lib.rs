//! Trackers behind one port: each kind in a folder of its own, all made by [`Connectors`].
//!
//! A kind is always the same few files: configuration, wire types, requests, filters, conversion, the walk through what
//! changed, writing, the connector itself. Only its folder knows its wire format.
//!
//! # Invariants
//! - Reads are repeated where that is safe; a write only when it is certain that nothing happened.
//! - A tracker's status code is never believed alone: pages that are no JSON, failures inside a 200 and fields that were
//!   dropped without a word all end as errors of the right kind.
//! - All connectors of one credential share one limiter.
//!
//! What trackers tell by webhook is read by [`Readers`], for kinds whose connector is still to come as well.
//!
//! # What is deliberately absent
//! Mapping between trackers, and any memory of what was synced: both live further in.

mod azuredevops;
mod github;
mod gitlab;
mod jira;
mod oauth;
mod readers;
mod redmine;
mod registry;
mod servicedeskplus;
mod shared;

pub use readers::Readers;
pub use registry::Connectors;
