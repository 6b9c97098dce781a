//! Finding single issues: by id, by our own hand, by value, by text.

use std::collections::BTreeSet;

use serde_json::Value;
use syncline_domain::ports::{
    ChangeQuery, ConnectorError, ErrorKind, FindCreated, Marker, Presence,
};
use syncline_domain::{FieldRef, FieldType, Item, ItemId, same};

use super::convert;
use super::fields::{Shape, custom_id, standard};
use super::filter::{Plan, scope};
use super::lists;
use super::people;
use super::requests::{Api, PAGE, Params};
use super::saved;
use super::values;
use super::walk::{iso, number};
use super::wire::Issue;

/// Candidates that are compared one by one; a value that more issues share is no key.
const MOST: usize = 1_000;

/// Issues by id, whatever their project; those that are gone or hidden are left out.
pub(super) async fn issues(api: &Api, ids: &[u64]) -> Result<Vec<Issue>, ConnectorError> {
    let mut found = Vec::with_capacity(ids.len());
    for some in ids.chunks(PAGE) {
        let list: Vec<String> = some.iter().map(ToString::to_string).collect();
        let params = vec![pair("status_id", "*"), pair("issue_id", &list.join(","))];
        found.extend(all(api, &params, some.len()).await?);
    }
    Ok(found)
}

/// As [`issues`], as items.
pub(super) async fn fetch(api: &Api, ids: &[ItemId]) -> Result<Vec<Item>, ConnectorError> {
    convert::items(api, &issues(api, &numbers(ids)).await?, true).await
}

/// Which of the issues satisfy a filter.
pub(super) async fn matching(
    api: &Api,
    query: &ChangeQuery,
    ids: &[ItemId],
) -> Result<BTreeSet<ItemId>, ConnectorError> {
    let plan = Plan::new(&api.config, query)?;
    let mut wanted = numbers(ids);
    if let Some(query) = plan.saved {
        let rows = saved::rows(api, query, None).await?;
        let in_query: BTreeSet<u64> = rows.into_iter().map(|row| row.id).collect();
        wanted.retain(|id| in_query.contains(id));
    }
    let mut found = BTreeSet::new();
    for some in wanted.chunks(PAGE) {
        let list: Vec<String> = some.iter().map(ToString::to_string).collect();
        let mut params = plan.params.clone();
        params.push(pair("issue_id", &list.join(",")));
        let issues = all(api, &params, some.len()).await?;
        let items = convert::items(api, &issues, plan.people).await?;
        found.extend(items.into_iter().filter(|item| plan.passes(item)).map(|item| item.id));
    }
    Ok(found)
}

/// Issues made by our own account, or carrying a marker.
pub(super) async fn find_created(
    api: &Api,
    query: &FindCreated,
) -> Result<Vec<Item>, ConnectorError> {
    let mut params = of_type(api, &query.type_ref);
    if let Some(marker) = &query.marker
        && is_filter(api, &marker.field).await?
    {
        params.push(pair(marker.field.as_str(), &first_part(&marker.value, "=")));
        return marked(api, &params, marker).await;
    }
    params.push(pair("author_id", "me"));
    params.push(pair("created_on", &format!(">={}", iso(query.since.secs()))));
    if let Some(marker) = &query.marker {
        // The field cannot be filtered by, so that all our own issues are looked through.
        params.retain(|(key, _)| key != "created_on");
        return marked(api, &params, marker).await;
    }
    convert::items(api, &all(api, &params, usize::MAX).await?, true).await
}

async fn marked(
    api: &Api,
    params: &[(String, String)],
    marker: &Marker,
) -> Result<Vec<Item>, ConnectorError> {
    let mut items = convert::items(api, &all(api, params, usize::MAX).await?, true).await?;
    items.retain(|item| {
        item.fields.get(&marker.field).and_then(Value::as_str) == Some(marker.value.as_str())
    });
    Ok(items)
}

/// Redmine ignores a parameter that is no filter, and answers everything.
async fn is_filter(api: &Api, field: &FieldRef) -> Result<bool, ConnectorError> {
    let custom = lists::custom(api).await?;
    Ok(match (custom_id(field.as_str()), custom.as_ref()) {
        (Some(id), Some(fields)) => fields.iter().any(|field| field.id == id && field.is_filter),
        // Unknown without an administrator's rights: what comes back is compared in any case.
        (Some(_), None) => true,
        (None, _) => false,
    })
}

/// Issues whose field equals a value.
pub(super) async fn find_equal(
    api: &Api,
    type_ref: &str,
    field: &FieldRef,
    value: &Value,
) -> Result<Vec<Item>, ConnectorError> {
    let mut params = of_type(api, type_ref);
    params.push(equal_param(api, field, value).await?);
    let issues = all(api, &params, MOST).await?;
    let mut items = convert::items(api, &issues, true).await?;
    let custom = lists::custom(api).await?;
    let field_type = field_type(field, custom.as_ref().as_deref());
    items.retain(|item| {
        let held = item.fields.get(field).unwrap_or(&Value::Null);
        same(&lower(held), &lower(value), field_type)
    });
    Ok(items)
}

fn field_type(field: &FieldRef, custom: Option<&[super::wire::CustomField]>) -> FieldType {
    match (standard(field.as_str()), custom_id(field.as_str())) {
        (Some(standard), _) => standard.field_type,
        (None, Some(id)) => custom
            .into_iter()
            .flatten()
            .find(|field| field.id == id)
            .map_or(FieldType::String, values::field_type),
        (None, None) => FieldType::String,
    }
}

/// The parameter that lets through all issues with this value, and perhaps more.
async fn equal_param(
    api: &Api,
    field: &FieldRef,
    value: &Value,
) -> Result<(String, String), ConnectorError> {
    let name = field.as_str();
    let project = api.config.project.as_deref().unwrap_or_default();
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => values::to_wire(value, None).unwrap_or_default(),
        _ => String::new(),
    };
    let Some(standard) = standard(name) else {
        let Some(id) = custom_id(name) else { return Err(no_key(name)) };
        let custom = lists::custom(api).await?;
        let field = custom.iter().flatten().find(|field| field.id == id);
        let wire = values::to_wire(value, field).unwrap_or(text);
        let is_long = field.is_some_and(|field| field.field_format == "text");
        return Ok(pair(name, &first_part(&wire, if is_long { "~" } else { "=" })));
    };
    let attribute = standard.attribute;
    match standard.shape {
        Shape::Text => Ok(pair(attribute, &first_part(&text, "~"))),
        Shape::Date => Ok(pair(attribute, &values::day(&text).ok_or_else(|| no_key(name))?)),
        Shape::Int | Shape::Float | Shape::Flag => Ok(pair(attribute, &text)),
        Shape::Issue => Ok(pair("parent_id", &text)),
        Shape::Listed(kind) => {
            let id = lists::id_of(api, kind, project, name, &text).await?;
            Ok(pair(attribute, &id.to_string()))
        }
        Shape::Person => {
            let who = syncline_domain::Identity::from_value(value).unwrap_or_default();
            let id = people::id_of(api, &who).await?.ok_or_else(|| no_key(name))?;
            Ok(pair(attribute, &id.to_string()))
        }
        Shape::ReadOnly => Err(no_key(name)),
    }
}

fn no_key(field: &str) -> ConnectorError {
    super::errors::invalid(field, format!("issues cannot be looked up by {field}"))
}

/// A bar parts values in a parameter, so only the longest part before or after one can be asked for.
fn first_part(text: &str, exact: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line == text && !text.contains('|') {
        return format!("{exact}{text}");
    }
    let longest = line.split('|').map(str::trim).max_by_key(|part| part.len()).unwrap_or_default();
    format!("~{longest}")
}

/// Trackers compare names without letter case; so do we.
fn lower(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.trim().to_lowercase()),
        other => other.clone(),
    }
}

/// Newest issues, or those with a text in the subject (or with that number).
pub(super) async fn search(
    api: &Api,
    type_ref: Option<&str>,
    text: Option<&str>,
    limit: usize,
) -> Result<Vec<Item>, ConnectorError> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let mut params = type_ref.map_or_else(|| of_type(api, ""), |kind| of_type(api, kind));
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    if let Some(text) = text {
        params.push(pair("subject", &first_part(text, "~")));
    }
    params.push(pair("sort", "updated_on:desc,id:desc"));
    let mut found = Vec::new();
    if let Some(id) = text.and_then(|text| text.trim_start_matches('#').parse().ok()) {
        found.extend(issues(api, &[id]).await?);
    }
    let listed = api.list(&params, 0, limit.min(PAGE)).await?;
    found.extend(listed.issues.into_iter().filter(|issue| Some(issue.id) != numeric(text)));
    found.truncate(limit);
    convert::items(api, &found, true).await
}

fn numeric(text: Option<&str>) -> Option<u64> {
    text?.trim_start_matches('#').parse().ok()
}

/// Whether an issue is there. Redmine tells a hidden issue (403) from one that is gone (404).
pub(super) async fn probe(api: &Api, id: &ItemId) -> Result<Presence, ConnectorError> {
    match api.issue(number(id)?, "").await {
        Ok(_) => Ok(Presence::Present),
        Err(error) if error.kind == ErrorKind::Permission => Ok(Presence::Forbidden),
        // A wrong address answers 404 to everything: the account must be there.
        Err(error) if error.kind == ErrorKind::NotFound => match people::current(api, "").await {
            Ok(_) => Ok(Presence::Deleted),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(Presence::Forbidden),
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    }
}

/// All issues of a list up to `most`; sorted by id, so that new ones come last and shift nothing.
async fn all(
    api: &Api,
    params: &[(String, String)],
    most: usize,
) -> Result<Vec<Issue>, ConnectorError> {
    let mut found: Vec<Issue> = Vec::new();
    let mut params: Params = params.to_vec();
    params.push(pair("sort", "id:asc"));
    let mut offset = 0;
    loop {
        let listed = api.list(&params, offset, PAGE).await?;
        let (shown, has_more) = (listed.issues.len(), listed.total);
        offset = offset.saturating_add(shown);
        found.extend(listed.issues);
        let is_last = u64::try_from(offset).is_ok_and(|offset| offset >= has_more);
        if shown == 0 || is_last || found.len() >= most {
            found.sort_by_key(|issue| issue.id);
            found.dedup_by_key(|issue| issue.id);
            return Ok(found);
        }
    }
}

fn of_type(api: &Api, type_ref: &str) -> Params {
    let mut params = scope(&api.config);
    params.push(pair("status_id", "*"));
    if type_ref.parse::<u64>().is_ok() {
        params.push(pair("tracker_id", type_ref));
    }
    params
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

/// Ids that can be one; the others exist nowhere.
pub(super) fn numbers(ids: &[ItemId]) -> Vec<u64> {
    ids.iter().filter_map(|id| id.as_str().parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_or_a_line_end_leaves_a_part_to_search_for() {
        for (text, exact, param) in [
            ("plain", "=", "=plain"),
            ("plain", "~", "~plain"),
            ("a | longer part", "=", "~longer part"),
            ("one\ntwo", "=", "~one"),
        ] {
            assert_eq!(first_part(text, exact), param, "{text:?}");
        }
    }

    #[test]
    fn only_numbers_are_ids() {
        let ids = [ItemId::new("7"), ItemId::new("x"), ItemId::new("-1")];
        assert_eq!(numbers(&ids), [7]);
    }
}
