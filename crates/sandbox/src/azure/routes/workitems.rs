//! Work items: read one, read many, create, update.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Cx, one};
use crate::azure::errors::{Answer, ApiError, bad_value, no_item, no_type};
use crate::azure::item_view::ItemView;
use crate::azure::patch;
use crate::azure::present::Show;
use crate::azure::saving::{self, Actor, Aliases};
use crate::azure::schema;
use crate::azure::store::Store;
use crate::shared::http::{Reply, Request};
use crate::shared::text::read_instant;

/// The most ids that one read may name.
const MOST_IDS: usize = 200;

/// Items in the order of the ids; an item that cannot be seen leaves a hole.
#[derive(Serialize)]
struct Many<'a> {
    count: usize,
    value: Vec<Option<ItemView<'a>>>,
}

pub(crate) fn single(cx: &Cx<'_>, store: &Store, id: u32) -> Answer<Reply> {
    let show = Show::read(field_list(cx.request), cx.request.query("$expand"), true)?;
    let as_of = as_of(cx.request.query("asOf"))?;
    Ok(Reply::json(200, &look(cx, store, id, as_of, &show).ok_or_else(|| no_item(id))?))
}

/// The item as it is, or as it was at an instant.
fn look<'a>(
    cx: &Cx<'a>,
    store: &'a Store,
    id: u32,
    as_of: Option<i64>,
    show: &'a Show,
) -> Option<ItemView<'a>> {
    let item = store.visible(id)?;
    let item = match as_of {
        None => Cow::Borrowed(item),
        Some(at) => Cow::Owned(item.at_time(at)?),
    };
    Some(ItemView { site: cx.site, store, item, show })
}

fn as_of(text: Option<&str>) -> Answer<Option<i64>> {
    match text {
        None | Some("") => Ok(None),
        Some(text) => match read_instant(text) {
            Some(at) => Ok(Some(at.ms)),
            None => Err(bad_value(format!("The value {text:?} of asOf is no date."))),
        },
    }
}

fn field_list(request: &Request) -> Option<Vec<String>> {
    let text = request.query("fields")?;
    Some(
        text.split(',')
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect(),
    )
}

pub(crate) fn many(cx: &Cx<'_>, store: &Store) -> Answer<Reply> {
    let text = cx.request.query("ids").unwrap_or("");
    let ids: Result<Vec<u32>, _> = text.split(',').map(|id| id.trim().parse()).collect();
    let ids = ids.map_err(|_| {
        bad_value(format!("The value {text:?} of ids is no list of work item ids."))
    })?;
    let show = Show::read(field_list(cx.request), cx.request.query("$expand"), false)?;
    let as_of = as_of(cx.request.query("asOf"))?;
    gather(cx, store, &ids, as_of, &show, cx.request.query("errorPolicy"))
}

pub(crate) fn batch(cx: &Cx<'_>, store: &Store) -> Answer<Reply> {
    let body = cx.request.json().map_err(|e| bad_value(format!("The body is no JSON: {e}.")))?;
    let ids: Vec<u32> = match body.get("ids").and_then(Value::as_array) {
        Some(ids) => {
            ids.iter().filter_map(|id| id.as_u64().and_then(|id| u32::try_from(id).ok())).collect()
        }
        None => return Err(bad_value("The body must name ids.")),
    };
    let names = |list: &Vec<Value>| {
        list.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
    };
    let fields = body.get("fields").and_then(Value::as_array).map(names);
    let show = Show::read(fields, body.get("$expand").and_then(Value::as_str), false)?;
    let as_of = as_of(body.get("asOf").and_then(Value::as_str))?;
    gather(cx, store, &ids, as_of, &show, body.get("errorPolicy").and_then(Value::as_str))
}

fn gather(
    cx: &Cx<'_>,
    store: &Store,
    ids: &[u32],
    as_of: Option<i64>,
    show: &Show,
    policy: Option<&str>,
) -> Answer<Reply> {
    if ids.len() > MOST_IDS {
        let message = format!(
            "VS403474: You requested {} work items which exceeds the limit of {MOST_IDS}.",
            ids.len()
        );
        return Err(ApiError::new(400, "VssPropertyValidationException", message));
    }
    let omit = policy.is_some_and(|word| word.eq_ignore_ascii_case("omit"));
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        match look(cx, store, *id, as_of, show) {
            Some(item) => found.push(Some(item)),
            None if omit => found.push(None),
            None => return Err(no_item(id)),
        }
    }
    Ok(Reply::json(200, &Many { count: found.len(), value: found }))
}

/// The empty form of a type: its defaults.
pub(crate) fn template(cx: &Cx<'_>, kind: &str) -> Answer<Reply> {
    let name = kind.trim_start_matches('$');
    let kind = schema::find_type(name).ok_or_else(|| no_type(name, &cx.site.options.project))?;
    let state = kind.initial().map(|state| state.name);
    one(&json!({
        "id": 0, "rev": 0,
        "fields": {
            "System.WorkItemType": kind.name, "System.State": state,
            "System.TeamProject": cx.site.options.project, "System.AreaPath": cx.site.options.project,
            "System.IterationPath": cx.site.options.project, "Microsoft.VSTS.Common.Priority": 2,
        },
        "url": format!("{}/_apis/wit/workItems/${name}", cx.site.collection),
    }))
}

/// The operations of a write; other content types than JSON Patch are refused.
fn operations(request: &Request) -> Answer<Vec<patch::Op>> {
    if request.content_type() != "application/json-patch+json" {
        let message = format!(
            "The content type {:?} is not served here; send application/json-patch+json.",
            request.content_type()
        );
        return Err(ApiError::new(415, "VssRequestContentTypeNotSupportedException", message));
    }
    let body = request.json().map_err(|e| bad_value(format!("The body is no JSON: {e}.")))?;
    patch::parse(&body)
}

fn actor(request: &Request) -> Actor {
    Actor {
        bypass_rules: request.flag("bypassRules"),
        validate_only: request.flag("validateOnly"),
        ..Actor::api()
    }
}

pub(crate) fn create(cx: &Cx<'_>, store: &mut Store, kind: &str) -> Answer<Reply> {
    if !cx.in_project {
        return Err(bad_value(
            "A work item can only be created in a project: name it in the address.",
        ));
    }
    let ops = operations(cx.request)?;
    let show = Show::read(None, cx.request.query("$expand"), true)?;
    let kind = kind.trim_start_matches('$');
    let (_, value) =
        saving::create(cx.site, store, &actor(cx.request), kind, &ops, &Aliases::new(), &show)?;
    one(&value)
}

pub(crate) fn update(cx: &Cx<'_>, store: &mut Store, id: u32) -> Answer<Reply> {
    let ops = operations(cx.request)?;
    let show = Show::read(None, cx.request.query("$expand"), true)?;
    one(&saving::update(cx.site, store, &actor(cx.request), id, &ops, &Aliases::new(), &show)?)
}
