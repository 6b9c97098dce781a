//! Runs, their items and the pairs they made.

use std::str::FromStr as _;

use actix_web::{delete, get, post};
use syncline_app::OnNextRun;
use syncline_app::input::Body;
use syncline_domain::ports::{ExecutionFilter, OutcomeFilter};
use syncline_domain::{ConfigId, ExecutionId, ItemId, ItemState, OutcomeId, PairId, Timestamp};

use crate::body::Json;
use crate::call::Call;
use crate::docs::PairBody;
use crate::error::{ApiError, Failure};
use crate::params::{LIMIT_DEFAULT, Params, page};
use crate::path::{Id, Ids};
use crate::reply::{Answer, Done, Reply};
use crate::view::executions::{
    ExecutionList, ExecutionOne, ExecutionView, OutcomeList, OutcomeView, PairList, PairMade,
};

/// List the runs of all configurations, newest first
#[utoipa::path(
    tag = "Execution",
    params(
        ("sync_config_id" = Option<i64>, Query), ("status" = Option<String>, Query),
        ("trigger" = Option<String>, Query), ("since" = Option<String>, Query),
        ("cursor" = Option<String>, Query), ("limit" = Option<usize>, Query), ("offset" = Option<usize>, Query)
    ),
    responses((status = 200, body = Reply<ExecutionList>), (status = "4XX", body = Failure))
)]
#[get("/executions")]
pub(crate) async fn executions(call: Call) -> Answer<ExecutionList> {
    let ((filter, page), warnings) = call.query(|q| {
        let filter = ExecutionFilter {
            config_id: q.id("sync_config_id"),
            status: q.word("status"),
            trigger: q.word("trigger"),
            since: instant(q, "since"),
            before: q.id("cursor"),
            scope: None,
        };
        (filter, page(q))
    })?;
    Ok(Reply::new(listed(&call, filter, page).await?).warn(warnings))
}

/// List the runs of a configuration, newest first
#[utoipa::path(
    tag = "Execution",
    params(
        ("configId" = i64, Path), ("cursor" = Option<String>, Query), ("limit" = Option<usize>, Query),
        ("offset" = Option<usize>, Query)
    ),
    responses((status = 200, body = Reply<ExecutionList>), (status = "4XX", body = Failure))
)]
#[get("/execute/history/{configId}")]
pub(crate) async fn history(call: Call, id: Id<ConfigId>) -> Answer<ExecutionList> {
    let ((before, page), warnings) = call.query(|q| (q.id("cursor"), page(q)))?;
    let filter = ExecutionFilter { config_id: Some(id.0), before, ..ExecutionFilter::default() };
    Ok(Reply::new(listed(&call, filter, page).await?).warn(warnings))
}

/// Read a run, live while it goes on
#[utoipa::path(
    tag = "Execution",
    params(("executionId" = i64, Path)),
    responses((status = 200, body = Reply<ExecutionOne>), (status = "4XX", body = Failure))
)]
#[get("/execute/status/{executionId}")]
pub(crate) async fn status(call: Call, id: Id<ExecutionId>) -> Answer<ExecutionOne> {
    let warnings = call.no_query()?;
    let state = call.app().execution_state(&call.caller, id.0).await?;
    Ok(Reply::new(ExecutionOne::from(state)).warn(warnings))
}

/// List what became of the items of a run
#[utoipa::path(
    tag = "Execution",
    params(
        ("executionId" = i64, Path), ("state" = Option<String>, Query),
        ("cursor" = Option<String>, Query), ("limit" = Option<usize>, Query)
    ),
    responses((status = 200, body = Reply<OutcomeList>), (status = "4XX", body = Failure))
)]
#[get("/execute/items/{executionId}")]
pub(crate) async fn items(call: Call, id: Id<ExecutionId>) -> Answer<OutcomeList> {
    let ((filter, limit), warnings) = call.query(|q| {
        let filter = OutcomeFilter { states: states(q), after: q.id::<OutcomeId>("cursor") };
        (filter, q.limit(LIMIT_DEFAULT))
    })?;
    let page = call.app().outcomes(&call.caller, id.0, filter, limit).await?;
    let items: Vec<OutcomeView> = page.items.into_iter().map(OutcomeView::from).collect();
    let next_cursor = page.next_cursor.map(|id| id.to_string());
    Ok(Reply::new(OutcomeList { count: items.len(), items, next_cursor }).warn(warnings))
}

/// List the pairs of a configuration
#[utoipa::path(
    tag = "Execution",
    params(("configId" = i64, Path), ("limit" = Option<usize>, Query), ("offset" = Option<usize>, Query)),
    responses((status = 200, body = Reply<PairList>), (status = "4XX", body = Failure))
)]
#[get("/execute/synced-items/{configId}")]
pub(crate) async fn pairs(call: Call, id: Id<ConfigId>) -> Answer<PairList> {
    let ((limit, offset), warnings) = call.query(|q| (q.limit(100), q.offset()))?;
    let view = call.app().pairs(&call.caller, id.0, offset, limit).await?;
    Ok(Reply::new(PairList::from(view)).warn(warnings))
}

/// Join two items by hand; nothing is written to the trackers
#[utoipa::path(
    tag = "Execution",
    params(("configId" = i64, Path)),
    request_body = PairBody,
    responses((status = 201, body = Reply<PairMade>), (status = "4XX", body = Failure))
)]
#[post("/execute/synced-items/{configId}")]
pub(crate) async fn make_pair(call: Call, id: Id<ConfigId>, body: Json) -> Answer<PairMade> {
    let warnings = call.no_query()?;
    let mut body = Body::new(body.0)?;
    let mut item = |name: &str| {
        if body.missing(name) { None } else { syncline_app::item_id(&mut body, name) }
    };
    let (source, target) = (item("source_item_id"), item("target_item_id"));
    let more = body.finish()?;
    let none = || ItemId::new("");
    let (source, target) = (source.unwrap_or_else(none), target.unwrap_or_else(none));
    let made = call.app().pair_by_hand(&call.caller, id.0, source, target).await?;
    let message = "the two items are a pair now".to_owned();
    Ok(Reply::created(PairMade { message, pair_id: made.0 }).warn(warnings).warn(more))
}

/// Take a pair apart; nothing is written to the trackers
#[utoipa::path(
    tag = "Execution",
    params(("configId" = i64, Path), ("pairId" = i64, Path), ("on_next_run" = Option<String>, Query)),
    responses((status = 200, body = Reply<Done>), (status = "4XX", body = Failure))
)]
#[delete("/execute/synced-items/{configId}/{pairId}")]
pub(crate) async fn delete_pair(call: Call, ids: Ids<ConfigId, PairId>) -> Answer<Done> {
    let (on_next_run, warnings) = call.query(|q| match q.text("on_next_run").as_deref() {
        None | Some("ignore") => OnNextRun::Ignore,
        Some("create") => OnNextRun::Create,
        Some(other) => {
            q.fault("on_next_run", format!("{other:?} is unknown; use ignore or create"));
            OnNextRun::Ignore
        }
    })?;
    call.app().unpair(&call.caller, ids.0, ids.1, on_next_run).await?;
    Ok(Reply::new(Done::new("the pair was taken apart")).warn(warnings))
}

async fn listed(
    call: &Call,
    filter: ExecutionFilter,
    (offset, limit): (usize, usize),
) -> Result<ExecutionList, ApiError> {
    let page = call.app().executions(&call.caller, filter, offset, limit).await?;
    let rows: Vec<ExecutionView> = page
        .executions
        .into_iter()
        .map(|(execution, config)| ExecutionView::new(execution, &config))
        .collect();
    Ok(ExecutionList {
        total: page.total,
        count: rows.len(),
        executions: rows,
        next_cursor: page.next_cursor.map(|ExecutionId(id)| id.to_string()),
    })
}

fn instant(q: &mut Params, name: &'static str) -> Option<Timestamp> {
    let text = q.text(name)?;
    match Timestamp::parse(&text) {
        Ok(at) => Some(at),
        Err(_) => {
            q.fault(name, format!("{text:?} is no time; use one such as 2026-02-12T08:00:00Z"));
            None
        }
    }
}

/// `state`: one state, or several with commas between.
fn states(q: &mut Params) -> Vec<ItemState> {
    let Some(text) = q.text("state") else { return Vec::new() };
    let mut states = Vec::new();
    for word in text.split(',').map(str::trim) {
        match ItemState::from_str(word) {
            Ok(state) => states.push(state),
            Err(unknown) => q.fault("state", unknown.to_string()),
        }
    }
    states
}
