//! Items a second, beside the floor client against the same sandboxes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use syncline_engine::SystemClock;
use tokio::runtime::Runtime;

use crate::Wishes;
use crate::child::FarSandbox;
use crate::floor;
use crate::report::{Limit, Report, median};
use crate::rig::Rig;

/// Latency in milliseconds, calls in flight.
const CASES: &[(u64, u32)] = &[(0, 1), (0, 8), (0, 32), (50, 1), (50, 8), (50, 32)];
const QUICK: &[(u64, u32)] = &[(0, 8), (50, 8)];
/// The case that has a limit.
const HELD: (u64, u32) = (20, 4);
const RATIO: Limit = Limit::AtMost { must: 3.0, goal: 1.2 };

pub(super) fn run(runtime: &Runtime, wishes: &Wishes, report: &mut Report) -> anyhow::Result<()> {
    let (items, cases, rounds) = if wishes.quick { (600, QUICK, 1) } else { (2_000, CASES, 3) };
    runtime.block_on(async {
        let (source, target) = (FarSandbox::start(items)?, FarSandbox::start(0)?);
        let ends = (&source, &target);
        for case in cases {
            tell(report, *case, items, measure(ends, *case, items, 1).await?, Limit::None);
        }
        let items = 2_000;
        let source = FarSandbox::start(items)?;
        let held = measure((&source, &target), HELD, items, rounds).await?;
        tell(report, HELD, items, held, RATIO);
        Ok(())
    })
}

/// Ours and the floor client's.
struct Both {
    ours: Duration,
    floor: Duration,
    sent: Sent,
}

/// The product's requests.
#[derive(Clone, Copy, Default)]
struct Sent {
    all: u64,
    /// The most under way at once, at the source and at the target.
    peaks: (u64, u64),
}

async fn measure(
    ends: (&FarSandbox, &FarSandbox),
    case: (u64, u32),
    items: usize,
    rounds: usize,
) -> anyhow::Result<Both> {
    let (mut ours, mut floors, mut sent) = (Vec::new(), Vec::new(), Sent::default());
    for _ in 0..rounds {
        // In turns, so that a busy machine is as unkind to both.
        let took;
        (took, sent) = product(ends, case, items).await?;
        ours.push(took.as_secs_f64());
        floors.push(bare(ends, case, items).await?.as_secs_f64());
    }
    Ok(Both {
        ours: Duration::from_secs_f64(median(ours)),
        floor: Duration::from_secs_f64(median(floors)),
        sent,
    })
}

async fn product(
    (source, target): (&FarSandbox, &FarSandbox),
    (latency, in_flight): (u64, u32),
    items: usize,
) -> anyhow::Result<(Duration, Sent)> {
    let rig = Rig::new(Arc::new(SystemClock::new()))?;
    let config = rig.join((&source.info, &target.info), in_flight, json!({})).await?;
    prepare((source, target), latency).await?;
    source.reset_requests().await?;
    target.reset_requests().await?;
    let begun = Instant::now();
    let run = rig.run(config).await?;
    let took = begun.elapsed();
    anyhow::ensure!(run.totals.created == items as u64, "{:?}", run.totals);
    let (from, to) = (source.requests().await?, target.requests().await?);
    let sent = Sent { all: from.0 + to.0, peaks: (from.1, to.1) };
    calm((source, target)).await?;
    Ok((took, sent))
}

async fn bare(
    (source, target): (&FarSandbox, &FarSandbox),
    (latency, in_flight): (u64, u32),
    items: usize,
) -> anyhow::Result<Duration> {
    prepare((source, target), latency).await?;
    let (moved, took) = floor::run(&source.info, &target.info, in_flight).await?;
    anyhow::ensure!(moved == items, "the floor client moved {moved} items");
    calm((source, target)).await?;
    Ok(took)
}

async fn prepare((source, target): (&FarSandbox, &FarSandbox), latency: u64) -> anyhow::Result<()> {
    target.reset().await?;
    for end in [source, target] {
        end.set_latency(Duration::from_millis(latency)).await?;
    }
    Ok(())
}

async fn calm((source, target): (&FarSandbox, &FarSandbox)) -> anyhow::Result<()> {
    source.set_latency(Duration::ZERO).await?;
    target.set_latency(Duration::ZERO).await
}

fn tell(report: &mut Report, case: (u64, u32), items: usize, both: Both, limit: Limit) {
    let (latency, in_flight) = case;
    let name = format!("pace_{latency}ms_{in_flight}");
    let rate = |took: Duration| items as f64 / took.as_secs_f64();
    let waiting = floor::waiting(items, Duration::from_millis(latency), in_flight);
    report.note(&format!(
        "{items} items, {} requests (floor {}), at most {} + {} at once: ours {:.0} ms, floor client {:.0} ms, network alone {} ms",
        both.sent.all,
        floor::requests(items),
        both.sent.peaks.0,
        both.sent.peaks.1,
        both.ours.as_secs_f64() * 1e3,
        both.floor.as_secs_f64() * 1e3,
        waiting.as_millis()
    ));
    report.info(&format!("{name}_ours"), rate(both.ours), "items/s");
    report.info(&format!("{name}_floor"), rate(both.floor), "items/s");
    let ratio = both.ours.as_secs_f64() / both.floor.as_secs_f64();
    report.figure(&format!("{name}_ratio"), ratio, "seconds ours/floor", limit);
}
