//! A process of ours: worker, scheduler and engine, which may die, freeze and thaw.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use serde_json::json;
use syncline_domain::ports::{
    BoxFuture, Clock as _, Connector, Crash, FaultPoints, JobContext, JobHandler, NoEvents,
    NothingFollows, Rng, StopReason, Store, StoreExt as _,
};
use syncline_domain::{
    ConnectorId, ErrorType, ExecutionStatus, Fault, ItemError, Job, JobOutcome, SYNC_JOB, SyncJob,
    WaitingRoom,
};
use syncline_engine::{Engine, EngineParts, RunEnd, RunRequest, StartError, StartedRun};
use syncline_queue::{Backoff, Handlers, Queue, QueueConfig, QueueParts, QueueTimes, StopSignal};
use syncline_scheduler::Scheduler;
use syncline_testkit::{ManualClock, SeededRng, SeqIds};
use tokio::task::JoinHandle;

use crate::door::Door;

pub(crate) type Lines = BTreeMap<ConnectorId, Arc<dyn Connector>>;

/// What is planned for a process at its fault points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doom {
    Dies,
    Freezes,
}

/// Whether a process goes on.
#[derive(Default)]
pub(crate) struct Fate(Mutex<State>);

#[derive(Default)]
struct State {
    doom: Option<(u64, Doom)>,
    died_at: Option<&'static str>,
    is_frozen: bool,
    waiting: Vec<Waker>,
}

impl State {
    /// Whether nothing of the process goes on; a frozen one is called when it thaws.
    fn halts(&mut self, task: &Context<'_>) -> bool {
        if self.is_frozen {
            self.waiting.push(task.waker().clone());
        }
        self.is_frozen || self.died_at.is_some()
    }
}

impl Fate {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The `nth` fault point from now on is the last one, for now or for ever.
    pub(crate) fn plan(&self, nth: u64, doom: Doom) {
        self.lock().doom = Some((nth, doom));
    }

    pub(crate) fn spare(&self) {
        self.lock().doom = None;
    }

    pub(crate) fn died_at(&self) -> Option<&'static str> {
        self.lock().died_at
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.lock().is_frozen
    }

    pub(crate) fn freeze(&self) {
        self.lock().is_frozen = true;
    }

    pub(crate) fn thaw(&self) {
        let waiting = {
            let mut state = self.lock();
            state.is_frozen = false;
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl FaultPoints for Fate {
    fn reach(&self, point: &'static str) -> Result<(), Crash> {
        let mut state = self.lock();
        let Some((left, doom)) = state.doom.take() else { return Ok(()) };
        if left > 1 {
            state.doom = Some((left - 1, doom));
            return Ok(());
        }
        match doom {
            Doom::Freezes => {
                state.is_frozen = true;
                Ok(())
            }
            Doom::Dies => {
                state.died_at = Some(point);
                Err(Crash(point))
            }
        }
    }
}

/// Goes on only while its process does.
struct Bound<T> {
    run: BoxFuture<'static, T>,
    fate: Arc<Fate>,
}

impl<T> Future for Bound<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<T> {
        {
            let mut state = self.fate.lock();
            if state.halts(task) {
                return Poll::Pending;
            }
        }
        self.run.as_mut().poll(task)
    }
}

/// What every process is made of.
pub(crate) struct Ground {
    pub(crate) clock: ManualClock,
    pub(crate) lines: Lines,
    pub(crate) ids: Arc<SeqIds>,
    pub(crate) room: Arc<WaitingRoom>,
    pub(crate) seed: u64,
}

pub(crate) struct Process {
    pub(crate) holder: String,
    pub(crate) fate: Arc<Fate>,
    pub(crate) door: Arc<Door>,
    tasks: Vec<JoinHandle<()>>,
}

impl Process {
    pub(crate) fn start(ground: &Ground, door: Arc<Door>, number: u64) -> Self {
        let holder = format!("process {number}");
        let fate = Arc::new(Fate::default());
        let store: Arc<dyn Store> = door.clone();
        let engine = Engine::new(EngineParts {
            store: Arc::clone(&store),
            clock: Arc::new(ground.clock.clone()),
            ids: ground.ids.clone(),
            events: Arc::new(NoEvents),
            faults: fate.clone(),
            ending: Arc::new(NothingFollows),
            holder: holder.clone(),
        });
        let rng: Arc<dyn Rng> = Arc::new(SeededRng::new(ground.seed ^ number));
        let hand = Hand {
            engine,
            store: Arc::clone(&store),
            clock: ground.clock.clone(),
            lines: ground.lines.clone(),
            rng: Arc::clone(&rng),
            fate: Arc::clone(&fate),
        };
        let handlers: Handlers =
            [(SYNC_JOB.to_owned(), Arc::new(Whole(Arc::new(hand))) as Arc<dyn JobHandler>)].into();
        let clock = Arc::new(ground.clock.clone());
        let parts = QueueParts::new(Arc::clone(&store), clock.clone(), rng, handlers);
        let seldom = Duration::from_secs(15);
        let times = QueueTimes { poll: seldom, rescue: seldom, ..QueueTimes::default() };
        let config = QueueConfig::new(holder.clone(), 2, times).expect("times");
        let queue = Queue::new(parts, config);
        let scheduler = Scheduler::new(store, clock, Arc::clone(&ground.room), holder.clone());
        let stop = StopSignal::new();
        let token = stop.token();
        let bound =
            |run: BoxFuture<'static, ()>| tokio::spawn(Bound { run, fate: Arc::clone(&fate) });
        let tasks = vec![
            bound(Box::pin(async move {
                queue.run(stop).await;
            })),
            bound(Box::pin(async move { scheduler.run(token).await })),
        ];
        Self { holder, fate, door, tasks }
    }

    /// Ends it as a power cut would: nothing of it is polled again.
    pub(crate) async fn kill(self) {
        for task in &self.tasks {
            task.abort();
        }
        for task in self.tasks {
            drop(task.await);
        }
    }
}

/// The handler as the worker sees it: frozen and dead with its process.
struct Whole(Arc<Hand>);

impl JobHandler for Whole {
    fn run<'a>(&'a self, job: &'a Job, context: &'a dyn JobContext) -> BoxFuture<'a, JobOutcome> {
        let fate = Arc::clone(&self.0.fate);
        Box::pin(async move {
            let mut work = std::pin::pin!(self.0.work(job, context));
            std::future::poll_fn(move |task| {
                if fate.lock().halts(task) {
                    return Poll::Pending;
                }
                let polled = work.as_mut().poll(task);
                // What a dead process would have said is not heard.
                if fate.died_at().is_some() { Poll::Pending } else { polled }
            })
            .await
        })
    }
}

/// Runs a configuration, as the program's own handler does.
struct Hand {
    engine: Engine,
    store: Arc<dyn Store>,
    clock: ManualClock,
    lines: Lines,
    rng: Arc<dyn Rng>,
    fate: Arc<Fate>,
}

impl Hand {
    async fn work(&self, job: &Job, context: &dyn JobContext) -> JobOutcome {
        match self.attempt(job, context).await {
            Ok(outcome) => outcome,
            Err(Fault::Unavailable(_) | Fault::Busy(_)) => {
                JobOutcome::Released { run_at: self.clock.now().after(Duration::from_secs(5)) }
            }
            Err(fault) => self.retry(job, unknown(&fault.to_string()), None),
        }
    }

    async fn attempt(&self, job: &Job, context: &dyn JobContext) -> Result<JobOutcome, Fault> {
        let id = job.config_id.expect("jobs of configurations only");
        let config = self.store.view("config of a job", move |tx| tx.config(id)).await?;
        let config = config.ok_or_else(|| Fault::no_such("config", id))?;
        let line = |id: ConnectorId| Arc::clone(&self.lines[&id]);
        let ends = [line(config.source_connector_id), line(config.target_connector_id)];
        let asked: SyncJob = serde_json::from_value(job.payload.clone()).expect("a payload");
        let item_ids = if job.names_items {
            let job = job.id;
            Some(self.store.view("items of a job", move |tx| tx.job_items(job, 10_000)).await?)
        } else {
            None
        };
        let request = RunRequest {
            trigger: job.trigger,
            triggered_by: job.triggered_by.clone(),
            direction: asked.direction,
            full: asked.full,
            item_ids,
            job: job.claim(),
            ..RunRequest::of(id)
        };
        match self.engine.start(request).await {
            Ok(started) => Ok(self.drive(job, context, started, ends).await),
            Err(StartError::Running(_) | StartError::Store(Fault::Busy(_))) => {
                Ok(JobOutcome::Released { run_at: self.clock.now().after(Duration::from_secs(2)) })
            }
            Err(StartError::Store(fault)) => Err(fault),
            Err(error) => {
                Ok(JobOutcome::Failed { error: unknown(&error.to_string()), result: None })
            }
        }
    }

    async fn drive(
        &self,
        job: &Job,
        context: &dyn JobContext,
        started: StartedRun,
        [source, target]: [Arc<dyn Connector>; 2],
    ) -> JobOutcome {
        let id = started.id();
        let mut run = std::pin::pin!(self.engine.drive_to_end(started, source, target));
        let (end, reason) = tokio::select! {
            biased;
            end = &mut run => (end, None),
            reason = context.stopped() => {
                let asked = self.store.tx("stop the run of a job", move |tx| tx.request_cancel(id));
                drop(asked.await);
                (run.await, Some(reason))
            }
        };
        self.outcome(job, &end, reason)
    }

    fn outcome(&self, job: &Job, end: &RunEnd, reason: Option<StopReason>) -> JobOutcome {
        let run = &end.execution;
        let result = Some(json!({"executionId": run.id.0, "total": run.totals.total()}));
        match (run.status, reason) {
            (ExecutionStatus::Cancelled, Some(StopReason::Draining | StopReason::Lost)) => {
                JobOutcome::Released { run_at: self.clock.now() }
            }
            (ExecutionStatus::Cancelled, _) => JobOutcome::Cancelled { result },
            (ExecutionStatus::Failed | ExecutionStatus::Running, _) => {
                let error = run.error.clone().unwrap_or_else(|| unknown("the run did not end"));
                self.retry(job, error, end.retry_after)
            }
            _ => JobOutcome::Completed { result },
        }
    }

    fn retry(&self, job: &Job, error: ItemError, asked: Option<Duration>) -> JobOutcome {
        let now = self.clock.now();
        let run_at = Backoff::JOBS.next(now, job.attempts, asked, self.rng.as_ref());
        JobOutcome::Retry { error, run_at }
    }
}

fn unknown(message: &str) -> ItemError {
    ItemError { error_type: ErrorType::Unknown, message: message.to_owned(), field: None }
}
