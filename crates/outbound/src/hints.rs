//! What a tracker says about its limits, in the headers of any answer.

use std::time::{Duration, UNIX_EPOCH};

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use syncline_domain::Timestamp;

/// No tracker is waited for longer than a day.
const CAP: Duration = Duration::from_secs(24 * 60 * 60);

/// Numbers up to this are seconds from now in `X-RateLimit-Reset`; larger ones are seconds since 1970.
const LONGEST_SPAN_SECS: f64 = 1e9;

/// What one answer says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Hints {
    /// `Retry-After`.
    pub(crate) retry_after: Option<Duration>,
    /// `X-RateLimit-Delay`: how long the server held this call back.
    pub(crate) delay: Option<Duration>,
    /// Calls (or units) per window.
    pub(crate) limit: Option<f64>,
    /// Calls (or units) left in this window.
    pub(crate) remaining: Option<f64>,
    /// When the window ends, from now.
    pub(crate) reset_in: Option<Duration>,
}

impl Hints {
    /// Reads `headers`; `now` is used where the answer carries no `Date`, so that a skewed clock does no harm.
    pub(crate) fn read(headers: &HeaderMap, now: Timestamp) -> Self {
        let now = text(headers, DATE.as_str()).and_then(http_date).unwrap_or(now);
        let either = |name: &str| {
            text(headers, &format!("x-ratelimit-{name}"))
                .or_else(|| text(headers, &format!("ratelimit-{name}")))
        };
        Self {
            retry_after: text(headers, RETRY_AFTER.as_str())
                .and_then(|value| parse_retry_after(value, now)),
            delay: either("delay").and_then(seconds),
            limit: either("limit").and_then(number),
            remaining: either("remaining").and_then(number),
            reset_in: either("reset").and_then(|value| reset(value, now)),
        }
    }

    /// How long nothing more may be sent.
    pub(crate) fn pause(&self) -> Option<Duration> {
        let used_up = match (self.remaining, self.reset_in) {
            (Some(left), Some(reset_in)) if left <= 0.0 => Some(reset_in),
            _ => None,
        };
        [self.retry_after, self.delay, used_up]
            .into_iter()
            .flatten()
            .max()
            .filter(|pause| !pause.is_zero())
    }
}

/// Reads `Retry-After` (RFC 9110, 10.2.3): seconds, with a fraction too, or an HTTP date. At most 24 hours; a date in
/// the past is no wait at all; anything else is `None`.
#[must_use]
pub fn parse_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    seconds(value).or_else(|| http_date(value).map(|at| at.since(now).min(CAP)))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

fn number(value: &str) -> Option<f64> {
    let plain = value.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    plain.then(|| value.parse().ok()).flatten()
}

fn seconds(value: &str) -> Option<Duration> {
    let span = number(value)?.min(CAP.as_secs_f64());
    Duration::try_from_secs_f64(span).ok()
}

fn http_date(value: &str) -> Option<Timestamp> {
    let at = httpdate::parse_http_date(value).ok()?;
    let since = at.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::EPOCH.after(since))
}

/// Seconds since 1970, seconds from now, or ISO 8601.
fn reset(value: &str, now: Timestamp) -> Option<Duration> {
    let at = match number(value) {
        Some(span) if span < LONGEST_SPAN_SECS => return seconds(value),
        Some(epoch) => Timestamp::EPOCH.after(Duration::try_from_secs_f64(epoch).ok()?),
        None => Timestamp::parse(value).ok()?,
    };
    Some(at.since(now).min(CAP))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    #[test]
    fn retry_after_is_seconds_a_fraction_or_a_date() {
        let secs = |n| Some(Duration::from_secs(n));
        let table = [
            ("0", secs(0)),
            ("120", secs(120)),
            (" 7 ", secs(7)),
            ("1.5", Some(Duration::from_millis(1_500))),
            ("999999999999", Some(CAP)),
            ("99999999999999999999999999999999999999999", Some(CAP)),
            ("Tue, 14 Nov 2023 22:13:50 GMT", secs(30)),
            ("Tuesday, 14-Nov-23 22:13:50 GMT", secs(30)),
            ("Tue, 14 Nov 2023 22:13:10 GMT", secs(0)),
            ("Mon, 14 Nov 2033 22:13:10 GMT", Some(CAP)),
            ("", None),
            (".", None),
            ("-5", None),
            ("+5", None),
            ("1e9", None),
            ("NaN", None),
            ("inf", None),
            ("soon", None),
            ("1,5", None),
            ("1.2.3", None),
        ];
        for (value, wait) in table {
            assert_eq!(parse_retry_after(value, NOW), wait, "{value:?}");
        }
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_longest_pause_of_all_headers_counts() {
        let pause = |pairs: &[(&'static str, &'static str)]| {
            Hints::read(&headers(pairs), NOW).pause().map(|p| p.as_secs())
        };
        assert_eq!(pause(&[]), None);
        assert_eq!(pause(&[("retry-after", "0")]), None);
        assert_eq!(pause(&[("retry-after", "5"), ("x-ratelimit-delay", "9.250")]), Some(9));
        let window = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1700000040")];
        assert_eq!(pause(&window), Some(40));
        let left = [("x-ratelimit-remaining", "3"), ("x-ratelimit-reset", "1700000040")];
        assert_eq!(pause(&left), None);
        assert_eq!(pause(&[("ratelimit-remaining", "0"), ("ratelimit-reset", "12")]), Some(12));
        let iso = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "2023-11-14T22:13:30Z")];
        assert_eq!(pause(&iso), Some(10));
    }

    #[test]
    fn the_servers_own_date_wins_over_a_skewed_clock() {
        let skewed = [
            ("date", "Tue, 14 Nov 2023 20:00:00 GMT"),
            ("retry-after", "Tue, 14 Nov 2023 20:00:30 GMT"),
        ];
        let hints = Hints::read(&headers(&skewed), NOW);
        assert_eq!(hints.retry_after, Some(Duration::from_secs(30)));
    }
}
