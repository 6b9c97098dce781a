//! One thread, no time of its own, and a way to know that nobody has anything left to do.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

use tokio::runtime::{Builder, Runtime};

/// Tells when every task waits. A runtime on one thread parks only then, so nothing is guessed and histories replay.
#[derive(Clone, Default)]
pub(crate) struct Idle(Arc<Mutex<Option<Waker>>>);

impl Idle {
    /// A runtime and its sign of idleness.
    pub(crate) fn runtime() -> (Runtime, Self) {
        let idle = Self::default();
        let parked = idle.clone();
        let runtime = Builder::new_current_thread()
            .on_thread_park(move || {
                if let Some(waker) = parked.take() {
                    waker.wake();
                }
            })
            .build()
            .expect("a runtime");
        (runtime, idle)
    }

    fn take(&self) -> Option<Waker> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Lets everybody else go on until all of them wait. For the main future only.
    pub(crate) async fn quiet(&self) {
        let mut is_armed = false;
        poll_fn(move |task| {
            let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if is_armed && slot.is_none() {
                return Poll::Ready(());
            }
            is_armed = true;
            *slot = Some(task.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
