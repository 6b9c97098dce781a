//! Nothing secret comes back, in no reply and in no log line.

use serde_json::json;
use syncline_domain::ports::{ConnectorError, ErrorKind};
use syncline_testkit::Method;

use crate::support::{House, captured_logs, routes};

/// What a careless copy of a secret could look like.
fn disguises(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let escaped: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    vec![secret.to_owned(), hex.to_uppercase(), hex, escaped, base64(secret.as_bytes())]
}

fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks_exact(3) {
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for shift in [18, 12, 6, 0] {
            text.push(char::from(SIGNS[usize::try_from((bits >> shift) & 63).unwrap()]));
        }
    }
    text
}

#[tokio::test]
async fn planted_secrets_never_come_back() {
    let house = House::furnished().await;
    let secrets: Vec<String> =
        (0..20).map(|n| format!("planted-{n:02}-kT9xQ2vWz7RbY4mJ")).collect();
    for (n, secret) in secrets.iter().enumerate() {
        let mut body = json!({
            "name": format!("Planted {n}"), "connector_type": "fakebugs", "auth_type": "pat",
            "base_url": "https://planted.example", "credentials": {"token": secret, "apiKey": secret}
        });
        // Each third goes astray first: a wrong field, a wrong type, a taken name.
        match n % 3 {
            0 => body["auth_type"] = json!("odd"),
            1 => body["credentials"]["password"] = json!([secret]),
            _ => body["name"] = json!("Bugs"),
        }
        let refused = house.post("/api/connectors", &body).await;
        assert!(matches!(refused.status, 400 | 409), "{}", refused.text());
        assert!(matches!(house.post("/api/connectors/test", &body).await.status, 200 | 400));
        body["auth_type"] = json!("pat");
        body["name"] = json!(format!("Planted {n}"));
        body["credentials"] = json!({"token": secret});
        let made = house.post("/api/connectors", &body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let id = made.json()["connector_id"].clone();
        let change = json!({"credentials": {"token": format!("{secret}-new")}});
        assert_eq!(house.put(&format!("/api/connectors/{id}"), &change).await.status, 200);
        house.get(&format!("/api/connectors/{id}")).await;
        house.post(&format!("/api/connectors/{id}/test"), &json!({})).await;
    }
    house
        .bugs
        .fail_always(Method::Describe, ConnectorError::new(ErrorKind::Auth, "the key is refused"));
    for route in routes() {
        house.send(route.method, &route.target(), &[], route.body.as_ref()).await;
    }
    let keys = [house.key("one", syncline_domain::Role::Admin, None).await];
    let auth = format!("Bearer {}", keys[0]);
    for route in routes() {
        let headers = [("authorization", auth.as_str())];
        house.send(route.method, &route.target(), &headers, route.body.as_ref()).await;
    }
    let audit = house.store_text().await;
    let everything = format!("{}\n{}\n{audit}", house.bodies(), captured_logs());
    for secret in secrets.iter().chain(&keys).chain([&"s3cret-of-the-house".to_owned()]) {
        for disguise in disguises(secret) {
            let found = everything.find(&disguise).map(|at| {
                everything[at.saturating_sub(80)..].chars().take(200).collect::<String>()
            });
            assert_eq!(found, None, "{secret}");
        }
    }
}
