//! Lets a host rest that cannot be reached: after some failures in a row nothing is sent for a while, then one call
//! finds out.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::error::{Failure, OutboundError};
use crate::response::Response;

/// More hosts than a product ever talks to; beyond it the healthy ones are forgotten.
const MOST_HOSTS: usize = 1_000;

/// All hosts that have failed lately, by `scheme://host:port`.
pub(crate) struct Breakers {
    failures: u32,
    rest: Duration,
    hosts: Mutex<HashMap<String, Host>>,
    /// Counts answers, so that those who wait for one look again.
    noted: watch::Sender<u64>,
}

/// What a call may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Go on.
    Go,
    /// Somebody finds out right now; look again after the next answer, or at this time.
    Wait(Duration),
    /// The host rests for so long.
    Rest(Duration),
}

#[derive(Clone, Copy, Default)]
struct Host {
    failed: u32,
    resting_until: Duration,
    /// A call was let through and its answer is not there yet; it is given up at `resting_until`.
    is_probed: bool,
}

impl Breakers {
    /// Opens after `failures` in a row (0: never) for `rest`.
    pub(crate) fn new(failures: u32, rest: Duration) -> Self {
        Self { failures, rest, hosts: Mutex::default(), noted: watch::Sender::new(0) }
    }

    /// Whether a call to `host` may go out at `now`. When its rest is over the first caller is let through and the
    /// others wait for its answer: they came at the same time, so they must not fail for having come second.
    pub(crate) fn admit(&self, host: &str, now: Duration) -> Admission {
        let mut hosts = self.lock();
        let Some(state) = hosts.get_mut(host) else {
            return Admission::Go;
        };
        if self.failures == 0 || state.failed < self.failures {
            return Admission::Go;
        }
        if state.resting_until > now {
            return if state.is_probed {
                Admission::Wait(state.resting_until)
            } else {
                Admission::Rest(state.resting_until.saturating_sub(now))
            };
        }
        state.resting_until = now.saturating_add(self.rest);
        state.is_probed = true;
        Admission::Go
    }

    /// Changes with every answer of any host.
    pub(crate) fn noted(&self) -> watch::Receiver<u64> {
        self.noted.subscribe()
    }

    /// Whether `host` rests at `now`; lets nobody through.
    pub(crate) fn is_resting(&self, host: &str, now: Duration) -> bool {
        let hosts = self.lock();
        hosts.get(host).is_some_and(|state| {
            self.failures > 0 && state.failed >= self.failures && state.resting_until > now
        })
    }

    /// Learns from a call that ended at `now`.
    pub(crate) fn note(
        &self,
        host: &str,
        outcome: &Result<Response, OutboundError>,
        now: Duration,
    ) {
        self.learn(host, outcome, now);
        self.noted.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn learn(&self, host: &str, outcome: &Result<Response, OutboundError>, now: Duration) {
        let mut hosts = self.lock();
        if !is_outage(outcome) {
            hosts.remove(host);
            return;
        }
        if hosts.len() >= MOST_HOSTS {
            hosts.retain(|_, state| state.resting_until > now);
        }
        let state = hosts.entry(host.to_owned()).or_default();
        state.failed = state.failed.saturating_add(1);
        state.is_probed = false;
        if state.failed >= self.failures {
            state.resting_until = now.saturating_add(self.rest);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Host>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The host, not the request, is at fault: no name, no connection, or a gateway that says so. A 503 that names a time
/// is the limiter's business, a 500 may be one bad item, a time-out may be one slow query.
fn is_outage(outcome: &Result<Response, OutboundError>) -> bool {
    match outcome {
        Ok(answer) => {
            matches!(answer.status, 502 | 504)
                || (answer.status == 503 && answer.retry_after.is_none())
        }
        Err(error) => matches!(error.failure, Failure::Dns { .. } | Failure::Connect(_)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Sent;

    const REST: Duration = Duration::from_secs(30);

    fn down() -> Result<Response, OutboundError> {
        let failure = Failure::Connect("refused".to_owned());
        Err(OutboundError::new(failure, Sent::No, "GET h"))
    }

    fn up() -> Result<Response, OutboundError> {
        Err(OutboundError::new(Failure::TooDeep, Sent::Answered, "GET h"))
    }

    #[test]
    fn rests_after_the_fifth_failure_and_then_lets_one_through() {
        let breakers = Breakers::new(5, REST);
        let at = Duration::from_secs;
        for n in 0..4 {
            breakers.note("h", &down(), at(n));
            assert_eq!(breakers.admit("h", at(n)), Admission::Go);
        }
        breakers.note("h", &down(), at(4));
        assert_eq!(breakers.admit("h", at(4)), Admission::Rest(REST));
        assert_eq!(breakers.admit("other", at(4)), Admission::Go);
        assert!(breakers.is_resting("h", at(33)));
        assert_eq!(breakers.admit("h", at(34)), Admission::Go, "the probe");
        assert_eq!(breakers.admit("h", at(35)), Admission::Wait(at(64)), "beside the probe");
        breakers.note("h", &down(), at(36));
        assert_eq!(breakers.admit("h", at(36)), Admission::Rest(REST));
        assert_eq!(breakers.admit("h", at(66)), Admission::Go);
        breakers.note("h", &up(), at(67));
        assert_eq!(breakers.admit("h", at(67)), Admission::Go);
    }

    #[test]
    fn an_answer_in_between_starts_the_count_anew() {
        let breakers = Breakers::new(5, REST);
        for round in 0..50 {
            let outcome = if round % 5 == 4 { up() } else { down() };
            breakers.note("h", &outcome, Duration::ZERO);
            assert_eq!(breakers.admit("h", Duration::ZERO), Admission::Go);
        }
    }

    #[test]
    fn zero_failures_turn_it_off() {
        let breakers = Breakers::new(0, REST);
        for _ in 0..20 {
            breakers.note("h", &down(), Duration::ZERO);
        }
        assert_eq!(breakers.admit("h", Duration::ZERO), Admission::Go);
        assert!(!breakers.is_resting("h", Duration::ZERO));
    }
}
