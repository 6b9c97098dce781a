//! Taking requests in: what becomes of them, and what is in the store afterwards.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{Plan, Rig, event, from_peer, incoming, named};
use serde_json::json;
use syncline_domain::ports::Clock;
use syncline_domain::{DeliveryStatus, Direction, RunDirection, SyncJob};
use syncline_testkit::Moment;
use syncline_webhooks::{Answer, Limits};

#[tokio::test]
async fn an_accepted_request_has_a_job_a_row_and_a_count() {
    let rig = Rig::new().await;
    let Answer::Accepted { job_id: Some(key), delivery_id } = rig.send(&event("4")).await else {
        panic!("not accepted");
    };
    let (jobs, log) = (rig.jobs().await, rig.log().await);
    assert_eq!((jobs.len(), log.len()), (1, 1));
    assert!(key.names(&jobs[0]));
    assert_eq!(rig.items(&jobs[0]).await, ["4"]);
    let payload: SyncJob = serde_json::from_value(jobs[0].payload.clone()).unwrap();
    assert_eq!(payload.direction, Some(RunDirection::SourceToTarget));
    let row = &log[0];
    assert_eq!((row.id, row.job_id), (delivery_id, Some(jobs[0].id)));
    assert_eq!((row.status, row.response_code), (DeliveryStatus::Success, 202));
    assert_eq!(row.event_type.as_deref(), Some("workitem.updated"));
    assert!(row.signature_valid);
    let stored = rig.stored().await;
    assert_eq!((stored.trigger_count, stored.last_triggered_at), (1, Some(row.created_at)));
}

#[tokio::test]
async fn the_happy_path_is_one_transaction_and_no_further_look() {
    let rig = Rig::new().await;
    rig.send(&named("1", "a")).await;
    let before = rig.faulty.log().len();
    rig.send(&named("1", "b")).await;
    assert_eq!(rig.faulty.log()[before..], ["webhook accept"]);
}

/// The same thin body before, during and after the run that it caused: the last edit always arrives.
#[tokio::test]
async fn equal_bodies_meet_only_in_a_job_that_nobody_has_begun() {
    let rig = Rig::new().await;
    rig.send(&event("4")).await;
    rig.send(&event("4")).await;
    let first = rig.claim().await;
    assert_eq!(first.len(), 1, "two bodies before the run are one job");
    rig.send(&event("4")).await;
    rig.send(&event("4")).await;
    assert!(rig.claim().await.is_empty(), "one run of a configuration at a time");
    rig.complete(&first[0]).await;
    rig.clock.advance(Limits::default().settle);
    let second = rig.claim().await;
    assert_eq!(second.len(), 1, "what came during the run has a run of its own");
    assert_eq!(rig.items(&second[0]).await, ["4"]);
    rig.complete(&second[0]).await;
    rig.send(&event("4")).await;
    rig.clock.advance(Limits::default().settle);
    assert_eq!(rig.claim().await.len(), 1, "and what comes after it");
    assert!(rig.log().await.iter().all(|row| row.status == DeliveryStatus::Success));
}

#[tokio::test]
async fn a_burst_is_one_job_and_every_delivery_a_row() {
    let rig = Rig::new().await;
    for n in 0..1_000 {
        let item = (n % 7).to_string();
        let answer = rig.send(&named(&item, &n.to_string())).await;
        assert!(matches!(answer, Answer::Accepted { .. }), "{answer:?}");
    }
    let jobs = rig.jobs().await;
    assert_eq!((jobs.len(), rig.log().await.len()), (1, 1_000));
    assert_eq!(rig.items(&jobs[0]).await.len(), 7);
    assert_eq!(rig.stored().await.trigger_count, 1_000);
}

/// A thousand events of one item in ten seconds, under a worker that is done with each run at once.
#[tokio::test]
async fn however_often_an_item_changes_two_runs_are_enough_and_the_last_one_comes_last() {
    let rig = Rig::new().await;
    let (mut runs, mut last_run) = (0, rig.clock.now());
    let mut work = async || {
        for job in rig.claim().await {
            (runs, last_run) = (runs + 1, rig.clock.now());
            rig.complete(&job).await;
        }
        (runs, last_run)
    };
    for _ in 0..1_000 {
        rig.send(&event("4")).await;
        let (runs, _) = work().await;
        assert_eq!(runs, 1, "the first event of a quiet item starts its run at once");
        rig.clock.advance(Duration::from_millis(10));
    }
    let last_event = rig.clock.now().before(Duration::from_millis(10));
    let (runs, at) = work().await;
    assert_eq!(runs, 2);
    assert!(at > last_event, "what the last event told is read after it");
    // And then it is quiet again.
    rig.clock.advance(Duration::from_secs(60));
    assert_eq!(work().await.0, 2);
    rig.send(&event("4")).await;
    assert_eq!(work().await.0, 3);
}

#[tokio::test]
async fn an_item_that_waits_keeps_no_other_and_is_not_pulled_along() {
    let rig = Rig::new().await;
    rig.send(&event("4")).await;
    let first = rig.claim().await.remove(0);
    rig.complete(&first).await;
    rig.clock.advance(Duration::from_secs(1));
    rig.send(&event("4")).await;
    assert!(rig.claim().await.is_empty());
    rig.send(&event("5")).await;
    let other = rig.claim().await.remove(0);
    assert_eq!(rig.items(&other).await, ["5"]);
    rig.complete(&other).await;
    // Of two items one is new: both begin at once.
    rig.send(&json!({"event": "workitem.updated", "items": ["4", "6"]})).await;
    let both = rig.claim().await.remove(0);
    assert_eq!(rig.items(&both).await, ["4", "6"]);
    rig.complete(&both).await;
    // A clock that was set back makes nobody wait for an hour.
    rig.clock.jump_wall(-3_600_000_000);
    rig.send(&event("4")).await;
    rig.clock.advance(Limits::default().settle);
    assert_eq!(rig.claim().await.len(), 1);
}

#[tokio::test]
async fn nothing_waits_when_the_wait_is_zero_or_a_person_waits() {
    let rig = Rig::new().await;
    rig.send(&event("4")).await;
    let first = rig.claim().await.remove(0);
    rig.complete(&first).await;
    let delivery = rig.log().await[0].id;
    rig.receiver.replay(delivery).await.unwrap();
    assert_eq!(rig.claim().await.len(), 1);

    let none = Limits { settle: Duration::ZERO, ..Limits::default() };
    let eager = Rig::with(Plan { limits: none, ..Plan::default() }).await;
    for _ in 0..3 {
        eager.send(&event("4")).await;
        let job = eager.claim().await.remove(0);
        eager.complete(&job).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_copies_of_one_delivery_are_one_job() {
    let rig = Arc::new(Rig::new().await);
    let mut tasks = Vec::new();
    for _ in 0..200 {
        let rig = Arc::clone(&rig);
        tasks.push(tokio::spawn(async move { rig.send(&named("4", "once")).await }));
    }
    let (mut accepted, mut duplicates) = (Vec::new(), Vec::new());
    for task in tasks {
        match task.await.unwrap() {
            Answer::Accepted { job_id, delivery_id } => accepted.push((job_id, delivery_id)),
            Answer::Duplicate { job_id, delivery_id } => duplicates.push((job_id, delivery_id)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((accepted.len(), duplicates.len()), (1, 199));
    assert!(duplicates.iter().all(|one| *one == accepted[0]), "each is told the first one's ids");
    assert_eq!(rig.jobs().await.len(), 1);
    let log = rig.log().await;
    let copies: Vec<_> = log.iter().filter(|row| row.status == DeliveryStatus::Duplicate).collect();
    assert_eq!(copies.len(), 199);
    assert!(copies.iter().all(|row| row.duplicate_of == Some(accepted[0].1)));
}

#[tokio::test]
async fn a_duplicate_is_answered_with_the_first_ids_even_after_the_run() {
    let rig = Rig::new().await;
    let Answer::Accepted { job_id, delivery_id } = rig.send(&named("4", "x")).await else {
        panic!("not accepted");
    };
    let job = rig.claim().await.remove(0);
    rig.complete(&job).await;
    assert_eq!(rig.send(&named("4", "x")).await, Answer::Duplicate { job_id, delivery_id });
    assert!(rig.claim().await.is_empty());
    assert_eq!(rig.jobs().await.len(), 1);
}

#[tokio::test]
async fn names_that_a_database_cannot_hold_are_told_apart_all_the_same() {
    let rig = Rig::new().await;
    for odd in ["a\u{0}b", &"x".repeat(5_000), "line\nbreak"] {
        assert!(matches!(rig.send(&named("4", odd)).await, Answer::Accepted { .. }));
        assert!(matches!(rig.send(&named("4", odd)).await, Answer::Duplicate { .. }));
    }
    let log = rig.log().await;
    assert!(log.iter().all(|row| row.delivery_id.as_ref().unwrap().len() <= 200));
}

#[tokio::test]
async fn a_hook_of_the_target_runs_the_other_way_or_only_notes_the_call() {
    let two_way = Rig::with(Plan { from_target: true, ..Plan::default() }).await;
    two_way.send(&event("4")).await;
    let jobs = two_way.jobs().await;
    let payload: SyncJob = serde_json::from_value(jobs[0].payload.clone()).unwrap();
    assert_eq!(payload.direction, Some(RunDirection::TargetToSource));

    let one_way = Plan { from_target: true, direction: Direction::OneWay, ..Plan::default() };
    let rig = Rig::with(one_way).await;
    let answer = rig.send(&event("4")).await;
    assert!(matches!(answer, Answer::Accepted { job_id: None, .. }), "{answer:?}");
    assert!(rig.jobs().await.is_empty());
    let row = rig.log().await.remove(0);
    assert_eq!((row.status, row.response_code), (DeliveryStatus::Success, 202));
    assert!(row.reason.unwrap().contains("one way"));
}

#[tokio::test]
async fn only_subscribed_events_queue_a_job() {
    let events = vec!["workitem.created".to_owned()];
    let rig = Rig::with(Plan { events, ..Plan::default() }).await;
    let ignored = rig.send(&event("4")).await;
    assert!(matches!(&ignored, Answer::Ignored { reason, .. } if reason.contains("subscribed")));
    let ping = rig.send(&json!({"event": "ping"})).await;
    assert!(matches!(&ping, Answer::Ignored { reason, .. } if reason.contains("no item")));
    assert!(rig.jobs().await.is_empty());
    let long = rig.send(&json!({"event": "x".repeat(9_000)})).await;
    assert!(matches!(&long, Answer::Ignored { reason, .. } if reason.len() < 400));
    let log = rig.log().await;
    assert!(log.iter().all(|r| r.status == DeliveryStatus::Ignored && r.response_code == 202));
    assert_eq!(log[2].event_type.as_deref(), Some("workitem.updated"));
    let created = json!({"event": "thing.opened", "items": ["4"]});
    assert!(matches!(rig.send(&created).await, Answer::Accepted { .. }));
}

#[tokio::test]
async fn an_inactive_configuration_queues_nothing() {
    let rig = Rig::new().await;
    let id = rig.config;
    rig.tx(move |tx| {
        let mut config = tx.config(id)?.unwrap();
        config.is_active = false;
        tx.update_config(&config)
    })
    .await;
    let answer = rig.send(&event("4")).await;
    assert!(matches!(&answer, Answer::Ignored { reason, .. } if reason.contains("inactive")));
    assert!(rig.jobs().await.is_empty());
}

#[tokio::test]
async fn a_proven_body_of_no_use_is_refused_and_says_why() {
    let rig = Rig::new().await;
    let many: Vec<String> = (0..2_000).map(|n| n.to_string()).collect();
    let cases = [
        (json!("text"), "names no event"),
        (json!({"event": "workitem.updated", "items": ["a\u{0}b"]}), "no item id"),
        (json!({"event": "workitem.updated", "items": ["9".repeat(300)]}), "no item id"),
        (json!({"event": "workitem.updated", "items": many}), "more than 1000"),
    ];
    for (body, words) in cases {
        let answer = rig.send(&body).await;
        assert!(
            matches!(&answer, Answer::Unusable { reason, .. } if reason.contains(words)),
            "{answer:?}"
        );
        let row = rig.log().await.remove(0);
        assert_eq!((row.status, row.response_code), (DeliveryStatus::Failed, 400));
        assert!(row.reason.unwrap().contains(words));
    }
    assert!(rig.jobs().await.is_empty());
}

#[tokio::test]
async fn unknown_inactive_and_forged_say_nothing_more_than_that() {
    let rig = Rig::new().await;
    for token in ["webhook_00000000000000000000000000000000", "webhook_1", "", "%00", "x"] {
        let headers = [("x-hub-signature-256".to_owned(), "sha256=00".to_owned())];
        let answer = rig.receiver.receive(incoming(token, &headers, b"{}".to_vec())).await;
        assert_eq!(answer, Answer::NotFound, "{token:?}");
    }
    assert!(rig.log().await.is_empty());
    assert_eq!(rig.receiver.receive(rig.forged(&event("4"))).await, Answer::Rejected);
    let mut row = rig.stored().await;
    row.is_active = false;
    rig.tx(move |tx| tx.update_webhook(&row)).await;
    assert_eq!(rig.receiver.receive(rig.forged(&event("4"))).await, Answer::NotFound);
    assert_eq!(rig.send(&event("4")).await, Answer::NotFound);
    let log = rig.log().await;
    let told: Vec<_> =
        log.iter().rev().map(|row| (row.response_code, row.signature_valid)).collect();
    assert_eq!(told, [(401, false), (404, false), (404, true)]);
    assert!(log.iter().all(|row| row.status == DeliveryStatus::Rejected));
    assert!(log[0].reason.as_ref().unwrap().contains("inactive"));
    assert!(log[2].reason.as_ref().unwrap().contains("secret"));
    assert_eq!(rig.stored().await.trigger_count, 0);
    assert!(rig.jobs().await.is_empty());
}

#[tokio::test]
async fn a_webhook_changed_by_another_process_counts_at_once() {
    let rig = Rig::new().await;
    rig.send(&event("1")).await;
    let mut row = rig.stored().await;
    row.event_types = vec!["workitem.deleted".to_owned()];
    rig.tx({
        let row = row.clone();
        move |tx| tx.update_webhook(&row)
    })
    .await;
    assert!(matches!(rig.send(&event("1")).await, Answer::Ignored { .. }));
    row.is_active = false;
    rig.tx(move |tx| tx.update_webhook(&row)).await;
    assert_eq!(rig.send(&event("1")).await, Answer::NotFound);
    let id = rig.webhook.id;
    rig.tx(move |tx| tx.delete_webhook(id)).await;
    assert_eq!(rig.send(&event("1")).await, Answer::NotFound);
}

#[tokio::test]
async fn a_full_queue_leaves_nothing_half_written() {
    let rig = Rig::with(Plan { room: 1, ..Plan::default() }).await;
    rig.send(&event("1")).await;
    let running = rig.claim().await.remove(0);
    rig.send(&event("2")).await;
    // One waits, and it takes this one in.
    assert!(matches!(rig.send(&event("3")).await, Answer::Accepted { .. }));
    rig.complete(&running).await;
    let rows = rig.log().await.len();
    let next = rig.claim().await.remove(0);
    let (config, now) = (rig.config, Clock::now(&rig.clock));
    rig.tx(move |tx| {
        let mut job = syncline_testkit::rows::new_job(Some(config));
        job.run_at = now;
        tx.enqueue(&job)
    })
    .await;
    let answer = rig.send(&event("4")).await;
    assert_eq!(answer, Answer::Busy { retry_after: Duration::from_secs(30) });
    assert_eq!(rig.log().await.len(), rows, "no row");
    assert_eq!(rig.jobs().await.len(), 3, "no job");
    assert_eq!(rig.stored().await.trigger_count, 3, "no count");
    drop(next);
}

#[tokio::test]
async fn while_the_store_is_away_senders_are_asked_to_come_back() {
    let rig = Rig::new().await;
    let away = Answer::Unavailable { retry_after: Duration::from_secs(10) };
    rig.faulty.fail("webhook open", 1, Moment::BeforeCommit);
    assert_eq!(rig.send(&event("4")).await, away);
    rig.faulty.fail("webhook accept", 1, Moment::BeforeCommit);
    assert_eq!(rig.send(&event("4")).await, away);
    assert!(rig.log().await.is_empty() && rig.jobs().await.is_empty());
    // Written, but the answer was lost: what the sender sends again is known by its name.
    rig.faulty.fail("webhook accept", 1, Moment::AfterCommit);
    assert_eq!(rig.send(&named("4", "n")).await, away);
    assert!(matches!(rig.send(&named("4", "n")).await, Answer::Duplicate { .. }));
    assert_eq!(rig.jobs().await.len(), 1);
    // A failure is no reason to call a sender unproven.
    rig.faulty.fail("webhook open", 1, Moment::BeforeCommit);
    assert_eq!(rig.receiver.receive(rig.forged(&event("4"))).await, away);
}

#[tokio::test]
async fn failures_are_limited_by_address_and_proven_senders_never_feel_it() {
    let rig = Rig::new().await;
    let (mut rejected, mut told) = (0, 0);
    for n in 0..500 {
        match rig.receiver.receive(rig.forged(&event("4"))).await {
            Answer::Rejected => rejected += 1,
            Answer::TooManyFailures { retry_after } => {
                assert!(retry_after > Duration::ZERO && retry_after <= Duration::from_secs(60));
                told += 1;
            }
            other => panic!("{other:?}"),
        }
        // From the same address.
        let fine = rig.send(&event(&n.to_string())).await;
        assert!(matches!(fine, Answer::Accepted { .. }), "{fine:?}");
    }
    assert_eq!((rejected, told), (60, 440));
    let rejected_rows =
        rig.log().await.iter().filter(|row| row.status == DeliveryStatus::Rejected).count();
    assert_eq!(rejected_rows, 60);
    rig.receiver.flush().await.unwrap();
    assert_eq!(rig.stored().await.unlogged_rejections, 440);
    rig.clock.advance(Duration::from_secs(61));
    assert_eq!(rig.receiver.receive(rig.forged(&event("4"))).await, Answer::Rejected);
}

#[tokio::test]
async fn rejected_rows_are_limited_over_all_addresses() {
    let rig = Rig::new().await;
    let bad = [("x-hub-signature-256".to_owned(), format!("sha256={}", "0".repeat(64)))];
    for n in 0..300 {
        let peer = format!("2001:db8:{n:x}::1");
        let request = from_peer(&rig.webhook.token, &bad, b"{}".to_vec(), &peer);
        assert_eq!(rig.receiver.receive(request).await, Answer::Rejected);
    }
    assert_eq!(rig.log().await.len(), 60);
    // The next row brings the count along.
    rig.clock.advance(Duration::from_secs(61));
    rig.receiver.receive(rig.forged(&event("4"))).await;
    assert_eq!(rig.stored().await.unlogged_rejections, 240);
    // One network of IPv6 is one sender.
    let mut told = 0;
    for n in 0..100 {
        let peer = format!("2001:db8:ffff:1::{n:x}");
        let request = from_peer(&rig.webhook.token, &bad, b"{}".to_vec(), &peer);
        told += u32::from(rig.receiver.receive(request).await != Answer::Rejected);
    }
    assert_eq!(told, 40);
}

#[tokio::test]
async fn a_limit_on_proven_requests_puts_them_off() {
    let limits = Limits { proven_per_minute: Some(5), ..Limits::default() };
    let rig = Rig::with(Plan { limits, ..Plan::default() }).await;
    for n in 0..5 {
        assert!(matches!(rig.send(&event(&n.to_string())).await, Answer::Accepted { .. }));
    }
    assert_eq!(rig.send(&event("6")).await, Answer::Busy { retry_after: Duration::from_secs(60) });
    assert_eq!(rig.log().await.len(), 5);
    rig.clock.advance(Duration::from_secs(60));
    assert!(matches!(rig.send(&event("6")).await, Answer::Accepted { .. }));
}

#[tokio::test]
async fn no_row_holds_a_secret() {
    for auth in syncline_domain::WebhookAuth::ALL {
        let rig = Rig::with(Plan {
            auth: *auth,
            metadata: json!({"header_name": "X-Our-Own"}),
            ..Plan::default()
        })
        .await;
        assert!(matches!(rig.send(&event("4")).await, Answer::Accepted { .. }), "{auth}");
        rig.receiver.receive(rig.forged(&event("4"))).await;
        for row in rig.log().await {
            let text = format!("{row:?}");
            assert!(!text.contains(rig.secret.expose()), "{auth}: {text}");
            assert!(!text.contains("not the secret of this webhook"), "{auth}: {text}");
        }
        let shown =
            format!("{:?} {:?} {:?}", rig.secret, rig.signed(&event("4")), rig.stored().await);
        assert!(!shown.contains(rig.secret.expose()), "{auth}");
    }
}

#[tokio::test]
async fn the_body_of_an_unproven_request_is_kept_in_part() {
    let rig = Rig::new().await;
    let long = json!({"event": "x".repeat(500_000)});
    rig.receiver.receive(rig.forged(&long)).await;
    assert_eq!(rig.log().await[0].payload.len(), 64 * 1024);
    let bytes = vec![0xff, 0, b'x'];
    let none: [(String, String); 0] = [];
    rig.receiver.receive(incoming(&rig.webhook.token, &none, bytes)).await;
    assert_eq!(rig.log().await[0].payload, "\u{FFFD}\u{FFFD}x");
}

#[tokio::test]
async fn a_test_goes_the_real_way() {
    let rig = Rig::new().await;
    // Nothing is in step yet: verified and recorded.
    let answer = rig.receiver.test(rig.webhook.id, None).await.unwrap();
    assert!(matches!(answer, Answer::Ignored { .. }), "{answer:?}");
    let config = rig.config;
    rig.tx(move |tx| tx.insert_pair(&syncline_testkit::rows::pair_row(config, "11", "22"))).await;
    let answer = rig.receiver.test(rig.webhook.id, None).await.unwrap();
    assert!(matches!(answer, Answer::Accepted { job_id: Some(_), .. }), "{answer:?}");
    let log = rig.log().await;
    assert_eq!(log[0].item_ids[0].as_str(), "11");
    assert_eq!(log[0].reason.as_deref(), Some("a test"));
    assert!(log[0].signature_valid);
    assert!(rig.receiver.test(99.into(), None).await.is_err());
}

#[tokio::test]
async fn a_replay_is_no_duplicate_and_mends_what_was_rejected() {
    for auth in syncline_domain::WebhookAuth::ALL {
        let rig = Rig::with(Plan { auth: *auth, ..Plan::default() }).await;
        let Answer::Accepted { delivery_id, .. } = rig.send(&named("4", "n")).await else {
            panic!("{auth}: not accepted");
        };
        let done = rig.claim().await.remove(0);
        rig.complete(&done).await;
        let again = rig.receiver.replay(delivery_id).await.unwrap();
        assert!(matches!(again, Answer::Accepted { job_id: Some(_), .. }), "{auth}: {again:?}");
        assert_eq!(rig.claim().await.len(), 1, "{auth}");
        let row = rig.log().await.remove(0);
        assert_eq!(row.reason, Some(format!("a replay of delivery {delivery_id}")));
    }
    let rig = Rig::new().await;
    rig.receiver.receive(rig.forged(&event("5"))).await;
    let rejected = rig.log().await.remove(0).id;
    assert!(matches!(rig.receiver.replay(rejected).await.unwrap(), Answer::Accepted { .. }));
}

/// The wall clock may be set meanwhile: the time of the work is measured by the other one.
#[tokio::test]
async fn the_time_until_the_verdict_is_measured_by_the_monotonic_clock() {
    let rig = Rig::new().await;
    let clock = rig.clock.clone();
    let slow = rig.process_reading_by(crate::support::Slow(clock));
    let answer = slow.receive(rig.signed(&event("4"))).await;
    assert!(matches!(answer, Answer::Accepted { .. }));
    assert_eq!(rig.log().await[0].processing_time_ms, 145);
}
