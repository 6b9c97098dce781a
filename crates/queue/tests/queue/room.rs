//! The limit on waiting jobs.

use std::sync::Arc;

use crate::common::Rig;
use serde_json::json;
use syncline_domain::ports::StoreExt as _;
use syncline_domain::{Enqueued, Fault, NewJob, WaitingRoom};

async fn put(rig: &Rig, room: &Arc<WaitingRoom>, job: &NewJob) -> Result<Enqueued, Fault> {
    let (room, job) = (Arc::clone(room), job.clone());
    rig.store.tx("put", move |tx| room.enqueue(tx, &job)).await
}

async fn waiting(rig: &Rig) -> u64 {
    rig.store.view("count", |tx| tx.count_waiting_jobs()).await.unwrap()
}

#[tokio::test]
async fn no_job_is_put_in_while_the_queue_is_full() {
    for limit in [1, 2, 3, 10, 100] {
        let rig = Rig::new();
        let room = Arc::new(WaitingRoom::new(limit));
        let job = rig.job(json!({"do": "done"}));
        let mut taken = 0;
        for _ in 0..limit * 2 {
            match put(&rig, &room, &job).await {
                Ok(_) => taken += 1,
                Err(Fault::Busy(message)) => assert!(message.contains("MAX_QUEUE_SIZE")),
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!((taken, waiting(&rig).await), (limit, limit));
        // Whoever is done makes room for exactly one.
        let now = rig.clock_now();
        rig.store
            .tx("cancel", move |tx| {
                let job = tx.jobs(&Default::default(), 1)?;
                tx.cancel_job(job[0].id, now)
            })
            .await
            .unwrap();
        assert!(put(&rig, &room, &job).await.is_ok());
        assert!(put(&rig, &room, &job).await.is_err());
    }
}

#[tokio::test]
async fn joining_a_waiting_job_takes_no_room() {
    let rig = Rig::new();
    let room = Arc::new(WaitingRoom::new(2));
    let mut job = rig.job(json!({"do": "done"}));
    job.fold_key = Some("a".to_owned());
    assert!(!put(&rig, &room, &job).await.unwrap().folded);
    for _ in 0..5 {
        assert!(put(&rig, &room, &job).await.unwrap().folded);
    }
    let other = rig.job(json!({"do": "done"}));
    put(&rig, &room, &other).await.unwrap();
    assert!(put(&rig, &room, &job).await.unwrap().folded, "it is full, but this one joins");
    job.fold_key = Some("b".to_owned());
    assert!(matches!(put(&rig, &room, &job).await, Err(Fault::Busy(_))));
    assert_eq!(waiting(&rig).await, 2);
    let full = Arc::clone(&room);
    assert!(rig.store.view("full", move |tx| full.is_full(tx)).await.unwrap());
}
