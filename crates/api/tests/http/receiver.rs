//! The receiver of deliveries: raw bytes, no key, one answer for everybody unproven.

use std::time::Duration;

use serde_json::{Value, json};
use syncline_app::{Secret, SettingsSource, signed_headers};
use syncline_domain::WebhookAuth;
use syncline_domain::ports::Clock as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{House, Seen, automation_parts};

const BODY: &[u8] = br#"{"event": "workitem.updated", "item_id": "2", "id": "d-1"}"#;

/// A webhook of the house: where it is called, and its secret.
struct Hook {
    id: i64,
    path: String,
    secret: Secret,
}

async fn hook(house: &House, more: &Value) -> Hook {
    let mut body = json!({"name": "Receiving", "sync_config_id": 1, "connector_id": 1});
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    let made = house.post("/api/webhooks/register", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let webhook = made.json()["webhook"].clone();
    let url = webhook["full_url"].as_str().unwrap().to_owned();
    let path = url.strip_prefix("https://sync.example").expect("PUBLIC_URL").to_owned();
    let secret = Secret::new(webhook["secret"].as_str().unwrap());
    Hook { id: webhook["id"].as_i64().unwrap(), path, secret }
}

async fn send(house: &House, hook: &Hook, secret: &Secret, body: &[u8]) -> Seen {
    let signed = signed_headers(WebhookAuth::Hmac, "", secret, "m", body, house.clock.now());
    let headers: Vec<(&str, &str)> =
        signed.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    house.raw("POST", &hook.path, &headers, Some(body)).await
}

async fn newest(house: &House, hook: &Hook) -> Value {
    house.get(&format!("/api/webhooks/{}/deliveries?limit=1", hook.id)).await.json()["deliveries"]
        [0]
    .clone()
}

#[tokio::test]
async fn a_signed_delivery_is_a_job_and_its_repetition_is_not() {
    let house = House::furnished().await;
    let hook = hook(&house, &json!({"event_types": ["workitem.updated"]})).await;
    let first = send(&house, &hook, &hook.secret, BODY).await;
    assert_eq!(first.status, 202, "{}", first.text());
    let job = first.json()["job_id"].as_str().unwrap().to_owned();
    let status = house.get(&format!("/api/jobs/status/{job}")).await.json()["job"].clone();
    assert_eq!((&status["trigger"], &status["status"]), (&json!("webhook"), &json!("queued")));
    let again = send(&house, &hook, &hook.secret, BODY).await;
    assert_eq!(again.status, 202, "{}", again.text());
    assert_eq!(again.json()["job_id"], first.json()["job_id"]);
    assert_eq!(again.json()["delivery_id"], first.json()["delivery_id"]);

    let other = br#"{"event": "workitem.created", "item_id": "2", "id": "d-2"}"#;
    let ignored = send(&house, &hook, &hook.secret, other).await;
    assert_eq!((ignored.status, ignored.json()["job_id"].clone()), (202, Value::Null));
    assert_eq!(newest(&house, &hook).await["status"], "ignored");

    let row = house.get(&format!("/api/webhooks/{}", hook.id)).await.json()["webhook"].clone();
    assert_eq!(row["trigger_count"], 3, "{row}");
    let id = first.json()["delivery_id"].clone();
    let whole =
        house.get(&format!("/api/webhooks/deliveries/{id}")).await.json()["delivery"].clone();
    assert_eq!(whole["payload"]["item_id"], "2", "{whole}");
    assert_eq!((&whole["delivery_id"], &whole["signature_valid"]), (&json!("d-1"), &json!(true)));
    let hidden = whole["headers"].to_string();
    assert!(!hidden.contains("sha256="), "the log keeps no proof: {hidden}");
}

#[tokio::test]
async fn nobody_unproven_learns_anything() {
    let house = House::furnished().await;
    let known = hook(&house, &json!({})).await;
    let off = hook(&house, &json!({"name": "Off"})).await;
    house.put(&format!("/api/webhooks/{}", off.id), &json!({"is_active": false})).await;
    let wrong = Secret::new("not the secret of anybody at all");
    let unknown = Hook {
        id: 0,
        path: format!("/api/webhooks/receive/webhook_{}", "0".repeat(32)),
        secret: Secret::new("x"),
    };
    let mut words = std::collections::BTreeSet::new();
    for (name, hook, secret, status) in [
        ("wrong", &known, &wrong, 401),
        ("inactive", &off, &off.secret, 404),
        ("unknown", &unknown, &wrong, 404),
    ] {
        let seen = send(&house, hook, secret, BODY).await;
        assert_eq!(seen.status, status, "{name} {}", seen.text());
        words.insert(seen.json()["message"].to_string());
        assert!(seen.json()["details"].is_null(), "{name}");
    }
    let bare = house.raw("POST", &known.path, &[], Some(BODY)).await;
    assert_eq!(bare.status, 401);
    words.insert(bare.json()["message"].to_string());
    assert_eq!(words.len(), 1, "{words:?}");
    let row = newest(&house, &known).await;
    assert_eq!((&row["status"], &row["signature_valid"]), (&json!("rejected"), &json!(false)));
    assert!(row["reason"].as_str().is_some_and(|why| why.len() > 5), "the row says why: {row}");
    assert!(newest(&house, &off).await["reason"].as_str().unwrap().contains("inactive"));
    for method in ["GET", "PUT", "DELETE"] {
        let seen = house.raw(method, &known.path, &[], None).await;
        assert_eq!((seen.status, seen.header("allow")), (405, Some("POST")), "{method}");
    }
}

#[tokio::test]
async fn too_many_failures_of_an_address_do_not_slow_the_proven() {
    let house = House::furnished().await;
    let hook = hook(&house, &json!({})).await;
    let mut last = 0;
    for _ in 0..61 {
        last = house.raw("POST", &hook.path, &[], Some(BODY)).await.status;
    }
    assert_eq!(last, 429);
    let good = send(&house, &hook, &hook.secret, BODY).await;
    assert_eq!(good.status, 202, "{}", good.text());
}

fn bomb() -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut gzip, BODY).unwrap();
    std::io::Write::write_all(&mut gzip, &vec![b' '; 20 * 1024 * 1024]).unwrap();
    gzip.finish().unwrap()
}

#[tokio::test]
async fn bytes_are_taken_as_they_came_or_not_at_all() {
    let house = House::furnished().await;
    let hook = hook(&house, &json!({})).await;
    // A thousand times its size when it is inflated; nobody does.
    let bomb = bomb();
    let gzip = [("content-encoding", "gzip"), ("content-type", "application/json")];
    let seen = house.raw("POST", &hook.path, &gzip, Some(&bomb)).await;
    assert_eq!(seen.status, 415, "{}", seen.text());
    let signed = signed_headers(WebhookAuth::Hmac, "", &hook.secret, "m", &bomb, house.clock.now());
    let (name, value) = &signed[0];
    let both = [("content-encoding", "gzip"), (name.as_str(), value.as_str())];
    assert_eq!(house.raw("POST", &hook.path, &both, Some(&bomb)).await.status, 415);
    let plain = [("content-encoding", "identity"), ("content-type", "text/plain")];
    assert_eq!(house.raw("POST", &hook.path, &plain, Some(BODY)).await.status, 401);

    let large = vec![b' '; 1024 * 1024 + 1];
    assert_eq!(house.raw("POST", &hook.path, &[], Some(&large)).await.status, 413);
    // The largest one that is taken, in many pieces.
    let mut most = BODY.to_vec();
    most.resize(1024 * 1024, b' ');
    let seen = send(&house, &hook, &hook.secret, &most).await;
    assert_eq!(seen.status, 202, "{}", seen.text());
    let row = newest(&house, &hook).await;
    assert_eq!(row["payload_truncated"], true);
    assert_eq!(row["payload"].as_str().map(str::len), Some(8 * 1024));

    for (junk, status) in [(&b"no JSON"[..], 400), (b"{}", 400), (b"", 400), (b"\xff\xfe", 400)] {
        let seen = send(&house, &hook, &hook.secret, junk).await;
        assert_eq!(seen.status, status, "{junk:?} {}", seen.text());
        assert_eq!(newest(&house, &hook).await["status"], "failed");
    }
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_not_waited_for() {
    let house = House::furnished().await;
    let hook = hook(&house, &json!({})).await;
    let mut socket = tokio::net::TcpStream::connect(house.address).await.unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 100\r\n\r\n{{\"ev",
        hook.path
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    house.clock.wait_for_sleepers(1).await;
    house.clock.advance(Duration::from_secs(9));
    house.clock.wait_for_sleepers(1).await;
    house.clock.advance(Duration::from_secs(1));
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("Request Timeout"), "{answer}");
}

#[tokio::test]
async fn a_full_queue_sends_senders_away_for_a_while_and_people_too() {
    let parts = automation_parts(true, 2);
    let house = House::automated(true, parts, SettingsSource::default()).await;
    house.furnish(&[]).await;
    let hook = hook(&house, &json!({})).await;
    let fill = house.post("/api/jobs/queue/1", &json!({})).await;
    assert_eq!(fill.status, 202, "{}", fill.text());
    let full = house.post("/api/jobs/queue/1", &json!({})).await;
    assert_eq!(full.status, 429, "{}", full.text());
    // Another way than the waiting job of the first hook goes: nothing to join.
    house.post(&format!("/api/jobs/{}/cancel", crate::support::JOB), &json!({})).await;
    assert_eq!(house.post("/api/jobs/queue/1", &json!({})).await.status, 202);
    let seen = send(&house, &hook, &hook.secret, BODY).await;
    assert_eq!(seen.status, 503, "{}", seen.text());
    assert!(seen.header("retry-after").is_some_and(|secs| secs != "0"));
    let count = house.get(&format!("/api/webhooks/{}/deliveries", hook.id)).await.json();
    assert_eq!(count["total"], 0, "nothing was taken");
}

#[tokio::test]
async fn no_key_is_asked_for_and_none_is_looked_at() {
    let house = House::furnished().await;
    let hook = hook(&house, &json!({})).await;
    house.key("any", syncline_domain::Role::Admin, None).await;
    let signed = signed_headers(WebhookAuth::Hmac, "", &hook.secret, "m", BODY, house.clock.now());
    let (name, value) = &signed[0];
    for more in [
        ("x-forwarded-for", "10.0.0.7"),
        ("origin", "https://evil.example"),
        ("host", "sync.example"),
        ("authorization", "Bearer sk_unknown"),
    ] {
        let headers = [more, (name.as_str(), value.as_str())];
        let seen = house.raw("POST", &hook.path, &headers, Some(BODY)).await;
        assert_eq!(seen.status, 202, "{more:?} {}", seen.text());
    }
}
