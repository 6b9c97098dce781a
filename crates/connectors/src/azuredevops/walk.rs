//! The walk through what changed.
//!
//! One query lists the ids by change time; the ids stay in memory, the items are read page by page. A query that finds
//! more than a server lists is given up for a walk by id in portions, after which the changes go on from the instant at
//! which that walk began.
//!
//! Invariant: a page's cursor never passes an item that was not handed out. Items change while they are read, and then
//! carry a later change time than the list was sorted by; such times do not move the cursor, which therefore counts
//! only times up to the instant of the query.

use std::time::Duration;

use syncline_domain::ports::{BoxFuture, ChangePage, ChangeQuery, ChangeWalk, ConnectorError, ErrorKind};
use syncline_domain::{Cursor, Item, Timestamp};

use super::convert;
use super::cursor::Place;
use super::errors::is_too_many;
use super::filter;
use super::reading::{READ_BATCH, read_all, selection};
use super::requests::Api;
use super::wire::QueryAnswer;

/// Changes become visible a little after their time, and clocks of a server farm differ a little.
pub(super) const OVERLAP: Duration = Duration::from_secs(120);
/// A server lists at most 20,000 items; asked for fewer it cuts the list instead of refusing.
const LIST: usize = 19_999;
/// Ids a portion of a walk by id.
const PORTION: usize = 10_000;
/// So many consecutive ids can never be too many items.
const WINDOW: u64 = 19_000;

/// A walk; see the module's documentation.
pub(super) struct Walk<'a> {
    api: &'a Api,
    conditions: Result<Vec<String>, String>,
    fields: Vec<String>,
    stage: Stage,
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
    Portion {
        /// Where the next portion begins.
        next: Option<Place>,
        /// The place as far as the portion has been read.
        so_far: Place,
    },
}

impl<'a> Walk<'a> {
    /// Looks nothing up yet.
    pub(super) fn new(api: &'a Api, query: &ChangeQuery, since: Option<Cursor>) -> Self {
        Self {
            api,
            conditions: filter::conditions(query, api.config.area_path.as_deref()),
            fields: selection(&query.fields),
            stage: Stage::Fresh(since),
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

    async fn open(&self, since: Option<&Cursor>) -> Result<List, ConnectorError> {
        let place = since.map(Place::read).transpose()?;
        match place {
            None => self.changes(None).await,
            Some(Place::Delta { at }) => self.changes(Some(at)).await,
            Some(portion @ Place::Backfill { .. }) => self.portion(portion).await,
        }
    }

    async fn changes(&self, at: Option<Timestamp>) -> Result<List, ConnectorError> {
        let since = at.map(|at| at.before(OVERLAP));
        let wiql = self.wiql(since, &[], "[System.ChangedDate] ASC, [System.Id] ASC")?;
        match self.api.query(&wiql, LIST).await {
            Ok(answer) if answer.work_items.len() < LIST => Ok(all_changes(&answer, at)),
            Ok(answer) => {
                // Without the server's instant the newest change we know of must do: the walk by id reads it all anyway.
                let began = as_of(&answer).or(at).unwrap_or_default();
                self.portion(Place::Backfill { after: 0, since, began }).await
            }
            Err(error) if is_too_many(&error) => {
                let began = self.server_instant().await?;
                self.portion(Place::Backfill { after: 0, since, began }).await
            }
            Err(error) => Err(error),
        }
    }

    /// What time the server has: a query that can find one item at most.
    async fn server_instant(&self) -> Result<Timestamp, ConnectorError> {
        let wiql = self.wiql(None, &["[System.Id] = 1".to_owned()], "[System.Id] ASC")?;
        let answer = self.api.query(&wiql, 1).await?;
        as_of(&answer).ok_or_else(|| {
            ConnectorError::new(ErrorKind::Protocol, "azure devops answered a query without its instant (asOf)")
        })
    }

    async fn portion(&self, place: Place) -> Result<List, ConnectorError> {
        let Place::Backfill { after, since, began } = place else {
            return Err(ConnectorError::new(ErrorKind::Protocol, "a walk by id needs a place by id"));
        };
        let from = format!("[System.Id] > {after}");
        let wiql = self.wiql(since, std::slice::from_ref(&from), "[System.Id] ASC")?;
        let (answer, end) = match self.api.query(&wiql, PORTION).await {
            Err(error) if is_too_many(&error) => {
                let end = after.saturating_add(WINDOW);
                let wiql = self.wiql(since, &[from, format!("[System.Id] <= {end}")], "[System.Id] ASC")?;
                (self.api.query(&wiql, LIST).await?, Some(end))
            }
            other => (other?, None),
        };
        let ids: Vec<u64> = answer.work_items.iter().map(|item| item.id).collect();
        let is_full = ids.len() >= PORTION;
        let next = match (end, ids.last()) {
            (Some(end), _) => Some(Place::Backfill { after: end, since, began }),
            (None, Some(last)) if is_full => Some(Place::Backfill { after: *last, since, began }),
            (None, _) => None,
        };
        Ok(List { ids: ids.into_iter(), total: None, kind: Kind::Portion { next, so_far: place } })
    }

    fn wiql(&self, since: Option<Timestamp>, more: &[String], order: &str) -> Result<String, ConnectorError> {
        let mut all = self.conditions.clone().map_err(|why| ConnectorError::new(ErrorKind::Invalid, why))?;
        all.extend(since.map(|at| format!("[System.ChangedDate] >= '{}'", at.to_iso())));
        all.extend_from_slice(more);
        Ok(format!("SELECT [System.Id] FROM WorkItems WHERE {} ORDER BY {order}", all.join(" AND ")))
    }

    async fn read(&mut self, mut list: List, limit: usize) -> Result<Option<ChangePage>, ConnectorError> {
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
        let is_last = list.ids.len() == 0;
        let total = list.total;
        let cursor = match list.kind {
            Kind::Changes { as_of, reached } => {
                let reached = furthest(&items, as_of, reached);
                let at = if is_last { as_of.unwrap_or(reached) } else { reached };
                if !is_last {
                    self.stage = Stage::Reading(List { kind: Kind::Changes { as_of, reached }, ..list });
                }
                Place::Delta { at }
            }
            Kind::Portion { next, so_far } => self.after_portion(is_last, list.ids, next, so_far, ids.last()).await?,
        };
        Ok(Some(ChangePage { items, cursor: cursor.to_cursor(), total }))
    }

    /// The place behind a page of a portion; lists the next portion when this one is used up.
    async fn after_portion(
        &mut self,
        is_last: bool,
        rest: std::vec::IntoIter<u64>,
        next: Option<Place>,
        so_far: Place,
        last: Option<&u64>,
    ) -> Result<Place, ConnectorError> {
        let Place::Backfill { after, since, began } = so_far else { return Ok(so_far) };
        if !is_last {
            let so_far = Place::Backfill { after: last.copied().unwrap_or(after), since, began };
            let kind = Kind::Portion { next, so_far };
            self.stage = Stage::Reading(List { ids: rest, total: None, kind });
            return Ok(so_far);
        }
        let Some(next) = next else { return Ok(Place::Delta { at: began }) };
        // Listed lazily: the next call opens it from here.
        self.stage = Stage::Fresh(Some(next.to_cursor()));
        Ok(next)
    }

    async fn items(&self, ids: &[u64]) -> Result<Vec<Item>, ConnectorError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let read = read_all(self.api, ids, &self.fields).await?;
        let mut items: Vec<(u64, Item)> =
            read.into_iter().map(|wire| (wire.id, convert::item(&self.api.config, wire))).collect();
        items.sort_by_key(|(id, item)| (item.changed_at, *id));
        items.dedup_by_key(|(id, _)| *id);
        Ok(items.into_iter().map(|(_, item)| item).collect())
    }
}

impl ChangeWalk for Walk<'_> {
    fn next_page(&mut self, limit: usize) -> BoxFuture<'_, Result<Option<ChangePage>, ConnectorError>> {
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
fn furthest(items: &[Item], as_of: Option<Timestamp>, before: Timestamp) -> Timestamp {
    let counts = |at: &Timestamp| as_of.is_none_or(|as_of| *at <= as_of);
    items.iter().map(|item| item.changed_at).filter(counts).fold(before, Timestamp::max)
}
