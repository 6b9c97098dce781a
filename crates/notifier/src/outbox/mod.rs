//! From the end of a run to the mail in somebody's box: rows in the transaction that ends it, then a loop that sends.

mod desk;
mod drain;
mod drift;
mod ending;
mod publish;
mod watch;

pub use desk::{ChannelDesk, NO_SMTP};
pub use drain::{Notifier, NotifierParts};
pub use ending::Herald;
pub use publish::{Event, publish};
pub use watch::{go_round, watch};
