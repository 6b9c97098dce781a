//! `/api/connectors`.

use actix_web::web::Path;
use actix_web::{delete, get, post, put};
use syncline_domain::{ConnectorId, ItemId};

use crate::body::{Json, MaybeJson};
use crate::call::Call;
use crate::docs::{ConnectorBody, ConnectorChange};
use crate::error::Failure;
use crate::path::Id;
use crate::reply::{Answer, Reply};
use crate::view::connectors::{
    CheckLine, ConnectorGone, ConnectorList, ConnectorOne, ConnectorSaved, ConnectorView,
    DiscoveredView, ItemList, ItemOne, ItemView, Kinds, TestDetails, Tested, TestedUnsaved,
};
use crate::view::window;

/// List connectors
#[utoipa::path(
    tag = "Connectors",
    params(("active" = Option<bool>, Query), ("limit" = Option<usize>, Query), ("offset" = Option<usize>, Query)),
    responses((status = 200, body = Reply<ConnectorList>), (status = "4XX", body = Failure))
)]
#[get("/connectors")]
pub(crate) async fn list(call: Call) -> Answer<ConnectorList> {
    let ((active, limit, offset), warnings) =
        call.query(|q| (q.flag("active"), q.optional_limit(), q.offset()))?;
    let rows = call.app().connectors(&call.caller, active).await?;
    let total = rows.len();
    let connectors: Vec<ConnectorView> =
        window(rows, offset, limit).into_iter().map(ConnectorView::from).collect();
    Ok(Reply::new(ConnectorList { total, count: connectors.len(), connectors }).warn(warnings))
}

/// List the connector types there are
#[utoipa::path(tag = "Connectors", responses((status = 200, body = Reply<Kinds>), (status = "4XX", body = Failure)))]
#[get("/connectors/types/available")]
pub(crate) async fn kinds(call: Call) -> Answer<Kinds> {
    let warnings = call.no_query()?;
    Ok(Reply::new(Kinds::from(call.app().factory().types())).warn(warnings))
}

/// Read a connector
#[utoipa::path(
    tag = "Connectors",
    params(("id" = i64, Path)),
    responses((status = 200, body = Reply<ConnectorOne>), (status = "4XX", body = Failure))
)]
#[get("/connectors/{id}")]
pub(crate) async fn one(call: Call, id: Id<ConnectorId>) -> Answer<ConnectorOne> {
    let warnings = call.no_query()?;
    let connector = call.app().connector(&call.caller, id.0).await?.into();
    Ok(Reply::new(ConnectorOne { connector }).warn(warnings))
}

/// Register a connector
#[utoipa::path(
    tag = "Connectors",
    request_body = ConnectorBody,
    responses((status = 201, body = Reply<ConnectorSaved>), (status = "4XX", body = Failure))
)]
#[post("/connectors")]
pub(crate) async fn create(call: Call, body: Json) -> Answer<ConnectorSaved> {
    let warnings = call.no_query()?;
    let saved = call.app().create_connector(&call.caller, body.0).await?;
    let message = "connector created".to_owned();
    Ok(Reply::created(ConnectorSaved { message, connector_id: saved.id.0 })
        .warn(warnings)
        .warn(saved.warnings))
}

/// Change a connector
#[utoipa::path(
    tag = "Connectors",
    params(("id" = i64, Path), ("force" = Option<bool>, Query)),
    request_body = ConnectorChange,
    responses((status = 200, body = Reply<ConnectorSaved>), (status = "4XX", body = Failure))
)]
#[put("/connectors/{id}")]
pub(crate) async fn update(call: Call, id: Id<ConnectorId>, body: Json) -> Answer<ConnectorSaved> {
    let (force, warnings) = call.query(|q| q.flag("force").unwrap_or(false))?;
    let saved = call.app().update_connector(&call.caller, id.0, body.0, force).await?;
    let message = "connector updated".to_owned();
    Ok(Reply::new(ConnectorSaved { message, connector_id: saved.id.0 })
        .warn(warnings)
        .warn(saved.warnings))
}

/// Delete a connector with everything that hangs on it
#[utoipa::path(
    tag = "Connectors",
    params(("id" = i64, Path), ("force" = Option<bool>, Query), ("dry_run" = Option<bool>, Query)),
    responses((status = 200, body = Reply<ConnectorGone>), (status = "4XX", body = Failure))
)]
#[delete("/connectors/{id}")]
pub(crate) async fn delete(call: Call, id: Id<ConnectorId>) -> Answer<ConnectorGone> {
    let ((force, dry_run), warnings) =
        call.query(|q| (q.flag("force").unwrap_or(false), q.flag("dry_run").unwrap_or(false)))?;
    let usage = call.app().delete_connector(&call.caller, id.0, force, dry_run).await?;
    let message = if dry_run { "nothing was deleted" } else { "connector deleted" };
    let body = ConnectorGone { message: message.to_owned(), dry_run, deleted: usage.into() };
    Ok(Reply::new(body).warn(warnings))
}

/// Test a connector
#[utoipa::path(
    tag = "Connectors",
    params(("id" = i64, Path)),
    responses((status = 200, body = Reply<Tested>), (status = "4XX", body = Failure))
)]
#[post("/connectors/{id}/test")]
pub(crate) async fn test(call: Call, id: Id<ConnectorId>, body: MaybeJson) -> Answer<Tested> {
    let mut warnings = call.no_query()?;
    warnings.extend(body.nothing()?);
    let checks = call.app().test_connector(&call.caller, id.0).await?;
    let details = TestDetails { checks: checks.into_iter().map(CheckLine::from).collect() };
    Ok(Reply::new(Tested { message: "the connection works".to_owned(), details }).warn(warnings))
}

/// Test a connector without saving it
#[utoipa::path(
    tag = "Connectors",
    request_body = ConnectorBody,
    responses((status = 200, body = Reply<TestedUnsaved>), (status = "4XX", body = Failure))
)]
#[post("/connectors/test")]
pub(crate) async fn test_unsaved(call: Call, body: Json) -> Answer<TestedUnsaved> {
    let warnings = call.no_query()?;
    let (checks, more) = call.app().test_unsaved_connector(&call.caller, body.0).await?;
    let checks: Vec<CheckLine> = checks.into_iter().map(CheckLine::from).collect();
    let message = "the connection works".to_owned();
    let details = TestDetails { checks: checks.clone() };
    Ok(Reply::new(TestedUnsaved { message, details, checks }).warn(warnings).warn(more))
}

/// Read types, fields and statuses from the tracker
#[utoipa::path(
    tag = "Connectors",
    params(("id" = i64, Path)),
    responses((status = 200, body = Reply<DiscoveredView>), (status = "4XX", body = Failure))
)]
#[post("/connectors/{id}/discover")]
pub(crate) async fn discover(
    call: Call,
    id: Id<ConnectorId>,
    body: MaybeJson,
) -> Answer<DiscoveredView> {
    let mut warnings = call.no_query()?;
    warnings.extend(body.nothing()?);
    let found = call.app().discover(&call.caller, id.0).await?;
    Ok(Reply::new(DiscoveredView::from(found)).warn(warnings))
}

/// List newest or matching items of a tracker
#[utoipa::path(
    tag = "Connectors",
    params(
        ("id" = i64, Path), ("type_id" = Option<String>, Query), ("search" = Option<String>, Query),
        ("limit" = Option<usize>, Query)
    ),
    responses((status = 200, body = Reply<ItemList>), (status = "4XX", body = Failure))
)]
#[get("/connectors/{id}/items")]
pub(crate) async fn items(call: Call, id: Id<ConnectorId>) -> Answer<ItemList> {
    let ((kind, search, limit), warnings) =
        call.query(|q| (q.text("type_id"), q.text("search"), q.limit(20)))?;
    let found = call
        .app()
        .connector_items(&call.caller, id.0, kind.as_deref(), search.as_deref(), limit)
        .await?;
    let items: Vec<ItemView> = found.into_iter().map(ItemView::from).collect();
    Ok(Reply::new(ItemList { total: items.len(), count: items.len(), items }).warn(warnings))
}

/// Read one item of a tracker
#[utoipa::path(
    tag = "Connectors",
    params(("id" = i64, Path), ("item_id" = String, Path)),
    responses((status = 200, body = Reply<ItemOne>), (status = "4XX", body = Failure))
)]
#[get("/connectors/{id}/items/{item_id}")]
pub(crate) async fn item(call: Call, path: Path<(String, String)>) -> Answer<ItemOne> {
    let warnings = call.no_query()?;
    let (id, item) = path.into_inner();
    let id = crate::path::parse::<ConnectorId>("id", &id)?;
    let item = call.app().connector_item(&call.caller, id, &ItemId::new(item)).await?.into();
    Ok(Reply::new(ItemOne { item }).warn(warnings))
}
