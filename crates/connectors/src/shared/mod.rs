//! What several kinds of connectors need and no tracker's wire format is part of.

pub(crate) mod events;
pub(crate) mod nearest;
pub(crate) mod portable;
