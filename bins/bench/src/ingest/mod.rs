//! What the measurement of incoming webhooks is made of.

pub(crate) mod load;
pub(crate) mod product;
pub(crate) mod reference;
pub(crate) mod sessions;
pub(crate) mod statement;
