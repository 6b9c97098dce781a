//! A store that is away, that answers too late, or that takes offence.

use std::sync::Arc;

use crate::common::{Moody, Rig, quiet, until};
use syncline_domain::ports::Store;
use syncline_domain::{Fault, JobStatus};
use syncline_queue::Ending;
use syncline_testkit::{FaultyStore, Moment};

fn moody() -> (Rig, Arc<Moody>) {
    let rig = Rig::new();
    let moody = Moody::new(Arc::clone(&rig.store));
    (rig, moody)
}

fn over(rig: &Rig, store: Arc<dyn Store>) -> crate::common::Worker {
    let mut parts = rig.parts();
    parts.store = store;
    rig.start_with(parts, "w", 3)
}

#[tokio::test]
async fn how_a_job_ended_is_kept_until_the_store_is_back() {
    let (rig, moody) = moody();
    let _worker = over(&rig, moody.clone());
    let id = rig.queue("hold").await;
    until("it runs", || rig.floor.running() == [id]).await;
    moody.go_away();
    rig.floor.release(id);
    rig.pass(20).await;
    assert_eq!((rig.status(id).await, rig.floor.running().len()), (JobStatus::Running, 0));
    let next = rig.queue("done").await;
    moody.come_back();
    rig.pass(5).await;
    assert_eq!(rig.status(id).await, JobStatus::Completed);
    assert_eq!(rig.status(next).await, JobStatus::Completed);
    assert_eq!(rig.floor.attempts_of(id), 1);
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_found_again() {
    let rig = Rig::new();
    let faulty = Arc::new(FaultyStore::new(Arc::clone(&rig.store)));
    let _worker = over(&rig, faulty.clone());
    quiet().await;
    faulty.fail("queue_claim", 1, Moment::AfterCommit);
    let ids = rig.queue_many("done", 2).await;
    rig.pass(1).await;
    for id in ids {
        let job = rig.read(id).await;
        assert_eq!((job.status, job.attempts), (JobStatus::Completed, 1));
        assert_eq!(rig.floor.attempts_of(id), 1);
    }
}

#[tokio::test]
async fn an_end_whose_answer_was_lost_is_recorded_once() {
    let rig = Rig::new();
    let faulty = Arc::new(FaultyStore::new(Arc::clone(&rig.store)));
    let _worker = over(&rig, faulty.clone());
    let id = rig.queue("hold").await;
    until("it runs", || rig.floor.running() == [id]).await;
    quiet().await;
    faulty.fail("queue_turn", 1, Moment::AfterCommit);
    rig.floor.release(id);
    rig.pass(60).await;
    assert_eq!((rig.status(id).await, rig.floor.attempts_of(id)), (JobStatus::Completed, 1));
}

#[tokio::test]
async fn an_end_that_cannot_be_stored_keeps_no_other_waiting() {
    let (rig, moody) = moody();
    let _worker = over(&rig, moody.clone());
    let ids = rig.queue_many("hold", 2).await;
    until("both run", || rig.floor.running().len() == 2).await;
    quiet().await;
    // The store refuses the group once, and then the first of the two alone.
    let (mut groups, mut singles) = (0, 0);
    moody.refuse(move |name| {
        let first = match name {
            "queue_turn" => &mut groups,
            "settle_job" => &mut singles,
            _ => return None,
        };
        *first += 1;
        (*first == 1).then(|| Fault::Internal("a value is too large".to_owned()))
    });
    ids.iter().for_each(|id| rig.floor.release(*id));
    rig.until_status(ids[1], JobStatus::Completed).await;
    rig.pass(40).await;
    assert_eq!(
        rig.status(ids[0]).await,
        JobStatus::Completed,
        "it ran again when its lease had ended"
    );
    assert_eq!((rig.floor.attempts_of(ids[0]), rig.floor.attempts_of(ids[1])), (2, 1));
}

#[tokio::test]
async fn a_worker_that_ends_without_its_store_says_what_it_could_not_record() {
    let (rig, moody) = moody();
    let worker = over(&rig, moody.clone());
    let id = rig.queue("hold").await;
    until("it runs", || rig.floor.running() == [id]).await;
    moody.go_away();
    worker.stop.end_now();
    assert_eq!(worker.ending().await, Ending { released: 0, unsettled: 1 });
    let _next = rig.start("w2");
    rig.pass(45).await;
    assert_eq!(rig.floor.attempts_of(id), 2);
}
