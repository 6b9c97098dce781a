//! `/api/execute`: what starts work.

use actix_web::post;
use serde_json::Value;
use syncline_app::input::Body;
use syncline_app::{RunAsked, RunStarted};
use syncline_domain::{ConfigId, ExecutionId, Fault, FieldFault, ItemId, Role, RunDirection};

use crate::body::{Json, MaybeJson};
use crate::call::Call;
use crate::docs::{RunBody, TestMappingBody};
use crate::error::{ApiError, Failure};
use crate::idempotency::{self, Remembered};
use crate::path::Id;
use crate::reply::{Answer, Done, Reply};
use crate::view::executions::{RunAccepted, RunEnded};
use crate::view::previews::{PreviewView, TrialView, ValidationView};

/// The most ids that one request may name.
const IDS_MAX: usize = 10_000;

/// Run a sync
#[utoipa::path(
    tag = "Execution",
    params(("configId" = i64, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = Option<RunBody>,
    responses(
        (status = 200, body = Reply<RunEnded>), (status = 202, body = Reply<RunAccepted>),
        (status = "4XX", body = Failure)
    )
)]
#[post("/execute/sync/{configId}")]
pub(crate) async fn sync(
    call: Call,
    id: Id<ConfigId>,
    body: MaybeJson,
) -> Result<Remembered, ApiError> {
    call.caller.needs(Role::Operator)?;
    let warnings = call.no_query()?;
    let sent = body.0.clone();
    idempotency::once(call, &sent, |call| async move {
        let (asked, wait, more) = read_run(body.0)?;
        let mut started = call.app().start_run(&call.caller, id.0, asked).await?;
        let paused = std::mem::take(&mut started.warnings);
        let warnings = warnings.into_iter().chain(more).chain(paused);
        if wait { ended(&call, started, warnings).await } else { accepted(&started, warnings) }
    })
    .await
}

/// Say what a run would do, writing nothing, and store it as a plan that can be applied
#[utoipa::path(
    tag = "Execution",
    params(("configId" = i64, Path)),
    request_body = Option<RunBody>,
    responses((status = 200, body = Reply<PreviewView>), (status = "4XX", body = Failure))
)]
#[post("/execute/preview/{configId}")]
pub(crate) async fn preview(call: Call, id: Id<ConfigId>, body: MaybeJson) -> Answer<PreviewView> {
    let warnings = call.no_query()?;
    let (asked, _, more) = read_run(body.0)?;
    let planned = call.app().plan(&call.caller, id.0, asked).await?;
    Ok(Reply::new(PreviewView::from(planned)).warn(warnings).warn(more))
}

/// Ask a run to stop
#[utoipa::path(
    tag = "Execution",
    params(("executionId" = i64, Path)),
    responses((status = 202, body = Reply<Done>), (status = "4XX", body = Failure))
)]
#[post("/execute/cancel/{executionId}")]
pub(crate) async fn cancel(call: Call, id: Id<ExecutionId>, body: MaybeJson) -> Answer<Done> {
    let mut warnings = call.no_query()?;
    warnings.extend(body.nothing()?);
    call.app().cancel_run(&call.caller, id.0).await?;
    Ok(Reply::accepted(Done::new("the run was asked to stop")).warn(warnings))
}

/// Take the failed items of a run up again
#[utoipa::path(
    tag = "Execution",
    params(("executionId" = i64, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 202, body = Reply<RunAccepted>), (status = "4XX", body = Failure))
)]
#[post("/execute/retry/{executionId}")]
pub(crate) async fn retry(
    call: Call,
    id: Id<ExecutionId>,
    body: MaybeJson,
) -> Result<Remembered, ApiError> {
    call.caller.needs(Role::Operator)?;
    let mut warnings = call.no_query()?;
    let sent = body.0.clone();
    warnings.extend(body.nothing()?);
    idempotency::once(call, &sent, |call| async move {
        let mut started = call.app().retry_run(&call.caller, id.0).await?;
        warnings.append(&mut started.warnings);
        accepted(&started, warnings)
    })
    .await
}

/// Check whether a configuration is fit to run
#[utoipa::path(
    tag = "Execution",
    params(("configId" = i64, Path)),
    responses((status = 200, body = Reply<ValidationView>), (status = "4XX", body = Failure))
)]
#[post("/execute/validate/{configId}")]
pub(crate) async fn validate(
    call: Call,
    id: Id<ConfigId>,
    body: MaybeJson,
) -> Answer<ValidationView> {
    let mut warnings = call.no_query()?;
    warnings.extend(body.nothing()?);
    let validation = call.app().validate(&call.caller, id.0).await?;
    Ok(Reply::new(ValidationView::from(validation)).warn(warnings))
}

/// Run the rules over an item and tell every step
#[utoipa::path(
    tag = "Execution",
    request_body = TestMappingBody,
    responses((status = 200, body = Reply<TrialView>), (status = "4XX", body = Failure))
)]
#[post("/execute/test-mapping")]
pub(crate) async fn test_mapping(call: Call, body: Json) -> Answer<TrialView> {
    let warnings = call.no_query()?;
    let trial = call.app().test_mapping(&call.caller, body.0).await?;
    let more = trial.warnings.clone();
    Ok(Reply::new(TrialView::from(trial)).warn(warnings).warn(more))
}

pub(super) async fn ended(
    call: &Call,
    started: RunStarted,
    warnings: impl Iterator<Item = String>,
) -> Result<Remembered, ApiError> {
    let execution = started.ended.await.map_err(|_| {
        Fault::Unavailable(format!(
            "run {} stopped with the server; look at it with GET /api/execute/status/{}",
            started.execution_id, started.execution_id
        ))
    })?;
    let (items, truncated) = call.app().outcomes_for_reply(execution.id).await?;
    Remembered::of(&Reply::new(RunEnded::new(execution, items, truncated)).warn(warnings))
}

pub(super) fn accepted(
    started: &RunStarted,
    warnings: impl IntoIterator<Item = String>,
) -> Result<Remembered, ApiError> {
    let message = "the run was started".to_owned();
    let body = RunAccepted { message, execution_id: started.execution_id.0 };
    Remembered::of(&Reply::accepted(body).warn(warnings))
}

fn read_run(body: Value) -> Result<(RunAsked, bool, Vec<String>), Fault> {
    let mut body = Body::new(body)?;
    let asked = RunAsked {
        item_ids: read_item_ids(&mut body),
        full: body.flag("full").unwrap_or(false),
        limit: body.int("limit", 1, 1_000_000_000).and_then(|n| u64::try_from(n).ok()),
        dry_run: body.flag("dry_run").unwrap_or(false),
        direction: body.word::<RunDirection>("direction"),
    };
    let wait = body.flag("wait").unwrap_or(true);
    let warnings = body.finish()?;
    Ok((asked, wait, warnings))
}

/// `work_item_ids`: texts and whole numbers; repeats collapse.
pub(crate) fn read_item_ids(body: &mut Body) -> Option<Vec<ItemId>> {
    let parts = body.list("work_item_ids")?;
    if parts.is_empty() {
        body.fault("work_item_ids", "it is empty; leave it out to sync everything");
    }
    if parts.len() > IDS_MAX {
        body.fault("work_item_ids", format!("it names more than {IDS_MAX} items; send fewer"));
    }
    let mut ids: Vec<ItemId> = Vec::with_capacity(parts.len());
    let mut faults = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for (index, part) in parts.iter().enumerate() {
        let text = match part {
            Value::String(text) if !text.trim().is_empty() && text.len() <= 200 => {
                text.trim().to_owned()
            }
            Value::Number(number) if number.is_u64() => number.to_string(),
            _ => {
                faults.push(FieldFault::new(
                    format!("/{index}"),
                    "use an item's id: a text or a whole number",
                ));
                continue;
            }
        };
        if seen.insert(text.clone()) {
            ids.push(ItemId::new(text));
        }
    }
    body.faults_below("work_item_ids", faults);
    Some(ids)
}
