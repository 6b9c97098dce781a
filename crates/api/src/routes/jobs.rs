//! `/api/jobs`.

use actix_web::web::Path;
use actix_web::{get, post};
use serde_json::Value;
use syncline_app::input::{Body, kind_of};
use syncline_app::{Cancelled, JobAsked};
use syncline_domain::ports::JobFilter;
use syncline_domain::{ConfigId, Fault, JobId, ReplayMode, Role, RunDirection, Timestamp};

use crate::body::MaybeJson;
use crate::call::Call;
use crate::docs::{JobBody, JobReplayBody};
use crate::error::{ApiError, Failure};
use crate::idempotency::{self, Remembered};
use crate::params::page;
use crate::path::Id;
use crate::reply::{Answer, Done, Reply};
use crate::routes::execution::read_item_ids;
use crate::view::jobs::{JobList, JobOne, JobQueued, JobRow, QueueOne};
use crate::view::replays::ReplayView;

/// Queue a sync
#[utoipa::path(
    tag = "Jobs",
    params(("configId" = i64, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = Option<JobBody>,
    responses((status = 202, body = Reply<JobQueued>), (status = "4XX", body = Failure))
)]
#[post("/jobs/queue/{configId}")]
pub(crate) async fn enqueue(
    call: Call,
    id: Id<ConfigId>,
    body: MaybeJson,
) -> Result<Remembered, ApiError> {
    call.caller.needs(Role::Operator)?;
    let warnings = call.no_query()?;
    let sent = body.0.clone();
    idempotency::once(call, &sent, |call| async move {
        let (asked, more) = read_job(body.0)?;
        let key = call.app().queue_job(&call.caller, id.0, asked).await?;
        let message = "Sync job queued successfully".to_owned();
        let body = JobQueued { message, job_id: key.to_string() };
        Remembered::of(&Reply::accepted(body).warn(warnings).warn(more))
    })
    .await
}

/// Read a job
#[utoipa::path(
    tag = "Jobs",
    params(("jobId" = String, Path)),
    responses((status = 200, body = Reply<JobOne>), (status = "4XX", body = Failure))
)]
#[get("/jobs/status/{jobId}")]
pub(crate) async fn status(call: Call, id: Path<String>) -> Answer<JobOne> {
    let warnings = call.no_query()?;
    let job = call.app().job(&call.caller, &id).await?.into();
    Ok(Reply::new(JobOne { job }).warn(warnings))
}

/// Say how full the queue is
#[utoipa::path(tag = "Jobs", responses((status = 200, body = Reply<QueueOne>), (status = "4XX", body = Failure)))]
#[get("/jobs/queue")]
pub(crate) async fn figures(call: Call) -> Answer<QueueOne> {
    let warnings = call.no_query()?;
    let queue = call.app().queue_figures(&call.caller).await?.into();
    Ok(Reply::new(QueueOne { queue }).warn(warnings))
}

/// List jobs, newest first
#[utoipa::path(
    tag = "Jobs",
    params(
        ("sync_config_id" = Option<i64>, Query), ("status" = Option<String>, Query),
        ("dead" = Option<bool>, Query, description = "only jobs given up after their attempts, or only the others"),
        ("cursor" = Option<String>, Query), ("limit" = Option<usize>, Query), ("offset" = Option<usize>, Query)
    ),
    responses((status = 200, body = Reply<JobList>), (status = "4XX", body = Failure))
)]
#[get("/jobs")]
pub(crate) async fn list(call: Call) -> Answer<JobList> {
    let ((filter, (offset, limit)), warnings) = call.query(|q| {
        let filter = JobFilter {
            config_id: q.id("sync_config_id"),
            status: q.word("status"),
            dead: q.flag("dead"),
            before: q.id("cursor"),
            scope: None,
        };
        (filter, page(q))
    })?;
    let page = call.app().jobs(&call.caller, filter, offset, limit).await?;
    let jobs: Vec<JobRow> = page.jobs.into_iter().map(JobRow::from).collect();
    let next_cursor = page.next_cursor.map(|JobId(id)| id.to_string());
    Ok(Reply::new(JobList { total: page.total, count: jobs.len(), jobs, next_cursor })
        .warn(warnings))
}

/// Ask a job to stop
#[utoipa::path(
    tag = "Jobs",
    params(("jobId" = String, Path)),
    responses((status = 200, body = Reply<Done>), (status = 202, body = Reply<Done>), (status = "4XX", body = Failure))
)]
#[post("/jobs/{jobId}/cancel")]
pub(crate) async fn cancel(call: Call, id: Path<String>, body: MaybeJson) -> Answer<Done> {
    let mut warnings = call.no_query()?;
    warnings.extend(body.nothing()?);
    let reply = match call.app().cancel_job(&call.caller, &id).await? {
        Cancelled::AtOnce => Reply::new(Done::new("the job was cancelled")),
        Cancelled::Soon => Reply::accepted(Done::new("the job was asked to stop")),
    };
    Ok(reply.warn(warnings))
}

/// Queue a failed or cancelled job again
#[utoipa::path(
    tag = "Jobs",
    params(("jobId" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 202, body = Reply<JobQueued>), (status = "4XX", body = Failure))
)]
#[post("/jobs/{jobId}/retry")]
pub(crate) async fn retry(
    call: Call,
    id: Path<String>,
    body: MaybeJson,
) -> Result<Remembered, ApiError> {
    call.caller.needs(Role::Operator)?;
    let mut warnings = call.no_query()?;
    let sent = body.0.clone();
    warnings.extend(body.nothing()?);
    idempotency::once(call, &sent, |call| async move {
        let key = call.app().retry_job(&call.caller, &id).await?;
        let message = "the job is queued again".to_owned();
        let body = JobQueued { message, job_id: key.to_string() };
        Remembered::of(&Reply::accepted(body).warn(warnings))
    })
    .await
}

/// Make of what a job's latest run read once more what it made; writes nothing
#[utoipa::path(
    tag = "Jobs",
    params(("jobId" = String, Path)),
    request_body = Option<JobReplayBody>,
    responses((status = 200, body = Reply<ReplayView>), (status = "4XX", body = Failure))
)]
#[post("/jobs/{jobId}/replay")]
pub(crate) async fn replay(call: Call, id: Path<String>, body: MaybeJson) -> Answer<ReplayView> {
    call.caller.needs(Role::Operator)?;
    let warnings = call.no_query()?;
    let mut body = Body::new(body.0)?;
    let mode = body.word("mode").unwrap_or(ReplayMode::AsItWas);
    let more = body.finish()?;
    let replayed = call.app().replay_job(&call.caller, &id, mode).await?;
    Ok(Reply::new(ReplayView::from(replayed)).warn(warnings).warn(more))
}

fn read_job(body: Value) -> Result<(JobAsked, Vec<String>), Fault> {
    let mut body = Body::new(body)?;
    let asked = JobAsked {
        item_ids: read_item_ids(&mut body),
        dry_run: body.flag("dry_run").unwrap_or(false),
        full: body.flag("full").unwrap_or(false),
        direction: body.word::<RunDirection>("direction"),
        priority: body
            .int("priority", -100, 100)
            .and_then(|n| i32::try_from(n).ok())
            .unwrap_or_default(),
        run_at: read_instant(&mut body, "run_at"),
    };
    let warnings = body.finish()?;
    Ok((asked, warnings))
}

/// RFC 3339, or epoch milliseconds.
fn read_instant(body: &mut Body, name: &str) -> Option<Timestamp> {
    let value = body.value(name)?;
    let at = match &value {
        Value::String(text) => Timestamp::parse(text).ok(),
        other => other.as_i64().filter(|ms| *ms >= 0).map(Timestamp::from_millis),
    };
    if at.is_none() {
        let text = format!(
            "this {} is no time; use one such as 2026-02-12T08:00:00Z, or epoch milliseconds",
            kind_of(&value).trim_start_matches("a ").trim_start_matches("an ")
        );
        body.fault(name, text);
    }
    at
}
