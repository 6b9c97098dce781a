//! What is over with a pair that comes to its end, and pairs that give way to a new copy.

use syncline_domain::ports::Tx;
use syncline_domain::{
    Conflict, ConflictKind, ConnectorId, Fault, Pair, PairId, Resolution, ResolutionChoice, Side,
    Timestamp,
};

use crate::clash::{Closing, end_all};

/// The end of everything that was undecided about a pair.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pair: PairId,
    /// The decision that comes true with it.
    decided: Option<Resolution>,
    /// Why the rest is over.
    why: String,
}

impl End {
    pub(super) fn of(pair: PairId, decided: Option<&Resolution>, why: String) -> Self {
        Self { pair, decided: decided.cloned(), why }
    }

    /// Before the pair goes, so that what was decided outlives it.
    pub(super) fn put(&self, tx: &mut dyn Tx, now: Timestamp) -> Result<(), Fault> {
        if let Some(decision) = &self.decided {
            Closing::carried_out(decision).put(tx, now)?;
        }
        end_all(tx, self.pair, &self.why, now)
    }
}

/// A pair whose deleted item is made again, so that it makes way for another pair.
#[derive(Clone, Debug)]
pub(crate) struct Displaced {
    pair: Pair,
    /// The side on which the item was deleted.
    side: Side,
    end: End,
}

impl Displaced {
    pub(super) fn by_decision(pair: &Pair, side: Side, decision: &Resolution) -> Self {
        let end = End::of(pair.id, Some(decision), "the item was made again".to_owned());
        Self { pair: pair.clone(), side, end }
    }

    /// Takes the old pair away; the deleted item is no longer of the family, whose place on that side the new one takes.
    pub(crate) fn put(
        &self,
        tx: &mut dyn Tx,
        [source, target]: [ConnectorId; 2],
        now: Timestamp,
    ) -> Result<(), Fault> {
        self.end.put(tx, now)?;
        let owner = match self.side {
            Side::Source => source,
            Side::Target => target,
        };
        if let Some(lost) = self.pair.item(self.side) {
            tx.leave_lineage(owner, lost)?;
        }
        tx.delete_pair(self.pair.id)
    }
}

/// The pair that gives way to a new item of `side` that was found: the one whose item a person wanted to be made again.
pub(crate) fn displaced_by(
    tx: &mut dyn Tx,
    pair: &Pair,
    side: Side,
) -> Result<Option<Displaced>, Fault> {
    let is_about =
        |row: &Conflict| row.kind == ConflictKind::Deletion && row.deleted_side == Some(side);
    let Some(row) = tx.open_conflicts(&[pair.id])?.into_iter().find(is_about) else {
        return Ok(None);
    };
    let keeps = match side {
        Side::Source => ResolutionChoice::Target,
        Side::Target => ResolutionChoice::Source,
    };
    let decision = tx.resolutions(row.id)?.into_iter().rfind(|one| one.choice == keeps);
    let end = End::of(pair.id, decision.as_ref(), "the item was made again".to_owned());
    Ok(Some(Displaced { pair: pair.clone(), side, end }))
}
