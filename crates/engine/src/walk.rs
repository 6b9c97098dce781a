//! Where the items of a pass come from: what changed since the cursor, what was asked for by id, and what is due for
//! another try.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use syncline_domain::ports::{ChangeWalk, StoreExt as _, Tx};
use syncline_domain::{Cursor, ErrorType, Item, ItemId, Side, SyncConfig, Timestamp};

use crate::course::Course;
use crate::error::Stop;
use crate::outcome::{Brief, Verdict};
use crate::page::{PageInput, at, process};
use crate::pass::Pass;
use crate::recover::Recovered;

/// How many retries are taken up in one run.
const MOST_RETRIES: usize = 10_000;

/// Walks everything that the run is to look at in this direction. True when that was all there is.
///
/// # Errors
/// Why the run stops.
pub(crate) async fn walk(
    course: &mut Course,
    pass: &Pass,
    recovered: &Arc<Recovered>,
    only: Option<Vec<ItemId>>,
) -> Result<bool, Stop> {
    if let Some(ids) = only {
        named(course, pass, recovered, &ids).await?;
        return Ok(false);
    }
    let mut due = due_retries(course, pass).await?;
    let whole = changed(course, pass, recovered, &mut due).await?;
    let left: Vec<ItemId> = due.into_keys().collect();
    again(course, pass, recovered, &left).await?;
    Ok(whole && pass.full)
}

/// Walks what changed since the cursor. False when a limit ended the walk.
async fn changed(
    course: &mut Course,
    pass: &Pass,
    recovered: &Arc<Recovered>,
    due: &mut BTreeMap<ItemId, ()>,
) -> Result<bool, Stop> {
    let (config, side) = (pass.spec.config.id, pass.read);
    let stored = course.parts.store.view("cursor", move |tx| tx.cursor(config, side)).await?;
    // A cursor in front of which everything was read stays until a walk from the beginning has come as far.
    let holds = pass.full && stored.is_some();
    let since = if pass.full { None } else { stored };
    let mut pages = pass.reader.changes(pass.query.clone(), since);
    let mut seen = 0_u64;
    let mut last: Option<Cursor> = None;
    loop {
        course.may_go_on().await?;
        let Some(page) = next(course, pass, pages.as_mut(), seen == 0).await? else { break };
        seen = seen.saturating_add(count(page.items.len()));
        for item in &page.items {
            due.remove(&item.id);
        }
        let cursor = (!holds && !page.is_cut).then(|| page.cursor.clone());
        let leads_on = cursor.is_some();
        let input = PageInput { items: page.items, cursor, ..PageInput::default() };
        process(course, pass, recovered, input).await?;
        if leads_on {
            cursor_leads_on(course, pass).await?;
        }
        if page.is_cut {
            return Ok(false);
        }
        last = Some(page.cursor);
        // Where the tracker told how many there are, nobody asks whether there are more.
        if page.total.is_some_and(|total| seen >= total) {
            break;
        }
        if course.limit_left == Some(0) {
            return Ok(false);
        }
    }
    if let (true, Some(cursor)) = (holds && course.is_live(), last) {
        let now = course.now();
        let put = move |tx: &mut dyn Tx| tx.put_cursor(config, side, Some(&cursor), now);
        course.fenced("move_cursor", put).await?;
    }
    Ok(true)
}

/// A page of a walk, as far as the limit lets it through.
struct Taken {
    items: Vec<Item>,
    cursor: Cursor,
    total: Option<u64>,
    /// The limit cut it: its cursor is not to be used.
    is_cut: bool,
}

async fn next(
    course: &mut Course,
    pass: &Pass,
    pages: &mut dyn ChangeWalk,
    is_first: bool,
) -> Result<Option<Taken>, Stop> {
    let size = course.take(pass.page_size());
    let page = pages.next_page(size.max(1)).await.map_err(|error| at(pass.read, error))?;
    let Some(mut page) = page else { return Ok(None) };
    course.give_back(size.saturating_sub(page.items.len()));
    if is_first {
        course.expect(page.total.unwrap_or(0));
    }
    let is_cut = page.items.len() > size;
    page.items.truncate(size);
    let items = once_each(page.items);
    Ok(Some(Taken { items, cursor: page.cursor, total: page.total, is_cut }))
}

fn count(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}

/// Once a first walk has a cursor, going on from it reads everything that is left: a run that dies now need not begin
/// again.
async fn cursor_leads_on(course: &mut Course, pass: &Pass) -> Result<(), Stop> {
    let config = &pass.spec.config;
    if !course.is_live() || !config.needs_full || pass.two_way || course.resumable {
        return Ok(());
    }
    course.resumable = true;
    if pass.read != Side::Source {
        return Ok(());
    }
    let (id, version) = (config.id, config.version);
    course
        .fenced("first_cursor", move |tx| {
            match tx.config(id)?.filter(|row| row.needs_full && row.version == version) {
                Some(row) => tx.update_config(&SyncConfig { needs_full: false, ..row }),
                None => Ok(()),
            }
        })
        .await
}

/// An item that a page names twice is taken as it is named last.
fn once_each(items: Vec<Item>) -> Vec<Item> {
    let mut seen = BTreeSet::new();
    let mut kept: Vec<Item> =
        items.into_iter().rev().filter(|item| seen.insert(item.id.clone())).collect();
    kept.reverse();
    kept
}

async fn due_retries(course: &Course, pass: &Pass) -> Result<BTreeMap<ItemId, ()>, Stop> {
    let (config, side) = (pass.spec.config.id, pass.read);
    let retries =
        course.parts.store.view("due_retries", move |tx| tx.retries(config, side, None)).await?;
    let now = course.now();
    let mut due: Vec<(Timestamp, ItemId)> = retries
        .into_iter()
        .filter(|retry| retry.next_try_at <= now)
        .map(|retry| (retry.next_try_at, retry.item_id))
        .collect();
    due.sort();
    due.truncate(MOST_RETRIES);
    Ok(due.into_iter().map(|(_, id)| (id, ())).collect())
}

/// Items whose time to be tried again has come, and that the walk did not name.
async fn again(
    course: &mut Course,
    pass: &Pass,
    recovered: &Arc<Recovered>,
    ids: &[ItemId],
) -> Result<(), Stop> {
    course.expect(count(ids.len()));
    let gone =
        || Verdict::filtered("it is not there any more: deleted, or hidden from this account");
    by_ids(course, pass, recovered, ids, gone).await
}

/// Items that were asked for by name.
async fn named(
    course: &mut Course,
    pass: &Pass,
    recovered: &Arc<Recovered>,
    ids: &[ItemId],
) -> Result<(), Stop> {
    let unique: BTreeSet<&ItemId> = ids.iter().collect();
    let ids: Vec<ItemId> = unique.into_iter().cloned().collect();
    course.expect(count(ids.len()));
    let gone = || Verdict {
        retry: crate::outcome::RetryMove::Clear,
        ..Verdict::wrong(
            ErrorType::Api,
            "there is no such item, or this account may not see it; check the id and the account's rights",
        )
    };
    by_ids(course, pass, recovered, &ids, gone).await
}

async fn by_ids(
    course: &mut Course,
    pass: &Pass,
    recovered: &Arc<Recovered>,
    ids: &[ItemId],
    gone: impl Fn() -> Verdict,
) -> Result<(), Stop> {
    for chunk in ids.chunks(pass.page_size()) {
        course.may_go_on().await?;
        let size = course.take(chunk.len());
        let Some(chunk) = chunk.get(..size).filter(|chunk| !chunk.is_empty()) else {
            return Ok(());
        };
        let input = fetched(pass, chunk, &gone).await?;
        process(course, pass, recovered, input).await?;
    }
    Ok(())
}

async fn fetched(
    pass: &Pass,
    ids: &[ItemId],
    gone: &impl Fn() -> Verdict,
) -> Result<PageInput, Stop> {
    let failed = |error| at(pass.read, error);
    let found = pass.reader.fetch(ids).await.map_err(failed)?;
    let there: Vec<ItemId> = found.iter().map(|item| item.id.clone()).collect();
    let passing = if there.is_empty() {
        BTreeSet::new()
    } else {
        pass.reader.matching(&pass.query, &there).await.map_err(failed)?
    };
    let mut input = PageInput::default();
    for id in ids.iter().filter(|id| !there.contains(id)) {
        input.settled.push((Brief::bare(id), gone()));
    }
    for item in once_each(found) {
        if passing.contains(&item.id) {
            input.items.push(item);
        } else {
            let filter = match pass.read {
                Side::Source => "the configuration's filter",
                Side::Target => "the configuration's target filter",
            };
            input.settled.push((Brief::of(&item, None), Verdict::filtered(filter)));
        }
    }
    Ok(input)
}
