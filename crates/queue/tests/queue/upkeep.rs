//! Cutting back what grows.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{Rig, quiet};
use syncline_domain::ports::StoreExt as _;
use syncline_domain::{Fault, JobStatus};
use syncline_queue::{Chore, StopSignal, Upkeep};

fn upkeep(rig: &Rig, chores: Vec<Chore>) -> Upkeep {
    Upkeep { store: Arc::clone(&rig.store), clock: Arc::new(rig.clock.clone()), chores }
}

#[tokio::test]
async fn rows_go_in_batches_with_a_pause_between_them() {
    let rig = Rig::new();
    let left = Arc::new(AtomicU64::new(1_200));
    let batches = Arc::new(Mutex::new(Vec::new()));
    let (rows, seen) = (Arc::clone(&left), Arc::clone(&batches));
    let chore = Chore::new("rows", move |_, _, limit| {
        let gone = rows.load(Ordering::SeqCst).min(u64::try_from(limit).unwrap());
        rows.fetch_sub(gone, Ordering::SeqCst);
        seen.lock().unwrap().push(gone);
        Ok(gone)
    });
    let upkeep = upkeep(&rig, vec![chore]);
    let round = tokio::spawn(async move { upkeep.round().await });
    quiet().await;
    assert_eq!(*batches.lock().unwrap(), [500], "writers get the store between two batches");
    rig.clock.run_for(Duration::from_secs(1)).await;
    assert_eq!(round.await.unwrap(), 1_200);
    assert_eq!(*batches.lock().unwrap(), [500, 500, 200]);
}

#[tokio::test]
async fn it_goes_round_at_the_start_and_every_hour_and_a_chore_that_fails_keeps_no_other() {
    let rig = Rig::new();
    let rounds = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&rounds);
    let chores = vec![
        Chore::new("broken", |_, _, _| Err(Fault::Unavailable("away".to_owned()))),
        Chore::new("counted", move |_, _, _| {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(0)
        }),
    ];
    let (upkeep, stop) = (upkeep(&rig, chores), StopSignal::new());
    let signal = stop.clone();
    let task = tokio::spawn(async move { upkeep.run(signal).await });
    quiet().await;
    assert_eq!(rounds.load(Ordering::SeqCst), 1);
    rig.pass(2 * 3_600).await;
    assert_eq!(rounds.load(Ordering::SeqCst), 3);
    stop.drain();
    task.await.unwrap();
}

#[tokio::test]
async fn jobs_beyond_the_history_go_when_they_are_old() {
    const DAY: u64 = 86_400;
    let rig = Rig::new();
    let worker = rig.start("w");
    let old = rig.queue_many("done", 5).await;
    for id in &old {
        rig.until_status(*id, JobStatus::Completed).await;
    }
    worker.kill().await;
    rig.clock.advance(Duration::from_secs(31 * DAY));
    let waiting = rig.queue("done").await;
    let chore = Chore::new("jobs", |tx, now, limit| {
        tx.prune_jobs(2, now.before(Duration::from_secs(30 * DAY)), limit)
    });
    assert_eq!(upkeep(&rig, vec![chore]).round().await, 3);
    let left = rig.store.view("left", |tx| tx.jobs(&Default::default(), 10)).await.unwrap();
    let left: Vec<_> = left.into_iter().map(|job| job.id).collect();
    assert_eq!(left, [waiting, old[4], old[3]]);
}
