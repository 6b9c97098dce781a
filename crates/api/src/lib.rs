//! The HTTP API: requests in, use cases called, replies out.
//!
//! - `door` decides who comes in, `tries` and `connections` how much of anybody; `body` (with `strict`), `params` and `path` read what came, all faults at once.
//! - `docs` says what bodies may hold, for the OpenAPI document.
//! - `routes` holds the handlers, one file a subject; `view` says how domain values look on the wire.
//! - `status` is the one file that knows HTTP status codes; `error` is the one form of every failure, `reply` of every
//!   success; `layer` wraps both with a request id and safe headers.
//! - `pages` is what links in mails lead to: frames that a browser fills by asking the API.
//! - [`openapi`] is the document made from the handlers; it is served at `/api/openapi.json`, people read it at
//!   `/api/docs`.
//!
//! # Invariants
//! - No input leads to a 5xx: what cannot be read is a 4xx that names the field.
//! - Nothing secret is in a reply; `view` has no field for it.
//!
//! # What is deliberately absent
//! Decisions: they are made in `syncline-app`, so that the command line makes the same ones.
//!
//! ```
//! let document = syncline_api::openapi();
//! assert!(document.paths.paths.contains_key("/api/connectors"));
//! ```

mod body;
mod call;
mod connections;
mod docs;
mod door;
mod error;
mod events;
mod idempotency;
mod layer;
mod openapi;
mod pages;
mod params;
mod path;
mod reply;
mod request_id;
mod routes;
mod server;
mod status;
mod strict;
mod tries;
mod view;

pub use events::EventHub;
pub use server::{ApiState, ServerOptions, openapi, serve};
