//! A queue on a store in memory, with a clock that the test moves and handlers that do what the payload says.

mod orderly;

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use serde_json::{Value, json};
use syncline_domain::ports::{
    BoxFuture, Clock, JobContext, JobHandler, Rng, StopReason, Store, StoreExt as _, Topic, TxWork,
    Wakeup,
};
use syncline_domain::{
    ConfigId, ErrorType, Fault, ItemError, Job, JobId, JobOutcome, JobStatus, NewJob, Trigger,
};
use syncline_queue::{
    Backoff, Ending, Handlers, Queue, QueueConfig, QueueParts, QueueTimes, StopSignal,
};
use syncline_testkit::{ManualClock, MemStore, SeededRng, rows};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use orderly::Orderly;

pub(crate) const KIND: &str = "work";

/// How often everybody else gets a turn before a test gives up waiting.
const PATIENCE: usize = 20_000;

/// Lets everybody else go on until `reached`, without time passing.
pub(crate) async fn until(what: &str, mut reached: impl FnMut() -> bool) {
    for _ in 0..PATIENCE {
        if reached() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("never came: {what}");
}

/// Lets everybody else go on until nobody has anything to do but wait for time.
pub(crate) async fn quiet() {
    for _ in 0..300 {
        tokio::task::yield_now().await;
    }
}

/// The place where jobs are worked at, and what was seen there.
pub(crate) struct Floor {
    clock: ManualClock,
    rng: SeededRng,
    running: Mutex<Vec<JobId>>,
    most: Mutex<usize>,
    started: Mutex<Vec<(JobId, i64)>>,
    stopped: Mutex<Vec<(JobId, StopReason)>>,
    released: Mutex<BTreeSet<JobId>>,
    /// Wakes in order; a watch channel would not, and histories would not replay.
    bell: Notify,
}

impl Floor {
    pub(crate) fn new(clock: &ManualClock) -> Arc<Self> {
        Arc::new(Self {
            clock: clock.clone(),
            rng: SeededRng::new(1),
            running: Mutex::default(),
            most: Mutex::default(),
            started: Mutex::default(),
            stopped: Mutex::default(),
            released: Mutex::default(),
            bell: Notify::new(),
        })
    }

    /// Jobs in work now.
    pub(crate) fn running(&self) -> Vec<JobId> {
        self.running.lock().unwrap().clone()
    }

    /// The most jobs that were in work at a time.
    pub(crate) fn most(&self) -> usize {
        *self.most.lock().unwrap()
    }

    /// Attempts in the order of their beginning, with their tokens.
    pub(crate) fn started(&self) -> Vec<(JobId, i64)> {
        self.started.lock().unwrap().clone()
    }

    pub(crate) fn attempts_of(&self, id: JobId) -> usize {
        self.started().iter().filter(|(job, _)| *job == id).count()
    }

    /// Who was told to stop, and why.
    pub(crate) fn stopped(&self) -> Vec<(JobId, StopReason)> {
        self.stopped.lock().unwrap().clone()
    }

    /// Lets a held job come to its end.
    pub(crate) fn release(&self, id: JobId) {
        self.released.lock().unwrap().insert(id);
        self.bell.notify_waiters();
    }

    async fn released(&self, id: JobId) {
        loop {
            let rung = self.bell.notified();
            if self.released.lock().unwrap().contains(&id) {
                return;
            }
            rung.await;
        }
    }

    fn enter(self: &Arc<Self>, job: &Job) -> Here {
        let token = job.claim().expect("a claimed job").token;
        self.started.lock().unwrap().push((job.id, token));
        let mut running = self.running.lock().unwrap();
        running.push(job.id);
        let mut most = self.most.lock().unwrap();
        *most = (*most).max(running.len());
        Here { floor: Arc::clone(self), id: job.id }
    }

    async fn hold(&self, job: &Job, context: &dyn JobContext) -> JobOutcome {
        let reason = tokio::select! {
            biased;
            reason = context.stopped() => reason,
            () = self.released(job.id) => return done(job),
        };
        self.stopped.lock().unwrap().push((job.id, reason));
        match reason {
            StopReason::Cancelled => JobOutcome::Cancelled { result: None },
            StopReason::Draining => JobOutcome::Released { run_at: self.clock.now() },
            StopReason::Lost => done(job),
        }
    }
}

struct Here {
    floor: Arc<Floor>,
    id: JobId,
}

impl Drop for Here {
    fn drop(&mut self) {
        let mut running = self.floor.running.lock().unwrap();
        let at = running.iter().position(|id| *id == self.id).expect("it was running");
        running.remove(at);
    }
}

fn done(job: &Job) -> JobOutcome {
    JobOutcome::Completed { result: Some(json!({"token": job.claim().unwrap().token})) }
}

pub(crate) fn error(message: &str) -> ItemError {
    ItemError { error_type: ErrorType::Connection, message: message.to_owned(), field: None }
}

/// Works at a job as its payload says.
struct Hand(Arc<Floor>);

impl JobHandler for Hand {
    fn run<'a>(&'a self, job: &'a Job, context: &'a dyn JobContext) -> BoxFuture<'a, JobOutcome> {
        Box::pin(async move {
            let floor = &self.0;
            let _here = floor.enter(job);
            match job.payload["do"].as_str().unwrap() {
                "done" => done(job),
                "retry" => JobOutcome::Retry {
                    error: error("the tracker is down"),
                    run_at: Backoff::JOBS.next(floor.clock.now(), job.attempts, None, &floor.rng),
                },
                "fail" => JobOutcome::Failed { error: error("no such project"), result: None },
                "panic" => panic!("the handler has a bug"),
                "hold" => floor.hold(job, context).await,
                "deaf" => {
                    floor.released(job.id).await;
                    done(job)
                }
                "sleep" => {
                    floor
                        .clock
                        .sleep(Duration::from_secs(job.payload["secs"].as_u64().unwrap()))
                        .await;
                    done(job)
                }
                other => panic!("what is {other}?"),
            }
        })
    }
}

/// A store, a clock, and a floor.
pub(crate) struct Rig {
    pub(crate) clock: ManualClock,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) floor: Arc<Floor>,
}

impl Rig {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::new();
        let floor = Floor::new(&clock);
        Self { clock, store: Arc::new(MemStore::new()), floor }
    }

    /// A rig whose histories replay.
    pub(crate) fn orderly() -> Self {
        Self { store: Arc::new(Orderly::default()), ..Self::new() }
    }

    pub(crate) fn clock_now(&self) -> syncline_domain::Timestamp {
        self.clock.now()
    }

    pub(crate) fn parts(&self) -> QueueParts {
        let hand: Arc<dyn JobHandler> = Arc::new(Hand(Arc::clone(&self.floor)));
        let handlers: Handlers = [(KIND.to_owned(), hand)].into();
        let rng: Arc<dyn Rng> = Arc::new(SeededRng::new(2));
        QueueParts::new(Arc::clone(&self.store), Arc::new(self.clock.clone()), rng, handlers)
    }

    /// Starts a worker with three slots.
    pub(crate) fn start(&self, holder: &str) -> Worker {
        self.start_with(self.parts(), holder, 3)
    }

    /// Starts a worker that looks seldom by itself, for tests over days.
    pub(crate) fn start_calm(&self) -> Worker {
        let long = Duration::from_secs(900);
        let times = QueueTimes { poll: long, rescue: long, ..QueueTimes::default() };
        self.start_at(self.parts(), "calm", 3, times)
    }

    pub(crate) fn start_with(&self, parts: QueueParts, holder: &str, slots: usize) -> Worker {
        self.start_at(parts, holder, slots, QueueTimes::default())
    }

    fn start_at(&self, parts: QueueParts, holder: &str, slots: usize, times: QueueTimes) -> Worker {
        let config = QueueConfig::new(holder, slots, times).unwrap();
        let queue = Queue::new(parts, config);
        let (stop, ice) = (StopSignal::new(), Ice::default());
        let (signal, working) = (stop.clone(), queue.clone());
        let run = Box::pin(async move { working.run(signal).await });
        let task = tokio::spawn(Freezable { run, ice: ice.clone() });
        Worker { queue, stop, ice, task }
    }

    pub(crate) async fn configs(&self, count: usize) -> Vec<ConfigId> {
        self.store
            .tx("configs", move |tx| {
                let source = tx.insert_connector(&rows::connector_row("source"))?;
                let target = tx.insert_connector(&rows::connector_row("target"))?;
                let make = |n| rows::config_row(&format!("config {n}"), source, target);
                (0..count).map(|n| tx.insert_config(&make(n))).collect()
            })
            .await
            .unwrap()
    }

    pub(crate) fn job(&self, payload: Value) -> NewJob {
        NewJob {
            kind: KIND.to_owned(),
            config_id: None,
            fold_key: None,
            trigger: Trigger::Manual,
            triggered_by: "test".to_owned(),
            payload,
            items: None,
            priority: 0,
            run_at: self.clock.now(),
            max_attempts: 10,
            created_at: self.clock.now(),
        }
    }

    pub(crate) async fn put(&self, job: NewJob) -> JobId {
        let put = self.store.tx("put", move |tx| tx.enqueue(&job)).await;
        put.unwrap().key.id
    }

    /// Queues a job that does this.
    pub(crate) async fn queue(&self, what: &str) -> JobId {
        self.put(self.job(json!({"do": what}))).await
    }

    pub(crate) async fn queue_many(&self, what: &str, count: usize) -> Vec<JobId> {
        let mut ids = Vec::new();
        for _ in 0..count {
            ids.push(self.queue(what).await);
        }
        ids
    }

    pub(crate) async fn read(&self, id: JobId) -> Job {
        self.store.view("read", move |tx| tx.job(id)).await.unwrap().expect("the job is there")
    }

    pub(crate) async fn status(&self, id: JobId) -> JobStatus {
        self.read(id).await.status
    }

    /// Lets everybody go on, without time passing, until a job has this status.
    pub(crate) async fn until_status(&self, id: JobId, status: JobStatus) {
        for _ in 0..PATIENCE {
            if self.status(id).await == status {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("job {id} is {} and never became {status}", self.status(id).await);
    }

    pub(crate) async fn pass(&self, secs: u64) {
        self.clock.run_for(Duration::from_secs(secs)).await;
        quiet().await;
    }
}

/// A worker at work.
pub(crate) struct Worker {
    pub(crate) queue: Queue,
    pub(crate) stop: StopSignal,
    pub(crate) ice: Ice,
    task: JoinHandle<Ending>,
}

impl Worker {
    /// Kills it as a power cut would.
    pub(crate) async fn kill(self) {
        self.task.abort();
        drop(self.task.await);
        quiet().await;
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    pub(crate) async fn ending(self) -> Ending {
        until("the worker ended", || self.task.is_finished()).await;
        self.task.await.unwrap()
    }
}

/// Keeps a worker from going on, as SIGSTOP would. Its handlers are tasks of their own and go on.
#[derive(Clone, Default)]
pub(crate) struct Ice(Arc<(AtomicBool, Mutex<Option<Waker>>)>);

impl Ice {
    pub(crate) fn freeze(&self) {
        self.0.0.store(true, Ordering::SeqCst);
    }

    pub(crate) fn thaw(&self) {
        self.0.0.store(false, Ordering::SeqCst);
        if let Some(waker) = self.0.1.lock().unwrap().take() {
            waker.wake();
        }
    }
}

struct Freezable {
    run: BoxFuture<'static, Ending>,
    ice: Ice,
}

impl Future for Freezable {
    type Output = Ending;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Ending> {
        *self.ice.0.1.lock().unwrap() = Some(context.waker().clone());
        if self.ice.0.0.load(Ordering::SeqCst) {
            return Poll::Pending;
        }
        self.run.as_mut().poll(context)
    }
}

type Verdict = Box<dyn FnMut(&'static str) -> Option<Fault> + Send>;

/// A store that refuses what the test says, before anything is written.
pub(crate) struct Moody {
    inner: Arc<dyn Store>,
    verdict: Mutex<Verdict>,
}

impl Moody {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { inner, verdict: Mutex::new(Box::new(|_| None)) })
    }

    pub(crate) fn refuse(
        &self,
        verdict: impl FnMut(&'static str) -> Option<Fault> + Send + 'static,
    ) {
        *self.verdict.lock().unwrap() = Box::new(verdict);
    }

    pub(crate) fn go_away(&self) {
        self.refuse(|_| Some(Fault::Unavailable("the database is away".to_owned())));
    }

    pub(crate) fn come_back(&self) {
        self.refuse(|_| None);
    }

    fn ask(&self, name: &'static str) -> Result<(), Fault> {
        let verdict = (self.verdict.lock().unwrap())(name);
        verdict.map_or(Ok(()), Err)
    }
}

impl Store for Moody {
    fn tx_raw(&self, name: &'static str, work: TxWork) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async move {
            self.ask(name)?;
            self.inner.tx_raw(name, work).await
        })
    }

    fn view_raw(&self, name: &'static str, work: TxWork) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async move {
            self.ask(name)?;
            self.inner.view_raw(name, work).await
        })
    }

    fn wakeup(&self, topic: Topic) -> Box<dyn Wakeup> {
        self.inner.wakeup(topic)
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), Fault>> {
        self.inner.ready()
    }
}
