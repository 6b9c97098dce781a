//! What both sandbox trackers stand on: the settable clock, the fault engine, the logs and the
//! HTTP shell. Nothing in here knows a tracker's wire format.

pub(crate) mod clock;
pub(crate) mod control;
pub(crate) mod counter;
pub(crate) mod effects;
pub(crate) mod faults;
pub(crate) mod html;
pub(crate) mod http;
pub(crate) mod json;
pub(crate) mod multipart;
pub(crate) mod options;
pub(crate) mod people;
pub(crate) mod record;
pub(crate) mod running;
pub(crate) mod seedtext;
pub(crate) mod server;
pub(crate) mod text;
pub(crate) mod tracker;
pub(crate) mod world;
