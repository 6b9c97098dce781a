//! `/api/webhooks`, but for the receiver of deliveries.

use actix_web::{delete, get, post, put};
use syncline_app::input::Body;
use syncline_domain::ports::{DeliveryFilter, WebhookFilter};
use syncline_domain::{DeliveryId, ReplayMode, Role, WebhookId};

use crate::body::{Json, MaybeJson};
use crate::call::Call;
use crate::docs::{DeliveryReplayBody, RotateBody, WebhookBody, WebhookChange, WebhookTestBody};
use crate::error::{ApiError, Failure};
use crate::idempotency::{self, Remembered};
use crate::params::page;
use crate::path::Id;
use crate::reply::{Answer, Done, Reply};
use crate::view::replays::ReplayView;
use crate::view::webhooks::{
    DeliveryList, DeliveryOne, DeliveryRow, EchoView, SecretRotated, SecretsRevoked, SetupView,
    WebhookList, WebhookMade, WebhookOne, WebhookRow, WebhookSaved,
};
use crate::view::window;

/// Register a webhook; its secret is shown this once
#[utoipa::path(
    tag = "Webhooks",
    request_body = WebhookBody,
    responses((status = 201, body = Reply<WebhookMade>), (status = "4XX", body = Failure))
)]
#[post("/webhooks/register")]
pub(crate) async fn register(call: Call, body: Json) -> Answer<WebhookMade> {
    let warnings = call.no_query()?;
    let (made, more) = WebhookMade::new(call.app().register_webhook(&call.caller, body.0).await?);
    Ok(Reply::created(made).warn(warnings).warn(more))
}

/// List webhooks
#[utoipa::path(
    tag = "Webhooks",
    params(
        ("sync_config_id" = Option<i64>, Query), ("connector_id" = Option<i64>, Query),
        ("active" = Option<bool>, Query), ("limit" = Option<usize>, Query), ("offset" = Option<usize>, Query)
    ),
    responses((status = 200, body = Reply<WebhookList>), (status = "4XX", body = Failure))
)]
#[get("/webhooks")]
pub(crate) async fn list(call: Call) -> Answer<WebhookList> {
    let ((filter, limit, offset), warnings) = call.query(|q| {
        let filter = WebhookFilter {
            config_id: q.id("sync_config_id"),
            connector_id: q.id("connector_id"),
            active: q.flag("active"),
            scope: None,
        };
        (filter, q.optional_limit(), q.offset())
    })?;
    let views = call.app().webhooks(&call.caller, filter).await?;
    let total = views.len();
    let webhooks: Vec<WebhookRow> =
        window(views, offset, limit).into_iter().map(WebhookRow::from).collect();
    Ok(Reply::new(WebhookList { total, count: webhooks.len(), webhooks }).warn(warnings))
}

/// Read a webhook
#[utoipa::path(
    tag = "Webhooks",
    params(("id" = i64, Path)),
    responses((status = 200, body = Reply<WebhookOne>), (status = "4XX", body = Failure))
)]
#[get("/webhooks/{id}")]
pub(crate) async fn one(call: Call, id: Id<WebhookId>) -> Answer<WebhookOne> {
    let warnings = call.no_query()?;
    let webhook = call.app().webhook(&call.caller, id.0).await?.into();
    Ok(Reply::new(WebhookOne { webhook }).warn(warnings))
}

/// Change a webhook
#[utoipa::path(
    tag = "Webhooks",
    params(("id" = i64, Path)),
    request_body = WebhookChange,
    responses((status = 200, body = Reply<WebhookSaved>), (status = "4XX", body = Failure))
)]
#[put("/webhooks/{id}")]
pub(crate) async fn update(call: Call, id: Id<WebhookId>, body: Json) -> Answer<WebhookSaved> {
    let warnings = call.no_query()?;
    let saved = call.app().update_webhook(&call.caller, id.0, body.0).await?;
    let message = "Webhook updated successfully".to_owned();
    let body = WebhookSaved { message, webhook: saved.id.into() };
    Ok(Reply::new(body).warn(warnings).warn(saved.warnings))
}

/// Delete a webhook with its deliveries
#[utoipa::path(
    tag = "Webhooks",
    params(("id" = i64, Path)),
    responses((status = 200, body = Reply<Done>), (status = "4XX", body = Failure))
)]
#[delete("/webhooks/{id}")]
pub(crate) async fn delete(call: Call, id: Id<WebhookId>) -> Answer<Done> {
    let warnings = call.no_query()?;
    call.app().delete_webhook(&call.caller, id.0).await?;
    Ok(Reply::new(Done::new("Webhook deleted successfully")).warn(warnings))
}

/// Replace a webhook's secret; the one before is taken for a while
#[utoipa::path(
    tag = "Webhooks",
    params(("id" = i64, Path)),
    request_body = Option<RotateBody>,
    responses((status = 200, body = Reply<SecretRotated>), (status = "4XX", body = Failure))
)]
#[post("/webhooks/{id}/rotate-secret")]
pub(crate) async fn rotate(
    call: Call,
    id: Id<WebhookId>,
    body: MaybeJson,
) -> Answer<SecretRotated> {
    let warnings = call.no_query()?;
    let rotated = call.app().rotate_secret(&call.caller, id.0, body.0).await?;
    Ok(Reply::new(SecretRotated::from(&rotated)).warn(warnings).warn(rotated.warnings))
}

/// Take replaced secrets of a webhook no longer
#[utoipa::path(
    tag = "Webhooks",
    params(("id" = i64, Path)),
    responses((status = 200, body = Reply<SecretsRevoked>), (status = "4XX", body = Failure))
)]
#[post("/webhooks/{id}/revoke-old-secrets")]
pub(crate) async fn revoke(
    call: Call,
    id: Id<WebhookId>,
    body: MaybeJson,
) -> Answer<SecretsRevoked> {
    let mut warnings = call.no_query()?;
    warnings.extend(body.nothing()?);
    let revoked = call.app().revoke_secrets(&call.caller, id.0).await?;
    let message = "replaced secrets are taken no longer".to_owned();
    Ok(Reply::new(SecretsRevoked { message, revoked }).warn(warnings))
}

/// Say how to set the tracker up, without the secret
#[utoipa::path(
    tag = "Webhooks",
    params(("id" = i64, Path)),
    responses((status = 200, body = Reply<SetupView>), (status = "4XX", body = Failure))
)]
#[get("/webhooks/{id}/setup")]
pub(crate) async fn setup(call: Call, id: Id<WebhookId>) -> Answer<SetupView> {
    let warnings = call.no_query()?;
    let view = SetupView::from(call.app().webhook_setup(&call.caller, id.0).await?);
    Ok(Reply::new(view).warn(warnings))
}

/// Send a signed sample through the real path
#[utoipa::path(
    tag = "Webhooks",
    params(("id" = i64, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = Option<WebhookTestBody>,
    responses((status = 202, body = Reply<EchoView>), (status = "4XX", body = Failure))
)]
#[post("/webhooks/{id}/test")]
pub(crate) async fn test(
    call: Call,
    id: Id<WebhookId>,
    body: MaybeJson,
) -> Result<Remembered, ApiError> {
    call.caller.needs(Role::Operator)?;
    let warnings = call.no_query()?;
    let sent = body.0.clone();
    idempotency::once(call, &sent, |call| async move {
        let mut body = Body::new(body.0)?;
        let item = syncline_app::item_id(&mut body, "item_id");
        let more = body.finish()?;
        let echo = call.app().test_webhook(&call.caller, id.0, item).await?;
        let body = EchoView::new("a signed sample was sent", echo);
        Remembered::of(&Reply::accepted(body).warn(warnings).warn(more))
    })
    .await
}

/// List deliveries of a webhook, newest first
#[utoipa::path(
    tag = "Webhooks",
    params(
        ("id" = i64, Path), ("status" = Option<String>, Query), ("cursor" = Option<String>, Query),
        ("limit" = Option<usize>, Query), ("offset" = Option<usize>, Query)
    ),
    responses((status = 200, body = Reply<DeliveryList>), (status = "4XX", body = Failure))
)]
#[get("/webhooks/{id}/deliveries")]
pub(crate) async fn deliveries(call: Call, id: Id<WebhookId>) -> Answer<DeliveryList> {
    let ((filter, (offset, limit)), warnings) = call.query(|q| {
        let filter =
            DeliveryFilter { webhook_id: None, status: q.word("status"), before: q.id("cursor") };
        (filter, page(q))
    })?;
    let page = call.app().deliveries(&call.caller, id.0, filter, offset, limit).await?;
    let deliveries: Vec<DeliveryRow> =
        page.deliveries.into_iter().map(DeliveryRow::brief).collect();
    let next_cursor = page.next_cursor.map(|id| id.to_string());
    let body = DeliveryList { total: page.total, count: deliveries.len(), deliveries, next_cursor };
    Ok(Reply::new(body).warn(warnings))
}

/// Read a delivery, whole
#[utoipa::path(
    tag = "Webhooks",
    params(("id" = i64, Path)),
    responses((status = 200, body = Reply<DeliveryOne>), (status = "4XX", body = Failure))
)]
#[get("/webhooks/deliveries/{id}")]
pub(crate) async fn delivery(call: Call, id: Id<DeliveryId>) -> Answer<DeliveryOne> {
    let warnings = call.no_query()?;
    let view = call.app().delivery(&call.caller, id.0).await?;
    Ok(Reply::new(DeliveryOne { delivery: DeliveryRow::whole(view) }).warn(warnings))
}

/// Send what a delivery brought through the real path once more
#[utoipa::path(
    tag = "Webhooks",
    params(("id" = i64, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = Option<DeliveryReplayBody>,
    responses(
        (status = 200, body = Reply<ReplayView>), (status = 202, body = Reply<EchoView>),
        (status = "4XX", body = Failure)
    )
)]
#[post("/webhooks/deliveries/{id}/replay")]
pub(crate) async fn replay(
    call: Call,
    id: Id<DeliveryId>,
    body: MaybeJson,
) -> Result<Remembered, ApiError> {
    call.caller.needs(Role::Operator)?;
    let warnings = call.no_query()?;
    let sent = body.0.clone();
    idempotency::once(call, &sent, |call| async move {
        let mut body = Body::new(body.0)?;
        let mode = body.word("mode").unwrap_or(ReplayMode::Now);
        let dry_run = body.flag("dry_run");
        if mode == ReplayMode::AsItWas && dry_run == Some(false) {
            body.fault(
                "dry_run",
                "rules of then write to no tracker; leave it out, or use mode now",
            );
        }
        let warnings = warnings.into_iter().chain(body.finish()?);
        if mode == ReplayMode::AsItWas || dry_run == Some(true) {
            let replayed = call.app().replay_delivery_dry(&call.caller, id.0, mode).await?;
            return Remembered::of(&Reply::new(ReplayView::from(replayed)).warn(warnings));
        }
        let echo = call.app().replay_delivery(&call.caller, id.0).await?;
        let body = EchoView::new("the delivery was sent once more", echo);
        Remembered::of(&Reply::accepted(body).warn(warnings))
    })
    .await
}
