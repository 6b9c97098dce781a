//! Pairs made and taken apart by hand.

use std::sync::Arc;

use syncline_domain::ports::Connector;
use syncline_domain::{ConfigId, Fault, ItemId, PairId};

use crate::engine::Engine;
use crate::error::PairError;

/// What the next run does with the source item of a pair that was taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnNextRun {
    /// Pass it over.
    Ignore,
    /// Make a new copy.
    Create,
}

pub(crate) async fn pair_by_hand(
    engine: &Engine,
    config: ConfigId,
    source_item: &ItemId,
    target_item: &ItemId,
    source: Arc<dyn Connector>,
    target: Arc<dyn Connector>,
) -> Result<PairId, PairError> {
    let _ = (engine, config, source_item, target_item, source, target);
    Err(Fault::Internal("pairing by hand has no code yet".to_owned()).into())
}

pub(crate) async fn unpair(
    engine: &Engine,
    config: ConfigId,
    pair: PairId,
    on_next_run: OnNextRun,
) -> Result<(), Fault> {
    let _ = (engine, config, pair, on_next_run);
    Err(Fault::Internal("taking pairs apart has no code yet".to_owned()))
}
