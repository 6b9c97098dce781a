//! The walk through what changed.
//!
//! One query lists the ids by change time; the ids stay in memory, the items are read page by page. A query that finds
//! more than a server lists is given up for a walk by id in portions, after which the changes go on from the instant at
//! which that walk began.
//!
//! Invariant: a page's cursor never passes an item that was not handed out. Items change while they are read, and then
//! carry a later change time than the list was sorted by; such times do not move the cursor, which therefore counts
//! only times up to the instant of the query.

use std::collections::BTreeMap;
use std::time::Duration;

use syncline_domain::ports::{
    BoxFuture, ChangePage, ChangeQuery, ChangeWalk, ConnectorError, ErrorKind,
};
use syncline_domain::{Cursor, Item, Timestamp};

use super::convert;
use super::cursor::{Place, Seen};
use super::errors::is_too_many;
use super::filter;
use super::reading::{READ_BATCH, read_all, selection};
use super::requests::Api;
use super::wire::QueryAnswer;

/// Changes become visible a little after their time, and clocks of a server farm differ a little.
const OVERLAP: Duration = Duration::from_secs(120);
/// A server lists at most 20,000 items; asked for fewer it cuts the list instead of refusing.
const LIST: usize = 19_999;
/// Ids a portion of a walk by id.
const PORTION: usize = 10_000;
/// So many consecutive ids can never be too many items.
const WINDOW: u64 = 19_000;
/// Items of the overlap that a cursor remembers; more are simply read again.
const MOST_SEEN: usize = 100;

/// A walk; see the module's documentation.
pub(super) struct Walk<'a> {
    api: &'a Api,
    conditions: Result<Vec<String>, String>,
    fields: Vec<String>,
    stage: Stage,
    /// What was handed out lately, by this walk or the one before.
    seen: BTreeMap<u64, Timestamp>,
}

enum Stage {
    Fresh(Option<Cursor>),
    Reading(List),
    Done,
}

/// Ids that are listed and not read yet.
struct List {
    ids: std::vec::IntoIter<u64>,
    total: Option<u64>,
    kind: Kind,
}

enum Kind {
    /// By change time: all there is.
    Changes {
        /// The instant of the query.
        as_of: Option<Timestamp>,
        /// Everything up to here has been handed out.
        reached: Timestamp,
    },
    /// By id: a portion.
    Portion(Portion),
}

/// A part of a walk by id.
#[derive(Clone, Copy)]
struct Portion {
    /// Ids up to this one are done.
    after: u64,
    since: Option<Timestamp>,
    began: Timestamp,
    /// The id after which the next portion begins; none when this is the last one.
    next: Option<u64>,
}

impl Portion {
    fn place(&self, after: u64) -> Place {
        Place::Backfill { after, since: self.since, began: self.began }
    }
}

impl<'a> Walk<'a> {
    /// Looks nothing up yet.
    pub(super) fn new(api: &'a Api, query: &ChangeQuery, since: Option<Cursor>) -> Self {
        Self {
            api,
            conditions: filter::conditions(query, api.config.area_path.as_deref()),
            fields: selection(&query.fields),
            stage: Stage::Fresh(since),
            seen: BTreeMap::new(),
        }
    }

    async fn page(&mut self, limit: usize) -> Result<Option<ChangePage>, ConnectorError> {
        loop {
            match std::mem::replace(&mut self.stage, Stage::Done) {
                Stage::Done => return Ok(None),
                Stage::Fresh(since) => match self.open(since.as_ref()).await {
                    Ok(list) => self.stage = Stage::Reading(list),
                    Err(error) => {
                        self.stage = Stage::Fresh(since);
                        return Err(error);
                    }
                },
                Stage::Reading(list) => return self.read(list, limit).await,
            }
        }
    }

    async fn open(&mut self, since: Option<&Cursor>) -> Result<List, ConnectorError> {
        match since.map(Place::read).transpose()? {
            None => self.changes(None).await,
            Some(Place::Delta { at, seen }) => {
                self.seen = seen.into_iter().map(|Seen(id, at)| (id, at)).collect();
                self.changes(Some(at)).await
            }
            Some(Place::Backfill { after, since, began }) => {
                self.portion(Portion { after, since, began, next: None }).await
            }
        }
    }

    async fn changes(&self, at: Option<Timestamp>) -> Result<List, ConnectorError> {
        let since = at.map(|at| at.before(OVERLAP));
        let order = "[System.ChangedDate] ASC, [System.Id] ASC";
        let wiql = self.wiql(since, &self.unless_seen(), order)?;
        let by_id = |began| Portion { after: 0, since, began, next: None };
        match self.api.query(&wiql, LIST).await {
            Ok(answer) if answer.work_items.len() < LIST => Ok(all_changes(&answer, at)),
            Ok(answer) => {
                // Without the server's instant the old place must do: the walk by id reads it all anyway.
                let began = as_of(&answer).or(at).unwrap_or_default();
                self.portion(by_id(began)).await
            }
            Err(error) if is_too_many(&error) => {
                let began = self.server_instant().await?;
                self.portion(by_id(began)).await
            }
            Err(error) => Err(error),
        }
    }

    /// Leaves out what the last walk handed out in the overlap, unless it changed since; one condition for each time.
    fn unless_seen(&self) -> Vec<String> {
        let mut by_time: BTreeMap<Timestamp, Vec<String>> = BTreeMap::new();
        for (id, at) in &self.seen {
            by_time.entry(*at).or_default().push(id.to_string());
        }
        let condition = |(at, ids): (Timestamp, Vec<String>)| {
            let (ids, at) = (ids.join(", "), at.to_iso());
            format!("([System.Id] NOT IN ({ids}) OR [System.ChangedDate] > '{at}')")
        };
        by_time.into_iter().map(condition).collect()
    }

    /// What time the server has: a query that can find one item at most.
    async fn server_instant(&self) -> Result<Timestamp, ConnectorError> {
        let wiql = self.wiql(None, &["[System.Id] = 1".to_owned()], "[System.Id] ASC")?;
        let answer = self.api.query(&wiql, 1).await?;
        as_of(&answer).ok_or_else(|| {
            let text = "azure devops answered a query without its instant (asOf)";
            ConnectorError::new(ErrorKind::Protocol, text)
        })
    }

    async fn portion(&self, place: Portion) -> Result<List, ConnectorError> {
        let order = "[System.Id] ASC";
        let from = format!("[System.Id] > {}", place.after);
        let wiql = self.wiql(place.since, std::slice::from_ref(&from), order)?;
        let (answer, end) = match self.api.query(&wiql, PORTION).await {
            Err(error) if is_too_many(&error) => {
                let end = place.after.saturating_add(WINDOW);
                let to = format!("[System.Id] <= {end}");
                let wiql = self.wiql(place.since, &[from, to], order)?;
                (self.api.query(&wiql, LIST).await?, Some(end))
            }
            other => (other?, None),
        };
        let ids: Vec<u64> = answer.work_items.iter().map(|item| item.id).collect();
        let last_of_full = ids.last().copied().filter(|_| ids.len() >= PORTION);
        let kind = Kind::Portion(Portion { next: end.or(last_of_full), ..place });
        Ok(List { ids: ids.into_iter(), total: None, kind })
    }

    fn wiql(
        &self,
        since: Option<Timestamp>,
        more: &[String],
        order: &str,
    ) -> Result<String, ConnectorError> {
        let invalid = |why| ConnectorError::new(ErrorKind::Invalid, why);
        let mut all = self.conditions.clone().map_err(invalid)?;
        all.extend(since.map(|at| format!("[System.ChangedDate] >= '{}'", at.to_iso())));
        all.extend_from_slice(more);
        let all = all.join(" AND ");
        Ok(format!("SELECT [System.Id] FROM WorkItems WHERE {all} ORDER BY {order}"))
    }

    async fn read(
        &mut self,
        mut list: List,
        limit: usize,
    ) -> Result<Option<ChangePage>, ConnectorError> {
        let ids: Vec<u64> = list.ids.by_ref().take(limit.clamp(1, READ_BATCH)).collect();
        let items = match self.items(&ids).await {
            Ok(items) => items,
            Err(error) => {
                // Nothing was handed out, so the next call tries the same ids again.
                let rest: Vec<u64> = ids.into_iter().chain(list.ids).collect();
                self.stage = Stage::Reading(List { ids: rest.into_iter(), ..list });
                return Err(error);
            }
        };
        self.seen.extend(items.iter().map(|(id, item)| (*id, item.changed_at)));
        let total = list.total;
        let place = self.place_behind(list, &items, ids.last().copied());
        let items = items.into_iter().map(|(_, item)| item).collect();
        Ok(Some(ChangePage { items, cursor: place.to_cursor(), total }))
    }

    /// The place behind a page; also sets what comes next.
    fn place_behind(&mut self, list: List, items: &[(u64, Item)], last_id: Option<u64>) -> Place {
        let is_last = list.ids.len() == 0;
        match list.kind {
            Kind::Changes { as_of, reached } => {
                let reached = furthest(items, as_of, reached);
                if !is_last {
                    let kind = Kind::Changes { as_of, reached };
                    self.stage = Stage::Reading(List { kind, ..list });
                }
                let at = as_of.filter(|_| is_last).unwrap_or(reached);
                Place::Delta { at, seen: self.seen_before(at) }
            }
            Kind::Portion(portion) if !is_last => {
                self.forget_before(portion.began);
                let after = last_id.unwrap_or(portion.after);
                let kind = Kind::Portion(Portion { after, ..portion });
                self.stage = Stage::Reading(List { kind, ..list });
                portion.place(after)
            }
            Kind::Portion(portion) => match portion.next {
                Some(next) => {
                    let place = portion.place(next);
                    // The next portion is listed when it is asked for.
                    self.stage = Stage::Fresh(Some(place.to_cursor()));
                    place
                }
                None => Place::Delta { at: portion.began, seen: self.seen_before(portion.began) },
            },
        }
    }

    /// What a later walk from `at` would find again because of the overlap; nothing when that is a lot.
    fn seen_before(&mut self, at: Timestamp) -> Vec<Seen> {
        self.forget_before(at);
        if self.seen.len() > MOST_SEEN {
            return Vec::new();
        }
        self.seen.iter().map(|(id, changed)| Seen(*id, *changed)).collect()
    }

    /// What lies before the overlap of a later walk from `at` cannot come again.
    fn forget_before(&mut self, at: Timestamp) {
        let from = at.before(OVERLAP);
        self.seen.retain(|_, changed| *changed >= from);
    }

    /// The items, oldest change first.
    async fn items(&self, ids: &[u64]) -> Result<Vec<(u64, Item)>, ConnectorError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let read = read_all(self.api, ids, &self.fields).await?;
        let item = |wire: super::wire::WorkItem| (wire.id, convert::item(&self.api.config, wire));
        let mut items: Vec<(u64, Item)> = read.into_iter().map(item).collect();
        items.sort_by_key(|(id, item)| (item.changed_at, *id));
        items.dedup_by_key(|(id, _)| *id);
        Ok(items)
    }
}

impl ChangeWalk for Walk<'_> {
    fn next_page(
        &mut self,
        limit: usize,
    ) -> BoxFuture<'_, Result<Option<ChangePage>, ConnectorError>> {
        Box::pin(self.page(limit))
    }
}

fn all_changes(answer: &QueryAnswer, at: Option<Timestamp>) -> List {
    let ids: Vec<u64> = answer.work_items.iter().map(|item| item.id).collect();
    let total = u64::try_from(ids.len()).ok();
    let kind = Kind::Changes { as_of: as_of(answer), reached: at.unwrap_or_default() };
    List { ids: ids.into_iter(), total, kind }
}

fn as_of(answer: &QueryAnswer) -> Option<Timestamp> {
    answer.as_of.as_deref().and_then(|text| Timestamp::parse(text).ok())
}

/// The latest change time of a page that is not later than the query; such a time is the one the list is sorted by.
fn furthest(items: &[(u64, Item)], as_of: Option<Timestamp>, before: Timestamp) -> Timestamp {
    let counts = |at: &Timestamp| as_of.is_none_or(|as_of| *at <= as_of);
    items.iter().map(|(_, item)| item.changed_at).filter(counts).fold(before, Timestamp::max)
}
