//! `Idempotency-Key`.

use std::time::Duration;

use serde_json::json;
use syncline_domain::Role;
use syncline_testkit::{Method, Planned};

use crate::support::House;

const SYNC: &str = "/api/execute/sync/1";

#[tokio::test]
async fn the_same_key_with_the_same_body_gets_the_first_reply_and_another_body_is_refused() {
    let house = House::furnished().await;
    let body = json!({"dry_run": true});
    let key = [("idempotency-key", "k1")];
    let first = house.send("POST", SYNC, &key, Some(&body)).await;
    assert_eq!(first.status, 200, "{}", first.text());
    let again = house.send("POST", SYNC, &key, Some(&body)).await;
    assert_eq!((again.status, again.json()), (200, first.json()));
    let runs = house.get("/api/executions").await.json();
    assert_eq!(runs["total"], 1, "the second request started nothing");
    let other = house.send("POST", SYNC, &key, Some(&json!({"dry_run": true, "full": true}))).await;
    assert_eq!(other.status, 422, "{}", other.text());
    let fresh = house.send("POST", SYNC, &[("idempotency-key", "k2")], Some(&body)).await;
    assert_ne!(fresh.json()["execution_id"], first.json()["execution_id"]);
    house.clock.advance(Duration::from_secs(24 * 3_600 + 1));
    let late = house.send("POST", SYNC, &key, Some(&body)).await;
    assert_ne!(late.json()["execution_id"], first.json()["execution_id"], "a day is over");
}

#[tokio::test]
async fn a_failed_request_may_be_sent_again_under_its_key() {
    let house = House::furnished().await;
    let key = [("idempotency-key", "k")];
    let off = house.put("/api/sync-configs/1", &json!({"is_active": false})).await;
    assert_eq!(off.status, 200);
    let refused = house.send("POST", SYNC, &key, Some(&json!({}))).await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    house.put("/api/sync-configs/1", &json!({"is_active": true})).await;
    let done = house.send("POST", SYNC, &key, Some(&json!({}))).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let long = "k".repeat(201);
    let seen = house.send("POST", SYNC, &[("idempotency-key", &long)], Some(&json!({}))).await;
    assert_eq!(seen.status, 400);
}

#[tokio::test]
async fn one_persons_key_says_nothing_to_another() {
    let house = House::furnished().await;
    let body = json!({"dry_run": true});
    let mut ids = Vec::new();
    for name in ["ada", "bob"] {
        let auth = format!("Bearer {}", house.key(name, Role::Operator, None).await);
        let headers = [("authorization", auth.as_str()), ("idempotency-key", "same")];
        ids.push(
            house.send("POST", SYNC, &headers, Some(&body)).await.json()["execution_id"].clone(),
        );
    }
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_repeat_during_the_work_is_told_so_and_work_outlives_its_connection() {
    let house = House::furnished().await;
    // The tracker answers only when the clock moves on.
    house.bugs.plan(Method::Changes, 1, Planned::Slow(Duration::from_secs(30)));
    let body = b"{\"dry_run\": true}";
    let head = format!(
        "POST {SYNC} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nIdempotency-Key: k\r\n\
         Content-Length: {}\r\n\r\n",
        house.address,
        body.len()
    );
    let mut socket = tokio::net::TcpStream::connect(house.address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut socket, head.as_bytes()).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut socket, body).await.unwrap();
    let running = |house: &House| house.app.runs().running().len();
    while running(&house) == 0 {
        tokio::task::yield_now().await;
    }
    let key = [("idempotency-key", "k")];
    let early = house.send("POST", SYNC, &key, Some(&json!({"dry_run": true}))).await;
    assert_eq!(early.status, 409, "{}", early.text());
    let other = house.post(SYNC, &json!({})).await;
    assert_eq!(other.status, 409, "{}", other.text());
    assert_eq!(other.json()["execution_id"], 1, "the run that is going on is named");
    drop(socket);
    house.clock.wait_for_sleepers(1).await;
    while running(&house) > 0 {
        house.clock.advance(Duration::from_secs(5));
        tokio::task::yield_now().await;
    }
    // The reply is kept a moment after the run has left the desk.
    let mut late = house.send("POST", SYNC, &key, Some(&json!({"dry_run": true}))).await;
    while late.status == 409 {
        late = house.send("POST", SYNC, &key, Some(&json!({"dry_run": true}))).await;
    }
    assert_eq!(
        (late.status, late.json()["execution_id"].clone()),
        (200, json!(1)),
        "{}",
        late.text()
    );
}
