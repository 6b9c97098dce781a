//! What both sandboxes let the caller choose.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use syncline_domain::ports::Clock;

/// Where a sandbox listens, what it holds and how it behaves.
#[derive(Clone)]
pub struct SandboxOptions {
    /// The address to listen on; loopback unless changed.
    pub host: IpAddr,
    /// The port; 0 lets the system choose.
    pub port: u16,
    /// How many tickets the seed makes.
    pub items: usize,
    /// What the seeded data grow from: equal seeds and equal start times give equal tickets.
    pub seed: u64,
    /// How long each answer is held back, in real time.
    pub latency: Duration,
    /// How long a new ticket stays out of queries, in sandbox time.
    pub search_lag: Duration,
    /// Server threads.
    pub workers: usize,
    /// Whether answers are compressed for callers that accept it.
    pub gzip: bool,
    /// What sandbox time starts from; see `RunningSandbox::set_clock` and `advance`.
    pub clock: Arc<dyn Clock>,
}

impl SandboxOptions {
    /// Forty tickets on a free loopback port, no latency, no lag.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            items: 40,
            seed: 1,
            latency: Duration::ZERO,
            search_lag: Duration::ZERO,
            workers: 2,
            gzip: false,
            clock,
        }
    }

    /// The same with another number of seeded tickets.
    #[must_use]
    pub fn items(mut self, items: usize) -> Self {
        self.items = items;
        self
    }

    /// The same on a fixed port.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The same with every answer held back.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// The same with new tickets appearing late in queries.
    #[must_use]
    pub fn search_lag(mut self, lag: Duration) -> Self {
        self.search_lag = lag;
        self
    }
}
