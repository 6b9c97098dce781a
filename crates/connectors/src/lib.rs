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
//!
//! ```
//! use std::sync::Arc;
//! use syncline_connectors::Connectors;
//! use syncline_domain::ports::{Clock, ConnectorError, ConnectorFactory as _};
//! use syncline_domain::{ConnectorSettings, Credentials, Item};
//! use syncline_outbound::Outbound;
//!
//! /// The newest items of whatever tracker the settings name.
//! async fn newest(
//!     outbound: Outbound,
//!     clock: Arc<dyn Clock>,
//!     settings: &ConnectorSettings,
//!     credentials: &Credentials,
//! ) -> Result<Vec<Item>, ConnectorError> {
//!     let tracker = Connectors::new(outbound, clock).open(settings, credentials)?;
//!     tracker.search(None, None, 10).await
//! }
//! ```

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
