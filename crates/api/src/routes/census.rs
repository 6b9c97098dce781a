//! `/api/execute/census`: both sides compared, nothing written.

use actix_web::{get, post};
use syncline_domain::ConfigId;

use crate::body::MaybeJson;
use crate::call::Call;
use crate::error::Failure;
use crate::path::Id;
use crate::reply::{Answer, Reply};
use crate::view::census::{CensusView, LastCensus};

/// Read when both sides were compared last, and what was found
#[utoipa::path(
    tag = "Execution",
    params(("configId" = i64, Path)),
    responses((status = 200, body = Reply<LastCensus>), (status = "4XX", body = Failure))
)]
#[get("/execute/census/{configId}")]
pub(crate) async fn last(call: Call, id: Id<ConfigId>) -> Answer<LastCensus> {
    let warnings = call.no_query()?;
    let (every_hours, look) = call.app().last_census(&call.caller, id.0).await?;
    Ok(Reply::new(LastCensus::new(every_hours, look)).warn(warnings))
}

/// Compare both sides with each other and with what was recorded, writing nothing
#[utoipa::path(
    tag = "Execution",
    params(("configId" = i64, Path)),
    responses((status = 200, body = Reply<CensusView>), (status = "4XX", body = Failure))
)]
#[post("/execute/census/{configId}")]
pub(crate) async fn census(call: Call, id: Id<ConfigId>, body: MaybeJson) -> Answer<CensusView> {
    let mut warnings = call.no_query()?;
    warnings.extend(body.nothing()?);
    let census = call.app().census(&call.caller, id.0).await?;
    Ok(Reply::new(CensusView::from(census)).warn(warnings))
}
