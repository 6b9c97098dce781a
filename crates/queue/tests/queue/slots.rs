//! Who runs when: slots, configurations, order, and the moment of the start.

use std::time::Duration;

use crate::common::{Rig, quiet, until};
use serde_json::json;
use syncline_domain::JobStatus;
use syncline_domain::ports::Clock as _;

#[tokio::test]
async fn three_slots_are_never_exceeded_and_always_used() {
    let rig = Rig::new();
    let ids = rig.queue_many("hold", 20).await;
    let _worker = rig.start("w");
    for (at, id) in ids.iter().enumerate() {
        let expected = 3.min(ids.len() - at);
        until("every slot is taken", || rig.floor.running().len() == expected).await;
        quiet().await;
        assert_eq!(rig.floor.running().len(), expected);
        rig.floor.release(*id);
        rig.until_status(*id, JobStatus::Completed).await;
    }
    assert_eq!((rig.floor.most(), rig.floor.started().len()), (3, 20));
}

#[tokio::test]
async fn the_number_of_slots_changes_while_the_worker_works() {
    let rig = Rig::new();
    let ids = rig.queue_many("hold", 9).await;
    let worker = rig.start("w");
    until("three run", || rig.floor.running().len() == 3).await;
    worker.queue.slots().set(5).unwrap();
    rig.pass(1).await;
    assert_eq!(rig.floor.running().len(), 5);
    worker.queue.slots().set(1).unwrap();
    for id in &ids[..4] {
        rig.floor.release(*id);
        rig.until_status(*id, JobStatus::Completed).await;
    }
    quiet().await;
    assert_eq!(
        rig.floor.running(),
        [ids[4]],
        "running jobs ended in peace and none took their place"
    );
}

#[tokio::test]
async fn one_slow_configuration_cannot_hold_every_slot() {
    let rig = Rig::new();
    let configs = rig.configs(2).await;
    let mut slow = Vec::new();
    for _ in 0..5 {
        let job = rig.job(json!({"do": "hold"}));
        slow.push(rig.put(syncline_domain::NewJob { config_id: Some(configs[0]), ..job }).await);
    }
    let mut quick = Vec::new();
    for _ in 0..5 {
        let job = rig.job(json!({"do": "done"}));
        quick.push(rig.put(syncline_domain::NewJob { config_id: Some(configs[1]), ..job }).await);
    }
    let _worker = rig.start("w");
    for id in &quick {
        rig.until_status(*id, JobStatus::Completed).await;
    }
    assert_eq!(rig.floor.running(), [slow[0]]);
    for id in &slow {
        until("the next one of the slow configuration", || rig.floor.running() == [*id]).await;
        rig.floor.release(*id);
        rig.until_status(*id, JobStatus::Completed).await;
    }
}

#[tokio::test]
async fn higher_priority_goes_first_and_then_who_waits_longer() {
    let rig = Rig::new();
    let late = rig.queue("done").await;
    let mut job = rig.job(json!({"do": "done"}));
    job.run_at = job.run_at.before(Duration::from_secs(60));
    let early = rig.put(job).await;
    let mut job = rig.job(json!({"do": "done"}));
    job.priority = 1;
    let urgent = rig.put(job).await;
    let _worker = rig.start_with(rig.parts(), "w", 1);
    rig.until_status(late, JobStatus::Completed).await;
    let order: Vec<_> = rig.floor.started().into_iter().map(|(id, _)| id).collect();
    assert_eq!(order, [urgent, early, late]);
}

#[tokio::test]
async fn a_queued_job_starts_at_once_without_any_time_passing() {
    let rig = Rig::new();
    let before = rig.clock.monotonic();
    let _worker = rig.start("w");
    quiet().await;
    for _ in 0..10 {
        let id = rig.queue("done").await;
        rig.until_status(id, JobStatus::Completed).await;
    }
    assert_eq!(rig.clock.monotonic(), before);
}

#[tokio::test]
async fn a_job_for_later_starts_at_its_time() {
    let rig = Rig::new();
    let _worker = rig.start("w");
    let mut job = rig.job(json!({"do": "done"}));
    job.run_at = job.run_at.after(Duration::from_millis(90_500));
    let id = rig.put(job).await;
    rig.pass(90).await;
    assert_eq!(rig.status(id).await, JobStatus::Queued);
    rig.clock.run_for(Duration::from_millis(500)).await;
    rig.until_status(id, JobStatus::Completed).await;
}

#[tokio::test]
async fn jumps_of_the_wall_clock_start_nothing_twice_and_stall_nothing() {
    const HOUR: i64 = 3_600_000_000;
    let rig = Rig::new();
    let held = rig.queue("hold").await;
    let _worker = rig.start("w");
    until("it runs", || rig.floor.running() == [held]).await;
    for jump in [HOUR, 24 * HOUR, -HOUR, -24 * HOUR] {
        rig.clock.jump_wall(jump);
        rig.pass(7).await;
        let id = rig.queue("done").await;
        rig.until_status(id, JobStatus::Completed).await;
        rig.pass(60).await;
    }
    assert_eq!(rig.floor.attempts_of(held), 1, "our own lease was taken for a dead worker's");
    rig.floor.release(held);
    rig.until_status(held, JobStatus::Completed).await;
}
