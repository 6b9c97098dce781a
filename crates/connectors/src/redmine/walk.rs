//! Walking through what changed, in pages that start anew from a time instead of counting rows.
//!
//! Rows shift when issues change between pages, so that a deep offset skips some. Each page therefore starts at the
//! change time of the last one, and what was handed out already is left out. When more issues than a page holds bear one
//! second, that second is read by id.

use std::collections::{BTreeMap, VecDeque};

use syncline_domain::ports::{
    BoxFuture, ChangePage, ChangeQuery, ChangeWalk, ConnectorError, ErrorKind,
};
use syncline_domain::{Cursor, Item, ItemId, Timestamp, Version};

use super::convert;
use super::cursor::Place;
use super::filter::Plan;
use super::lookup;
use super::people;
use super::requests::{Api, Listed, PAGE};
use super::saved;
use super::wire::Issue;

/// A walk.
pub(super) struct Walk<'a> {
    api: &'a Api,
    plan: Result<Plan, ConnectorError>,
    since: Option<Cursor>,
    place: Place,
    begun: i64,
    stage: Stage,
    buffer: VecDeque<Item>,
    /// What was read in the latest seconds, so that no page repeats it.
    seen: BTreeMap<ItemId, (i64, Version)>,
    reached: Option<i64>,
    /// When the newest change was read, in milliseconds by our clock.
    read_at: i64,
    total: Option<u64>,
    told: Option<Cursor>,
    /// Redmine was asked whose key this is.
    is_known: bool,
}

/// What is to be read next.
#[derive(Debug)]
enum Stage {
    Fresh,
    /// Whatever changed from this second on.
    From(i64),
    /// Issues of one second behind an id.
    Second {
        at: i64,
        after: u64,
    },
    /// Issues of a saved query, oldest change first.
    Listed(VecDeque<saved::Row>),
    End,
}

impl<'a> Walk<'a> {
    /// Looks nothing up yet.
    pub(super) fn new(api: &'a Api, query: &ChangeQuery, since: Option<Cursor>) -> Self {
        Self {
            api,
            plan: Plan::new(&api.config, query),
            told: since.clone(),
            since,
            place: Place::default(),
            begun: 0,
            stage: Stage::Fresh,
            buffer: VecDeque::new(),
            seen: BTreeMap::new(),
            reached: None,
            read_at: 0,
            total: None,
            is_known: false,
        }
    }

    /// Makes sure that we are who we think, once a walk. Redmine takes a key that it does not know for nobody, and shows
    /// what everybody may see: without a question the rest would be passed over in silence.
    async fn be_known(&mut self) -> Result<(), ConnectorError> {
        if !self.is_known {
            people::current(self.api, "").await?;
            self.is_known = true;
        }
        Ok(())
    }

    async fn page(&mut self, limit: usize) -> Result<Option<ChangePage>, ConnectorError> {
        let plan = self.plan.clone()?;
        while self.buffer.is_empty() && !matches!(self.stage, Stage::End) {
            self.step(&plan).await?;
        }
        let shown = self.buffer.len().min(limit.max(1));
        let items: Vec<Item> = self.buffer.drain(..shown).collect();
        // Look ahead, so that the last page carries the last cursor.
        while self.buffer.is_empty() && !matches!(self.stage, Stage::End) {
            if let Err(error) = self.step(&plan).await {
                self.buffer.extend(items);
                return Err(error);
            }
        }
        let is_last = self.buffer.is_empty();
        let place = match items.last() {
            Some(last) if !is_last => self.place.after(last.changed_at.secs(), self.read_at),
            _ => self.place.at_end(self.reached, self.begun, self.read_at),
        };
        let cursor = place.to_cursor();
        if items.is_empty() && self.told.as_ref() == Some(&cursor) {
            return Ok(None);
        }
        if items.is_empty() {
            self.be_known().await?;
        }
        self.told = Some(cursor.clone());
        Ok(Some(ChangePage { items, cursor, total: self.total }))
    }

    /// One request more.
    async fn step(&mut self, plan: &Plan) -> Result<(), ConnectorError> {
        let next = match &self.stage {
            Stage::End => Stage::End,
            Stage::Fresh => self.open(plan).await?,
            Stage::From(from) => self.read_from(plan, *from).await?,
            Stage::Second { at, after } => self.read_second(plan, *at, *after).await?,
            Stage::Listed(rows) => self.read_listed(plan, rows.clone()).await?,
        };
        self.stage = next;
        Ok(())
    }

    async fn open(&mut self, plan: &Plan) -> Result<Stage, ConnectorError> {
        self.place = self.since.as_ref().map(Place::read).transpose()?.unwrap_or_default();
        self.begun = self.api.clock.now().millis();
        self.read_at = self.begun;
        let from = self.place.from.max(plan.floor());
        let Some(query) = plan.saved else { return Ok(Stage::From(from)) };
        let rows = saved::rows(self.api, query, Some(from)).await?;
        self.reached = rows.back().map(|row| row.at);
        self.read_at = self.api.clock.now().millis();
        self.total = u64::try_from(rows.len()).ok();
        Ok(Stage::Listed(rows))
    }

    async fn read_from(&mut self, plan: &Plan, from: i64) -> Result<Stage, ConnectorError> {
        let mut params = plan.params.clone();
        if from > 0 {
            params.push(("updated_on".to_owned(), format!(">={}", iso(from))));
        }
        params.push(("sort".to_owned(), "updated_on:asc,id:asc".to_owned()));
        let listed = self.api.list(&params, 0, PAGE).await?;
        let floor = self.place.from.max(plan.floor());
        let last = self.take(plan, &listed, |at| at >= floor).await?;
        if self.total.is_none() && plan.is_exact {
            self.total = Some(listed.total);
        }
        Ok(match last {
            Some(last) if listed.has_more() && last > from => Stage::From(last),
            // A whole page of one second (or of the tail of the second before): no way on by time.
            Some(_) if listed.has_more() => Stage::Second { at: from, after: 0 },
            _ => Stage::End,
        })
    }

    async fn read_second(
        &mut self,
        plan: &Plan,
        at: i64,
        after: u64,
    ) -> Result<Stage, ConnectorError> {
        let mut params = plan.params.clone();
        let window = format!("><{}|{}", iso(at), iso(at.saturating_add(1)));
        params.push(("updated_on".to_owned(), window));
        params.push(("issue_id".to_owned(), format!(">={}", after.saturating_add(1))));
        params.push(("sort".to_owned(), "id:asc".to_owned()));
        let listed = self.api.list(&params, 0, PAGE).await?;
        self.take(plan, &listed, |second| second == at).await?;
        Ok(match listed.issues.last() {
            Some(last) if listed.has_more() => Stage::Second { at, after: last.id },
            _ => Stage::From(at.saturating_add(1)),
        })
    }

    async fn read_listed(
        &mut self,
        plan: &Plan,
        mut rows: VecDeque<saved::Row>,
    ) -> Result<Stage, ConnectorError> {
        let ids: Vec<u64> = rows.drain(..rows.len().min(PAGE)).map(|row| row.id).collect();
        let mut issues = lookup::issues(self.api, &ids).await?;
        issues.sort_by(|one, other| (&one.updated_on, one.id).cmp(&(&other.updated_on, other.id)));
        let total = u64::try_from(issues.len()).unwrap_or_default();
        let reached = self.reached;
        self.take(plan, &Listed { issues, total }, |_| true).await?;
        // An issue may have changed since it was listed, while others that changed before it were not listed yet.
        self.reached = reached;
        Ok(if rows.is_empty() { Stage::End } else { Stage::Listed(rows) })
    }

    /// Puts what is new and wanted into the buffer; answers the last change time of the page.
    async fn take(
        &mut self,
        plan: &Plan,
        listed: &Listed,
        wanted: impl Fn(i64) -> bool,
    ) -> Result<Option<i64>, ConnectorError> {
        let read_at = self.api.clock.now().millis();
        let mut new: Vec<Issue> = Vec::new();
        let mut last = None;
        let mut reached = self.reached;
        for issue in &listed.issues {
            let at = convert::instant(&issue.updated_on)?.secs();
            last = Some(at);
            if wanted(at) {
                reached = reached.max(Some(at));
                new.push(issue.clone());
            }
        }
        if !new.is_empty() {
            self.be_known().await?;
        }
        let items = convert::items(self.api, &new, plan.people).await?;
        // Everything that can fail is behind us: a page that failed is asked for again as it was.
        if reached > self.reached {
            self.reached = reached;
            self.read_at = read_at;
        }
        for item in items {
            let mark = (item.changed_at.secs(), item.version.clone());
            let is_new = self.seen.insert(item.id.clone(), mark.clone()) != Some(mark);
            if is_new && plan.passes(&item) {
                self.buffer.push_back(item);
            }
        }
        let horizon = last.unwrap_or(i64::MIN).saturating_sub(2);
        self.seen.retain(|_, (at, _)| *at >= horizon);
        Ok(last)
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

/// The only form of a time that Redmine's filters take.
pub(super) fn iso(second: i64) -> String {
    Timestamp::from_secs(second).to_iso_secs()
}

/// A number out of an item's id.
///
/// # Errors
/// [`ErrorKind::NotFound`] when it is none: no issue has such an id.
pub(super) fn number(id: &ItemId) -> Result<u64, ConnectorError> {
    id.as_str().parse().map_err(|_| {
        ConnectorError::new(ErrorKind::NotFound, format!("redmine has no issue {:?}", id.as_str()))
    })
}
