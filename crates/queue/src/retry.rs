//! When a failed attempt is made again.

use std::time::Duration;

use syncline_domain::Timestamp;
use syncline_domain::ports::Rng;

/// Waiting times that grow from attempt to attempt, each drawn anew between nothing and its ceiling ("full jitter"), so
/// that jobs that failed together do not come back together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The ceiling after the first attempt.
    pub base: Duration,
    /// By how much the ceiling grows with each attempt.
    pub factor: u32,
    /// Where it stops growing.
    pub cap: Duration,
    /// The longest wait that others may ask for.
    pub longest_asked: Duration,
}

impl Backoff {
    /// For jobs: 5 s, three times as long after each attempt, at most an hour; `Retry-After` up to a day.
    pub const JOBS: Self = Self {
        base: Duration::from_secs(5),
        factor: 3,
        cap: Duration::from_secs(3_600),
        longest_asked: Duration::from_secs(86_400),
    };

    /// The longest wait after an attempt; the first one is 1.
    #[must_use]
    pub fn ceiling(&self, attempt: u32) -> Duration {
        let growth = self.factor.saturating_pow(attempt.saturating_sub(1));
        self.base.saturating_mul(growth).min(self.cap)
    }

    /// How long to wait after an attempt. A wait that the other side asked for wins, up to the longest allowed.
    #[must_use]
    pub fn wait(&self, attempt: u32, asked: Option<Duration>, rng: &dyn Rng) -> Duration {
        if let Some(asked) = asked {
            return asked.min(self.longest_asked);
        }
        let ceiling = u64::try_from(self.ceiling(attempt).as_micros()).unwrap_or(u64::MAX);
        let drawn = rng.next_u64().checked_rem(ceiling.saturating_add(1));
        Duration::from_micros(drawn.unwrap_or(0))
    }

    /// When the attempt after this one may begin.
    #[must_use]
    pub fn next(
        &self,
        now: Timestamp,
        attempt: u32,
        asked: Option<Duration>,
        rng: &dyn Rng,
    ) -> Timestamp {
        now.after(self.wait(attempt, asked, rng))
    }
}

#[cfg(test)]
mod tests {
    use syncline_testkit::SeededRng;

    use super::*;

    #[test]
    fn every_draw_is_inside_its_band_and_the_bands_are_used() {
        let rng = SeededRng::new(7);
        let ceilings = [5, 15, 45, 135, 405, 1_215, 3_600, 3_600, 3_600, 3_600];
        for (attempt, secs) in (1_u32..).zip(ceilings) {
            let ceiling = Duration::from_secs(secs);
            assert_eq!(Backoff::JOBS.ceiling(attempt), ceiling, "attempt {attempt}");
            let draws: Vec<Duration> =
                (0..10_000).map(|_| Backoff::JOBS.wait(attempt, None, &rng)).collect();
            assert!(draws.iter().all(|draw| *draw <= ceiling), "attempt {attempt}");
            let in_lowest = draws.iter().filter(|draw| **draw < ceiling / 10).count();
            let in_highest = draws.iter().filter(|draw| **draw > ceiling * 9 / 10).count();
            assert!((800..1_200).contains(&in_lowest), "{in_lowest} at attempt {attempt}");
            assert!((800..1_200).contains(&in_highest), "{in_highest} at attempt {attempt}");
        }
    }

    #[test]
    fn what_the_tracker_asks_for_wins_up_to_a_day() {
        let rng = SeededRng::new(1);
        let wait = |asked| Backoff::JOBS.wait(1, Some(Duration::from_secs(asked)), &rng).as_secs();
        assert_eq!((wait(0), wait(120), wait(86_400), wait(1_000_000)), (0, 120, 86_400, 86_400));
    }

    #[test]
    fn no_attempt_is_too_many() {
        assert_eq!(Backoff::JOBS.ceiling(0), Duration::from_secs(5));
        assert_eq!(Backoff::JOBS.ceiling(u32::MAX), Duration::from_secs(3_600));
    }
}
