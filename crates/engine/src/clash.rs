//! Conflicts as rows: what a page found, what the world settled by itself, and how both are stored.

use serde_json::Value;
use syncline_domain::ports::Tx;
use syncline_domain::{
    ConfigId, Conflict, ConflictId, ConflictKind, ConflictResolution, ConflictStatus, Fault,
    FieldRef, Item, ItemId, PairId, Resolution, ResolutionChoice, ResolutionId, Side, Timestamp,
};

use crate::deletes::Edit;
use crate::known::PairMemory;
use crate::merge::alike;
use crate::pass::Pass;
use crate::stance::{FieldStance, Sides};

/// A conflict that is done with, and the decision that says why.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Closing {
    pub(crate) conflict: ConflictId,
    /// The field of the writing side whose value must show; `None` when nothing is written.
    pub(crate) field: Option<FieldRef>,
    /// A row of its own when its id is zero, else the row that is carried out.
    pub(crate) resolution: Resolution,
}

impl Closing {
    /// Both sides came to the same by themselves.
    pub(crate) fn by_agreement(conflict: ConflictId, value: Value, why: &str) -> Self {
        Self {
            conflict,
            field: None,
            resolution: Resolution {
                id: ResolutionId(0),
                conflict_id: conflict,
                choice: ResolutionChoice::Agreement,
                value,
                strategy: None,
                rationale: why.to_owned(),
                resolved_by: "agreement of both sides".to_owned(),
                decided_at: Timestamp::EPOCH,
                applied_at: None,
                error: None,
            },
        }
    }

    /// What a person decided has come true.
    pub(crate) fn carried_out(decision: &Resolution) -> Self {
        Self { conflict: decision.conflict_id, field: None, resolution: decision.clone() }
    }

    /// The configured strategy settled it.
    pub(crate) fn by_strategy(
        conflict: ConflictId,
        value: Value,
        winner: Side,
        strategy: ConflictResolution,
    ) -> Self {
        let mut closing = Self::by_agreement(conflict, value, "the configuration's strategy");
        closing.resolution.choice = match winner {
            Side::Source => ResolutionChoice::Source,
            Side::Target => ResolutionChoice::Target,
        };
        closing.resolution.strategy = Some(strategy);
        closing.resolution.resolved_by = format!("strategy {strategy}");
        closing
    }

    /// Only when this field of the writing side shows what was written.
    pub(crate) fn once_shown(self, field: &FieldRef) -> Self {
        Self { field: Some(field.clone()), ..self }
    }

    /// Closes it, unless somebody was faster.
    pub(crate) fn put(&self, tx: &mut dyn Tx, now: Timestamp) -> Result<(), Fault> {
        let Some(conflict) = tx.conflict(self.conflict)? else { return Ok(()) };
        if conflict.status == ConflictStatus::Resolved {
            return Ok(());
        }
        let done = Resolution { applied_at: Some(now), error: None, ..self.resolution.clone() };
        if done.id == ResolutionId(0) {
            tx.insert_resolution(&Resolution { decided_at: now, ..done })?;
        } else {
            tx.update_resolution(&done)?;
        }
        tx.update_conflict(&Conflict {
            status: ConflictStatus::Resolved,
            updated_at: now,
            ended_at: Some(now),
            ..conflict
        })
    }
}

/// A conflict about one field, as this look found it.
pub(crate) fn about_field(
    pass: &Pass,
    (item, there): (&Item, Option<&Item>),
    memory: &PairMemory,
    one: &FieldStance,
    sides: Sides,
    now: Timestamp,
) -> Conflict {
    let known = memory.conflict(&one.about);
    let time_of = |side: Side| {
        let old = known.filter(|row| sides.is_as_in(row, side)).and_then(|row| match side {
            Side::Source => row.source_changed_at,
            Side::Target => row.target_changed_at,
        });
        let seen = if side == pass.read { Some(item) } else { there };
        old.or(seen.map(|item| item.changed_at))
    };
    let (source_changed_at, target_changed_at) = (time_of(Side::Source), time_of(Side::Target));
    let source_field = match pass.read {
        Side::Source => one.twin.clone().or_else(|| one.sources.first().cloned()),
        Side::Target => Some(one.field.clone()),
    };
    Conflict {
        kind: ConflictKind::Field,
        field: Some(one.about.clone()),
        source_field,
        base_value: memory.base(Side::Target, &one.about).cloned().unwrap_or_default(),
        source_value: sides.source,
        target_value: sides.target,
        source_changed_at,
        target_changed_at,
        reason: one.note.clone().unwrap_or_default(),
        ..blank(pass, memory, item, now)
    }
}

/// The two items are of types that are not mapped to each other.
pub(crate) fn of_types(
    pass: &Pass,
    memory: &PairMemory,
    item: &Item,
    copy_type: &str,
    now: Timestamp,
) -> Conflict {
    let (source, target) = match pass.read {
        Side::Source => (item.type_ref.as_str(), copy_type),
        Side::Target => (copy_type, item.type_ref.as_str()),
    };
    Conflict {
        kind: ConflictKind::TypeMismatch,
        source_value: Value::from(source),
        target_value: Value::from(target),
        reason: format!(
            "types {source:?} and {target:?} are not mapped to each other; map them, give one of \
             the items another type, or take the pair apart"
        ),
        ..blank(pass, memory, item, now)
    }
}

/// A pair's item was deleted on one side and edited on the other. The side that deleted it says nothing; the other one
/// says which fields were edited, by its own names.
pub(crate) fn of_deletion(
    pass: &Pass,
    memory: &PairMemory,
    left: &Item,
    deleted: Side,
    edits: &[Edit],
    now: Timestamp,
) -> Conflict {
    let values = |of: fn(&Edit) -> &Value| {
        let fields = edits.iter().map(|edit| (edit.field.to_string(), of(edit).clone()));
        Value::Object(fields.collect())
    };
    let edited = values(|edit| &edit.now);
    let (source_value, target_value) = match deleted {
        Side::Source => (Value::Null, edited),
        Side::Target => (edited, Value::Null),
    };
    let changed_at = |side: Side| (side != deleted).then_some(left.changed_at);
    let names: Vec<&str> = edits.iter().map(|edit| edit.field.as_str()).collect();
    let (names, keeps) = (names.join(", "), deleted.other());
    Conflict {
        kind: ConflictKind::Deletion,
        base_value: values(|edit| &edit.base),
        source_value,
        target_value,
        source_changed_at: changed_at(Side::Source),
        target_changed_at: changed_at(Side::Target),
        deleted_side: Some(deleted),
        reason: format!(
            "deleted on the {deleted}, while {names} was edited on the {keeps}: choose {deleted} to carry the deletion \
             over, or {keeps} to keep the item"
        ),
        ..blank(pass, memory, left, now)
    }
}

/// Ends every conflict about a pair that comes to its end.
pub(crate) fn end_all(
    tx: &mut dyn Tx,
    pair: PairId,
    why: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    for row in tx.open_conflicts(&[pair])? {
        Closing::by_agreement(row.id, Value::Null, why).put(tx, now)?;
    }
    Ok(())
}

fn blank(pass: &Pass, memory: &PairMemory, item: &Item, now: Timestamp) -> Conflict {
    let pair = &memory.pair;
    Conflict {
        id: ConflictId(0),
        config_id: pass.spec.config.id,
        pair_id: pair.id,
        execution_id: pass.run,
        kind: ConflictKind::Field,
        field: None,
        source_field: None,
        source_item_id: pair.source_item_id.clone(),
        target_item_id: pair.target_item_id.clone().unwrap_or_default(),
        title: item.title.clone(),
        base_value: Value::Null,
        source_value: Value::Null,
        target_value: Value::Null,
        source_changed_at: None,
        target_changed_at: None,
        deleted_side: None,
        reason: String::new(),
        status: ConflictStatus::Unresolved,
        created_at: now,
        updated_at: now,
        ended_at: None,
    }
}

/// Whether an ignored conflict is still about the same two values.
pub(crate) fn is_ignored(row: &Conflict, sides: &Sides) -> bool {
    row.status == ConflictStatus::Ignored
        && sides.is_as_in(row, Side::Source)
        && sides.is_as_in(row, Side::Target)
}

/// Stores what a page found: new rows, or new values of those that are not resolved. Never two for one pair and field.
pub(crate) fn put_found(
    tx: &mut dyn Tx,
    config: ConfigId,
    found: &[Conflict],
    now: Timestamp,
) -> Result<(), Fault> {
    if found.is_empty() {
        return Ok(());
    }
    let sources: Vec<ItemId> = found.iter().map(|one| one.source_item_id.clone()).collect();
    let pairs = tx.pairs_by_items(config, Side::Source, &sources)?;
    let ids: Vec<_> = pairs.iter().map(|pair| pair.id).collect();
    let open = tx.open_conflicts(&ids)?;
    for one in found {
        let Some(pair) = pairs.iter().find(|pair| pair.source_item_id == one.source_item_id) else {
            continue;
        };
        let known = open.iter().find(|row| row.pair_id == pair.id && row.field == one.field);
        match known {
            None => drop(tx.insert_conflict(&Conflict { pair_id: pair.id, ..one.clone() })?),
            Some(row) if is_old_news(row, one) => {}
            Some(row) => tx.update_conflict(&Conflict {
                id: row.id,
                pair_id: row.pair_id,
                execution_id: row.execution_id,
                created_at: row.created_at,
                updated_at: now,
                ..one.clone()
            })?,
        }
    }
    Ok(())
}

/// A conflict about the item as a whole that is ignored, and of which both sides still say the same.
pub(crate) fn is_old_news(row: &Conflict, found: &Conflict) -> bool {
    row.kind != ConflictKind::Field
        && row.kind == found.kind
        && row.status == ConflictStatus::Ignored
        && row.deleted_side == found.deleted_side
        && row.source_value == found.source_value
        && row.target_value == found.target_value
}

impl Sides {
    /// Whether a side says what the row has of it.
    pub(crate) fn is_as_in(&self, row: &Conflict, side: Side) -> bool {
        match side {
            Side::Source => alike(&self.source, &row.source_value, self.kind),
            Side::Target => alike(&self.target, &row.target_value, self.kind),
        }
    }
}
