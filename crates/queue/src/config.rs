//! How a worker works, checked before it starts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The most jobs that one worker runs at a time.
pub const MOST_SLOTS: usize = 1_000;

/// Why a worker cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// No slots, or too many.
    #[error("{0} jobs at a time are not possible; use 1 to {MOST_SLOTS}")]
    Slots(usize),
    /// The worker has no name.
    #[error("the worker has no name; give every process its own")]
    NoHolder,
    /// A time that cannot be.
    #[error("the time {name} is {value:?}; {advice}")]
    Time {
        /// Which.
        name: &'static str,
        /// What it is.
        value: Duration,
        /// What it should be.
        advice: &'static str,
    },
}

/// The times of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueTimes {
    /// How long a claim lasts unless renewed.
    pub lease: Duration,
    /// How often claims are renewed; at most a third of the lease, so that one may fail.
    pub heartbeat: Duration,
    /// How often the store is asked without being woken.
    pub poll: Duration,
    /// How often jobs of dead workers are looked for.
    pub rescue: Duration,
    /// How long running jobs may go on after a stop was asked for.
    pub drain: Duration,
    /// How long handlers then have to stop by themselves.
    pub grace: Duration,
}

impl QueueTimes {
    /// The usual times around a lease of another length: renewed three times while it lasts, and dead workers looked
    /// for twice as often.
    #[must_use]
    pub fn of_lease(lease: Duration) -> Self {
        Self { lease, heartbeat: lease / 3, rescue: lease / 6, ..Self::default() }
    }
}

impl Default for QueueTimes {
    /// 30 s, 10 s, 1 s, 5 s, 25 s and 3 s: an orphan is taken over within 36 s, and a process ends within 28 s.
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            heartbeat: Duration::from_secs(10),
            poll: Duration::from_secs(1),
            rescue: Duration::from_secs(5),
            drain: Duration::from_secs(25),
            grace: Duration::from_secs(3),
        }
    }
}

/// How a worker works.
#[derive(Clone, Debug)]
pub struct QueueConfig {
    pub(crate) holder: String,
    pub(crate) slots: Slots,
    pub(crate) times: QueueTimes,
}

impl QueueConfig {
    /// A worker named `holder` (every process its own) that runs at most `slots` jobs at a time.
    ///
    /// # Errors
    /// What is wrong with the first thing that is.
    pub fn new(
        holder: impl Into<String>,
        slots: usize,
        times: QueueTimes,
    ) -> Result<Self, QueueError> {
        let holder = holder.into();
        if holder.trim().is_empty() {
            return Err(QueueError::NoHolder);
        }
        let slots = Slots::new(slots)?;
        for (name, value) in [
            ("heartbeat", times.heartbeat),
            ("poll", times.poll),
            ("rescue", times.rescue),
            ("grace", times.grace),
        ] {
            if value.is_zero() {
                return Err(QueueError::Time { name, value, advice: "use more than nothing" });
            }
        }
        if times.heartbeat.saturating_mul(3) > times.lease {
            return Err(QueueError::Time {
                name: "heartbeat",
                value: times.heartbeat,
                advice: "use at most a third of the lease",
            });
        }
        Ok(Self { holder, slots, times })
    }

    /// How many jobs run at a time; may be changed while the worker works.
    #[must_use]
    pub fn slots(&self) -> Slots {
        self.slots.clone()
    }
}

/// How many jobs a worker runs at a time. Clones are the same number.
#[derive(Clone, Debug)]
pub struct Slots(Arc<AtomicUsize>);

impl Slots {
    fn new(count: usize) -> Result<Self, QueueError> {
        let slots = Self(Arc::default());
        slots.set(count)?;
        Ok(slots)
    }

    /// The number.
    #[must_use]
    pub fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Changes it. More are used from the next look on; when there are fewer, running jobs end in peace.
    ///
    /// # Errors
    /// [`QueueError::Slots`] for 0 and for more than [`MOST_SLOTS`]; then it stays.
    pub fn set(&self, count: usize) -> Result<(), QueueError> {
        if !(1..=MOST_SLOTS).contains(&count) {
            return Err(QueueError::Slots(count));
        }
        self.0.store(count, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_refused() {
        let made = |holder: &str, slots, times| QueueConfig::new(holder, slots, times).err();
        let good = QueueTimes::default();
        assert_eq!(made("w", 3, good), None);
        assert_eq!(made(" ", 3, good), Some(QueueError::NoHolder));
        assert_eq!(made("w", 0, good), Some(QueueError::Slots(0)));
        assert_eq!(made("w", 1_001, good), Some(QueueError::Slots(1_001)));
        let slow = QueueTimes { heartbeat: Duration::from_secs(11), ..good };
        assert!(matches!(made("w", 3, slow), Some(QueueError::Time { name: "heartbeat", .. })));
        let hot = QueueTimes { poll: Duration::ZERO, ..good };
        assert!(matches!(made("w", 3, hot), Some(QueueError::Time { name: "poll", .. })));
    }

    #[test]
    fn a_lease_of_thirty_seconds_is_the_usual_one() {
        assert_eq!(QueueTimes::of_lease(Duration::from_secs(30)), QueueTimes::default());
        let short = QueueTimes::of_lease(Duration::from_secs(3));
        assert!(QueueConfig::new("w", 1, short).is_ok());
    }

    #[test]
    fn slots_change_for_every_clone_and_never_to_nonsense() {
        let config = QueueConfig::new("w", 3, QueueTimes::default()).unwrap();
        let slots = config.slots();
        slots.set(5).unwrap();
        assert!(slots.set(0).is_err());
        assert_eq!(config.slots().get(), 5);
    }
}
