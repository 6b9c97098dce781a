//! Random operations on the queue: the store under test and the one in memory give the same answers, and after each
//! step the invariants of the queue hold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use syncline_domain::ports::{JobFilter, Store, StoreExt, Tx};
use syncline_domain::{
    ConfigId, Fault, ItemId, Job, JobClaim, JobId, JobOutcome, JobStatus, NewJob, QueueCounts,
    Settlement, Timestamp,
};

use super::jobs::{item_error, other_config};
use super::seed::seed;
use super::view;
use crate::rows::{at, new_job};
use crate::{MemStore, SeededRng};

/// Operations a run of the property makes.
const STEPS: u64 = 400;
const TTL: Duration = Duration::from_secs(30);

/// One store with the ids and claims it gave out, in the order of giving.
struct End {
    store: Arc<dyn Store>,
    configs: [ConfigId; 2],
    jobs: Vec<JobId>,
    claims: Vec<JobClaim>,
    before: BTreeMap<JobId, Job>,
}

/// A step, with all its choices made: the same for both stores.
#[derive(Clone, Copy, Debug)]
struct Step {
    kind: u64,
    number: u64,
    left: u64,
    right: u64,
    pick: u64,
    fails: bool,
}

impl Step {
    /// No two steps are at the same time; some jobs are for later.
    fn now(self) -> Timestamp {
        at(1_000 + i64::try_from(self.number * 5).unwrap_or(0))
    }

    fn job(self, configs: [ConfigId; 2]) -> NewJob {
        let config = [None, Some(configs[0]), Some(configs[1])][index(self.left % 3)];
        let items = (!self.right.is_multiple_of(3)).then(|| {
            (0..self.right % 4).map(|n| ItemId::new((n * self.pick % 7).to_string())).collect()
        });
        NewJob {
            fold_key: self
                .pick
                .is_multiple_of(2)
                .then(|| format!("key {:?} {}", config, self.right % 2)),
            items,
            priority: [-5, 0, 0, 5][index(self.right)],
            run_at: self.now().after(Duration::from_secs(self.pick % 5 * 40)),
            max_attempts: u32::try_from(1 + self.left % 3).unwrap_or(1),
            created_at: self.now(),
            ..new_job(config)
        }
    }

    fn outcome(self) -> JobOutcome {
        let error = item_error("a planned failure");
        let run_at = self.now().after(Duration::from_secs(self.right * 20));
        match self.right {
            0 => JobOutcome::Completed { result: Some(serde_json::json!(self.number)) },
            1 => JobOutcome::Failed { error, result: None },
            2 => JobOutcome::Cancelled { result: None },
            3 => JobOutcome::Released { run_at },
            _ => JobOutcome::Retry { error, run_at },
        }
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number % 4).unwrap_or(0)
}

/// What a step did.
#[derive(Default)]
struct Done {
    queued: Option<JobId>,
    claimed: Vec<Job>,
    text: String,
}

pub async fn any_sequence_of_steps_keeps_the_queue_sound(store: Arc<dyn Store>) {
    let model: Arc<dyn Store> = Arc::new(MemStore::new());
    let mut ends = [end(store).await, end(model).await];
    let rng = SeededRng::new(0x0B5);
    for number in 0..STEPS {
        let step = Step {
            kind: rng.below(16),
            number,
            left: rng.below(6),
            right: rng.below(6),
            pick: rng.below(1 << 20),
            fails: rng.below(12) == 0,
        };
        let mut answers = Vec::new();
        for end in &mut ends {
            let answer = take(end, step).await;
            answers.push((answer, look(end, step).await));
        }
        assert_eq!(answers[0], answers[1], "{step:?}");
    }
    let statuses: BTreeSet<&str> = ends[0].before.values().map(|job| job.status.as_str()).collect();
    assert!(statuses.len() > 3, "the steps lead somewhere: {statuses:?}");
}

async fn end(store: Arc<dyn Store>) -> End {
    let seed = seed(&store).await;
    let configs = [seed.config, other_config(&store, seed).await];
    End { store, configs, jobs: Vec::new(), claims: Vec::new(), before: BTreeMap::new() }
}

async fn take(end: &mut End, step: Step) -> String {
    let configs = end.configs;
    let job = pick(&end.jobs, step.pick);
    let claim = pick(&end.claims, step.pick);
    let done = end
        .store
        .tx("model", move |tx| {
            let done = act(tx, configs, step, job, claim)?;
            match step.fails {
                true => Err(Fault::Busy("planned".to_owned())),
                false => Ok(done),
            }
        })
        .await;
    match done {
        Ok(done) => {
            end.jobs.extend(done.queued);
            for job in &done.claimed {
                let claim = job.claim().expect("a claimed job has a lease");
                let last = end.claims.iter().filter(|old| old.id == claim.id).map(|old| old.token);
                assert!(last.max().is_none_or(|last| last < claim.token), "tokens rise");
                end.claims.push(claim);
            }
            let claimed: Vec<_> = done.claimed.iter().map(|job| place(end, job.id)).collect();
            format!("{} {claimed:?}", done.text)
        }
        // Which kind of refusal matters, not its words.
        Err(fault) => format!("{fault:?}").split('(').next().unwrap_or_default().to_owned(),
    }
}

/// Prefers the newest ones, so that things go on with what is alive.
fn pick<T: Copy>(from: &[T], at: u64) -> Option<T> {
    let back = usize::try_from(at % 12).unwrap_or(0);
    from.iter().rev().nth(back).or(from.last()).copied()
}

fn place(end: &End, id: JobId) -> Option<usize> {
    end.jobs.iter().position(|job| *job == id)
}

fn act(
    tx: &mut dyn Tx,
    configs: [ConfigId; 2],
    step: Step,
    job: Option<JobId>,
    claim: Option<JobClaim>,
) -> Result<Done, Fault> {
    let now = step.now();
    let mut done = Done::default();
    match (step.kind, job, claim) {
        (0..=4, _, _) => {
            let queued = tx.enqueue(&step.job(configs))?;
            done.queued = (!queued.folded).then_some(queued.key.id);
            done.text = format!("folded: {}", queued.folded);
        }
        (5..=8, _, _) => done.claimed = tx.claim_jobs("me", now, TTL, index(step.left) + 1)?,
        (9..=11, _, Some(claim)) => {
            let settlement = Settlement { claim, outcome: step.outcome(), at: now };
            done.text = format!("settled: {}", tx.settle_jobs(&[settlement])?.len());
        }
        (12, _, Some(claim)) => {
            let beats = tx.renew_jobs(&[claim], now, TTL)?;
            done.text = format!("{:?}", beats.iter().map(|b| b.cancel_requested).next());
        }
        (13, _, _) => {
            let dead = ["me".to_owned()];
            let dead = if step.left == 0 { &dead[..] } else { &[] };
            done.text = format!("rescued: {}", tx.rescue_jobs(now, dead, 1_000)?.len());
        }
        (14, Some(id), _) => done.text = format!("{:?}", tx.cancel_job(id, now)?),
        (15, Some(id), _) => done.text = format!("redriven: {}", tx.redrive_job(id, now)?),
        _ => {}
    }
    Ok(done)
}

/// Asserts the invariants, and tells all there is to see without raw ids.
async fn look(end: &mut End, step: Step) -> String {
    let (jobs, items, counts, next) = view(&end.store, |tx| {
        let jobs = tx.jobs(&JobFilter::default(), 10_000)?;
        let mut items = BTreeMap::new();
        for job in &jobs {
            items.insert(job.id, tx.job_items(job.id, 100)?);
        }
        Ok((jobs, items, tx.queue_counts(None)?, tx.next_job_at()?))
    })
    .await;
    check(&jobs, &items, counts);
    let after: BTreeMap<JobId, Job> = jobs.into_iter().map(|job| (job.id, job)).collect();
    check_step(end, &after, step);
    end.before = after;
    let mut text = format!("{counts:?} {next:?}\n");
    for id in &end.jobs {
        text += &shown(end, &end.before[id], &items[id]);
    }
    text
}

/// What must hold at any time.
fn check(jobs: &[Job], items: &BTreeMap<JobId, Vec<ItemId>>, counts: QueueCounts) {
    let mut running = BTreeSet::new();
    for job in jobs {
        assert!(job.attempts <= job.max_attempts, "attempts never exceed the limit: {job:?}");
        let runs = job.status == JobStatus::Running;
        assert_eq!(job.lease.is_some(), runs, "who works holds a lease: {job:?}");
        if let Some(config) = job.config_id.filter(|_| runs) {
            assert!(running.insert(config), "two jobs of {config} run at once");
        }
        let goes_on = matches!(job.status, JobStatus::Queued | JobStatus::Running);
        assert_eq!(job.completed_at.is_none(), goes_on, "{job:?}");
        assert!(job.dead_reason.is_none() || job.status == JobStatus::Failed, "{job:?}");
        let named = items[&job.id].iter().collect::<BTreeSet<_>>().len();
        assert_eq!(u64::try_from(named), Ok(job.item_count), "{job:?}");
        assert!(job.names_items || named == 0, "{job:?}");
    }
    let count = |status| {
        u64::try_from(jobs.iter().filter(|job| job.status == status).count()).unwrap_or(u64::MAX)
    };
    assert_eq!(counts.queued, count(JobStatus::Queued));
    assert_eq!(counts.running, count(JobStatus::Running));
    assert_eq!(counts.completed, count(JobStatus::Completed));
    assert_eq!(counts.failed, count(JobStatus::Failed));
}

/// What must hold between two looks.
fn check_step(end: &End, after: &BTreeMap<JobId, Job>, step: Step) {
    for (id, job) in &end.before {
        assert!(after.contains_key(id), "{job:?} was lost");
    }
    let old = pick(&end.claims, step.pick);
    let lost = old.filter(|claim| end.before.get(&claim.id).and_then(Job::claim) != Some(*claim));
    if step.fails || ((9..=12).contains(&step.kind) && lost.is_some()) {
        assert_eq!(*after, end.before, "an old token and a rollback change nothing: {step:?}");
    }
}

fn shown(end: &End, job: &Job, items: &[ItemId]) -> String {
    let lease = job.lease.as_ref().map(|lease| (lease.holder.as_str(), lease.until));
    let config = end.configs.iter().position(|id| Some(*id) == job.config_id);
    format!(
        "{:?} {config:?} {:?} {} of {} at {:?} prio {} lease {lease:?} error {} dead {} cancel {} \
         result {:?} started {:?} ended {:?} items {} {items:?}\n",
        place(end, job.id),
        job.status,
        job.attempts,
        job.max_attempts,
        job.run_at,
        job.priority,
        job.error.is_some(),
        job.dead_reason.is_some(),
        job.cancel_requested,
        job.result,
        job.started_at,
        job.completed_at,
        job.names_items,
    )
}
