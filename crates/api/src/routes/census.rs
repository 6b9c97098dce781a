//! `/api/execute/census`: both sides compared, nothing written.

use actix_web::post;
use syncline_domain::ConfigId;

use crate::body::MaybeJson;
use crate::call::Call;
use crate::error::Failure;
use crate::path::Id;
use crate::reply::{Answer, Reply};
use crate::view::census::CensusView;

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
