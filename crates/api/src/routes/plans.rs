//! `/api/execute`: stored plans, and performing them.

use actix_web::{get, post};
use syncline_app::input::Body;
use syncline_domain::ports::PlanFilter;
use syncline_domain::{PlanId, PlanWriteId, Role};

use super::execution::{accepted, ended};
use crate::body::MaybeJson;
use crate::call::Call;
use crate::docs::ApplyBody;
use crate::error::{ApiError, Failure};
use crate::idempotency::{self, Remembered};
use crate::params::LIMIT_DEFAULT;
use crate::path::Id;
use crate::reply::{Answer, Reply};
use crate::view::executions::{RunAccepted, RunEnded};
use crate::view::plans::{PlanList, PlanOne};

/// List the stored plans, newest first
#[utoipa::path(
    tag = "Execution",
    params(
        ("sync_config_id" = Option<i64>, Query), ("cursor" = Option<String>, Query),
        ("limit" = Option<usize>, Query)
    ),
    responses((status = 200, body = Reply<PlanList>), (status = "4XX", body = Failure))
)]
#[get("/execute/plans")]
pub(crate) async fn list(call: Call) -> Answer<PlanList> {
    let ((filter, limit), warnings) = call.query(|q| {
        let filter = PlanFilter {
            config_id: q.id("sync_config_id"),
            before: q.id::<PlanId>("cursor"),
            scope: None,
        };
        (filter, q.limit(LIMIT_DEFAULT))
    })?;
    let page = call.app().plans(&call.caller, filter, limit).await?;
    Ok(Reply::new(PlanList::from(page)).warn(warnings))
}

/// Read a stored plan: its exact writes, with the rule of each
#[utoipa::path(
    tag = "Execution",
    params(
        ("planId" = i64, Path), ("cursor" = Option<String>, Query), ("limit" = Option<usize>, Query)
    ),
    responses((status = 200, body = Reply<PlanOne>), (status = "4XX", body = Failure))
)]
#[get("/execute/plans/{planId}")]
pub(crate) async fn one(call: Call, id: Id<PlanId>) -> Answer<PlanOne> {
    let ((after, limit), warnings) =
        call.query(|q| (q.id::<PlanWriteId>("cursor"), q.limit(LIMIT_DEFAULT)))?;
    let state = call.app().stored_plan(&call.caller, id.0, after, limit).await?;
    Ok(Reply::new(PlanOne::from(state)).warn(warnings))
}

/// Perform a stored plan, and nothing else; items that moved on since are refused by name
#[utoipa::path(
    tag = "Execution",
    params(("planId" = i64, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = Option<ApplyBody>,
    responses(
        (status = 200, body = Reply<RunEnded>), (status = 202, body = Reply<RunAccepted>),
        (status = "4XX", body = Failure)
    )
)]
#[post("/execute/apply/{planId}")]
pub(crate) async fn apply(
    call: Call,
    id: Id<PlanId>,
    body: MaybeJson,
) -> Result<Remembered, ApiError> {
    call.caller.needs(Role::Operator)?;
    let warnings = call.no_query()?;
    let sent = body.0.clone();
    idempotency::once(call, &sent, |call| async move {
        let mut body = Body::new(body.0)?;
        let wait = body.flag("wait").unwrap_or(true);
        let ignore = body.flag("ignore_mapping_tests").unwrap_or(false);
        let more = body.finish()?;
        let mut started = call.app().apply_plan(&call.caller, id.0, ignore).await?;
        let paused = std::mem::take(&mut started.warnings);
        let warnings = warnings.into_iter().chain(more).chain(paused);
        if wait { ended(&call, started, warnings).await } else { accepted(&started, warnings) }
    })
    .await
}
