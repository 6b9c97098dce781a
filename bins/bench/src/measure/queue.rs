//! The queue: the real worker over the real store, its handlers doing nothing.
//!
//! The clock of a start begins before the job is put in, so it holds the commit of that, too.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::json;
use syncline_domain::ports::{BoxFuture, Clock, JobContext, JobHandler, Store, StoreExt as _};
use syncline_domain::{Job, JobOutcome, NewJob, Trigger, WaitingRoom};
use syncline_engine::{SystemClock, SystemRng};
use syncline_queue::{Ending, Handlers, Queue, QueueConfig, QueueParts, QueueTimes, StopSignal};
use syncline_storage::Storage;
use syncline_testkit::TestServer;
use tokio::runtime::Runtime;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use super::peers;
use crate::Wishes;
use crate::ingest::product::store;
use crate::report::{Limit, Report, percentile};

const KIND: &str = "nothing";
const PRODUCERS: usize = 32;
/// Jobs at a time: as the peers were measured, and as much as a worker takes.
const SLOTS: [usize; 2] = [10, 500];
const START_P50: Limit = Limit::AtMost { must: 5.0, goal: 1.0 };
const START_P99: Limit = Limit::AtMost { must: 50.0, goal: 5.0 };

pub(super) fn run(runtime: &Runtime, wishes: &Wishes, report: &mut Report) -> anyhow::Result<()> {
    let sizes = if wishes.quick {
        Sizes { span: Duration::from_millis(500), jobs: 3_000, starts: 100 }
    } else {
        Sizes { span: Duration::from_secs(2), jobs: 20_000, starts: 500 }
    };
    let home = tempfile::tempdir()?;
    let file = format!("sqlite:{}", home.path().join("queue.db").display());
    runtime.block_on(on(&file, "sqlite", sizes, report))?;
    match TestServer::start_durable().map(Arc::new) {
        Ok(server) => {
            let database = server.database().map_err(anyhow::Error::msg)?;
            runtime.block_on(on(&database.url(), "postgres", sizes, report))
        }
        Err(why) => {
            report.skipped("queue_postgres", &why);
            Ok(())
        }
    }
}

#[derive(Clone, Copy)]
struct Sizes {
    span: Duration,
    jobs: usize,
    starts: usize,
}

async fn on(url: &str, name: &str, sizes: Sizes, report: &mut Report) -> anyhow::Result<()> {
    let store = store(url)?;
    let sqlite = name == "sqlite";
    let rate = started(&store, sizes, name, report).await?;
    let (theirs, who) = if sqlite {
        (peers::BULLMQ_START_MS, "bullmq")
    } else {
        (peers::GRAPHILE_START_MS, "graphile")
    };
    let limit = if sqlite {
        Limit::AtMost { must: 0.6, goal: 0.3 }
    } else {
        Limit::AtMost { must: 1.0, goal: 0.5 }
    };
    report.figure(&format!("start_{name}_over_{who}_published"), rate / theirs, "times", limit);

    let one = enqueues(&store, 1, sizes.span / 2).await?;
    report.info(&format!("enqueue_{name}_1_producer"), one, "jobs/s");
    empty(&store).await?;
    let many = enqueues(&store, PRODUCERS, sizes.span).await?;
    report.info(&format!("enqueue_{name}_32_producers"), many, "jobs/s");
    let limit = Limit::AtLeast { must: 1.5, goal: 3.0 };
    report.figure(
        &format!("enqueue_{name}_over_bullmq_published"),
        many / peers::BULLMQ_ENQUEUE,
        "times",
        if sqlite { limit } else { Limit::None },
    );
    if !sqlite {
        let times = many / peers::GRAPHILE_ENQUEUE;
        report.info("enqueue_postgres_over_graphile_published", times, "times");
    }
    empty(&store).await?;

    for slots in SLOTS {
        fill(&store, sizes.jobs).await?;
        let rate = drained(&store, sizes.jobs, slots).await?;
        report.info(&format!("drain_{name}_{slots}_slots"), rate, "jobs/s");
        drain_beside_peers(report, sqlite, slots, rate);
    }
    Ok(())
}

fn drain_beside_peers(report: &mut Report, sqlite: bool, slots: usize, rate: f64) {
    let mut beside = |who: &str, theirs: f64, must: f64, goal: f64| {
        let limit = Limit::AtLeast { must, goal };
        report.figure(&format!("drain_over_{who}_published"), rate / theirs, "times", limit);
    };
    match (sqlite, slots == SLOTS[0]) {
        (true, true) => {
            beside("bullmq", peers::BULLMQ_DRAIN, 1.5, 4.0);
            beside("apalis", peers::APALIS_DRAIN, 10.0, 30.0);
        }
        (false, true) => beside("graphile", peers::GRAPHILE_DRAIN, 2.0, 8.0),
        (false, false) => beside("graphile_tuned", peers::GRAPHILE_TUNED_DRAIN, 0.2, 1.0),
        (true, false) => {}
    }
}

fn job(clock: &dyn Clock) -> NewJob {
    NewJob {
        kind: KIND.to_owned(),
        config_id: None,
        fold_key: None,
        trigger: Trigger::Manual,
        triggered_by: "bench".to_owned(),
        payload: json!({"n": 1}),
        items: None,
        priority: 0,
        run_at: clock.now(),
        max_attempts: 3,
        created_at: clock.now(),
    }
}

/// Puts jobs in, each in a transaction of its own; answers how many a second.
async fn enqueues(store: &Arc<Storage>, producers: usize, span: Duration) -> anyhow::Result<f64> {
    let room = Arc::new(WaitingRoom::new(10_000_000));
    let begun = Instant::now();
    let tasks: Vec<_> = (0..producers)
        .map(|_| tokio::spawn(one_producer(Arc::clone(store), Arc::clone(&room), begun, span)))
        .collect();
    let mut count = 0;
    for task in tasks {
        count += task.await??;
    }
    Ok(f64::from(count) / begun.elapsed().as_secs_f64())
}

async fn one_producer(
    store: Arc<Storage>,
    room: Arc<WaitingRoom>,
    begun: Instant,
    span: Duration,
) -> anyhow::Result<u32> {
    let clock = SystemClock::new();
    let mut count = 0;
    while begun.elapsed() < span {
        let (room, job) = (Arc::clone(&room), job(&clock));
        store.tx("enqueue", move |tx| room.enqueue(tx, &job)).await?;
        count += 1;
    }
    Ok(count)
}

/// Puts jobs in, many in a transaction.
async fn fill(store: &Arc<Storage>, jobs: usize) -> anyhow::Result<()> {
    let job = job(&SystemClock::new());
    let mut left = jobs;
    while left > 0 {
        let (part, job) = (left.min(1_000), job.clone());
        store.tx("fill", move |tx| (0..part).try_for_each(|_| tx.enqueue(&job).map(drop))).await?;
        left -= part;
    }
    Ok(())
}

/// Works off what is there.
async fn empty(store: &Arc<Storage>) -> anyhow::Result<()> {
    let waiting = store.view("waiting", |tx| tx.count_waiting_jobs()).await?;
    drained(store, usize::try_from(waiting)?, SLOTS[1]).await.map(drop)
}

/// Works off all jobs there are, which are so many; answers how many a second, until the last end is recorded.
async fn drained(store: &Arc<Storage>, jobs: usize, slots: usize) -> anyhow::Result<f64> {
    if jobs == 0 {
        return Ok(0.0);
    }
    let count = Arc::new(Count { left: AtomicUsize::new(jobs), done: Notify::new() });
    let begun = Instant::now();
    let (stop, worker) = start(store, slots, Arc::clone(&count) as Arc<dyn JobHandler>)?;
    count.done.notified().await;
    stop.drain();
    let ending = worker.await?;
    let took = begun.elapsed();
    anyhow::ensure!(ending.unsettled == 0 && ending.released == 0, "{ending:?}");
    let left = store.view("waiting", |tx| tx.count_waiting_jobs()).await?;
    anyhow::ensure!(left == 0, "{left} jobs are left");
    Ok(jobs as f64 / took.as_secs_f64())
}

/// Counts and does nothing else.
struct Count {
    left: AtomicUsize,
    done: Notify,
}

impl JobHandler for Count {
    fn run<'a>(&'a self, _: &'a Job, _: &'a dyn JobContext) -> BoxFuture<'a, JobOutcome> {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.done.notify_one();
        }
        Box::pin(std::future::ready(JobOutcome::Completed { result: None }))
    }
}

fn start(
    store: &Arc<Storage>,
    slots: usize,
    handler: Arc<dyn JobHandler>,
) -> anyhow::Result<(StopSignal, JoinHandle<Ending>)> {
    let handlers: Handlers = [(KIND.to_owned(), handler)].into();
    let store: Arc<dyn Store> = Arc::clone(store) as Arc<dyn Store>;
    let (clock, rng) = (Arc::new(SystemClock::new()), Arc::new(SystemRng::new()));
    let config = QueueConfig::new("bench", slots, QueueTimes::default())?;
    let queue = Queue::new(QueueParts::new(store, clock, rng, handlers), config);
    let stop = StopSignal::new();
    let signal = stop.clone();
    Ok((stop, tokio::spawn(async move { queue.run(signal).await })))
}

/// Says when a job began.
struct Tell(mpsc::Sender<Instant>);

impl JobHandler for Tell {
    fn run<'a>(&'a self, _: &'a Job, _: &'a dyn JobContext) -> BoxFuture<'a, JobOutcome> {
        let now = Instant::now();
        Box::pin(async move {
            let _gone = self.0.send(now).await;
            JobOutcome::Completed { result: None }
        })
    }
}

/// One job after another, each on an idle queue, until it begins; answers the median in milliseconds.
async fn started(
    store: &Arc<Storage>,
    sizes: Sizes,
    name: &str,
    report: &mut Report,
) -> anyhow::Result<f64> {
    let (tell, mut told) = mpsc::channel(1);
    let (stop, worker) = start(store, SLOTS[0], Arc::new(Tell(tell)))?;
    let clock = SystemClock::new();
    let (mut waits, mut commits) = (Vec::new(), Vec::new());
    for _ in 0..sizes.starts {
        // The end of the last job is recorded meanwhile, and nobody works.
        clock.sleep(Duration::from_millis(5)).await;
        let job = job(&clock);
        let begun = Instant::now();
        store.tx("enqueue", move |tx| tx.enqueue(&job).map(drop)).await?;
        commits.push(begun.elapsed().as_secs_f64() * 1e3);
        let began = told.recv().await.context("the worker is gone")?;
        waits.push(began.saturating_duration_since(begun).as_secs_f64() * 1e3);
    }
    stop.drain();
    worker.await?;
    waits.sort_by(f64::total_cmp);
    commits.sort_by(f64::total_cmp);
    let p50 = percentile(&waits, 0.50);
    report.info(&format!("start_{name}_commit_p50"), percentile(&commits, 0.50), "ms");
    report.figure(&format!("start_{name}_p50"), p50, "ms", START_P50);
    report.figure(&format!("start_{name}_p99"), percentile(&waits, 0.99), "ms", START_P99);
    Ok(p50)
}
