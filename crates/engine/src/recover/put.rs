//! Recording what was found out about writes without an answer.

use syncline_domain::ports::Tx;
use syncline_domain::{
    Base, ErrorType, Fault, FieldRef, FieldType, Fields, Intent, IntentPlan, IntentState, Item,
    ItemError, ItemRetry, Pair, PairId, PairState, Receipt, STATUS_REF, Side, SyncSpec, Timestamp,
    TypePair, Version, WriteOp, fingerprint,
};

use super::{End, Types};
use crate::adopt::{Compare as _, shows};
use crate::known::sent_ref;
use crate::merge::alike;
use crate::pass::value_of;

/// Records what became of one intent.
pub(super) fn end(
    tx: &mut dyn Tx,
    spec: &SyncSpec,
    intent: &Intent,
    end: &End,
    now: Timestamp,
) -> Result<(), Fault> {
    match end {
        End::Never => tx.finish_intent(intent.id, IntentState::Abandoned, None),
        End::Doubtful(_) => tx.finish_intent(intent.id, IntentState::Doubtful, None),
        End::Later(_) => Ok(()),
        End::Commented(pair) => {
            tx.insert_comment_pair(pair)?;
            tx.finish_intent(intent.id, IntentState::Done, intent.item_id.as_ref())
        }
        End::Adopted(item) => {
            let read = intent.side.other();
            let from = std::slice::from_ref(&intent.from_item_id);
            let old = tx.pairs_by_items(spec.config.id, read, from)?.pop();
            let pair = match (old, intent.op) {
                (Some(pair), _) => seen(tx, pair, intent.side, item)?,
                (None, WriteOp::Create) => adopt(tx, spec, intent, item, now)?,
                // The two were about to be joined; the next look finds them again.
                (None, _) => {
                    return tx.finish_intent(intent.id, IntentState::Abandoned, None);
                }
            };
            put_values(tx, spec, pair, intent, item, now)?;
            tx.finish_intent(intent.id, IntentState::Done, Some(&item.id))
        }
    }
}

fn seen(tx: &mut dyn Tx, mut pair: Pair, side: Side, item: &Item) -> Result<PairId, Fault> {
    match side {
        Side::Source => pair.source_version = item.version.clone(),
        Side::Target => pair.target_version = item.version.clone(),
    }
    tx.update_pair(&pair)?;
    Ok(pair.id)
}

/// The pair of an item and the copy that was found. The revision of the reading side stays open, so that the next
/// look takes nothing for granted.
fn adopt(
    tx: &mut dyn Tx,
    spec: &SyncSpec,
    intent: &Intent,
    item: &Item,
    now: Timestamp,
) -> Result<PairId, Fault> {
    let read = intent.side.other();
    let types = spec.types.iter().find(|pair| pair.end(intent.side).reference == item.type_ref);
    let read_type = |pair: &TypePair| pair.end(read).reference.clone();
    let mine = (item.id.clone(), item.type_ref.clone(), item.url.clone(), item.version.clone());
    let from = (
        intent.from_item_id.clone(),
        types.map(read_type).unwrap_or_default(),
        String::new(),
        Version::default(),
    );
    let (source, target) = match read {
        Side::Source => (from, mine),
        Side::Target => (mine, from),
    };
    let id = tx.insert_pair(&Pair {
        id: PairId(0),
        config_id: spec.config.id,
        source_item_id: source.0.clone(),
        target_item_id: Some(target.0.clone()),
        source_type: source.1,
        target_type: target.1,
        source_url: source.2,
        target_url: target.2,
        source_version: source.3,
        target_version: target.3,
        state: PairState::Active,
        last_synced_at: now,
        sync_count: 1,
        created_at: now,
    })?;
    tx.join_lineage(
        (spec.config.source_connector_id, &source.0),
        (spec.config.target_connector_id, &target.0),
    )?;
    Ok(id)
}

/// Bases and receipts of the values that were found.
fn put_values(
    tx: &mut dyn Tx,
    spec: &SyncSpec,
    pair_id: PairId,
    intent: &Intent,
    item: &Item,
    now: Timestamp,
) -> Result<(), Fault> {
    let IntentPlan::V1 { status, fields, agreed, seen, .. } = &intent.plan;
    let types = Types { spec, side: intent.side, type_ref: &item.type_ref };
    let mut planned: Fields = fields.clone();
    if let Some(status) = status {
        planned.insert(FieldRef::new(STATUS_REF), status.clone().into());
    }
    let mut bases = Vec::new();
    let mut receipts = Vec::new();
    let mut is_whole = true;
    for (field, sent) in planned {
        let kind = match field.as_str() {
            STATUS_REF => FieldType::Picklist,
            _ => types.field_type(&field),
        };
        let now_there = value_of(item, &field);
        let base = |field_ref, value| Base {
            pair_id,
            side: intent.side,
            field_ref,
            value,
            updated_at: now,
        };
        receipts.push(Receipt {
            pair_id,
            side: intent.side,
            field_ref: field.clone(),
            hash: fingerprint(&now_there, kind),
            version: item.version.clone(),
            written_at: now,
        });
        // A value that the tracker shows in another form counts as sent; one that is not there at all does not, so
        // that the next look writes it.
        let is_there = shows(&sent, &now_there, kind);
        is_whole &= is_there;
        if is_there && !alike(&sent, &now_there, kind) {
            bases.push(base(sent_ref(&field), sent));
        }
        bases.push(base(field, now_there));
    }
    // With the values, what they were made from is agreed on: whatever the reading side shows by now is news. Where
    // some value is not there, everything is looked at again as if it were new.
    let read = seen.iter().filter(|_| is_whole).map(|(field, value)| Base {
        pair_id,
        side: intent.side.other(),
        field_ref: field.clone(),
        value: value.clone(),
        updated_at: now,
    });
    bases.extend(read);
    for (side, field, value) in agreed {
        bases.retain(|base| base.side != *side || base.field_ref != *field);
        bases.push(Base {
            pair_id,
            side: *side,
            field_ref: field.clone(),
            value: value.clone(),
            updated_at: now,
        });
    }
    tx.put_bases(&bases)?;
    tx.put_receipts(&receipts)
}

/// The item's row among those to be tried again, so that a cursor that has passed it loses nothing.
pub(super) fn look_again(
    tx: &mut dyn Tx,
    spec: &SyncSpec,
    intent: &Intent,
    end: &End,
    now: Timestamp,
) -> Result<(), Fault> {
    let side = intent.side.other();
    let from = std::slice::from_ref(&intent.from_item_id);
    let old = tx.retries(spec.config.id, side, Some(from))?.pop();
    let error = || ItemError {
        error_type: ErrorType::Connection,
        message: "an earlier write had no known outcome".to_owned(),
        field: None,
    };
    tx.put_retry(&ItemRetry {
        config_id: spec.config.id,
        side,
        item_id: intent.from_item_id.clone(),
        error: old.as_ref().map_or_else(error, |retry| retry.error.clone()),
        attempts: old.as_ref().map_or(0, |retry| retry.attempts),
        next_try_at: match end {
            End::Later(until) => *until,
            _ => now,
        },
        first_failed_at: old.map_or(now, |retry| retry.first_failed_at),
    })
}
