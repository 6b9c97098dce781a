//! Saved queries: Redmine ignores every other filter beside `query_id`, but keeps the order that is asked for.
//!
//! So the query is listed from its newest change backwards until the changes are old enough, ids and times only. An issue
//! that changes meanwhile moves to the front, which shows rows twice and skips none; one that leaves the query lets rows
//! slip through, so then the list is read again.

use std::collections::{BTreeMap, VecDeque};

use syncline_domain::ports::{ConnectorError, ErrorKind};

use super::convert;
use super::filter::scope;
use super::requests::{Api, PAGE};

/// How often a list that shrinks while it is read is read again.
const TRIES: usize = 3;

/// An issue of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The second of its last change.
    pub(super) at: i64,
    pub(super) id: u64,
}

/// The issues of a saved query that changed at or after `from`, oldest change first.
pub(super) async fn rows(
    api: &Api,
    query: u64,
    from: Option<i64>,
) -> Result<VecDeque<Row>, ConnectorError> {
    for _ in 0..TRIES {
        if let Some(found) = one_pass(api, query, from).await? {
            let mut rows: Vec<Row> = found.into_iter().map(|(id, at)| Row { at, id }).collect();
            rows.sort_by_key(|row| (row.at, row.id));
            return Ok(rows.into());
        }
    }
    let text = format!("the issues of the saved query {query} change faster than they are listed");
    Err(ConnectorError::new(ErrorKind::Unavailable, text))
}

/// `None` when the list shrank on the way.
async fn one_pass(
    api: &Api,
    query: u64,
    from: Option<i64>,
) -> Result<Option<BTreeMap<u64, i64>>, ConnectorError> {
    let mut params = scope(&api.config);
    params.push(("query_id".to_owned(), query.to_string()));
    params.push(("sort".to_owned(), "updated_on:desc,id:desc".to_owned()));
    let mut found = BTreeMap::new();
    let (mut offset, mut total) = (0_usize, None);
    loop {
        let listed = api.list(&params, offset, PAGE).await.map_err(|error| named(error, query))?;
        if total.is_some_and(|before| listed.total < before) {
            return Ok(None);
        }
        total = Some(listed.total);
        offset = offset.saturating_add(listed.issues.len());
        let mut is_old = listed.issues.is_empty();
        for issue in &listed.issues {
            let at = convert::instant(&issue.updated_on)?.secs();
            if from.is_some_and(|from| at < from) {
                is_old = true;
            } else {
                found.insert(issue.id, at);
            }
        }
        if is_old || u64::try_from(offset).is_ok_and(|offset| offset >= listed.total) {
            return Ok(Some(found));
        }
    }
}

fn named(mut error: ConnectorError, query: u64) -> ConnectorError {
    if error.kind == ErrorKind::NotFound {
        error.detail = format!("there is no saved query {query} in this project");
        error.what_to_do =
            Some("correct query_id, and make the query visible to the account".to_owned());
    }
    error
}
