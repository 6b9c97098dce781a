//! Pairs: listing them, making and undoing them by hand.

use serde_json::json;
use syncline_domain::ports::StoreExt as _;
use syncline_domain::{ConfigId, Fault, ItemId, Pair, PairId, Role, SyncConfig};
use syncline_engine::PairError;

use crate::configs::must_config;
use crate::{App, AppError, Caller, audit};

pub use syncline_engine::OnNextRun;

/// Some pairs of a configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct PairView {
    /// The configuration.
    pub config: SyncConfig,
    /// The pairs, by id.
    pub pairs: Vec<Pair>,
    /// How many there are in all.
    pub total: u64,
}

impl App {
    /// Pairs of a configuration.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn pairs(
        &self,
        caller: &Caller,
        id: ConfigId,
        offset: usize,
        limit: usize,
    ) -> Result<PairView, AppError> {
        caller.must_see(id)?;
        Ok(self
            .store()
            .view("pairs", move |tx| {
                Ok(PairView {
                    config: must_config(tx, id)?,
                    pairs: tx.pairs(id, None, offset, limit)?,
                    total: tx.count_pairs(id)?,
                })
            })
            .await?)
    }

    /// Joins two items by hand: both are read, bases are taken, nothing is written.
    ///
    /// # Errors
    /// [`Fault::Conflict`] when either is paired already, a remote error when a tracker does not answer.
    pub async fn pair_by_hand(
        &self,
        caller: &Caller,
        id: ConfigId,
        source_item: ItemId,
        target_item: ItemId,
    ) -> Result<PairId, AppError> {
        caller.needs(Role::Operator)?;
        caller.must_see(id)?;
        let (source, target) = self.both_ends(id).await?;
        let details = json!({"source_item_id": source_item, "target_item_id": target_item});
        let made = self
            .engine()
            .pair_by_hand(id, &source_item, &target_item, source, target)
            .await
            .map_err(pair_error)?;
        self.note(caller, "pair.create", format!("pair/{made}"), details).await?;
        Ok(made)
    }

    /// Takes a pair apart; nothing is written to the trackers.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn unpair(
        &self,
        caller: &Caller,
        id: ConfigId,
        pair: PairId,
        on_next_run: OnNextRun,
    ) -> Result<(), AppError> {
        caller.needs(Role::Operator)?;
        caller.must_see(id)?;
        let found = self.store().view("pair", move |tx| tx.pair(pair)).await?;
        if found.is_none_or(|found| found.config_id != id) {
            return Err(Fault::no_such("pair", pair).into());
        }
        self.engine().unpair(id, pair, on_next_run).await?;
        self.note(caller, "pair.delete", format!("pair/{pair}"), json!({})).await
    }

    async fn note(
        &self,
        caller: &Caller,
        action: &'static str,
        target: String,
        details: serde_json::Value,
    ) -> Result<(), AppError> {
        let (caller, now) = (caller.clone(), self.now());
        self.store()
            .tx("audit", move |tx| {
                audit::record(tx, &caller, now, action, &target, details.clone())
            })
            .await?;
        Ok(())
    }
}

fn pair_error(error: PairError) -> AppError {
    match error {
        PairError::NotFound(id) => Fault::no_such("sync configuration", id).into(),
        PairError::NoItem(message) => Fault::NotFound(message).into(),
        PairError::Types(message) => AppError::invalid("", message),
        PairError::Paired { message, pair } => AppError::conflict(message).with("pair_id", pair.0),
        PairError::Connector(error) => error.into(),
        PairError::Store(fault) => fault.into(),
    }
}
