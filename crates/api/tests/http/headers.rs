//! What every reply says to browsers, and what the framing of requests may be.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{House, automation_parts, routes};
use syncline_app::SettingsSource;

const ALWAYS: [(&str, &str); 3] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
];

#[tokio::test]
async fn every_reply_carries_the_safe_headers_errors_too() {
    let house = House::furnished().await;
    for route in routes() {
        for (method, target, headers) in [
            (route.method, route.target(), vec![]),
            (route.method, format!("{}/nosuch", route.target()), vec![]),
            ("BREW", route.target(), vec![]),
            (route.method, route.target(), vec![("x-forwarded-for", "10.0.0.7")]),
            (route.method, route.target(), vec![("origin", "http://evil.example")]),
        ] {
            let seen = house.send(method, &target, &headers, route.body.as_ref()).await;
            let place = format!("{method} {target} {headers:?} {}", seen.status);
            for (name, value) in ALWAYS {
                assert_eq!(seen.header(name), Some(value), "{name}: {place}");
            }
            let policy = seen.header("content-security-policy").unwrap_or_default();
            for part in [
                "default-src 'self'",
                "frame-ancestors 'none'",
                "base-uri 'none'",
                "form-action 'self'",
            ] {
                assert!(policy.contains(part), "{part}: {place}");
            }
            assert!(!policy.contains("unsafe"), "{place}");
            assert!(seen.header("x-request-id").is_some(), "{place}");
        }
    }
}

#[tokio::test]
async fn only_a_server_behind_tls_says_that_browsers_must_use_it() {
    let tls = House::new().await;
    for target in ["/api/connectors", "/api/nosuch", "/health", "/api/docs/"] {
        let seen = tls.get(target).await;
        assert_eq!(seen.header("strict-transport-security"), Some("max-age=31536000"), "{target}");
    }
    let mut parts = automation_parts(true, 10);
    parts.public_url = "http://localhost:3000".to_owned();
    let plain = House::automated(true, parts, SettingsSource::default()).await;
    assert_eq!(plain.get("/api/connectors").await.header("strict-transport-security"), None);
}

/// Sends these bytes, and reads until the server closes.
async fn say(house: &House, text: &str) -> String {
    let mut socket = TcpStream::connect(house.address).await.unwrap();
    socket.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A server that has seen enough may reset the connection.
    let _ = tokio::time::timeout(Duration::from_secs(20), socket.read_to_end(&mut answer))
        .await
        .expect("the server closes the connection");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn requests_whose_end_is_in_doubt_are_refused_and_nothing_after_them_is_read() {
    let house = House::new().await;
    let next = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for framing in [
        "Content-Length: 6\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 6",
        "Content-Length: 6\r\nContent-Length: 7",
        "Content-Length: 6\r\nContent-Length: 6",
        "Content-Length: 6, 7",
        "Content-Length: -1",
        "Content-Length: +6",
        "Content-Length: 0x6",
        "Content-Length: 99999999999999999999",
        "Content-Length : 6",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    ] {
        let text = format!(
            "POST /api/connectors/test HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             {framing}\r\n\r\n0\r\n\r\n{next}"
        );
        let answer = say(&house, &text).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{framing}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{framing}: {answer}");
    }
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let house = House::new().await;
    let many: String = (0..97).map(|at| format!("x-{at}: 1\r\n")).collect();
    let large = format!("x-large: {}\r\n", "x".repeat(256 * 1024));
    for head in [many, large] {
        let answer =
            say(&house, &format!("GET /health HTTP/1.1\r\nHost: localhost\r\n{head}\r\n")).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert_eq!(house.get("/health").await.status, 200);
}

#[tokio::test]
async fn idle_connections_of_one_address_do_not_shut_out_another() {
    let house = House::new().await;
    let mut idle = Vec::new();
    for _ in 0..600 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        idle.push(socket.connect(house.address).await.unwrap());
    }
    assert_eq!(house.get("/health").await.status, 200);
    let mut closed = 0;
    for socket in &mut idle[512..] {
        let read = socket.read(&mut [0; 1]).await;
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
        closed += 1;
    }
    assert_eq!(closed, 88);
    drop(idle);
}
