//! Mapping tests below `/api/sync-configs/{id}`.

use actix_web::{delete, get, post, put};
use syncline_app::input::Body;
use syncline_domain::{ConfigId, MappingTestId, Role};

use crate::body::{Json, MaybeJson};
use crate::call::Call;
use crate::docs::{CaptureBody, MappingTestBody, MappingTestRunBody};
use crate::error::Failure;
use crate::path::{Id, Ids};
use crate::reply::{Answer, Done, Reply};
use crate::view::samples::{TestCaptured, TestList, TestOne, TestRunView, TestSaved};

/// List the mapping tests of a configuration
#[utoipa::path(
    tag = "Mapping tests",
    params(("id" = i64, Path)),
    responses((status = 200, body = Reply<TestList>), (status = "4XX", body = Failure))
)]
#[get("/sync-configs/{id}/mapping-tests")]
pub(crate) async fn list(call: Call, id: Id<ConfigId>) -> Answer<TestList> {
    let warnings = call.no_query()?;
    let tests = call.app().mapping_tests(&call.caller, id.0).await?;
    Ok(Reply::new(TestList::from(tests)).warn(warnings))
}

/// Keep a sample with a configuration: an item, and what the rules must make of it
#[utoipa::path(
    tag = "Mapping tests",
    params(("id" = i64, Path)),
    request_body = MappingTestBody,
    responses((status = 201, body = Reply<TestSaved>), (status = "4XX", body = Failure))
)]
#[post("/sync-configs/{id}/mapping-tests")]
pub(crate) async fn create(call: Call, id: Id<ConfigId>, body: Json) -> Answer<TestSaved> {
    let warnings = call.no_query()?;
    let saved = call.app().create_mapping_test(&call.caller, id.0, body.0).await?;
    let message = "mapping test created".to_owned();
    Ok(Reply::created(TestSaved { message, mapping_test_id: saved.id.0 })
        .warn(warnings)
        .warn(saved.warnings))
}

/// Run the mapping tests of a configuration by its present rules; no tracker is asked
#[utoipa::path(
    tag = "Mapping tests",
    params(("id" = i64, Path)),
    request_body = Option<MappingTestRunBody>,
    responses((status = 200, body = Reply<TestRunView>), (status = "4XX", body = Failure))
)]
#[post("/sync-configs/{id}/mapping-tests/run")]
pub(crate) async fn run(call: Call, id: Id<ConfigId>, body: MaybeJson) -> Answer<TestRunView> {
    call.caller.needs(Role::Operator)?;
    let warnings = call.no_query()?;
    let mut body = Body::new(body.0)?;
    let only = body.ids::<MappingTestId>("mapping_test_ids");
    let traced = body.flag("trace").unwrap_or(false);
    let more = body.finish()?;
    let report = call.app().asked_mapping_tests(&call.caller, id.0, only).await?;
    Ok(Reply::new(TestRunView::new(report, traced)).warn(warnings).warn(more))
}

/// Make a mapping test of a real item, a delivery or a run; what is about people is masked
#[utoipa::path(
    tag = "Mapping tests",
    params(("id" = i64, Path)),
    request_body = CaptureBody,
    responses((status = 201, body = Reply<TestCaptured>), (status = "4XX", body = Failure))
)]
#[post("/sync-configs/{id}/mapping-tests/capture")]
pub(crate) async fn capture(call: Call, id: Id<ConfigId>, body: Json) -> Answer<TestCaptured> {
    let warnings = call.no_query()?;
    let captured = call.app().capture_mapping_test(&call.caller, id.0, body.0).await?;
    let more = captured.warnings.clone();
    Ok(Reply::created(TestCaptured::from(captured)).warn(warnings).warn(more))
}

/// Read a mapping test
#[utoipa::path(
    tag = "Mapping tests",
    params(("id" = i64, Path), ("testId" = i64, Path)),
    responses((status = 200, body = Reply<TestOne>), (status = "4XX", body = Failure))
)]
#[get("/sync-configs/{id}/mapping-tests/{testId}")]
pub(crate) async fn one(call: Call, ids: Ids<ConfigId, MappingTestId>) -> Answer<TestOne> {
    let warnings = call.no_query()?;
    let test = call.app().mapping_test(&call.caller, ids.0, ids.1).await?;
    Ok(Reply::new(TestOne::from(test)).warn(warnings))
}

/// Replace a mapping test
#[utoipa::path(
    tag = "Mapping tests",
    params(("id" = i64, Path), ("testId" = i64, Path)),
    request_body = MappingTestBody,
    responses((status = 200, body = Reply<TestSaved>), (status = "4XX", body = Failure))
)]
#[put("/sync-configs/{id}/mapping-tests/{testId}")]
pub(crate) async fn update(
    call: Call,
    ids: Ids<ConfigId, MappingTestId>,
    body: Json,
) -> Answer<TestSaved> {
    let warnings = call.no_query()?;
    let saved = call.app().put_mapping_test(&call.caller, ids.0, ids.1, body.0).await?;
    let message = "mapping test updated".to_owned();
    Ok(Reply::new(TestSaved { message, mapping_test_id: saved.id.0 })
        .warn(warnings)
        .warn(saved.warnings))
}

/// Delete a mapping test
#[utoipa::path(
    tag = "Mapping tests",
    params(("id" = i64, Path), ("testId" = i64, Path)),
    responses((status = 200, body = Reply<Done>), (status = "4XX", body = Failure))
)]
#[delete("/sync-configs/{id}/mapping-tests/{testId}")]
pub(crate) async fn delete(call: Call, ids: Ids<ConfigId, MappingTestId>) -> Answer<Done> {
    let warnings = call.no_query()?;
    call.app().delete_mapping_test(&call.caller, ids.0, ids.1).await?;
    Ok(Reply::new(Done::new("mapping test deleted")).warn(warnings))
}
