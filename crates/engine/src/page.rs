//! One page of items, from the first look to the commit of its cursor.

use std::collections::HashMap;
use std::sync::Arc;

use syncline_domain::ports::{ConnectorError, ErrorKind, Tx};
use syncline_domain::{
    Cursor, Fault, Fields, Item, ItemError, ItemId, ItemOutcome, ItemRetry, ItemState, Pair, Side,
    Timestamp, Totals,
};

use crate::agree::agreement;
use crate::comments;
use crate::course::{Course, Mode, put_totals};
use crate::error::Stop;
use crate::existing::{self, Found};
use crate::known::{self, Known, PairMemory, Question};
use crate::limits;
use crate::outcome::{Brief, RetryMove, Settled, Verdict, error_of, settle};
use crate::pass::Pass;
use crate::people;
use crate::plan::{Decision, Look, Open, Planned, first_look, plan_item};
use crate::points;
use crate::record::{Fact, pair_after, put_fact, put_facts};
use crate::recover::Recovered;
use crate::retry::backoff;
use crate::write::{Answer, send};

/// How often a write is planned anew because its copy had moved on.
const TRIES: u32 = 3;

/// A page as it comes in.
#[derive(Default)]
pub(crate) struct PageInput {
    /// The items that were read.
    pub(crate) items: Vec<Item>,
    /// Items that are settled already: not there, or outside the filter.
    pub(crate) settled: Vec<(Brief, Verdict)>,
    /// Where reading goes on once the page is done with; `None` leaves the cursor alone.
    pub(crate) cursor: Option<Cursor>,
}

/// A page on its way.
pub(crate) struct Page {
    waiting: HashMap<ItemId, Brief>,
    order: Vec<ItemId>,
    settled: Vec<Settled>,
    /// Pairs and bases that move without a write.
    moves: Vec<Fact>,
    known: Known,
    /// Items whose comments may be news.
    touched: Vec<ItemId>,
    totals_before: Totals,
}

impl Page {
    fn new(items: &[Item], known: Known, totals_before: Totals) -> Self {
        let mut waiting = HashMap::with_capacity(items.len());
        for item in items {
            waiting.insert(item.id.clone(), Brief::of(item, None));
        }
        let order = items.iter().map(|item| item.id.clone()).collect();
        Self {
            waiting,
            order,
            settled: Vec::new(),
            moves: Vec::new(),
            known,
            touched: Vec::new(),
            totals_before,
        }
    }

    /// An item leaves the run.
    pub(crate) fn settle(
        &mut self,
        course: &mut Course,
        pass: &Pass,
        (item, copy): (&ItemId, Option<ItemId>),
        verdict: Verdict,
        mapped: Fields,
    ) {
        let Some(mut brief) = self.waiting.remove(item) else { return };
        brief.copy = copy.or(brief.copy);
        self.push(course, pass, brief, verdict, mapped);
    }

    fn push(
        &mut self,
        course: &mut Course,
        pass: &Pass,
        brief: Brief,
        verdict: Verdict,
        mapped: Fields,
    ) {
        course.count(&brief.title, verdict.state);
        let resolved = &mut course.execution.totals.conflicts_resolved;
        *resolved = resolved.saturating_add(verdict.resolved);
        let settled = settle(course, pass, brief, verdict);
        self.settled.push(Settled { mapped, ..settled });
    }

    /// The items of which comments are to be copied: they left the run well, and may have news.
    pub(crate) fn commentable(&self) -> Vec<ItemId> {
        let well = |id: &ItemId| {
            self.settled.iter().any(|settled| {
                settled.item == *id
                    && matches!(
                        settled.outcome.state,
                        ItemState::Created
                            | ItemState::Updated
                            | ItemState::Linked
                            | ItemState::Unchanged
                            | ItemState::Conflicted
                    )
            })
        };
        self.touched.iter().filter(|id| well(id)).cloned().collect()
    }

    /// An item that had left the run well turns out not to be.
    pub(crate) fn spoil(&mut self, course: &mut Course, item: &ItemId, error: ItemError) {
        for settled in self.settled.iter_mut().filter(|settled| settled.item == *item) {
            settled.outcome.state = ItemState::Failed;
            settled.outcome.error = Some(error.clone());
            settled.retry = RetryMove::Fail;
        }
        let mut totals = self.totals_before;
        for settled in &self.settled {
            totals.count(settled.outcome.state);
        }
        totals.conflicts_resolved = course.execution.totals.conflicts_resolved;
        course.execution.totals = totals;
    }

    /// Whatever is left waits for the next run.
    fn settle_rest(&mut self, course: &mut Course, pass: &Pass, stop: &Stop) {
        for id in std::mem::take(&mut self.order) {
            let why = format!("the run stopped: {stop}");
            let verdict = Verdict::waiting(why, stop.item_error(), RetryMove::Keep);
            self.settle(course, pass, (&id, None), verdict, Fields::new());
        }
    }
}

/// Takes a page through the run.
///
/// # Errors
/// Why the run stops; what the page did until then is recorded, and the cursor stays in front of it.
pub(crate) async fn process(
    course: &mut Course,
    pass: &Pass,
    recovered: &Recovered,
    input: PageInput,
) -> Result<(), Stop> {
    course.reach(points::PAGE_READ)?;
    let question = Question {
        config: pass.spec.config.id,
        read: pass.read,
        reader: pass.reader_id(),
        writer: pass.writer_id(),
        items: input
            .items
            .iter()
            .map(|item| &item.id)
            .chain(input.settled.iter().map(|(brief, _)| &brief.id))
            .cloned()
            .collect(),
    };
    let known = known::load(course.parts.store.as_ref(), question).await?;
    let mut page = Page::new(&input.items, known, course.execution.totals);
    for (brief, verdict) in input.settled {
        page.push(course, pass, brief, verdict, Fields::new());
    }
    let stop = match work(course, pass, recovered, &mut page, input.items).await {
        Ok(()) => None,
        Err(stop @ (Stop::Crash(_) | Stop::LeaseLost | Stop::Store(_))) => return Err(stop),
        Err(stop) => Some(stop),
    };
    if let Some(stop) = &stop {
        page.settle_rest(course, pass, stop);
    }
    let cursor = input.cursor.filter(|_| stop.is_none());
    commit(course, pass, page, cursor).await?;
    stop.map_or(Ok(()), Err)
}

async fn work(
    course: &mut Course,
    pass: &Pass,
    recovered: &Recovered,
    page: &mut Page,
    items: Vec<Item>,
) -> Result<(), Stop> {
    let mut opens = look(course, pass, recovered, page, items);
    let mut mapped: Vec<_> = opens.iter_mut().map(|open| &mut open.mapped).collect();
    people::resolve(&mut course.people, pass, &mut mapped).await?;
    let planned = plan(course, pass, page, opens).await?;
    let (planned, over) = limits::cut(course, pass, planned);
    let written = if course.is_live() {
        perform(course, pass, page, planned).await
    } else {
        for one in planned {
            let verdict = verdict_of(&one);
            let copy = copy_of(pass, &one.open);
            let mapped = one.open.mapped.fields;
            page.settle(course, pass, (&one.open.item.id, copy), verdict, mapped);
        }
        Ok(())
    };
    written?;
    over.map_or(Ok(()), Err)
}

/// The first look at every item; those that are not settled by it come back.
fn look(
    course: &mut Course,
    pass: &Pass,
    recovered: &Recovered,
    page: &mut Page,
    items: Vec<Item>,
) -> Vec<Open> {
    let now = course.now();
    let mut opens = Vec::new();
    for item in items {
        let id = item.id.clone();
        let memory = page.known.pair(&id);
        let copy = memory.and_then(|memory| memory.pair.item(pass.write).cloned());
        if let Some(why) = recovered.held(pass.read, &id) {
            let verdict = why.verdict();
            page.settle(course, pass, (&id, copy), verdict, Fields::new());
            continue;
        }
        let moved = memory.filter(|memory| item.version != *memory.pair.version(pass.read));
        let moved = moved.map(|memory| pair_seen(pass, &memory.pair, &item));
        if memory.is_none() || moved.is_some() {
            page.touched.push(id.clone());
        }
        let done_before = memory.is_some_and(|memory| course.has_left(pass, &memory.pair));
        match first_look(pass, &page.known, item, now) {
            Look::Open(open) => opens.push(*open),
            Look::Done(verdict) if verdict.state == ItemState::Unchanged => {
                if let Some(pair) = moved {
                    page.moves.push(Fact::Seen { pair: Box::new(pair) });
                }
                if done_before {
                    page.waiting.remove(&id);
                } else {
                    let verdict = recovered.relabel(pass.read, &id, verdict);
                    page.settle(course, pass, (&id, copy), verdict, Fields::new());
                }
            }
            Look::Done(verdict) => page.settle(course, pass, (&id, copy), verdict, Fields::new()),
        }
    }
    opens
}

/// The pair after a look at the reading side that led to nothing.
fn pair_seen(pass: &Pass, pair: &Pair, item: &Item) -> Pair {
    let mut pair = pair.clone();
    match pass.read {
        Side::Source => {
            pair.source_version = item.version.clone();
            pair.source_url = item.url.clone();
        }
        Side::Target => {
            pair.target_version = item.version.clone();
            pair.target_url = item.url.clone();
        }
    }
    pair
}

/// Decides about all open items; what is to be written comes back.
async fn plan(
    course: &mut Course,
    pass: &Pass,
    page: &mut Page,
    opens: Vec<Open>,
) -> Result<Vec<Planned>, Stop> {
    let (paired, unpaired): (Vec<_>, Vec<_>) =
        opens.into_iter().partition(|open| open.memory.is_some());
    let mut planned = Vec::new();
    let mut to_look = Vec::new();
    for found in existing::look_up(course, pass, unpaired).await? {
        match found {
            Found::Settled(open, verdict) => {
                let mapped = open.mapped.fields;
                page.settle(course, pass, (&open.item.id, None), verdict, mapped);
            }
            Found::Nothing(open) => decide(course, pass, page, *open, &mut planned, &mut to_look),
            Found::One(mut open, there) => {
                let pair = pair_after(pass, &open, &there, course.now());
                open.memory = Some(PairMemory::bare(Pair { sync_count: 0, ..pair }));
                open.there = Some(*there);
                open.linked = true;
                decide(course, pass, page, *open, &mut planned, &mut to_look);
            }
        }
    }
    for open in paired {
        decide(course, pass, page, open, &mut planned, &mut to_look);
    }
    let looked = look_at_copies(course, pass, page, to_look).await?;
    for open in looked {
        decide(course, pass, page, open, &mut planned, &mut Vec::new());
    }
    Ok(planned)
}

fn decide(
    course: &mut Course,
    pass: &Pass,
    page: &mut Page,
    open: Open,
    planned: &mut Vec<Planned>,
    to_look: &mut Vec<Open>,
) {
    match plan_item(pass, open) {
        Decision::LookFirst(open) => to_look.push(*open),
        Decision::Nothing(one) => nothing(course, pass, page, *one),
        Decision::Write(one) => match left_alone(pass, &one) {
            Some(why) => {
                let copy = copy_of(pass, &one.open);
                let verdict = Verdict::filtered(why);
                let mapped = one.open.mapped.fields;
                page.settle(course, pass, (&one.open.item.id, copy), verdict, mapped);
            }
            None => planned.push(*one),
        },
    }
}

/// Why an option keeps a planned update from being written.
fn left_alone(pass: &Pass, planned: &Planned) -> Option<&'static str> {
    let options = &pass.spec.config.options;
    if planned.is_create() || planned.open.linked {
        None
    } else if options.create_only {
        Some("create_only: copies are not changed afterwards")
    } else if !options.update_existing {
        Some("update_existing is off: copies are not changed")
    } else {
        None
    }
}

/// An item with nothing to write; its bases may move all the same.
fn nothing(course: &mut Course, pass: &Pass, page: &mut Page, planned: Planned) {
    let open = &planned.open;
    let copy = copy_of(pass, open);
    let done_before =
        open.memory.as_ref().is_some_and(|memory| course.has_left(pass, &memory.pair));
    let verdict = verdict_of(&planned);
    if let Some(memory) = &open.memory {
        let agreed = agreement(pass, &planned, open.there.as_ref());
        let moved = open.item.version != *memory.pair.version(pass.read);
        if open.linked || moved || !agreed.is_empty() {
            let pair = Box::new(match (&open.there, open.linked) {
                (Some(there), true) => pair_after(pass, open, there, course.now()),
                _ => pair_seen(pass, &memory.pair, &open.item),
            });
            let item = copy.clone().unwrap_or_default();
            page.moves.push(Fact::Happened { intent: None, pair, agreed, item });
        }
    }
    let id = open.item.id.clone();
    if done_before && verdict.state == ItemState::Unchanged {
        page.waiting.remove(&id);
    } else {
        page.settle(course, pass, (&id, copy), verdict, planned.open.mapped.fields);
    }
}

fn copy_of(pass: &Pass, open: &Open) -> Option<ItemId> {
    open.memory.as_ref().and_then(|memory| memory.pair.item(pass.write).cloned())
}

/// Reads the copies of these items; an item whose copy is gone is settled.
async fn look_at_copies(
    course: &mut Course,
    pass: &Pass,
    page: &mut Page,
    opens: Vec<Open>,
) -> Result<Vec<Open>, Stop> {
    let ids: Vec<ItemId> = opens.iter().filter_map(|open| copy_of(pass, open)).collect();
    let mut there: HashMap<ItemId, Item> = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(pass.writer_can.fetch_batch.max(1)) {
        let items = pass.writer.fetch(chunk).await.map_err(|error| at(pass.write, error))?;
        there.extend(items.into_iter().map(|item| (item.id.clone(), item)));
    }
    let mut looked = Vec::with_capacity(opens.len());
    for mut open in opens {
        let copy = copy_of(pass, &open);
        match copy.as_ref().and_then(|id| there.remove(id)) {
            Some(item) => {
                open.there = Some(item);
                looked.push(open);
            }
            None => {
                let verdict = Verdict::failed(gone(copy.as_ref()));
                page.settle(course, pass, (&open.item.id, copy), verdict, open.mapped.fields);
            }
        }
    }
    Ok(looked)
}

fn gone(copy: Option<&ItemId>) -> ItemError {
    let id = copy.map(ToString::to_string).unwrap_or_default();
    let detail = format!("its copy {id} is not there: deleted, or hidden from this account");
    let error = ConnectorError::new(ErrorKind::NotFound, detail);
    error_of(&error.advise("take the pair apart to have a new copy made, or restore the copy"))
}

/// A failed read as the end of the run.
pub(crate) const fn at(side: Side, error: ConnectorError) -> Stop {
    Stop::Connector { side, error }
}

/// Writes what was planned; a copy that moved on meanwhile is read and planned again.
async fn perform(
    course: &mut Course,
    pass: &Pass,
    page: &mut Page,
    mut planned: Vec<Planned>,
) -> Result<(), Stop> {
    let mut stop = None;
    while !planned.is_empty() && stop.is_none() {
        let batch = Arc::new(planned);
        let sent = send(course, pass, &batch).await?;
        stop = sent.stop;
        let mut again = Vec::new();
        for (at, answer) in sent.answers {
            let Some(one) = batch.get(at) else { continue };
            take_answer(course, pass, page, one, answer, &mut again);
        }
        planned = replan(course, pass, page, again).await?;
    }
    links(course, pass, page).await?;
    match stop {
        Some(stop) => Err(stop),
        None => comments::copy(course, pass, page).await,
    }
}

/// Joined items get their pair before their comments are copied.
async fn links(course: &mut Course, pass: &Pass, page: &mut Page) -> Result<(), Stop> {
    let (links, moves): (Vec<_>, Vec<_>) =
        std::mem::take(&mut page.moves).into_iter().partition(Fact::is_new_pair);
    page.moves = moves;
    if links.is_empty() {
        return Ok(());
    }
    let now = course.now();
    put_facts(course, pass, "record_links", links, now).await
}

fn take_answer(
    course: &mut Course,
    pass: &Pass,
    page: &mut Page,
    one: &Planned,
    answer: Answer,
    again: &mut Vec<Open>,
) {
    let id = &one.open.item.id;
    let copy = copy_of(pass, &one.open);
    let mapped = || one.open.mapped.fields.clone();
    match answer {
        Answer::Done(item) => {
            course.wrote(one);
            let verdict = verdict_of(one);
            page.settle(course, pass, (id, Some(item.id)), verdict, mapped());
        }
        Answer::NotSent => {}
        Answer::Refused(error) if error.kind.stops_run() => {}
        Answer::Refused(error) if error.kind == ErrorKind::VersionConflict && !one.is_create() => {
            again.push(one.open.clone());
        }
        Answer::Refused(error) if error.kind == ErrorKind::Ambiguous => {
            let wait = backoff(0).max(pass.writer_can.search_lag);
            let verdict = Verdict::waiting(
                "nobody knows whether the write happened; the next run looks",
                Some(error_of(&error)),
                RetryMove::Later(course.now().after(wait)),
            );
            page.settle(course, pass, (id, copy), verdict, mapped());
        }
        Answer::Refused(error) if error.kind == ErrorKind::NotFound && !one.is_create() => {
            let verdict = Verdict::failed(gone(copy.as_ref()));
            page.settle(course, pass, (id, copy), verdict, mapped());
        }
        Answer::Refused(error) => {
            page.settle(course, pass, (id, copy), Verdict::refused(&error), mapped());
        }
    }
}

async fn replan(
    course: &mut Course,
    pass: &Pass,
    page: &mut Page,
    again: Vec<Open>,
) -> Result<Vec<Planned>, Stop> {
    let mut opens = Vec::new();
    for mut open in again {
        open.tries += 1;
        if open.tries < TRIES {
            opens.push(open);
            continue;
        }
        let copy = copy_of(pass, &open);
        let verdict = Verdict::wrong(
            syncline_domain::ErrorType::Conflict,
            "its copy was changed again and again while it was written; it is tried again later",
        );
        page.settle(course, pass, (&open.item.id, copy), verdict, open.mapped.fields);
    }
    let looked = look_at_copies(course, pass, page, opens).await?;
    let mut planned = Vec::new();
    for open in looked {
        decide(course, pass, page, open, &mut planned, &mut Vec::new());
    }
    Ok(planned)
}

/// The state in which an item leaves the run when its plan comes true.
fn verdict_of(planned: &Planned) -> Verdict {
    let writes = !planned.changes.is_empty();
    let state = if planned.is_create() {
        ItemState::Created
    } else if planned.open.linked {
        ItemState::Linked
    } else if writes {
        ItemState::Updated
    } else {
        ItemState::Unchanged
    };
    let verdict = if planned.conflicts.is_empty() {
        Verdict::well(state)
    } else {
        let fields: Vec<&str> = planned.conflicts.iter().map(|field| field.as_str()).collect();
        Verdict::conflicted(format!(
            "both sides changed {}; decide which value stays",
            fields.join(", ")
        ))
    };
    Verdict { resolved: planned.resolved, ..verdict.with_changes(planned.changes.clone()) }
}

async fn commit(
    course: &mut Course,
    pass: &Pass,
    page: Page,
    cursor: Option<Cursor>,
) -> Result<(), Stop> {
    if course.mode == Mode::Preview {
        course.collected.extend(page.settled);
        return Ok(());
    }
    course.reach(points::PAGE_BEFORE_COMMIT)?;
    let now = course.now();
    let retries = retries(pass, &page, now);
    let bookkeeping = Bookkeeping {
        live: course.is_live(),
        connectors: [pass.spec.config.source_connector_id, pass.spec.config.target_connector_id],
        config: pass.spec.config.id,
        side: pass.read,
        cleared: cleared(&page),
        retries,
        outcomes: page.settled.into_iter().map(|settled| settled.outcome).collect(),
        moves: page.moves,
        cursor,
        now,
    };
    let execution = course.execution.clone();
    let asked = course
        .fenced("commit_page", move |tx| {
            bookkeeping.put(tx)?;
            put_totals(tx, &execution)
        })
        .await?;
    course.note_cancel(asked);
    course.reach(points::PAGE_AFTER_COMMIT)
}

/// What the commit of a page writes.
struct Bookkeeping {
    live: bool,
    connectors: [syncline_domain::ConnectorId; 2],
    config: syncline_domain::ConfigId,
    side: Side,
    outcomes: Vec<ItemOutcome>,
    retries: Vec<ItemRetry>,
    cleared: Vec<ItemId>,
    moves: Vec<Fact>,
    cursor: Option<Cursor>,
    now: Timestamp,
}

impl Bookkeeping {
    fn put(&self, tx: &mut dyn Tx) -> Result<(), Fault> {
        tx.insert_outcomes(&self.outcomes)?;
        if !self.live {
            return Ok(());
        }
        for fact in &self.moves {
            put_fact(tx, self.connectors, fact, self.now)?;
        }
        for retry in &self.retries {
            tx.put_retry(retry)?;
        }
        if !self.cleared.is_empty() {
            tx.clear_retries(self.config, self.side, &self.cleared)?;
        }
        if let Some(cursor) = &self.cursor {
            tx.put_cursor(self.config, self.side, Some(cursor), self.now)?;
        }
        Ok(())
    }
}

/// Items that are well again.
fn cleared(page: &Page) -> Vec<ItemId> {
    page.settled
        .iter()
        .filter(|settled| settled.retry == RetryMove::Clear)
        .filter(|settled| page.known.retry(&settled.item).is_some())
        .map(|settled| settled.item.clone())
        .collect()
}

fn retries(pass: &Pass, page: &Page, now: Timestamp) -> Vec<ItemRetry> {
    page.settled.iter().filter_map(|settled| retry_of(pass, &page.known, settled, now)).collect()
}

fn retry_of(pass: &Pass, known: &Known, settled: &Settled, now: Timestamp) -> Option<ItemRetry> {
    let old = known.retry(&settled.item);
    let so_far = old.map_or(0, |retry| retry.attempts);
    let (attempts, next_try_at) = match settled.retry {
        RetryMove::Keep | RetryMove::Clear => return None,
        RetryMove::Fail => {
            let attempts = so_far.saturating_add(1);
            (attempts, now.after(backoff(attempts)))
        }
        RetryMove::Later(at) => (so_far, at),
    };
    let unexplained = || ItemError {
        error_type: syncline_domain::ErrorType::Unknown,
        message: settled.outcome.rule.clone().unwrap_or_default(),
        field: None,
    };
    Some(ItemRetry {
        config_id: pass.spec.config.id,
        side: pass.read,
        item_id: settled.item.clone(),
        error: settled.outcome.error.clone().unwrap_or_else(unexplained),
        attempts,
        next_try_at,
        first_failed_at: old.map_or(now, |retry| retry.first_failed_at),
    })
}
