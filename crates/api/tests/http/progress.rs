//! Following a run.

use std::time::Duration;

use serde_json::{Value, json};
use syncline_testkit::{Method, Planned};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::support::House;

fn events(text: &str) -> Vec<(String, Value)> {
    text.split("\n\n")
        .filter_map(|frame| {
            let (name, data) = frame.trim().split_once('\n')?;
            let data = serde_json::from_str(data.strip_prefix("data: ")?).ok()?;
            Some((name.strip_prefix("event: ")?.to_owned(), data))
        })
        .collect()
}

#[tokio::test]
async fn a_run_that_is_over_is_told_at_once() {
    let house = House::furnished().await;
    let run = house.post("/api/execute/sync/1", &json!({})).await;
    assert_eq!(run.status, 200, "{}", run.text());
    let seen = house.get("/api/execute/events/1").await;
    assert_eq!(seen.header("content-type"), Some("text/event-stream"));
    let told = events(&seen.text());
    let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["snapshot", "ended"], "{}", seen.text());
    assert_eq!(told[1].1["status"], "completed");
    assert_eq!(told[1].1["totals"], told[0].1["totals"]);
}

#[tokio::test]
async fn a_run_is_followed_from_its_snapshot_to_its_end() {
    let house = House::furnished().await;
    house.bugs.plan(Method::Changes, 1, Planned::Slow(Duration::from_secs(30)));
    let started = house.post("/api/execute/sync/1", &json!({"wait": false})).await;
    assert_eq!(started.status, 202, "{}", started.text());
    let mut socket = TcpStream::connect(house.address).await.unwrap();
    let ask = format!(
        "GET /api/execute/events/1 HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        house.address
    );
    socket.write_all(ask.as_bytes()).await.unwrap();
    let mut lines = BufReader::new(socket).lines();
    let mut text = String::new();
    while !text.contains("event: snapshot") {
        text.push_str(&lines.next_line().await.unwrap().expect("a snapshot comes first"));
        text.push('\n');
    }
    house.clock.wait_for_sleepers(1).await;
    let moving = async {
        loop {
            house.clock.advance(Duration::from_secs(5));
            tokio::task::yield_now().await;
        }
    };
    let reading = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            text.push_str(&line);
            text.push('\n');
        }
    };
    tokio::select! { () = moving => {}, () = reading => {} }
    assert!(text.contains("\"status\":\"running\""), "{text}");
    assert_eq!(text.matches("event: item").count(), 3, "{text}");
    assert_eq!(text.matches("event: ended").count(), 1, "{text}");
    assert!(text.find("event: snapshot") < text.find("event: item"), "{text}");
    assert!(text.contains("\"created\":3"), "{text}");
}
