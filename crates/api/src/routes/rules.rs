//! Single rules below `/api/sync-configs/{id}`.

use actix_web::{delete, post, put};
use syncline_domain::{ConfigId, FieldMappingId, StatusMappingId, TypeMappingId};

use crate::body::Json;
use crate::call::Call;
use crate::docs::{FieldMappingBody, StatusMappingBody, TypeMappingBody};
use crate::error::Failure;
use crate::path::{Id, Ids};
use crate::reply::{Answer, Done, Reply};
use crate::view::configs::{FieldMappingSaved, StatusMappingSaved, TypeMappingSaved};

/// Add a pair of types; `suggest: true` fills it with every suggestion of high confidence
#[utoipa::path(
    tag = "Sync configurations",
    params(("id" = i64, Path)),
    request_body = TypeMappingBody,
    responses((status = 201, body = Reply<TypeMappingSaved>), (status = "4XX", body = Failure))
)]
#[post("/sync-configs/{id}/type-mappings")]
pub(crate) async fn add_type(call: Call, id: Id<ConfigId>, body: Json) -> Answer<TypeMappingSaved> {
    let warnings = call.no_query()?;
    let saved = call.app().add_type_mapping(&call.caller, id.0, body.0).await?;
    let message = "type mapping created".to_owned();
    Ok(Reply::created(TypeMappingSaved { message, type_mapping_id: saved.id.0 })
        .warn(warnings)
        .warn(saved.warnings))
}

/// Delete a pair of types with its rules
#[utoipa::path(
    tag = "Sync configurations",
    params(("id" = i64, Path), ("mid" = i64, Path)),
    responses((status = 200, body = Reply<Done>), (status = "4XX", body = Failure))
)]
#[delete("/sync-configs/{id}/type-mappings/{mid}")]
pub(crate) async fn delete_type(call: Call, ids: Ids<ConfigId, TypeMappingId>) -> Answer<Done> {
    let warnings = call.no_query()?;
    let failing = call.app().delete_type_mapping(&call.caller, ids.0, ids.1).await?;
    Ok(Reply::new(Done::new("type mapping deleted")).warn(warnings).warn(failing))
}

/// Add a field rule
#[utoipa::path(
    tag = "Sync configurations",
    params(("id" = i64, Path)),
    request_body = FieldMappingBody,
    responses((status = 201, body = Reply<FieldMappingSaved>), (status = "4XX", body = Failure))
)]
#[post("/sync-configs/{id}/field-mappings")]
pub(crate) async fn add_field(
    call: Call,
    id: Id<ConfigId>,
    body: Json,
) -> Answer<FieldMappingSaved> {
    let warnings = call.no_query()?;
    let saved = call.app().add_field_mapping(&call.caller, id.0, body.0).await?;
    let message = "field mapping created".to_owned();
    Ok(Reply::created(FieldMappingSaved { message, field_mapping_id: saved.id.0 })
        .warn(warnings)
        .warn(saved.warnings))
}

/// Replace a field rule
#[utoipa::path(
    tag = "Sync configurations",
    params(("id" = i64, Path), ("mid" = i64, Path)),
    request_body = FieldMappingBody,
    responses((status = 200, body = Reply<FieldMappingSaved>), (status = "4XX", body = Failure))
)]
#[put("/sync-configs/{id}/field-mappings/{mid}")]
pub(crate) async fn put_field(
    call: Call,
    ids: Ids<ConfigId, FieldMappingId>,
    body: Json,
) -> Answer<FieldMappingSaved> {
    let warnings = call.no_query()?;
    let saved = call.app().put_field_mapping(&call.caller, ids.0, ids.1, body.0).await?;
    let message = "field mapping updated".to_owned();
    Ok(Reply::new(FieldMappingSaved { message, field_mapping_id: saved.id.0 })
        .warn(warnings)
        .warn(saved.warnings))
}

/// Delete a field rule
#[utoipa::path(
    tag = "Sync configurations",
    params(("id" = i64, Path), ("mid" = i64, Path)),
    responses((status = 200, body = Reply<Done>), (status = "4XX", body = Failure))
)]
#[delete("/sync-configs/{id}/field-mappings/{mid}")]
pub(crate) async fn delete_field(call: Call, ids: Ids<ConfigId, FieldMappingId>) -> Answer<Done> {
    let warnings = call.no_query()?;
    let failing = call.app().delete_field_mapping(&call.caller, ids.0, ids.1).await?;
    Ok(Reply::new(Done::new("field mapping deleted")).warn(warnings).warn(failing))
}

/// Add a status rule
#[utoipa::path(
    tag = "Sync configurations",
    params(("id" = i64, Path)),
    request_body = StatusMappingBody,
    responses((status = 201, body = Reply<StatusMappingSaved>), (status = "4XX", body = Failure))
)]
#[post("/sync-configs/{id}/status-mappings")]
pub(crate) async fn add_status(
    call: Call,
    id: Id<ConfigId>,
    body: Json,
) -> Answer<StatusMappingSaved> {
    let warnings = call.no_query()?;
    let saved = call.app().add_status_mapping(&call.caller, id.0, body.0).await?;
    let message = "status mapping created".to_owned();
    Ok(Reply::created(StatusMappingSaved { message, status_mapping_id: saved.id.0 })
        .warn(warnings)
        .warn(saved.warnings))
}

/// Delete a status rule
#[utoipa::path(
    tag = "Sync configurations",
    params(("id" = i64, Path), ("mid" = i64, Path)),
    responses((status = 200, body = Reply<Done>), (status = "4XX", body = Failure))
)]
#[delete("/sync-configs/{id}/status-mappings/{mid}")]
pub(crate) async fn delete_status(call: Call, ids: Ids<ConfigId, StatusMappingId>) -> Answer<Done> {
    let warnings = call.no_query()?;
    let failing = call.app().delete_status_mapping(&call.caller, ids.0, ids.1).await?;
    Ok(Reply::new(Done::new("status mapping deleted")).warn(warnings).warn(failing))
}
