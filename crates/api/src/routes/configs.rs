//! `/api/sync-configs`.

use actix_web::{delete, get, post, put};
use syncline_app::ConfigFilter;
use syncline_domain::ConfigId;

use crate::body::Json;
use crate::call::Call;
use crate::docs::{CloneBody, ConfigBody, ConfigChange, UserMapBody};
use crate::error::Failure;
use crate::path::Id;
use crate::reply::{Answer, Done, Reply};
use crate::view::configs::{
    ConfigList, ConfigOne, ConfigRow, ConfigSaved, ConfigWhole, UserMapView,
};
use crate::view::window;

/// List sync configurations
#[utoipa::path(
    tag = "Sync configurations",
    params(
        ("active" = Option<bool>, Query), ("source_connector_id" = Option<i64>, Query),
        ("target_connector_id" = Option<i64>, Query), ("limit" = Option<usize>, Query), ("offset" = Option<usize>, Query)
    ),
    responses((status = 200, body = Reply<ConfigList>), (status = "4XX", body = Failure))
)]
#[get("/sync-configs")]
pub(crate) async fn list(call: Call) -> Answer<ConfigList> {
    let ((filter, limit, offset), warnings) = call.query(|q| {
        let filter = ConfigFilter {
            active: q.flag("active"),
            source: q.id("source_connector_id"),
            target: q.id("target_connector_id"),
        };
        (filter, q.optional_limit(), q.offset())
    })?;
    let found = call.app().configs(&call.caller, filter).await?;
    let total = found.len();
    let rows: Vec<ConfigRow> =
        window(found, offset, limit).into_iter().map(ConfigRow::from).collect();
    let body = ConfigList { total, count: rows.len(), configs: rows.clone(), sync_configs: rows };
    Ok(Reply::new(body).warn(warnings))
}

/// Read a configuration with its rules
#[utoipa::path(
    tag = "Sync configurations",
    params(("id" = i64, Path)),
    responses((status = 200, body = Reply<ConfigOne>), (status = "4XX", body = Failure))
)]
#[get("/sync-configs/{id}")]
pub(crate) async fn one(call: Call, id: Id<ConfigId>) -> Answer<ConfigOne> {
    let warnings = call.no_query()?;
    let (view, rules) = call.app().config(&call.caller, id.0).await?;
    let pauses = rules.pauses_in_words();
    let body = ConfigOne { sync_config: ConfigWhole::new(view, rules) };
    Ok(Reply::new(body).warn(warnings).warn(pauses))
}

/// Make a configuration
#[utoipa::path(
    tag = "Sync configurations",
    request_body = ConfigBody,
    responses((status = 201, body = Reply<ConfigSaved>), (status = "4XX", body = Failure))
)]
#[post("/sync-configs")]
pub(crate) async fn create(call: Call, body: Json) -> Answer<ConfigSaved> {
    let warnings = call.no_query()?;
    let saved = call.app().create_config(&call.caller, body.0).await?;
    let message = "sync configuration created".to_owned();
    Ok(Reply::created(ConfigSaved { message, sync_config_id: saved.id.0 })
        .warn(warnings)
        .warn(saved.warnings))
}

/// Change a configuration; a given list of type mappings replaces the list
#[utoipa::path(
    tag = "Sync configurations",
    params(("id" = i64, Path)),
    request_body = ConfigChange,
    responses((status = 200, body = Reply<ConfigSaved>), (status = "4XX", body = Failure))
)]
#[put("/sync-configs/{id}")]
pub(crate) async fn update(call: Call, id: Id<ConfigId>, body: Json) -> Answer<ConfigSaved> {
    let warnings = call.no_query()?;
    let saved = call.app().update_config(&call.caller, id.0, body.0).await?;
    let message = "sync configuration updated".to_owned();
    Ok(Reply::new(ConfigSaved { message, sync_config_id: saved.id.0 })
        .warn(warnings)
        .warn(saved.warnings))
}

/// Delete a configuration with its rules, pairs and runs
#[utoipa::path(
    tag = "Sync configurations",
    params(("id" = i64, Path)),
    responses((status = 200, body = Reply<Done>), (status = "4XX", body = Failure))
)]
#[delete("/sync-configs/{id}")]
pub(crate) async fn delete(call: Call, id: Id<ConfigId>) -> Answer<Done> {
    let warnings = call.no_query()?;
    call.app().delete_config(&call.caller, id.0).await?;
    Ok(Reply::new(Done::new("sync configuration deleted")).warn(warnings))
}

/// Copy a configuration with its rules
#[utoipa::path(
    tag = "Sync configurations",
    params(("id" = i64, Path)),
    request_body = CloneBody,
    responses((status = 201, body = Reply<ConfigSaved>), (status = "4XX", body = Failure))
)]
#[post("/sync-configs/{id}/clone")]
pub(crate) async fn clone(call: Call, id: Id<ConfigId>, body: Json) -> Answer<ConfigSaved> {
    let warnings = call.no_query()?;
    let saved = call.app().clone_config(&call.caller, id.0, body.0).await?;
    let message = "sync configuration copied; the copy is inactive".to_owned();
    Ok(Reply::created(ConfigSaved { message, sync_config_id: saved.id.0 })
        .warn(warnings)
        .warn(saved.warnings))
}

/// Read who is who
#[utoipa::path(
    tag = "Sync configurations",
    params(("id" = i64, Path)),
    responses((status = 200, body = Reply<UserMapView>), (status = "4XX", body = Failure))
)]
#[get("/sync-configs/{id}/user-map")]
pub(crate) async fn user_map(call: Call, id: Id<ConfigId>) -> Answer<UserMapView> {
    let warnings = call.no_query()?;
    let map = call.app().user_map(&call.caller, id.0).await?;
    Ok(Reply::new(UserMapView::from(map)).warn(warnings))
}

/// Replace who is who
#[utoipa::path(
    tag = "Sync configurations",
    params(("id" = i64, Path)),
    request_body = UserMapBody,
    responses((status = 200, body = Reply<Done>), (status = "4XX", body = Failure))
)]
#[put("/sync-configs/{id}/user-map")]
pub(crate) async fn put_user_map(call: Call, id: Id<ConfigId>, body: Json) -> Answer<Done> {
    let warnings = call.no_query()?;
    let more = call.app().put_user_map(&call.caller, id.0, body.0).await?;
    Ok(Reply::new(Done::new("user map replaced")).warn(warnings).warn(more))
}
