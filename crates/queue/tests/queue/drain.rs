//! The way out.

use crate::common::{Rig, until};
use syncline_domain::JobStatus;
use syncline_domain::ports::{Clock as _, StopReason};
use syncline_queue::Ending;

const PEACE: Ending = Ending { released: 0, unsettled: 0 };

#[tokio::test]
async fn a_stop_takes_nothing_more_and_waits_for_what_runs() {
    let rig = Rig::new();
    let worker = rig.start_with(rig.parts(), "w", 1);
    let ids = rig.queue_many("hold", 2).await;
    until("one runs", || rig.floor.running() == [ids[0]]).await;
    worker.stop.drain();
    rig.pass(20).await;
    assert!(!worker.has_ended());
    rig.floor.release(ids[0]);
    assert_eq!(worker.ending().await, PEACE);
    assert_eq!(rig.status(ids[0]).await, JobStatus::Completed);
    assert_eq!((rig.status(ids[1]).await, rig.floor.attempts_of(ids[1])), (JobStatus::Queued, 0));
}

#[tokio::test]
async fn an_idle_worker_stops_at_once() {
    let rig = Rig::new();
    let worker = rig.start("w");
    let before = rig.clock.monotonic();
    worker.stop.drain();
    assert_eq!(worker.ending().await, PEACE);
    assert_eq!(rig.clock.monotonic(), before);
}

#[tokio::test]
async fn after_25_seconds_running_jobs_are_told_and_hand_themselves_back() {
    let rig = Rig::new();
    let worker = rig.start("w");
    let ids = rig.queue_many("hold", 3).await;
    until("all run", || rig.floor.running().len() == 3).await;
    worker.stop.drain();
    rig.pass(24).await;
    assert_eq!(rig.floor.stopped(), []);
    rig.pass(1).await;
    assert_eq!(worker.ending().await, PEACE);
    assert!(rig.floor.stopped().iter().all(|(_, reason)| *reason == StopReason::Draining));
    for id in ids {
        let job = rig.read(id).await;
        assert_eq!((job.status, job.attempts, job.error), (JobStatus::Queued, 0, None));
        assert!(job.run_at <= rig.clock.now());
    }
}

#[tokio::test]
async fn who_does_not_hear_is_ended_and_handed_back_within_30_seconds() {
    let rig = Rig::new();
    let worker = rig.start("w");
    let id = rig.queue("deaf").await;
    until("it runs", || rig.floor.running() == [id]).await;
    worker.stop.drain();
    rig.pass(30).await;
    assert_eq!(worker.ending().await, Ending { released: 1, unsettled: 0 });
    assert_eq!(rig.floor.running(), []);
    let job = rig.read(id).await;
    assert_eq!((job.status, job.attempts), (JobStatus::Queued, 0));
    let _next = rig.start("w2");
    until("it runs again", || rig.floor.attempts_of(id) == 2).await;
    assert_eq!(rig.read(id).await.attempts, 1);
}

#[tokio::test]
async fn a_second_stop_ends_everything_at_once() {
    let rig = Rig::new();
    let worker = rig.start("w");
    let ids = [rig.queue("deaf").await, rig.queue("hold").await];
    until("both run", || rig.floor.running().len() == 2).await;
    let before = rig.clock.monotonic();
    worker.stop.drain();
    crate::common::quiet().await;
    worker.stop.end_now();
    assert_eq!(worker.ending().await, Ending { released: 2, unsettled: 0 });
    assert_eq!(rig.clock.monotonic(), before);
    for id in ids {
        let job = rig.read(id).await;
        assert_eq!((job.status, job.attempts), (JobStatus::Queued, 0));
    }
}
