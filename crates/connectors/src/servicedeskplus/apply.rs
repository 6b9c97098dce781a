//! Writing, one request a call.
//!
//! The product has no revisions: an expected version is compared by reading first, and a small gap remains. What comes
//! back is what the answer shows, or a fresh reading where the answer shows too little.

use serde_json::{Map, Value, json};
use syncline_domain::ports::{ConnectorError, ErrorKind, Write, WriteKind};
use syncline_domain::{Item, ItemId, StatusCategory, Version};
use syncline_outbound::Method;

use super::config::segment;
use super::convert;
use super::errors::{self, Effect};
use super::reading::{Row, is_trashed};
use super::requests::{Api, ROWS};
use super::schema;
use super::values;

/// Performs one write.
pub(super) async fn apply(api: &Api, write: &Write) -> Result<Item, ConnectorError> {
    let row = match &write.kind {
        WriteKind::Create { type_ref } => create(api, write, type_ref).await?,
        WriteKind::Update { id, expected } => update(api, write, id, expected.as_ref()).await?,
        WriteKind::Delete { id, expected } => delete(api, id, expected.as_ref()).await?,
    };
    convert::item(&api.config, &row)
        .ok_or_else(|| errors::broken("a request without an id", Effect::Write))
}

/// A status that a template refuses at the beginning is set afterwards. When that is refused, too, the request stays as
/// it was made, and the answer shows it so: an error would make the caller believe that nothing was made.
async fn create(api: &Api, write: &Write, type_ref: &str) -> Result<Row, ConnectorError> {
    let whole = values::create(&api.config, write, type_ref, true);
    let refused = match api.create(&whole).await {
        Ok(answer) => return shown(api, answer, None).await,
        Err(error) => error,
    };
    if !blames_status(&refused) || values::wanted_status(write).is_none() {
        return Err(refused);
    }
    let answer = api.create(&values::create(&api.config, write, type_ref, false)).await?;
    let made = shown(api, answer, None).await?;
    let Some(id) = super::wire::id_text(made.get("id")) else { return Ok(made) };
    match set_status(api, &id, write, &Map::new()).await {
        Ok(row) => Ok(row),
        Err(error) => {
            log::warn!(item = id.as_str(), error:%; "a request was made but is left in its first status");
            Ok(made)
        }
    }
}

async fn update(
    api: &Api,
    write: &Write,
    id: &ItemId,
    expected: Option<&Version>,
) -> Result<Row, ConnectorError> {
    let entity = values::update(write, true);
    if expected.is_some() || entity.is_empty() {
        let before = present(api, id).await?;
        check_version(&before, id, expected)?;
        if entity.is_empty() {
            return Ok(before);
        }
    }
    match put(api, id.as_str(), &entity).await {
        Err(error)
            if error.kind == ErrorKind::Invalid && values::wanted_status(write).is_some() =>
        {
            close_instead(api, id.as_str(), write, error).await
        }
        other => other,
    }
}

/// Some builds close only through a call of its own. What else is written goes first; when closing is refused as well,
/// the first refusal is told, since it names the fields.
async fn close_instead(
    api: &Api,
    id: &str,
    write: &Write,
    refused: ConnectorError,
) -> Result<Row, ConnectorError> {
    let Some(status) = values::wanted_status(write) else { return Err(refused) };
    if refused.detail.contains("mandatory") || !is_closing(api, &status).await {
        return Err(refused);
    }
    match set_status(api, id, write, &values::update(write, false)).await {
        Ok(row) => Ok(row),
        Err(error) if error.kind == ErrorKind::Invalid => Err(refused),
        Err(error) => Err(error),
    }
}

/// Writes the other values, then the status: closing by the call for it.
async fn set_status(
    api: &Api,
    id: &str,
    write: &Write,
    others: &Map<String, Value>,
) -> Result<Row, ConnectorError> {
    let status = values::wanted_status(write).unwrap_or_default();
    if !others.is_empty() {
        put(api, id, others).await?;
    }
    if !is_closing(api, &status).await {
        let entity = json!({ "status": { "name": status } });
        return put(api, id, entity.as_object().unwrap_or(&Map::new())).await;
    }
    let info = json!({ "request": { "closure_info": {
        "requester_ack_resolution": true, "closure_comments": "closed by sync" } } });
    let path = format!("requests/{}/close", segment(id));
    api.write(Method::PUT, &path, &info).await?;
    api.one(id).await
}

async fn put(api: &Api, id: &str, entity: &Map<String, Value>) -> Result<Row, ConnectorError> {
    let path = format!("requests/{}", segment(id));
    let answer = api.write(Method::PUT, &path, &json!({ "request": entity })).await?;
    shown(api, answer, Some(id)).await
}

/// The request as the answer shows it, or read again where it shows too little.
async fn shown(
    api: &Api,
    mut answer: super::wire::Answer,
    id: Option<&str>,
) -> Result<Row, ConnectorError> {
    let row = answer.entity("request");
    let known = row
        .as_ref()
        .and_then(|row| super::wire::id_text(row.get("id")))
        .or_else(|| id.map(ToOwned::to_owned));
    let whole = ["id", "subject", "status", "created_time", "last_updated_time", "description"];
    match (row, known) {
        (Some(row), _) if whole.iter().all(|key| row.contains_key(*key)) => Ok(row),
        // The write is done: what fails now is only the look at it.
        (_, Some(id)) => api.one(&id).await.map_err(unseen),
        (_, None) => Err(errors::broken("a success without the request", Effect::Write)),
    }
}

fn unseen(error: ConnectorError) -> ConnectorError {
    ConnectorError {
        kind: ErrorKind::Ambiguous,
        detail: format!("the write was accepted but could not be read back: {}", error.detail),
        ..error
    }
}

/// Into the trash; where a build has no trash, for good.
async fn delete(api: &Api, id: &ItemId, expected: Option<&Version>) -> Result<Row, ConnectorError> {
    let before = present(api, id).await?;
    check_version(&before, id, expected)?;
    let path = format!("requests/{}", segment(id.as_str()));
    match api.command(Method::DELETE, &format!("{path}/move_to_trash")).await {
        Ok(_) => Ok(before),
        Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Protocol) => {
            // It may be the address that is unknown, or the request that is gone by now.
            present(api, id).await?;
            api.command(Method::DELETE, &path).await.map(|_| before)
        }
        Err(error) => Err(error),
    }
}

/// A request that is not in the trash.
async fn present(api: &Api, id: &ItemId) -> Result<Row, ConnectorError> {
    let row = api.one(id.as_str()).await?;
    if is_trashed(&row) {
        return Err(ConnectorError::new(
            ErrorKind::NotFound,
            format!("request {id} lies in the trash"),
        ));
    }
    Ok(row)
}

fn check_version(row: &Row, id: &ItemId, expected: Option<&Version>) -> Result<(), ConnectorError> {
    let found = convert::version(row);
    match expected {
        Some(expected) if *expected != found => Err(ConnectorError::new(
            ErrorKind::VersionConflict,
            format!("request {id} was changed at {found} instead of {expected}"),
        )),
        _ => Ok(()),
    }
}

fn blames_status(error: &ConnectorError) -> bool {
    let field = error.field.as_ref().map_or("", |field| field.as_str());
    error.kind == ErrorKind::Invalid && (field == "status" || field.starts_with("status."))
}

/// Whether a status ends a request for good; asked only after a refusal, so its cost does not matter.
async fn is_closing(api: &Api, status: &str) -> bool {
    let rows = match api.list("statuses", json!({ "row_count": ROWS, "start_index": 1 })).await {
        Ok(mut answer) => answer.rows("statuses"),
        Err(_) => Vec::new(),
    };
    let named = |row: &&Row| {
        row.get("name")
            .and_then(Value::as_str)
            .is_some_and(|name| name.eq_ignore_ascii_case(status))
    };
    match rows.iter().find(named) {
        Some(row) => schema::category(row) == StatusCategory::Completed,
        None => status.eq_ignore_ascii_case("closed"),
    }
}
