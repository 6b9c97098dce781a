//! How many of something in a while, for each of many.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Over which span is counted.
pub(crate) const SPAN: Duration = Duration::from_secs(60);

/// At most so many of a key within any minute. Keys beyond `most_keys` push out those that were quiet for longest.
pub struct Window<K> {
    limit: usize,
    most_keys: usize,
    seen: Mutex<HashMap<K, VecDeque<Duration>>>,
}

impl<K: Copy + Eq + Hash> Window<K> {
    /// Lets `limit` of a key pass a minute, and remembers at most `most_keys` keys.
    #[must_use]
    pub fn new(limit: u32, most_keys: usize) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Self { limit, most_keys, seen: Mutex::default() }
    }

    /// Counts one at `now` (monotonic).
    ///
    /// # Errors
    /// How long to wait until there is room again.
    pub fn admit(&self, key: K, now: Duration) -> Result<(), Duration> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.contains_key(&key) && seen.len() >= self.most_keys {
            make_room(&mut seen, now);
        }
        let times = seen.entry(key).or_default();
        while times.front().is_some_and(|at| now.saturating_sub(*at) >= SPAN) {
            times.pop_front();
        }
        if times.len() < self.limit {
            times.push_back(now);
            return Ok(());
        }
        let oldest = times.front().copied().unwrap_or(now);
        Err(oldest.saturating_add(SPAN).saturating_sub(now))
    }
}

/// Forgets keys that were quiet for a whole span; where there are none, the one that was quiet for longest.
fn make_room<K: Copy + Eq + Hash>(seen: &mut HashMap<K, VecDeque<Duration>>, now: Duration) {
    let last = |times: &VecDeque<Duration>| times.back().copied().unwrap_or_default();
    let before = seen.len();
    seen.retain(|_, times| now.saturating_sub(last(times)) < SPAN);
    if seen.len() == before {
        let quietest = seen.iter().min_by_key(|(_, times)| last(times)).map(|(key, _)| *key);
        if let Some(key) = quietest {
            seen.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn within_any_minute_there_are_never_more_than_the_limit() {
        let window = Window::new(2, 10);
        assert_eq!(window.admit(1, at(0)), Ok(()));
        assert_eq!(window.admit(1, at(50)), Ok(()));
        assert_eq!(window.admit(1, at(59)), Err(at(1)));
        assert_eq!(window.admit(1, at(60)), Ok(()));
        assert_eq!(window.admit(1, at(61)), Err(at(49)));
        assert_eq!(window.admit(2, at(61)), Ok(()));
    }

    #[test]
    fn its_memory_is_bounded_however_many_keys_there_are() {
        let window = Window::new(1, 100);
        for key in 0..10_000_u32 {
            let _ = window.admit(key, at(u64::from(key) / 1_000));
        }
        assert_eq!(window.seen.lock().unwrap().len(), 100);
        // The latest are still known.
        assert!(window.admit(9_999, at(10)).is_err());
    }
}
