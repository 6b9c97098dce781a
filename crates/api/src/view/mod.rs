//! How domain values look on the wire.

pub(crate) mod census;
pub(crate) mod configs;
pub(crate) mod conflicts;
pub(crate) mod connectors;
pub(crate) mod drift;
pub(crate) mod executions;
pub(crate) mod history;
pub(crate) mod jobs;
pub(crate) mod metadata;
pub(crate) mod notifications;
pub(crate) mod plans;
pub(crate) mod previews;
pub(crate) mod replays;
pub(crate) mod samples;
pub(crate) mod scheduler;
pub(crate) mod webhooks;

/// Keeps what a list's `limit` and `offset` leave of it.
pub(crate) fn window<T>(all: Vec<T>, offset: usize, limit: Option<usize>) -> Vec<T> {
    all.into_iter().skip(offset).take(limit.unwrap_or(usize::MAX)).collect()
}
