//! Several workers over one store, and workers that die, freeze or come back.

use std::sync::Arc;
use std::time::Duration;

use crate::common::{Rig, quiet, until};
use serde_json::json;
use syncline_domain::ports::{Clock as _, StopReason};
use syncline_domain::{JobOutcome, JobStatus};

#[tokio::test]
async fn a_killed_workers_job_runs_again_within_45_seconds() {
    let rig = Rig::new();
    let dying = rig.start("dying");
    let id = rig.queue("hold").await;
    until("it runs", || rig.floor.running() == [id]).await;
    let _other = rig.start("other");
    // The worst moment: right after a renewal.
    rig.pass(10).await;
    dying.kill().await;
    let killed = rig.clock.monotonic();
    for _ in 0..45 {
        rig.pass(1).await;
        if rig.floor.attempts_of(id) == 2 {
            break;
        }
    }
    assert_eq!(rig.floor.attempts_of(id), 2);
    assert!(rig.clock.monotonic() - killed <= Duration::from_secs(45));
    assert_eq!(rig.read(id).await.attempts, 2);
}

#[tokio::test]
async fn jobs_of_workers_known_to_be_dead_run_again_at_the_start() {
    let rig = Rig::new();
    let dying = rig.start("host/1/a");
    let ids = rig.queue_many("hold", 3).await;
    until("all run", || rig.floor.running().len() == 3).await;
    dying.kill().await;
    let before = rig.clock.monotonic();
    let mut parts = rig.parts();
    parts.is_dead = Arc::new(|holder| holder == "host/1/a");
    let _next = rig.start_with(parts, "host/2/b", 3);
    until("all run again", || rig.floor.running().len() == 3).await;
    assert_eq!(rig.clock.monotonic(), before);
    for id in ids {
        assert_eq!(rig.read(id).await.attempts, 2);
    }
}

#[tokio::test]
async fn a_job_whose_work_was_done_is_settled_without_running_again() {
    let rig = Rig::new();
    let dying = rig.start("dying");
    let (done, open) = (rig.queue("hold").await, rig.queue("hold").await);
    until("both run", || rig.floor.running().len() == 2).await;
    dying.kill().await;
    let mut parts = rig.parts();
    parts.is_dead = Arc::new(|holder| holder == "dying");
    parts.left_behind = Arc::new(move |_, job| {
        let outcome = JobOutcome::Completed { result: Some(json!("found")) };
        Ok((job.id == done).then_some(outcome))
    });
    let _next = rig.start_with(parts, "next", 3);
    rig.until_status(done, JobStatus::Completed).await;
    until("the other runs again", || rig.floor.attempts_of(open) == 2).await;
    assert_eq!(rig.floor.attempts_of(done), 1);
    assert_eq!(rig.read(done).await.result, Some(json!("found")));
}

#[tokio::test]
async fn a_frozen_worker_is_taken_over_and_its_late_end_changes_nothing() {
    let rig = Rig::new();
    let frozen = rig.start_with(rig.parts(), "frozen", 1);
    let id = rig.queue("deaf").await;
    until("it runs", || rig.floor.running() == [id]).await;
    frozen.ice.freeze();
    let _other = rig.start_with(rig.parts(), "other", 1);
    rig.pass(60).await;
    assert_eq!(rig.floor.attempts_of(id), 2, "the other one took it over");
    // Both attempts come to their end at the same moment; the frozen worker wakes up last.
    rig.floor.release(id);
    rig.until_status(id, JobStatus::Completed).await;
    let before = rig.read(id).await;
    frozen.ice.thaw();
    rig.pass(5).await;
    assert_eq!(rig.read(id).await, before);
    let tokens: Vec<i64> = rig.floor.started().iter().map(|(_, token)| *token).collect();
    assert_eq!(before.result, Some(json!({"token": tokens.iter().max()})));
}

#[tokio::test]
async fn a_worker_that_lost_a_job_tells_its_handler() {
    let rig = Rig::new();
    let frozen = rig.start("frozen");
    let id = rig.queue("hold").await;
    until("it runs", || rig.floor.running() == [id]).await;
    frozen.ice.freeze();
    let _other = rig.start("other");
    rig.pass(60).await;
    frozen.ice.thaw();
    until("the handler heard", || rig.floor.stopped() == [(id, StopReason::Lost)]).await;
    quiet().await;
    assert_eq!((rig.status(id).await, rig.floor.running()), (JobStatus::Running, vec![id]));
}

#[tokio::test]
async fn two_workers_share_the_work_and_nothing_runs_twice() {
    let rig = Rig::new();
    let mut ids = Vec::new();
    for _ in 0..200 {
        ids.push(rig.put(rig.job(json!({"do": "sleep", "secs": 1}))).await);
    }
    let (_one, _two) = (rig.start("one"), rig.start("two"));
    rig.pass(40).await;
    assert_eq!(rig.floor.most(), 6);
    let mut started: Vec<_> = rig.floor.started().into_iter().map(|(id, _)| id).collect();
    started.sort();
    assert_eq!(started, ids);
    for id in ids {
        assert_eq!(rig.status(id).await, JobStatus::Completed);
    }
}
