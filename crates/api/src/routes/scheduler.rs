//! `/api/scheduler`.

use actix_web::{get, post};
use syncline_app::App;
use syncline_domain::{ConfigId, Timestamp};

use crate::body::{Json, MaybeJson};
use crate::call::Call;
use crate::docs::ScheduleBody;
use crate::error::Failure;
use crate::params::{LIMIT_DEFAULT, Params};
use crate::path::Id;
use crate::reply::{Answer, Done, Reply};
use crate::view::scheduler::{
    NextRun, NextRuns, OccurrenceList, OccurrenceView, Scheduled, SchedulerOne, SchedulerSwitched,
};

/// Instants that are told when nobody says how many, and at most.
const COUNT: usize = 5;
const COUNT_MAX: usize = 100;

/// Say what the scheduler is doing
#[utoipa::path(tag = "Scheduler", responses((status = 200, body = Reply<SchedulerOne>), (status = "4XX", body = Failure)))]
#[get("/scheduler/status")]
pub(crate) async fn state(call: Call) -> Answer<SchedulerOne> {
    let warnings = call.no_query()?;
    let scheduler = call.app().scheduler_state(&call.caller).await?.into();
    Ok(Reply::new(SchedulerOne { scheduler }).warn(warnings))
}

/// Switch the scheduler on
#[utoipa::path(
    tag = "Scheduler",
    responses((status = 200, body = Reply<SchedulerSwitched>), (status = "4XX", body = Failure))
)]
#[post("/scheduler/start")]
pub(crate) async fn start(call: Call, body: MaybeJson) -> Answer<SchedulerSwitched> {
    let mut warnings = call.no_query()?;
    warnings.extend(body.nothing()?);
    let status = call.app().start_scheduler(&call.caller).await?.into();
    let message = "Scheduler started successfully".to_owned();
    Ok(Reply::new(SchedulerSwitched { message, status }).warn(warnings))
}

/// Switch the scheduler off; manual runs, jobs and webhooks go on
#[utoipa::path(
    tag = "Scheduler",
    responses((status = 200, body = Reply<SchedulerSwitched>), (status = "4XX", body = Failure))
)]
#[post("/scheduler/stop")]
pub(crate) async fn stop(call: Call, body: MaybeJson) -> Answer<SchedulerSwitched> {
    let mut warnings = call.no_query()?;
    warnings.extend(body.nothing()?);
    let status = call.app().stop_scheduler(&call.caller).await?.into();
    let message = "Scheduler stopped successfully".to_owned();
    Ok(Reply::new(SchedulerSwitched { message, status }).warn(warnings))
}

/// Schedule a configuration
#[utoipa::path(
    tag = "Scheduler",
    params(("configId" = i64, Path)),
    request_body = ScheduleBody,
    responses((status = 200, body = Reply<Scheduled>), (status = "4XX", body = Failure))
)]
#[post("/scheduler/schedule/{configId}")]
pub(crate) async fn schedule(call: Call, id: Id<ConfigId>, body: Json) -> Answer<Scheduled> {
    let warnings = call.no_query()?;
    let saved = call.app().schedule(&call.caller, id.0, body.0).await?;
    let next_run = NextRun::new(saved.id.next, saved.id.timezone);
    let message = "Sync configuration scheduled successfully".to_owned();
    Ok(Reply::new(Scheduled { message, next_run }).warn(warnings).warn(saved.warnings))
}

/// Take a configuration's schedule away
#[utoipa::path(
    tag = "Scheduler",
    params(("configId" = i64, Path)),
    responses((status = 200, body = Reply<Done>), (status = "4XX", body = Failure))
)]
#[post("/scheduler/unschedule/{configId}")]
pub(crate) async fn unschedule(call: Call, id: Id<ConfigId>, body: MaybeJson) -> Answer<Done> {
    let mut warnings = call.no_query()?;
    warnings.extend(body.nothing()?);
    call.app().unschedule(&call.caller, id.0).await?;
    Ok(Reply::new(Done::new("Sync configuration unscheduled successfully")).warn(warnings))
}

/// Say when a configuration runs next
#[utoipa::path(
    tag = "Scheduler",
    params(("configId" = i64, Path), ("count" = Option<usize>, Query)),
    responses((status = 200, body = Reply<NextRuns>), (status = "4XX", body = Failure))
)]
#[get("/scheduler/next/{configId}")]
pub(crate) async fn next(call: Call, id: Id<ConfigId>) -> Answer<NextRuns> {
    let (count, warnings) = call.query(count)?;
    let upcoming = call.app().next_runs(&call.caller, id.0, count).await?;
    Ok(Reply::new(NextRuns::from(upcoming)).warn(warnings))
}

/// Say when an expression would run
#[utoipa::path(
    tag = "Scheduler",
    params(
        ("cron" = String, Query, description = "crontab's five fields, or @hourly and the like"),
        ("timezone" = Option<String>, Query, description = "an IANA zone; UTC unless given"),
        ("from" = Option<String>, Query, description = "RFC 3339, or epoch milliseconds; now unless given"),
        ("count" = Option<usize>, Query)
    ),
    responses((status = 200, body = Reply<NextRuns>), (status = "4XX", body = Failure))
)]
#[get("/scheduler/preview")]
pub(crate) async fn preview(call: Call) -> Answer<NextRuns> {
    let ((cron, zone, from, count), warnings) = call.query(|q| {
        let cron = q.text("cron");
        if cron.is_none() {
            q.fault("cron", "it is required; use five fields such as \"0 9 * * 1-5\", or @hourly");
        }
        let (cron, zone) = (cron.unwrap_or_default(), q.text("timezone"));
        let zone = zone.unwrap_or_else(|| "UTC".to_owned());
        for fault in App::schedule_faults(&cron, &zone) {
            q.fault(&fault.path, fault.message);
        }
        (cron, zone, instant(q, "from"), count(q))
    })?;
    let upcoming = call.app().preview_schedule(&cron, &zone, from, count)?;
    Ok(Reply::new(NextRuns::from(upcoming)).warn(warnings))
}

/// List what became of the instants of a configuration's schedule, newest first
#[utoipa::path(
    tag = "Scheduler",
    params(("configId" = i64, Path), ("cursor" = Option<String>, Query), ("limit" = Option<usize>, Query)),
    responses((status = 200, body = Reply<OccurrenceList>), (status = "4XX", body = Failure))
)]
#[get("/scheduler/occurrences/{configId}")]
pub(crate) async fn occurrences(call: Call, id: Id<ConfigId>) -> Answer<OccurrenceList> {
    let ((before, limit), warnings) = call.query(|q| (q.id("cursor"), q.limit(LIMIT_DEFAULT)))?;
    let page = call.app().occurrences(&call.caller, id.0, before, limit).await?;
    let occurrences: Vec<OccurrenceView> =
        page.occurrences.into_iter().map(|(one, job)| OccurrenceView::new(one, job)).collect();
    let next_cursor = page.next_cursor.map(|id| id.to_string());
    let body = OccurrenceList { count: occurrences.len(), occurrences, next_cursor };
    Ok(Reply::new(body).warn(warnings))
}

fn count(q: &mut Params) -> usize {
    q.count("count", 1, COUNT_MAX).unwrap_or(COUNT)
}

/// RFC 3339, or epoch milliseconds.
fn instant(q: &mut Params, name: &'static str) -> Option<Timestamp> {
    let text = q.text(name)?;
    // A plus sign in a query is a blank by the time it arrives here.
    let at = Timestamp::parse(&text.replace(' ', "+")).ok();
    let at = at.or_else(|| text.parse().ok().map(Timestamp::from_millis));
    if at.is_none() {
        q.fault(name, format!("{text:?} is no time; use one such as 2026-02-12T08:00:00Z"));
    }
    at
}
