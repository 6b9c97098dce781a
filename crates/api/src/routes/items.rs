//! `/api/items`: what happened to a source item's pair, and why its values are what they are.

use actix_web::get;
use actix_web::web::Path;
use syncline_domain::{ConfigId, HistoryId, ItemId};

use crate::call::Call;
use crate::error::Failure;
use crate::params::LIMIT_DEFAULT;
use crate::reply::{Answer, Reply};
use crate::view::history::{ExplainedView, HistoryList};

/// List what happened to a pair, newest first
#[utoipa::path(
    tag = "Items",
    params(
        ("configId" = i64, Path), ("sourceId" = String, Path), ("cursor" = Option<String>, Query),
        ("limit" = Option<usize>, Query)
    ),
    responses((status = 200, body = Reply<HistoryList>), (status = "4XX", body = Failure))
)]
#[get("/items/{configId}/{sourceId}/history")]
pub(crate) async fn history(call: Call, path: Path<(String, String)>) -> Answer<HistoryList> {
    let ((before, limit), warnings) =
        call.query(|q| (q.id::<HistoryId>("cursor"), q.limit(LIMIT_DEFAULT)))?;
    let (config, item) = path.into_inner();
    let config = crate::path::parse::<ConfigId>("configId", &config)?;
    let found =
        call.app().pair_history(&call.caller, config, ItemId::new(item), before, limit).await?;
    Ok(Reply::new(HistoryList::from(found)).warn(warnings))
}

/// Say why the values of a pair are what they are
#[utoipa::path(
    tag = "Items",
    params(
        ("configId" = i64, Path), ("sourceId" = String, Path),
        ("field" = Option<String>, Query, description = "A field of either side, by reference or name, or status; all when left out")
    ),
    responses((status = 200, body = Reply<ExplainedView>), (status = "4XX", body = Failure))
)]
#[get("/items/{configId}/{sourceId}/explain")]
pub(crate) async fn explain(call: Call, path: Path<(String, String)>) -> Answer<ExplainedView> {
    let (field, warnings) = call.query(|q| q.text("field"))?;
    let (config, item) = path.into_inner();
    let config = crate::path::parse::<ConfigId>("configId", &config)?;
    let told = call.app().explain(&call.caller, config, ItemId::new(item), field).await?;
    Ok(Reply::new(ExplainedView::from(told)).warn(warnings))
}
