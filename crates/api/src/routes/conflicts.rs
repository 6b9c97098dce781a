//! `/api/conflicts`.

use std::collections::BTreeSet;

use actix_web::{get, post};
use serde_json::Value;
use syncline_app::DecisionAsked;
use syncline_app::input::Body;
use syncline_domain::ports::ConflictFilter;
use syncline_domain::{
    ConfigId, ConflictId, ConflictResolution, ConflictStatus, Fault, ResolutionChoice, Role,
};

use crate::body::{Json, MaybeJson};
use crate::call::Call;
use crate::docs::{AutoBody, BatchBody, DecisionBody};
use crate::error::Failure;
use crate::params::page;
use crate::path::Id;
use crate::reply::{Answer, Reply};
use crate::view::conflicts::{
    BatchDone, ConflictDecided, ConflictIgnored, ConflictList, ConflictOne, ConflictRow,
    ConflictStats,
};

/// Conflicts of one batch at most: each takes requests to two trackers.
const BATCH: usize = 100;

/// List conflicts, newest first
#[utoipa::path(
    tag = "Conflicts",
    params(
        ("status" = Option<String>, Query, description = "unresolved (the default), resolved or ignored"),
        ("sync_config_id" = Option<i64>, Query), ("cursor" = Option<String>, Query),
        ("limit" = Option<usize>, Query), ("offset" = Option<usize>, Query)
    ),
    responses((status = 200, body = Reply<ConflictList>), (status = "4XX", body = Failure))
)]
#[get("/conflicts")]
pub(crate) async fn list(call: Call) -> Answer<ConflictList> {
    let ((filter, (offset, limit)), warnings) = call.query(|q| {
        let filter = ConflictFilter {
            config_id: q.id("sync_config_id"),
            status: q.word("status").or(Some(ConflictStatus::Unresolved)),
            before: q.id("cursor"),
            scope: None,
        };
        (filter, page(q))
    })?;
    let page = call.app().conflicts(&call.caller, filter, offset, limit).await?;
    let conflicts: Vec<ConflictRow> = page.conflicts.into_iter().map(ConflictRow::from).collect();
    let next_cursor = page.next_cursor.map(|ConflictId(id)| id.to_string());
    let list = ConflictList { total: page.total, count: conflicts.len(), conflicts, next_cursor };
    Ok(Reply::new(list).warn(warnings))
}

/// Read a conflict and the decisions about it
#[utoipa::path(
    tag = "Conflicts",
    params(("id" = i64, Path)),
    responses((status = 200, body = Reply<ConflictOne>), (status = "4XX", body = Failure))
)]
#[get("/conflicts/{id}")]
pub(crate) async fn one(call: Call, id: Id<ConflictId>) -> Answer<ConflictOne> {
    let warnings = call.no_query()?;
    let state = call.app().conflict(&call.caller, id.0).await?;
    Ok(Reply::new(ConflictOne::from(state)).warn(warnings))
}

/// Count the conflicts of a configuration by status
#[utoipa::path(
    tag = "Conflicts",
    params(("configId" = i64, Path)),
    responses((status = 200, body = Reply<ConflictStats>), (status = "4XX", body = Failure))
)]
#[get("/conflicts/stats/{configId}")]
pub(crate) async fn counts(call: Call, id: Id<ConfigId>) -> Answer<ConflictStats> {
    let warnings = call.no_query()?;
    let stats = call.app().conflict_counts(&call.caller, id.0).await?.into();
    Ok(Reply::new(ConflictStats { stats }).warn(warnings))
}

/// Decide about a conflict
#[utoipa::path(
    tag = "Conflicts",
    params(("id" = i64, Path)),
    request_body = DecisionBody,
    responses((status = 200, body = Reply<ConflictDecided>), (status = "4XX", body = Failure))
)]
#[post("/conflicts/{id}/resolve")]
pub(crate) async fn resolve(call: Call, id: Id<ConflictId>, body: Json) -> Answer<ConflictDecided> {
    call.caller.needs(Role::Operator)?;
    let warnings = call.no_query()?;
    let (asked, more) = read_decision(body.0)?;
    let decided = call.app().resolve_conflict(&call.caller, id.0, asked).await?;
    Ok(Reply::new(ConflictDecided::from(decided)).warn(warnings).warn(more))
}

/// Let a strategy decide about a conflict
#[utoipa::path(
    tag = "Conflicts",
    params(("id" = i64, Path)),
    request_body = AutoBody,
    responses((status = 200, body = Reply<ConflictDecided>), (status = "4XX", body = Failure))
)]
#[post("/conflicts/{id}/resolve-auto")]
pub(crate) async fn resolve_auto(
    call: Call,
    id: Id<ConflictId>,
    body: Json,
) -> Answer<ConflictDecided> {
    call.caller.needs(Role::Operator)?;
    let warnings = call.no_query()?;
    let mut body = Body::new(body.0)?;
    let strategy = body.required_word::<ConflictResolution>("strategy");
    let more = body.finish()?;
    let strategy = strategy.unwrap_or(ConflictResolution::Manual);
    let decided = call.app().resolve_conflict_auto(&call.caller, id.0, strategy).await?;
    Ok(Reply::new(ConflictDecided::from(decided)).warn(warnings).warn(more))
}

/// Let a strategy decide about several conflicts, each judged alone
#[utoipa::path(
    tag = "Conflicts",
    request_body = BatchBody,
    responses((status = 200, body = Reply<BatchDone>), (status = "4XX", body = Failure))
)]
#[post("/conflicts/resolve-batch")]
pub(crate) async fn resolve_batch(call: Call, body: Json) -> Answer<BatchDone> {
    call.caller.needs(Role::Operator)?;
    let warnings = call.no_query()?;
    let mut body = Body::new(body.0)?;
    let ids = read_ids(&mut body);
    let strategy = body.required_word::<ConflictResolution>("strategy");
    let more = body.finish()?;
    let strategy = strategy.unwrap_or(ConflictResolution::Manual);
    let lines = call.app().resolve_conflicts(&call.caller, &ids, strategy).await?;
    Ok(Reply::new(BatchDone::from(lines)).warn(warnings).warn(more))
}

/// Put a conflict aside until one side changes the field again
#[utoipa::path(
    tag = "Conflicts",
    params(("id" = i64, Path)),
    responses((status = 200, body = Reply<ConflictIgnored>), (status = "4XX", body = Failure))
)]
#[post("/conflicts/{id}/ignore")]
pub(crate) async fn ignore(
    call: Call,
    id: Id<ConflictId>,
    body: MaybeJson,
) -> Answer<ConflictIgnored> {
    let mut warnings = call.no_query()?;
    warnings.extend(body.nothing()?);
    let conflict = call.app().ignore_conflict(&call.caller, id.0).await?;
    Ok(Reply::new(ConflictIgnored::from(conflict)).warn(warnings))
}

fn read_decision(body: Value) -> Result<(DecisionAsked, Vec<String>), Fault> {
    let mut body = Body::new(body)?;
    let is_valued = body.has("resolved_value");
    let value = body.nullable("resolved_value").flatten().unwrap_or_default();
    let choice = read_choice(&mut body, is_valued);
    let rationale = body.text("rationale").unwrap_or_default();
    let resolved_by = body.name("resolved_by");
    let apply_immediately = body.flag("apply_immediately").unwrap_or(true);
    let warnings = body.finish()?;
    let asked = DecisionAsked { choice, value, rationale, resolved_by, apply_immediately };
    Ok((asked, warnings))
}

fn read_choice(body: &mut Body, is_valued: bool) -> ResolutionChoice {
    let word = body.word::<ResolutionChoice>("use");
    match (word, is_valued) {
        (Some(_), true) => body.fault("use", "send either use or resolved_value, not both"),
        (Some(ResolutionChoice::Value | ResolutionChoice::Agreement), false) => {
            body.fault("use", "use source, target or base, or send resolved_value");
        }
        (Some(choice), false) => return choice,
        (None, true) => {}
        (None, false) => {
            // A word that is none was told already.
            if body.faults().iter().all(|fault| fault.path != "/use") {
                body.fault("use", "send source, target or base here, or resolved_value instead");
            }
        }
    }
    ResolutionChoice::Value
}

fn read_ids(body: &mut Body) -> Vec<ConflictId> {
    if body.missing("conflict_ids") {
        return Vec::new();
    }
    let Some(ids) = body.ids::<ConflictId>("conflict_ids") else { return Vec::new() };
    let has_fault = body.faults().iter().any(|fault| fault.path.starts_with("/conflict_ids"));
    let distinct: BTreeSet<ConflictId> = ids.iter().copied().collect();
    if has_fault {
        return Vec::new();
    }
    if ids.is_empty() || ids.len() > BATCH {
        body.fault("conflict_ids", format!("{} ids; send 1 to {BATCH}", ids.len()));
    } else if distinct.len() < ids.len() {
        body.fault("conflict_ids", "an id is given twice; send each once");
    }
    ids
}
