//! The past of a work item: updates (deltas) and revisions (whole states).

use serde_json::Value;

use super::{Cx, list, one};
use crate::azure::errors::{Answer, ApiError, no_item, no_route};
use crate::azure::model::Item;
use crate::azure::present::{self, Show};
use crate::azure::store::Store;
use crate::shared::http::Reply;
use crate::shared::json::put;

/// The most entries of one page.
const MOST: usize = 200;

pub(crate) fn read(
    cx: &Cx<'_>,
    store: &Store,
    id: u32,
    part: &str,
    number: Option<&str>,
) -> Answer<Reply> {
    let item = store.visible(id).ok_or_else(|| no_item(id))?;
    let show = Show::read(None, cx.request.query("$expand"), false)?;
    let shown = |rev: u32| -> Option<Value> {
        match part.to_ascii_lowercase().as_str() {
            "updates" => present::update(cx.site, item, rev),
            _ => item.at_rev(rev).map(|past| revision(cx, store, &past, &show)),
        }
    };
    if !part.eq_ignore_ascii_case("updates") && !part.eq_ignore_ascii_case("revisions") {
        return Err(no_route());
    }
    if let Some(text) = number {
        let rev = text.parse().ok().and_then(shown).ok_or_else(|| {
            ApiError::new(
                404,
                "WorkItemRevisionNotFoundException",
                format!("VS402624: Work item {id} has no revision {text}."),
            )
        })?;
        return one(&rev);
    }
    let skip = cx.request.number("$skip").unwrap_or(0);
    let top = cx.request.number("$top").unwrap_or(MOST).min(MOST);
    Ok(list((1..=item.rev()).skip(skip).take(top).filter_map(shown).collect()))
}

fn revision(cx: &Cx<'_>, store: &Store, past: &Item, show: &Show) -> Value {
    let mut value = present::item(cx.site, store, past, show);
    put(
        &mut value,
        "url",
        format!("{}/revisions/{}", cx.site.item_url(past.id), past.rev()).into(),
    );
    value
}
