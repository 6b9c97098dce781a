//! The sender: signed deliveries over kept connections, one at a time on each, all on one thread.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use ring::hmac;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::report::percentile;

/// The header of the signature.
pub(crate) const SIGNATURE: &str = "x-hub-signature-256";

/// The size of a body, in bytes.
const SIZE: usize = 2_020;

/// Where deliveries go.
#[derive(Clone)]
pub(crate) struct Target {
    host: String,
    path: String,
    key: hmac::Key,
    /// The number of the next delivery; no two have the same.
    next: Arc<AtomicU64>,
}

/// What came of sending.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// Answered 202.
    pub(crate) accepted: u64,
    /// Answered otherwise, or not at all.
    pub(crate) refused: u64,
    /// From the first byte to the last answer.
    pub(crate) took: Duration,
    /// How long each accepted one took, in milliseconds, sorted.
    pub(crate) waits: Vec<f64>,
}

impl Sent {
    /// Accepted a second.
    pub(crate) fn rate(&self) -> f64 {
        self.accepted as f64 / self.took.as_secs_f64()
    }

    /// The wait, in milliseconds, that this share does not pass.
    pub(crate) fn wait(&self, share: f64) -> f64 {
        percentile(&self.waits, share)
    }
}

/// When deliveries are sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// Each connection sends when its last one is answered.
    Full,
    /// So many a second over all connections, whatever the answers; a wait is counted from when it was due.
    Even(u32),
}

impl Target {
    /// Deliveries to `path` of `host:port`, signed by `secret`.
    pub(crate) fn new(host: &str, path: &str, secret: &str) -> Self {
        Self {
            host: host.to_owned(),
            path: path.to_owned(),
            key: hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()),
            next: Arc::new(AtomicU64::new(1)),
        }
    }

    /// Sends for a while over so many connections.
    pub(crate) fn press(
        &self,
        connections: u32,
        pace: Pace,
        span: Duration,
    ) -> anyhow::Result<Sent> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, self.all(connections, pace, span))
    }

    async fn all(&self, connections: u32, pace: Pace, span: Duration) -> anyhow::Result<Sent> {
        let mut open = Vec::new();
        for _ in 0..connections {
            let stream = TcpStream::connect(&self.host).await?;
            stream.set_nodelay(true)?;
            open.push(stream);
        }
        let target = Rc::new(self.clone());
        let begun = Instant::now();
        let tasks: Vec<_> = (0..connections)
            .zip(open)
            .map(|(at, stream)| {
                let times = Times { pace, begun, span, at, of: connections };
                tokio::task::spawn_local(one(Rc::clone(&target), stream, times))
            })
            .collect();
        let mut sent = Sent::default();
        for task in tasks {
            let part = task.await?;
            sent.accepted += part.accepted;
            sent.refused += part.refused;
            sent.waits.extend(part.waits);
        }
        sent.took = begun.elapsed();
        sent.waits.sort_by(f64::total_cmp);
        Ok(sent)
    }

    fn request(&self, out: &mut Vec<u8>) {
        let body = payload(self.next.fetch_add(1, Ordering::Relaxed));
        let mac = hex::encode(hmac::sign(&self.key, body.as_bytes()));
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: bench\r\nAccept: */*\r\n\
             Content-Type: application/json\r\n{SIGNATURE}: sha256={mac}\r\nContent-Length: {}\r\n\r\n",
            self.path,
            self.host,
            body.len()
        );
        out.clear();
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(body.as_bytes());
    }
}

/// When one connection sends.
struct Times {
    pace: Pace,
    begun: Instant,
    span: Duration,
    at: u32,
    of: u32,
}

impl Times {
    /// When the connection's `n`th is due; `None` when it is over.
    async fn due(&self, n: u32) -> Option<Instant> {
        let at = match self.pace {
            Pace::Full => Instant::now(),
            Pace::Even(rate) => {
                let number = f64::from(n * self.of + self.at);
                self.begun + Duration::from_secs_f64(number / f64::from(rate))
            }
        };
        if at >= self.begun + self.span {
            return None;
        }
        if let Pace::Even(_) = self.pace {
            tokio::time::sleep_until(at.into()).await;
        }
        Some(at)
    }
}

/// One connection, until the time is over or the other side is gone.
async fn one(target: Rc<Target>, mut stream: TcpStream, times: Times) -> Sent {
    let (mut sent, mut request, mut buffer) = (Sent::default(), Vec::new(), vec![0; 16 << 10]);
    let mut number = 0;
    while let Some(due) = times.due(number).await {
        number += 1;
        target.request(&mut request);
        match call(&mut stream, &request, &mut buffer).await {
            Ok(202) => {
                sent.accepted += 1;
                sent.waits.push(due.elapsed().as_secs_f64() * 1e3);
            }
            Ok(_) => sent.refused += 1,
            Err(_gone) => {
                sent.refused += 1;
                break;
            }
        }
    }
    sent
}

/// Sends a request and reads its answer; answers the status.
async fn call(stream: &mut TcpStream, request: &[u8], buffer: &mut [u8]) -> anyhow::Result<u16> {
    stream.write_all(request).await?;
    let mut filled = 0;
    loop {
        let more = stream.read(&mut buffer[filled..]).await?;
        anyhow::ensure!(more > 0, "the connection was closed");
        filled += more;
        let seen = &buffer[..filled];
        let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(&seen[..end])?;
        if filled >= end + 4 + length(head)? {
            return Ok(head.get(9..12).context("no status")?.parse()?);
        }
    }
}

fn length(head: &str) -> anyhow::Result<usize> {
    for line in head.lines() {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            return Ok(value.trim().parse()?);
        }
    }
    Ok(0)
}

/// The `number`th delivery: an item of its own that changed, told as Azure DevOps tells it.
pub(crate) fn payload(number: u64) -> String {
    let item = 10_000_000 + number;
    let mut text = format!(
        "{{\"id\":\"{number:036}\",\"subscriptionId\":\"00000000-0000-4000-8000-000000000001\",\
         \"eventType\":\"workitem.updated\",\"publisherId\":\"tfs\",\"resource\":{{\"id\":2,\
         \"workItemId\":{item},\"rev\":2,\"revisedBy\":{{\"displayName\":\"Ada Lovelace\",\
         \"uniqueName\":\"ada@example.test\"}},\"fields\":{{\"System.Title\":{{\"oldValue\":\"Before\",\
         \"newValue\":\"After\"}}}},\"revision\":{{\"id\":{item},\"rev\":2,\"fields\":{{\
         \"System.TeamProject\":\"Bench\",\"System.WorkItemType\":\"Bug\",\"System.State\":\"Active\",\
         \"System.Description\":\""
    );
    let end = "\"}}},\"resourceVersion\":\"1.0\",\"createdDate\":\"2026-01-05T09:00:00.000Z\"}";
    let words = "It does not work when it should, and nobody knows why. ";
    while text.len() + end.len() < SIZE {
        let left = SIZE - text.len() - end.len();
        text.push_str(&words[..left.min(words.len())]);
    }
    text.push_str(end);
    text
}

/// The name of a delivery, without reading all of it.
pub(super) fn name_of(payload: &str) -> &str {
    payload.get(7..43).unwrap_or_default()
}
