//! Notification settings: who is told of what, and trying whether messages arrive.

mod body;
mod pace;
mod ports;
mod rows;
mod test;
mod usual;

pub(crate) use pace::Pace;
pub use ports::{Address, ChannelTest, ChannelTester, RecipientRules, TestLine};
pub use rows::{NotificationFilter, NotificationView};
pub use test::Tested;
pub use usual::NoChannels;
