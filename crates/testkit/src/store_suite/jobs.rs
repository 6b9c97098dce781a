//! Rules about queueing and claiming jobs.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use syncline_domain::ports::{Store, StoreExt};
use syncline_domain::{
    ConfigId, ItemError, Job, JobClaim, JobId, JobLease, JobOutcome, JobStatus, NewJob, Settlement,
    Timestamp, Trigger,
};

use super::seed::seed;
use super::{conflicts, misses, tx, view};
use crate::rows::{at, config_row, new_job, odd_json};

pub(super) const TTL: Duration = Duration::from_secs(30);

pub(super) async fn enqueue(store: &Arc<dyn Store>, job: &NewJob) -> JobId {
    let job = job.clone();
    tx(store, move |tx| tx.enqueue(&job)).await.key.id
}

pub(super) async fn claim(
    store: &Arc<dyn Store>,
    holder: &'static str,
    now: Timestamp,
    limit: usize,
) -> Vec<Job> {
    tx(store, move |tx| tx.claim_jobs(holder, now, TTL, limit)).await
}

/// Claims the only job that is due.
pub(super) async fn claim_one(store: &Arc<dyn Store>, now: Timestamp) -> Job {
    let mut jobs = claim(store, "me", now, 10).await;
    assert_eq!(jobs.len(), 1, "one job is due: {jobs:?}");
    jobs.remove(0)
}

pub(super) async fn read(store: &Arc<dyn Store>, id: JobId) -> Job {
    view(store, move |tx| tx.job(id)).await.expect("the job is there")
}

/// Ends an attempt; whether the claim held.
pub(super) async fn settle(
    store: &Arc<dyn Store>,
    claim: JobClaim,
    outcome: JobOutcome,
    at: Timestamp,
) -> bool {
    let settlement = Settlement { claim, outcome, at };
    tx(store, move |tx| tx.settle_jobs(std::slice::from_ref(&settlement))).await == [claim.id]
}

pub(super) fn done() -> JobOutcome {
    JobOutcome::Completed { result: None }
}

pub(super) fn item_error(message: &str) -> ItemError {
    let error_type = syncline_domain::ErrorType::Validation;
    ItemError { error_type, message: message.to_owned(), field: Some("title".into()) }
}

pub(super) fn retry_at(secs: i64) -> JobOutcome {
    JobOutcome::Retry { error: item_error("not now"), run_at: at(secs) }
}

pub(super) fn claim_of(job: &Job) -> JobClaim {
    job.claim().expect("somebody works at it")
}

/// A second configuration between the same two trackers.
pub(super) async fn other_config(store: &Arc<dyn Store>, of: super::seed::Seed) -> ConfigId {
    tx(store, move |tx| tx.insert_config(&config_row("another", of.source, of.target))).await
}

fn ids(jobs: &[Job]) -> Vec<JobId> {
    jobs.iter().map(|job| job.id).collect()
}

pub async fn a_job_comes_back_as_it_was_queued(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let new = NewJob {
        kind: "gr\u{FC}n".to_owned(),
        trigger: Trigger::Scheduled,
        triggered_by: "key \u{1F680} '\"".to_owned(),
        payload: odd_json(),
        items: Some(vec!["b".into(), "a".into(), "b".into()]),
        priority: -100,
        run_at: at(500),
        max_attempts: 7,
        created_at: at(99),
        ..new_job(Some(seed.config))
    };
    let queued = tx(&store, {
        let new = new.clone();
        move |tx| tx.enqueue(&new)
    })
    .await;
    assert!(!queued.folded);
    let job = read(&store, queued.key.id).await;
    assert_eq!(job.key(), queued.key);
    let expected = Job {
        id: queued.key.id,
        kind: new.kind,
        config_id: new.config_id,
        trigger: new.trigger,
        triggered_by: new.triggered_by,
        payload: new.payload,
        names_items: true,
        item_count: 2,
        priority: new.priority,
        status: JobStatus::Queued,
        run_at: new.run_at,
        attempts: 0,
        max_attempts: new.max_attempts,
        error: None,
        dead_reason: None,
        cancel_requested: false,
        execution_id: None,
        lease: None,
        result: None,
        created_at: new.created_at,
        started_at: None,
        completed_at: None,
    };
    assert_eq!(job, expected);
    let plain = enqueue(&store, &new_job(None)).await;
    assert!(plain > queued.key.id, "later jobs have higher ids");
    let plain = read(&store, plain).await;
    assert_eq!((plain.config_id, plain.names_items, plain.item_count), (None, false, 0));
}

pub async fn unknown_jobs_and_jobs_of_unknown_configs_are_refused(store: Arc<dyn Store>) {
    let gone = JobId(4_711);
    conflicts(&store, |tx| tx.enqueue(&new_job(Some(ConfigId(4_711))))).await;
    misses(&store, move |tx| tx.cancel_job(gone, at(1))).await;
    conflicts(&store, move |tx| tx.note_job_run(JobClaim { id: gone, token: 1 }, 1.into())).await;
    view(&store, move |tx| {
        assert_eq!(tx.job(gone)?, None);
        assert!(tx.job_items(gone, 10)?.is_empty());
        assert_eq!(tx.count_waiting_jobs()?, 0);
        assert_eq!(tx.next_job_at()?, None);
        Ok(())
    })
    .await;
    assert!(!tx(&store, move |tx| tx.redrive_job(gone, at(1))).await);
}

pub async fn claims_go_by_priority_and_then_by_due_time(store: Arc<dyn Store>) {
    let mut expected = Vec::new();
    for (priority, secs, place) in [(0, 50, 3), (0, 40, 2), (100, 60, 0), (-100, 1, 4), (1, 99, 1)]
    {
        let job = NewJob { priority, run_at: at(secs), ..new_job(None) };
        expected.push((place, enqueue(&store, &job).await));
    }
    expected.push((5, enqueue(&store, &NewJob { priority: -100, ..new_job(None) }).await));
    expected.sort_unstable();
    let expected: Vec<JobId> = expected.into_iter().map(|(_, id)| id).collect();
    assert!(claim(&store, "me", at(200), 0).await.is_empty());
    let mut claimed = ids(&claim(&store, "me", at(200), 2).await);
    claimed.extend(ids(&claim(&store, "you", at(200), 10).await));
    assert_eq!(claimed, expected);
}

pub async fn a_job_is_not_claimed_before_its_time(store: Arc<dyn Store>) {
    let job = enqueue(&store, &new_job(None)).await;
    let short = Timestamp::from_micros(at(100).micros() - 1);
    assert!(claim(&store, "me", short, 10).await.is_empty());
    assert_eq!(ids(&claim(&store, "me", at(100), 10).await), [job]);
}

pub async fn a_claim_counts_an_attempt_and_holds_a_lease(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let id = enqueue(&store, &new_job(Some(seed.config))).await;
    let before = read(&store, id).await;
    let job = claim_one(&store, at(200)).await;
    let first = claim_of(&job);
    let lease = JobLease { holder: "me".to_owned(), token: first.token, until: at(230) };
    let expected = Job {
        status: JobStatus::Running,
        attempts: 1,
        lease: Some(lease),
        started_at: Some(at(200)),
        ..before
    };
    assert_eq!(job, expected);
    assert_eq!(read(&store, id).await, expected);

    tx(&store, move |tx| tx.note_job_run(first, seed.run)).await;
    assert_eq!(read(&store, id).await.execution_id, Some(seed.run));
    assert!(settle(&store, first, retry_at(300), at(210)).await);
    assert_eq!(read(&store, id).await.execution_id, Some(seed.run));
    let again = claim_one(&store, at(301)).await;
    assert_eq!((again.attempts, again.started_at), (2, Some(at(301))));
    assert_eq!(again.execution_id, None, "the second attempt has no run yet");
    assert!(claim_of(&again).token > first.token);
}

pub async fn one_job_of_a_configuration_runs_at_a_time(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let other = other_config(&store, seed).await;
    let mut jobs = Vec::new();
    for (config, priority) in
        [(Some(seed.config), 0), (Some(seed.config), 9), (Some(other), 5), (None, 4), (None, 3)]
    {
        jobs.push(enqueue(&store, &NewJob { priority, ..new_job(config) }).await);
    }
    let claimed = claim(&store, "me", at(200), 10).await;
    assert_eq!(ids(&claimed), [jobs[1], jobs[2], jobs[3], jobs[4]]);
    assert!(claim(&store, "you", at(200), 10).await.is_empty());
    assert!(settle(&store, claim_of(&claimed[1]), done(), at(201)).await);
    assert!(claim(&store, "you", at(201), 10).await.is_empty(), "the other one was freed");
    assert!(settle(&store, claim_of(&claimed[0]), done(), at(202)).await);
    assert_eq!(ids(&claim(&store, "you", at(202), 10).await), [jobs[0]]);
}

pub async fn a_busy_configuration_hides_nobody(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let other = other_config(&store, seed).await;
    for _ in 0..200 {
        let job = NewJob { priority: 50, ..new_job(Some(seed.config)) };
        enqueue(&store, &job).await;
    }
    let light = enqueue(&store, &new_job(Some(other))).await;
    let plain = enqueue(&store, &NewJob { priority: -1, ..new_job(None) }).await;
    assert_eq!(claim(&store, "me", at(200), 1).await.len(), 1);
    assert_eq!(ids(&claim(&store, "me", at(200), 1).await), [light]);
    assert_eq!(ids(&claim(&store, "me", at(200), 5).await), [plain]);
}

pub async fn concurrent_claims_never_share_a_job(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let other = other_config(&store, seed).await;
    for number in 0..40 {
        let config = [None, Some(seed.config), None, Some(other)][number % 4];
        enqueue(&store, &new_job(config)).await;
    }
    let workers = (0..8).map(|_| claim(&store, "me", at(200), 4));
    let mut claimed: Vec<Job> =
        futures_util::future::join_all(workers).await.into_iter().flatten().collect();
    // What a neighbour had locked may be found later.
    claimed.extend(claim(&store, "me", at(200), 100).await);
    let distinct: BTreeSet<JobId> = claimed.iter().map(|job| job.id).collect();
    assert_eq!(distinct.len(), claimed.len());
    for config in [seed.config, other] {
        assert_eq!(claimed.iter().filter(|job| job.config_id == Some(config)).count(), 1);
    }
    assert_eq!(claimed.len(), 22, "all without a configuration, and one of each");
}

pub async fn the_next_job_time_looks_past_busy_configurations(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let queue = |config, secs| {
        let store = Arc::clone(&store);
        async move { enqueue(&store, &NewJob { run_at: at(secs), ..new_job(config) }).await }
    };
    let next = || view(&store, |tx| tx.next_job_at());
    queue(Some(seed.config), 300).await;
    queue(Some(seed.config), 310).await;
    assert_eq!(next().await, Some(at(300)));
    let running = claim_one(&store, at(300)).await;
    assert_eq!(next().await, None);
    queue(None, 320).await;
    assert_eq!(next().await, Some(at(320)));
    assert!(settle(&store, claim_of(&running), done(), at(301)).await);
    assert_eq!(next().await, Some(at(310)));
}

pub async fn jobs_between_attempts_count_as_waiting(store: Arc<dyn Store>) {
    enqueue(&store, &new_job(None)).await;
    enqueue(&store, &NewJob { run_at: at(900), ..new_job(None) }).await;
    let waiting = || view(&store, |tx| tx.count_waiting_jobs());
    assert_eq!(waiting().await, 2);
    let job = claim_one(&store, at(200)).await;
    assert_eq!(waiting().await, 1);
    assert!(settle(&store, claim_of(&job), retry_at(300), at(201)).await);
    assert_eq!(waiting().await, 2);
}

pub async fn a_job_queued_in_a_failed_transaction_is_not_there(store: Arc<dyn Store>) {
    let refused: Result<(), syncline_domain::Fault> = store
        .tx("suite", |tx| {
            tx.enqueue(&new_job(None))?;
            Err(syncline_domain::Fault::Busy("planned".to_owned()))
        })
        .await;
    assert!(refused.is_err());
    assert_eq!(view(&store, |tx| tx.count_waiting_jobs()).await, 0);
    assert!(claim(&store, "me", at(200), 10).await.is_empty());
}
