//! Full jitter: a wait drawn evenly between nothing and a bound that doubles.

use std::time::Duration;

use syncline_domain::ports::Rng;

const BASE: Duration = Duration::from_millis(500);
const CAP: Duration = Duration::from_secs(30);

/// The wait before the attempt after `attempt` (1 = the first).
pub(crate) fn before_next(rng: &dyn Rng, attempt: u32) -> Duration {
    full(rng, bound(attempt))
}

/// The largest wait that [`before_next`] can give.
pub(crate) fn bound(attempt: u32) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    BASE.saturating_mul(1 << doublings).min(CAP)
}

/// A span drawn evenly from `0..=most`.
pub(crate) fn full(rng: &dyn Rng, most: Duration) -> Duration {
    let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
    match most.checked_add(1) {
        Some(span) => Duration::from_micros(rng.next_u64() % span),
        None => Duration::from_micros(rng.next_u64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sequence(std::sync::atomic::AtomicU64);

    impl Rng for Sequence {
        fn fill(&self, bytes: &mut [u8]) {
            for byte in bytes {
                let n = self.0.fetch_add(0x9e37_79b9, std::sync::atomic::Ordering::Relaxed);
                *byte = n.wrapping_mul(0x2545_f491_4f6c_dd1d).to_be_bytes()[0];
            }
        }
    }

    #[test]
    fn ten_thousand_draws_stay_in_their_band_and_fill_it() {
        let rng = Sequence(1.into());
        for attempt in [1, 2, 5, 9, u32::MAX] {
            let bound = bound(attempt);
            let draws: Vec<_> = (0..10_000).map(|_| before_next(&rng, attempt)).collect();
            assert!(draws.iter().all(|wait| *wait <= bound), "attempt {attempt}");
            assert!(draws.iter().any(|wait| *wait < bound / 10));
            assert!(draws.iter().any(|wait| *wait > bound / 10 * 9));
        }
        assert_eq!(bound(1), Duration::from_millis(500));
        assert_eq!(bound(2), Duration::from_secs(1));
        assert_eq!(bound(99), CAP);
    }
}
