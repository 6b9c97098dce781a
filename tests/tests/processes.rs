//! Several processes on one PostgreSQL, killed and frozen at random: no job is lost, none runs twice at once, each
//! instant of a schedule is decided on once, and a process that wakes up too late changes nothing.
//!
//! `SYNCLINE_CRASH_KILLS` says how many processes are killed or frozen: 4 when it is not set.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests; their own servers send small bodies"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as Shared};
use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};
use syncline_domain::ports::{ExecutionFilter, JobFilter, StoreExt as _};
use syncline_domain::{
    ConfigId, Execution, Job, JobKey, JobStatus, Occurrence, OccurrenceState, SyncJob, Timestamp,
    Trigger, TriggerType,
};
use syncline_sandbox::RunningSandbox;
use syncline_testkit::{SeededRng, TestDatabase};
use syncline_tests::program::syncline;
use syncline_tests::server::Server;
use syncline_tests::{BUGS, Stage, edits, judge, retitle};
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, interval, sleep};

const KILLS: &str = "SYNCLINE_CRASH_KILLS";
const USUAL_KILLS: u64 = 4;
const SEED: u64 = 20_261_128;

/// How long a process that says nothing keeps its jobs: short, so that a test can wait for it.
const LEASE_SECONDS: &str = "3";
/// How often somebody posts a job.
const EVERY: Duration = Duration::from_millis(80);
/// How often the tables are looked at while something is waited for.
const LOOK: Duration = Duration::from_millis(20);
/// Far longer than what is waited for takes, on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// Instants of a schedule that lie in the past when it is made.
const MISSED: i64 = 3;
const ALL: usize = 1_000_000;

/// One test at a time: frozen processes of one would starve the other.
static STAGE: Mutex<()> = Mutex::const_new(());

/// Trackers, configurations and the database of all processes.
struct Scene {
    stage: Stage,
    from: RunningSandbox,
    targets: Vec<RunningSandbox>,
    /// One for each target: jobs are posted for these.
    configs: Vec<ConfigId>,
    /// These have no schedule yet.
    spare: Shared<Vec<ConfigId>>,
    scheduled: Shared<Vec<ConfigId>>,
    http: Client,
    addresses: watch::Sender<BTreeMap<usize, String>>,
    _database: TestDatabase,
}

impl Scene {
    /// In step at the start, so that whoever is frozen is frozen over an edit: a tracker refuses an edit of a revision
    /// that is old by then.
    async fn open(spare: u64) -> Option<Self> {
        let database = TestDatabase::fresh()?;
        let stage = Stage::on(&database.url());
        let from = stage.azure(20).await;
        for bug in judge::bugs(&from) {
            retitle(&from, &bug.id, &edits::title(&bug.id, 0));
        }
        let source = stage.connect("source", &from).await;
        let (mut targets, mut configs, mut ids) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..3 {
            let target = stage.azure(0).await;
            let id = stage.connect(&format!("target {number}"), &target).await;
            let name = format!("jobs {number}");
            let config = stage.configure(&name, (source, id), BUGS, json!({})).await;
            stage.run_well(config).await;
            targets.push(target);
            configs.push(config);
            ids.push(id);
        }
        let mut spares = Vec::new();
        for number in 0..spare {
            let options = json!({"missed_runs": "all", "overlap": "queue"});
            let name = format!("schedule {number}");
            spares.push(stage.configure(&name, (source, ids[0]), BUGS, options).await);
        }
        Some(Self {
            stage,
            from,
            targets,
            configs,
            spare: Shared::new(spares),
            scheduled: Shared::default(),
            http: Client::builder().timeout(Duration::from_secs(2)).build().unwrap(),
            addresses: watch::Sender::new(BTreeMap::new()),
            _database: database,
        })
    }

    async fn serve(&self, place: usize, role: &str) -> Server {
        let mut command = syncline(&self.stage);
        command.args(["serve", "--role", role]);
        command.env("PORT", "0").env("JOB_LEASE_SECONDS", LEASE_SECONDS);
        let server = Server::spawn(command);
        let address = server.address().await;
        let address = address.unwrap_or_else(|| panic!("it ended at once:\n{}", server.log()));
        if matches!(role, "all" | "api") {
            self.addresses.send_modify(|all| drop(all.insert(place, address)));
        }
        server
    }

    /// Posts a job; its id, when there was an answer.
    async fn post(&self, address: &str, config: ConfigId, items: &[&str]) -> Option<JobKey> {
        let path = format!("{address}/api/jobs/queue/{config}");
        let body = json!({"work_item_ids": items}).to_string();
        let sent = self.http.post(path).header("content-type", "application/json").body(body);
        let reply = sent.send().await.ok()?;
        let (status, text) = (reply.status().as_u16(), reply.text().await.ok()?);
        assert!(matches!(status, 202 | 503), "{status} {text}");
        let told: Value = serde_json::from_str(&text).ok()?;
        (status == 202).then(|| JobKey::parse(told["job_id"].as_str().unwrap()).unwrap())
    }

    async fn jobs(&self) -> Vec<Job> {
        let store = &self.stage.store;
        store.view("jobs", |tx| tx.jobs(&JobFilter::default(), ALL)).await.unwrap()
    }

    async fn runs(&self, config: ConfigId) -> Vec<Execution> {
        let filter = ExecutionFilter { config_id: Some(config), ..ExecutionFilter::default() };
        let store = &self.stage.store;
        let mut runs = store.view("runs", move |tx| tx.executions(&filter, ALL)).await.unwrap();
        runs.reverse();
        runs
    }

    /// Gives a configuration a schedule whose last instants nobody was there for.
    async fn schedule_one(&self) {
        let Some(id) = self.spare.lock().unwrap().pop() else { return };
        let minute = Timestamp::from_secs(self.now().secs().div_euclid(60) * 60);
        let first = minute.before(Duration::from_secs(60)).before(Duration::from_secs(60));
        let made = self.stage.store.tx("schedule", move |tx| {
            let mut config = tx.config(id)?.unwrap();
            config.trigger_type = TriggerType::Scheduled;
            config.schedule_cron = Some("* * * * *".to_owned());
            config.next_sync_at = Some(first);
            tx.update_config(&config)
        });
        made.await.unwrap();
        self.scheduled.lock().unwrap().push(id);
    }

    fn now(&self) -> Timestamp {
        self.stage.app.now()
    }
}

/// Waits until something is so.
async fn until<F: Future<Output = bool>>(what: &str, is_so: impl Fn() -> F) {
    let since = Instant::now();
    while !is_so().await {
        assert!(since.elapsed() < PATIENCE, "it never came to this: {what}");
        sleep(LOOK).await;
    }
}

/// A job that was taken: its id, its configuration, the item that it names and the edit before it.
type Told = (JobKey, usize, String, u64);

/// Edits items and posts jobs for them, to whoever listens, without a pause.
async fn post_jobs(scene: Arc<Scene>, stop: watch::Receiver<bool>, told: Arc<Shared<Vec<Told>>>) {
    let chance = SeededRng::new(SEED ^ 1);
    let mut pace = interval(EVERY);
    let items: Vec<String> = judge::bugs(&scene.from).into_iter().map(|bug| bug.id).collect();
    let edit = AtomicU64::new(0);
    while !*stop.borrow() {
        pace.tick().await;
        let number = edit.fetch_add(1, Ordering::Relaxed) + 1;
        let at = |end: usize| usize::try_from(chance.below(u64::try_from(end).unwrap())).unwrap();
        let (item, config) = (&items[at(items.len())], at(scene.configs.len()));
        retitle(&scene.from, item, &edits::title(item, number));
        let addresses: Vec<String> = scene.addresses.borrow().values().cloned().collect();
        if addresses.is_empty() {
            continue;
        }
        let address = &addresses[at(addresses.len())];
        if let Some(key) = scene.post(address, scene.configs[config], &[item]).await {
            told.lock().unwrap().push((key, config, item.clone(), number));
        }
    }
}

/// Whether a process of this id holds a job, or schedules, by a lease that is not over.
async fn holds_anything(scene: &Scene, pid: u32) -> bool {
    let (now, mark) = (scene.now(), format!("/{pid}/"));
    let looked = scene.stage.store.view("leases", move |tx| {
        let running = JobFilter { status: Some(JobStatus::Running), ..JobFilter::default() };
        let mut leases: Vec<(String, Timestamp)> = tx
            .jobs(&running, ALL)?
            .into_iter()
            .filter_map(|job| job.lease.map(|lease| (lease.holder, lease.until)))
            .collect();
        let leader = tx.lease("scheduler")?;
        leases.extend(leader.map(|lease| (lease.holder, lease.expires_at)));
        Ok(leases)
    });
    let leases = looked.await.unwrap();
    leases.iter().any(|(holder, until)| holder.contains(&mark) && *until > now)
}

/// Three processes with these roles do everything while they are killed and frozen; then everything must be in order.
async fn survives(roles: [&str; 3]) {
    let kills = std::env::var(KILLS).ok().map_or(USUAL_KILLS, |text| text.parse().unwrap());
    let Some(scene) = Scene::open(kills.min(40)).await else { return };
    println!("{roles:?}: {kills} processes are killed or frozen, seed {SEED}");
    let (scene, chance) = (Arc::new(scene), SeededRng::new(SEED));
    let mut servers = Vec::new();
    for (place, role) in roles.iter().enumerate() {
        servers.push(scene.serve(place, role).await);
    }
    let (stop, stopped) = watch::channel(false);
    let told = Arc::new(Shared::new(Vec::new()));
    let posting = tokio::spawn(post_jobs(Arc::clone(&scene), stopped, Arc::clone(&told)));
    for round in 1..=kills {
        scene.schedule_one().await;
        let place = usize::try_from(chance.below(3)).unwrap();
        let frozen = chance.below(2) == 0;
        sleep(Duration::from_millis(chance.below(800))).await;
        let server = &mut servers[place];
        if frozen {
            let pid = server.pid();
            server.freeze();
            scene.addresses.send_modify(|all| drop(all.remove(&place)));
            until("its leases are over", || async { !holds_anything(&scene, pid).await }).await;
            server.thaw();
            let address = server.address().await.unwrap();
            if matches!(roles[place], "all" | "api") {
                scene.addresses.send_modify(|all| drop(all.insert(place, address)));
            }
        } else {
            server.kill();
            scene.addresses.send_modify(|all| drop(all.remove(&place)));
            *server = scene.serve(place, roles[place]).await;
        }
        let what = if frozen { "frozen" } else { "killed" };
        println!("{round}: {} was {what}; {} jobs", roles[place], told.lock().unwrap().len());
    }
    stop.send_replace(true);
    posting.await.unwrap();
    everything_is_decided(&scene).await;
    until("no job is left", || async {
        let counts = scene.stage.store.view("counts", |tx| tx.queue_counts(None)).await.unwrap();
        counts.queued + counts.running == 0
    })
    .await;
    drop(servers);
    let told = told.lock().unwrap().clone();
    no_job_is_lost(&scene, &told).await;
    none_runs_twice_at_once(&scene).await;
    let instants = each_instant_once(&scene).await;
    let attempts: u32 = scene.jobs().await.iter().map(|job| job.attempts - 1).sum();
    println!(
        "{roles:?}: {} jobs posted and {instants} instants of schedules, each done once; {attempts} attempts taken over",
        told.len()
    );
}

/// Waits until nothing of any schedule is due, and takes the schedules away.
async fn everything_is_decided(scene: &Scene) {
    until("all instants are decided on", || async {
        let now = scene.now();
        let due = scene.stage.store.view("due", move |tx| tx.due_schedules(now, ALL)).await;
        due.unwrap().is_empty()
    })
    .await;
    let all = scene.scheduled.lock().unwrap().clone();
    let done = scene.stage.store.tx("unschedule", move |tx| {
        for id in &all {
            let mut config = tx.config(*id)?.unwrap();
            config.trigger_type = TriggerType::Manual;
            tx.update_config(&config)?;
        }
        Ok(())
    });
    done.await.unwrap();
}

async fn no_job_is_lost(scene: &Scene, told: &[Told]) {
    let jobs: BTreeMap<_, _> = scene.jobs().await.into_iter().map(|job| (job.id, job)).collect();
    for job in jobs.values() {
        assert_eq!(job.status, JobStatus::Completed, "a job did not come to its end: {job:?}");
    }
    for (key, config, item, edit) in told {
        let job = jobs.get(&key.id).unwrap_or_else(|| panic!("lost: {key}"));
        assert!(key.names(job) && job.config_id == Some(scene.configs[*config]), "{key}: {job:?}");
        let shown =
            edits::copies(&scene.targets[*config]).get(item).and_then(|all| all.first().copied());
        assert!(shown >= Some(*edit), "edit {edit} of item {item} was taken and shows {shown:?}");
    }
    for target in &scene.targets {
        edits::each_once_and_in_order(target);
    }
}

async fn none_runs_twice_at_once(scene: &Scene) {
    let scheduled = scene.scheduled.lock().unwrap().clone();
    for config in scene.configs.iter().chain(&scheduled) {
        for pair in scene.runs(*config).await.windows(2) {
            let ended = pair[0].ended_at.unwrap_or_else(|| panic!("still running: {:?}", pair[0]));
            assert!(ended <= pair[1].started_at, "two at once: {:?} and {:?}", pair[0], pair[1]);
        }
    }
}

/// Every minute since the first has one row and one job of its own. Answers how many.
async fn each_instant_once(scene: &Scene) -> usize {
    let jobs = scene.jobs().await;
    let mut count = 0;
    let scheduled = scene.scheduled.lock().unwrap().clone();
    for config in scheduled {
        let rows = scene.stage.store.view("instants", move |tx| tx.occurrences(config, None, ALL));
        let mut rows: Vec<Occurrence> = rows.await.unwrap();
        rows.sort_by_key(|row| row.instant);
        assert!(i64::try_from(rows.len()).unwrap() >= MISSED, "{rows:?}");
        for pair in rows.windows(2) {
            let gap = pair[1].instant.since(pair[0].instant);
            assert_eq!(gap, Duration::from_secs(60), "{pair:?}");
        }
        let runs =
            |row: &Occurrence| matches!(row.state, OccurrenceState::Queued | OccurrenceState::Late);
        assert!(rows.iter().all(runs), "{rows:?}");
        let of_rows: BTreeSet<_> = rows.iter().map(|row| row.job_id.unwrap()).collect();
        let mine = jobs.iter().filter(|job| job.config_id == Some(config));
        let mut instants = BTreeMap::new();
        for job in mine.filter(|job| job.trigger == Trigger::Scheduled) {
            let asked: SyncJob = serde_json::from_value(job.payload.clone()).unwrap();
            let other = instants.insert(asked.instant_us.unwrap(), job.id);
            assert_eq!(other, None, "an instant has two jobs: {job:?}");
        }
        assert_eq!(of_rows, instants.values().copied().collect(), "a job for each instant");
        count += rows.len();
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn three_processes_that_do_everything() {
    let _alone = STAGE.lock().await;
    survives(["all", "all", "all"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_processes_with_a_role_each() {
    let _alone = STAGE.lock().await;
    survives(["api", "worker", "scheduler"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_wakes_up_too_late_changes_nothing() {
    let _alone = STAGE.lock().await;
    let Some(scene) = Scene::open(0).await else { return };
    let (config, target) = (scene.configs[0], &scene.targets[0]);
    let items: Vec<String> = judge::bugs(&scene.from).into_iter().map(|bug| bug.id).collect();
    for item in &items {
        retitle(&scene.from, item, &edits::title(item, 1));
    }
    let names: Vec<&str> = items.iter().map(String::as_str).collect();
    target.set_latency(Duration::from_millis(300));
    let frozen = scene.serve(0, "all").await;
    let address = scene.addresses.borrow()[&0].clone();
    target.reset_requests();
    let key = scene.post(&address, config, &names).await.unwrap();
    until("it works at the target", || async { target.requests().total > 0 }).await;
    frozen.freeze();

    let _other = scene.serve(1, "all").await;
    let job = async || scene.jobs().await.into_iter().find(|job| job.id == key.id).unwrap();
    until("the other one has done it", || async { job().await.status == JobStatus::Completed })
        .await;
    let before = (job().await, scene.runs(config).await, judge::writes(target));
    assert_eq!(before.0.attempts, 2, "{:?}", before.0);
    assert!(edits::copies(target).values().all(|shown| *shown == [1]));

    frozen.thaw();
    frozen.says("nothing is recorded").await;
    assert_eq!((job().await, scene.runs(config).await, judge::writes(target)), before);
    edits::each_once_and_in_order(target);
}
