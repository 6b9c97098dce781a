//! The client itself: who may send, how often, and what the log says about it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::select;
use syncline_domain::ports::{Clock, Rng};

use crate::attempt::{self, Context};
use crate::breaker::{Admission, Breakers};
use crate::config::{ConfigError, OutboundConfig};
use crate::error::{Failure, OutboundError, Sent};
use crate::jitter;
use crate::limiter::{Budget, Limiter, Limits, TooLong};
use crate::pool;
use crate::redact;
use crate::request::{Request, RequestKind};
use crate::response::Response;
use crate::target;

/// All outgoing HTTP under one policy. Cheap to clone; make one per process and policy.
#[derive(Clone)]
pub struct Outbound {
    inner: Arc<Inner>,
}

struct Inner {
    config: OutboundConfig,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    limiters: Mutex<HashMap<String, Arc<Limiter>>>,
    breakers: Breakers,
}

impl Outbound {
    /// Makes the connection pool and the resolver. Installs ring as the process's TLS provider if there is none yet.
    ///
    /// # Errors
    /// [`ConfigError`] when proxies or certificates cannot be used.
    pub fn new(
        config: OutboundConfig,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self, ConfigError> {
        // Fails only when another thread was faster, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = pool::build(&config)?;
        let breakers = Breakers::new(config.breaker_failures, config.breaker_rest);
        Ok(Self {
            inner: Arc::new(Inner {
                config,
                http,
                clock,
                rng,
                limiters: Mutex::default(),
                breakers,
            }),
        })
    }

    /// A client for the credential of this name (never the secret itself). All clients of a name share one limiter;
    /// the limits of the first one stand.
    #[must_use]
    pub fn credential(&self, name: &str, limits: Limits) -> Client {
        let mut limiters = self.inner.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        let limiter =
            limiters.entry(name.to_owned()).or_insert_with(|| Arc::new(Limiter::new(limits)));
        Client { inner: Arc::clone(&self.inner), limiter: Arc::clone(limiter) }
    }

    /// The budgets of all credentials by name, for metrics.
    #[must_use]
    pub fn budgets(&self) -> Vec<(String, Budget)> {
        let limiters = self.inner.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        let mut budgets: Vec<_> = limiters
            .iter()
            .map(|(name, limiter)| (name.clone(), limiter.budget(self.inner.clock.as_ref())))
            .collect();
        budgets.sort_by(|a, b| a.0.cmp(&b.0));
        budgets
    }

    /// Whether this address may be called at all, as far as that shows without resolving it: for checks on entry.
    ///
    /// # Errors
    /// [`OutboundError`] with [`Sent::No`].
    pub fn check_url(&self, url: &url::Url) -> Result<(), OutboundError> {
        let config = &self.inner.config;
        target::check(url, &config.policy, &config.plain_http)
            .map_err(|failure| OutboundError::new(failure, Sent::No, redact::origin(url)))
    }
}

/// Sends on behalf of one credential. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    limiter: Arc<Limiter>,
}

impl Client {
    /// Sends, waits out pauses, repeats where that is safe, and gives the answer of the last attempt, whatever its
    /// status (but 429, which is [`Failure::RateLimited`]).
    ///
    /// # Errors
    /// [`OutboundError`] when there is no usable answer.
    pub async fn send(&self, request: Request) -> Result<Response, OutboundError> {
        self.check(&request)?;
        let host = redact::origin(&request.url);
        let attempts = request.attempts.unwrap_or(self.inner.config.attempts).max(1);
        let mut attempt = 1;
        loop {
            let outcome = self.attempt(&request, &host, attempt).await;
            let last = attempt >= attempts || self.is_hopeless(&host);
            if last || next_step(&request, &outcome) == Step::Stop {
                return self.finish(outcome);
            }
            let wait = jitter::before_next(self.inner.rng.as_ref(), attempt);
            self.inner.clock.sleep(wait).await;
            attempt = attempt.saturating_add(1);
        }
    }

    /// Whether the next attempt would not be let through in time.
    fn is_hopeless(&self, host: &str) -> bool {
        let now = self.inner.clock.monotonic();
        self.budget().paused_for > self.inner.config.longest_pause
            || self.inner.breakers.is_resting(host, now)
    }

    /// Sends nothing on this credential for `span` from now: for trackers that ask for a rest in a body, where only
    /// their connector can read it.
    pub fn pause(&self, span: Duration) {
        self.limiter.pause(self.inner.clock.as_ref(), span);
    }

    /// What is known about this credential's budget.
    #[must_use]
    pub fn budget(&self) -> Budget {
        self.limiter.budget(self.inner.clock.as_ref())
    }

    fn check(&self, request: &Request) -> Result<(), OutboundError> {
        let config = &self.inner.config;
        let fault = match &request.fault {
            Some(fault) => Err(Failure::Request(fault.clone())),
            None => target::check(&request.url, &config.policy, &config.plain_http),
        };
        fault.map_err(|failure| OutboundError::new(failure, Sent::No, request.shown()))
    }

    /// One attempt, once the limiter and the host's breaker let it through.
    async fn attempt(
        &self,
        request: &Request,
        host: &str,
        attempt: u32,
    ) -> Result<Response, OutboundError> {
        let clock = self.inner.clock.as_ref();
        let not_sent = |failure| OutboundError::new(failure, Sent::No, request.shown());
        let longest = self.inner.config.longest_pause;
        let slot = self.limiter.acquire(clock, longest).await;
        let _slot =
            slot.map_err(|TooLong(retry_after)| not_sent(Failure::RateLimited { retry_after }))?;
        let breakers = &self.inner.breakers;
        self.admitted(host)
            .await
            .map_err(|retry_after| not_sent(Failure::Resting { retry_after }))?;
        let cx = Context {
            http: &self.inner.http,
            config: &self.inner.config,
            clock,
            rng: self.inner.rng.as_ref(),
            limiter: &self.limiter,
        };
        let begun = clock.monotonic();
        let outcome = Box::pin(attempt::once(&cx, request)).await;
        let now = clock.monotonic();
        log_attempt(request, attempt, now.saturating_sub(begun), &outcome);
        breakers.note(host, &outcome, now);
        if let Ok(answer) = &outcome
            && answer.status == 429
            && answer.retry_after.is_none()
        {
            // Refused without a word on how long: everybody on this credential waits a little.
            self.limiter.pause(clock, jitter::bound(attempt));
        }
        outcome
    }

    /// Lets the host's breaker decide; while another call finds out whether the host is back, waits for its answer.
    async fn admitted(&self, host: &str) -> Result<(), Duration> {
        let (clock, breakers) = (self.inner.clock.as_ref(), &self.inner.breakers);
        let mut noted = breakers.noted();
        loop {
            match breakers.admit(host, clock.monotonic()) {
                Admission::Go => return Ok(()),
                Admission::Rest(left) => return Err(left),
                Admission::Wait(until) => {
                    let answer = std::pin::pin!(noted.changed());
                    select(answer, clock.sleep_until(until)).await;
                }
            }
        }
    }

    /// A 429 that outlasted the attempts becomes an error, so that no caller takes it for an answer.
    fn finish(&self, outcome: Result<Response, OutboundError>) -> Result<Response, OutboundError> {
        match outcome {
            Ok(answer) if answer.status == 429 => {
                let paused_for = self.budget().paused_for;
                let retry_after = answer.retry_after.unwrap_or_default().max(paused_for);
                let failure = Failure::RateLimited { retry_after };
                Err(OutboundError::new(failure, Sent::No, answer.call))
            }
            other => other,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Again,
    Stop,
}

/// Invariant: a write is repeated only when it cannot have happened (test `writes_are_not_repeated_blindly`).
fn next_step(request: &Request, outcome: &Result<Response, OutboundError>) -> Step {
    let again = match (request.kind, outcome) {
        (_, Ok(answer)) if answer.status == 429 => true,
        (RequestKind::Read, Ok(answer)) => matches!(answer.status, 408 | 500 | 502..=504),
        (RequestKind::Write, Ok(answer)) => {
            answer.status == 503 && answer.retry_after.is_some() && request.undone_on_503
        }
        (RequestKind::Read, Err(error)) => error.is_passing(),
        (RequestKind::Write, Err(error)) => error.never_left(),
    };
    if again { Step::Again } else { Step::Stop }
}

fn log_attempt(
    request: &Request,
    attempt: u32,
    took: Duration,
    outcome: &Result<Response, OutboundError>,
) {
    let call = request.shown();
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    match outcome {
        Ok(answer) => log::debug!(
            attempt, ms, status = answer.status, bytes = answer.body.len();
            "{call}: {} in {ms} ms (attempt {attempt})", answer.status
        ),
        Err(error) => log::debug!(
            attempt, ms;
            "{call}: {} after {ms} ms (attempt {attempt})", error.failure
        ),
    }
}
