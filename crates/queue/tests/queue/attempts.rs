//! How attempts end: retries, dead letters, panics, cancelling.

use crate::common::{Rig, quiet, until};
use serde_json::json;
use syncline_domain::JobStatus;
use syncline_domain::ports::{Clock as _, StopReason, StoreExt as _};

const DAY: u64 = 86_400;

#[tokio::test]
async fn a_poison_job_is_given_up_after_exactly_ten_attempts_and_delays_nobody() {
    let rig = Rig::new();
    let _worker = rig.start_calm();
    let poison = rig.queue("retry").await;
    until("the first attempt", || rig.floor.attempts_of(poison) == 1).await;
    for _ in 0..8 {
        rig.pass(DAY / 4).await;
        let other = rig.queue("done").await;
        let before = rig.clock.monotonic();
        rig.until_status(other, JobStatus::Completed).await;
        assert_eq!(rig.clock.monotonic(), before, "the poison job kept another one waiting");
    }
    let job = rig.read(poison).await;
    assert_eq!((job.status, job.attempts), (JobStatus::Failed, 10));
    assert_eq!(rig.floor.attempts_of(poison), 10);
    assert!(job.dead_reason.unwrap().contains("the tracker is down"));
}

#[tokio::test]
async fn a_dead_job_is_redriven_with_all_its_attempts() {
    let rig = Rig::new();
    let _worker = rig.start_calm();
    let mut job = rig.job(json!({"do": "retry"}));
    job.max_attempts = 2;
    let id = rig.put(job).await;
    rig.pass(DAY).await;
    assert_eq!(rig.status(id).await, JobStatus::Failed);
    let now = rig.clock.now();
    let redriven =
        rig.store.tx("redrive", move |tx| Ok([tx.redrive_job(id, now)?, tx.redrive_job(id, now)?]));
    assert_eq!(redriven.await.unwrap(), [true, false]);
    rig.pass(DAY).await;
    assert_eq!((rig.status(id).await, rig.floor.attempts_of(id)), (JobStatus::Failed, 4));
}

#[tokio::test]
async fn a_handler_that_panics_is_an_attempt_that_failed() {
    let rig = Rig::new();
    let _worker = rig.start_calm();
    let id = rig.queue("panic").await;
    until("the first attempt", || rig.floor.attempts_of(id) == 1).await;
    rig.until_status(id, JobStatus::Queued).await;
    let job = rig.read(id).await;
    assert!(job.error.unwrap().message.contains("the handler has a bug"));
    let other = rig.queue("done").await;
    rig.until_status(other, JobStatus::Completed).await;
    rig.pass(2 * DAY).await;
    assert_eq!((rig.status(id).await, rig.floor.attempts_of(id)), (JobStatus::Failed, 10));
}

#[tokio::test]
async fn what_cannot_succeed_is_not_tried_again() {
    let rig = Rig::new();
    let _worker = rig.start("w");
    let hopeless = rig.queue("fail").await;
    let mut unknown = rig.job(json!({}));
    unknown.kind = "dance".to_owned();
    let unknown = rig.put(unknown).await;
    rig.until_status(hopeless, JobStatus::Failed).await;
    rig.until_status(unknown, JobStatus::Failed).await;
    let job = rig.read(unknown).await;
    assert!(job.error.unwrap().message.contains("\"dance\""));
    assert_eq!((job.attempts, job.dead_reason), (1, None));
}

#[tokio::test]
async fn a_waiting_job_that_is_cancelled_never_runs() {
    let rig = Rig::new();
    let _worker = rig.start_with(rig.parts(), "w", 1);
    let held = rig.queue("hold").await;
    let waiting = rig.queue("done").await;
    until("the slot is taken", || rig.floor.running() == [held]).await;
    let now = rig.clock.now();
    rig.store.tx("cancel", move |tx| tx.cancel_job(waiting, now)).await.unwrap();
    rig.floor.release(held);
    rig.until_status(held, JobStatus::Completed).await;
    quiet().await;
    assert_eq!(
        (rig.status(waiting).await, rig.floor.attempts_of(waiting)),
        (JobStatus::Cancelled, 0)
    );
}

#[tokio::test]
async fn a_running_job_that_is_cancelled_stops_within_a_second() {
    let rig = Rig::new();
    let _worker = rig.start("w");
    let id = rig.queue("hold").await;
    until("it runs", || rig.floor.running() == [id]).await;
    let now = rig.clock.now();
    rig.store.tx("cancel", move |tx| tx.cancel_job(id, now)).await.unwrap();
    rig.pass(1).await;
    rig.until_status(id, JobStatus::Cancelled).await;
    assert_eq!(rig.floor.stopped(), [(id, StopReason::Cancelled)]);
}

#[tokio::test]
async fn a_cancelled_job_that_fails_meanwhile_does_not_come_back() {
    let rig = Rig::new();
    let worker = rig.start("w");
    let id = rig.queue("deaf").await;
    until("it runs", || rig.floor.running() == [id]).await;
    let now = rig.clock.now();
    rig.store.tx("cancel", move |tx| tx.cancel_job(id, now)).await.unwrap();
    rig.pass(1).await;
    assert_eq!(rig.status(id).await, JobStatus::Running, "nobody hears");
    worker.stop.end_now();
    worker.ending().await;
    assert_eq!(rig.status(id).await, JobStatus::Cancelled);
}
