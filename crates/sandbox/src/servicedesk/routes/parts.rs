//! What hangs on a request: notes, links, files.

use serde_json::{Map, Value, json};

use super::Cx;
use crate::servicedesk::answers::{self, Answer, invalid, mandatory, not_found};
use crate::servicedesk::model::{Desk, Ticket};
use crate::servicedesk::present;
use crate::servicedesk::saving::{self, Actor};
use crate::servicedesk::{input, listing};
use crate::shared::http::Reply;
use crate::shared::multipart;

/// The form field of an upload.
const FILE_FIELD: &str = "input_file";

pub(crate) fn read(cx: &Cx<'_>, desk: &Desk, id: &str, part: &str, more: &[&str]) -> Answer<Reply> {
    let ticket = desk.visible(cx.number(id)?).ok_or_else(not_found)?;
    let asked = input::asked(cx.request)?;
    match (part, more) {
        ("notes", []) => {
            let rows =
                ticket.notes.iter().map(|note| present::note(cx.site, ticket.no, note)).collect();
            listing::plain(cx.site, "notes", rows, &asked)
        }
        ("notes", [note]) => {
            let found = ticket
                .notes
                .iter()
                .find(|had| cx.site.part_id(had.no) == *note)
                .ok_or_else(not_found)?;
            Ok(answers::one(cx.site.note_key(), present::note(cx.site, ticket.no, found)))
        }
        ("link_requests", []) => {
            listing::plain(cx.site, "link_requests", links(cx, desk, ticket), &asked)
        }
        ("attachments", []) => {
            let rows = ticket
                .attachments
                .iter()
                .map(|file| present::attachment(cx.site, ticket.no, file))
                .collect();
            listing::plain(cx.site, "attachments", rows, &asked)
        }
        ("attachments", [file, "download"]) => {
            let file = ticket
                .attachments
                .iter()
                .find(|had| cx.site.part_id(had.no) == *file)
                .ok_or_else(not_found)?;
            let name = file.name.replace(['"', '\r', '\n'], "_");
            Ok(Reply::bytes(200, &file.content_type, file.body.clone()).with(
                "Content-Disposition",
                format!("attachment; filename=\"{}\"", name.escape_default()),
            ))
        }
        _ => Err(not_found()),
    }
}

fn links(cx: &Cx<'_>, desk: &Desk, ticket: &Ticket) -> Vec<Value> {
    let one = |(no, comment): (&u32, &String)| {
        let subject =
            desk.any(*no).map(|other| other.text(crate::servicedesk::fields::SUBJECT).to_owned());
        json!({ "linked_request": { "id": cx.site.request_id(*no), "subject": subject }, "comments": comment })
    };
    ticket.links.iter().map(one).collect()
}

pub(crate) fn write(
    cx: &Cx<'_>,
    desk: &mut Desk,
    id: &str,
    part: &str,
    more: &[&str],
) -> Answer<Reply> {
    let no = cx.number(id)?;
    let actor = Actor::api();
    match (cx.request.method.as_str(), part, more) {
        ("POST", "notes", []) => {
            let sent = note(cx)?;
            let public = sent.get("show_to_requester").and_then(Value::as_bool).unwrap_or(false);
            let note = saving::add_note(cx.site, desk, actor, no, text(&sent)?, public)?;
            let http = if cx.site.cloud() { 201 } else { 200 };
            Ok(answers::with_status(http, cx.site.note_key(), present::note(cx.site, no, &note)))
        }
        ("PUT", "notes", [id]) => {
            let sent = note(cx)?;
            let note = saving::change_note(cx.site, desk, actor, no, id, Some(text(&sent)?))?
                .ok_or_else(not_found)?;
            Ok(answers::one(cx.site.note_key(), present::note(cx.site, no, &note)))
        }
        ("DELETE", "notes", [id]) => {
            saving::change_note(cx.site, desk, actor, no, id, None)?;
            Ok(answers::done("Note deleted"))
        }
        ("POST" | "DELETE", "link_requests", []) => {
            let others = others(cx)?;
            let add = cx.request.method == "POST";
            saving::link(cx.site, desk, actor, no, &others, add)?;
            Ok(answers::done(if add { "Linked" } else { "Unlinked" }))
        }
        ("PUT" | "POST", "upload" | "_uploads", []) => upload(cx, desk, no),
        ("DELETE", "attachments", [file]) => {
            saving::detach(cx.site, desk, actor, no, file)?;
            Ok(answers::done("Attachment deleted"))
        }
        _ => Err(not_found()),
    }
}

/// The note inside its wrapper; the other product's wrapper is refused unless that is allowed.
fn note(cx: &Cx<'_>) -> Answer<Map<String, Value>> {
    let written = input::written(cx.request)?;
    let own = cx.site.note_key();
    let other = if cx.site.cloud() { "note" } else { "request_note" };
    let found = written
        .get(own)
        .or_else(|| written.get(other).filter(|_| !cx.site.options.strict_note_key));
    found
        .and_then(Value::as_object)
        .cloned()
        .ok_or_else(|| invalid(own, format!("Expected an object under {own}")))
}

fn text(note: &Map<String, Value>) -> Answer<&str> {
    let text =
        note.get("description").and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    text.ok_or_else(|| mandatory(vec!["description".into()]))
}

fn others(cx: &Cx<'_>) -> Answer<Vec<(u32, String)>> {
    let written = input::written(cx.request)?;
    let bad = || invalid("link_requests", "Invalid Input");
    let list = written.get("link_requests").and_then(Value::as_array).ok_or_else(bad)?;
    let one = |link: &Value| {
        let id = link.pointer("/linked_request/id")?;
        let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        let comment = link.get("comments").and_then(Value::as_str).unwrap_or("").to_owned();
        Some((cx.site.request_no(&id)?, comment))
    };
    list.iter().map(|link| one(link).ok_or_else(bad)).collect()
}

/// One file a call, in the form field that the product names.
fn upload(cx: &Cx<'_>, desk: &mut Desk, no: u32) -> Answer<Reply> {
    let bad = |why: &str| invalid(FILE_FIELD, why);
    let parts =
        multipart::parts(cx.request).ok_or_else(|| bad("Send the file as multipart/form-data"))?;
    let mut files = parts.into_iter().filter(|part| part.name == FILE_FIELD);
    let (file, second) = (files.next().ok_or_else(|| bad("The file is missing"))?, files.next());
    if second.is_some() {
        return Err(bad("Only one file can be sent at a time"));
    }
    let name = file.file_name.unwrap_or_else(|| "file".into());
    let stored =
        saving::attach(cx.site, desk, Actor::api(), no, name, file.content_type, file.body)?;
    Ok(answers::one("attachment", present::attachment(cx.site, no, &stored)))
}
