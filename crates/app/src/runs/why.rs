//! The history of pairs, and why their values are what they are.

use syncline_domain::{ConfigId, HistoryId, ItemId};
use syncline_engine::{Explained, PairHistory};

use crate::{App, AppError, Caller};

impl App {
    /// The history of a source item's pair, newest first.
    ///
    /// # Errors
    /// [`syncline_domain::Fault::NotFound`] for a configuration out of sight, and for an item without a pair.
    pub async fn pair_history(
        &self,
        caller: &Caller,
        id: ConfigId,
        source_item: ItemId,
        before: Option<HistoryId>,
        limit: usize,
    ) -> Result<PairHistory, AppError> {
        caller.must_see(id)?;
        Ok(self.engine().history(id, source_item, before, limit).await?)
    }

    /// Why the fields of a pair have their values; of one field when it is named.
    ///
    /// # Errors
    /// As [`App::pair_history`], and [`syncline_domain::Fault::Invalid`] for a field that no rule knows.
    pub async fn explain(
        &self,
        caller: &Caller,
        id: ConfigId,
        source_item: ItemId,
        field: Option<String>,
    ) -> Result<Explained, AppError> {
        caller.must_see(id)?;
        Ok(self.engine().explain(id, source_item, field).await?)
    }
}
