//! Drift's part of a transaction, and who tells people of it.

use crate::{
    ConfigId, ConnectorId, Fault, Lookout, LookoutSubject, MappingRef, Pause, PauseId, Timestamp,
};

use super::Tx;

/// Paused rows of rules, and looks that go on by themselves. Both go with what they are about.
pub trait DriftTx {
    /// The paused rows of a configuration, by id.
    fn pauses(&mut self, config: ConfigId) -> Result<Vec<Pause>, Fault>;
    /// Writes a pause over that of the same row; the id given is ignored, and that of an existing pause stays. A row
    /// that is not there: [`Fault::Conflict`].
    fn put_pause(&mut self, pause: &Pause) -> Result<PauseId, Fault>;
    /// Ends the pause of a row; false when it was not paused.
    fn end_pause(&mut self, mapping: MappingRef) -> Result<bool, Fault>;

    /// What is known of looks at this.
    fn lookout(&mut self, subject: LookoutSubject) -> Result<Option<Lookout>, Fault>;
    /// Writes it over what was there. An unknown subject: [`Fault::Conflict`].
    fn put_lookout(&mut self, lookout: &Lookout) -> Result<(), Fault>;
    /// Forgets it; nothing happens where there is none.
    fn drop_lookout(&mut self, subject: LookoutSubject) -> Result<(), Fault>;
}

/// What drift means to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriftNews {
    /// When it was found.
    pub at: Timestamp,
    /// What it is about, once and for all: nobody is told twice under the same key.
    pub key: String,
    /// The configurations that it touches.
    pub about: Vec<ConfigId>,
    /// What drifted.
    pub what: DriftWhat,
}

/// What drifted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DriftWhat {
    /// A tracker's types, fields or statuses are others than the mappings know.
    Schema {
        /// The connector.
        connector_id: ConnectorId,
        /// Its name.
        connector: String,
        /// What changed and what follows, one line each.
        changes: Vec<String>,
    },
    /// Items of the two sides are not as the last runs left them.
    Items {
        /// The configuration.
        config_id: ConfigId,
        /// Its name.
        config: String,
        /// All drifts.
        total: u64,
        /// How many of each cause, and the first of them, one line each.
        lines: Vec<String>,
    },
}

/// Called inside the transaction that finds drift, so that telling people is as durable as the finding.
pub trait DriftTeller: Send + Sync {
    /// Files the news for whoever wants to know.
    ///
    /// # Errors
    /// What the store answers; then the finding is not stored either.
    fn tell(&self, tx: &mut dyn Tx, news: &DriftNews) -> Result<(), Fault>;
}

/// Nobody wants to know.
#[derive(Clone, Copy, Debug, Default)]
pub struct NobodyTold;

impl DriftTeller for NobodyTold {
    fn tell(&self, _tx: &mut dyn Tx, _news: &DriftNews) -> Result<(), Fault> {
        Ok(())
    }
}
