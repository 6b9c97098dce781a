//! `/api/sync-configs/{id}/drift`: rows that are paused because a tracker changed.

use actix_web::{get, post};
use syncline_domain::{ConfigId, PauseId};

use crate::body::MaybeJson;
use crate::call::Call;
use crate::error::Failure;
use crate::path::{Id, Ids};
use crate::reply::{Answer, Reply};
use crate::view::drift::{DriftDone, DriftList};

/// List the paused rows of a configuration, each with the likeliest edit
#[utoipa::path(
    tag = "Sync configurations",
    params(("id" = i64, Path)),
    responses((status = 200, body = Reply<DriftList>), (status = "4XX", body = Failure))
)]
#[get("/sync-configs/{id}/drift")]
pub(crate) async fn list(call: Call, id: Id<ConfigId>) -> Answer<DriftList> {
    let warnings = call.no_query()?;
    let found = call.app().config_drift(&call.caller, id.0).await?;
    Ok(Reply::new(DriftList::from(found)).warn(warnings))
}

/// Make the proposed edit of a paused row
#[utoipa::path(
    tag = "Sync configurations",
    params(("id" = i64, Path), ("driftId" = i64, Path)),
    responses((status = 200, body = Reply<DriftDone>), (status = "4XX", body = Failure))
)]
#[post("/sync-configs/{id}/drift/{driftId}/apply")]
pub(crate) async fn apply(
    call: Call,
    ids: Ids<ConfigId, PauseId>,
    body: MaybeJson,
) -> Answer<DriftDone> {
    let mut warnings = call.no_query()?;
    warnings.extend(body.nothing()?);
    let mut done = call.app().apply_drift(&call.caller, ids.0, ids.1).await?;
    warnings.append(&mut done.warnings);
    Ok(Reply::new(DriftDone::from(done)).warn(warnings))
}
