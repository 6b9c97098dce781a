//! Files: upload whole or in chunks, download.

use bytes::{Bytes, BytesMut};
use serde_json::json;

use super::Cx;
use crate::azure::errors::{Answer, ApiError, bad_value};
use crate::azure::model::Attachment;
use crate::azure::saving::{self, Actor};
use crate::azure::store::Store;
use crate::shared::effects::EffectOp;
use crate::shared::http::Reply;
use crate::shared::text::guid;

/// The largest file of a simple upload.
const MOST_BYTES: usize = 130 * 1024 * 1024;

pub(crate) fn create(cx: &Cx<'_>, store: &mut Store) -> Answer<Reply> {
    let name = cx.request.query("fileName").unwrap_or("").trim().to_owned();
    if name.is_empty() {
        return Err(bad_value("The file needs a name: send fileName."));
    }
    let chunked =
        cx.request.query("uploadType").is_some_and(|word| word.eq_ignore_ascii_case("chunked"));
    let body = if chunked { Bytes::new() } else { content(cx)? };
    let id = guid(&format!("attachment {}", store.attachments.len()));
    let size = body.len();
    let expected = chunked.then_some(usize::MAX);
    store
        .attachments
        .insert(id.clone(), Attachment { name: name.clone(), body, expected, at: cx.site.now() });
    if !chunked {
        log(cx, &id, &name, size);
    }
    Ok(reference(cx, &id, &name))
}

fn content(cx: &Cx<'_>) -> Answer<Bytes> {
    if cx.request.content_type() != "application/octet-stream" {
        let message = "Send the file as application/octet-stream.";
        return Err(ApiError::new(415, "VssRequestContentTypeNotSupportedException", message));
    }
    if cx.request.body.len() > MOST_BYTES {
        return Err(ApiError::new(
            400,
            "AttachmentTooLargeException",
            "TF237092: The file is too large for a simple upload.",
        ));
    }
    Ok(cx.request.body.clone())
}

fn log(cx: &Cx<'_>, id: &str, name: &str, size: usize) {
    let mut fields = serde_json::Map::new();
    fields.insert("action".into(), json!("add"));
    fields.insert("attachment_id".into(), json!(id));
    fields.insert("name".into(), json!(name));
    fields.insert("size".into(), json!(size));
    saving::log(cx.site, &Actor::api(), EffectOp::Attachment, 0, fields, true);
}

fn reference(cx: &Cx<'_>, id: &str, name: &str) -> Reply {
    let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    let url = format!("{}/_apis/wit/attachments/{id}?fileName={name}", cx.site.collection);
    Reply::json(200, &json!({ "id": id, "url": url }))
}

/// Takes `Content-Range: bytes first-last/total`; the chunks must come in order.
pub(crate) fn chunk(cx: &Cx<'_>, store: &mut Store, id: &str) -> Answer<Reply> {
    let (first, total) = range(cx.request.header("content-range").unwrap_or(""))
        .ok_or_else(|| bad_value("Content-Range is missing or cannot be read."))?;
    let stored = store.attachments.get_mut(id).ok_or_else(missing)?;
    if stored.expected.is_none() || first != stored.body.len() {
        return Err(bad_value(format!("The next chunk must begin at byte {}.", stored.body.len())));
    }
    let mut whole = BytesMut::from(&stored.body[..]);
    whole.extend_from_slice(&cx.request.body);
    stored.body = whole.freeze();
    stored.expected = (stored.body.len() < total).then_some(total);
    let (name, size, done) = (stored.name.clone(), stored.body.len(), stored.expected.is_none());
    if done {
        log(cx, id, &name, size);
    }
    Ok(reference(cx, id, &name))
}

fn range(header: &str) -> Option<(usize, usize)> {
    let (span, total) = header.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = span.split_once('-')?;
    Some((first.trim().parse().ok()?, total.trim().parse().ok()?))
}

fn missing() -> ApiError {
    ApiError::new(404, "AttachmentNotFoundException", "TF26194: The attachment does not exist.")
}

pub(crate) fn download(store: &Store, id: &str) -> Answer<Reply> {
    let stored =
        store.attachments.get(id).filter(|stored| stored.expected.is_none()).ok_or_else(missing)?;
    let name = stored.name.replace(['"', '\r', '\n'], "_");
    Ok(Reply::bytes(200, "application/octet-stream", stored.body.clone())
        .with("Content-Disposition", format!("attachment; filename=\"{}\"", name.escape_default())))
}
