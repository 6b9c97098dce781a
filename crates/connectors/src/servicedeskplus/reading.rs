//! Rows of lists, and whole requests. There is no call for many requests at once but the list.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Map, Value, json};
use syncline_domain::ports::{ConnectorError, ErrorKind};
use syncline_domain::{FieldRef, Item};

use super::convert::{self, UDF};
use super::requests::{Api, ROWS};

/// Requests that are read at once, one call each.
const AT_ONCE: usize = 4;
/// What every item needs, whatever the reader asked for.
const CORE: [&str; 9] = [
    "id",
    "display_id",
    "subject",
    "status",
    "created_time",
    "last_updated_time",
    "created_by",
    "is_service_request",
    "template",
];
/// What a request has on every build.
const USUAL: [&str; 22] = [
    "description",
    "requester",
    "technician",
    "priority",
    "urgency",
    "impact",
    "level",
    "mode",
    "category",
    "subcategory",
    "item",
    "group",
    "site",
    "request_type",
    "due_by_time",
    "first_response_due_by_time",
    "resolved_time",
    "completed_time",
    "scheduled_start_time",
    "scheduled_end_time",
    "impact_details",
    "resolution",
];

/// A row, or a whole request.
pub(super) type Row = Map<String, Value>;

/// The columns to ask a list for, since rows are partial otherwise.
pub(super) fn columns(wanted: &[FieldRef]) -> Vec<String> {
    let mut names: Vec<String> = CORE.iter().map(|name| (*name).to_owned()).collect();
    if wanted.is_empty() {
        names.extend(USUAL.iter().map(|name| (*name).to_owned()));
        names.push(UDF.to_owned());
        return names;
    }
    for field in wanted.iter().map(FieldRef::as_str).filter(|name| !name.starts_with('@')) {
        let key = field.split('.').next().unwrap_or(field);
        if !names.iter().any(|have| have == key) {
            names.push(key.to_owned());
        }
    }
    names
}

/// Whether a list left out what it was asked for; some builds ignore the wish. An empty value comes as null, so a key
/// that no row has was not looked at.
pub(super) fn is_partial(columns: &[String], rows: &[Row]) -> bool {
    let telling = ["description", UDF];
    let asked = columns.iter().filter(|name| telling.contains(&name.as_str()));
    !rows.is_empty() && asked.into_iter().any(|name| rows.iter().all(|row| !row.contains_key(name)))
}

/// Whole requests by id; those that are gone, hidden or in the trash are left out.
pub(super) async fn whole(api: &Api, ids: Vec<String>) -> Result<Vec<Row>, ConnectorError> {
    let read = |id: String| async move {
        match api.one(&id).await {
            Ok(row) if is_trashed(&row) => Ok(None),
            Ok(row) => Ok(Some(row)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    };
    let found: Vec<Option<Row>> =
        stream::iter(ids.into_iter().map(read)).buffered(AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// Whether a request lies in the trash.
pub(super) fn is_trashed(row: &Row) -> bool {
    row.get("is_trashed").is_some_and(|flag| *flag == json!(true) || *flag == json!("true"))
}

/// Rows as items.
pub(super) fn items(api: &Api, rows: &[Row]) -> Vec<Item> {
    rows.iter().filter_map(|row| convert::item(&api.config, row)).collect()
}

/// At most `most` requests that meet all criteria, whole, in the order of `sort`.
pub(super) async fn search(
    api: &Api,
    criteria: &[Value],
    sort: (&str, &str),
    most: usize,
    keep: impl Fn(&Row) -> bool,
) -> Result<Vec<Item>, ConnectorError> {
    let columns = columns(&[]);
    let mut kept: Vec<Row> = Vec::new();
    let mut start = 1;
    loop {
        let info = json!({
            "row_count": ROWS, "start_index": start, "sort_field": sort.0, "sort_order": sort.1,
            "search_criteria": criteria, "fields_required": columns,
        });
        let mut answer = api.list("requests", without_empty(info)).await?;
        let mut rows = answer.rows("requests");
        let count = rows.len();
        if is_partial(&columns, &rows) {
            let ids = rows.iter().filter_map(|row| super::wire::id_text(row.get("id"))).collect();
            rows = whole(api, ids).await?;
        }
        kept.extend(rows.into_iter().filter(&keep));
        if kept.len() >= most || count == 0 || !answer.has_more() {
            kept.truncate(most);
            return Ok(items(api, &kept));
        }
        start += count;
    }
}

/// An empty list of criteria is an error on some builds.
pub(super) fn without_empty(mut info: Value) -> Value {
    if let Some(map) = info.as_object_mut() {
        map.retain(|_, value| value.as_array().is_none_or(|list| !list.is_empty()));
    }
    info
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_hold_the_core_and_the_parents_of_what_is_asked_for() {
        let names = columns(&["udf_fields.udf_char1".into(), "@status".into(), "priority".into()]);
        assert_eq!(names.len(), CORE.len() + 2);
        assert!(names.contains(&UDF.to_owned()) && names.contains(&"priority".to_owned()));
        assert!(columns(&[]).contains(&"description".to_owned()));
    }

    #[test]
    fn rows_without_what_was_asked_for_are_partial() {
        let row = |value: Value| value.as_object().unwrap().clone();
        let asked = columns(&[]);
        assert!(is_partial(&asked, &[row(json!({"id": "1", "udf_fields": {}}))]));
        assert!(!is_partial(
            &asked,
            &[row(json!({"id": "1", "description": null, "udf_fields": {}}))]
        ));
        assert!(!is_partial(&columns(&["subject".into()]), &[row(json!({"id": "1"}))]));
        assert!(!is_partial(&asked, &[]));
    }

    #[test]
    fn empty_lists_are_not_sent() {
        let info = without_empty(json!({"row_count": 1, "search_criteria": []}));
        assert_eq!(info, json!({"row_count": 1}));
    }
}
