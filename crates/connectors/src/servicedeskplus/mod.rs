//! ManageEngine ServiceDesk Plus, on-premises and cloud, by API v3.
//!
//! | file | what |
//! |---|---|
//! | `config` | settings, flavour, addresses |
//! | `wire` | what goes over the wire |
//! | `requests` | the calls: sign-in, `input_data`, `list_info` |
//! | `errors` | from answers to kinds of failure |
//! | `filter` | users' search criteria and the portable filter as one list |
//! | `cursor`, `walk`, `reading` | incremental reading |
//! | `convert`, `values` | values from and to the wire |
//! | `apply` | writing, one request a call |
//! | `schema` | fields, lookups, statuses |
//! | `hanging` | notes, links, files |
//! | `lookup`, `check` | finding single requests; trying the connection |
//! | `people` | finding accounts |
//! | `events` | what webhooks say |
//! | `connector`, `factory` | the port; making a connector |

mod apply;
mod check;
mod config;
mod connector;
mod convert;
mod cursor;
mod errors;
mod events;
mod factory;
mod filter;
mod hanging;
mod images;
mod lookup;
mod people;
mod reading;
mod requests;
mod schema;
mod values;
mod walk;
mod wire;

pub(crate) use events::Events;
pub(crate) use factory::{NAME, check_filter, check_settings, info, open};
