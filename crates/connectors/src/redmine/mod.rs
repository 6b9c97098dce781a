//! Redmine by its REST API: core 4.1 and newer, JSON, no plug-in needed.
//!
//! | file | what |
//! |---|---|
//! | `config` | settings, addresses |
//! | `wire` | what goes over the wire |
//! | `requests`, `errors` | the calls, and what each answer is checked for |
//! | `lists`, `people` | names and ids; accounts: both read when needed and kept for a while |
//! | `fields`, `values`, `convert` | which fields there are; values and issues from and to the wire |
//! | `filter`, `cursor`, `walk`, `saved` | incremental reading, saved queries |
//! | `lookup` | finding single issues |
//! | `plan`, `apply` | writing, with the look back that Redmine makes necessary |
//! | `schema` | trackers, fields, statuses |
//! | `comments`, `relations` | journals with notes; links and files |
//! | `rights`, `check` | what the account may do; trying the connection |
//! | `events` | what webhooks say |
//! | `connector`, `factory` | the port; making a connector |
//!
//! # What is peculiar to Redmine
//! - A list holds open issues only unless `status_id=*` is said; at most 100 a page, whatever is asked for.
//! - 204 says that a change was accepted, not that it was made: what workflow or permissions forbid is dropped without a
//!   word. So every update is read back, a hundred issues a call.
//! - Change times have whole seconds on the wire and finer ones in the database. `>= t` lets the second before `t` in.
//! - A key that is not known is nobody's, and nobody gets 200 and what everybody may see, unless `login_required` is on.
//!   So a walk that has something to tell asks once whose key it holds.
//! - A write of equal values still moves the change time: nothing is sent unless something differs.

mod apply;
mod check;
mod comments;
mod config;
mod connector;
mod convert;
mod cursor;
mod errors;
mod events;
mod factory;
mod fields;
mod filter;
mod history;
mod images;
mod lists;
mod lookup;
mod people;
mod plan;
mod relations;
mod requests;
mod rights;
mod saved;
mod schema;
mod values;
mod walk;
mod wire;

pub(crate) use events::Events;
pub(crate) use factory::{NAME, check_filter, check_settings, info, open};
