//! Webhooks: who may call, what a call says, and how it becomes a job. No web framework.
//!
//! # What is here
//! - [`verify`]: pure checks of who sent a request, one file a way of proving it. [`signed_headers`] is the other end.
//! - [`Receiver`]: the use case. [`Incoming`] is a request as it came, [`Answer`] what to tell the sender.
//! - [`NewWebhook`], [`Change`], [`rotate`], [`revoke_old_secrets`]: registering and changing webhooks.
//! - [`setup`]: how to set a tracker up, in plain steps.
//! - [`Receiver::test`] and [`Receiver::replay`]: a signed sample, or a stored delivery, through the real path.
//!
//! # The way of a request
//! 1. The raw body is checked before anything reads it. Opened webhooks are kept in memory, so that this asks no
//!    database; a request that fails is judged again by the stored row, since the secret may have been replaced.
//! 2. The tracker's [`EventReader`](syncline_domain::ports::EventReader) says which items it is about.
//! 3. One transaction counts the call (which proves that the kept row is the stored one), looks for an earlier delivery
//!    of the same name, queues or joins the job and stores the delivery. Only then is the sender answered. Requests that
//!    wait for the store at the same time share the transaction.
//!
//! # Invariants
//! - Accepted means durable: the delivery and its job are in one transaction.
//! - A request that cannot be taken in harms no other that waited with it.
//! - A delivery's name is accepted once. Without a name nothing is taken for a duplicate: equal bodies may only meet in
//!   a job that nobody has begun.
//! - However often an item changes, its runs begin [`Limits::settle`] apart; the first begins at once, and the last
//!   state arrives.
//! - A sender that proves who it is is never slowed down by others' failures, from its own address either.
//! - Tokens and MACs are compared by `ring::hmac::verify` and nothing else. Secrets are in no row but sealed, in no log
//!   and in no `Debug`.
//!
//! # What is deliberately absent
//! HTTP: reading the body with its limits and deadline, refusing a `Content-Encoding`, and the status codes belong to
//! the server. Knowledge of trackers' payloads: that is with the connectors.
//!
//! ```
//! use syncline_domain::WebhookAuth;
//! use syncline_webhooks::{Proof, Secret, verify};
//!
//! let secret = Secret::new("It's a Secret to Everybody");
//! let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
//! let headers = [("x-hub-signature-256".to_owned(), signature.to_owned())];
//! let proof = Proof {
//!     auth: WebhookAuth::Hmac,
//!     header_name: "x-webhook-token",
//!     headers: &headers,
//!     body: b"Hello, World!",
//!     now: syncline_domain::Timestamp::EPOCH,
//! };
//! assert!(verify(&[secret], &proof).is_ok());
//! ```

mod accept;
mod answer;
mod book;
mod cache;
mod change;
mod fate;
mod gate;
mod incoming;
mod judge;
mod log_headers;
mod opened;
mod plan;
mod register;
mod replay;
mod rotate;
mod secret;
mod settle;
mod setup;
mod sign;
mod transaction;
mod verify;
mod window;
mod words;

pub use accept::{Limits, Parts, Receiver, network};
pub use answer::Answer;
pub use change::{Change, CheckedChange};
pub use incoming::Incoming;
pub use register::{NewWebhook, Prepared, new_secret, new_token};
pub use rotate::{MOST_OLD_SECRETS, Rotation, USUAL_GRACE, revoke_old_secrets, rotate};
pub use secret::Secret;
pub use setup::{Setup, recommended_auth, setup};
pub use sign::signed_headers;
pub use verify::{DEFAULT_TOKEN_HEADER, Proof, Rejected, Verified, header_name, verify};
pub use window::Window;
