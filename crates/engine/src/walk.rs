//! Where the items of a pass come from: what changed since the cursor, what was asked for by id, and what is due for
//! another try.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::pin::pin;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use futures_util::stream;

use syncline_domain::ports::{ChangeWalk, StoreExt as _, Tx};
use syncline_domain::{Cursor, ErrorType, Item, ItemId, Side, Timestamp};
use tokio::sync::mpsc;

use crate::course::Course;
use crate::deletes::Lost;
use crate::error::Stop;
use crate::outcome::{Brief, Verdict};
use crate::page::{PageInput, at, process};
use crate::pass::Pass;
use crate::recover::Recovered;
use crate::turn::Turn;

/// How many retries are taken up in one run.
const MOST_RETRIES: usize = 10_000;

/// Pages in work at once at most, whatever the user allows: they are in memory.
const MOST_PAGES: usize = 8;

/// Pages that are read and not in work yet: one that waits for its place, and the one that is read now.
const READ_AHEAD: usize = 2;

/// Walks everything that the run is to look at in this direction. True when that was all there is.
///
/// # Errors
/// Why the run stops.
pub(crate) async fn walk(
    course: &Course,
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
///
/// Reading is ahead of the work by a page, and several pages may be in work; their cursors are committed in order.
async fn changed(
    course: &Course,
    pass: &Pass,
    recovered: &Arc<Recovered>,
    due: &mut BTreeMap<ItemId, ()>,
) -> Result<bool, Stop> {
    let (config, side) = (pass.spec.config.id, pass.read);
    let stored = course.parts.store.view("cursor", move |tx| tx.cursor(config, side)).await?;
    // A cursor in front of which everything was read stays until a walk from the beginning has come as far.
    let holds = pass.full && stored.is_some();
    let since = if pass.full { None } else { stored };
    let at_once = pages_at_once(course, pass);
    let (sender, receiver) = mpsc::channel(1);
    let reader = Reader { course, pass, holds, window: at_once.saturating_add(READ_AHEAD), sender };
    let reading = pin!(reader.read(since, due));
    let working = pin!(work(course, pass, recovered, receiver, at_once));
    let read = match select(reading, working).await {
        Either::Left((read, working)) => {
            working.await?;
            read?
        }
        Either::Right((worked, reading)) => {
            worked?;
            reading.await?
        }
    };
    if let (true, Some(cursor)) = (holds && read.is_whole && course.is_live(), read.last) {
        let now = course.now();
        let put = move |tx: &mut dyn Tx| tx.put_cursor(config, side, Some(&cursor), now);
        course.fenced("move_cursor", put).await?;
    }
    Ok(read.is_whole)
}

/// How many pages may be in work at once: as many as it takes to have so many calls in flight as the user allows. One
/// where what a page does depends on what the page before did.
fn pages_at_once(course: &Course, pass: &Pass) -> usize {
    let options = &pass.spec.config.options;
    let is_limited = options.max_writes_per_run.is_some() || options.max_updates.is_some();
    let in_order =
        !course.is_live() || is_limited || options.match_existing.is_some() || pass.carries_more();
    if in_order {
        return 1;
    }
    let calls = course.page_size(pass).div_ceil(pass.writer_can.write_batch.max(1));
    pass.concurrency().checked_div(calls).unwrap_or(1).clamp(1, MOST_PAGES)
}

/// Takes pages through the run as they are read. The first stop ends the others, too: they record what they did.
async fn work(
    course: &Course,
    pass: &Pass,
    recovered: &Arc<Recovered>,
    mut pages: mpsc::Receiver<PageInput>,
    at_once: usize,
) -> Result<(), Stop> {
    let mut next = Turn::alone();
    let mut done = stream::poll_fn(move |task| pages.poll_recv(task))
        .map(|page| {
            let after = next.next();
            let turn = std::mem::replace(&mut next, after);
            async move {
                // A page that nobody has looked at is as good as not read.
                match course.halted() {
                    Some(_) => Ok(()),
                    None => process(course, pass, recovered, page, turn).await,
                }
            }
        })
        .buffer_unordered(at_once);
    let mut stop = None;
    while let Some(end) = done.next().await {
        match end {
            Err(crash @ Stop::Crash(_)) => return Err(crash),
            Err(other) => {
                course.halt(&other);
                stop = stop.or(Some(other));
            }
            Ok(()) => {}
        }
    }
    stop.map_or(Ok(()), Err)
}

/// Reads pages ahead of the work.
struct Reader<'a> {
    course: &'a Course,
    pass: &'a Pass,
    /// The cursor stays until the walk is at its end.
    holds: bool,
    /// How many pages before this one may be in work.
    window: usize,
    sender: mpsc::Sender<PageInput>,
}

/// How a walk was read.
struct Read {
    is_whole: bool,
    last: Option<Cursor>,
}

impl Reader<'_> {
    async fn read(
        self,
        since: Option<Cursor>,
        due: &mut BTreeMap<ItemId, ()>,
    ) -> Result<Read, Stop> {
        let Self { course, pass, .. } = self;
        let mut pages = pass.reader.changes(pass.query.clone(), since);
        let mut recent: VecDeque<HashSet<ItemId>> = VecDeque::new();
        let mut read = Read { is_whole: false, last: None };
        let mut seen = 0_u64;
        // Nobody takes pages any more once the work has stopped; the work tells why.
        while let (Ok(place), None) = (self.sender.reserve().await, course.halted()) {
            course.may_go_on().await?;
            let Some(page) = next(course, pass, pages.as_mut(), seen == 0).await? else {
                read.is_whole = true;
                break;
            };
            seen = seen.saturating_add(count(page.items.len()));
            let ids: HashSet<ItemId> = page.items.iter().map(|item| item.id.clone()).collect();
            for id in &ids {
                due.remove(id);
            }
            let overlaps = recent.iter().any(|before| !before.is_disjoint(&ids));
            recent.push_back(ids);
            if recent.len() > self.window {
                recent.pop_front();
            }
            let cursor = (!self.holds && !page.is_cut).then(|| page.cursor.clone());
            place.send(PageInput { items: page.items, cursor, overlaps, ..PageInput::default() });
            if page.is_cut {
                break;
            }
            read.last = Some(page.cursor);
            // Where the tracker told how many there are, nobody asks whether there are more.
            if page.total.is_some_and(|total| seen >= total) {
                read.is_whole = true;
                break;
            }
            if course.is_used_up() {
                break;
            }
        }
        Ok(read)
    }
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
    course: &Course,
    pass: &Pass,
    pages: &mut dyn ChangeWalk,
    is_first: bool,
) -> Result<Option<Taken>, Stop> {
    let size = course.take(course.page_size(pass));
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
    course: &Course,
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
    course: &Course,
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
    course: &Course,
    pass: &Pass,
    recovered: &Arc<Recovered>,
    ids: &[ItemId],
    gone: impl Fn() -> Verdict,
) -> Result<(), Stop> {
    for chunk in ids.chunks(course.page_size(pass)) {
        course.may_go_on().await?;
        let size = course.take(chunk.len());
        let Some(chunk) = chunk.get(..size).filter(|chunk| !chunk.is_empty()) else {
            return Ok(());
        };
        let input = fetched(pass, chunk, &gone).await?;
        process(course, pass, recovered, input, Turn::alone()).await?;
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
        input.lost.push(Lost { item: id.clone(), side: pass.read, otherwise: gone() });
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
