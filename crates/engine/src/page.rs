//! One page of items, from the first look to the commit of its cursor.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use syncline_domain::ports::ConnectorError;
use syncline_domain::{
    Conflict, Cursor, Fields, Item, ItemError, ItemId, ItemState, Pair, Side, Version,
};

use crate::choose::{choose, copy_of, verdict_of};
use crate::commit::commit;
use crate::course::{Course, Mode};
use crate::deletes::{Lost, is_back, judge, reads, revive};
use crate::error::Stop;
use crate::images;
use crate::known::{self, Known, Question};
use crate::limits;
use crate::outcome::{Brief, RetryMove, Settled, Verdict, settle};
use crate::pass::Pass;
use crate::people::{self, Asking};
use crate::perform::perform;
use crate::plan::{Look, Open, Planned, first_look, fits_again};
use crate::points;
use crate::record::Fact;
use crate::recover::Recovered;
use crate::retry::backoff;
use crate::reviewed;
use crate::turn::{Turn, cursor_leads_on};

/// A page as it comes in.
#[derive(Default)]
pub(crate) struct PageInput {
    /// The items that were read.
    pub(crate) items: Vec<Item>,
    /// Items that are settled already: not there, or outside the filter.
    pub(crate) settled: Vec<(Brief, Verdict)>,
    /// Items of pairs that were not found.
    pub(crate) lost: Vec<Lost>,
    /// Where reading goes on once the page is done with; `None` leaves the cursor alone.
    pub(crate) cursor: Option<Cursor>,
    /// It names an item of a page that may be in work: what becomes of that one must be known first.
    pub(crate) overlaps: bool,
}

/// A page on its way.
pub(crate) struct Page {
    pub(crate) waiting: HashMap<ItemId, Brief>,
    order: Vec<ItemId>,
    /// Items that left the run well before, in its other direction, and are no items of their own.
    left_before: HashMap<ItemId, Brief>,
    pub(crate) settled: Vec<Settled>,
    /// Pairs and bases that move without a write.
    pub(crate) moves: Vec<Fact>,
    pub(crate) known: Known,
    /// What was found out about earlier writes.
    pub(crate) recovered: Arc<Recovered>,
    /// Items on which something may hang that is news, with the revision that was read. Until that is done with, their
    /// pairs know no revision of the reading side, so that whoever looks next takes them for moved.
    touched: HashMap<ItemId, Version>,
    /// Items whose texts show images, and whether one of those is part of the text itself.
    pub(crate) illustrated: HashMap<ItemId, bool>,
    /// Items with which something went wrong after they had left the run well.
    spoilt: BTreeSet<ItemId>,
    /// Conflicts, by the item that was read.
    clashes: BTreeMap<ItemId, Vec<Conflict>>,
    /// Copies that have something to say, though the walk of their side may have passed them.
    pub(crate) to_ask: BTreeSet<ItemId>,
}

impl Page {
    fn new(items: &[Item], known: Known, recovered: &Arc<Recovered>) -> Self {
        let mut waiting = HashMap::with_capacity(items.len());
        for item in items {
            waiting.insert(item.id.clone(), Brief::of(item, None));
        }
        let order = items.iter().map(|item| item.id.clone()).collect();
        Self {
            waiting,
            order,
            left_before: HashMap::new(),
            settled: Vec::new(),
            moves: Vec::new(),
            known,
            recovered: Arc::clone(recovered),
            touched: HashMap::new(),
            illustrated: HashMap::new(),
            spoilt: BTreeSet::new(),
            clashes: BTreeMap::new(),
            to_ask: BTreeSet::new(),
        }
    }

    /// Remembers what was found out about the conflicts of an item; a later look at it counts instead.
    pub(crate) fn note_conflicts(&mut self, planned: &Planned) {
        let item = &planned.open.item.id;
        self.clashes.insert(item.clone(), planned.clashes.clone());
        let copy = planned.open.there.as_ref().map(|there| there.id.clone());
        self.to_ask.extend(copy.filter(|_| planned.ask_copy));
    }

    /// Remembers a conflict about an item as a whole.
    pub(crate) fn note_clash(&mut self, item: &ItemId, conflict: Conflict) {
        self.clashes.insert(item.clone(), vec![conflict]);
    }

    /// The comments of an item are not looked at in this run.
    pub(crate) fn untouch(&mut self, item: &ItemId) {
        self.touched.remove(item);
    }

    /// The conflicts that the page found.
    pub(crate) fn clashes(&self) -> Vec<Conflict> {
        self.clashes.values().flatten().cloned().collect()
    }

    /// An item leaves the run.
    pub(crate) fn settle(
        &mut self,
        course: &Course,
        pass: &Pass,
        (item, copy): (&ItemId, Option<ItemId>),
        verdict: Verdict,
        mapped: Fields,
    ) {
        let Some(mut brief) = self.waiting.remove(item) else { return };
        brief.copy = copy.or(brief.copy);
        self.push(course, pass, brief, verdict, mapped);
    }

    /// An item that left the run before, as the other item of its pair, is not counted once more.
    pub(crate) fn leave_again(&mut self, item: &ItemId) {
        if let Some(brief) = self.waiting.remove(item) {
            self.left_before.insert(item.clone(), brief);
        }
    }

    fn push(
        &mut self,
        course: &Course,
        pass: &Pass,
        brief: Brief,
        verdict: Verdict,
        mapped: Fields,
    ) {
        course.count(&brief.title, &verdict);
        let settled = settle(course, pass, brief, verdict);
        self.settled.push(Settled { mapped, ..settled });
    }

    /// The items on which something may hang that is news: they left the run well, and were changed.
    pub(crate) fn carriers(&self) -> Vec<ItemId> {
        let is_well = |settled: &Settled| {
            matches!(
                settled.outcome.state,
                ItemState::Created
                    | ItemState::Updated
                    | ItemState::Linked
                    | ItemState::Unchanged
                    | ItemState::Conflicted
            )
        };
        let well = |id: &ItemId| {
            self.left_before.contains_key(id)
                || self.settled.iter().any(|settled| settled.item == *id && is_well(settled))
        };
        self.order.iter().filter(|id| self.touched.contains_key(id) && well(id)).cloned().collect()
    }

    /// Notes that everything that hangs on an item is on the other side, unless something went wrong with it: its pair
    /// may know the revision that was read.
    pub(crate) fn carried(&mut self, pass: &Pass, pair: &Pair) {
        let Some(item) = pair.item(pass.read).filter(|item| !self.spoilt.contains(*item)) else {
            return;
        };
        let Some(version) = self.touched.remove(item) else { return };
        match self.moves.iter_mut().find_map(|fact| fact.pair_of(pass.read, item)) {
            Some(moving) => *moving = with_version(pass.read, moving.clone(), version),
            None => {
                let pair = Box::new(with_version(pass.read, pair.clone(), version));
                self.moves.push(Fact::Seen { pair });
            }
        }
    }

    /// The copy of a pair was written once more and has another revision, which is nobody's edit.
    pub(crate) fn rewritten(&mut self, pass: &Pass, pair: &Pair, before: &Version, now: Version) {
        let Some(item) = pair.item(pass.read) else { return };
        if pair.version(pass.write) != before {
            return;
        }
        match self.moves.iter_mut().find_map(|fact| fact.pair_of(pass.read, item)) {
            Some(moving) => *moving = with_version(pass.write, moving.clone(), now),
            None => {
                let pair = Box::new(with_version(pass.write, pair.clone(), now));
                self.moves.push(Fact::Seen { pair });
            }
        }
    }

    /// Something that a person may want to know, on the row of an item that left the run well.
    pub(crate) fn remark(&mut self, item: &ItemId, text: &str) {
        for settled in self.settled.iter_mut().filter(|settled| settled.item == *item) {
            let rule = settled.outcome.rule.take().map_or_else(String::new, |rule| rule + "; ");
            settled.outcome.rule = Some(rule + text);
        }
        log::warn!(item = item.as_str(); "{text}");
    }

    /// Takes the revision out of what is about to be recorded of items on which something hangs that is not done with.
    pub(crate) fn leave_open(&mut self, pass: &Pass) {
        if !pass.carries_more() || self.touched.is_empty() {
            return;
        }
        for item in self.touched.keys() {
            for pair in self.moves.iter_mut().filter_map(|fact| fact.pair_of(pass.read, item)) {
                *pair = with_version(pass.read, pair.clone(), Version::default());
            }
        }
    }

    /// An item that had left the run well turns out not to be.
    pub(crate) fn spoil(&mut self, course: &Course, pass: &Pass, item: &ItemId, error: ItemError) {
        self.spoilt.insert(item.clone());
        if let Some(brief) = self.left_before.remove(item) {
            return self.push(course, pass, brief, Verdict::failed(error), Fields::new());
        }
        for settled in self.settled.iter_mut().filter(|settled| settled.item == *item) {
            course.recount(settled.outcome.state, ItemState::Failed);
            settled.outcome.state = ItemState::Failed;
            settled.outcome.error = Some(error.clone());
            settled.retry = RetryMove::Fail;
        }
    }

    /// Whatever is left waits for the next run.
    fn settle_rest(&mut self, course: &Course, pass: &Pass, stop: &Stop) {
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
    course: &Course,
    pass: &Pass,
    recovered: &Arc<Recovered>,
    input: PageInput,
    mut turn: Turn,
) -> Result<(), Stop> {
    if input.overlaps {
        turn.come().await;
    }
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
            .chain(input.lost.iter().map(|lost| &lost.item))
            .cloned()
            .collect(),
    };
    let known = known::load(course.parts.store.as_ref(), question).await?;
    let mut page = Page::new(&input.items, known, recovered);
    for (brief, verdict) in input.settled {
        page.push(course, pass, brief, verdict, Fields::new());
    }
    page.order.extend(input.lost.iter().map(|lost| lost.item.clone()));
    let stop = match work(course, pass, &mut page, input.items, input.lost).await {
        Ok(()) => None,
        Err(stop @ (Stop::Crash(_) | Stop::LeaseLost | Stop::Store(_))) => return Err(stop),
        Err(stop) => Some(stop),
    };
    if let Some(stop) = &stop {
        course.halt(stop);
        page.settle_rest(course, pass, stop);
    }
    let all_done = turn.come().await && stop.is_none();
    let cursor = input.cursor.filter(|_| all_done);
    let leads_on = cursor.is_some();
    commit(course, pass, page, cursor).await?;
    if leads_on {
        cursor_leads_on(course, pass).await?;
    }
    turn.pass_on(all_done);
    stop.map_or(Ok(()), Err)
}

async fn work(
    course: &Course,
    pass: &Pass,
    page: &mut Page,
    items: Vec<Item>,
    lost: Vec<Lost>,
) -> Result<(), Stop> {
    judge(course, pass, page, lost).await?;
    revive(course, pass, page, &items).await?;
    let mut opens = look(course, pass, page, items);
    // A plan holds the people as they were found.
    let asks_late = course.is_live() && course.reviewed().is_none();
    let asking = if asks_late { Asking::WhereNeeded } else { Asking::Always };
    people::resolve(&mut *course.people.lock().await, pass, &mut opens, asking).await?;
    let planned = choose(course, pass, page, opens).await?;
    let (planned, over) = match course.mode {
        // A plan says what it wants, whether or not the limits allow it.
        Mode::Preview => (planned, None),
        Mode::Live | Mode::Decision | Mode::Dry => limits::cut(course, pass, planned),
    };
    let written = if course.is_live() {
        perform(course, pass, page, planned).await
    } else {
        for one in planned {
            let verdict = verdict_of(&one).drafted(reviewed::of_planned(course, pass, &one));
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
fn look(course: &Course, pass: &Pass, page: &mut Page, items: Vec<Item>) -> Vec<Open> {
    let now = course.now();
    let mut opens = Vec::new();
    for item in items {
        let id = item.id.clone();
        let memory = page.known.pair(&id);
        let copy = memory.and_then(|memory| memory.pair.item(pass.write).cloned());
        if let Some(why) = page.recovered.held(pass.read, &id) {
            let verdict = why.verdict();
            page.settle(course, pass, (&id, copy), verdict, Fields::new());
            continue;
        }
        if course.has_lost_track(pass.read, &id) {
            let why = "nobody knows what was written of it; the next run looks";
            let verdict = Verdict::waiting(why, None, RetryMove::Later(now.after(backoff(0))));
            page.settle(course, pass, (&id, copy), verdict, Fields::new());
            continue;
        }
        if let Some(verdict) = reviewed::has_moved(course, pass, &item) {
            page.settle(course, pass, (&id, copy), verdict, Fields::new());
            continue;
        }
        let moved = memory.filter(|memory| item.version != *memory.pair.version(pass.read));
        let moved = moved.map(|memory| pair_seen(pass, &memory.pair, &item));
        if memory.is_none() || moved.is_some() {
            page.touched.insert(id.clone(), item.version.clone());
            if pass.moves_images()
                && let (named, data) = images::look(pass.reader.as_ref(), &item)
                && (named || data)
            {
                page.illustrated.insert(id.clone(), data);
            }
        }
        let done_before = memory.is_some_and(|memory| course.has_left(pass, &memory.pair));
        let over = memory.and_then(|memory| fits_again(pass, memory, &item));
        let back = memory.and_then(|memory| is_back(memory, pass.read));
        if back.is_some() && reads(pass.two_way, pass.write) {
            // The edits that the deletion clashed with may be behind the cursor of their side.
            page.to_ask.extend(copy.clone());
        }
        match first_look(pass, &page.known, item, now) {
            Look::Open(open) => opens.push(*open),
            Look::Done(verdict) if verdict.state == ItemState::Unchanged => {
                if let Some(pair) = moved {
                    page.moves.push(Fact::Seen { pair: Box::new(pair) });
                }
                if done_before {
                    page.leave_again(&id);
                } else {
                    let verdict = page.recovered.relabel(pass.read, &id, verdict);
                    page.settle(course, pass, (&id, copy), verdict, Fields::new());
                }
            }
            Look::Done(verdict) => page.settle(course, pass, (&id, copy), verdict, Fields::new()),
            Look::Clash(verdict, conflict) => {
                page.note_clash(&id, *conflict);
                page.settle(course, pass, (&id, copy), verdict, Fields::new());
            }
        }
        let over = over.into_iter().chain(back);
        page.moves.extend(over.map(|closing| Fact::Over(Box::new(closing))));
    }
    opens
}

/// The pair after a look at the reading side that led to nothing.
pub(crate) fn pair_seen(pass: &Pass, pair: &Pair, item: &Item) -> Pair {
    let mut pair = with_version(pass.read, pair.clone(), item.version.clone());
    match pass.read {
        Side::Source => pair.source_url = item.url.clone(),
        Side::Target => pair.target_url = item.url.clone(),
    }
    pair
}

/// The pair with another revision of one side.
pub(crate) fn with_version(side: Side, mut pair: Pair, version: Version) -> Pair {
    match side {
        Side::Source => pair.source_version = version,
        Side::Target => pair.target_version = version,
    }
    pair
}

/// A failed read as the end of the run.
pub(crate) const fn at(side: Side, error: ConnectorError) -> Stop {
    Stop::Connector { side, error }
}
