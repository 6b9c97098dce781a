//! The commit of a page: outcomes, retries, bases that moved without a write, cursor and counts, all at once.

use syncline_domain::ports::Tx;
use syncline_domain::{
    ConfigId, Conflict, ConnectorId, Cursor, ErrorType, Fault, ItemError, ItemId, ItemOutcome,
    ItemRetry, Side, Timestamp,
};

use crate::clash::put_found;
use crate::course::{Course, Mode, put_totals};
use crate::error::Stop;
use crate::known::Known;
use crate::outcome::{RetryMove, Settled};
use crate::page::Page;
use crate::pass::Pass;
use crate::points;
use crate::record::{Fact, put_all};
use crate::retry::backoff;

/// Commits a page that is done with.
pub(crate) async fn commit(
    course: &Course,
    pass: &Pass,
    mut page: Page,
    cursor: Option<Cursor>,
) -> Result<(), Stop> {
    page.leave_open(pass);
    if course.mode == Mode::Preview {
        course.collect(page.settled);
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
        clashes: page.clashes(),
        to_ask: asked_again(pass, &page, now),
        outcomes: page.settled.into_iter().map(|settled| settled.outcome).collect(),
        moves: page.moves,
        cursor,
        now,
    };
    let execution = course.row();
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
    connectors: [ConnectorId; 2],
    config: ConfigId,
    side: Side,
    outcomes: Vec<ItemOutcome>,
    retries: Vec<ItemRetry>,
    cleared: Vec<ItemId>,
    clashes: Vec<Conflict>,
    /// Items of the other side that are to be looked at.
    to_ask: Vec<ItemRetry>,
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
        put_all(tx, self.connectors, &self.moves, self.now)?;
        put_found(tx, self.config, &self.clashes, self.now)?;
        for retry in &self.retries {
            tx.put_retry(retry)?;
        }
        for retry in &self.to_ask {
            // One that failed before keeps its count.
            let item = std::slice::from_ref(&retry.item_id);
            if tx.retries(self.config, retry.side, Some(item))?.is_empty() {
                tx.put_retry(retry)?;
            }
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

/// Copies that are to be read, though the walk of their side may have passed them.
fn asked_again(pass: &Pass, page: &Page, now: Timestamp) -> Vec<ItemRetry> {
    let row = |item: &ItemId| ItemRetry {
        config_id: pass.spec.config.id,
        side: pass.write,
        item_id: item.clone(),
        error: ItemError {
            error_type: ErrorType::Conflict,
            message: "a conflict about this item is over, and its value is to travel".to_owned(),
            field: None,
        },
        attempts: 0,
        next_try_at: now,
        first_failed_at: now,
    };
    page.to_ask.iter().map(row).collect()
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
        error_type: ErrorType::Unknown,
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
