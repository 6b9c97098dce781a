//! The request log shows what was called and nothing that is secret.
#![expect(clippy::unwrap_used, reason = "a test's way to say no")]

#[path = "outbound/support/mod.rs"]
mod support;

use std::sync::Mutex;

use support::{JSON, JumpClock, Server, client, reply};
use syncline_outbound::Request;

struct Lines(Mutex<Vec<String>>);

static LINES: Lines = Lines(Mutex::new(Vec::new()));

impl log::Log for Lines {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {}", record.target(), record.args());
        self.0.lock().unwrap().push(line);
    }

    fn flush(&self) {}
}

#[tokio::test]
async fn the_log_at_trace_level_names_the_call_and_no_secret() {
    log::set_logger(&LINES).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let body = "{\"note\":\"s3cret-of-the-answer\"}";
    let cookie = format!("{JSON}Set-Cookie: s3cret-cookie\r\n");
    let script = vec![reply(500, &cookie, body), reply(200, &cookie, body)];
    let server = Server::start(script).await;
    let client = client(&JumpClock::new());
    let request = Request::post(server.url("/issues.json?key=s3cret-in-query"))
        .query("token", "s3cret-too")
        .secret_header("X-Redmine-API-Key", "s3cret-key")
        .basic("ann", "s3cret-password")
        .json(&"s3cret-body")
        .as_read();
    let answer = client.send(request.clone()).await.unwrap();
    let hook = Request::get(server.url("/services/s3cret-path")).secret_path();
    client.send(hook).await.unwrap();

    let lines = LINES.0.lock().unwrap().clone();
    let ours: Vec<_> = lines.iter().filter(|l| l.starts_with("syncline_outbound")).collect();
    assert_eq!(ours.len(), 3, "{ours:?}");
    let first = ours.first().unwrap();
    for word in ["POST", "/issues.json", "500", "ms", "attempt 1", "127.0.0.1"] {
        assert!(first.contains(word), "{first} has no {word}");
    }
    let all = format!("{lines:?} {request:?} {answer:?}");
    for secret in ["s3cret", "YW5uOnMzY3JldC1wYXNzd29yZA"] {
        assert!(!all.contains(secret), "{secret} shows in {all}");
    }
}
