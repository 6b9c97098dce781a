//! The scheduler's loop over a store in memory and a clock that the test moves.

use std::sync::Arc;
use std::time::Duration;

use syncline_domain::ports::{Clock as _, JobFilter, Store, StoreExt as _};
use syncline_domain::{
    ConfigId, ConnectorId, Job, JobOutcome, JobStatus, MissedRuns, NewJob, Occurrence,
    OccurrenceState, Overlap, SYNC_JOB, Settlement, SyncConfig, Timestamp, Trigger, TriggerType,
    WaitingRoom,
};
use syncline_scheduler::{RUNNING_SETTING, Scheduler};
use syncline_testkit::{ManualClock, MemStore, rows};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// 2026-03-02, a Monday, half a minute before ten.
const START: &str = "2026-03-02T09:59:30Z";

struct Hall {
    store: MemStore,
    clock: ManualClock,
    room: Arc<WaitingRoom>,
    connectors: (ConnectorId, ConnectorId),
}

struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }

    /// As if the process had been killed.
    fn kill(self) {
        self.task.abort();
    }
}

impl Hall {
    async fn new() -> Self {
        Self::with_room(10_000).await
    }

    async fn with_room(limit: u64) -> Self {
        let store = MemStore::new();
        let connectors = store
            .tx("set up", |tx| {
                Ok((
                    tx.insert_connector(&rows::connector_row("a"))?,
                    tx.insert_connector(&rows::connector_row("b"))?,
                ))
            })
            .await
            .unwrap();
        let clock = ManualClock::at(Timestamp::parse(START).unwrap());
        Self { store, clock, room: Arc::new(WaitingRoom::new(limit)), connectors }
    }

    /// A schedule that nobody has armed yet.
    async fn schedule(&self, name: &str, cron: &str, change: impl Fn(&mut SyncConfig)) -> ConfigId {
        let mut config = rows::config_row(name, self.connectors.0, self.connectors.1);
        config.trigger_type = TriggerType::Scheduled;
        config.schedule_cron = Some(cron.to_owned());
        config.timezone = "UTC".to_owned();
        config.next_sync_at = None;
        config.is_active = true;
        change(&mut config);
        self.store.tx("schedule", move |tx| tx.insert_config(&config)).await.unwrap()
    }

    fn start(&self, holder: &str) -> Running {
        let scheduler = Scheduler::new(
            Arc::new(self.store.clone()),
            Arc::new(self.clock.clone()),
            Arc::clone(&self.room),
            holder.to_owned(),
        );
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        Running { stop, task: tokio::spawn(async move { scheduler.run(stopped).await }) }
    }

    async fn pass(&self, secs: u64) {
        self.clock.run_for(Duration::from_secs(secs)).await;
    }

    async fn jobs(&self) -> Vec<Job> {
        let mut jobs =
            self.store.view("jobs", |tx| tx.jobs(&JobFilter::default(), 10_000)).await.unwrap();
        jobs.reverse();
        jobs
    }

    async fn rows(&self, id: ConfigId) -> Vec<Occurrence> {
        let mut rows =
            self.store.view("rows", move |tx| tx.occurrences(id, None, 10_000)).await.unwrap();
        rows.reverse();
        rows
    }

    async fn states(&self, id: ConfigId) -> Vec<OccurrenceState> {
        self.rows(id).await.into_iter().map(|row| row.state).collect()
    }

    async fn config(&self, id: ConfigId) -> SyncConfig {
        self.store.view("config", move |tx| tx.config(id)).await.unwrap().unwrap()
    }

    async fn change(&self, id: ConfigId, change: impl Fn(&mut SyncConfig) + Send + 'static) {
        self.store
            .tx("change", move |tx| {
                let mut config = tx.config(id)?.unwrap();
                change(&mut config);
                tx.update_config(&config)
            })
            .await
            .unwrap();
    }

    async fn setting(&self, value: &'static str) {
        let now = self.clock.now();
        self.store
            .tx("setting", move |tx| tx.put_setting(RUNNING_SETTING, Some(value), now))
            .await
            .unwrap();
    }

    /// Runs and ends every job that is due.
    async fn work_off(&self) {
        let now = self.clock.now();
        self.store
            .tx("work off", move |tx| {
                loop {
                    let claimed = tx.claim_jobs("w", now, Duration::from_secs(30), 100)?;
                    if claimed.is_empty() {
                        return Ok(());
                    }
                    let done: Vec<Settlement> = claimed
                        .iter()
                        .map(|job| Settlement {
                            claim: job.claim().unwrap(),
                            outcome: JobOutcome::Completed { result: None },
                            at: now,
                        })
                        .collect();
                    tx.settle_jobs(&done)?;
                }
            })
            .await
            .unwrap();
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

#[tokio::test]
async fn an_hourly_schedule_fires_at_the_hour_and_tells_the_next() {
    let hall = Hall::new().await;
    let id = hall.schedule("hourly", "0 * * * *", |_| {}).await;
    let running = hall.start("one");
    hall.pass(29).await;
    assert_eq!(hall.jobs().await, []);
    assert_eq!(hall.config(id).await.next_sync_at, Some(at("2026-03-02T10:00:00Z")));

    hall.pass(2).await;
    let jobs = hall.jobs().await;
    assert_eq!(jobs.len(), 1);
    assert_eq!((jobs[0].kind.as_str(), jobs[0].config_id), (SYNC_JOB, Some(id)));
    assert_eq!(jobs[0].trigger, Trigger::Scheduled);
    let late = jobs[0].created_at.since(at("2026-03-02T10:00:00Z"));
    assert!(late <= Duration::from_secs(1), "{late:?}");
    let rows = hall.rows(id).await;
    assert_eq!(
        (rows[0].instant, rows[0].state),
        (at("2026-03-02T10:00:00Z"), OccurrenceState::Queued)
    );
    assert_eq!(rows[0].job_id, Some(jobs[0].id));
    assert_eq!(hall.config(id).await.next_sync_at, Some(at("2026-03-02T11:00:00Z")));
    running.end().await;
}

#[tokio::test]
async fn each_instant_has_one_job() {
    let hall = Hall::new().await;
    let id = hall.schedule("quarter", "*/15 * * * *", |_| {}).await;
    let running = hall.start("one");
    for _ in 0..24 {
        hall.pass(15 * 60).await;
        hall.work_off().await;
    }
    running.end().await;
    assert_eq!(hall.jobs().await.len(), 24);
    let rows = hall.rows(id).await;
    assert!(rows.windows(2).all(|two| two[1].instant.since(two[0].instant).as_secs() == 900));
    assert!(rows.iter().all(|row| row.state == OccurrenceState::Queued));
}

#[tokio::test]
async fn a_schedule_that_is_changed_while_everything_sleeps_is_followed_at_once() {
    let hall = Hall::new().await;
    let id = hall.schedule("slow", "0 0 1 1 *", |_| {}).await;
    let running = hall.start("one");
    hall.pass(1).await;
    hall.change(id, |config| {
        config.schedule_cron = Some("0 * * * *".to_owned());
        config.next_sync_at = Some(Timestamp::parse("2026-03-02T10:00:00Z").unwrap());
    })
    .await;
    hall.pass(30).await;
    assert_eq!(hall.jobs().await.len(), 1);

    hall.change(id, |config| {
        config.trigger_type = TriggerType::Manual;
        config.next_sync_at = None;
    })
    .await;
    hall.work_off().await;
    hall.pass(2 * 3_600).await;
    assert_eq!(hall.jobs().await.len(), 1, "an unscheduled configuration stays quiet");

    for _ in 0..2 {
        hall.change(id, |config| {
            config.trigger_type = TriggerType::Scheduled;
            config.next_sync_at = None;
        })
        .await;
    }
    hall.pass(3_600).await;
    assert_eq!(hall.jobs().await.len(), 2, "scheduled twice is armed once");
    running.end().await;
}

#[tokio::test]
async fn stopped_is_stopped_after_a_restart_too() {
    let hall = Hall::new().await;
    let id = hall.schedule("hourly", "0 * * * *", |_| {}).await;
    hall.setting("false").await;
    let running = hall.start("one");
    hall.pass(3_600).await;
    running.end().await;
    let running = hall.start("two");
    hall.pass(3_600).await;
    assert_eq!(hall.jobs().await, []);

    hall.setting("true").await;
    hall.pass(5).await;
    assert_eq!(hall.config(id).await.next_sync_at, Some(at("2026-03-02T12:00:00Z")));
    hall.pass(3_600).await;
    assert_eq!(hall.jobs().await.len(), 1);
    running.end().await;
}

#[tokio::test]
async fn hours_of_absence_are_caught_up_as_the_schedule_says() {
    use OccurrenceState::{Late, Missed};
    for (policy, jobs, states) in [
        (MissedRuns::Skip, 0, [Missed; 6]),
        (MissedRuns::Once, 1, [Missed, Missed, Missed, Missed, Missed, Late]),
        (MissedRuns::All, 6, [Late; 6]),
    ] {
        let hall = Hall::new().await;
        let id = hall
            .schedule("hourly", "0 * * * *", |config| {
                config.options.missed_runs = policy;
                config.next_sync_at = Some(Timestamp::parse("2026-03-02T10:00:00Z").unwrap());
            })
            .await;
        hall.clock.advance(Duration::from_secs(6 * 3_600 - 1_200));
        let running = hall.start("one");
        hall.pass(2).await;
        assert_eq!(hall.jobs().await.len(), jobs, "{policy}");
        assert_eq!(hall.states(id).await, states, "{policy}");
        running.end().await;
    }
}

#[tokio::test]
async fn an_instant_during_a_run_is_skipped_and_says_which_run() {
    let hall = Hall::new().await;
    let skip = hall.schedule("skip", "0 * * * *", |_| {}).await;
    let queue =
        hall.schedule("queue", "0 * * * *", |config| config.options.overlap = Overlap::Queue).await;
    let run = hall
        .store
        .tx("runs", move |tx| {
            tx.insert_execution(&rows::new_execution(queue))?;
            tx.insert_execution(&rows::new_execution(skip))
        })
        .await
        .unwrap();
    let running = hall.start("one");
    hall.pass(60).await;
    let rows = hall.rows(skip).await;
    assert_eq!(rows[0].state, OccurrenceState::Skipped);
    assert_eq!(rows[0].note.as_deref(), Some(format!("run {run} was going on").as_str()));
    assert_eq!(hall.states(queue).await, [OccurrenceState::Queued]);
    assert_eq!(hall.jobs().await.len(), 1);
    running.end().await;
}

#[tokio::test]
async fn an_instant_joins_the_waiting_job_of_an_earlier_one() {
    let hall = Hall::new().await;
    let id = hall.schedule("hourly", "0 * * * *", |_| {}).await;
    let running = hall.start("one");
    hall.pass(3 * 3_600).await;
    assert_eq!(hall.jobs().await.len(), 1);
    let rows = hall.rows(id).await;
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row.job_id == rows[0].job_id));
    assert!(rows[2].note.as_ref().unwrap().contains("still waiting"));
    running.end().await;
}

#[tokio::test]
async fn two_schedulers_fire_once_and_a_killed_leader_is_replaced() {
    let hall = Hall::new().await;
    let id = hall.schedule("minutely", "* * * * *", |_| {}).await;
    let one = hall.start("one");
    hall.pass(1).await;
    let two = hall.start("two");
    hall.pass(40).await;
    assert_eq!(hall.rows(id).await.len(), 1);

    one.kill();
    hall.pass(16).await;
    let lease = hall.store.view("lease", |tx| tx.lease("scheduler")).await.unwrap().unwrap();
    assert_eq!(lease.holder, "two");
    hall.work_off().await;
    hall.pass(60).await;
    assert_eq!(hall.rows(id).await.len(), 2);
    two.end().await;
    assert_eq!(hall.store.view("lease", |tx| tx.lease("scheduler")).await.unwrap(), None);
}

#[tokio::test]
async fn a_wall_clock_that_jumps_gives_no_instant_two_jobs() {
    const HOUR: i64 = 3_600_000_000;
    for jumps in [[HOUR, -HOUR, HOUR], [-HOUR, HOUR, -HOUR], [24 * HOUR, -24 * HOUR, HOUR]] {
        let hall = Hall::new().await;
        let id = hall.schedule("quarter", "*/15 * * * *", |_| {}).await;
        let running = hall.start("one");
        for jump in jumps {
            hall.pass(1_000).await;
            hall.work_off().await;
            hall.clock.jump_wall(jump);
            // Somebody schedules anew right after the jump.
            hall.change(id, |config| config.next_sync_at = None).await;
            hall.pass(1_000).await;
            hall.work_off().await;
        }
        hall.pass(2 * 3_600).await;
        running.end().await;
        let mut instants: Vec<Timestamp> =
            hall.rows(id).await.iter().map(|row| row.instant).collect();
        let all = instants.len();
        instants.sort();
        instants.dedup();
        assert_eq!(instants.len(), all, "{jumps:?}");
        let queued = hall.jobs().await;
        assert!(queued.len() <= all, "{jumps:?}");
        let due = hall.config(id).await.next_sync_at.unwrap();
        assert!(due > hall.clock.now(), "{jumps:?}");
    }
}

#[tokio::test]
async fn one_unreadable_schedule_stops_no_other() {
    let hall = Hall::new().await;
    hall.schedule("bad cron", "61 * * * *", |_| {}).await;
    hall.schedule("bad zone", "0 * * * *", |config| config.timezone = "Mars/Olympus".to_owned())
        .await;
    let due = Timestamp::parse("2026-03-02T09:00:00Z").unwrap();
    hall.schedule("bad and armed", "x", |config| config.next_sync_at = Some(due)).await;
    let good = hall.schedule("good", "0 * * * *", |_| {}).await;
    let running = hall.start("one");
    hall.pass(60).await;
    assert_eq!(hall.states(good).await, [OccurrenceState::Queued]);
    assert_eq!(hall.jobs().await.len(), 1);
    running.end().await;
}

#[tokio::test]
async fn a_full_queue_delays_an_instant_and_loses_none() {
    let hall = Hall::with_room(1).await;
    let now = hall.clock.now();
    hall.store
        .tx("fill", move |tx| {
            tx.enqueue(&NewJob {
                kind: "other".to_owned(),
                config_id: None,
                fold_key: None,
                trigger: Trigger::Manual,
                triggered_by: String::new(),
                payload: serde_json::Value::Null,
                items: None,
                priority: 0,
                run_at: now,
                max_attempts: 1,
                created_at: now,
            })
        })
        .await
        .unwrap();
    let id = hall.schedule("hourly", "0 * * * *", |_| {}).await;
    let running = hall.start("one");
    hall.pass(60).await;
    assert_eq!(hall.rows(id).await, []);
    hall.work_off().await;
    hall.pass(2).await;
    assert_eq!(hall.states(id).await, [OccurrenceState::Queued]);
    running.end().await;
}

#[tokio::test]
async fn spread_instants_start_within_their_span_and_differ() {
    let hall = Hall::new().await;
    for number in 0..20 {
        hall.schedule(&format!("s{number}"), "0 * * * *", |config| {
            config.options.jitter_seconds = 300
        })
        .await;
    }
    let running = hall.start("one");
    hall.pass(30 + 300 + 2).await;
    running.end().await;
    let ten = at("2026-03-02T10:00:00Z");
    let mut delays: Vec<u64> =
        hall.jobs().await.iter().map(|job| job.created_at.since(ten).as_secs()).collect();
    assert_eq!(delays.len(), 20);
    assert!(delays.iter().all(|delay| *delay <= 301), "{delays:?}");
    delays.dedup();
    assert!(delays.len() > 10, "{delays:?}");
}

#[tokio::test]
async fn a_thousand_schedules_of_one_minute_are_all_queued_in_it() {
    let hall = Hall::new().await;
    for number in 0..1_000 {
        hall.schedule(&format!("s{number}"), "0 * * * *", |_| {}).await;
    }
    let running = hall.start("one");
    hall.pass(31).await;
    running.end().await;
    let jobs = hall.jobs().await;
    assert_eq!(jobs.len(), 1_000);
    assert!(jobs.iter().all(|job| job.status == JobStatus::Queued));
}

#[tokio::test]
async fn a_store_that_is_away_for_a_while_loses_no_instant() {
    let hall = Hall::new().await;
    let id = hall.schedule("hourly", "0 * * * *", |_| {}).await;
    let faulty = Arc::new(syncline_testkit::FaultyStore::new(Arc::new(hall.store.clone())));
    for nth in 1..=8 {
        faulty.fail("decide on a schedule", nth, syncline_testkit::Moment::BeforeCommit);
    }
    faulty.fail("next schedule", 2, syncline_testkit::Moment::BeforeCommit);
    let store: Arc<dyn Store> = faulty;
    let scheduler = Scheduler::new(
        store,
        Arc::new(hall.clock.clone()),
        Arc::clone(&hall.room),
        "one".to_owned(),
    );
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let task = tokio::spawn(async move { scheduler.run(stopped).await });
    hall.pass(60).await;
    assert_eq!(hall.states(id).await, [OccurrenceState::Queued]);
    stop.cancel();
    task.await.unwrap();
}
