//! What a configuration costs in which nothing happens: requests and processor time of a run, both ways.
//!
//! The time is that of everything, the trackers in memory included: they answer two empty pages.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use syncline_domain::{ConfigId, Direction, Totals};
use syncline_engine::Engine;
use syncline_testkit::{FakeConnector, ManualClock, World};
use tokio::runtime::Runtime;

use super::cpu::{alone, engine, joined, timed, world_in};
use crate::Wishes;
use crate::report::{Limit, Report};

/// Runs that are measured.
const RUNS: usize = 10;
/// More runs than both sides need to come to rest after the first.
const SETTLING: usize = 5;
/// A query a side.
const REQUESTS: Limit = Limit::AtMost { must: 2.0, goal: 2.0 };

pub(super) fn run(_: &Runtime, wishes: &Wishes, report: &mut Report) -> anyhow::Result<()> {
    let pairs = if wishes.quick { 2_000 } else { 10_000 };
    let (requests, micros) = alone(move || two_ways(pairs))?;
    report.note(&format!("two ways, {pairs} pairs, {RUNS} runs in which nothing changed"));
    report.figure("idle_two_way_requests", requests, "a run", REQUESTS);
    report.info("idle_two_way_cpu", micros, "us a run");
    report.info("idle_two_way_cpu_pair", micros / pairs as f64, "us a pair and run");
    Ok(())
}

/// Requests and microseconds of a run.
async fn two_ways(pairs: usize) -> anyhow::Result<(f64, f64)> {
    let folder = tempfile::tempdir()?;
    let mut world = world_in(&folder, ManualClock::new())?;
    let ([source, target], config) = joined(&mut world, pairs).await;
    world.reconfigure(config, |row| row.direction = Direction::Bidirectional).await;
    let engine = engine(&world);
    settle(&world, &engine, config).await?;
    source.clear_logs();
    target.clear_logs();
    let mut micros = 0.0;
    for _ in 0..RUNS {
        let (spent, run) = timed(&world, &engine, config, false).await?;
        anyhow::ensure!(is_idle(run.totals), "it was not idle: {:?}", run.totals);
        micros += (spent.engine + spent.store).as_secs_f64() * 1e6;
    }
    let asked = |fake: &FakeConnector| fake.requests().len();
    Ok(((asked(&source) + asked(&target)) as f64 / RUNS as f64, micros / RUNS as f64))
}

/// The first sync, and what follows from it. The trackers give what changed in the instant of the cursor again, and all
/// copies are of one instant; so somebody edits one of them later.
async fn settle(world: &World, engine: &Engine, config: ConfigId) -> anyhow::Result<()> {
    timed(world, engine, config, false).await?;
    world.clock().advance(Duration::from_secs(60));
    let copy = world.target().items().pop().context("no copies")?;
    world.target().edit_as("eve", &copy.id, json!({"subject": "edited"}));
    let mut last = Totals::default();
    for _ in 0..SETTLING {
        last = timed(world, engine, config, false).await?.1.totals;
        if is_idle(last) {
            return Ok(());
        }
    }
    anyhow::bail!("it does not come to rest: {last:?}")
}

/// Nothing but the last item of each side, which is read again.
fn is_idle(totals: Totals) -> bool {
    totals.unchanged <= 2 && Totals { unchanged: 0, ..totals } == Totals::default()
}
