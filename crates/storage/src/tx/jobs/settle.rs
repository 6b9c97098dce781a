//! The ends of attempts, by their holder or by others.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use serde_json::{Value, json};
use syncline_domain::{
    CancelAsked, Fault, Job, JobId, JobOutcome, JobStatus, Settlement, Timestamp,
};

use super::row::Row;
use crate::convert::{CHUNK, all, count, limit as rows_at_most, to_json, to_json_opt, word};
use crate::db::{Db, on_db};
use crate::dialect::SETTLE;
use crate::error::OrFault;
use crate::schema::{job_items, jobs};
use crate::statement::{Cached, Statement};

/// Settlements in one statement.
const BATCH: usize = 1_000;

pub(super) fn settle(db: &mut Db, settlements: &[Settlement]) -> Result<Vec<JobId>, Fault> {
    let mut seen = BTreeSet::new();
    let once: Vec<&Settlement> =
        settlements.iter().filter(|s| seen.insert((s.claim.id, s.claim.token))).collect();
    let mut settled = BTreeSet::new();
    for batch in once.chunks(BATCH) {
        let rows = batch.iter().map(|one| line(one)).collect::<Result<Vec<_>, _>>()?;
        let update: Statement<BigInt> = Statement::new(SETTLE.on(db)).text(to_json(&rows)?);
        let ids: Vec<i64> = on_db!(&mut *db, c => update.load(c)).or_fault()?;
        settled.extend(ids);
    }
    let ids = once.iter().map(|one| one.claim.id);
    Ok(ids.filter(|id| settled.remove(&id.0)).collect())
}

/// One settlement as the statement takes it.
fn line(one: &Settlement) -> Result<Value, Fault> {
    let (outcome, run_at, error, result) = match &one.outcome {
        JobOutcome::Completed { result } => ("completed", None, None, result.as_ref()),
        JobOutcome::Retry { error, run_at } => ("retry", Some(run_at), Some(error), None),
        JobOutcome::Failed { error, result } => ("failed", None, Some(error), result.as_ref()),
        JobOutcome::Released { run_at } => ("released", Some(run_at), None, None),
        JobOutcome::Cancelled { result } => ("cancelled", None, None, result.as_ref()),
    };
    let message = error.map(|error| error.message.replace('\0', "\u{fffd}"));
    Ok(json!([
        one.claim.id.0,
        one.claim.token,
        outcome,
        one.at.micros(),
        run_at.map(|at| at.micros()),
        to_json_opt(error)?,
        message,
        to_json_opt(result)?,
    ]))
}

pub(super) fn rescue(
    db: &mut Db,
    now: Timestamp,
    dead_holders: &[String],
    limit: usize,
) -> Result<Vec<Job>, Fault> {
    let abandoned: Vec<Row> = on_db!(&mut *db, c => jobs::table
        .filter(Statement::<Bool>::new("(jobs.status = 'running')"))
        .filter(jobs::lease_until_us.le(now.micros()).or(jobs::lease_holder.eq_any(dead_holders)))
        .order((jobs::lease_until_us, jobs::id))
        .limit(rows_at_most(limit))
        .select(Row::as_select())
        .load(c))
    .or_fault()?;
    let mut rescued = Vec::with_capacity(abandoned.len());
    for row in abandoned {
        let job = row.into_domain()?;
        let (status, reason) = fate(&job);
        let ended = (status != JobStatus::Queued).then_some(now.micros());
        let row: Row = on_db!(&mut *db, c => Cached(diesel::update(jobs::table.find(job.id.0))
            .set((
                jobs::status.eq(status.as_str()),
                jobs::dead_reason.eq(reason.as_deref()),
                jobs::completed_at_us.eq(ended),
                jobs::lease_holder.eq(None::<String>),
                jobs::lease_until_us.eq(None::<i64>),
            ))
            .returning(Row::as_returning()))
        .get_result(c))
        .or_fault()?;
        rescued.push(row);
    }
    all(rescued, Row::into_domain)
}

/// What becomes of a job whose worker is gone.
fn fate(job: &Job) -> (JobStatus, Option<String>) {
    if job.cancel_requested {
        (JobStatus::Cancelled, None)
    } else if job.attempts >= job.max_attempts {
        let reason = format!("the worker of attempt {} vanished", job.attempts);
        (JobStatus::Failed, Some(reason))
    } else {
        (JobStatus::Queued, None)
    }
}

pub(super) fn cancel(db: &mut Db, id: JobId, now: Timestamp) -> Result<CancelAsked, Fault> {
    let waiting = on_db!(&mut *db, c => diesel::update(jobs::table.find(id.0)
        .filter(jobs::status.eq("queued")))
    .set((
        jobs::status.eq("cancelled"),
        jobs::cancel_requested.eq(true),
        jobs::fold_key.eq(None::<String>),
        jobs::completed_at_us.eq(now.micros()),
    ))
    .execute(c))
    .or_fault()?;
    if waiting > 0 {
        return Ok(CancelAsked::Cancelled);
    }
    let running = on_db!(&mut *db, c => diesel::update(jobs::table.find(id.0)
        .filter(jobs::status.eq("running")))
    .set(jobs::cancel_requested.eq(true))
    .execute(c))
    .or_fault()?;
    if running > 0 {
        return Ok(CancelAsked::Asked);
    }
    let ended: Option<String> =
        on_db!(db, c => jobs::table.find(id.0).select(jobs::status).get_result(c).optional())
            .or_fault()?;
    let ended = ended.ok_or_else(|| Fault::no_such("job", id))?;
    Ok(CancelAsked::Ended(word(&ended)?))
}

pub(super) fn redrive(db: &mut Db, id: JobId, now: Timestamp) -> Result<bool, Fault> {
    let rows = on_db!(db, c => diesel::update(jobs::table.find(id.0)
        .filter(jobs::status.eq_any(["failed", "cancelled"])))
    .set((
        jobs::status.eq("queued"),
        jobs::run_at_us.eq(now.micros()),
        jobs::attempts.eq(0),
        jobs::cancel_requested.eq(false),
        jobs::dead_reason.eq(None::<String>),
        jobs::result.eq(None::<String>),
        jobs::completed_at_us.eq(None::<i64>),
    ))
    .execute(c))
    .or_fault()?;
    Ok(rows > 0)
}

/// The jobs that go next.
fn to_go(db: &mut Db, keep: u64, before: Timestamp, limit: usize) -> Result<Vec<i64>, Fault> {
    let keep = i64::try_from(keep).unwrap_or(i64::MAX);
    on_db!(&mut *db, c => {
        let newest_to_go: Option<i64> = jobs::table
            .filter(jobs::completed_at_us.is_not_null())
            .order(jobs::id.desc())
            .offset(keep)
            .limit(1)
            .select(jobs::id)
            .first(c)
            .optional()
            .or_fault()?;
        let Some(newest_to_go) = newest_to_go else {
            return Ok(Vec::new());
        };
        jobs::table
            .filter(jobs::completed_at_us.lt(before.micros()))
            .filter(jobs::id.le(newest_to_go))
            .order(jobs::id)
            .limit(rows_at_most(limit))
            .select(jobs::id)
            .load(c)
    })
    .or_fault()
}

pub(super) fn prune_items(
    db: &mut Db,
    keep: u64,
    before: Timestamp,
    limit: usize,
) -> Result<u64, Fault> {
    let mut left = limit;
    for chunk in to_go(db, keep, before, limit)?.chunks(CHUNK) {
        let ids: Vec<i64> = on_db!(&mut *db, c => job_items::table
            .filter(job_items::job_id.eq_any(chunk))
            .limit(rows_at_most(left))
            .select(job_items::id)
            .load(c))
        .or_fault()?;
        for rows in ids.chunks(CHUNK) {
            on_db!(&mut *db, c =>
                diesel::delete(job_items::table.filter(job_items::id.eq_any(rows))).execute(c))
            .or_fault()?;
        }
        left = left.saturating_sub(ids.len());
    }
    Ok(count(limit.saturating_sub(left)))
}

pub(super) fn prune(db: &mut Db, keep: u64, before: Timestamp, limit: usize) -> Result<u64, Fault> {
    let ids = to_go(db, keep, before, limit)?;
    for chunk in ids.chunks(CHUNK) {
        on_db!(&mut *db, c =>
            diesel::delete(jobs::table.filter(jobs::id.eq_any(chunk))).execute(c))
        .or_fault()?;
    }
    Ok(count(ids.len()))
}
