//! Which connectors a caller sees: all, or only those of the configurations in their scope.

use syncline_domain::ports::Tx;
use syncline_domain::{ConnectorId, ConnectorRow, Fault};

use crate::Caller;

/// Connectors in the caller's sight, by id.
///
/// # Errors
/// What the store answers.
pub(crate) fn connectors(tx: &mut dyn Tx, caller: &Caller) -> Result<Vec<ConnectorRow>, Fault> {
    let mut rows = tx.connectors()?;
    if caller.scope.is_some() {
        let mut seen = Vec::new();
        for config in tx.configs()?.iter().filter(|config| caller.sees(config.id)) {
            seen.extend([config.source_connector_id, config.target_connector_id]);
        }
        rows.retain(|row| seen.contains(&row.id));
    }
    Ok(rows)
}

/// One connector in the caller's sight.
///
/// # Errors
/// [`Fault::NotFound`], the same for one out of sight and for one that does not exist.
pub(crate) fn connector(
    tx: &mut dyn Tx,
    caller: &Caller,
    id: ConnectorId,
) -> Result<ConnectorRow, Fault> {
    let found = match caller.scope {
        None => tx.connector(id)?,
        Some(_) => connectors(tx, caller)?.into_iter().find(|row| row.id == id),
    };
    found.ok_or_else(|| Fault::no_such("connector", id))
}
