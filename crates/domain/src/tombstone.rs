//! Items of pairs that people deleted.

use crate::{DeletePolicy, ExecutionId, PairId, Side, Timestamp};

/// What is kept of a pair one of whose items was deleted: it makes sure that the item is not made again, and lets the
/// pair live again when the item comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// The pair; it is no longer active.
    pub pair_id: PairId,
    /// The side on which the item was deleted.
    pub deleted_side: Side,
    /// What was done about the item that is left.
    pub policy: DeletePolicy,
    /// The run that found it.
    pub execution_id: ExecutionId,
    /// When it was found.
    pub noticed_at: Timestamp,
}
