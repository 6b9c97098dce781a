//! A sandbox Azure DevOps: work items with revisions, rules and WIQL.
//!
//! Requests go through [`routes`]; each route reads the [`store`] or saves a [`store::Draft`] that
//! [`change`] made of a patch document. Nothing outside [`present`] knows the JSON of a work item.

mod access;
mod change;
mod errors;
mod fields;
mod html;
mod item_view;
mod linking;
mod model;
mod options;
mod page;
mod patch;
mod present;
mod relations;
mod routes;
mod saving;
mod schema;
mod seed;
mod site;
mod store;
mod tracker;
mod values;
mod wiql;

pub use options::{AzureDevOpsOptions, TagsAdd};
pub use tracker::AzureDevOps;
