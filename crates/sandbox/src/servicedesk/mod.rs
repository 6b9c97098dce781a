//! A sandbox ServiceDesk Plus, API v3, as the cloud product or on premises.
//!
//! Requests go through [`routes`]; a write is checked by [`values`] and saved by [`saving`]. Both
//! flavours share everything but credentials, ids, the wrapper of notes and the path prefix.

mod access;
mod answers;
mod criteria;
#[cfg(test)]
mod criteria_tests;
mod fields;
mod input;
mod listing;
mod lookups;
mod model;
mod options;
mod page;
mod present;
mod routes;
mod saving;
mod schema;
mod seed;
mod site;
mod tracker;
mod values;

pub use options::{Flavour, ServiceDeskOptions};
pub use tracker::ServiceDeskPlus;
