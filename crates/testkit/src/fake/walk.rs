//! A read through what changed.

use syncline_domain::ports::{
    BoxFuture, ChangePage, ChangeQuery, ChangeWalk, ConnectorError, ErrorKind,
};
use syncline_domain::{Cursor, Item, Timestamp};

use super::filter::passes;
use super::rows::Row;
use super::script::Method;
use super::{FakeConnector, State};

/// Goes on behind the last item by (change time, number). The cursor names a change time, which the next walk reads
/// again; it stays behind the search lag, so that an item that shows up late is not missed.
pub(super) struct Walk<'a> {
    pub(super) fake: &'a FakeConnector,
    pub(super) query: ChangeQuery,
    pub(super) since: Option<Cursor>,
    pub(super) last: Option<(Timestamp, u64)>,
    pub(super) total: Option<u64>,
}

impl ChangeWalk for Walk<'_> {
    fn next_page(
        &mut self,
        limit: usize,
    ) -> BoxFuture<'_, Result<Option<ChangePage>, ConnectorError>> {
        Box::pin(async move {
            let end = self.fake.enter(Method::Changes, limit).await?;
            let page = self.read(limit)?;
            end.answer(page)
        })
    }
}

impl Walk<'_> {
    fn read(&mut self, limit: usize) -> Result<Option<ChangePage>, ConnectorError> {
        let start = self.since.as_ref().map(read_cursor).transpose()?;
        let state = self.fake.lock();
        let mut rows: Vec<&Row> = state
            .rows
            .all()
            .filter(|row| self.fake.is_found(&state, row))
            .filter(|row| start.is_none_or(|at| row.item.changed_at >= at))
            .filter(|row| passes(&self.fake.schema, &self.query, &row.item))
            .collect();
        if self.total.is_none() && state.tells_total {
            self.total = u64::try_from(rows.len()).ok();
        }
        let position = |row: &Row| (row.item.changed_at, row.number);
        rows.retain(|row| self.last.is_none_or(|last| position(row) > last));
        rows.sort_by_key(|row| position(row));
        rows.truncate(limit);
        let Some(last) = rows.last() else {
            return Ok(None);
        };
        self.last = Some(position(last));
        let settled = self.fake.time(&state).before(state.capabilities.search_lag);
        let cursor = last.item.changed_at.min(settled);
        let items = rows.iter().map(|row| shown(row, &self.query)).collect();
        Ok(Some(ChangePage {
            items,
            cursor: Cursor::new(cursor.micros().to_string()),
            total: self.total,
        }))
    }
}

impl FakeConnector {
    /// Whether searches show an item already.
    pub(super) fn is_found(&self, state: &State, row: &Row) -> bool {
        let settled = self.time(state).before(state.capabilities.search_lag);
        let late = !state.capabilities.search_lag.is_zero() && row.item.created_at > settled;
        row.is_visible() && !late
    }
}

fn shown(row: &Row, query: &ChangeQuery) -> Item {
    let mut item = row.item.clone();
    if !query.fields.is_empty() {
        item.fields.retain(|field, _| query.fields.contains(field));
    }
    item
}

fn read_cursor(cursor: &Cursor) -> Result<Timestamp, ConnectorError> {
    let micros = cursor.as_str().parse().map_err(|_| {
        ConnectorError::new(ErrorKind::Protocol, format!("{cursor:?} is no cursor of this tracker"))
    })?;
    Ok(Timestamp::from_micros(micros))
}
