//! Recording what was found out about writes without an answer.

use std::collections::{BTreeSet, HashMap};
use std::slice;

use serde_json::Value;
use syncline_domain::ports::Tx;
use syncline_domain::{
    Base, ConfigId, Direction, ErrorType, Fault, FieldRef, FieldType, Intent, IntentPlan,
    IntentState, Item, ItemError, ItemId, ItemRetry, Pair, PairId, PairState, Receipt, STATUS_REF,
    Side, SyncSpec, Timestamp, TypePair, Version, WriteOp, fingerprint,
};

use super::trace::{self, Before, Trace};
use super::{Bases, End, Found, Types};
use crate::deletes::displaced_by;
use crate::history;
use crate::known::sent_ref;
use crate::merge::alike;
use crate::page::with_version;
use crate::pass::value_of;

/// More revisions than an item may have.
const MOST_REVISIONS: u64 = 1_000_000;

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
        End::Adopted(found) => {
            let item = &found.item;
            let read = intent.side.other();
            let from = slice::from_ref(&intent.from_item_id);
            let mut old = tx.pairs_by_items(spec.config.id, read, from)?.pop();
            if let (Some(pair), WriteOp::Create) = (&old, intent.op)
                && let Some(displaced) = displaced_by(tx, pair, intent.side)?
            {
                let config = &spec.config;
                let ends = [config.source_connector_id, config.target_connector_id];
                displaced.put(tx, ends, now)?;
                old = None;
            }
            let pair = match (old, intent.op) {
                (Some(pair), _) => seen(tx, spec, pair, intent.side, item)?,
                (None, WriteOp::Create) => adopt(tx, spec, intent, item, now)?,
                // The two were about to be joined; the next look finds them again.
                (None, _) => {
                    return tx.finish_intent(intent.id, IntentState::Abandoned, None);
                }
            };
            put_values(tx, spec, pair, intent, found, now)?;
            tx.insert_history(&[history::found(spec, intent, item, pair, now)])?;
            tx.finish_intent(intent.id, IntentState::Done, Some(&item.id))
        }
    }
}

fn seen(
    tx: &mut dyn Tx,
    spec: &SyncSpec,
    pair: Pair,
    side: Side,
    item: &Item,
) -> Result<PairId, Fault> {
    let pair = with_version(side, pair, known_version(spec, item));
    tx.update_pair(&pair)?;
    Ok(pair.id)
}

/// The revision up to which everything about a written item is known. None where its comments, links or files travel:
/// nobody knows what was hung on it since it was read last.
fn known_version(spec: &SyncSpec, item: &Item) -> Version {
    let options = &spec.config.options;
    let more_travels = spec.config.direction == Direction::Bidirectional
        && (options.sync_comments || options.sync_links || options.sync_attachments);
    if more_travels { Version::default() } else { item.version.clone() }
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
    let version = known_version(spec, item);
    let mine = (item.id.clone(), item.type_ref.clone(), item.url.clone(), version);
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

/// What a side showed when both were in step last, by the item of the other side.
pub(super) fn known(
    tx: &mut dyn Tx,
    config: ConfigId,
    side: Side,
    from: &[ItemId],
) -> Result<HashMap<ItemId, Bases>, Fault> {
    let pairs = tx.pairs_by_items(config, side.other(), from)?;
    let ids: Vec<PairId> = pairs.iter().map(|pair| pair.id).collect();
    let rows = tx.bases(&ids)?;
    let by_item =
        |pair: &Pair| Some((pair.item(side.other())?.clone(), of_pair(&rows, pair.id, side)));
    Ok(pairs.iter().filter_map(by_item).collect())
}

fn of_pair(rows: &[Base], pair: PairId, side: Side) -> Bases {
    let mine = rows.iter().filter(|base| base.pair_id == pair && base.side == side);
    mine.map(|base| (base.field_ref.clone(), base.value.clone())).collect()
}

/// Bases and receipts of the values that were found. What did not happen keeps its bases on both sides, so that the next
/// look writes it.
fn put_values(
    tx: &mut dyn Tx,
    spec: &SyncSpec,
    pair_id: PairId,
    intent: &Intent,
    Found { item, account }: &Found,
    now: Timestamp,
) -> Result<(), Fault> {
    let (side, read) = (intent.side, intent.side.other());
    let types = Types { spec, side, type_ref: &item.type_ref };
    let old: Bases = match intent.op {
        WriteOp::Create => Bases::new(),
        _ => of_pair(&tx.bases(&[pair_id])?, pair_id, side),
    };
    let mut values = Values::default();
    for (field, sent) in trace::planned(&intent.plan) {
        let kind = trace::kind_of(&types, &field);
        let now_there = value_of(item, &field);
        let had_sent = old.contains_key(&sent_ref(&field));
        let before = Before { base: old.get(&field), set: account.set(&field) };
        match trace::trace(&sent, &now_there, before, kind) {
            // The form in which the tracker shows a value counts as sent.
            Trace::Shown => {
                if had_sent || !alike(&sent, &now_there, kind) {
                    values.bases.push((side, sent_ref(&field), sent));
                }
                values.wrote(side, field, now_there, kind);
            }
            // Whatever is there now came on top of it, and is news.
            Trace::Overlaid => {
                if had_sent {
                    values.bases.push((side, sent_ref(&field), sent.clone()));
                }
                values.wrote(side, field, sent, kind);
            }
            // Nobody was there since: that is what the tracker makes of the value.
            Trace::Missing if is_as_made(intent, item) && is_taken(&field, &now_there) => {
                values.bases.push((side, sent_ref(&field), sent));
                values.wrote(side, field, now_there, kind);
            }
            // Somebody was: whatever is there now came on top of it, and is news.
            Trace::Missing if intent.op == WriteOp::Create && is_taken(&field, &now_there) => {
                values.wrote(side, field, sent, kind);
            }
            Trace::Missing if intent.op == WriteOp::Create => {
                values.receipts.push((field.clone(), fingerprint(&now_there, kind)));
                values.bases.push((side, field, now_there));
            }
            Trace::Missing => {}
        }
    }
    let IntentPlan::V1 { agreed, seen, .. } = &intent.plan;
    // With the values, what they were made from is agreed on: whatever the reading side shows by now is news.
    let sources = trace::done_with(&intent.plan, &values.written);
    let read_values = seen.iter().filter(|(field, _)| sources.contains(*field));
    values.bases.extend(read_values.map(|(field, value)| (read, field.clone(), value.clone())));
    for (of, field, value) in agreed {
        let happened = match *of == side {
            true => values.written.contains(field),
            false => sources.contains(field),
        };
        if happened {
            values.bases.retain(|(other, name, _)| other != of || name != field);
            values.bases.push((*of, field.clone(), value.clone()));
        }
    }
    values.put(tx, pair_id, (side, &item.version), now)
}

/// Whether an item was made by this write and not touched since, by its times and, where its tracker counts revisions, by
/// their number. Larger numbers than that are times.
fn is_as_made(intent: &Intent, item: &Item) -> bool {
    let is_first = match item.version.as_str().parse::<u64>() {
        Ok(number) => number <= 1 || number > MOST_REVISIONS,
        Err(_) => true,
    };
    intent.op == WriteOp::Create && item.changed_at <= item.created_at && is_first
}

/// Whether a create came as far as this field. The status may be a step of its own, and a new item has one without it.
fn is_taken(field: &FieldRef, now: &Value) -> bool {
    !now.is_null() && field.as_str() != STATUS_REF
}

/// What is to be recorded about the values of one write.
#[derive(Default)]
struct Values {
    bases: Vec<(Side, FieldRef, Value)>,
    receipts: Vec<(FieldRef, String)>,
    written: BTreeSet<FieldRef>,
}

impl Values {
    fn wrote(&mut self, side: Side, field: FieldRef, value: Value, kind: FieldType) {
        self.receipts.push((field.clone(), fingerprint(&value, kind)));
        self.bases.push((side, field.clone(), value));
        self.written.insert(field);
    }

    fn put(
        self,
        tx: &mut dyn Tx,
        pair_id: PairId,
        (side, version): (Side, &Version),
        now: Timestamp,
    ) -> Result<(), Fault> {
        let base =
            |(side, field_ref, value)| Base { pair_id, side, field_ref, value, updated_at: now };
        let receipt = |(field_ref, hash)| Receipt {
            pair_id,
            side,
            field_ref,
            hash,
            version: version.clone(),
            written_at: now,
        };
        tx.put_bases(&self.bases.into_iter().map(base).collect::<Vec<_>>())?;
        tx.put_receipts(&self.receipts.into_iter().map(receipt).collect::<Vec<_>>())
    }
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
