//! Asking a tracker what became of writes without an answer.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use syncline_domain::ports::{
    Connector, ConnectorError, FindCreated, Marker, OwnChange, StoreExt as _, Tx,
};
use syncline_domain::{
    ConfigId, ConnectorId, Direction, ExecutionId, Fault, Intent, IntentPlan, Item, ItemId, Side,
    Timestamp,
};

use super::trace::Account;
use super::{Bases, End, Ends, Found, SKEW, Types, put, trace};
use crate::adopt::{Fate, Lost, match_up};
use crate::comments;
use crate::course::Course;
use crate::error::Stop;
use crate::page::at;

/// The look at one side.
pub(super) struct Look<'a> {
    pub(super) course: &'a Course,
    pub(super) side: Side,
    pub(super) connector: &'a dyn Connector,
    pub(super) now: Timestamp,
    /// When the runs that planned the intents ended.
    pub(super) ended: &'a BTreeMap<ExecutionId, Timestamp>,
}

impl Look<'_> {
    fn connector_id(&self) -> ConnectorId {
        self.course.spec.config.connector(self.side)
    }

    pub(super) async fn creates(&self, intents: &[&Intent], ends: &mut Ends) -> Result<(), Stop> {
        let mut by_type: BTreeMap<String, Vec<&Intent>> = BTreeMap::new();
        for intent in intents {
            let IntentPlan::V1 { type_ref, .. } = &intent.plan;
            by_type.entry(type_ref.clone().unwrap_or_default()).or_default().push(intent);
        }
        for (type_ref, intents) in by_type {
            let unmarked = self.by_marker(&type_ref, intents, ends).await?;
            self.by_values(&type_ref, &unmarked, ends).await?;
        }
        Ok(())
    }

    /// Finds what carries its marker; the rest comes back.
    async fn by_marker<'i>(
        &self,
        type_ref: &str,
        intents: Vec<&'i Intent>,
        ends: &mut Ends,
    ) -> Result<Vec<&'i Intent>, Stop> {
        let field = self.course.spec.config.options.external_id_field.as_ref();
        let Some(field) = field.filter(|_| self.side == Side::Target) else { return Ok(intents) };
        let mut rest = Vec::new();
        for intent in intents {
            let marker = Marker { field: field.clone(), value: intent.op_id.to_string() };
            let query = FindCreated {
                type_ref: type_ref.to_owned(),
                since: intent.created_at.before(SKEW),
                marker: Some(marker),
            };
            let mut found = self.find(&query).await?;
            match (found.pop(), found.is_empty()) {
                (Some(item), true) => drop(ends.insert(intent.id, End::made(item))),
                (Some(item), false) => {
                    let ids = found.iter().chain([&item]).map(|item| item.id.clone()).collect();
                    ends.insert(intent.id, End::Doubtful(ids));
                }
                (None, _) => rest.push(intent),
            }
        }
        Ok(rest)
    }

    async fn find(&self, query: &FindCreated) -> Result<Vec<Item>, Stop> {
        let found = self.connector.find_created(query).await;
        let mut found = found.map_err(|error| at(self.side, error))?;
        let ids: Vec<ItemId> = found.iter().map(|item| item.id.clone()).collect();
        if ids.is_empty() {
            return Ok(found);
        }
        let (config, connector) = (self.course.spec.config.id, self.connector_id());
        let is_marked = query.marker.is_some();
        let paired: BTreeSet<ItemId> = self
            .course
            .parts
            .store
            .view("recover_paired", move |tx| taken(tx, config, connector, is_marked, &ids))
            .await?;
        found.retain(|item| !paired.contains(&item.id));
        Ok(found)
    }

    async fn by_values(
        &self,
        type_ref: &str,
        intents: &[&Intent],
        ends: &mut Ends,
    ) -> Result<(), Stop> {
        let Some(first) = intents.iter().map(|intent| intent.created_at).min() else {
            return Ok(());
        };
        let query =
            FindCreated { type_ref: type_ref.to_owned(), since: first.before(SKEW), marker: None };
        let mut candidates = self.find(&query).await?;
        let taken = |item: &Item| {
            ends.values().any(|end| matches!(end, End::Adopted(other) if other.item.id == item.id))
        };
        candidates.retain(|item| !taken(item));
        let lost: Vec<Lost> = intents.iter().map(|intent| lost(intent)).collect();
        let types = Types { spec: &self.course.spec, side: self.side, type_ref };
        let fates = match_up(&types, &lost, &candidates);
        for intent in intents {
            let end = match fates.get(&intent.id) {
                Some(Fate::Made(id)) => match candidates.iter().find(|item| item.id == *id) {
                    Some(item) => End::made(item.clone()),
                    None => End::Never,
                },
                Some(Fate::Doubtful(ids)) => End::Doubtful(ids.clone()),
                Some(Fate::Nowhere) | None => self.nowhere(intent),
            };
            ends.insert(intent.id, end);
        }
        Ok(())
    }

    /// Nothing was found; it may be too early to say so. The write may have happened as late as the end of its run.
    fn nowhere(&self, intent: &Intent) -> End {
        let ended = self.ended.get(&intent.execution_id).copied();
        let sent_by = ended.map_or(intent.created_at, |at| at.max(intent.created_at));
        let until = sent_by.after(self.connector.capabilities().search_lag);
        if self.now < until { End::Later(until) } else { End::Never }
    }

    pub(super) async fn updates(&self, intents: &[&Intent], ends: &mut Ends) -> Result<(), Stop> {
        let ids: Vec<ItemId> = intents.iter().filter_map(|intent| intent.item_id.clone()).collect();
        let bases = self.bases(intents).await?;
        let mut there: HashMap<ItemId, Item> = HashMap::new();
        for chunk in ids.chunks(self.connector.capabilities().fetch_batch.max(1)) {
            let items = self.connector.fetch(chunk).await.map_err(|error| at(self.side, error))?;
            there.extend(items.into_iter().map(|item| (item.id.clone(), item)));
        }
        for intent in intents {
            let there = intent.item_id.as_ref().and_then(|id| there.get(id));
            let end = match there {
                Some(item) => self.update(intent, item, bases.get(&intent.from_item_id)).await?,
                None => End::Never,
            };
            ends.insert(intent.id, end);
        }
        Ok(())
    }

    async fn update(
        &self,
        intent: &Intent,
        item: &Item,
        bases: Option<&Bases>,
    ) -> Result<End, Stop> {
        let changes = self.own_changes(intent, item).await?;
        let types = Types { spec: &self.course.spec, side: self.side, type_ref: &item.type_ref };
        let account = Account::of(&types, &intent.plan, changes);
        let none = Bases::new();
        let bases = bases.unwrap_or(&none);
        if !trace::happened(&types, &intent.plan, item, bases, &account) {
            return Ok(End::Never);
        }
        Ok(End::Adopted(Box::new(Found { item: item.clone(), account })))
    }

    /// What our account changed since the write was planned; `None` where the tracker does not tell.
    async fn own_changes(
        &self,
        intent: &Intent,
        item: &Item,
    ) -> Result<Option<Vec<OwnChange>>, Stop> {
        let IntentPlan::V1 { expected: Some(expected), .. } = &intent.plan else { return Ok(None) };
        match self.connector.own_changes(&item.id, expected).await {
            Ok(changes) => Ok(changes),
            Err(error) if error.kind.stops_run() => Err(at(self.side, error)),
            Err(error) => {
                log::warn!(
                    "the changes of item {} cannot be read, its values decide: {error}",
                    item.id
                );
                Ok(None)
            }
        }
    }

    /// What the written side showed before, by the item that was read.
    async fn bases(&self, intents: &[&Intent]) -> Result<HashMap<ItemId, Bases>, Stop> {
        let from: Vec<ItemId> = intents.iter().map(|intent| intent.from_item_id.clone()).collect();
        if from.is_empty() {
            return Ok(HashMap::new());
        }
        let (config, side) = (self.course.spec.config.id, self.side);
        let store = &self.course.parts.store;
        let known = store.view("recover_bases", move |tx| put::known(tx, config, side, &from));
        Ok(known.await?)
    }

    pub(super) async fn comments(&self, intents: &[&Intent], ends: &mut Ends) -> Result<(), Stop> {
        let mut adopted = Vec::new();
        for intent in intents {
            let found = comments::find_copy(self.course, self.connector, intent, &adopted).await;
            let end = match found {
                Ok(Some(pair)) => {
                    adopted.push(pair.clone());
                    End::Commented(Box::new(pair))
                }
                Ok(None) => End::Never,
                Err(comments::LookError::Store(fault)) => return Err(fault.into()),
                Err(comments::LookError::Connector(error)) => self.unknown_comment(error)?,
            };
            ends.insert(intent.id, end);
        }
        Ok(())
    }

    /// An item whose comments cannot be read any more gets none.
    fn unknown_comment(&self, error: ConnectorError) -> Result<End, Stop> {
        if error.kind.stops_run() { Err(at(self.side, error)) } else { Ok(End::Never) }
    }
}

/// Items that are somebody's copy already. One that another configuration reads from this tracker may be ours all the
/// same: it was copied onward before its own pair was recorded. A marker tells it from every other item; without one, an
/// item that another configuration may have written itself is left to that one.
fn taken(
    tx: &mut dyn Tx,
    config: ConfigId,
    connector: ConnectorId,
    is_marked: bool,
    items: &[ItemId],
) -> Result<BTreeSet<ItemId>, Fault> {
    let mut taken = BTreeSet::new();
    for other in tx.configs()? {
        for side in [Side::Source, Side::Target] {
            let reads_only = side == Side::Source && other.direction == Direction::OneWay;
            let counts = other.id == config || !(is_marked || reads_only);
            if counts && other.connector(side) == connector {
                let pairs = tx.pairs_by_items(other.id, side, items)?;
                taken.extend(pairs.iter().filter_map(|pair| pair.item(side).cloned()));
            }
        }
    }
    Ok(taken)
}

fn lost(intent: &Intent) -> Lost {
    let IntentPlan::V1 { status, fields, .. } = &intent.plan;
    Lost { intent: intent.id, status: status.clone(), fields: fields.clone() }
}
