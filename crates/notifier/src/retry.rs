//! When a message is tried again, and when that is given up.

use std::time::Duration;

use syncline_domain::ports::Rng;
use syncline_domain::{ChannelKind, Timestamp};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

const HOUR: u64 = 3_600;

/// Mail and chat: the bound of the first wait, which grows threefold.
const BASE: Duration = secs(5);
/// Mail and chat: the largest bound.
const CAP: Duration = secs(HOUR);
/// Mail and chat: how long a message is tried, so that a night without a mail server costs nobody a word.
const TRIED_FOR: Duration = secs(24 * HOUR);
/// Signed webhooks: attempts at most, the first included. Mail and chat: at least, for a message that waited long for
/// something else before its first.
const ATTEMPTS: u32 = 10;

/// Signed webhooks: the waits before the second to the tenth attempt
/// (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#deliverability-and-reliability>).
const STANDARD_WEBHOOKS: [Duration; 9] = [
    secs(5),
    secs(300),
    secs(1_800),
    secs(2 * HOUR),
    secs(5 * HOUR),
    secs(10 * HOUR),
    secs(14 * HOUR),
    secs(20 * HOUR),
    secs(24 * HOUR),
];

/// No server is waited for longer, whatever it asks for.
const LONGEST: Duration = secs(24 * HOUR);

/// An endpoint that has taken nothing for this long is switched off.
const PATIENCE: Duration = secs(120 * HOUR);

/// Whether a message is given up after this many failed attempts, `waited` after it was written.
///
/// A webhook after ten attempts, which take more than three days; mail and chat after a day, and not before ten attempts.
#[must_use]
pub fn is_given_up(channel: ChannelKind, attempts: u32, waited: Duration) -> bool {
    match channel {
        ChannelKind::Webhook => attempts >= ATTEMPTS,
        ChannelKind::Email | ChannelKind::Slack | ChannelKind::Teams => {
            attempts >= ATTEMPTS && waited >= TRIED_FOR
        }
    }
}

/// The wait after the failure of attempt number `attempt` (1 = the first) on a channel.
///
/// Mail and chat wait between nothing and a bound that grows from 5 s threefold to 1 h (full jitter); webhooks wait as
/// Standard Webhooks says, up to a tenth longer so that many do not come back together. What the server asks for wins
/// over either, up to a day.
#[must_use]
pub fn next_wait(
    channel: ChannelKind,
    attempt: u32,
    retry_after: Option<Duration>,
    rng: &dyn Rng,
) -> Duration {
    if let Some(asked) = retry_after {
        return asked.min(LONGEST);
    }
    let done = attempt.saturating_sub(1);
    match channel {
        ChannelKind::Webhook => {
            let index = usize::try_from(done).unwrap_or(usize::MAX);
            let wait = STANDARD_WEBHOOKS.get(index).copied().unwrap_or(LONGEST);
            wait.saturating_add(evenly(rng, wait / 10))
        }
        ChannelKind::Email | ChannelKind::Slack | ChannelKind::Teams => {
            evenly(rng, BASE.saturating_mul(3_u32.saturating_pow(done)).min(CAP))
        }
    }
}

/// Whether an endpoint that has taken nothing since `failing_since` is switched off: after five days.
#[must_use]
pub fn has_failed_for_too_long(failing_since: Option<Timestamp>, now: Timestamp) -> bool {
    failing_since.is_some_and(|since| now.since(since) >= PATIENCE)
}

/// A span drawn evenly from nothing to `most`.
fn evenly(rng: &dyn Rng, most: Duration) -> Duration {
    let micros = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
    let span = micros.saturating_add(1);
    Duration::from_micros(rng.next_u64().checked_rem(span).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use syncline_testkit::SeededRng;

    use super::*;

    const PEOPLE: [ChannelKind; 3] = [ChannelKind::Email, ChannelKind::Slack, ChannelKind::Teams];

    fn waits(channel: ChannelKind, attempt: u32) -> Vec<Duration> {
        let rng = SeededRng::new(7);
        (0..10_000).map(|_| next_wait(channel, attempt, None, &rng)).collect()
    }

    #[test]
    fn mail_and_chat_stay_in_their_bands_and_fill_them() {
        let bounds = [5, 15, 45, 135, 405, 1_215, 3_600, 3_600, 3_600];
        for channel in PEOPLE {
            for (attempt, bound) in (1..).zip(bounds).chain([(60, 3_600), (u32::MAX, 3_600)]) {
                let (waits, bound) = (waits(channel, attempt), Duration::from_secs(bound));
                assert!(waits.iter().all(|wait| *wait <= bound), "attempt {attempt}");
                assert!(waits.iter().any(|wait| *wait < bound / 10));
                assert!(waits.iter().any(|wait| *wait > bound / 10 * 9));
            }
        }
    }

    #[test]
    fn webhooks_follow_the_published_table_for_three_days() {
        let mut total = Duration::ZERO;
        for (attempt, wait) in (1..).zip(STANDARD_WEBHOOKS) {
            let waits = waits(ChannelKind::Webhook, attempt);
            assert!(
                waits.iter().all(|w| *w >= wait && *w <= wait + wait / 10),
                "attempt {attempt}"
            );
            total += wait;
        }
        assert_eq!(total, secs(75 * HOUR + 35 * 60 + 5));
    }

    #[test]
    fn a_webhook_has_ten_attempts_and_mail_and_chat_a_day() {
        assert!(!is_given_up(ChannelKind::Webhook, 9, secs(100 * HOUR)));
        for attempts in [10, u32::MAX] {
            assert!(is_given_up(ChannelKind::Webhook, attempts, Duration::ZERO));
        }
        for channel in PEOPLE {
            assert!(!is_given_up(channel, u32::MAX, secs(24 * HOUR - 1)));
            assert!(!is_given_up(channel, 9, secs(100 * HOUR)), "it has hardly been tried");
            assert!(is_given_up(channel, 10, secs(24 * HOUR)));
        }
    }

    #[test]
    fn a_server_that_asks_for_time_gets_it_up_to_a_day() {
        let rng = SeededRng::new(1);
        for channel in ChannelKind::ALL {
            let asked = |secs| next_wait(*channel, 1, Some(Duration::from_secs(secs)), &rng);
            assert_eq!(asked(77), secs(77));
            assert_eq!(asked(u64::MAX), LONGEST);
        }
    }

    #[test]
    fn an_endpoint_is_given_up_after_five_days_without_a_success() {
        let since = Timestamp::from_secs(1_000);
        let after = |hours: u64| since.after(secs(hours * HOUR));
        assert!(!has_failed_for_too_long(None, after(1_000)));
        assert!(!has_failed_for_too_long(Some(since), after(119)));
        assert!(has_failed_for_too_long(Some(since), after(120)));
        assert!(!has_failed_for_too_long(Some(since), since.before(secs(5))));
    }
}
