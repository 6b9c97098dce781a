//! Queueing. What a webhook queues mostly joins a job that waits, which takes two statements.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use syncline_domain::{
    Enqueued, Fault, ItemId, JobId, JobKey, MOST_FOLDED_ITEMS, NewJob, Timestamp,
};

use super::row::NewRow;
use crate::convert::to_json;
use crate::db::{Db, on_db};
use crate::dialect::{ADD_ITEMS, COUNT_KNOWN, FOLD_ITEMS, FOLD_ITEMS_BEHIND, FOLD_WHOLE};
use crate::error::{LOST_RACE, OrFault};
use crate::schema::{job_items, jobs};
use crate::statement::{Cached, Statement};

pub(super) fn enqueue(db: &mut Db, job: &NewJob) -> Result<Enqueued, Fault> {
    let items = job.items.as_deref().map(distinct);
    if let Some(key) = &job.fold_key {
        let joined = match &items {
            Some(items) => join_items(db, key, job, items)?,
            None => join_whole(db, key, job)?,
        };
        if let Some(key) = joined {
            return Ok(Enqueued { key, folded: true });
        }
    }
    let key = db.guarded(|db| insert(db, job, items.as_deref().unwrap_or_default()))?;
    Ok(Enqueued { key, folded: false })
}

fn distinct(items: &[ItemId]) -> Vec<&ItemId> {
    let mut seen = BTreeSet::new();
    items.iter().filter(|item| items.len() == 1 || seen.insert(*item)).collect()
}

fn number(items: usize) -> i64 {
    i64::try_from(items).unwrap_or(i64::MAX)
}

/// A waiting job that took another in.
struct Joined {
    key: JobKey,
    names_items: bool,
}

type JoinedTypes = (BigInt, BigInt, diesel::sql_types::Bool);

fn join(db: &mut Db, update: Statement<JoinedTypes>) -> Result<Option<Joined>, Fault> {
    let row: Option<(i64, i64, bool)> =
        on_db!(db, c => update.get_result(c).optional()).or_fault()?;
    Ok(row.map(|(id, created_at, names_items)| Joined {
        key: JobKey { id: JobId(id), created_at: Timestamp::from_micros(created_at) },
        names_items,
    }))
}

fn join_whole(db: &mut Db, key: &str, job: &NewJob) -> Result<Option<JobKey>, Fault> {
    let update = Statement::new(FOLD_WHOLE.on(db))
        .number(job.run_at.micros())
        .number(i64::from(job.priority))
        .text(key);
    let Some(joined) = join(db, update)? else {
        return Ok(None);
    };
    on_db!(db, c => diesel::delete(job_items::table.filter(job_items::job_id.eq(joined.key.id.0)))
        .execute(c))
    .or_fault()?;
    Ok(Some(joined.key))
}

/// Joins the waiting job. Where that has no room it loses its key, for a new job to take over.
fn join_items(
    db: &mut Db,
    key: &str,
    job: &NewJob,
    items: &[&ItemId],
) -> Result<Option<JobKey>, Fault> {
    let come = number(items.len());
    let mut joined = take_in_behind(db, key, job, come)?;
    if joined.is_none() {
        joined = take_in(db, key, job, come, come)?;
    }
    if joined.is_none() {
        joined = take_in_closely(db, key, job, items)?;
    }
    let Some(joined) = joined else {
        return Ok(None);
    };
    if joined.names_items {
        let id = joined.key.id.0;
        let new = add_items(db, id, items)?;
        if new < come {
            let correct: Statement<()> =
                Statement::new("UPDATE jobs SET item_count = item_count + ? WHERE id = ?")
                    .number(new - come)
                    .number(id);
            on_db!(db, c => correct.execute(c)).or_fault()?;
        }
    }
    Ok(Some(joined.key))
}

/// The usual case: the waiting job is due and goes first anyway.
fn take_in_behind(
    db: &mut Db,
    key: &str,
    job: &NewJob,
    come: i64,
) -> Result<Option<Joined>, Fault> {
    let update = Statement::new(FOLD_ITEMS_BEHIND)
        .number(come)
        .text(key)
        .number(job.run_at.micros())
        .number(i64::from(job.priority))
        .number(come)
        .number(i64::try_from(MOST_FOLDED_ITEMS).unwrap_or(i64::MAX));
    join(db, update)
}

fn take_in(
    db: &mut Db,
    key: &str,
    job: &NewJob,
    come: i64,
    new: i64,
) -> Result<Option<Joined>, Fault> {
    let update = Statement::new(FOLD_ITEMS.on(db))
        .number(job.run_at.micros())
        .number(i64::from(job.priority))
        .number(come)
        .text(key)
        .number(new)
        .number(i64::try_from(MOST_FOLDED_ITEMS).unwrap_or(i64::MAX));
    join(db, update)
}

/// There may be no waiting job with the key, or it has room once the items it knows already are counted out.
fn take_in_closely(
    db: &mut Db,
    key: &str,
    job: &NewJob,
    items: &[&ItemId],
) -> Result<Option<Joined>, Fault> {
    let waiting: Option<i64> = on_db!(db, c => jobs::table
        .filter(jobs::fold_key.eq(key))
        .select(jobs::id)
        .get_result(c)
        .optional())
    .or_fault()?;
    let Some(id) = waiting else {
        return Ok(None);
    };
    let ask: Statement<BigInt> =
        Statement::new(COUNT_KNOWN.on(db)).number(id).text(to_json(items)?);
    let known: i64 = on_db!(db, c => ask.get_result(c)).or_fault()?;
    let come = number(items.len());
    if let Some(joined) = take_in(db, key, job, come, come - known)? {
        return Ok(Some(joined));
    }
    on_db!(db, c => diesel::update(jobs::table.find(id))
        .set(jobs::fold_key.eq(None::<String>))
        .execute(c))
    .or_fault()?;
    Ok(None)
}

/// Answers how many of them are new.
fn add_items(db: &mut Db, job: i64, items: &[&ItemId]) -> Result<i64, Fault> {
    if items.is_empty() {
        return Ok(0);
    }
    let add: Statement<()> = Statement::new(ADD_ITEMS.on(db)).number(job).text(to_json(items)?);
    Ok(number(on_db!(db, c => add.execute(c)).or_fault()?))
}

fn insert(db: &mut Db, job: &NewJob, items: &[&ItemId]) -> Result<JobKey, Fault> {
    let new = NewRow::new(job, number(items.len()))?;
    let id: Option<i64> = on_db!(&mut *db, c => Cached(diesel::insert_into(jobs::table)
        .values(&new)
        .on_conflict_do_nothing()
        .returning(jobs::id))
    .get_result(c)
    .optional())
    .or_fault()?;
    // The only thing that can be taken is the key for folding, by somebody who was not there a moment ago.
    let id = id.ok_or_else(|| Fault::Busy(LOST_RACE.to_owned()))?;
    add_items(db, id, items)?;
    Ok(JobKey { id: JobId(id), created_at: job.created_at })
}
