//! From data to words, and from words to what each way of sending wants.
//!
//! [`sheet()`] chooses the words once; the others only lay them out. Text of users and trackers enters there as cleaned
//! single lines and is escaped by each layout; it is never read as a template.

mod event;
mod html;
mod sheet;
mod slack;
mod teams;
mod text;
mod times;

pub(crate) use event::event;
pub(crate) use html::html;
pub(crate) use sheet::{Sheet, sheet};
pub(crate) use slack::slack;
pub(crate) use teams::teams;
pub(crate) use text::text;
