//! Items without a pair: not copied, or a second copy of an item that has one.

use std::collections::HashMap;

use serde_json::Value;
use syncline_domain::ports::StoreExt as _;
use syncline_domain::{FieldType, Item, ItemId, Side, Timestamp, fingerprint};
use syncline_mapping::{CompiledPair, Occasion};

use super::{CensusDrift, DriftCause, SLICE, Scan, Sided};
use crate::error::PreviewError;
use crate::pass::value_of;

/// An item without a pair.
struct Stranger {
    side: Side,
    id: ItemId,
    changed_at: Timestamp,
    /// What it says in the fields that rules write.
    print: Option<String>,
    /// Why a run could not copy it.
    failure: Option<String>,
}

/// Items without a pair, and what those say that have one.
#[derive(Default)]
pub(super) struct Strangers {
    all: Vec<Stranger>,
    prints: Sided<HashMap<String, ItemId>>,
}

impl Strangers {
    /// Remembers what an item says that has a pair.
    pub(super) fn know(&mut self, scan: &Scan<'_>, side: Side, item: &Item) {
        if let Some(print) = print(scan, side, item) {
            self.prints.of_mut(side).insert(print, item.id.clone());
        }
    }

    /// Notes an item that has none.
    pub(super) fn note(
        &mut self,
        scan: &Scan<'_>,
        side: Side,
        item: &Item,
        failure: Option<String>,
    ) {
        self.all.push(Stranger {
            side,
            id: item.id.clone(),
            changed_at: item.changed_at,
            print: print(scan, side, item),
            failure,
        });
    }

    /// Says which of them should not be without a pair. One that got a pair meanwhile is none.
    pub(super) async fn judge(&self, scan: &Scan<'_>) -> Result<Vec<CensusDrift>, PreviewError> {
        let mut drift = Vec::new();
        for chunk in self.all.chunks(SLICE) {
            let (config, store) = (scan.spec.config.id, &scan.engine.parts.store);
            for side in [Side::Source, Side::Target] {
                let mine = chunk.iter().filter(|stranger| stranger.side == side);
                let ids: Vec<ItemId> = mine.clone().map(|stranger| stranger.id.clone()).collect();
                let paired =
                    store.view("census_unpaired", move |tx| tx.pairs_by_items(config, side, &ids));
                let paired = paired.await?;
                let is_paired = |id: &ItemId| paired.iter().any(|pair| pair.item(side) == Some(id));
                let left = mine.filter(|stranger| !is_paired(&stranger.id));
                drift.extend(left.filter_map(|stranger| self.verdict(scan, stranger)));
            }
        }
        Ok(drift)
    }

    fn verdict(&self, scan: &Scan<'_>, one: &Stranger) -> Option<CensusDrift> {
        // A person may well file one bug twice; a copy of ours is made once.
        let twin = match (one.side, &scan.backward) {
            (Side::Source, None) => None,
            _ => one.print.as_ref().and_then(|print| self.prints.of(one.side).get(print)),
        };
        let (cause, message) = match (twin, one.side) {
            (Some(twin), side) => (
                DriftCause::Duplicate,
                format!(
                    "{side} item {} has no pair and says the same as item {twin}, which has one; delete \
                     the one that nobody needs",
                    one.id
                ),
            ),
            (None, Side::Source) => (DriftCause::UnpairedOnSource, not_copied(scan, one)),
            (None, Side::Target) if scan.backward.is_some() => {
                (DriftCause::UnpairedOnTarget, not_copied(scan, one))
            }
            // People may have items of their own where a one-way configuration writes to.
            (None, Side::Target) => return None,
        };
        let id = |side: Side| (one.side == side).then(|| one.id.clone());
        Some(CensusDrift {
            cause,
            pair_id: None,
            source_id: id(Side::Source),
            target_id: id(Side::Target),
            field: None,
            side: Some(one.side),
            expected: None,
            shown: None,
            message,
        })
    }
}

fn not_copied(scan: &Scan<'_>, one: &Stranger) -> String {
    let what = format!("{} item {} takes part and has no copy", one.side, one.id);
    match (&one.failure, scan.spec.config.last_sync_at) {
        (Some(failure), _) => format!("{what}: a run could not make it ({failure})"),
        (None, Some(last)) if one.changed_at <= last => {
            format!("{what}, though runs came after it; run the configuration with full=true")
        }
        (None, _) => format!("{what}: no run has come to it since it was made or changed"),
    }
}

/// A name for what an item says in the fields that rules write on the target, by the source's rules; `None` for an item
/// that takes no part or says nothing.
fn print(scan: &Scan<'_>, side: Side, item: &Item) -> Option<String> {
    let values: Vec<Value> = match side {
        Side::Source => {
            let rules = scan.forward.plan.pair_for(&item.type_ref)?;
            let pass = &scan.forward;
            let made = pass.plan.map_with(rules, item, Occasion::Update, &pass.context);
            names(rules, |field| made.fields.get(field).cloned().unwrap_or_default())
        }
        Side::Target => {
            let plan = &scan.forward.plan;
            let rules = plan.pairs().iter().find(|pair| pair.written_type() == item.type_ref)?;
            names(rules, |field| value_of(item, field))
        }
    };
    let nothing = fingerprint(&Value::Null, FieldType::String);
    let says = values.iter().any(|name| name.as_str() != Some(nothing.as_str()));
    let all = Value::Array(values);
    says.then(|| format!("{}/{}", item.type_ref, fingerprint(&all, FieldType::Picklist)))
}

fn names(rules: &CompiledPair, value: impl Fn(&syncline_domain::FieldRef) -> Value) -> Vec<Value> {
    let written = rules.written().iter();
    written.map(|one| fingerprint(&value(&one.field), one.field_type).into()).collect()
}
