//! `/api/settings`.

use actix_web::web::Path;
use actix_web::{get, post, put};
use serde::Serialize;
use serde_json::{Map, Value};
use syncline_app::input::Body;
use syncline_app::{AppError, Cause, Setting};
use syncline_domain::Fault;
use utoipa::ToSchema;

use crate::body::{Json, MaybeJson};
use crate::call::Call;
use crate::docs::{SettingBody, SettingsBody};
use crate::error::Failure;
use crate::reply::{Answer, Done, Reply};
use crate::view::notifications::SmtpTested;

/// All settings.
#[derive(Serialize, ToSchema)]
pub(crate) struct SettingList {
    count: usize,
    settings: Vec<SettingView>,
}

/// A setting.
#[derive(Serialize, ToSchema)]
pub(crate) struct SettingView {
    key: String,
    #[schema(value_type = Value)]
    value: Value,
    /// For a secret, which is never shown: whether there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    is_set: Option<bool>,
    /// int, bool, word, text or secret
    value_type: String,
    /// default, stored or environment
    source: String,
    description: String,
}

/// One setting.
#[derive(Serialize, ToSchema)]
pub(crate) struct SettingOne {
    setting: SettingView,
}

impl From<Setting> for SettingView {
    fn from(setting: Setting) -> Self {
        Self {
            key: setting.key.to_owned(),
            value: setting.value,
            is_set: setting.is_set,
            value_type: setting.value_type.to_owned(),
            source: setting.source.to_owned(),
            description: setting.description.to_owned(),
        }
    }
}

/// List the settings
#[utoipa::path(tag = "Settings", responses((status = 200, body = Reply<SettingList>), (status = "4XX", body = Failure)))]
#[get("/settings")]
pub(crate) async fn list(call: Call) -> Answer<SettingList> {
    let warnings = call.no_query()?;
    let settings: Vec<SettingView> =
        call.app().settings().await?.into_iter().map(SettingView::from).collect();
    Ok(Reply::new(SettingList { count: settings.len(), settings }).warn(warnings))
}

/// Change settings, all or none
#[utoipa::path(
    tag = "Settings",
    request_body = SettingsBody,
    responses((status = 200, body = Reply<Done>), (status = "4XX", body = Failure))
)]
#[put("/settings")]
pub(crate) async fn put_all(call: Call, body: Json) -> Answer<Done> {
    let warnings = call.no_query()?;
    let Value::Object(values) = body.0 else {
        return Err(Fault::invalid("", "send a JSON object of keys and values").into());
    };
    let more = call.app().put_settings(&call.caller, values).await?;
    Ok(Reply::new(Done::new("settings stored")).warn(warnings).warn(more))
}

/// Read a setting
#[utoipa::path(
    tag = "Settings",
    params(("key" = String, Path)),
    responses((status = 200, body = Reply<SettingOne>), (status = "4XX", body = Failure))
)]
#[get("/settings/{key}")]
pub(crate) async fn one(call: Call, key: Path<String>) -> Answer<SettingOne> {
    let warnings = call.no_query()?;
    let setting = call.app().setting(&key).await?.into();
    Ok(Reply::new(SettingOne { setting }).warn(warnings))
}

/// Change a setting; null goes back to the default
#[utoipa::path(
    tag = "Settings",
    params(("key" = String, Path)),
    request_body = SettingBody,
    responses((status = 200, body = Reply<Done>), (status = "4XX", body = Failure))
)]
#[put("/settings/{key}")]
pub(crate) async fn put_one(call: Call, key: Path<String>, body: Json) -> Answer<Done> {
    let warnings = call.no_query()?;
    let mut body = Body::new(body.0)?;
    let given = body.nullable("value");
    if given.is_none() {
        body.missing("value");
    }
    let more = body.finish()?;
    let value = given.flatten().unwrap_or(Value::Null);
    let is_known = call.app().setting(&key).await.is_ok();
    let values: Map<String, Value> = [(key.into_inner(), value)].into_iter().collect();
    let stored = call.app().put_settings(&call.caller, values).await;
    let stored = stored.map_err(|error| if is_known { in_value(error) } else { error })?;
    Ok(Reply::new(Done::new("setting stored")).warn(warnings).warn(more).warn(stored))
}

/// In this body the value stands under another name.
fn in_value(mut error: AppError) -> AppError {
    if let Cause::Fault(Fault::Invalid(faults)) = &mut error.cause {
        for fault in faults {
            "/value".clone_into(&mut fault.path);
        }
    }
    error
}

/// Sign in at the mail server, sending nothing
#[utoipa::path(
    tag = "Settings",
    responses((status = 200, body = Reply<SmtpTested>), (status = "4XX", body = Failure))
)]
#[post("/settings/test-smtp")]
pub(crate) async fn test_smtp(call: Call, body: MaybeJson) -> Answer<SmtpTested> {
    let warnings = call.no_query()?;
    let (server, more) = call.app().test_smtp(&call.caller, body.0).await?;
    let message = "the mail server works".to_owned();
    Ok(Reply::new(SmtpTested { message, server }).warn(warnings).warn(more))
}
