//! The ceiling on PostgreSQL: sessions that each store a delivery and its job, and commit, one after another.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use diesel::connection::SimpleConnection as _;
use diesel::pg::PgConnection;
use diesel::{Connection as _, RunQueryDsl as _};

use super::load::payload;
use super::statement::{Both, DELIVERIES, Delivery, JOBS};

/// Makes the tables.
pub(crate) fn prepare(url: &str) -> anyhow::Result<()> {
    let mut db = PgConnection::establish(url)?;
    db.batch_execute(&format!(
        "CREATE TABLE deliveries (id BIGSERIAL PRIMARY KEY, {DELIVERIES}); \
         CREATE TABLE jobs (id BIGSERIAL PRIMARY KEY, {JOBS})"
    ))?;
    Ok(())
}

/// Commits a second, of so many sessions.
pub(crate) fn commits(url: &str, sessions: usize, span: Duration) -> anyhow::Result<f64> {
    let mut open = Vec::new();
    for _ in 0..sessions {
        open.push(PgConnection::establish(url)?);
    }
    let begun = Instant::now();
    let threads: Vec<_> = open
        .into_iter()
        .map(|db| std::thread::spawn(move || one_session(db, begun, span)))
        .collect();
    let mut count = 0;
    for thread in threads {
        count += thread.join().ok().context("a session panicked")??;
    }
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

fn one_session(mut db: PgConnection, begun: Instant, span: Duration) -> anyhow::Result<u64> {
    let payload = payload(0);
    let mut count = 0;
    while begun.elapsed() < span {
        Both(Delivery { name: "a name", payload: &payload, at_us: 1 }).execute(&mut db)?;
        count += 1;
    }
    Ok(count)
}
