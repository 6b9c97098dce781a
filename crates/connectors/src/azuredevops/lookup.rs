//! Looking for single items: by marker, by author, by value, by words, by id.

use std::collections::BTreeSet;

use serde_json::Value;
use syncline_domain::ports::{
    ChangeQuery, ConnectorError, ErrorKind, FindCreated, Presence, Write,
};
use syncline_domain::{FieldRef, FieldType, Identity, Item, ItemId, same};

use super::convert::{self, ASSIGNED_TO, TAGS};
use super::filter::{conditions, field_name, literal, quote};
use super::patch;
use super::reading::{numbers, read_all};
use super::requests::Api;

/// The most hits that a look-up reads.
const MOST: usize = 10_000;
/// Ids in one condition: the whole text of a query may have 32K characters, and a user's filter is part of it.
const IDS_A_QUERY: usize = 1_000;

/// Candidates for adoption after a lost answer.
pub(super) async fn find_created(
    api: &Api,
    query: &FindCreated,
) -> Result<Vec<Item>, ConnectorError> {
    let Some(marker) = &query.marker else {
        let mine = format!(
            "[System.CreatedBy] = @me AND [System.CreatedDate] >= '{}'",
            query.since.to_iso()
        );
        return items(api, &of_type(&query.type_ref, &mine), "[System.Id] ASC", MOST).await;
    };
    let condition = equals(&marker.field, &Value::from(marker.value.as_str())).map_err(invalid)?;
    let found = items(api, &of_type(&query.type_ref, &condition), "[System.Id] ASC", MOST).await?;
    // The server compares without letter case, a marker is exact.
    let carries = |item: &Item| match item.fields.get(&marker.field) {
        Some(Value::String(text)) => text.trim() == marker.value,
        Some(Value::Array(parts)) => {
            parts.iter().any(|part| part.as_str() == Some(marker.value.as_str()))
        }
        Some(Value::Number(number)) => {
            marker.value.parse::<serde_json::Number>().is_ok_and(|mark| mark == *number)
        }
        _ => false,
    };
    Ok(found.into_iter().filter(carries).collect())
}

/// Items whose field has this value.
pub(super) async fn find_equal(
    api: &Api,
    type_ref: &str,
    field: &FieldRef,
    value: &Value,
) -> Result<Vec<Item>, ConnectorError> {
    let condition = equals(field, value).map_err(invalid)?;
    let found = items(api, &of_type(type_ref, &condition), "[System.Id] ASC", MOST).await?;
    Ok(found
        .into_iter()
        .filter(|item| item.fields.get(field).is_some_and(|have| is_same(have, value)))
        .collect())
}

/// Newest items, or those that match a text.
pub(super) async fn search(
    api: &Api,
    type_ref: Option<&str>,
    text: Option<&str>,
    limit: usize,
) -> Result<Vec<Item>, ConnectorError> {
    let mut all = vec!["[System.TeamProject] = @project".to_owned()];
    all.extend(type_ref.map(|name| format!("[System.WorkItemType] = {}", quote(name))));
    all.extend(
        api.config
            .area_path
            .as_deref()
            .map(|path| format!("[System.AreaPath] UNDER {}", quote(path))),
    );
    if let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) {
        let title = format!("[System.Title] CONTAINS {}", quote(text));
        all.push(match text.trim_start_matches('#').parse::<u64>() {
            Ok(id) => format!("([System.Id] = {id} OR {title})"),
            Err(_) => title,
        });
    }
    items(
        api,
        &all.join(" AND "),
        "[System.ChangedDate] DESC, [System.Id] DESC",
        limit.clamp(1, MOST),
    )
    .await
}

/// Which of the ids satisfy the filter.
pub(super) async fn matching(
    api: &Api,
    query: &ChangeQuery,
    ids: &[ItemId],
) -> Result<BTreeSet<ItemId>, ConnectorError> {
    let all = conditions(query, api.config.area_path.as_deref()).map_err(invalid)?.join(" AND ");
    let mut found = BTreeSet::new();
    for part in numbers(ids).chunks(IDS_A_QUERY) {
        let list: Vec<String> = part.iter().map(u64::to_string).collect();
        let wiql = format!(
            "SELECT [System.Id] FROM WorkItems WHERE {all} AND [System.Id] IN ({})",
            list.join(", ")
        );
        let answer = api.query(&wiql, IDS_A_QUERY).await?;
        found.extend(answer.work_items.iter().map(|item| ItemId::new(item.id.to_string())));
    }
    Ok(found)
}

/// Whether an item is there, deleted, or out of our sight.
///
/// A deleted item lies in the recycle bin. One that is in neither place may have been destroyed, moved to another
/// project or hidden; nobody can tell, so it counts as hidden.
pub(super) async fn probe(api: &Api, id: u64) -> Result<Presence, ConnectorError> {
    if api.is_readable(id).await? {
        return Ok(Presence::Present);
    }
    match api.is_in_recycle_bin(id).await {
        Ok(true) => Ok(Presence::Deleted),
        Ok(false) => Ok(Presence::Forbidden),
        Err(error) if error.kind == ErrorKind::Permission => Ok(Presence::Forbidden),
        Err(error) => Err(error),
    }
}

/// The account that is meant by an address or a name, as the server itself takes it.
///
/// Work item tracking has no directory of people, but it refuses to give work to nobody: an item that is only validated
/// tells whether the account is known, and whose it is. A refusal for another reason leaves the account as it was named.
pub(super) async fn account(
    api: &Api,
    type_ref: &str,
    who: &Identity,
) -> Result<Option<Identity>, ConnectorError> {
    let Some(account) = convert::account_name(who) else { return Ok(None) };
    let mut ops = patch::titled("Syncline asks for an account");
    ops.push(patch::assigned_to(&account));
    match api.validate(type_ref, &ops).await {
        Ok(shown) => {
            let found = shown.get("fields").and_then(|fields| fields.get(ASSIGNED_TO));
            Ok(found.and_then(convert::person).or_else(|| Some(as_named(who, account))))
        }
        Err(error) if error.kind == ErrorKind::Invalid && blames_person(&error) => Ok(None),
        Err(error) if matches!(error.kind, ErrorKind::Invalid | ErrorKind::Permission) => {
            Ok(Some(as_named(who, account)))
        }
        Err(error) => Err(error),
    }
}

/// How a write names somebody who was not looked up: the server takes accounts and names, and refuses others.
pub(super) fn unasked(who: &Identity) -> Option<Identity> {
    convert::account_name(who).map(|account| as_named(who, account))
}

/// Accounts, as writes name them, for which the server refused a write because it does not know them.
pub(super) fn refused_account(write: &Write, error: &ConnectorError) -> Option<String> {
    let is_unknown =
        error.kind == ErrorKind::Invalid && error.detail.to_lowercase().contains("identity");
    let field = error.field.as_ref().filter(|_| is_unknown)?;
    let who = Identity::from_value(write.fields.get(field)?)?;
    convert::account_name(&who)
}

fn blames_person(error: &ConnectorError) -> bool {
    let named = error.field.as_ref().is_some_and(|field| field.as_str() == ASSIGNED_TO);
    let words = ["identity", "Assigned To", ASSIGNED_TO];
    named || words.iter().any(|word| error.detail.contains(word))
}

fn as_named(who: &Identity, account: String) -> Identity {
    Identity {
        id: None,
        name: who.name.clone(),
        email: Some(account.clone()).filter(|account| account.contains('@')),
        login: who.login.clone().or(Some(account)),
    }
}

async fn items(
    api: &Api,
    condition: &str,
    order: &str,
    top: usize,
) -> Result<Vec<Item>, ConnectorError> {
    let wiql = format!("SELECT [System.Id] FROM WorkItems WHERE {condition} ORDER BY {order}");
    let answer = api.query(&wiql, top).await?;
    let ids: Vec<u64> = answer.work_items.iter().map(|item| item.id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut read = read_all(api, &ids, &[]).await?;
    let place = |id: u64| ids.iter().position(|have| *have == id).unwrap_or(usize::MAX);
    if top < MOST {
        read.sort_by_key(|item| place(item.id));
    }
    Ok(read.into_iter().map(|wire| convert::item(&api.config, wire)).collect())
}

fn of_type(type_ref: &str, condition: &str) -> String {
    format!(
        "[System.TeamProject] = @project AND [System.WorkItemType] = {} AND {condition}",
        quote(type_ref)
    )
}

/// Tags are compared one by one; the set as a whole is only known to the caller.
fn equals(field: &FieldRef, value: &Value) -> Result<String, String> {
    let name = field_name(field.as_str())?;
    if field.as_str() != TAGS {
        return Ok(format!("{name} = {}", literal(value)?));
    }
    let tags: Vec<Value> = match value {
        Value::Array(parts) => parts.clone(),
        other => vec![other.clone()],
    };
    let each: Result<Vec<String>, String> =
        tags.iter().map(|tag| Ok(format!("{name} CONTAINS {}", literal(tag)?))).collect();
    let each = each?;
    if each.is_empty() {
        Err(format!("{name} cannot be looked for without a tag"))
    } else {
        Ok(each.join(" AND "))
    }
}

fn is_same(have: &Value, wanted: &Value) -> bool {
    let lower = |value: &Value| match value {
        Value::String(text) => Value::from(text.trim().to_lowercase()),
        other => other.clone(),
    };
    let kind = match have {
        Value::Object(_) => FieldType::Identity,
        Value::Array(_) => FieldType::Array,
        Value::Number(_) => FieldType::Double,
        _ => FieldType::String,
    };
    // A number may be looked for by its digits.
    let digits = matches!((have, wanted), (Value::Number(n), Value::String(text)) if n.to_string() == text.trim());
    digits || same(&lower(have), &lower(wanted), kind)
}

fn invalid(why: String) -> ConnectorError {
    ConnectorError::new(ErrorKind::Invalid, why)
}
