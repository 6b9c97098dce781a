//! `/api/notifications`.

use actix_web::{delete, get, post, put};
use syncline_app::NotificationFilter;
use syncline_domain::NotificationId;

use crate::body::Json;
use crate::call::Call;
use crate::docs::{NotificationBody, NotificationChange, NotificationTestBody};
use crate::error::Failure;
use crate::path::Id;
use crate::reply::{Answer, Done, Reply};
use crate::view::notifications::{
    ChannelTested, NotificationList, NotificationOne, NotificationRow, NotificationSaved,
};
use crate::view::window;

/// List notification settings
#[utoipa::path(
    tag = "Notifications",
    params(
        ("sync_config_id" = Option<i64>, Query), ("active" = Option<bool>, Query),
        ("limit" = Option<usize>, Query), ("offset" = Option<usize>, Query)
    ),
    responses((status = 200, body = Reply<NotificationList>), (status = "4XX", body = Failure))
)]
#[get("/notifications")]
pub(crate) async fn list(call: Call) -> Answer<NotificationList> {
    let ((filter, limit, offset), warnings) = call.query(|q| {
        let filter =
            NotificationFilter { config_id: q.id("sync_config_id"), active: q.flag("active") };
        (filter, q.optional_limit(), q.offset())
    })?;
    let views = call.app().notifications(&call.caller, filter).await?;
    let total = views.len();
    let rows: Vec<NotificationRow> =
        window(views, offset, limit).into_iter().map(NotificationRow::from).collect();
    Ok(Reply::new(NotificationList {
        total,
        count: rows.len(),
        notification_settings: rows.clone(),
        notifications: rows,
    })
    .warn(warnings))
}

/// Make a notification setting
#[utoipa::path(
    tag = "Notifications",
    request_body = NotificationBody,
    responses((status = 201, body = Reply<NotificationSaved>), (status = "4XX", body = Failure))
)]
#[post("/notifications")]
pub(crate) async fn create(call: Call, body: Json) -> Answer<NotificationSaved> {
    let warnings = call.no_query()?;
    let saved = call.app().create_notification(&call.caller, body.0).await?;
    let message = "Notification setting created successfully".to_owned();
    let body = NotificationSaved { message, notification_id: saved.id.0 };
    Ok(Reply::created(body).warn(warnings).warn(saved.warnings))
}

/// Read a notification setting
#[utoipa::path(
    tag = "Notifications",
    params(("id" = i64, Path)),
    responses((status = 200, body = Reply<NotificationOne>), (status = "4XX", body = Failure))
)]
#[get("/notifications/{id}")]
pub(crate) async fn one(call: Call, id: Id<NotificationId>) -> Answer<NotificationOne> {
    let warnings = call.no_query()?;
    let notification = NotificationRow::from(call.app().notification(&call.caller, id.0).await?);
    let notification_setting = notification.clone();
    Ok(Reply::new(NotificationOne { notification, notification_setting }).warn(warnings))
}

/// Change a notification setting
#[utoipa::path(
    tag = "Notifications",
    params(("id" = i64, Path)),
    request_body = NotificationChange,
    responses((status = 200, body = Reply<NotificationSaved>), (status = "4XX", body = Failure))
)]
#[put("/notifications/{id}")]
pub(crate) async fn update(
    call: Call,
    id: Id<NotificationId>,
    body: Json,
) -> Answer<NotificationSaved> {
    let warnings = call.no_query()?;
    let saved = call.app().update_notification(&call.caller, id.0, body.0).await?;
    let message = "Notification setting updated successfully".to_owned();
    let body = NotificationSaved { message, notification_id: saved.id.0 };
    Ok(Reply::new(body).warn(warnings).warn(saved.warnings))
}

/// Delete a notification setting with its waiting messages
#[utoipa::path(
    tag = "Notifications",
    params(("id" = i64, Path)),
    responses((status = 200, body = Reply<Done>), (status = "4XX", body = Failure))
)]
#[delete("/notifications/{id}")]
pub(crate) async fn delete(call: Call, id: Id<NotificationId>) -> Answer<Done> {
    let warnings = call.no_query()?;
    call.app().delete_notification(&call.caller, id.0).await?;
    Ok(Reply::new(Done::new("Notification setting deleted successfully")).warn(warnings))
}

/// Send a test message
#[utoipa::path(
    tag = "Notifications",
    request_body = NotificationTestBody,
    responses((status = 200, body = Reply<ChannelTested>), (status = "4XX", body = Failure))
)]
#[post("/notifications/test")]
pub(crate) async fn test(call: Call, body: Json) -> Answer<ChannelTested> {
    let warnings = call.no_query()?;
    let (tested, more) =
        ChannelTested::new(call.app().test_notification(&call.caller, body.0).await?);
    Ok(Reply::new(tested).warn(warnings).warn(more))
}
