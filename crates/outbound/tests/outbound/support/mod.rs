//! A scripted server on raw sockets, a clock that jumps, and a client on top of both.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test's way to say no; not every test file uses every helper"
)]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use syncline_domain::Timestamp;
use syncline_domain::ports::{BoxFuture, Clock, Rng};
use syncline_outbound::{AddressPolicy, Client, Limits, Outbound, OutboundConfig, Url};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Sleeps shorter than this jump; longer ones are time-outs and wait for [`JumpClock::expire`].
const TIMEOUT: Duration = Duration::from_secs(900);

/// A clock that makes pauses instant and lets time-outs pass only when told.
pub struct JumpClock {
    monotonic: Mutex<Duration>,
    slept: Mutex<Vec<Duration>>,
    expired: watch::Sender<bool>,
}

impl JumpClock {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            monotonic: Mutex::new(Duration::from_secs(5_000)),
            slept: Mutex::default(),
            expired: watch::Sender::new(false),
        })
    }

    /// Lets every time-out pass.
    pub fn expire(&self) {
        self.expired.send_replace(true);
    }

    /// The pauses so far, in order.
    pub fn slept(&self) -> Vec<Duration> {
        self.slept.lock().unwrap().clone()
    }

    pub fn advance(&self, span: Duration) {
        *self.monotonic.lock().unwrap() += span;
    }
}

impl Clock for JumpClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_700_000_000).after(self.monotonic())
    }

    fn monotonic(&self) -> Duration {
        *self.monotonic.lock().unwrap()
    }

    fn sleep_until(&self, at: Duration) -> BoxFuture<'static, ()> {
        let mut now = self.monotonic.lock().unwrap();
        let span = at.saturating_sub(*now);
        if span < TIMEOUT {
            *now = at.max(*now);
            self.slept.lock().unwrap().push(span);
            return Box::pin(std::future::ready(()));
        }
        let mut expired = self.expired.subscribe();
        Box::pin(async move {
            if expired.wait_for(|now| *now).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}

/// Draws zero: no jitter.
pub struct NoChance;

impl Rng for NoChance {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

/// What the server does with a request.
#[derive(Clone)]
pub enum Reply {
    /// Sends these bytes and closes.
    Bytes(Vec<u8>),
    /// Sends these bytes and stays silent.
    Stall(Vec<u8>),
    /// Sends the head, then the same piece for ever.
    Endless(Vec<u8>, Vec<u8>),
    /// Answers once the test says so.
    Held(Vec<u8>),
}

/// An answer with this status, these further header lines and this body.
pub fn reply(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Reply {
    let body = body.as_ref();
    let mut bytes = format!(
        "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    Reply::Bytes(bytes)
}

pub const JSON: &str = "Content-Type: application/json; charset=utf-8\r\n";

/// A plain JSON answer.
pub fn ok() -> Reply {
    reply(200, JSON, "{\"ok\":true}")
}

/// A server that answers its n-th request by the n-th reply, and the last one for ever.
pub struct Server {
    pub address: SocketAddr,
    seen: watch::Receiver<Vec<String>>,
    release: watch::Sender<bool>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Server {
    pub async fn start(script: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (log, seen) = watch::channel(Vec::new());
        let release = watch::Sender::new(false);
        let released = release.subscribe();
        let log = Arc::new(log);
        let accepting = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(socket, script.clone(), Arc::clone(&log), released.clone()));
            }
        });
        Self { address, seen, release, accepting }
    }

    pub fn url(&self, path: &str) -> Url {
        format!("http://{}{path}", self.address).parse().unwrap()
    }

    /// The requests so far, as text.
    pub fn seen(&self) -> Vec<String> {
        self.seen.borrow().clone()
    }

    pub fn count(&self) -> usize {
        self.seen.borrow().len()
    }

    /// Resolves when this many requests have come.
    pub async fn wait_for(&self, count: usize) {
        self.seen.clone().wait_for(|seen| seen.len() >= count).await.unwrap();
    }

    /// Lets held answers go.
    pub fn release(&self) {
        self.release.send_replace(true);
    }
}

async fn serve(
    mut socket: TcpStream,
    script: Vec<Reply>,
    log: Arc<watch::Sender<Vec<String>>>,
    mut released: watch::Receiver<bool>,
) {
    let request = read_request(&mut socket).await;
    let mut turn = 0;
    log.send_modify(|seen| {
        turn = seen.len();
        seen.push(request);
    });
    match script[turn.min(script.len() - 1)].clone() {
        Reply::Bytes(bytes) => {
            let _ = socket.write_all(&bytes).await;
            let _ = socket.shutdown().await;
        }
        Reply::Stall(bytes) => {
            let _ = socket.write_all(&bytes).await;
            std::future::pending::<()>().await;
        }
        Reply::Endless(head, piece) => {
            let _ = socket.write_all(&head).await;
            while socket.write_all(&piece).await.is_ok() {}
        }
        Reply::Held(bytes) => {
            released.wait_for(|go| *go).await.unwrap();
            let _ = socket.write_all(&bytes).await;
            let _ = socket.shutdown().await;
        }
    }
}

async fn read_request(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut piece = [0; 4_096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .map_or(0, |(_, value)| value.trim().parse().unwrap());
            if body.len() >= length {
                return text;
            }
        }
        match socket.read(&mut piece).await {
            Ok(0) | Err(_) => return text,
            Ok(n) => bytes.extend_from_slice(&piece[..n]),
        }
    }
}

/// Defaults whose time-outs only pass by [`JumpClock::expire`].
pub fn config() -> OutboundConfig {
    let mut config = OutboundConfig::new(AddressPolicy::connectors(true));
    config.idle_read = Duration::from_secs(2_000);
    config.total = Duration::from_secs(3_000);
    config.file_total = Duration::from_secs(9_000);
    config
}

pub fn outbound(clock: &Arc<JumpClock>, config: OutboundConfig) -> Outbound {
    let clock: Arc<dyn Clock> = clock.clone();
    Outbound::new(config, clock, Arc::new(NoChance)).unwrap()
}

pub fn client(clock: &Arc<JumpClock>) -> Client {
    outbound(clock, config()).credential("test", Limits::default())
}
