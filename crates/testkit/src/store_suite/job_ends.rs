//! Rules about how attempts at jobs end.

use std::sync::Arc;

use serde_json::json;
use syncline_domain::ports::Store;
use syncline_domain::{
    CancelAsked, Heartbeat, Job, JobClaim, JobId, JobOutcome, JobStatus, NewJob, Settlement,
};

use super::jobs::{
    TTL, claim, claim_of, claim_one, done, enqueue, item_error, read, retry_at, settle,
};
use super::seed::seed;
use super::{conflicts, tx, view};
use crate::rows::{at, new_job, odd_json};

async fn cancel(store: &Arc<dyn Store>, id: JobId) -> CancelAsked {
    tx(store, move |tx| tx.cancel_job(id, at(205))).await
}

async fn renew(store: &Arc<dyn Store>, claims: &[JobClaim], secs: i64) -> Vec<Heartbeat> {
    let claims = claims.to_vec();
    tx(store, move |tx| tx.renew_jobs(&claims, at(secs), TTL)).await
}

async fn rescue(store: &Arc<dyn Store>, secs: i64, dead: &[&str], limit: usize) -> Vec<Job> {
    let dead: Vec<String> = dead.iter().map(|name| (*name).to_owned()).collect();
    tx(store, move |tx| tx.rescue_jobs(at(secs), &dead, limit)).await
}

pub async fn an_attempt_ends_with_what_came_out(store: Arc<dyn Store>) {
    let result = Some(odd_json());
    let error = item_error("Gr\u{FC}\u{DF}e");
    let ends = [
        (JobOutcome::Completed { result: result.clone() }, JobStatus::Completed, None),
        (JobOutcome::Completed { result: None }, JobStatus::Completed, None),
        (
            JobOutcome::Failed { error: error.clone(), result: result.clone() },
            JobStatus::Failed,
            Some(error),
        ),
        (JobOutcome::Cancelled { result: result.clone() }, JobStatus::Cancelled, None),
    ];
    for (outcome, status, error) in ends {
        enqueue(&store, &new_job(None)).await;
        let job = claim_one(&store, at(200)).await;
        let kept = !matches!(outcome, JobOutcome::Completed { result: None });
        assert!(settle(&store, claim_of(&job), outcome, at(210)).await);
        let expected = Job {
            status,
            error,
            result: result.clone().filter(|_| kept),
            lease: None,
            completed_at: Some(at(210)),
            ..job
        };
        assert_eq!(read(&store, expected.id).await, expected, "not dead, nothing else touched");
    }
    assert!(claim(&store, "me", at(9_000), 10).await.is_empty());
}

pub async fn only_the_token_of_the_claim_counts(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let id = enqueue(&store, &new_job(None)).await;
    let late = claim_of(&claim_one(&store, at(200)).await);
    assert_eq!(rescue(&store, 231, &[], 10).await.len(), 1);
    // Between two claims, and under the next one.
    for round in 0..2 {
        let before = read(&store, id).await;
        assert!(!settle(&store, late, done(), at(240)).await, "round {round}");
        assert!(renew(&store, &[late], 240).await.is_empty());
        conflicts(&store, move |tx| tx.note_job_run(late, seed.run)).await;
        assert_eq!(read(&store, id).await, before);
        if round == 0 {
            assert_ne!(claim_of(&claim_one(&store, at(235)).await), late);
        }
    }
}

pub async fn lost_claims_spare_their_neighbours(store: Arc<dyn Store>) {
    for _ in 0..3 {
        enqueue(&store, &new_job(None)).await;
    }
    let claims: Vec<JobClaim> =
        claim(&store, "me", at(200), 3).await.iter().map(claim_of).collect();
    let wrong = JobClaim { token: claims[1].token + 1, ..claims[1] };
    let gone = JobClaim { id: JobId(4_711), token: 1 };
    let batch: Vec<Settlement> = [claims[0], wrong, gone, claims[2], claims[2]]
        .map(|claim| Settlement { claim, outcome: done(), at: at(210) })
        .into();
    let mut settled = tx(&store, move |tx| tx.settle_jobs(&batch)).await;
    settled.sort_unstable();
    assert_eq!(settled, [claims[0].id, claims[2].id]);
    assert_eq!(read(&store, claims[1].id).await.status, JobStatus::Running);
    assert!(tx(&store, |tx| tx.settle_jobs(&[])).await.is_empty());
    let beats = renew(&store, &[claims[0], claims[1], gone, wrong], 220).await;
    assert_eq!(beats, [Heartbeat { id: claims[1].id, cancel_requested: false }]);
}

pub async fn many_claims_are_renewed_and_settled_at_once(store: Arc<dyn Store>) {
    tx(&store, |tx| {
        for _ in 0..1_500 {
            tx.enqueue(&new_job(None))?;
        }
        Ok(())
    })
    .await;
    let claims: Vec<JobClaim> =
        claim(&store, "me", at(200), 2_000).await.iter().map(claim_of).collect();
    assert_eq!(renew(&store, &claims, 210).await.len(), 1_500);
    let batch: Vec<Settlement> = claims
        .iter()
        .map(|claim| Settlement { claim: *claim, outcome: done(), at: at(220) })
        .collect();
    assert_eq!(tx(&store, move |tx| tx.settle_jobs(&batch)).await.len(), 1_500);
    assert_eq!(view(&store, |tx| tx.queue_counts(None)).await.completed, 1_500);
}

pub async fn a_lease_that_is_over_holds_until_its_job_is_taken(store: Arc<dyn Store>) {
    enqueue(&store, &new_job(None)).await;
    let job = claim_one(&store, at(200)).await;
    assert!(claim(&store, "you", at(900), 10).await.is_empty(), "claims take no running jobs");
    assert_eq!(renew(&store, &[claim_of(&job)], 900).await.len(), 1);
    assert_eq!(read(&store, job.id).await.lease.expect("it runs").until, at(930));
    assert!(settle(&store, claim_of(&job), done(), at(2_000)).await);
}

pub async fn a_retry_waits_for_its_time(store: Arc<dyn Store>) {
    let id = enqueue(&store, &new_job(None)).await;
    let job = claim_one(&store, at(200)).await;
    assert!(settle(&store, claim_of(&job), retry_at(300), at(210)).await);
    let expected = Job {
        status: JobStatus::Queued,
        run_at: at(300),
        lease: None,
        error: Some(item_error("not now")),
        ..job
    };
    assert_eq!(read(&store, id).await, expected);
    assert!(claim(&store, "me", at(299), 10).await.is_empty());
    let job = claim_one(&store, at(300)).await;
    assert_eq!(job.error, expected.error, "it stays until an attempt goes well");
    assert!(settle(&store, claim_of(&job), done(), at(310)).await);
    assert_eq!(read(&store, id).await.error, None);
}

pub async fn a_retry_on_the_last_attempt_gives_up(store: Arc<dyn Store>) {
    let id = enqueue(&store, &NewJob { max_attempts: 2, ..new_job(None) }).await;
    for attempt in 1..=2 {
        let job = claim_one(&store, at(200 * attempt)).await;
        assert!(settle(&store, claim_of(&job), retry_at(0), at(200 * attempt + 1)).await);
    }
    let job = read(&store, id).await;
    assert_eq!((job.status, job.attempts), (JobStatus::Failed, 2));
    assert_eq!(job.completed_at, Some(at(401)));
    assert_eq!(job.error, Some(item_error("not now")));
    assert_eq!(job.lease, None);
    assert!(job.dead_reason.is_some_and(|reason| !reason.is_empty()), "it says why");
    assert!(claim(&store, "me", at(9_000), 10).await.is_empty());
}

pub async fn a_released_attempt_is_given_back(store: Arc<dyn Store>) {
    let id = enqueue(&store, &NewJob { max_attempts: 1, ..new_job(None) }).await;
    for round in 1..=3 {
        let job = claim_one(&store, at(200 * round)).await;
        assert_eq!(job.attempts, 1, "round {round}");
        let run_at = at(200 * (round + 1));
        let outcome = JobOutcome::Released { run_at };
        assert!(settle(&store, claim_of(&job), outcome, at(200 * round + 1)).await);
        let job = read(&store, id).await;
        assert_eq!((job.status, job.attempts, job.run_at), (JobStatus::Queued, 0, run_at));
        assert_eq!((job.lease, job.completed_at, job.error), (None, None, None));
    }
}

pub async fn rescue_takes_only_what_was_let_go(store: Arc<dyn Store>) {
    for (holder, secs) in [("one", 200), ("two", 210), ("three", 220), ("two", 221)] {
        enqueue(&store, &new_job(None)).await;
        assert_eq!(claim(&store, holder, at(secs), 1).await.len(), 1);
    }
    enqueue(&store, &NewJob { run_at: at(9_000), ..new_job(None) }).await;
    let mut holders = view(&store, |tx| tx.job_holders()).await;
    holders.sort_unstable();
    assert_eq!(holders, ["one", "three", "two"]);

    assert!(rescue(&store, 229, &["four"], 10).await.is_empty());
    let rescued = rescue(&store, 230, &[], 10).await;
    assert_eq!(rescued.len(), 1, "the lease of the first is over");
    assert_eq!(rescue(&store, 231, &["two"], 1).await.len(), 1, "at most so many");
    assert_eq!(rescue(&store, 231, &["two"], 10).await.len(), 1);
    assert_eq!(view(&store, |tx| tx.job_holders()).await, ["three"]);
    assert_eq!(rescue(&store, 9_000, &[], 10).await.len(), 1);
    assert_eq!(view(&store, |tx| tx.count_waiting_jobs()).await, 5);
}

pub async fn a_rescued_job_is_due_given_up_or_cancelled(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let mut started = Vec::new();
    for (max_attempts, cancels) in [(2, false), (1, false), (2, true), (1, true)] {
        enqueue(&store, &NewJob { max_attempts, ..new_job(None) }).await;
        let job = claim_one(&store, at(200)).await;
        let claim = claim_of(&job);
        tx(&store, move |tx| tx.note_job_run(claim, seed.run)).await;
        if cancels {
            assert_eq!(cancel(&store, job.id).await, CancelAsked::Asked);
        }
        started.push(Job { execution_id: Some(seed.run), cancel_requested: cancels, ..job });
    }
    let mut rescued = rescue(&store, 240, &[], 10).await;
    rescued.sort_by_key(|job| job.id);
    let ends = [JobStatus::Queued, JobStatus::Failed, JobStatus::Cancelled, JobStatus::Cancelled];
    for ((before, after), status) in started.into_iter().zip(&rescued).zip(ends) {
        let expected = Job {
            status,
            lease: None,
            completed_at: (status != JobStatus::Queued).then_some(at(240)),
            dead_reason: after.dead_reason.clone(),
            ..before
        };
        assert_eq!(*after, expected);
        assert_eq!(after.dead_reason.is_some(), status == JobStatus::Failed);
        assert_eq!(read(&store, after.id).await, expected, "it answers what is stored");
    }
    assert_eq!(rescued.len(), 4);
    assert_eq!(claim_one(&store, at(240)).await.id, rescued[0].id);
}

pub async fn a_rescued_job_keeps_its_place(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let old = enqueue(&store, &new_job(Some(seed.config))).await;
    assert_eq!(claim_one(&store, at(200)).await.id, old);
    let young = NewJob { run_at: at(205), ..new_job(Some(seed.config)) };
    let young = enqueue(&store, &young).await;
    assert_eq!(rescue(&store, 240, &[], 10).await.len(), 1);
    let again = claim_one(&store, at(240)).await;
    assert_eq!(again.id, old, "what came first goes first, also when its worker died");
    assert!(settle(&store, claim_of(&again), done(), at(241)).await);
    assert_eq!(claim_one(&store, at(241)).await.id, young);
}

pub async fn cancelling_depends_on_where_a_job_stands(store: Arc<dyn Store>) {
    let waiting = enqueue(&store, &new_job(None)).await;
    let before = read(&store, waiting).await;
    assert_eq!(cancel(&store, waiting).await, CancelAsked::Cancelled);
    let expected = Job {
        status: JobStatus::Cancelled,
        cancel_requested: true,
        completed_at: Some(at(205)),
        ..before
    };
    assert_eq!(read(&store, waiting).await, expected);
    assert_eq!(cancel(&store, waiting).await, CancelAsked::Ended(JobStatus::Cancelled));
    assert_eq!(read(&store, waiting).await, expected, "the first one counts");

    enqueue(&store, &new_job(None)).await;
    let job = claim_one(&store, at(200)).await;
    assert_eq!(cancel(&store, job.id).await, CancelAsked::Asked);
    let told = renew(&store, &[claim_of(&job)], 206).await;
    assert_eq!(told, [Heartbeat { id: job.id, cancel_requested: true }]);
    let outcome = JobOutcome::Failed { error: item_error("no"), result: None };
    assert!(settle(&store, claim_of(&job), outcome, at(210)).await);
    assert_eq!(cancel(&store, job.id).await, CancelAsked::Ended(JobStatus::Failed));
}

pub async fn a_job_asked_to_stop_is_not_tried_again(store: Arc<dyn Store>) {
    let ends = [
        (retry_at(300), JobStatus::Cancelled, 1),
        (JobOutcome::Released { run_at: at(300) }, JobStatus::Cancelled, 0),
        (done(), JobStatus::Completed, 1),
    ];
    for (outcome, status, attempts) in ends {
        enqueue(&store, &NewJob { max_attempts: 1, ..new_job(None) }).await;
        let job = claim_one(&store, at(200)).await;
        assert_eq!(cancel(&store, job.id).await, CancelAsked::Asked);
        assert!(settle(&store, claim_of(&job), outcome, at(210)).await);
        let job = read(&store, job.id).await;
        assert_eq!((job.status, job.attempts), (status, attempts));
        assert_eq!((job.completed_at, job.dead_reason), (Some(at(210)), None));
        assert!(job.cancel_requested);
    }
    assert!(claim(&store, "me", at(9_000), 10).await.is_empty());
}

pub async fn redriving_gives_all_attempts_back(store: Arc<dyn Store>) {
    let dead = enqueue(&store, &NewJob { max_attempts: 1, ..new_job(None) }).await;
    let job = claim_one(&store, at(200)).await;
    assert!(settle(&store, claim_of(&job), retry_at(300), at(210)).await);
    let failed = enqueue(&store, &new_job(None)).await;
    let job = claim_one(&store, at(200)).await;
    let outcome = JobOutcome::Failed { error: item_error("no"), result: Some(json!(1)) };
    assert!(settle(&store, claim_of(&job), outcome, at(210)).await);
    let cancelled = enqueue(&store, &new_job(None)).await;
    cancel(&store, cancelled).await;
    for id in [dead, failed, cancelled] {
        let before = read(&store, id).await;
        assert!(tx(&store, move |tx| tx.redrive_job(id, at(400))).await);
        let expected = Job {
            status: JobStatus::Queued,
            run_at: at(400),
            attempts: 0,
            dead_reason: None,
            cancel_requested: false,
            result: None,
            completed_at: None,
            ..before
        };
        assert_eq!(read(&store, id).await, expected);
        assert!(!tx(&store, move |tx| tx.redrive_job(id, at(500))).await, "it waits already");
        let job = claim_one(&store, at(400)).await;
        assert_eq!((job.id, job.attempts), (id, 1));
        assert!(!tx(&store, move |tx| tx.redrive_job(id, at(500))).await, "it runs");
        assert!(settle(&store, claim_of(&job), done(), at(410)).await);
        assert!(!tx(&store, move |tx| tx.redrive_job(id, at(500))).await, "it went well");
    }
}
