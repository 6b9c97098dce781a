//! Looking for single requests.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use syncline_domain::ports::{ChangeQuery, ConnectorError, ErrorKind, FindCreated, Presence};
use syncline_domain::{FieldRef, FieldType, Identity, Item, ItemId, STATUS_REF, same};

use super::convert::{self, person};
use super::filter::{criteria, from, takes, test};
use super::reading::{self, Row, is_trashed};
use super::requests::Api;
use super::values::{Shape, search_path, shape};

/// The most hits that a look-up reads.
const MOST: usize = 10_000;
/// Ids in one criterion: the whole question travels in the address of a GET.
const IDS_A_QUERY: usize = 50;
/// The order of look-ups: no request moves in it.
const BY_MAKING: (&str, &str) = ("created_time", "asc");

/// Candidates for adoption after a lost answer. Whose key we use the product does not tell; once it is known from what
/// we made ourselves, requests of others are left out.
pub(super) async fn find_created(
    api: &Api,
    me: Option<&Identity>,
    query: &FindCreated,
) -> Result<Vec<Item>, ConnectorError> {
    let is_type = |row: &Row| convert::type_ref(row).eq_ignore_ascii_case(&query.type_ref);
    let Some(marker) = &query.marker else {
        let ours = |row: &Row| match (
            me.and_then(Identity::key),
            row.get("created_by").and_then(person),
        ) {
            (Some(me), Some(author)) => author.key().is_none_or(|author| author == me),
            _ => true,
        };
        let since = [from("created_time", query.since)];
        return reading::search(api, &since, BY_MAKING, MOST, |row| is_type(row) && ours(row))
            .await;
    };
    let value = json!(marker.value);
    let carries = [test(&search_path(marker.field.as_str()), "is", &value)];
    let found = reading::search(api, &carries, BY_MAKING, MOST, is_type).await?;
    let is_marked = |item: &Item| match item.fields.get(&marker.field) {
        Some(Value::String(text)) => text.trim() == marker.value,
        Some(Value::Number(number)) => number.to_string() == marker.value,
        _ => false,
    };
    Ok(found.into_iter().filter(is_marked).collect())
}

/// Requests whose field has this value.
pub(super) async fn find_equal(
    api: &Api,
    type_ref: &str,
    field: &FieldRef,
    value: &Value,
) -> Result<Vec<Item>, ConnectorError> {
    let reference = if field.as_str() == STATUS_REF { "status" } else { field.as_str() };
    let is_type = |row: &Row| convert::type_ref(row).eq_ignore_ascii_case(type_ref);
    let text = match value {
        Value::Object(_) => {
            Identity::from_value(value).and_then(|who| who.email.or(who.name)).map(Value::from)
        }
        other => Some(other.clone()),
    };
    let wanted = [test(&search_path(reference), "is", &text.unwrap_or_default())];
    let found = reading::search(api, &wanted, BY_MAKING, MOST, is_type).await?;
    let has = |item: &Item| {
        item.fields
            .get(&FieldRef::from(reference))
            .is_some_and(|have| is_same(reference, have, value))
    };
    Ok(found.into_iter().filter(has).collect())
}

fn is_same(reference: &str, have: &Value, wanted: &Value) -> bool {
    let lower = |value: &Value| match value {
        Value::String(text) => json!(text.trim().to_lowercase()),
        other => other.clone(),
    };
    let kind = match shape(reference) {
        Shape::Person => FieldType::Identity,
        Shape::Instant => FieldType::DateTime,
        _ => FieldType::String,
    };
    match (have, wanted) {
        (Value::Number(number), Value::String(text)) => number.to_string() == text.trim(),
        _ if kind == FieldType::DateTime => same(have, wanted, kind),
        _ => same(&lower(have), &lower(wanted), kind),
    }
}

/// Newest requests, or those that match a text.
pub(super) async fn search(
    api: &Api,
    type_ref: Option<&str>,
    text: Option<&str>,
    limit: usize,
) -> Result<Vec<Item>, ConnectorError> {
    let is_type =
        |row: &Row| type_ref.is_none_or(|name| convert::type_ref(row).eq_ignore_ascii_case(name));
    let newest = ("last_updated_time", "desc");
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        return reading::search(api, &[], newest, limit.max(1), is_type).await;
    };
    let words = [test("subject", "contains", &json!(text))];
    let mut found = reading::search(api, &words, newest, limit.max(1), is_type).await?;
    let number = text.trim_start_matches('#');
    if found.is_empty() && number.chars().all(|c| c.is_ascii_digit()) && !number.is_empty() {
        let rows = reading::whole(api, vec![number.to_owned()]).await?;
        found = reading::items(api, &rows);
    }
    Ok(found)
}

/// Which of the ids satisfy the filter.
pub(super) async fn matching(
    api: &Api,
    query: &ChangeQuery,
    ids: &[ItemId],
) -> Result<BTreeSet<ItemId>, ConnectorError> {
    let base = criteria(query).map_err(|why| ConnectorError::new(ErrorKind::Invalid, why))?;
    let asked: BTreeSet<&ItemId> = ids.iter().collect();
    let mut found = BTreeSet::new();
    for part in ids.chunks(IDS_A_QUERY) {
        let list: Vec<Value> = part.iter().map(|id| json!(id.as_str())).collect();
        let mut all = base.clone();
        all.push(test("id", "is", &Value::Array(list)));
        let wanted = |row: &Row| takes(query, convert::type_ref(row));
        let items = reading::search(api, &all, BY_MAKING, part.len(), wanted).await?;
        // A build that cannot search by id would answer with others.
        found.extend(items.into_iter().map(|item| item.id).filter(|id| asked.contains(id)));
    }
    Ok(found)
}

/// Whether a request is there, in the trash, or out of our sight. One that was deleted for good looks like one that is
/// hidden; nobody can tell them apart, so it counts as hidden.
pub(super) async fn probe(api: &Api, id: &ItemId) -> Result<Presence, ConnectorError> {
    match api.one(id.as_str()).await {
        Ok(row) if is_trashed(&row) => Ok(Presence::Deleted),
        Ok(_) => Ok(Presence::Present),
        Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Permission) => {
            Ok(Presence::Forbidden)
        }
        Err(error) => Err(error),
    }
}
