//! The one outgoing HTTP client of Syncline.
//!
//! Every byte that leaves for a tracker or a notification channel goes through [`Outbound`]. It decides where a call
//! may go, how long it may take, how much may come back, when it is tried again, and what is written in the log.
//!
//! # How it is used
//! A process builds one [`Outbound`] per [`AddressPolicy`] (connectors, channels). A connector asks it for a
//! [`Client`] by the *name* of a credential; all clients of one name share one limiter, so that two runs over one
//! account slow down together. A [`Request`] is a value and can be sent again; an answer is a [`Response`] whatever its
//! status, because only the connector knows what a tracker means by it.
//!
//! ```
//! use std::sync::Arc;
//! use syncline_domain::ports::{Clock, ErrorKind, Rng};
//! use syncline_outbound::{AddressPolicy, Limits, Outbound, OutboundConfig, Request};
//!
//! async fn first_issue(clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Result<serde_json::Value, ErrorKind> {
//!     let policy = AddressPolicy::connectors(true);
//!     let outbound = Outbound::new(OutboundConfig::new(policy), clock, rng).map_err(|_| ErrorKind::Invalid)?;
//!     let client = outbound.credential("connector 7", Limits::default());
//!     let url = "https://redmine.example/issues.json".parse().map_err(|_| ErrorKind::Invalid)?;
//!     let request = Request::get(url).query("limit", "1").secret_header("X-Redmine-API-Key", "...");
//!     let answer = client.send(request).await.map_err(|e| e.into_connector_error(false).kind)?;
//!     if !answer.is_success() {
//!         return Err(answer.status_error(false).kind);
//!     }
//!     answer.json().map_err(|e| e.into_connector_error(false).kind)
//! }
//! ```
//!
//! # Invariants
//! - Invariant: a connection is only opened to an address that the policy has allowed; names are resolved once, by
//!   [`AddressPolicy`]'s own resolver, and the checked address is the one connected to. Link-local and cloud metadata
//!   addresses are never reached, whatever is configured. (Through a configured proxy the proxy resolves the name;
//!   literal addresses are still checked here.)
//! - Invariant: a redirect is never followed; it is an answer like any other, so no credential travels to a place that
//!   nobody entered.
//! - Invariant: a write is repeated only when it cannot have happened: the connection was never made, or the server
//!   refused it with 429 (or 503, where the tracker documents that and the request says so).
//! - Invariant: nothing is sent on a credential that its tracker has asked to pause, whichever run asked.
//! - Invariant: neither logs nor errors hold header values, bodies, query values or user info.
//!
//! # What is deliberately absent
//! Cookies, redirects, retries of anything ambiguous, and the meaning of a status code beyond
//! [`Response::status_error`], which is only the usual reading.

mod address;
mod attempt;
mod body;
mod breaker;
mod client;
mod config;
mod depth;
mod diagnose;
mod error;
mod hints;
mod jitter;
mod limiter;
mod payload;
mod policy;
mod pool;
mod redact;
mod request;
mod resolve;
mod response;
mod target;
mod timeout;

pub use address::AddressClass;
pub use client::{Client, Outbound};
pub use config::{ConfigError, OutboundConfig, PlainHttp, Proxies};
pub use error::{Failure, OutboundError, Sent, TlsFault};
pub use hints::parse_retry_after;
pub use limiter::{Budget, Limits};
pub use policy::{AddressPolicy, AllowList, Refused};
pub use request::{Expect, Request, RequestKind};
pub use reqwest::Method;
pub use response::Response;
pub use timeout::{Elapsed, with_timeout};
pub use url::Url;
