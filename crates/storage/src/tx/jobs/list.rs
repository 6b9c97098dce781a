//! Jobs for people, and the queue in figures.

use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use syncline_domain::ports::JobFilter;
use syncline_domain::{ConfigId, Fault, ItemId, Job, JobId, QueueCounts, Timestamp};

use super::row::Row;
use crate::convert::{all, count, limit as rows_at_most, time};
use crate::db::{Db, on_db};
use crate::dialect::NEXT_JOB;
use crate::error::OrFault;
use crate::schema::{job_items, jobs};
use crate::statement::Statement;

pub(super) fn count_waiting(db: &mut Db) -> Result<u64, Fault> {
    let ask: Statement<BigInt> =
        Statement::new("SELECT COUNT(*) FROM jobs WHERE status = 'queued'");
    let rows: i64 = on_db!(db, c => ask.get_result(c)).or_fault()?;
    Ok(count(rows))
}

pub(super) fn holders(db: &mut Db) -> Result<Vec<String>, Fault> {
    let ask: Statement<Text> = Statement::new(
        "SELECT DISTINCT lease_holder FROM jobs WHERE status = 'running' ORDER BY lease_holder",
    );
    on_db!(db, c => ask.load(c)).or_fault()
}

pub(super) fn next_at(db: &mut Db) -> Result<Option<Timestamp>, Fault> {
    let ask: Statement<BigInt> = Statement::new(NEXT_JOB);
    let at: Option<i64> = on_db!(db, c => ask.get_result(c).optional()).or_fault()?;
    Ok(time(at))
}

pub(super) fn job(db: &mut Db, id: JobId) -> Result<Option<Job>, Fault> {
    let row: Option<Row> =
        on_db!(db, c => jobs::table.find(id.0).select(Row::as_select()).get_result(c).optional())
            .or_fault()?;
    row.map(Row::into_domain).transpose()
}

pub(super) fn items(db: &mut Db, id: JobId, limit: usize) -> Result<Vec<ItemId>, Fault> {
    let items: Vec<String> = on_db!(db, c => job_items::table
        .filter(job_items::job_id.eq(id.0))
        .order(job_items::id)
        .limit(rows_at_most(limit))
        .select(job_items::item_id)
        .load(c))
    .or_fault()?;
    Ok(items.into_iter().map(ItemId::new).collect())
}

/// Adds the conditions of a filter but for the page.
macro_rules! let_through {
    ($query:expr, $filter:expr) => {{
        let mut query = $query;
        if let Some(config) = $filter.config_id {
            query = query.filter(jobs::config_id.eq(config.0));
        }
        if let Some(status) = $filter.status {
            query = query.filter(jobs::status.eq(status.as_str()));
        }
        match $filter.dead {
            Some(true) => query = query.filter(jobs::dead_reason.is_not_null()),
            Some(false) => query = query.filter(jobs::dead_reason.is_null()),
            None => {}
        }
        if let Some(scope) = &$filter.scope {
            let scope: Vec<i64> = scope.iter().map(|id| id.0).collect();
            query = query.filter(jobs::config_id.eq_any(scope));
        }
        query
    }};
}

pub(super) fn jobs(db: &mut Db, filter: &JobFilter, limit: usize) -> Result<Vec<Job>, Fault> {
    let rows: Vec<Row> = on_db!(db, c, B => {
        let mut query = let_through!(jobs::table.select(Row::as_select()).into_boxed::<B>(), filter);
        if let Some(before) = filter.before {
            query = query.filter(jobs::id.lt(before.0));
        }
        query.order(jobs::id.desc()).limit(rows_at_most(limit)).load(c)
    })
    .or_fault()?;
    all(rows, Row::into_domain)
}

pub(super) fn count_jobs(db: &mut Db, filter: &JobFilter) -> Result<u64, Fault> {
    let rows: i64 = on_db!(db, c, B => {
        let_through!(jobs::table.select(count_star()).into_boxed::<B>(), filter).get_result(c)
    })
    .or_fault()?;
    Ok(count(rows))
}

/// A status, or `dead`, with its jobs and their earliest run-at.
type Part = (String, i64, Option<i64>);

/// Waiting and running jobs come from the indexes of those, ended ones from theirs.
pub(super) fn counts(db: &mut Db, scope: Option<&[ConfigId]>) -> Result<QueueCounts, Fault> {
    let mut counts = QueueCounts::default();
    let parts: Vec<Part> = match scope {
        None => {
            let ask: Statement<(Text, BigInt, Nullable<BigInt>)> = Statement::new(
                "SELECT 'queued', COUNT(*), MIN(run_at_us) FROM jobs WHERE status = 'queued' UNION ALL \
                 SELECT 'running', COUNT(*), NULL FROM jobs WHERE status = 'running' UNION ALL \
                 SELECT 'dead', COUNT(*), NULL FROM jobs WHERE dead_reason IS NOT NULL UNION ALL \
                 SELECT status, COUNT(*), NULL FROM jobs WHERE completed_at_us IS NOT NULL GROUP BY status",
            );
            on_db!(db, c => ask.load(c)).or_fault()?
        }
        Some(scope) => of_scope(db, scope)?,
    };
    for (word, rows, oldest) in parts {
        let rows = count(rows);
        match word.as_str() {
            "queued" => (counts.queued, counts.oldest_due_at) = (rows, time(oldest)),
            "running" => counts.running = rows,
            "dead" => counts.dead = rows,
            "completed" => counts.completed = rows,
            "failed" => counts.failed = rows,
            _ => {}
        }
    }
    Ok(counts)
}

fn of_scope(db: &mut Db, scope: &[ConfigId]) -> Result<Vec<Part>, Fault> {
    let scope: Vec<i64> = scope.iter().map(|id| id.0).collect();
    on_db!(db, c => {
        let of = jobs::table.filter(jobs::config_id.eq_any(&scope));
        let mut parts: Vec<Part> = of
            .clone()
            .group_by(jobs::status)
            .select((jobs::status, count_star(), diesel::dsl::min(jobs::run_at_us)))
            .load(c)
            .or_fault()?;
        let dead: i64 = of
            .filter(jobs::dead_reason.is_not_null())
            .select(count_star())
            .get_result(c)
            .or_fault()?;
        parts.push(("dead".to_owned(), dead, None));
        Ok(parts)
    })
}
