//! A census: both sides compared, nothing written.

use serde_json::json;
use syncline_domain::ports::StoreExt as _;
use syncline_domain::{ConfigId, Role};
use syncline_engine::Census;

use super::start::preview_error;
use crate::{App, AppError, Caller, audit};

impl App {
    /// Compares both sides of a configuration with each other and with what was recorded. Writes nothing to a tracker.
    ///
    /// # Errors
    /// As [`App::preview`]: [`syncline_domain::Fault::NotFound`], rules that cannot run, and a remote error when a
    /// tracker does not answer.
    pub async fn census(&self, caller: &Caller, id: ConfigId) -> Result<Census, AppError> {
        caller.needs(Role::Operator)?;
        caller.must_see(id)?;
        let (source, target) = self.both_ends(id).await?;
        let census = self.engine().census(id, source, target).await.map_err(preview_error)?;
        let details = json!({"pairs": census.pairs, "drift": census.total()});
        let (caller, now) = (caller.clone(), self.now());
        let note = move |tx: &mut dyn syncline_domain::ports::Tx| {
            let target = format!("sync_config/{id}");
            audit::record(tx, &caller, now, "census", &target, details.clone())
        };
        self.store().tx("audit", note).await?;
        Ok(census)
    }
}
