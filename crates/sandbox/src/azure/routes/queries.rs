//! WIQL over HTTP.

use serde_json::{Value, json};

use super::{Cx, one};
use crate::azure::errors::{Answer, ApiError, bad_query, bad_value};
use crate::azure::schema::Field;
use crate::azure::store::Store;
use crate::azure::wiql::compile::{Scope, compile};
use crate::azure::wiql::parse::parse;
use crate::azure::wiql::run::{Sight, run};
use crate::shared::http::Reply;
use crate::shared::json::put;
use crate::shared::people::SERVICE;
use crate::shared::text::short_iso;

/// The longest query text.
const MOST_TEXT: usize = 32 * 1024;

pub(crate) fn wiql(cx: &Cx<'_>, store: &Store) -> Answer<Reply> {
    let body = cx.request.json().map_err(|e| bad_value(format!("The body is no JSON: {e}.")))?;
    let text = body.get("query").and_then(Value::as_str).unwrap_or("");
    if text.chars().count() > MOST_TEXT {
        return Err(bad_query("TF51015: The query text is too long: the limit is 32K characters."));
    }
    let query = parse(text)
        .map_err(|why| bad_query(format!("TF51006: The query cannot be read: {why}.")))?;
    // The switch is read from the query string and by this very name only.
    let time_precision = cx
        .request
        .query_exact("timePrecision")
        .is_some_and(|word| word.eq_ignore_ascii_case("true"));
    let scope =
        Scope { site: cx.site, store, in_project: cx.in_project, time_precision, me: SERVICE };
    let plan = compile(&scope, &query)?;
    let now = cx.site.now();
    let limit = cx.site.options.query_limit;
    let most = cx.request.number("$top").unwrap_or(usize::MAX).min(limit.saturating_add(1));
    let sight = Sight { indexed_until: now.saturating_sub(cx.site.world.search_lag_ms()), most };
    let mut ids = run(store, &plan, &sight);
    cap(cx, &mut ids)?;
    let column = |field: &Field| reference(cx, field);
    let columns: Vec<Value> = plan.columns.iter().map(|field| column(field)).collect();
    let order: Vec<Value> = plan
        .order
        .iter()
        .map(|(field, desc)| json!({ "field": column(field), "descending": desc }))
        .collect();
    let items: Vec<Value> =
        ids.iter().map(|id| json!({ "id": id, "url": cx.site.item_url(*id) })).collect();
    let mut out = json!({
        "queryType": "flat",
        "queryResultType": "workItem",
        "asOf": short_iso(plan.as_of.unwrap_or(now)),
        "columns": columns,
        "workItems": items,
    });
    if !order.is_empty() {
        put(&mut out, "sortColumns", Value::Array(order));
    }
    one(&out)
}

/// Too many hits are an error, unless the caller asked for fewer.
fn cap(cx: &Cx<'_>, ids: &mut Vec<u32>) -> Answer<()> {
    let limit = cx.site.options.query_limit;
    match cx.request.number("$top") {
        Some(top) if top < limit => {
            ids.truncate(top);
            Ok(())
        }
        _ if ids.len() > limit => {
            let message = format!(
                "VS402337: The number of work items returned exceeds the size limit of {limit}. Change the query to return fewer items."
            );
            Err(ApiError::new(
                400,
                "WorkItemTrackingQueryResultSizeLimitExceededException",
                message,
            ))
        }
        _ => Ok(()),
    }
}

fn reference(cx: &Cx<'_>, field: &Field) -> Value {
    json!({
        "referenceName": field.reference,
        "name": field.name,
        "url": format!("{}/_apis/wit/fields/{}", cx.site.collection, field.reference),
    })
}
