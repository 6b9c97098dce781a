//! What a handler sees of its worker.

use syncline_domain::ports::{BoxFuture, JobContext, StopReason};
use tokio::sync::watch;

/// The worker's end: tells a handler to stop.
#[derive(Debug)]
pub(crate) struct Teller(watch::Sender<Option<StopReason>>);

/// The handler's end.
pub(crate) struct Context(watch::Receiver<Option<StopReason>>);

/// Both ends.
pub(crate) fn pair() -> (Teller, Context) {
    let (sender, receiver) = watch::channel(None);
    (Teller(sender), Context(receiver))
}

impl Teller {
    /// Tells why to stop. The first reason stays, but having lost the job outweighs every other.
    pub(crate) fn tell(&self, reason: StopReason) {
        self.0.send_if_modified(|told| {
            let news = match told {
                None => true,
                Some(StopReason::Lost) => false,
                Some(_) => reason == StopReason::Lost,
            };
            if news {
                *told = Some(reason);
            }
            news
        });
    }

    pub(crate) fn told(&self) -> Option<StopReason> {
        *self.0.borrow()
    }
}

impl JobContext for Context {
    fn stop(&self) -> Option<StopReason> {
        *self.0.borrow()
    }

    fn stopped(&self) -> BoxFuture<'_, StopReason> {
        let mut told = self.0.clone();
        Box::pin(async move {
            let reason = told.wait_for(Option::is_some).await.ok().and_then(|reason| *reason);
            // The worker is gone without a word: so is the right to the job.
            reason.unwrap_or(StopReason::Lost)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_stays_unless_the_job_is_lost() {
        let (teller, context) = pair();
        assert_eq!(context.stop(), None);
        teller.tell(StopReason::Cancelled);
        teller.tell(StopReason::Draining);
        assert_eq!(context.stopped().await, StopReason::Cancelled);
        teller.tell(StopReason::Lost);
        teller.tell(StopReason::Cancelled);
        assert_eq!(
            (context.stop(), teller.told()),
            (Some(StopReason::Lost), Some(StopReason::Lost))
        );
    }

    #[tokio::test]
    async fn a_worker_that_is_gone_has_lost_the_job() {
        let (teller, context) = pair();
        drop(teller);
        assert_eq!(context.stopped().await, StopReason::Lost);
    }
}
