//! Processor time an item.
//!
//! Engine and trackers share one thread; the store has its own. The trackers' share, measured alone over the same
//! calls, is taken off.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use syncline_domain::ports::{
    ChangeQuery, Clock, Connector as _, NoEvents, NoFaultPoints, NothingFollows, Write, WriteKind,
};
use syncline_domain::{ConfigId, Execution, ExecutionStatus, Fields, Item, OpId};
use syncline_engine::{Engine, EngineParts, RunRequest, SystemIds};
use syncline_storage::{DatabaseConfig, Storage};
use syncline_testkit::{FakeConnector, ManualClock, World, bug_tracker, helpdesk};
use tokio::runtime::Runtime;

use crate::Wishes;
use crate::process::thread_times;
use crate::report::{Limit, Report};

const UNCHANGED: Limit = Limit::AtMost { must: 50.0, goal: 10.0 };
const WRITTEN: Limit = Limit::AtMost { must: 500.0, goal: 150.0 };
/// The thread on which engine and trackers run.
const THREAD: &str = "measured";
const PAGE: usize = 200;

pub(super) fn run(_: &Runtime, wishes: &Wishes, report: &mut Report) -> anyhow::Result<()> {
    let items = if wishes.quick { 2_000 } else { 10_000 };
    let fakes = alone(move || fakes_alone(items))?;
    report.note(&format!(
        "the trackers alone, taken off below: {:.1} us an item read, {:.1} created, {:.1} updated",
        each(fakes.read, items),
        each(fakes.create, items),
        each(fakes.update, items)
    ));
    let on_file = alone(move || on_sqlite(items))?;
    tell(report, "cpu_sqlite", items, &fakes, &on_file);
    let few = 1_000;
    let fakes = alone(move || fakes_alone(few))?;
    let in_memory = alone(move || in_memory(few))?;
    tell(report, "cpu_memory", few, &fakes, &in_memory);
    Ok(())
}

/// Time on a processor: engine and trackers, and the store's threads.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spent {
    pub(super) engine: Duration,
    pub(super) store: Duration,
}

/// Time by what a run does.
struct Runs {
    create: Spent,
    unchanged: Spent,
    update: Spent,
}

/// The same of the trackers alone.
struct Fakes {
    read: Duration,
    create: Duration,
    update: Duration,
}

fn each(time: Duration, items: usize) -> f64 {
    time.as_secs_f64() * 1e6 / items as f64
}

fn tell(report: &mut Report, name: &str, items: usize, fakes: &Fakes, runs: &Runs) {
    let cases = [
        ("created", runs.create, fakes.read + fakes.create, WRITTEN),
        ("unchanged", runs.unchanged, fakes.read, UNCHANGED),
        ("updated", runs.update, fakes.read + fakes.update, WRITTEN),
    ];
    for (case, spent, off, limit) in cases {
        let engine = spent.engine.saturating_sub(off);
        let unit = "us/item";
        report.info(&format!("{name}_{case}_engine_thread"), each(engine, items), unit);
        report.info(&format!("{name}_{case}_store_threads"), each(spent.store, items), unit);
        let both = each(engine + spent.store, items);
        report.figure(&format!("{name}_{case}"), both, unit, limit);
    }
}

/// Runs work on a thread of its own, whose name its processor time is found by.
pub(super) fn alone<T: Send + 'static, F>(
    work: impl FnOnce() -> F + Send + 'static,
) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<T>>,
{
    let thread = std::thread::Builder::new().name(THREAD.to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(work())
    })?;
    thread.join().map_err(|_| anyhow::anyhow!("the measured thread panicked"))?
}

fn now() -> anyhow::Result<Spent> {
    let mut spent = Spent::default();
    for (name, time) in thread_times()? {
        if name == THREAD {
            spent.engine += time;
        } else if name.starts_with("store-") {
            spent.store += time;
        }
    }
    Ok(spent)
}

fn since(before: Spent) -> anyhow::Result<Spent> {
    let after = now()?;
    Ok(Spent { engine: after.engine - before.engine, store: after.store - before.store })
}

fn trackers(clock: &ManualClock) -> [Arc<FakeConnector>; 2] {
    let of = |name: &str, schema, first| {
        FakeConnector::builder(name, schema)
            .clock(clock.clone())
            .first_id(first)
            .capabilities(|can| can.write_batch = 200)
            .build()
    };
    [of("bugs", bug_tracker(), 1), of("desk", helpdesk(), 1_000_001)]
}

/// Bugs, a second between each two.
fn seed(fake: &FakeConnector, clock: &ManualClock, items: usize) {
    for n in 0..items {
        clock.advance(Duration::from_secs(1));
        let fields = json!({
            "title": format!("Bug {n}: ümlaut & <tags>"),
            "description": format!("<p>What happens in case {n}</p><ul><li>first</li><li>second</li></ul>"),
            "priority": (["Low", "Normal", "High"][n % 3]),
            "estimate": n % 5,
            "progress": n % 2,
            "due": "2026-03-01T12:00:00.000Z",
            "assignee": {"email": "bob@example.test"},
            "tags": ["one", format!("t{}", n % 50)],
            "blocked": n % 2 == 0,
        });
        fake.create_in_status("ada", "bug", fields, Some(["New", "Active", "Closed"][n % 3]));
    }
}

fn edit_all(fake: &FakeConnector) {
    for item in fake.items() {
        let title = format!("{} (edited)", item.title);
        fake.edit_as("eve", &item.id, json!({"title": title, "priority": "High"}));
    }
}

/// The calls of a run, without a run.
async fn fakes_alone(items: usize) -> anyhow::Result<Fakes> {
    let clock = ManualClock::new();
    let [source, target] = trackers(&clock);
    seed(&source, &clock, items);
    let query = ChangeQuery { types: vec!["bug".to_owned()], ..ChangeQuery::default() };
    let begun = now()?;
    let mut walk = source.changes(query, None);
    while walk.next_page(PAGE).await?.is_some() {}
    let read = since(begun)?.engine;

    let sample = Fields::from([
        ("subject".into(), json!("Bug: ümlaut & <tags>")),
        ("details".into(), json!("<p>What happens</p><ul><li>first</li><li>second</li></ul>")),
        ("urgency".into(), json!("2 - Medium")),
        ("effort".into(), json!(3)),
        ("ratio".into(), json!(1)),
        ("due_by".into(), json!("2026-03-01T12:00:00.000Z")),
        ("technician".into(), json!({"email": "bob@example.test"})),
        ("labels".into(), json!(["one", "t1"])),
        ("on_hold".into(), json!(true)),
    ]);
    let creates = (0..items).map(|n| Write {
        op_id: OpId::new(n.to_string()),
        kind: WriteKind::Create { type_ref: "request".to_owned() },
        status: Some("open".to_owned()),
        fields: sample.clone(),
        marker: None,
    });
    let (create, made) = applied(&target, creates.collect()).await?;
    let updates = made.into_iter().map(|item| Write {
        op_id: OpId::new(item.id.as_str()),
        kind: WriteKind::Update { id: item.id, expected: Some(item.version) },
        status: None,
        fields: Fields::from([
            ("subject".into(), json!("edited")),
            ("urgency".into(), json!("3 - High")),
        ]),
        marker: None,
    });
    let (update, _) = applied(&target, updates.collect()).await?;
    Ok(Fakes { read, create, update })
}

async fn applied(
    fake: &FakeConnector,
    writes: Vec<Write>,
) -> anyhow::Result<(Duration, Vec<Item>)> {
    let begun = now()?;
    let mut items = Vec::with_capacity(writes.len());
    for portion in writes.chunks(PAGE) {
        for outcome in fake.apply(portion).await {
            items.push(outcome?);
        }
    }
    Ok((since(begun)?.engine, items))
}

async fn on_sqlite(items: usize) -> anyhow::Result<Runs> {
    let clock = ManualClock::new();
    let folder = tempfile::tempdir()?;
    runs(world_in(&folder, clock)?, items).await
}

/// A world on a new SQLite file.
pub(super) fn world_in(folder: &tempfile::TempDir, clock: ManualClock) -> anyhow::Result<World> {
    let place = format!("sqlite:{}", folder.path().join("bench.db").display());
    let store =
        Storage::open(&DatabaseConfig::new(place), Arc::new(clock.clone()) as Arc<dyn Clock>)?;
    Ok(World::on(clock, store))
}

async fn in_memory(items: usize) -> anyhow::Result<Runs> {
    runs(World::new(ManualClock::new()), items).await
}

/// Both trackers in a world, a one-way configuration between them, and so many bugs in its source.
pub(super) async fn joined(world: &mut World, items: usize) -> ([Arc<FakeConnector>; 2], ConfigId) {
    let clock = world.clock().clone();
    let [source, target] = trackers(&clock);
    world.add("bugs", Arc::clone(&source)).await;
    world.add("desk", Arc::clone(&target)).await;
    let config = world.default_config().await;
    seed(&source, &clock, items);
    ([source, target], config)
}

/// A first sync, one that reads everything and finds nothing to write, and one after an edit of every item.
async fn runs(mut world: World, items: usize) -> anyhow::Result<Runs> {
    let clock = world.clock().clone();
    let ([source, _], config) = joined(&mut world, items).await;
    let engine = engine(&world);
    let (create, run) = timed(&world, &engine, config, false).await?;
    anyhow::ensure!(run.totals.created == items as u64, "first: {:?}", run.totals);
    let (unchanged, run) = timed(&world, &engine, config, true).await?;
    anyhow::ensure!(run.totals.unchanged == items as u64, "again: {:?}", run.totals);
    clock.advance(Duration::from_secs(60));
    edit_all(&source);
    let (update, run) = timed(&world, &engine, config, false).await?;
    anyhow::ensure!(run.totals.updated == items as u64, "edited: {:?}", run.totals);
    Ok(Runs { create, unchanged, update })
}

pub(super) fn engine(world: &World) -> Engine {
    Engine::new(EngineParts {
        store: world.store(),
        clock: Arc::new(world.clock().clone()),
        ids: Arc::new(SystemIds::new()),
        events: Arc::new(NoEvents),
        faults: Arc::new(NoFaultPoints),
        ending: Arc::new(NothingFollows),
        holder: "bench".to_owned(),
    })
}

pub(super) async fn timed(
    world: &World,
    engine: &Engine,
    config: ConfigId,
    full: bool,
) -> anyhow::Result<(Spent, Execution)> {
    world.clock().advance(Duration::from_secs(600));
    let (source, target) = world.ends(config).await;
    let begun = now()?;
    let request = RunRequest { full, ..RunRequest::of(config) };
    let started = engine.start(request).await.context("start")?;
    let run = engine.drive(started, source, target).await;
    let spent = since(begun)?;
    anyhow::ensure!(run.status == ExecutionStatus::Completed, "{}: {:?}", run.status, run.error);
    Ok((spent, run))
}
