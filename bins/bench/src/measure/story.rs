//! What it costs to be able to answer why a value is what it is: bytes of history a pair, the time of an answer, and the
//! requests of a census.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::sqlite::SqliteConnection;
use diesel::{Connection as _, RunQueryDsl as _};
use serde_json::json;
use syncline_domain::{ConfigId, ItemId};
use syncline_engine::Engine;
use syncline_testkit::{ManualClock, World};
use tokio::runtime::Runtime;

use super::cpu::{alone, engine, joined, timed, world_in};
use crate::Wishes;
use crate::report::{Report, percentile};

/// Pairs about which is asked.
const ASKED: usize = 200;
/// How often a value of each of them is edited before.
const EDITS: usize = 5;
/// The tables that a value's story is kept in, with their indices.
const SIZE: &str = "SELECT SUM(pgsize) AS bytes FROM dbstat WHERE name = 'pair_history' \
    OR name IN (SELECT name FROM sqlite_master WHERE tbl_name = 'pair_history')";

pub(super) fn run(_: &Runtime, wishes: &Wishes, report: &mut Report) -> anyhow::Result<()> {
    let pairs = if wishes.quick { 2_000 } else { 100_000 };
    let told = alone(move || tell(pairs))?;
    report.note(&format!("{pairs} pairs of 9 fields; {ASKED} of them edited {EDITS} times"));
    report.info("story_bytes_pair", told.bytes / pairs as f64, "bytes of history a pair");
    report.info("story_explain_p50", percentile(&told.millis, 0.5), "ms");
    report.info("story_explain_p99", percentile(&told.millis, 0.99), "ms");
    report.info("story_census_requests", told.requests / (pairs as f64 / 1e3), "per 1,000 pairs");
    report.info("story_census_time", told.census.as_secs_f64() * 1e6 / pairs as f64, "us a pair");
    Ok(())
}

struct Told {
    bytes: f64,
    millis: Vec<f64>,
    requests: f64,
    census: Duration,
}

async fn tell(pairs: usize) -> anyhow::Result<Told> {
    let folder = tempfile::tempdir()?;
    let mut world = world_in(&folder, ManualClock::new())?;
    let ([source, target], config) = joined(&mut world, pairs).await;
    let engine = engine(&world);
    timed(&world, &engine, config, false).await?;
    let bytes = bytes(&folder)?;
    let asked: Vec<ItemId> = source.items().into_iter().take(ASKED).map(|item| item.id).collect();
    for edit in 0..EDITS {
        for id in &asked {
            source.edit_as("eve", id, json!({ "title": format!("edit {edit}") }));
        }
        timed(&world, &engine, config, false).await?;
    }
    let millis = explain(&engine, config, &asked).await?;
    source.clear_logs();
    target.clear_logs();
    let census = census(&world, &engine, config).await?;
    let requests = source.requests().len() + target.requests().len();
    Ok(Told { bytes, millis, requests: requests as f64, census })
}

fn bytes(folder: &tempfile::TempDir) -> anyhow::Result<f64> {
    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        bytes: i64,
    }
    let path = folder.path().join("bench.db").display().to_string();
    let mut file = SqliteConnection::establish(&path)?;
    file.batch_execute("PRAGMA query_only = ON")?;
    let row: Row = diesel::sql_query(SIZE).get_result(&mut file)?;
    Ok(row.bytes as f64)
}

/// Milliseconds of each answer, the shortest first.
async fn explain(engine: &Engine, config: ConfigId, asked: &[ItemId]) -> anyhow::Result<Vec<f64>> {
    let mut millis = Vec::new();
    for id in asked {
        let begun = Instant::now();
        let told = engine.explain(config, id.clone(), None).await?;
        millis.push(begun.elapsed().as_secs_f64() * 1e3);
        let steps = told.fields.iter().map(|field| field.steps.len()).max().unwrap_or(0);
        anyhow::ensure!(steps > EDITS, "{id}: {steps} steps");
    }
    millis.sort_by(f64::total_cmp);
    Ok(millis)
}

/// How long a census took, which found nothing.
async fn census(world: &World, engine: &Engine, config: ConfigId) -> anyhow::Result<Duration> {
    let (source, target) = world.ends(config).await;
    let begun = Instant::now();
    let census = engine.census(config, source, target).await?;
    anyhow::ensure!(census.total() == 0, "{:?}", census.drift.first());
    Ok(begun.elapsed())
}
