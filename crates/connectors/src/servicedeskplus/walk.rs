//! The walk through what changed.
//!
//! Pages by position skip rows when the set moves, and it does: a request that somebody edits jumps to the end of a list
//! that is sorted by change. So every list starts again at the time of the last row, and what was handed out already is
//! left out by id and change time.
//!
//! On some builds a request has no time of its last change until somebody changes it. Where that shows, new requests are
//! walked by the time of their making, after what changed.
//!
//! Invariant: a page's cursor never passes a request that was not handed out.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};
use syncline_domain::ports::{
    BoxFuture, ChangePage, ChangeQuery, ChangeWalk, ConnectorError, ErrorKind,
};
use syncline_domain::{Cursor, Timestamp};

use super::convert;
use super::cursor::Place;
use super::filter;
use super::reading::{Row, columns, is_partial, items, whole, without_empty};
use super::requests::{Api, ROWS};
use super::wire::id_text;

/// Changes become visible a little after their time.
const OVERLAP: i64 = 120_000;
/// Requests that a cursor remembers; more are simply handed out again.
const MOST_SEEN: usize = 500;

/// By which time the list is walked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Updated,
    Created,
    Done,
}

/// A walk; see the module's documentation.
pub(super) struct Walk<'a> {
    api: &'a Api,
    query: ChangeQuery,
    criteria: Result<Vec<Value>, String>,
    columns: Vec<String>,
    since: Option<Cursor>,
    is_open: bool,
    place: Place,
    phase: Phase,
    /// The next list begins here, by the phase's time.
    lower: Option<i64>,
    /// Position of the next list, from 1: moves only through rows of one and the same instant.
    start: usize,
    /// The phase's list has been read to its end.
    is_read: bool,
    waiting: VecDeque<Row>,
    seen: BTreeMap<String, i64>,
    total: Option<u64>,
    is_probed: bool,
    /// Lists do not carry what is asked for; each request is read alone.
    is_partial: bool,
}

impl<'a> Walk<'a> {
    /// Looks nothing up yet.
    pub(super) fn new(api: &'a Api, query: ChangeQuery, since: Option<Cursor>) -> Self {
        Self {
            api,
            criteria: filter::criteria(&query),
            columns: columns(&query.fields),
            query,
            since,
            is_open: false,
            place: Place::default(),
            phase: Phase::Updated,
            lower: None,
            start: 1,
            is_read: false,
            waiting: VecDeque::new(),
            seen: BTreeMap::new(),
            total: None,
            is_probed: false,
            is_partial: false,
        }
    }

    async fn page(&mut self, limit: usize) -> Result<Option<ChangePage>, ConnectorError> {
        self.open()?;
        loop {
            if self.phase == Phase::Done {
                return Ok(None);
            }
            if !self.waiting.is_empty() {
                return self.hand_out(limit.max(1)).await.map(Some);
            }
            if !self.is_read {
                self.list().await?;
                continue;
            }
            if self.phase == Phase::Updated && self.place.created.is_some() {
                self.begin(Phase::Created);
                continue;
            }
            self.phase = Phase::Done;
            return Ok(self.last_page());
        }
    }

    fn open(&mut self) -> Result<(), ConnectorError> {
        if !self.is_open {
            self.place = self.since.as_ref().map(Place::read).transpose()?.unwrap_or_default();
            self.seen = std::mem::take(&mut self.place.seen);
            self.begin(Phase::Updated);
            self.is_open = true;
        }
        Ok(())
    }

    fn begin(&mut self, phase: Phase) {
        let place = if phase == Phase::Created { self.place.created } else { self.place.at };
        self.phase = phase;
        self.lower = place.map(|at| at.saturating_sub(OVERLAP));
        self.start = 1;
        self.is_read = false;
    }

    /// Tells the place where nothing was handed out but the place moved: rows that the reader does not want.
    fn last_page(&self) -> Option<ChangePage> {
        let cursor = self.cursor();
        let is_news =
            self.since.as_ref().is_none_or(|since| *since != cursor) && self.place.at.is_some();
        is_news.then(|| ChangePage { items: Vec::new(), cursor, total: self.total })
    }

    async fn hand_out(&mut self, limit: usize) -> Result<ChangePage, ConnectorError> {
        let count = limit.min(self.waiting.len());
        let rows: Vec<Row> = self.waiting.iter().take(count).cloned().collect();
        let ids = || rows.iter().filter_map(|row| id_text(row.get("id"))).collect();
        let shown = if self.is_partial { whole(self.api, ids()).await? } else { rows.clone() };
        self.waiting.drain(..count);
        for row in &rows {
            self.pass(row);
        }
        if let (true, Some(lower)) = (self.waiting.is_empty(), self.lower) {
            self.reach(lower);
        }
        let mut items = items(self.api, &shown);
        items.sort_by_key(|item| item.changed_at);
        Ok(ChangePage { items, cursor: self.cursor(), total: self.total })
    }

    /// Notes that a row is done with.
    fn pass(&mut self, row: &Row) {
        let changed = convert::changed(row).millis();
        if let Some(id) = id_text(row.get("id")) {
            self.seen.insert(id, changed);
        }
        if let Some(key) = key(self.phase, row) {
            self.reach(key);
        }
    }

    /// Everything up to this time of the phase is done with.
    fn reach(&mut self, key: i64) {
        let is_created = self.phase == Phase::Created;
        let mark = if is_created { &mut self.place.created } else { &mut self.place.at };
        *mark = Some(mark.map_or(key, |at| at.max(key)));
    }

    fn cursor(&self) -> Cursor {
        let from = self.place.at.unwrap_or_default().saturating_sub(OVERLAP);
        let mut seen = self.seen.clone();
        seen.retain(|_, changed| *changed >= from);
        if seen.len() > MOST_SEEN {
            seen.clear();
        }
        Place { seen, ..self.place.clone() }.to_cursor()
    }

    /// Reads the next list into `waiting`.
    async fn list(&mut self) -> Result<(), ConnectorError> {
        let mut answer = match self.ask("asc", ROWS).await {
            Err(error)
                if self.phase == Phase::Updated
                    && cannot_search(&error)
                    && self.lower.is_some() =>
            {
                return self.scan().await;
            }
            other => other?,
        };
        self.total = self.total.or(answer.total());
        let rows = answer.rows("requests");
        let has_more = answer.has_more() && !rows.is_empty();
        if self.shows_gaps(&rows, has_more).await? {
            self.walk_by_making(&rows);
            return Ok(());
        }
        self.is_partial = self.is_partial || is_partial(&self.columns, &rows);
        let last = rows.iter().filter_map(|row| key(self.phase, row)).max();
        let count = rows.len();
        rows.into_iter().for_each(|row| self.take(row));
        self.is_read = !has_more;
        match last {
            Some(last) if self.lower.is_none_or(|lower| last > lower) => {
                self.lower = Some(last);
                self.start = 1;
            }
            _ => self.start += count,
        }
        self.forget();
        Ok(())
    }

    /// Takes a row in, unless it was handed out already or is of a type that is not asked for.
    fn take(&mut self, row: Row) {
        let changed = convert::changed(&row).millis();
        let is_known = id_text(row.get("id")).is_none_or(|id| self.seen.get(&id) == Some(&changed));
        if is_known {
            return;
        }
        if filter::takes(&self.query, convert::type_ref(&row)) {
            self.waiting.push_back(row);
        } else if self.waiting.is_empty() {
            self.pass(&row);
        }
    }

    /// What lies well before the place cannot come again.
    fn forget(&mut self) {
        let from = self.lower.unwrap_or_default().saturating_sub(OVERLAP);
        self.seen.retain(|_, changed| *changed >= from);
    }

    /// Whether requests without a time of their last change turned up. They may stand at either end of the list, so a
    /// list of several pages is looked at from its end, too.
    async fn shows_gaps(&mut self, rows: &[Row], has_more: bool) -> Result<bool, ConnectorError> {
        if self.phase != Phase::Updated || self.place.created.is_some() {
            return Ok(false);
        }
        let has_gap = |rows: &[Row]| rows.iter().any(|row| convert::updated(row).is_none());
        if has_gap(rows) {
            return Ok(true);
        }
        if !has_more || self.is_probed {
            return Ok(false);
        }
        self.is_probed = true;
        let newest = self.ask("desc", 1).await?.rows("requests");
        Ok(has_gap(&newest))
    }

    /// From now on new requests are walked by the time of their making.
    fn walk_by_making(&mut self, rows: &[Row]) {
        let newest = rows.iter().map(|row| convert::changed(row).millis()).max();
        self.place.created = Some(self.place.at.unwrap_or_default());
        self.place.at = self.place.at.or(newest);
        self.waiting.clear();
        self.begin(Phase::Updated);
    }

    /// For builds that cannot search by change time: from the newest back to the place, in memory.
    async fn scan(&mut self) -> Result<(), ConnectorError> {
        let lower = self.lower.take().unwrap_or_default();
        let mut found = Vec::new();
        self.start = 1;
        loop {
            let mut answer = self.ask("desc", ROWS).await?;
            let rows = answer.rows("requests");
            self.start += rows.len();
            self.is_partial = self.is_partial || is_partial(&self.columns, &rows);
            let is_last = rows.is_empty() || !answer.has_more();
            let count = found.len() + rows.len();
            found.extend(rows.into_iter().filter(|row| convert::changed(row).millis() >= lower));
            if is_last || found.len() < count {
                break;
            }
        }
        found.into_iter().rev().for_each(|row| self.take(row));
        self.lower = Some(lower);
        self.is_read = true;
        Ok(())
    }

    async fn ask(&self, order: &str, count: usize) -> Result<super::wire::Answer, ConnectorError> {
        let invalid = |why| ConnectorError::new(ErrorKind::Invalid, why);
        let mut criteria = self.criteria.clone().map_err(invalid)?;
        criteria.extend(self.lower.map(|lower| self.since_criterion(lower)));
        let sort = if self.phase == Phase::Created { "created_time" } else { "last_updated_time" };
        let start = if order == "desc" && count == 1 { 1 } else { self.start };
        let info = json!({
            "row_count": count, "start_index": start, "sort_field": sort, "sort_order": order,
            "get_total_count": self.lower.is_none() && self.total.is_none(),
            "search_criteria": criteria, "fields_required": self.columns,
        });
        self.api.list("requests", without_empty(info)).await
    }

    fn since_criterion(&self, lower: i64) -> Value {
        let at = Timestamp::from_millis(lower);
        match (self.phase, self.place.created) {
            (Phase::Created, _) => filter::from("created_time", at),
            (_, Some(_)) => filter::from("last_updated_time", at),
            // A new request may have no time of its last change: the second half is how it shows.
            _ => filter::either(
                filter::from("last_updated_time", at),
                filter::from("created_time", at),
            ),
        }
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

/// The time by which a phase sorts.
fn key(phase: Phase, row: &Row) -> Option<i64> {
    let at = match phase {
        Phase::Created => convert::instant(row.get("created_time")),
        _ => convert::updated(row),
    };
    at.map(Timestamp::millis)
}

fn cannot_search(error: &ConnectorError) -> bool {
    let names = ["last_updated_time", "search_criteria"];
    error.kind == ErrorKind::Invalid
        && error
            .field
            .as_ref()
            .is_some_and(|field| names.iter().any(|name| field.as_str().contains(name)))
}
