//! Rules whose ground a tracker took away: paused after a discovery, told of, and mended by a proposed edit.
//!
//! Files: `causes` (which rows a change touches; pure), `review` (pauses and ends pauses), `propose` and `moved` (the
//! likeliest edit), `apply` (the use cases), `words`.
//!
//! # Invariants
//! - Only rows that a change touches rest; their definition stays, and a row goes on by itself when what it needs is back.
//! - People are told once of a pause and once of its end, in the transaction that makes it so.
//! - A proposed edit passes every check of an ordinary save before anybody sees it.

mod apply;
mod causes;
mod moved;
mod propose;
mod review;
mod words;

pub use apply::{ConfigDrift, DriftApplied, PausedRow};
pub use propose::{Proposal, ProposedChange};
pub(crate) use review::{after_edit, review, tell};
pub(crate) use words::named;
