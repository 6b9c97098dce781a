//! `/api/metadata` and `/api/transformations`.

use actix_web::{get, put};
use syncline_app::SuggestFor;
use syncline_domain::{ConnectorId, FieldId, StatusId, TypeId};

use crate::body::Json;
use crate::call::Call;
use crate::docs::EnabledBody;
use crate::error::Failure;
use crate::path::Id;
use crate::reply::{Answer, Done, Reply};
use crate::view::metadata::{
    FieldList, FieldView, StatusList, StatusView, SuggestionLists, SuggestionsView,
    TransformationList, TypeList, TypeView,
};
use crate::view::window;

/// List the types of a connector
#[utoipa::path(
    tag = "Metadata",
    params(
        ("connector_id" = i64, Query), ("enabled_only" = Option<bool>, Query),
        ("limit" = Option<usize>, Query), ("offset" = Option<usize>, Query)
    ),
    responses((status = 200, body = Reply<TypeList>), (status = "4XX", body = Failure))
)]
#[get("/metadata/work-item-types")]
pub(crate) async fn types(call: Call) -> Answer<TypeList> {
    let ((connector, enabled, limit, offset), warnings) = call.query(|q| {
        let connector = q.required_id::<ConnectorId>("connector_id");
        (connector, q.flag("enabled_only"), q.optional_limit(), q.offset())
    })?;
    let rows = call.app().types(&call.caller, connector, enabled.unwrap_or(false)).await?;
    let total = rows.len();
    let work_item_types: Vec<TypeView> =
        window(rows, offset, limit).into_iter().map(TypeView::from).collect();
    let count = work_item_types.len();
    let body = TypeList { connector_id: connector.0, total, count, work_item_types };
    Ok(Reply::new(body).warn(warnings))
}

/// List the fields of a connector
#[utoipa::path(
    tag = "Metadata",
    params(
        ("connector_id" = i64, Query), ("type_id" = Option<i64>, Query), ("required_only" = Option<bool>, Query),
        ("limit" = Option<usize>, Query), ("offset" = Option<usize>, Query)
    ),
    responses((status = 200, body = Reply<FieldList>), (status = "4XX", body = Failure))
)]
#[get("/metadata/fields")]
pub(crate) async fn fields(call: Call) -> Answer<FieldList> {
    let ((connector, kind, required, limit, offset), warnings) = call.query(|q| {
        let connector = q.required_id::<ConnectorId>("connector_id");
        let kind = q.id::<TypeId>("type_id");
        (connector, kind, q.flag("required_only"), q.optional_limit(), q.offset())
    })?;
    let rows = call.app().fields(&call.caller, connector, kind, required.unwrap_or(false)).await?;
    let total = rows.len();
    let fields: Vec<FieldView> =
        window(rows, offset, limit).into_iter().map(FieldView::from).collect();
    let body = FieldList { connector_id: connector.0, total, count: fields.len(), fields };
    Ok(Reply::new(body).warn(warnings))
}

/// List the statuses of a connector
#[utoipa::path(
    tag = "Metadata",
    params(
        ("connector_id" = i64, Query), ("type_id" = Option<i64>, Query),
        ("limit" = Option<usize>, Query), ("offset" = Option<usize>, Query)
    ),
    responses((status = 200, body = Reply<StatusList>), (status = "4XX", body = Failure))
)]
#[get("/metadata/statuses")]
pub(crate) async fn statuses(call: Call) -> Answer<StatusList> {
    let ((connector, kind, limit, offset), warnings) = call.query(|q| {
        let connector = q.required_id::<ConnectorId>("connector_id");
        (connector, q.id::<TypeId>("type_id"), q.optional_limit(), q.offset())
    })?;
    let rows = call.app().statuses(&call.caller, connector, kind).await?;
    let total = rows.len();
    let statuses: Vec<StatusView> =
        window(rows, offset, limit).into_iter().map(StatusView::from).collect();
    let body = StatusList { connector_id: connector.0, total, count: statuses.len(), statuses };
    Ok(Reply::new(body).warn(warnings))
}

/// Suggest which fields and statuses of two types belong together
#[utoipa::path(
    tag = "Metadata",
    params(
        ("source_connector_id" = i64, Query), ("source_type_id" = i64, Query),
        ("target_connector_id" = i64, Query), ("target_type_id" = i64, Query)
    ),
    responses((status = 200, body = Reply<SuggestionsView>), (status = "4XX", body = Failure))
)]
#[get("/metadata/suggest-mappings")]
pub(crate) async fn suggest(call: Call) -> Answer<SuggestionsView> {
    let (of, warnings) = call.query(|q| SuggestFor {
        source_connector: q.required_id("source_connector_id"),
        source_type: q.required_id("source_type_id"),
        target_connector: q.required_id("target_connector_id"),
        target_type: q.required_id("target_type_id"),
    })?;
    let found = call.app().suggest_mappings(&call.caller, of).await?;
    let json = |value: Result<serde_json::Value, _>| value.unwrap_or_default();
    let body = SuggestionsView {
        summary: json(serde_json::to_value(found.summary)),
        suggestions: SuggestionLists {
            field_mappings: json(serde_json::to_value(&found.field_mappings)),
            status_mappings: json(serde_json::to_value(&found.status_mappings)),
        },
    };
    Ok(Reply::new(body).warn(warnings))
}

/// Turn a type on or off for forms and suggestions
#[utoipa::path(
    tag = "Metadata",
    params(("id" = i64, Path)),
    request_body = EnabledBody,
    responses((status = 200, body = Reply<Done>), (status = "4XX", body = Failure))
)]
#[put("/metadata/work-item-types/{id}")]
pub(crate) async fn enable_type(call: Call, id: Id<TypeId>, body: Json) -> Answer<Done> {
    let warnings = call.no_query()?;
    let more = call.app().enable_type(&call.caller, id.0, body.0).await?;
    Ok(Reply::new(Done::new("work item type updated")).warn(warnings).warn(more))
}

/// Turn a field on or off for forms and suggestions
#[utoipa::path(
    tag = "Metadata",
    params(("id" = i64, Path)),
    request_body = EnabledBody,
    responses((status = 200, body = Reply<Done>), (status = "4XX", body = Failure))
)]
#[put("/metadata/fields/{id}")]
pub(crate) async fn enable_field(call: Call, id: Id<FieldId>, body: Json) -> Answer<Done> {
    let warnings = call.no_query()?;
    let more = call.app().enable_field(&call.caller, id.0, body.0).await?;
    Ok(Reply::new(Done::new("field updated")).warn(warnings).warn(more))
}

/// Turn a status on or off for forms and suggestions
#[utoipa::path(
    tag = "Metadata",
    params(("id" = i64, Path)),
    request_body = EnabledBody,
    responses((status = 200, body = Reply<Done>), (status = "4XX", body = Failure))
)]
#[put("/metadata/statuses/{id}")]
pub(crate) async fn enable_status(call: Call, id: Id<StatusId>, body: Json) -> Answer<Done> {
    let warnings = call.no_query()?;
    let more = call.app().enable_status(&call.caller, id.0, body.0).await?;
    Ok(Reply::new(Done::new("status updated")).warn(warnings).warn(more))
}

/// List the transformations there are
#[utoipa::path(
    tag = "Metadata",
    responses((status = 200, body = Reply<TransformationList>), (status = "4XX", body = Failure))
)]
#[get("/transformations")]
pub(crate) async fn transformations(call: Call) -> Answer<TransformationList> {
    let warnings = call.no_query()?;
    let all = syncline_app::transformations();
    let body = TransformationList {
        count: all.len(),
        transformations: serde_json::to_value(&all).unwrap_or_default(),
    };
    Ok(Reply::new(body).warn(warnings))
}
