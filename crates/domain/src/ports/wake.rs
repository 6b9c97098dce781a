//! Being woken by other people's commits.

use super::BoxFuture;

/// What a commit may be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// A job was queued, or may be claimed now since its configuration has none running any more.
    Jobs,
    /// A message was queued, perhaps again.
    Outbox,
    /// A configuration or the scheduler's setting changed.
    Schedules,
}

impl Topic {
    /// Every topic.
    pub const ALL: &'static [Self] = &[Self::Jobs, Self::Outbox, Self::Schedules];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::Outbox => "outbox",
            Self::Schedules => "schedules",
        }
    }
}

/// Somebody who waits for commits on one topic. Only a hint: whoever waits looks now and then without being woken.
pub trait Wakeup: Send {
    /// Resolves when something was committed since this was made, or since it resolved last; at once when that has
    /// happened already. Several commits may be one wake-up.
    fn woken(&mut self) -> BoxFuture<'_, ()>;
}
