//! Waiting with an end, by the clock port.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use syncline_domain::ports::Clock;

/// The limit passed before the work was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not done within {0:?}")]
pub struct Elapsed(pub Duration);

/// Runs `work` for at most `limit` of `clock`; `work` is dropped when the limit passes.
///
/// # Errors
/// [`Elapsed`] when the limit came first.
pub async fn with_timeout<F: Future>(
    clock: &dyn Clock,
    limit: Duration,
    work: F,
) -> Result<F::Output, Elapsed> {
    let work = pin!(work);
    match select(work, clock.sleep(limit)).await {
        Either::Left((done, _)) => Ok(done),
        Either::Right(((), _)) => Err(Elapsed(limit)),
    }
}
