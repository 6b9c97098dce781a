//! Requests: list, read, create, update, close, trash, delete.

use serde_json::{Map, Value};

use super::Cx;
use crate::servicedesk::answers::{self, Answer, invalid, not_found};
use crate::servicedesk::model::Desk;
use crate::servicedesk::present::{self, Columns};
use crate::servicedesk::saving::{self, Actor};
use crate::servicedesk::{input, listing};
use crate::shared::http::Reply;
use crate::shared::people::SERVICE;

pub(crate) fn list(cx: &Cx<'_>, desk: &Desk) -> Answer<Reply> {
    listing::requests(cx.site, desk, &input::asked(cx.request)?)
}

pub(crate) fn single(cx: &Cx<'_>, desk: &Desk, id: &str) -> Answer<Reply> {
    shown(cx, desk, cx.number(id)?, 200)
}

fn shown(cx: &Cx<'_>, desk: &Desk, no: u32, http: u16) -> Answer<Reply> {
    let ticket = desk.visible(no).ok_or_else(not_found)?;
    Ok(answers::with_status(http, "request", present::request(cx.site, ticket, &Columns::All)))
}

pub(crate) fn create(cx: &Cx<'_>, desk: &mut Desk) -> Answer<Reply> {
    let sent = input::entity(cx.request, "request")?;
    let no = saving::create(cx.site, desk, Actor::api(), &sent)?;
    shown(cx, desk, no, if cx.site.cloud() { 201 } else { 200 })
}

pub(crate) fn update(cx: &Cx<'_>, desk: &mut Desk, id: &str) -> Answer<Reply> {
    let no = cx.number(id)?;
    let sent = input::entity(cx.request, "request")?;
    saving::update(cx.site, desk, Actor::api(), no, &sent)?;
    shown(cx, desk, no, 200)
}

pub(crate) fn close(cx: &Cx<'_>, desk: &mut Desk, id: &str) -> Answer<Reply> {
    let no = cx.number(id)?;
    let sent = input::entity(cx.request, "request")?;
    saving::close(cx.site, desk, Actor::api(), no, &sent)?;
    Ok(answers::done("Request closed"))
}

pub(crate) fn pickup(cx: &Cx<'_>, desk: &mut Desk, id: &str) -> Answer<Reply> {
    let no = cx.number(id)?;
    let mut sent = Map::new();
    sent.insert("technician".into(), serde_json::json!({ "id": cx.site.user_id(SERVICE) }));
    saving::update(cx.site, desk, Actor::api(), no, &sent)?;
    shown(cx, desk, no, 200)
}

pub(crate) fn resolve(cx: &Cx<'_>, desk: &mut Desk, id: &str) -> Answer<Reply> {
    let no = cx.number(id)?;
    let sent = input::entity(cx.request, "resolution")?;
    let content = sent
        .get("content")
        .and_then(Value::as_str)
        .ok_or_else(|| invalid("content", "Invalid Input"))?;
    let mut fields = Map::new();
    fields.insert("resolution".into(), serde_json::json!({ "content": content }));
    saving::update(cx.site, desk, Actor::api(), no, &fields)?;
    Ok(answers::one("resolution", Value::Object(sent)))
}

pub(crate) fn trash(cx: &Cx<'_>, desk: &mut Desk, id: &str, into: bool) -> Answer<Reply> {
    saving::trash(cx.site, desk, Actor::api(), cx.number(id)?, into)?;
    Ok(answers::done(if into { "Request moved to trash" } else { "Request restored" }))
}

pub(crate) fn destroy(cx: &Cx<'_>, desk: &mut Desk, id: &str) -> Answer<Reply> {
    saving::destroy(cx.site, desk, Actor::api(), cx.number(id)?)?;
    Ok(answers::done("Request deleted"))
}
