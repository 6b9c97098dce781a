//! Requests that wait for the store at the same time.

use std::sync::Arc;

use crate::support::{HeldStore, Rig, event, named};
use serde_json::Value;
use syncline_domain::{DeliveryStatus, Fault};
use syncline_webhooks::{Answer, Receiver};
use tokio::task::JoinSet;

/// Sends all of them and lets them wait, then lets them go; answers in the order of the bodies.
async fn together(
    rig: &Rig,
    (held, receiver): &(Arc<HeldStore>, Arc<Receiver>),
    bodies: &[Value],
) -> Vec<Answer> {
    let mut answers = queue(rig, receiver, bodies).await;
    held.let_go();
    collect(&mut answers).await
}

type Waiting = JoinSet<(usize, Answer)>;

async fn queue(rig: &Rig, receiver: &Arc<Receiver>, bodies: &[Value]) -> Waiting {
    let mut answers = Waiting::new();
    for (at, body) in bodies.iter().enumerate() {
        let (receiver, request) = (Arc::clone(receiver), rig.signed(body));
        answers.spawn(async move { (at, receiver.receive(request).await) });
    }
    // The runtime of these tests has one thread.
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    answers
}

async fn collect(waiting: &mut Waiting) -> Vec<Answer> {
    let mut answers = Vec::new();
    while let Some(answer) = waiting.join_next().await {
        answers.push(answer.unwrap());
    }
    answers.sort_by_key(|(at, _)| *at);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

fn accepted(answers: &[Answer]) -> usize {
    answers.iter().filter(|answer| matches!(answer, Answer::Accepted { .. })).count()
}

#[tokio::test]
async fn they_go_in_one_transaction_and_are_one_job() {
    let rig = Rig::new().await;
    let process = rig.held_process(10_000);
    let bodies: Vec<Value> =
        (0..40).map(|n| named(&(n % 30).to_string(), &n.to_string())).collect();
    let answers = together(&rig, &process, &bodies).await;
    assert_eq!((accepted(&answers), process.0.passed()), (40, 1));
    let (jobs, log) = (rig.jobs().await, rig.log().await);
    assert_eq!((jobs.len(), log.len()), (1, 40));
    assert_eq!(rig.items(&jobs[0]).await.len(), 30);
    assert_eq!(rig.stored().await.trigger_count, 40);
    for (answer, (body, row)) in answers.iter().zip(bodies.iter().zip(log.iter().rev())) {
        let Answer::Accepted { job_id: Some(job), delivery_id } = answer else {
            panic!("{answer:?}")
        };
        assert!(job.names(&jobs[0]));
        assert_eq!((*delivery_id, row.payload.clone()), (row.id, body.to_string()));
    }
}

#[tokio::test]
async fn too_many_items_are_more_than_one_transaction() {
    let rig = Rig::new().await;
    let process = rig.held_process(10_000);
    let bodies: Vec<Value> = (0..3)
        .map(|n| {
            let items: Vec<String> = (0..600).map(|item| (n * 1_000 + item).to_string()).collect();
            serde_json::json!({"event": "workitem.updated", "items": items})
        })
        .collect();
    let answers = together(&rig, &process, &bodies).await;
    assert_eq!((accepted(&answers), process.0.passed()), (3, 3));
    assert_eq!(rig.jobs().await[0].item_count, 1_800);
}

#[tokio::test]
async fn copies_of_one_are_known_from_the_first() {
    let rig = Rig::new().await;
    let process = rig.held_process(10_000);
    let answers = together(&rig, &process, &vec![named("4", "once"); 5]).await;
    let Answer::Accepted { job_id, delivery_id } = answers[0] else { panic!("{answers:?}") };
    let copy = Answer::Duplicate { job_id, delivery_id };
    assert_eq!(answers[1..], [copy.clone(), copy.clone(), copy.clone(), copy]);
    let log = rig.log().await;
    assert_eq!(log.iter().filter(|row| row.status == DeliveryStatus::Duplicate).count(), 4);
    assert_eq!(rig.stored().await.trigger_count, 5);
}

#[tokio::test]
async fn each_gets_its_own_verdict() {
    let rig = Rig::new().await;
    rig.send(&named("1", "old")).await;
    let process = rig.held_process(10_000);
    let bodies = [
        named("2", "new"),
        serde_json::json!("text"),
        named("1", "old"),
        serde_json::json!({"event": "ping"}),
    ];
    let answers = together(&rig, &process, &bodies).await;
    assert!(matches!(answers[0], Answer::Accepted { .. }), "{answers:?}");
    assert!(matches!(answers[1], Answer::Unusable { .. }), "{answers:?}");
    assert!(matches!(answers[2], Answer::Duplicate { .. }), "{answers:?}");
    assert!(matches!(answers[3], Answer::Ignored { .. }), "{answers:?}");
    assert_eq!(process.0.passed(), 1);
}

/// What was proven by a webhook that was switched off while it waited is not taken in.
#[tokio::test]
async fn a_change_of_the_webhook_counts_for_those_that_wait() {
    let rig = Rig::new().await;
    let (held, receiver) = rig.held_process(10_000);
    let mut waiting = queue(&rig, &receiver, &[event("1"), event("2")]).await;
    let mut row = rig.stored().await;
    row.is_active = false;
    rig.tx(move |tx| tx.update_webhook(&row)).await;
    held.let_go();
    assert_eq!(collect(&mut waiting).await, [Answer::NotFound, Answer::NotFound]);
    assert!(rig.jobs().await.is_empty());
    assert_eq!(rig.stored().await.trigger_count, 0);
}

#[tokio::test]
async fn what_fails_together_goes_alone() {
    let rig = Rig::new().await;
    let process = rig.held_process(10_000);
    process.0.fail_next(Fault::Internal("one of them is odd".to_owned()));
    let answers = together(&rig, &process, &[event("1"), event("2"), event("3")]).await;
    assert_eq!((accepted(&answers), process.0.passed()), (3, 4));
    assert_eq!((rig.log().await.len(), rig.stored().await.trigger_count), (3, 3));
}

/// It may have been committed: whoever sends it again is known by its name, and doing it again here would double rows.
#[tokio::test]
async fn what_nobody_knows_of_is_not_done_again() {
    let rig = Rig::new().await;
    let process = rig.held_process(10_000);
    process.0.fail_next(Fault::Unavailable("gone".to_owned()));
    let answers = together(&rig, &process, &[event("1"), event("2")]).await;
    assert!(answers.iter().all(|answer| matches!(answer, Answer::Unavailable { .. })));
    assert_eq!((process.0.passed(), rig.log().await.len()), (1, 0));
    // And those that come afterwards are taken in.
    let later = process.1.receive(rig.signed(&event("3"))).await;
    assert!(matches!(later, Answer::Accepted { .. }), "{later:?}");
}

#[tokio::test]
async fn a_full_queue_puts_all_of_them_off_and_keeps_nothing() {
    let rig = Rig::new().await;
    let config = rig.config;
    rig.tx(move |tx| tx.enqueue(&syncline_testkit::rows::new_job(Some(config)))).await;
    let process = rig.held_process(1);
    let answers = together(&rig, &process, &[event("1"), event("2")]).await;
    assert!(answers.iter().all(|answer| matches!(answer, Answer::Busy { .. })), "{answers:?}");
    assert_eq!((rig.log().await.len(), rig.jobs().await.len()), (0, 1));
}

/// A sender that hangs up takes nobody with it, and what it sent is kept.
#[tokio::test]
async fn whoever_goes_away_keeps_no_other_waiting() {
    let rig = Rig::new().await;
    let (held, receiver) = rig.held_process(10_000);
    let mut first = queue(&rig, &receiver, &[event("1")]).await;
    let mut second = queue(&rig, &receiver, &[event("2")]).await;
    first.abort_all();
    assert!(first.join_next().await.unwrap().unwrap_err().is_cancelled());
    held.let_go();
    assert_eq!(accepted(&collect(&mut second).await), 1);
    assert_eq!((rig.log().await.len(), held.passed()), (2, 1));
}
