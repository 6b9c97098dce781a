//! The way out: what still runs is ended and handed back.

use std::time::Duration;

use syncline_domain::ports::{Clock, StopReason, StoreExt as _};
use syncline_domain::{JobOutcome, Settlement};

use crate::worker::Worker;

/// How long ended handlers have to go away, and how long the last transaction may take.
const LAST_BREATH: Duration = Duration::from_millis(700);

/// How a worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Jobs whose handlers were ended from outside and that were handed back; their attempts do not count.
    pub released: usize,
    /// Jobs whose end could not be recorded; they are rescued when their leases end.
    pub unsettled: usize,
}

impl Worker {
    /// Ends what still runs and hands it back, in one transaction that may fail.
    pub(crate) async fn end(mut self) -> Ending {
        self.collect();
        self.tasks.abort_all();
        let gone = self.clock().sleep(LAST_BREATH);
        tokio::select! {
            biased;
            () = self.tasks.shutdown() => {}
            () = gone => log::warn!("some handlers do not stop; they end with the process"),
        }
        let now = self.clock().now();
        let mut last = std::mem::take(&mut self.unsettled);
        let settled_before = last.len();
        for (claim, teller) in std::mem::take(&mut self.running) {
            let outcome = match teller.told() {
                Some(StopReason::Lost) => continue,
                Some(StopReason::Cancelled) => JobOutcome::Cancelled { result: None },
                Some(StopReason::Draining) | None => JobOutcome::Released { run_at: now },
            };
            last.push(Settlement { claim, outcome, at: now });
        }
        if last.is_empty() {
            return Ending { released: 0, unsettled: 0 };
        }
        let count = last.len();
        let released = count.saturating_sub(settled_before);
        if self.settle_last(last).await {
            Ending { released, unsettled: 0 }
        } else {
            Ending { released: 0, unsettled: count }
        }
    }

    async fn settle_last(&self, last: Vec<Settlement>) -> bool {
        let store = self.store();
        let settling = store.tx("release_jobs", move |tx| tx.settle_jobs(&last));
        let too_late = Clock::sleep(self.clock(), LAST_BREATH);
        tokio::select! {
            biased;
            settled = settling => match settled {
                Ok(_) => true,
                Err(fault) => {
                    log::error!("running jobs were not handed back, their leases will end: {fault}");
                    false
                }
            },
            () = too_late => {
                log::error!("the store took too long to take running jobs back; their leases will end");
                false
            }
        }
    }
}
