//! Azure DevOps (Azure Boards), Services and Server, by the Work Item Tracking REST API 7.1.
//!
//! | file | what |
//! |---|---|
//! | `config` | settings, addresses |
//! | `wire` | what goes over the wire |
//! | `requests` | the calls, and what each answer is checked for |
//! | `errors` | from answers to kinds of failure |
//! | `lexer`, `filter` | users' WIQL and the portable filter as conditions |
//! | `cursor`, `walk`, `reading` | incremental reading |
//! | `convert`, `patch` | values from and to the wire |
//! | `apply` | writing, in batches |
//! | `schema` | types, fields, states |
//! | `discussion`, `relations` | comments; links and files |
//! | `lookup`, `check` | finding single items; trying the connection |
//! | `events` | what service hooks say |
//! | `connector`, `factory` | the port; making a connector |

mod apply;
mod check;
mod config;
mod connector;
mod convert;
mod cursor;
mod discussion;
mod errors;
mod events;
mod factory;
mod filter;
mod history;
mod images;
mod lexer;
mod lookup;
mod patch;
mod reading;
mod relations;
mod requests;
mod schema;
mod walk;
mod wire;

pub(crate) use events::Events;
pub(crate) use factory::open;
pub(crate) use factory::{NAME, check_filter, check_settings, info};
