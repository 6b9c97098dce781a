//! How often somebody may do something that reaches people outside.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Takes of each person at most `most` in `span`. Counts in memory: every process has its own.
#[derive(Debug)]
pub(crate) struct Pace {
    most: usize,
    span: Duration,
    taken: Mutex<BTreeMap<String, VecDeque<Duration>>>,
}

impl Pace {
    pub(crate) const fn new(most: usize, span: Duration) -> Self {
        Self { most, span, taken: Mutex::new(BTreeMap::new()) }
    }

    /// Counts one for `who` at `now` (monotonic).
    ///
    /// # Errors
    /// How long to wait until there is room again.
    pub(crate) fn take(&self, who: &str, now: Duration) -> Result<(), Duration> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.retain(|_, times| {
            times.retain(|at| now.saturating_sub(*at) < self.span);
            !times.is_empty()
        });
        let times = taken.entry(who.to_owned()).or_default();
        match times.front() {
            Some(first) if times.len() >= self.most => {
                Err(self.span.saturating_sub(now.saturating_sub(*first)))
            }
            _ => {
                times.push_back(now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_persons_haste_is_not_anothers_and_passes() {
        let pace = Pace::new(2, Duration::from_secs(60));
        let at = Duration::from_secs;
        assert_eq!(pace.take("ada", at(0)), Ok(()));
        assert_eq!(pace.take("ada", at(10)), Ok(()));
        assert_eq!(pace.take("ada", at(20)), Err(at(40)));
        assert_eq!(pace.take("bob", at(20)), Ok(()));
        assert_eq!(pace.take("ada", at(60)), Ok(()));
        assert_eq!(pace.take("ada", at(61)), Err(at(9)));
    }
}
