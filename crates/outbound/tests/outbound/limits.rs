//! One limiter a credential: pauses, slots and intervals are shared by all of its clients.

use std::time::Duration;

use crate::support::{JSON, JumpClock, Reply, Server, config, ok, outbound, reply};
use syncline_domain::ports::ErrorKind;
use syncline_outbound::{Failure, Limits, Request, Sent, with_timeout};

#[tokio::test]
async fn a_good_answer_with_retry_after_pauses_everybody_on_the_credential() {
    let slow = format!("{JSON}Retry-After: 30\r\nX-RateLimit-Remaining: 12\r\n");
    let server = Server::start(vec![reply(200, &slow, "{}"), ok()]).await;
    let clock = JumpClock::new();
    let outbound = outbound(&clock, config());
    let first = outbound.credential("connector 1", Limits::default());
    let second = outbound.credential("connector 1", Limits::default());
    let other = outbound.credential("connector 2", Limits::default());
    let get = || Request::get(server.url("/"));

    let answer = first.send(get()).await.unwrap();
    assert_eq!(answer.retry_after, Some(Duration::from_secs(30)));
    let budget = second.budget();
    assert_eq!(budget.paused_for, Duration::from_secs(30));
    assert_eq!((budget.remaining, budget.pauses), (Some(12.0), 1));

    other.send(get()).await.unwrap();
    assert!(clock.slept().is_empty(), "another credential does not wait");
    second.send(get()).await.unwrap();
    assert_eq!(clock.slept(), [Duration::from_secs(30)]);
    assert_eq!(outbound.budgets().len(), 2);
}

#[tokio::test]
async fn used_up_budgets_and_delays_pause_too() {
    let table = [
        ("X-RateLimit-Delay: 2.500\r\n", 2_500),
        ("X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 45\r\n", 45_000),
        ("RateLimit-Remaining: 0\r\nRateLimit-Reset: 9\r\n", 9_000),
        ("X-RateLimit-Remaining: 1\r\nX-RateLimit-Reset: 45\r\n", 0),
        ("Retry-After: soon\r\n", 0),
    ];
    for (headers, pause) in table {
        let server = Server::start(vec![reply(200, &format!("{JSON}{headers}"), "{}")]).await;
        let client = outbound(&JumpClock::new(), config()).credential("c", Limits::default());
        client.send(Request::get(server.url("/"))).await.unwrap();
        assert_eq!(client.budget().paused_for, Duration::from_millis(pause), "{headers}");
    }
}

#[tokio::test]
async fn a_pause_longer_than_a_call_sits_out_is_told_and_nothing_is_sent() {
    let server = Server::start(vec![reply(429, "Retry-After: 3600\r\n", ""), ok()]).await;
    let clock = JumpClock::new();
    let client = outbound(&clock, config()).credential("c", Limits::default());
    for _ in 0..10 {
        let request = Request::post(server.url("/")).json(&1);
        let error = client.send(request).await.unwrap_err();
        assert_eq!(error.sent, Sent::No);
        assert!(matches!(error.failure, Failure::RateLimited { .. }));
        let error = error.into_connector_error(true);
        assert_eq!(error.kind, ErrorKind::RateLimited);
        assert_eq!(error.retry_after, Some(Duration::from_secs(3_600)));
    }
    assert_eq!(server.count(), 1, "nothing inside Retry-After");
    assert!(clock.slept().is_empty());
    clock.advance(Duration::from_secs(3_600));
    client.send(Request::get(server.url("/"))).await.unwrap();
}

#[tokio::test]
async fn refusals_without_a_time_slow_the_whole_credential_down() {
    let server = Server::start(vec![reply(429, "", ""), reply(429, "", ""), ok()]).await;
    let clock = JumpClock::new();
    let client = outbound(&clock, config()).credential("c", Limits::default());
    client.send(Request::get(server.url("/"))).await.unwrap();
    let waits: Duration = clock.slept().iter().sum();
    assert_eq!(waits, Duration::from_millis(500 + 1_000));
}

#[tokio::test]
async fn only_so_many_calls_run_at_once() {
    let held = || Reply::Held(b"HTTP/1.1 204 X\r\nConnection: close\r\n\r\n".to_vec());
    let server = Server::start(vec![held()]).await;
    let limits = Limits { max_in_flight: 2, ..Limits::default() };
    let outbound = outbound(&JumpClock::new(), config());
    let calls: Vec<_> = (0..6)
        .map(|_| {
            let client = outbound.credential("c", limits);
            let request = Request::get(server.url("/"));
            tokio::spawn(async move { client.send(request).await })
        })
        .collect();
    server.wait_for(2).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.count(), 2);
    assert_eq!(outbound.credential("c", limits).budget().in_flight, 2);
    server.release();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status, 204);
    }
    assert_eq!(server.count(), 6);
    assert_eq!(outbound.credential("c", limits).budget().in_flight, 0);
}

#[tokio::test]
async fn starts_keep_their_distance() {
    let server = Server::start(vec![ok()]).await;
    let clock = JumpClock::new();
    let limits = Limits { min_interval: Duration::from_secs(2), ..Limits::default() };
    let client = outbound(&clock, config()).credential("c", limits);
    for _ in 0..3 {
        client.send(Request::get(server.url("/"))).await.unwrap();
    }
    assert_eq!(clock.slept(), [Duration::from_secs(2); 2]);
}

#[tokio::test]
async fn with_timeout_gives_the_work_or_the_end() {
    let clock = JumpClock::new();
    let long = Duration::from_secs(5_000);
    let done = with_timeout(clock.as_ref(), long, std::future::ready(7)).await;
    assert_eq!(done, Ok(7));
    let late = with_timeout(clock.as_ref(), Duration::from_secs(1), std::future::pending::<()>());
    assert_eq!(late.await.unwrap_err().0, Duration::from_secs(1));
}
