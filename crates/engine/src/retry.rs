//! When an item that failed is tried again.

use std::time::Duration;

use syncline_domain::{ItemRetry, Timestamp};

/// After this many failures in a row an item is tried once a day only.
pub(crate) const QUARANTINE_AFTER: i32 = 10;

const FIRST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// How long to wait after this many failures in a row: 1, 4, 16, ... minutes, at most a day.
pub(crate) fn backoff(attempts: i32) -> Duration {
    let power = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(16);
    FIRST.saturating_mul(4_u32.saturating_pow(power)).min(LONGEST)
}

/// Whether an item is left alone although the tracker handed it out: it failed often, its time has not come, and
/// nobody changed it since.
pub(crate) fn is_quarantined(retry: &ItemRetry, changed_at: Timestamp, now: Timestamp) -> bool {
    let failed_last = retry.next_try_at.before(backoff(retry.attempts));
    retry.attempts >= QUARANTINE_AFTER && retry.next_try_at > now && changed_at <= failed_last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_fourfold_up_to_a_day() {
        let minutes: Vec<u64> = (1..=8).map(|n| backoff(n).as_secs() / 60).collect();
        assert_eq!(minutes, [1, 4, 16, 64, 256, 1_024, 1_440, 1_440]);
        assert_eq!(backoff(i32::MAX), LONGEST);
        assert_eq!(backoff(0), FIRST);
    }
}
