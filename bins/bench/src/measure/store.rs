//! Small transactions on the store, beside what the disk can do.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use syncline_domain::ports::{Clock as _, StoreExt as _};
use syncline_engine::SystemClock;
use syncline_storage::{DatabaseConfig, Storage};
use tokio::runtime::Runtime;

use crate::Wishes;
use crate::report::{Report, percentile};

pub(super) fn run(runtime: &Runtime, wishes: &Wishes, report: &mut Report) -> anyhow::Result<()> {
    let span = Duration::from_secs(if wishes.quick { 1 } else { 3 });
    let folder = tempfile::tempdir()?;
    let disk = appends(folder.path(), span)?;
    report.info("disk_append_4k_fdatasync", disk, "per s");
    for writers in [1, 32] {
        let path = folder.path().join(format!("store{writers}.db"));
        let place = format!("sqlite:{}", path.display());
        let store = Storage::open(&DatabaseConfig::new(place), Arc::new(SystemClock::new()))?;
        let figures = runtime.block_on(write(&store, writers, span))?;
        let name = format!("store_{writers}_writers");
        report.info(&format!("{name}_rate"), figures.rate, "transactions/s");
        report.info(&format!("{name}_p50"), figures.p50_ms, "ms");
        report.info(&format!("{name}_p99"), figures.p99_ms, "ms");
        report.info(&format!("{name}_grouped"), figures.grouped, "transactions/commit");
        report.info(&format!("{name}_ratio"), figures.rate / disk, "transactions per disk append");
    }
    Ok(())
}

/// Appends of 4 KiB, each brought to the disk, a second.
fn appends(folder: &Path, span: Duration) -> anyhow::Result<f64> {
    let mut file = File::create(folder.join("append"))?;
    let block = [7; 4_096];
    let begun = Instant::now();
    let mut count = 0_u32;
    while begun.elapsed() < span {
        file.write_all(&block)?;
        file.sync_data()?;
        count += 1;
    }
    Ok(f64::from(count) / begun.elapsed().as_secs_f64())
}

struct Figures {
    rate: f64,
    p50_ms: f64,
    p99_ms: f64,
    grouped: f64,
}

/// So many writers, each of whom writes a row, waits until it is on the disk, and writes the next.
async fn write(store: &Arc<Storage>, writers: usize, span: Duration) -> anyhow::Result<Figures> {
    let before = store.figures();
    let begun = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|writer| tokio::spawn(one_writer(Arc::clone(store), writer, span)))
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await??);
    }
    let took = begun.elapsed().as_secs_f64();
    waits.sort_by(f64::total_cmp);
    let after = store.figures();
    Ok(Figures {
        rate: waits.len() as f64 / took,
        p50_ms: percentile(&waits, 0.50),
        p99_ms: percentile(&waits, 0.99),
        grouped: (after.units - before.units) as f64 / (after.commits - before.commits) as f64,
    })
}

/// Milliseconds that each transaction took.
async fn one_writer(
    store: Arc<Storage>,
    writer: usize,
    span: Duration,
) -> anyhow::Result<Vec<f64>> {
    let clock = SystemClock::new();
    let mut waits = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < span {
        let key = format!("bench-{writer}-{}", waits.len());
        let (value, at) = ("x".repeat(200), clock.now());
        let sent = Instant::now();
        store.tx("bench", move |tx| tx.put_setting(&key, Some(&value), at)).await?;
        waits.push(sent.elapsed().as_secs_f64() * 1e3);
    }
    Ok(waits)
}
