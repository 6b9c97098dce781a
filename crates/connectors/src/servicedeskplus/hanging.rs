//! What hangs on a request: notes, links, files.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Map, Value, json};
use syncline_domain::ports::{ConnectorError, ErrorKind, FileSource};
use syncline_domain::{
    Attachment, Comment, CommentId, ItemId, ItemLink, NewComment, TextFormat, Timestamp,
};
use syncline_outbound::Method;

use super::config::{Flavour, segment};
use super::convert::{instant, person};
use super::errors::{self, Effect};
use super::requests::{Api, ROWS};
use super::wire::id_text;

/// The one relation that two requests can have.
pub(super) const LINKED: &str = "linked";
/// More pages than a request has parts; a server that never ends is left there.
const MOST_PAGES: usize = 1_000;

/// The notes of a request, oldest first. Mails to and from the requester are conversations, not notes.
pub(super) async fn notes(api: &Api, id: &ItemId) -> Result<Vec<Comment>, ConnectorError> {
    let rows =
        rows(api, &format!("requests/{}/notes", segment(id.as_str())), &["notes", "request_notes"])
            .await?;
    let mut found: Vec<Comment> = rows.iter().filter_map(note).collect();
    found
        .sort_by_key(|note| (note.created_at, note.id.as_str().parse::<u64>().unwrap_or(u64::MAX)));
    Ok(found)
}

/// Adds a note.
pub(super) async fn add_note(
    api: &Api,
    id: &ItemId,
    new: &NewComment,
) -> Result<Comment, ConnectorError> {
    let path = format!("requests/{}/notes", segment(id.as_str()));
    let entity = json!({
        "description": html_of(new), "show_to_requester": !new.is_private, "notify_technician": false,
        "mark_first_response": false, "add_to_linked_requests": false,
    });
    send_note(api, Method::POST, &path, &entity).await
}

/// Replaces the text of a note.
pub(super) async fn edit_note(
    api: &Api,
    id: &ItemId,
    note: &CommentId,
    new: &NewComment,
) -> Result<Comment, ConnectorError> {
    let path = format!("requests/{}/notes/{}", segment(id.as_str()), segment(note.as_str()));
    let entity = json!({ "description": html_of(new), "show_to_requester": !new.is_private });
    send_note(api, Method::PUT, &path, &entity).await
}

/// Removes a note.
pub(super) async fn delete_note(
    api: &Api,
    id: &ItemId,
    note: &CommentId,
) -> Result<(), ConnectorError> {
    let path = format!("requests/{}/notes/{}", segment(id.as_str()), segment(note.as_str()));
    api.command(Method::DELETE, &path).await.map(drop)
}

/// The two flavours wrap a note under different keys, and not every build keeps to its own: the other one is tried once,
/// and remembered.
async fn send_note(
    api: &Api,
    method: Method,
    path: &str,
    entity: &Value,
) -> Result<Comment, ConnectorError> {
    let (own, other) = match api.config.flavour {
        Flavour::Cloud => ("request_note", "note"),
        Flavour::OnPremises => ("note", "request_note"),
    };
    let is_other = api.is_other_note_key.load(Ordering::Relaxed);
    let (first, second) = if is_other { (other, own) } else { (own, other) };
    let mut answer = match api.write(method.clone(), path, &json!({ first: entity })).await {
        Err(error) if blames_key(&error, &[own, other]) => {
            let answer = api.write(method, path, &json!({ second: entity })).await?;
            api.is_other_note_key.store(!is_other, Ordering::Relaxed);
            answer
        }
        answered => answered?,
    };
    let shown = answer.entity(first).or_else(|| answer.entity(second));
    let shown = shown.as_ref().and_then(note);
    shown.ok_or_else(|| errors::broken("a success without the note", Effect::Write))
}

fn blames_key(error: &ConnectorError, keys: &[&str]) -> bool {
    let named = error.field.as_ref().is_some_and(|field| keys.contains(&field.as_str()));
    error.kind == ErrorKind::Invalid && (named || error.detail.contains("Extra parameter"))
}

fn note(row: &Map<String, Value>) -> Option<Comment> {
    let pick = |keys: [&str; 2]| {
        keys.into_iter().find_map(|key| row.get(key)).filter(|value| !value.is_null())
    };
    let created_at = instant(pick(["added_time", "created_time"])).unwrap_or_default();
    let text = pick(["description", "notes_text"]).and_then(Value::as_str).unwrap_or_default();
    Some(Comment {
        id: CommentId::new(id_text(row.get("id"))?),
        author: pick(["added_by", "created_by"]).and_then(person),
        created_at,
        updated_at: instant(row.get("last_updated_time")).filter(|at: &Timestamp| *at > created_at),
        body: text.replace("\r\n", "\n"),
        format: TextFormat::Html,
        is_private: row.get("show_to_requester") != Some(&json!(true)),
    })
}

/// Notes are HTML. Nothing of a plain text may act as markup, and its lines stay lines.
fn html_of(new: &NewComment) -> String {
    if new.format == TextFormat::Html {
        return new.body.clone();
    }
    let escaped = new.body.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    escaped.replace("\r\n", "\n").replace('\n', "<br>")
}

/// The requests that this one is linked with.
pub(super) async fn links(api: &Api, id: &ItemId) -> Result<Vec<ItemLink>, ConnectorError> {
    let path = format!("requests/{}/link_requests", segment(id.as_str()));
    let rows = rows(api, &path, &["link_requests", "linked_requests"]).await?;
    let other = |row: &Map<String, Value>| {
        let linked = row.get("linked_request").or_else(|| row.get("request"));
        id_text(linked.and_then(|request| request.get("id")))
    };
    let link = |other: String| ItemLink {
        relation: LINKED.to_owned(),
        other: ItemId::new(other),
        link_id: None,
    };
    Ok(rows.iter().filter_map(other).map(link).collect())
}

/// Links two requests. A link that is there already is as good.
pub(super) async fn add_link(
    api: &Api,
    id: &ItemId,
    link: &ItemLink,
) -> Result<(), ConnectorError> {
    let path = format!("requests/{}/link_requests", segment(id.as_str()));
    let entity = json!({ "link_requests": [{ "linked_request": { "id": link.other.as_str() }, "comments": "" }] });
    match api.write(Method::POST, &path, &entity).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind == ErrorKind::Invalid => {
            let is_there = links(api, id).await?.iter().any(|have| have.other == link.other);
            if is_there { Ok(()) } else { Err(error) }
        }
        Err(error) => Err(error),
    }
}

/// The files of a request.
pub(super) async fn files(api: &Api, id: &ItemId) -> Result<Vec<Attachment>, ConnectorError> {
    let path = format!("requests/{}/attachments", segment(id.as_str()));
    let rows = rows(api, &path, &["attachments"]).await?;
    Ok(rows.iter().filter_map(|row| file(api, id, row)).collect())
}

/// Hangs a file on a request.
pub(super) async fn attach(
    api: &Api,
    id: &ItemId,
    name: &str,
    content_type: &str,
    given: Arc<dyn FileSource>,
) -> Result<Attachment, ConnectorError> {
    let mut answer = api.upload(id.as_str(), name, content_type, given).await?;
    let row =
        answer.entity("attachment").or_else(|| answer.rows("attachments").into_iter().next_back());
    if let Some(file) = row.as_ref().and_then(|row| file(api, id, row)) {
        return Ok(file);
    }
    // Some builds say no more than that it worked.
    let found = files(api, id).await?.into_iter().rfind(|file| file.name == name);
    found.ok_or_else(|| errors::broken("a success without the file", Effect::Write))
}

fn file(api: &Api, id: &ItemId, row: &Map<String, Value>) -> Option<Attachment> {
    let file = id_text(row.get("id"))?;
    let text = |keys: [&str; 2]| keys.into_iter().find_map(|key| row.get(key)?.as_str());
    let size = row.get("size").map(|size| size.get("value").unwrap_or(size));
    let size = size.and_then(|size| size.as_u64().or_else(|| size.as_str()?.trim().parse().ok()));
    let path = format!("requests/{}/attachments/{}/download", segment(id.as_str()), segment(&file));
    Some(Attachment {
        name: text(["name", "file_name"]).unwrap_or(&file).to_owned(),
        size,
        content_type: text(["content_type", "type"]).map(ToOwned::to_owned),
        url: api.config.api_url(&path),
        id: file,
    })
}

/// All rows of a short list. Its key differs between builds.
async fn rows(
    api: &Api,
    path: &str,
    keys: &[&str],
) -> Result<Vec<Map<String, Value>>, ConnectorError> {
    let mut found = Vec::new();
    for _ in 0..MOST_PAGES {
        let info = json!({ "row_count": ROWS, "start_index": found.len() + 1 });
        let mut answer = api.list(path, info).await?;
        let page: Vec<_> = keys.iter().flat_map(|key| answer.rows(key)).collect();
        let is_last = page.is_empty() || !answer.has_more();
        found.extend(page);
        if is_last {
            break;
        }
    }
    Ok(found)
}
