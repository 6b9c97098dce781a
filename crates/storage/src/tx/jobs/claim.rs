//! Claims, and what only the holder of one may do.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use syncline_domain::{ExecutionId, Fault, Heartbeat, Job, JobClaim, JobId, Timestamp};

use super::row::Row;
use crate::convert::{all, limit as rows_at_most, to_json};
use crate::db::{Db, on_db};
use crate::dialect::{CLAIM_BY_CONFIG, CLAIM_FIRST, RENEW};
use crate::error::OrFault;
use crate::schema::jobs;
use crate::statement::{Cached, Statement};

/// The least number of due jobs that a claim looks at before it asks configuration by configuration.
const LOOK: usize = 1_000;

/// Most claims are one statement. Where the first due jobs are all of busy configurations, a second one finds the rest.
pub(super) fn claim(
    db: &mut Db,
    holder: &str,
    now: Timestamp,
    ttl: Duration,
    limit: usize,
) -> Result<Vec<Job>, Fault> {
    let lease = Lease { holder, now, until: now.after(ttl) };
    let look = LOOK.max(limit.saturating_mul(4));
    let first = Statement::new(CLAIM_FIRST.on(db))
        .number(now.micros())
        .number(rows_at_most(look))
        .number(now.micros())
        .number(rows_at_most(limit));
    let mut rows = lease.take(db, first)?;
    if rows.len() < limit && more_due(db, now, look.saturating_sub(rows.len()))? {
        let missing = rows_at_most(limit - rows.len());
        let rest = Statement::new(CLAIM_BY_CONFIG.on(db))
            .number(now.micros())
            .number(missing)
            .number(now.micros())
            .number(missing);
        rows.extend(lease.take(db, rest)?);
    }
    rows.sort_unstable_by_key(Row::rank);
    all(rows, Row::into_domain)
}

/// Whether more jobs are due than the first look saw.
fn more_due(db: &mut Db, now: Timestamp, seen: usize) -> Result<bool, Fault> {
    let ask: Statement<BigInt> = Statement::new(
        "SELECT id FROM jobs WHERE status = 'queued' AND run_at_us <= ? \
         ORDER BY priority DESC, run_at_us, id LIMIT 1 OFFSET ?",
    )
    .number(now.micros())
    .number(rows_at_most(seen));
    let next: Option<i64> = on_db!(db, c => ask.get_result(c).optional()).or_fault()?;
    Ok(next.is_some())
}

/// What a claim writes.
struct Lease<'a> {
    holder: &'a str,
    now: Timestamp,
    until: Timestamp,
}

impl Lease<'_> {
    fn take(&self, db: &mut Db, which: Statement<Bool>) -> Result<Vec<Row>, Fault> {
        let claimed = on_db!(db, c => Cached(diesel::update(jobs::table.filter(which))
            .set((
                jobs::status.eq("running"),
                jobs::attempts.eq(jobs::attempts + 1),
                jobs::fold_key.eq(None::<String>),
                jobs::execution_id.eq(None::<i64>),
                jobs::lease_holder.eq(self.holder),
                jobs::lease_token.eq(jobs::lease_token + 1_i64),
                jobs::lease_until_us.eq(self.until.micros()),
                jobs::started_at_us.eq(self.now.micros()),
            ))
            .returning(Row::as_returning()))
        .load(c));
        // Somebody else began a job of the same configuration at this moment: look again.
        claimed.or_lost_race()
    }
}

pub(super) fn renew(
    db: &mut Db,
    claims: &[JobClaim],
    now: Timestamp,
    ttl: Duration,
) -> Result<Vec<Heartbeat>, Fault> {
    let pairs: Vec<(i64, i64)> = claims.iter().map(|claim| (claim.id.0, claim.token)).collect();
    let update: Statement<(BigInt, Bool)> =
        Statement::new(RENEW.on(db)).number(now.after(ttl).micros()).text(to_json(&pairs)?);
    let held: Vec<(i64, bool)> = on_db!(db, c => update.load(c)).or_fault()?;
    let beat = |(id, cancel_requested)| Heartbeat { id: JobId(id), cancel_requested };
    let mut beats: Vec<Heartbeat> = held.into_iter().map(beat).collect();
    beats.sort_unstable_by_key(|beat| beat.id);
    Ok(beats)
}

pub(super) fn note_run(db: &mut Db, claim: JobClaim, execution: ExecutionId) -> Result<(), Fault> {
    let note: Statement<()> = Statement::new(
        "UPDATE jobs SET execution_id = ? WHERE id = ? AND lease_token = ? AND status = 'running'",
    )
    .number(execution.0)
    .number(claim.id.0)
    .number(claim.token);
    let rows = on_db!(db, c => note.execute(c)).or_fault()?;
    if rows == 0 {
        return Err(Fault::Conflict(format!("job {} was taken by somebody else", claim.id)));
    }
    Ok(())
}
