//! The three ledgers side by side: what the senders were told, our tables, and what happened at the trackers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;
use syncline_domain::ports::{DeliveryFilter, ExecutionFilter, JobFilter, StoreExt as _};
use syncline_domain::{
    Delivery, DeliveryStatus, Execution, ExecutionStatus, Job, JobId, JobKey, JobStatus,
};
use syncline_sandbox::{Effect, EffectOp};
use syncline_tests::{edits, judge};
use tokio::time::{Instant, sleep};

use crate::load::Ledger;
use crate::scene::{Scene, remark_in};

/// How often the tables are looked at while something is waited for.
const LOOK: Duration = Duration::from_millis(20);

/// Far longer than what is waited for takes, on a slow machine.
pub const PATIENCE: Duration = Duration::from_secs(180);

const ALL: usize = 1_000_000;

/// What was found, in figures; a fault is a failed test.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "told on standard output as a whole")]
pub struct Figures {
    pub accepted: usize,
    pub unanswered: u64,
    pub given_up: usize,
    pub duplicates: usize,
    pub jobs: usize,
    pub runs: usize,
    pub cut_short: usize,
    pub creates: usize,
    pub updates: usize,
    pub comments: usize,
}

/// Waits until no job waits or runs.
pub async fn idle(scene: &Scene) {
    let since = Instant::now();
    loop {
        let store = &scene.stage.store;
        let counts = store.view("counts", |tx| tx.queue_counts(None)).await.unwrap();
        if counts.queued + counts.running == 0 {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "jobs are left: {counts:?}");
        sleep(LOOK).await;
    }
}

/// Waits until no job that is not at its end has been begun more than twice.
pub async fn nobody_is_worn_out(scene: &Scene) {
    let since = Instant::now();
    let is_worn_out = |job: &Job| job.completed_at.is_none() && job.attempts > 2;
    while jobs(scene).await.values().any(is_worn_out) {
        assert!(since.elapsed() < PATIENCE, "no job comes to its end");
        sleep(LOOK).await;
    }
}

/// What holds at any moment, whatever has just died: nothing was written twice.
pub fn nothing_twice(scene: &Scene) {
    edits::each_once_and_in_order(&scene.to);
    let mut remarks = BTreeSet::new();
    for effect in scene.to.effects().iter().filter(|effect| effect.op == EffectOp::Comment) {
        let said = (effect.item_id.clone(), effect.fields["text"].to_string());
        assert!(remarks.insert(said), "a comment was made twice: {effect:?}");
    }
    assert_eq!(scene.from.effects().len(), 0, "nothing is written to the source");
}

/// What holds once everything was worked off, without a full run: what was accepted has arrived.
pub async fn accepted_has_arrived(scene: &Scene, ledger: &Ledger) {
    nothing_twice(scene);
    let told = ledger.told();
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    for one in told.iter().filter(|one| one.event.kind != "commented") {
        let edit = last.entry(&one.event.item).or_default();
        *edit = one.event.number.max(*edit);
    }
    let copies = edits::copies(&scene.to);
    for (item, edit) in last {
        let copy = copies.get(item).and_then(|edits| edits.first());
        assert!(
            copy.is_some_and(|shown| *shown >= edit),
            "edit {edit} of item {item} was accepted and its copy shows {copy:?}"
        );
    }
    let said: BTreeSet<u64> = remarks(&scene.to.effects());
    for one in told.iter().filter(|one| one.event.kind == "commented") {
        assert!(said.contains(&one.event.number), "the comment of {one:?} did not arrive");
    }
}

fn remarks(effects: &[Effect]) -> BTreeSet<u64> {
    let comments = effects.iter().filter(|effect| effect.op == EffectOp::Comment);
    comments.filter_map(|effect| remark_in(&effect.fields["text"].to_string())).collect()
}

/// The tables against what the senders were told; then a full run, after which both trackers are equal and nothing is
/// left to do.
pub async fn all_ledgers_agree(scene: &Scene, ledger: &Ledger) -> Figures {
    let deliveries = deliveries(scene).await;
    let jobs = jobs(scene).await;
    agree_on_deliveries(scene, ledger, &deliveries, &jobs).await;
    for job in jobs.values() {
        assert_eq!(job.status, JobStatus::Completed, "a job did not come to its end: {job:?}");
    }
    let runs = runs(scene).await;
    one_after_the_other(&runs);
    everything_at_last(scene).await;
    let count = |op: EffectOp| scene.to.effects().iter().filter(|one| one.op == op).count();
    Figures {
        accepted: ledger.told().len(),
        unanswered: ledger.unanswered.load(std::sync::atomic::Ordering::Relaxed),
        given_up: ledger.given_up().len(),
        duplicates: of(&deliveries, DeliveryStatus::Duplicate).count(),
        jobs: jobs.len(),
        runs: runs.len(),
        cut_short: runs.iter().filter(|run| run.status == ExecutionStatus::Failed).count(),
        creates: count(EffectOp::Create),
        updates: count(EffectOp::Update),
        comments: count(EffectOp::Comment),
    }
}

async fn agree_on_deliveries(
    scene: &Scene,
    ledger: &Ledger,
    deliveries: &[Delivery],
    jobs: &BTreeMap<JobId, Job>,
) {
    let accepted: BTreeMap<i64, &Delivery> =
        of(deliveries, DeliveryStatus::Success).map(|row| (row.id.0, row)).collect();
    let names: BTreeSet<_> = accepted.values().map(|row| row.delivery_id.clone()).collect();
    assert_eq!(names.len(), accepted.len(), "a delivery was accepted twice");
    let mut told = BTreeSet::new();
    for one in ledger.told() {
        let row = accepted.get(&one.delivery);
        let row = row.unwrap_or_else(|| panic!("lost: {one:?} has no accepted row"));
        assert_eq!(row.delivery_id, Some(one.event.name()), "{one:?}");
        let items: Vec<&str> = row.item_ids.iter().map(|id| id.as_str()).collect();
        assert_eq!(items, [one.event.item.as_str()]);
        let job = row.job_id.and_then(|id| jobs.get(&id));
        let job = job.unwrap_or_else(|| panic!("lost: no job for {row:?}"));
        let key = one.job.as_deref().and_then(JobKey::parse).unwrap();
        assert!(key.names(job), "{key} is not {job:?}");
        assert!(told.insert(one.event.name()), "a name was told twice");
    }
    // Whatever else was accepted is what a sender gave up on.
    let known: BTreeSet<_> = ledger.given_up().iter().map(|event| event.name()).collect();
    for row in accepted.values() {
        let name = row.delivery_id.clone().unwrap();
        assert!(told.contains(&name) || known.contains(&name), "from nowhere: {row:?}");
    }
    let other = deliveries.len() - accepted.len();
    assert_eq!(other, of(deliveries, DeliveryStatus::Duplicate).count(), "only duplicates besides");
    let id = scene.webhook;
    let webhook = scene.stage.store.view("webhook", move |tx| tx.webhook(id)).await.unwrap();
    let counted = usize::try_from(webhook.unwrap().trigger_count).unwrap();
    assert_eq!(counted, deliveries.len(), "every call is counted with its row");
}

fn of(deliveries: &[Delivery], status: DeliveryStatus) -> impl Iterator<Item = &Delivery> {
    deliveries.iter().filter(move |row| row.status == status)
}

/// No two runs of a configuration at the same time.
pub fn one_after_the_other(runs: &[Execution]) {
    for pair in runs.windows(2) {
        let ended = pair[0].ended_at.unwrap_or_else(|| panic!("still running: {:?}", pair[0]));
        assert!(ended <= pair[1].started_at, "two at once: {:?} and {:?}", pair[0], pair[1]);
    }
}

/// One full run brings over what no sender told; after that nothing is left to write.
async fn everything_at_last(scene: &Scene) {
    let path = format!("/api/jobs/queue/{}", scene.config);
    scene.post(&path, &json!({})).await;
    idle(scene).await;
    nothing_twice(scene);
    judge::mirrors(&scene.stage, scene.config, &scene.from, &scene.to).await;
    let written = scene.effects();
    scene.post(&path, &json!({})).await;
    idle(scene).await;
    assert_eq!(scene.effects(), written, "nothing is left to write");
}

async fn deliveries(scene: &Scene) -> Vec<Delivery> {
    let filter = DeliveryFilter { webhook_id: Some(scene.webhook), ..DeliveryFilter::default() };
    let store = &scene.stage.store;
    store.view("all", move |tx| tx.deliveries(&filter, 0, ALL)).await.unwrap()
}

async fn jobs(scene: &Scene) -> BTreeMap<JobId, Job> {
    let store = &scene.stage.store;
    let rows = store.view("all", |tx| tx.jobs(&JobFilter::default(), ALL)).await.unwrap();
    rows.into_iter().map(|job| (job.id, job)).collect()
}

/// The runs of the configuration, oldest first.
async fn runs(scene: &Scene) -> Vec<Execution> {
    let filter = ExecutionFilter { config_id: Some(scene.config), ..ExecutionFilter::default() };
    let store = &scene.stage.store;
    let mut runs = store.view("all", move |tx| tx.executions(&filter, ALL)).await.unwrap();
    runs.reverse();
    runs
}
