//! What each fault of a server becomes, and how often it is asked.
#![expect(clippy::unwrap_used, reason = "a test's way to say no")]

use std::io::{self, Write as _};
use std::sync::Arc;

use crate::support::{JSON, JumpClock, Reply, Server, client, config, ok, outbound, reply};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use syncline_domain::ports::{BoxFuture, ErrorKind, FileSink, HeldFile};
use syncline_outbound::{Expect, Failure, Limits, OutboundError, Request, Response, Sent};

fn close() -> Reply {
    Reply::Bytes(Vec::new())
}

fn truncated() -> Reply {
    let head = format!("HTTP/1.1 200 OK\r\n{JSON}Content-Length: 500\r\n\r\n{{\"a\":");
    Reply::Bytes(head.into_bytes())
}

fn cut_chunks() -> Reply {
    let head = format!("HTTP/1.1 200 OK\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n5\r\n[1,2,\r\n");
    Reply::Bytes(head.into_bytes())
}

/// `200`, `429 RateLimited`, ... : an answer's status, or the error's kind as a connector hands it on.
fn told(outcome: &Result<Response, OutboundError>, write: bool) -> String {
    match outcome {
        Ok(answer) => answer.status.to_string(),
        Err(error) => format!("{:?}", error.clone().into_connector_error(write).kind),
    }
}

#[tokio::test]
async fn each_fault_is_repeated_only_where_that_is_safe() {
    let read = |url| Request::get(url);
    let write = |url| Request::post(url).json(&1);
    let query = |url| Request::post(url).json(&1).as_read();
    let undone = |url| Request::post(url).json(&1).undone_on_503();
    let status = |code| reply(code, JSON, "{}");
    let later = |code| reply(code, "Retry-After: 7\r\n", "");
    type Make<'a> = &'a dyn Fn(syncline_outbound::Url) -> Request;
    let table: Vec<(&str, Make<'_>, Vec<Reply>, &str, usize)> = vec![
        ("good", &read, vec![ok()], "200", 1),
        ("500 then good", &read, vec![status(500), status(502), ok()], "200", 3),
        ("query by post", &query, vec![status(503), status(504), ok()], "200", 3),
        ("500 for ever", &read, vec![status(500)], "500", 4),
        ("write 500", &write, vec![status(500), ok()], "500", 1),
        ("write 502", &write, vec![status(502), ok()], "502", 1),
        ("write 503 with time", &write, vec![later(503), ok()], "503", 1),
        ("write 503 documented", &undone, vec![later(503), ok()], "200", 2),
        ("documented, but no time", &undone, vec![status(503), ok()], "503", 1),
        ("read 429", &read, vec![later(429), ok()], "200", 2),
        ("write 429", &write, vec![later(429), status(429), ok()], "200", 3),
        ("429 for ever", &write, vec![later(429)], "RateLimited", 4),
        ("501", &read, vec![status(501), ok()], "501", 1),
        ("404", &read, vec![status(404), ok()], "404", 1),
        ("401", &read, vec![status(401), ok()], "401", 1),
        ("no answer", &read, vec![close(), ok()], "200", 2),
        ("no answer to a write", &write, vec![close(), ok()], "Ambiguous", 1),
        ("truncated", &read, vec![truncated(), cut_chunks(), ok()], "200", 3),
        ("truncated for ever", &read, vec![truncated()], "Unavailable", 4),
        ("write truncated", &write, vec![truncated(), ok()], "Ambiguous", 1),
        ("write cut", &write, vec![cut_chunks(), ok()], "Ambiguous", 1),
    ];
    for (name, make, script, expected, calls) in table {
        let server = Server::start(script).await;
        let request = make(server.url("/x"));
        let is_write = request.is_write();
        let outcome = client(&JumpClock::new()).send(request).await;
        assert_eq!(told(&outcome, is_write), expected, "{name}");
        assert_eq!(server.count(), calls, "{name}: calls");
    }
}

#[tokio::test]
async fn failed_statuses_have_a_usual_reading() {
    use ErrorKind::{
        Ambiguous, Auth, Invalid, NotFound, Permission, Protocol, Unavailable, VersionConflict,
    };
    // status, as a read, as a write
    let table = [
        (302, Protocol, Protocol),
        (400, Invalid, Invalid),
        (401, Auth, Auth),
        (403, Permission, Permission),
        (404, NotFound, NotFound),
        (408, Unavailable, Ambiguous),
        (409, VersionConflict, VersionConflict),
        (410, NotFound, NotFound),
        (412, VersionConflict, VersionConflict),
        (422, Invalid, Invalid),
        (500, Unavailable, Ambiguous),
        (503, Unavailable, Ambiguous),
    ];
    for (status, read, write) in table {
        let server = Server::start(vec![reply(status, "Retry-After: 3\r\n", "no")]).await;
        let request = Request::get(server.url("/p")).attempts(1);
        let answer = client(&JumpClock::new()).send(request).await.unwrap();
        assert_eq!(answer.status_error(false).kind, read, "{status}");
        let error = answer.status_error(true);
        assert_eq!(error.kind, write, "{status}");
        assert_eq!(error.retry_after.unwrap().as_secs(), 3);
        assert!(error.detail.contains("/p") && error.detail.contains(&status.to_string()));
    }
}

async fn failure_of(answer: Reply) -> OutboundError {
    let server = Server::start(vec![answer]).await;
    let mut config = config();
    config.body_cap = 4 << 20;
    let client = outbound(&JumpClock::new(), config).credential("c", Limits::default());
    let error = client.send(Request::get(server.url("/x"))).await.unwrap_err();
    assert_eq!(server.count(), 1, "not repeated: {error}");
    assert_eq!(error.sent, Sent::Answered);
    error
}

#[tokio::test]
async fn hostile_answers_fail_cleanly() {
    let cap = 4 << 20;
    let html = failure_of(reply(203, "Content-Type: text/html\r\n", "<form>")).await;
    assert_eq!(
        html.failure,
        Failure::ContentType { found: "text/html".to_owned(), status: 203, html: true }
    );
    assert!(html.advice().unwrap().contains("sign-in"));

    let deep = "[".repeat(10_000);
    let deep = failure_of(reply(200, JSON, deep)).await;
    assert_eq!(deep.failure, Failure::TooDeep);

    let announced = format!("HTTP/1.1 200 OK\r\n{JSON}Content-Length: 1073741824\r\n\r\n");
    let announced = failure_of(Reply::Stall(announced.into_bytes())).await;
    assert_eq!(announced.failure, Failure::TooLarge { cap });
    assert!(announced.is_too_large());

    let head = format!("HTTP/1.1 200 OK\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n");
    let piece = format!("10000\r\n{}\r\n", " ".repeat(65_536));
    let endless = failure_of(Reply::Endless(head.into_bytes(), piece.into_bytes())).await;
    assert_eq!(endless.failure, Failure::TooLarge { cap });

    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(&vec![b' '; 64 << 20]).unwrap();
    let bomb = bomb.finish().unwrap();
    let gzip = format!("{JSON}Content-Encoding: gzip\r\n");
    let bomb = failure_of(reply(200, &gzip, bomb)).await;
    assert_eq!(bomb.failure, Failure::TooLarge { cap });

    let brotli = format!("{JSON}Content-Encoding: br\r\n");
    let brotli = failure_of(reply(200, &brotli, "x")).await;
    assert!(matches!(brotli.failure, Failure::Json(_)));

    for error in [html, deep, announced, endless, bomb, brotli] {
        assert_eq!(error.clone().into_connector_error(false).kind, ErrorKind::Protocol);
        assert_eq!(error.into_connector_error(true).kind, ErrorKind::Ambiguous);
    }
}

#[tokio::test]
async fn a_failed_status_survives_an_unreadable_page() {
    let bad = "Content-Encoding: gzip\r\nContent-Type: text/html\r\n";
    let server = Server::start(vec![reply(401, bad, "no gzip")]).await;
    let answer = client(&JumpClock::new()).send(Request::get(server.url("/"))).await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (401, 0));
}

#[tokio::test]
async fn gzip_is_inflated_and_a_smaller_cap_holds() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(b"{\"text\":\"gr\xc3\xbc\xc3\x9fe\"}").unwrap();
    let body = encoder.finish().unwrap();
    let gzip = format!("{JSON}Content-Encoding: GZIP\r\n");
    let server = Server::start(vec![reply(200, &gzip, body)]).await;
    let client = client(&JumpClock::new());
    let answer = client.send(Request::get(server.url("/"))).await.unwrap();
    let value: Value = answer.json().unwrap();
    assert_eq!(value["text"], "grüße");
    let request = server.seen().concat().to_lowercase();
    assert!(request.contains("accept-encoding: gzip\r\n"), "{request}");
    assert!(request.contains("accept: application/json\r\n"), "{request}");
    assert!(request.contains("user-agent: syncline/"), "{request}");
    let small = client.send(Request::get(server.url("/")).cap(10)).await.unwrap_err();
    assert_eq!(small.failure, Failure::TooLarge { cap: 10 });
}

/// A disk without room.
struct Full;

impl FileSink for Full {
    fn begin(&self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn take<'a>(&'a self, _: &'a [u8]) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async { Err(io::Error::from(io::ErrorKind::StorageFull)) })
    }
}

#[tokio::test]
async fn a_file_is_handed_on_as_it_comes_and_anew_for_each_try() {
    // Larger than the cap of answers, which does not hold for files; by chance it looks like deep JSON.
    let file = vec![b'['; 70 << 20];
    let script = vec![truncated(), reply(500, JSON, "{}"), reply(200, JSON, file.clone())];
    let server = Server::start(script).await;
    let client = client(&JumpClock::new());
    let held = HeldFile::new("old");
    let get = |cap| Request::get(server.url("/")).cap(cap);
    let answer = client.send(get(file.len()).save_to(held.clone())).await.unwrap();
    assert_eq!((answer.status, answer.body.len(), server.count()), (200, 0, 3));
    assert!(held.bytes() == file);
    let cap = file.len() - 1;
    let large = client.send(get(cap).save_to(held.clone())).await.unwrap_err();
    assert_eq!(large.failure, Failure::TooLarge { cap });

    let count = server.count();
    let full = client.send(get(file.len()).save_to(Arc::new(Full))).await.unwrap_err();
    assert!(matches!(full.failure, Failure::Unkept(_)), "{full}");
    assert_eq!(server.count(), count + 1, "another try would not fit either");
    let told = full.into_connector_error(false);
    assert!(told.what_to_do.unwrap().contains("TMPDIR"));
}

#[tokio::test]
async fn what_is_said_of_a_failure_does_not_get_into_the_file() {
    let server = Server::start(vec![reply(404, JSON, "{\"error\": \"gone\"}")]).await;
    let held = HeldFile::new("old");
    let get = Request::get(server.url("/")).save_to(held.clone());
    let answer = client(&JumpClock::new()).send(get).await.unwrap();
    assert_eq!((answer.status, answer.body.as_ref()), (404, &b"{\"error\": \"gone\"}"[..]));
    assert_eq!(held.bytes(), b"old");
}

#[tokio::test]
async fn an_empty_success_is_fine_and_broken_json_is_told_apart() {
    let script = vec![
        reply(204, "", ""),
        reply(200, "", "{\"a\": 1}"),
        reply(200, JSON, "{\"a\": "),
        reply(200, JSON, "{'secret': 1}"),
        reply(200, JSON, "{\"a\": \"secret\"}"),
        reply(200, "Content-Type: text/plain\r\n", "plain"),
    ];
    let server = Server::start(script).await;
    let client = client(&JumpClock::new());
    let get = || client.send(Request::get(server.url("/")));
    assert!(get().await.unwrap().body.is_empty());
    assert_eq!(get().await.unwrap().json::<Value>().unwrap()["a"], 1);
    let half = get().await.unwrap().json::<Value>().unwrap_err();
    assert_eq!(half.failure, Failure::Truncated);
    let syntax = get().await.unwrap().json::<Value>().unwrap_err();
    assert!(syntax.to_string().contains("syntax"), "{syntax}");
    let shape = get().await.unwrap().json::<Vec<u8>>().unwrap_err();
    assert!(!shape.to_string().contains("secret"), "{shape}");
    let bytes = client.send(Request::get(server.url("/")).expect(Expect::Bytes)).await.unwrap();
    assert_eq!(bytes.text_line(), "plain");
}

#[tokio::test]
async fn redirects_are_answers() {
    let other = Server::start(vec![ok()]).await;
    let to = format!("Location: {}\r\n", other.url("/_signin"));
    for status in [301, 302, 303, 307, 308] {
        let server = Server::start(vec![reply(status, &to, "")]).await;
        let request = Request::get(server.url("/")).bearer("token");
        let answer = client(&JumpClock::new()).send(request).await.unwrap();
        assert!(answer.is_redirect());
        assert!(answer.location().unwrap().ends_with("/_signin"));
    }
    assert_eq!(other.count(), 0, "nobody followed");
}

#[tokio::test]
async fn a_timeout_before_an_answer_leaves_a_write_open() {
    let server = Server::start(vec![Reply::Stall(Vec::new())]).await;
    for (request, kind) in [
        (Request::get(server.url("/")).attempts(1), ErrorKind::Unavailable),
        (Request::post(server.url("/")).json(&1), ErrorKind::Ambiguous),
        (Request::post(server.url("/")).json(&1).file(), ErrorKind::Ambiguous),
    ] {
        let (clock, write, before) = (JumpClock::new(), request.is_write(), server.count());
        let client = client(&clock);
        let call = tokio::spawn(async move { client.send(request).await });
        server.wait_for(before + 1).await;
        clock.expire();
        let error = call.await.unwrap().unwrap_err();
        assert!(matches!(error.failure, Failure::Timeout(_)));
        assert_eq!(error.sent, Sent::Maybe);
        assert_eq!(error.into_connector_error(write).kind, kind);
        assert_eq!(server.count(), before + 1, "asked once");
    }
}

#[tokio::test]
async fn silence_inside_an_answer_is_a_timeout_too() {
    let head = format!("HTTP/1.1 200 OK\r\n{JSON}Content-Length: 50\r\n\r\n{{");
    let server = Server::start(vec![Reply::Stall(head.into_bytes())]).await;
    let clock = JumpClock::new();
    let client = client(&clock);
    let request = Request::post(server.url("/")).json(&1);
    let call = tokio::spawn(async move { client.send(request).await });
    server.wait_for(1).await;
    clock.expire();
    let error = call.await.unwrap().unwrap_err();
    assert!(matches!(error.failure, Failure::Timeout(_)));
    assert_eq!(error.into_connector_error(true).kind, ErrorKind::Ambiguous);
}

#[tokio::test]
async fn a_write_that_never_left_is_repeated_and_is_not_ambiguous() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", free.local_addr().unwrap());
    drop(free);
    let clock = JumpClock::new();
    let request = Request::post(url.parse().unwrap()).json(&1);
    let error = client(&clock).send(request).await.unwrap_err();
    assert!(matches!(error.failure, Failure::Connect(_)), "{error}");
    assert_eq!(error.sent, Sent::No);
    assert_eq!(clock.slept().len(), 3, "four attempts");
    let error = error.into_connector_error(true);
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.for_people().contains("check host and port"));
}

#[tokio::test]
async fn a_host_that_cannot_be_reached_is_left_alone_for_a_while() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let clock = JumpClock::new();
    let client = client(&clock);
    let once = || Request::get(format!("http://{address}/").parse().unwrap()).attempts(1);
    for _ in 0..5 {
        let error = client.send(once()).await.unwrap_err();
        assert!(matches!(error.failure, Failure::Connect(_)), "{error}");
    }
    let resting = client.send(once()).await.unwrap_err();
    assert!(matches!(resting.failure, Failure::Resting { .. }), "{resting}");
    let resting = resting.into_connector_error(true);
    assert_eq!(resting.kind, ErrorKind::Unavailable);
    assert_eq!(resting.retry_after.unwrap().as_secs(), 30);
    clock.advance(std::time::Duration::from_secs(30));
    let probe = client.send(once()).await.unwrap_err();
    assert!(matches!(probe.failure, Failure::Connect(_)), "{probe}");
}
