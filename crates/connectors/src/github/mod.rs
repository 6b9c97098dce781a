//! GitHub: what its webhooks say.
//!
//! Only events are read so far; there is no connector yet.

mod events;

pub(crate) use events::Events;

/// The word for this kind.
pub(crate) const NAME: &str = "github";
