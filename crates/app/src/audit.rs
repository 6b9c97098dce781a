//! One audit line for each change that somebody makes.

use serde_json::Value;
use syncline_domain::ports::Tx;
use syncline_domain::{AuditEntry, AuditId, Fault, Timestamp};

use crate::Caller;

/// Adds a line to the trail, in the transaction of the change itself.
///
/// # Errors
/// What the store answers.
pub(crate) fn record(
    tx: &mut dyn Tx,
    caller: &Caller,
    now: Timestamp,
    action: &str,
    target: &str,
    details: Value,
) -> Result<(), Fault> {
    tx.append_audit(&AuditEntry {
        id: AuditId::default(),
        at: now,
        actor: caller.actor.clone(),
        action: action.to_owned(),
        target: target.to_owned(),
        details,
        request_id: caller.request_id.clone(),
    })
}
