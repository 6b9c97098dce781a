//! Deleting, the recycle bin and the way back.

use serde_json::{Value, json};

use super::{Cx, one};
use crate::azure::errors::{Answer, bad_value, no_item};
use crate::azure::saving::{self, Actor};
use crate::azure::store::Store;
use crate::shared::effects::EffectOp;
use crate::shared::http::Reply;

pub(crate) fn list(cx: &Cx<'_>, store: &Store) -> Answer<Reply> {
    let url = |id: u32| format!("{}/_apis/wit/recyclebin/{id}", cx.site.collection);
    let binned = store.binned();
    let shown: Vec<Value> = match cx.request.query("ids") {
        None => binned.map(|item| json!({ "id": item.id, "url": url(item.id) })).collect(),
        Some(ids) => binned
            .filter(|item| ids.split(',').any(|id| id.trim() == item.id.to_string()))
            .map(|item| saving::deleted(cx.site, store, item))
            .collect(),
    };
    Ok(super::list(shown))
}

pub(crate) fn single(cx: &Cx<'_>, store: &Store, id: u32) -> Answer<Reply> {
    let binned =
        store.any(id).filter(|item| item.deleted.is_some() && !store.forbidden.contains(&id));
    one(&saving::deleted(cx.site, store, binned.ok_or_else(|| no_item(id))?))
}

pub(crate) fn delete(cx: &Cx<'_>, store: &mut Store, id: u32) -> Answer<Reply> {
    one(&saving::delete(cx.site, store, &Actor::api(), id, cx.request.flag("destroy"))?)
}

pub(crate) fn delete_many(cx: &Cx<'_>, store: &mut Store) -> Answer<Reply> {
    let body = cx.request.json().map_err(|e| bad_value(format!("The body is no JSON: {e}.")))?;
    let ids = body
        .get("ids")
        .and_then(Value::as_array)
        .ok_or_else(|| bad_value("The body must name ids."))?;
    let destroy = body.get("destroy").and_then(Value::as_bool).unwrap_or(false);
    let mut results = Vec::new();
    for id in ids.iter().filter_map(|id| u32::try_from(id.as_u64()?).ok()) {
        results.push(match saving::delete(cx.site, store, &Actor::api(), id, destroy) {
            Ok(gone) => gone,
            Err(error) => json!({ "id": id, "code": error.status, "message": error.message }),
        });
    }
    one(&json!({ "results": results }))
}

pub(crate) fn restore(cx: &Cx<'_>, store: &mut Store, id: u32) -> Answer<Reply> {
    let body = cx.request.json().map_err(|e| bad_value(format!("The body is no JSON: {e}.")))?;
    if body.get("isDeleted").and_then(Value::as_bool) != Some(false) {
        return Err(bad_value("The body must say \"isDeleted\": false."));
    }
    one(&saving::restore(cx.site, store, &Actor::api(), id)?)
}

pub(crate) fn destroy(cx: &Cx<'_>, store: &mut Store, id: u32) -> Answer<Reply> {
    store.any(id).filter(|item| item.deleted.is_some()).ok_or_else(|| no_item(id))?;
    saving::destroy(store, id);
    let mut fields = serde_json::Map::new();
    fields.insert("destroy".into(), json!(true));
    saving::log(cx.site, &Actor::api(), EffectOp::Delete, id, fields, true);
    Ok(Reply::empty(204))
}
