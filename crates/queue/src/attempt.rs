//! One attempt at one job, from claim to outcome.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use syncline_domain::ports::{Clock, JobHandler, Rng, StopReason};
use syncline_domain::{ErrorType, ItemError, Job, JobClaim, JobOutcome};

use crate::context::Context;
use crate::retry::Backoff;

/// An attempt that came to its end by itself.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) claim: JobClaim,
    pub(crate) outcome: JobOutcome,
}

/// Runs the handler; a panic in it is an attempt that failed.
pub(crate) async fn attempt(
    handler: Arc<dyn JobHandler>,
    job: Job,
    claim: JobClaim,
    context: Context,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
) -> Finished {
    // A handler that panicked is not asked anything more about this job.
    let run = AssertUnwindSafe(handler.run(&job, &context)).catch_unwind();
    let outcome = run.await.unwrap_or_else(|panic| {
        let message = format!("the work on this job broke off: {}", words_of(panic.as_ref()));
        log::error!(job = job.id.0, kind = job.kind.as_str(); "{message}");
        JobOutcome::Retry {
            error: unknown(message),
            run_at: Backoff::JOBS.next(clock.now(), job.attempts, None, rng.as_ref()),
        }
    });
    Finished { claim, outcome }
}

/// What an outcome means after the worker asked for a stop; `None` when it must not be recorded.
pub(crate) fn judged(outcome: JobOutcome, told: Option<StopReason>) -> Option<JobOutcome> {
    match (told, outcome) {
        (Some(StopReason::Lost), _) => None,
        (Some(StopReason::Cancelled), JobOutcome::Retry { .. } | JobOutcome::Released { .. }) => {
            Some(JobOutcome::Cancelled { result: None })
        }
        (_, outcome) => Some(outcome),
    }
}

/// For a job whose kind nobody here knows.
pub(crate) fn no_handler(kind: &str) -> JobOutcome {
    let message = format!("nothing here runs jobs of kind {kind:?}; queue one of a known kind");
    let error = ItemError { error_type: ErrorType::Validation, message, field: None };
    JobOutcome::Failed { error, result: None }
}

fn unknown(message: String) -> ItemError {
    ItemError { error_type: ErrorType::Unknown, message, field: None }
}

fn words_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words")
}
