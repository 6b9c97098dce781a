//! Comments: still in preview, and only under a project.

use serde_json::{Value, json};

use super::{Cx, one};
use crate::azure::errors::{Answer, ApiError, bad_value, no_item, no_route};
use crate::azure::present;
use crate::azure::saving::{self, Actor};
use crate::azure::store::Store;
use crate::shared::http::Reply;
use crate::shared::json::put;

/// The most comments of one page.
const MOST: usize = 200;

fn needs_project(cx: &Cx<'_>) -> Answer<()> {
    if cx.in_project {
        Ok(())
    } else {
        Err(bad_value("Comments are only served under a project: name it in the address."))
    }
}

pub(crate) fn read(cx: &Cx<'_>, store: &Store, item: u32, comment: Option<&str>) -> Answer<Reply> {
    needs_project(cx)?;
    let found = store.visible(item).ok_or_else(|| no_item(item))?;
    let expand = cx.request.query("$expand").unwrap_or("").to_ascii_lowercase();
    let rendered = matches!(expand.as_str(), "renderedtext" | "renderedtextonly" | "all");
    let with_deleted = cx.request.flag("includeDeleted");
    let mut shown: Vec<_> =
        found.comments.iter().filter(|one| with_deleted || !one.deleted).collect();
    if let Some(id) = comment {
        let one_comment = shown.into_iter().find(|one| one.id.to_string() == id);
        let value = one_comment
            .map(|one| present::comment(cx.site, item, one, rendered))
            .ok_or_else(|| missing(id))?;
        return one(&value);
    }
    if let Some(ids) = cx.request.query("ids") {
        shown.retain(|one| ids.split(',').any(|id| id.trim() == one.id.to_string()));
    }
    if !cx.request.query("order").is_some_and(|order| order.eq_ignore_ascii_case("asc")) {
        shown.reverse();
    }
    let total = shown.len();
    let skip = cx.request.number("continuationToken").unwrap_or(0);
    let top = cx.request.number("$top").unwrap_or(MOST).min(MOST);
    let page: Vec<Value> = shown
        .into_iter()
        .skip(skip)
        .take(top)
        .map(|one| present::comment(cx.site, item, one, rendered))
        .collect();
    let next = skip.saturating_add(page.len());
    let url = format!("{}/comments", cx.site.item_url(item));
    let mut out = json!({ "totalCount": total, "count": page.len(), "comments": page, "url": url });
    if next < total {
        put(&mut out, "continuationToken", json!(next.to_string()));
        put(&mut out, "nextPage", json!(format!("{url}?continuationToken={next}")));
    }
    one(&out)
}

fn missing(id: &str) -> ApiError {
    ApiError::new(
        404,
        "CommentNotFoundException",
        format!("VS404001: The comment {id} does not exist."),
    )
}

pub(crate) fn write(
    cx: &Cx<'_>,
    store: &mut Store,
    item: u32,
    comment: Option<&str>,
) -> Answer<Reply> {
    needs_project(cx)?;
    let actor = Actor::api();
    let comment_id = |id: &str| id.parse::<u32>().map_err(|_| missing(id));
    match (cx.request.method.as_str(), comment) {
        ("POST", None) => {
            let markdown = cx
                .request
                .query("format")
                .is_some_and(|word| word.eq_ignore_ascii_case("markdown"));
            let comment = saving::comment(cx.site, store, &actor, item, &text(cx)?, markdown)?;
            one(&present::comment(cx.site, item, &comment, false))
        }
        ("PATCH", Some(id)) => {
            let comment = saving::change_comment(
                cx.site,
                store,
                &actor,
                item,
                comment_id(id)?,
                Some(&text(cx)?),
            )?;
            one(&present::comment(cx.site, item, &comment, false))
        }
        ("DELETE", Some(id)) => {
            saving::change_comment(cx.site, store, &actor, item, comment_id(id)?, None)?;
            Ok(Reply::empty(204))
        }
        _ => Err(no_route()),
    }
}

fn text(cx: &Cx<'_>) -> Answer<String> {
    let body = cx.request.json().map_err(|e| bad_value(format!("The body is no JSON: {e}.")))?;
    match body.get("text").and_then(Value::as_str) {
        Some(text) if !text.trim().is_empty() => Ok(text.to_owned()),
        _ => Err(bad_value("Value cannot be null or empty. Parameter name: text")),
    }
}
