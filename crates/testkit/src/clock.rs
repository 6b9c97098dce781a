//! A clock that moves only when the test says so.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use syncline_domain::Timestamp;
use syncline_domain::ports::{BoxFuture, Clock};
use tokio::sync::watch;

/// How often a sleeper in auto-advance mode lets everybody else run before time jumps.
const QUIET_ROUNDS: u32 = 16;

/// A clock that moves only when the test says so. Clones tell the same time.
///
/// Wall and monotonic time move together by [`ManualClock::advance`]; [`ManualClock::jump_wall`] moves the wall alone,
/// as an administrator or a time server would.
#[derive(Clone)]
pub struct ManualClock {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    sleepers: watch::Sender<usize>,
}

struct State {
    wall: Timestamp,
    monotonic: Duration,
    sleepers: BTreeMap<(Duration, u64), Waker>,
    next_sleeper: u64,
    auto_advance: bool,
    quiet_rounds: u32,
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl ManualClock {
    /// A clock that shows 2026-01-05T09:00:00Z (a Monday).
    #[must_use]
    pub fn new() -> Self {
        Self::at(Timestamp::from_secs(1_767_603_600))
    }

    /// A clock that shows this instant.
    #[must_use]
    pub fn at(wall: Timestamp) -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    wall,
                    monotonic: Duration::from_secs(1_000),
                    sleepers: BTreeMap::new(),
                    next_sleeper: 0,
                    auto_advance: false,
                    quiet_rounds: 0,
                }),
                sleepers: watch::Sender::new(0),
            }),
        }
    }

    /// Makes a sleep jump time to the next sleeper once every other task has had its turns and waits.
    ///
    /// For tests in which everything else happens in memory on one thread: the clock cannot see that a task waits for
    /// a socket or a thread, and jumps then, too.
    #[must_use]
    pub fn auto_advance(self) -> Self {
        self.shared.lock().auto_advance = true;
        self
    }

    /// Moves both times on and wakes all sleepers that are due, earliest first.
    pub fn advance(&self, span: Duration) {
        let mut state = self.shared.lock();
        let target = state.monotonic.saturating_add(span);
        state.move_to(target);
        let due = state.take_due();
        let count = state.sleepers.len();
        drop(state);
        self.shared.sleepers.send_replace(count);
        due.into_iter().for_each(Waker::wake);
    }

    /// Moves time on like [`ManualClock::advance`], but stops at every sleeper, so that each sees its own hour and the
    /// sleeps it starts then are kept, too.
    pub async fn run_for(&self, span: Duration) {
        let target = self.monotonic().saturating_add(span);
        loop {
            for _ in 0..QUIET_ROUNDS {
                tokio::task::yield_now().await;
            }
            let next = self.shared.lock().sleepers.keys().next().map(|key| key.0);
            let stop = next.map_or(target, |at| at.min(target));
            let step = stop.saturating_sub(self.monotonic());
            self.advance(step);
            if next.is_none_or(|at| at > target) {
                return;
            }
        }
    }

    /// Sets the wall clock; monotonic time stays.
    pub fn set_wall(&self, wall: Timestamp) {
        self.shared.lock().wall = wall;
    }

    /// Moves the wall clock by this many microseconds, in either direction; monotonic time stays.
    pub fn jump_wall(&self, micros: i64) {
        let mut state = self.shared.lock();
        state.wall = Timestamp::from_micros(state.wall.micros().saturating_add(micros));
    }

    /// How many sleeps are waiting.
    #[must_use]
    pub fn sleepers(&self) -> usize {
        self.shared.lock().sleepers.len()
    }

    /// Resolves when at least `count` sleeps are waiting.
    pub async fn wait_for_sleepers(&self, count: usize) {
        let mut seen = self.shared.sleepers.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = seen.wait_for(|now| *now >= count).await;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.shared.lock().wall
    }

    fn monotonic(&self) -> Duration {
        self.shared.lock().monotonic
    }

    fn sleep_until(&self, at: Duration) -> BoxFuture<'static, ()> {
        let mut state = self.shared.lock();
        let number = state.next_sleeper;
        state.next_sleeper += 1;
        Box::pin(Sleep { shared: Arc::clone(&self.shared), key: (at, number) })
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn move_to(&mut self, target: Duration) {
        let step = target.saturating_sub(self.monotonic);
        self.monotonic = self.monotonic.max(target);
        self.wall = self.wall.after(step);
        self.quiet_rounds = 0;
    }

    fn take_due(&mut self) -> Vec<Waker> {
        let mut later = self.sleepers.split_off(&(self.monotonic, u64::MAX));
        std::mem::swap(&mut later, &mut self.sleepers);
        later.into_values().collect()
    }
}

struct Sleep {
    shared: Arc<Shared>,
    key: (Duration, u64),
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.shared.lock();
        if state.monotonic >= self.key.0 {
            state.sleepers.remove(&self.key);
            return Poll::Ready(());
        }
        let is_new = state.sleepers.insert(self.key, context.waker().clone()).is_none();
        let mut due = Vec::new();
        if state.auto_advance {
            // The earliest sleeper counts the rounds in which nobody else moved time or began to sleep.
            let earliest = state.sleepers.keys().next().copied();
            if is_new {
                state.quiet_rounds = 0;
            } else if earliest == Some(self.key) {
                state.quiet_rounds += 1;
            }
            if state.quiet_rounds >= QUIET_ROUNDS {
                state.move_to(self.key.0.min(earliest.map_or(self.key.0, |key| key.0)));
                due = state.take_due();
            } else {
                context.waker().wake_by_ref();
            }
        }
        let count = state.sleepers.len();
        drop(state);
        self.shared.sleepers.send_replace(count);
        due.into_iter().for_each(Waker::wake);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if state.sleepers.remove(&self.key).is_some() {
            let count = state.sleepers.len();
            drop(state);
            self.shared.sleepers.send_replace(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::PoisonError;

    use super::*;

    #[tokio::test]
    async fn sleepers_wake_in_the_order_of_their_times() {
        let clock = ManualClock::new();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for secs in [3_u64, 1, 2] {
            let (clock, order) = (clock.clone(), Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                clock.sleep(Duration::from_secs(secs)).await;
                order.lock().unwrap_or_else(PoisonError::into_inner).push(secs);
            }));
        }
        clock.wait_for_sleepers(3).await;
        clock.advance(Duration::from_secs(2));
        clock.wait_for_sleepers(1).await;
        assert_eq!(clock.sleepers(), 1);
        clock.advance(Duration::from_secs(1));
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), [1, 2, 3]);
    }

    #[tokio::test]
    async fn both_times_advance_together_and_only_the_wall_jumps() {
        let clock = ManualClock::at(Timestamp::from_secs(100));
        let start = clock.monotonic();
        clock.advance(Duration::from_secs(5));
        clock.jump_wall(-50_000_000);
        assert_eq!(clock.now(), Timestamp::from_secs(55));
        assert_eq!(clock.monotonic() - start, Duration::from_secs(5));
    }

    #[tokio::test]
    async fn a_dropped_sleep_waits_no_longer() {
        let clock = ManualClock::new();
        let mut sleep = clock.sleep(Duration::from_secs(1));
        assert!(futures_util::poll!(&mut sleep).is_pending());
        assert_eq!(clock.sleepers(), 1);
        drop(sleep);
        assert_eq!(clock.sleepers(), 0);
    }

    #[tokio::test]
    async fn auto_advance_jumps_from_sleeper_to_sleeper() {
        let clock = ManualClock::new().auto_advance();
        let start = clock.monotonic();
        let (one, two) = (clock.clone(), clock.clone());
        let seen = tokio::join!(
            async move {
                one.sleep(Duration::from_secs(3_600)).await;
                one.monotonic() - start
            },
            async move {
                two.sleep(Duration::from_secs(60)).await;
                two.sleep(Duration::from_secs(60)).await;
                two.monotonic() - start
            },
        );
        assert_eq!(seen.1, Duration::from_secs(120));
        assert_eq!(seen.0, Duration::from_secs(3_600));
    }

    #[tokio::test]
    async fn run_for_shows_each_sleeper_its_own_hour() {
        let clock = ManualClock::new();
        let start = clock.monotonic();
        let ticking = clock.clone();
        let ticks = tokio::spawn(async move {
            let mut seen = Vec::new();
            for _ in 0..3 {
                ticking.sleep(Duration::from_secs(10)).await;
                seen.push((ticking.monotonic() - start).as_secs());
            }
            seen
        });
        clock.run_for(Duration::from_secs(35)).await;
        assert_eq!(ticks.await.unwrap(), [10, 20, 30]);
        assert_eq!(clock.monotonic() - start, Duration::from_secs(35));
    }
}
