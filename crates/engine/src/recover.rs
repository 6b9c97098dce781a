//! The look at writes whose outcome nobody recorded: found and adopted, or planned anew; never repeated blindly.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use syncline_domain::ports::{Connector, ConnectorError, FindCreated, Marker, StoreExt as _, Tx};
use syncline_domain::{
    Base, ConnectorId, ErrorType, Fault, FieldRef, FieldType, Fields, Intent, IntentId, IntentPlan,
    IntentState, Item, ItemError, ItemId, ItemRetry, ItemState, Pair, PairId, PairState, Receipt,
    STATUS_REF, Side, SyncSpec, Timestamp, TypePair, Version, WriteOp, fingerprint,
};

use crate::adopt::{Compare, Fate, Lost, match_up, shows};
use crate::comments;
use crate::course::Course;
use crate::error::Stop;
use crate::known::sent_ref;
use crate::merge::alike;
use crate::outcome::{RetryMove, Verdict};
use crate::page::at;
use crate::pass::value_of;
use crate::points;

/// How far a tracker's clock may be before ours.
pub(crate) const SKEW: Duration = Duration::from_secs(5 * 60);

/// What was found out about earlier writes.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    held: HashMap<(Side, ItemId), Hold>,
    adopted: HashMap<(Side, ItemId), WriteOp>,
}

/// Why an item is not touched in this run.
#[derive(Clone, Debug)]
pub(crate) enum Hold {
    /// Its copy may be there without being found yet.
    Lag(Timestamp),
    /// Several items may be its copy.
    Doubtful(Vec<ItemId>),
    /// The run may not write what it would find.
    NotNow,
}

impl Hold {
    /// The state in which the item leaves the run.
    pub(crate) fn verdict(&self) -> Verdict {
        let verdict = match self {
            Self::Lag(until) => Verdict::waiting(
                format!("an earlier write may show up in searches until {until}"),
                None,
                RetryMove::Keep,
            ),
            Self::Doubtful(ids) => {
                let ids: Vec<&str> = ids.iter().take(5).map(ItemId::as_str).collect();
                Verdict::conflicted(format!(
                    "an earlier write has no known outcome, and several items may be the copy ({}); \
                     pair the right one by hand",
                    ids.join(", ")
                ))
            }
            Self::NotNow => Verdict::waiting(
                "an earlier write has no known outcome yet; the next real run looks first",
                None,
                RetryMove::Keep,
            ),
        };
        Verdict { retry: RetryMove::Keep, ..verdict }
    }
}

impl Recovered {
    /// Why an item is not touched in this run, if so.
    pub(crate) fn held(&self, side: Side, item: &ItemId) -> Option<&Hold> {
        if self.held.is_empty() {
            return None;
        }
        self.held.get(&(side, item.clone()))
    }

    /// An item whose earlier write was found in this run was written, not left unchanged.
    pub(crate) fn relabel(&self, side: Side, item: &ItemId, verdict: Verdict) -> Verdict {
        if self.adopted.is_empty() {
            return verdict;
        }
        let state = match (self.adopted.get(&(side, item.clone())), verdict.state) {
            (Some(WriteOp::Create), ItemState::Unchanged | ItemState::Updated) => {
                ItemState::Created
            }
            (Some(WriteOp::Update), ItemState::Unchanged) => ItemState::Updated,
            _ => return verdict,
        };
        Verdict { state, ..verdict }.by_rule("found after a lost answer")
    }
}

/// What becomes of one intent.
enum End {
    /// It made or changed this item.
    Adopted(Box<Item>),
    /// Its comment is there.
    Commented(Box<syncline_domain::CommentPair>),
    /// It did not happen.
    Never,
    /// Nobody can say.
    Doubtful(Vec<ItemId>),
    /// Nobody can say yet.
    Later(Timestamp),
}

/// Looks at all open intents of the configuration.
pub(crate) async fn recover(
    course: &mut Course,
    source: &Arc<dyn Connector>,
    target: &Arc<dyn Connector>,
) -> Result<Recovered, Stop> {
    let config = course.spec.config.id;
    let intents =
        course.parts.store.view("open_intents", move |tx| tx.open_intents(config)).await?;
    if intents.is_empty() {
        return Ok(Recovered::default());
    }
    if !course.is_live() {
        let held = intents
            .into_iter()
            .filter(|intent| intent.op != WriteOp::Comment)
            .map(|intent| ((intent.side.other(), intent.from_item_id), Hold::NotNow));
        return Ok(Recovered { held: held.collect(), ..Recovered::default() });
    }
    let mut ends = BTreeMap::new();
    for (side, connector) in [(Side::Source, source), (Side::Target, target)] {
        let look = Look { course, side, connector: connector.as_ref(), now: course.now() };
        let mine = |op: WriteOp| {
            let of_side = intents.iter().filter(move |intent| intent.side == side);
            of_side.filter(move |intent| intent.op == op).collect::<Vec<_>>()
        };
        look.creates(&mine(WriteOp::Create), &mut ends).await?;
        look.updates(&mine(WriteOp::Update), &mut ends).await?;
        look.comments(&mine(WriteOp::Comment), &mut ends).await?;
    }
    conclude(course, intents, ends).await
}

/// The look at one side.
struct Look<'a> {
    course: &'a Course,
    side: Side,
    connector: &'a dyn Connector,
    now: Timestamp,
}

type Ends = BTreeMap<IntentId, End>;

impl Look<'_> {
    fn connector_id(&self) -> ConnectorId {
        self.course.spec.config.connector(self.side)
    }

    async fn creates(&self, intents: &[&Intent], ends: &mut Ends) -> Result<(), Stop> {
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
                (Some(item), true) => drop(ends.insert(intent.id, End::Adopted(Box::new(item)))),
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
        let connector = self.connector_id();
        let paired: BTreeSet<ItemId> = self
            .course
            .parts
            .store
            .view("recover_paired", move |tx| tx.paired_items(connector, &ids))
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
            ends.values().any(|end| matches!(end, End::Adopted(other) if other.id == item.id))
        };
        candidates.retain(|item| !taken(item));
        let lost: Vec<Lost> = intents.iter().map(|intent| lost(intent)).collect();
        let types = Types { spec: &self.course.spec, side: self.side, type_ref };
        let fates = match_up(&types, &lost, &candidates);
        for intent in intents {
            let end = match fates.get(&intent.id) {
                Some(Fate::Made(id)) => match candidates.iter().find(|item| item.id == *id) {
                    Some(item) => End::Adopted(Box::new(item.clone())),
                    None => End::Never,
                },
                Some(Fate::Doubtful(ids)) => End::Doubtful(ids.clone()),
                Some(Fate::Nowhere) | None => self.nowhere(intent),
            };
            ends.insert(intent.id, end);
        }
        Ok(())
    }

    /// Nothing was found; it may be too early to say so.
    fn nowhere(&self, intent: &Intent) -> End {
        let until = intent.created_at.after(self.connector.capabilities().search_lag);
        if self.now < until { End::Later(until) } else { End::Never }
    }

    async fn updates(&self, intents: &[&Intent], ends: &mut Ends) -> Result<(), Stop> {
        let ids: Vec<ItemId> = intents.iter().filter_map(|intent| intent.item_id.clone()).collect();
        let mut there: HashMap<ItemId, Item> = HashMap::new();
        for chunk in ids.chunks(self.connector.capabilities().fetch_batch.max(1)) {
            let items = self.connector.fetch(chunk).await.map_err(|error| at(self.side, error))?;
            there.extend(items.into_iter().map(|item| (item.id.clone(), item)));
        }
        for intent in intents {
            let item = intent.item_id.as_ref().and_then(|id| there.get(id));
            let end = match item.filter(|item| self.took_effect(intent, item)) {
                Some(item) => End::Adopted(Box::new(item.clone())),
                None => End::Never,
            };
            ends.insert(intent.id, end);
        }
        Ok(())
    }

    fn took_effect(&self, intent: &Intent, item: &Item) -> bool {
        let IntentPlan::V1 { status, fields, .. } = &intent.plan;
        let types = Types { spec: &self.course.spec, side: self.side, type_ref: &item.type_ref };
        let status_there = status.is_none()
            || status.as_deref().map(str::to_lowercase)
                == item.status.as_deref().map(str::to_lowercase);
        status_there
            && fields.iter().all(|(field, planned)| {
                shows(planned, &value_of(item, field), types.field_type(field))
            })
    }

    async fn comments(&self, intents: &[&Intent], ends: &mut Ends) -> Result<(), Stop> {
        let mut adopted = Vec::new();
        for intent in intents {
            let found = comments::find_copy(self.course, self.connector, intent, &adopted).await;
            let end = match found {
                Ok(Some(pair)) => {
                    adopted.push(match self.side {
                        Side::Source => pair.source_comment_id.clone(),
                        Side::Target => pair.target_comment_id.clone(),
                    });
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

fn lost(intent: &Intent) -> Lost {
    let IntentPlan::V1 { status, fields, .. } = &intent.plan;
    Lost { intent: intent.id, status: status.clone(), fields: fields.clone() }
}

/// The field types of one type of one side.
struct Types<'a> {
    spec: &'a SyncSpec,
    side: Side,
    type_ref: &'a str,
}

impl Compare for Types<'_> {
    fn field_type(&self, field: &FieldRef) -> FieldType {
        let mut ends = self.spec.types.iter().map(|pair| pair.end(self.side));
        let schema = ends
            .find(|end| end.reference == self.type_ref)
            .and_then(|end| end.field(field.as_str()));
        match schema {
            Some(schema) if schema.is_multiple && schema.field_type != FieldType::Identity => {
                FieldType::Array
            }
            Some(schema) => schema.field_type,
            None => FieldType::String,
        }
    }
}

/// Records what was found, and makes sure that every item concerned is looked at again.
async fn conclude(
    course: &mut Course,
    intents: Vec<Intent>,
    ends: Ends,
) -> Result<Recovered, Stop> {
    let mut recovered = Recovered::default();
    for intent in &intents {
        let key = (intent.side.other(), intent.from_item_id.clone());
        match ends.get(&intent.id) {
            Some(End::Adopted(_)) => drop(recovered.adopted.insert(key, intent.op)),
            Some(End::Doubtful(ids)) => {
                recovered.held.insert(key, Hold::Doubtful(ids.clone()));
            }
            Some(End::Later(until)) => drop(recovered.held.insert(key, Hold::Lag(*until))),
            Some(End::Never | End::Commented(_)) | None => {}
        }
    }
    course.reach(points::RECOVER_BEFORE_COMMIT)?;
    let (spec, now) = (Arc::clone(&course.spec), course.now());
    course
        .fenced("recover", move |tx| {
            for intent in &intents {
                if let Some(end) = ends.get(&intent.id) {
                    put_end(tx, &spec, intent, end, now)?;
                    look_again(tx, &spec, intent, end, now)?;
                }
            }
            Ok(())
        })
        .await?;
    course.reach(points::RECOVER_AFTER_COMMIT)?;
    Ok(recovered)
}

fn put_end(
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
    let IntentPlan::V1 { status, fields, .. } = &intent.plan;
    let types = Types { spec, side: intent.side, type_ref: &item.type_ref };
    let mut planned: Fields = fields.clone();
    if let Some(status) = status {
        planned.insert(FieldRef::new(STATUS_REF), status.clone().into());
    }
    let mut bases = Vec::new();
    let mut receipts = Vec::new();
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
        if !alike(&sent, &now_there, kind) && shows(&sent, &now_there, kind) {
            bases.push(base(sent_ref(&field), sent));
        }
        bases.push(base(field, now_there));
    }
    tx.put_bases(&bases)?;
    tx.put_receipts(&receipts)
}

/// The item's row among those to be tried again, so that a cursor that has passed it loses nothing.
fn look_again(
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
