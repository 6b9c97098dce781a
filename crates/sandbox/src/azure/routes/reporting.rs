//! The stream of saved revisions, for first loads and for deletions.

use serde_json::{Value, json};

use super::{Cx, one};
use crate::azure::errors::{Answer, bad_value, no_field};
use crate::azure::fields as f;
use crate::azure::model::Item;
use crate::azure::present::{self, Expand, Show};
use crate::azure::schema::{self, Kind};
use crate::azure::store::Store;
use crate::shared::http::Reply;
use crate::shared::record::Val;
use crate::shared::text::read_instant;

/// Page size unless asked otherwise, and the most that can be asked for.
const PAGE: usize = 200;
const MOST: usize = 1_000;

/// What the caller wants, from the query or from the body.
struct Wish {
    fields: Option<Vec<u16>>,
    types: Vec<String>,
    deleted: bool,
    latest: bool,
    identity: bool,
    long_text: bool,
    size: usize,
}

impl Wish {
    fn read(cx: &Cx<'_>) -> Answer<Self> {
        let body = if cx.request.method == "POST" {
            cx.request.json().unwrap_or(Value::Null)
        } else {
            Value::Null
        };
        let words = |key: &str| -> Vec<String> {
            match body.get(key).and_then(Value::as_array) {
                Some(list) => {
                    list.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect()
                }
                None => cx
                    .request
                    .query(key)
                    .unwrap_or("")
                    .split(',')
                    .map(str::trim)
                    .filter(|w| !w.is_empty())
                    .map(str::to_owned)
                    .collect(),
            }
        };
        let yes = |key: &str| {
            body.get(key).and_then(Value::as_bool).unwrap_or_else(|| cx.request.flag(key))
        };
        let number =
            |name: String| schema::find(&name).map(|field| field.no).ok_or_else(|| no_field(&name));
        let fields = words("fields").into_iter().map(number).collect::<Answer<Vec<u16>>>()?;
        Ok(Self {
            fields: (!fields.is_empty()).then_some(fields),
            types: words("types"),
            deleted: yes("includeDeleted"),
            latest: yes("includeLatestOnly"),
            identity: yes("includeIdentityRef"),
            long_text: cx
                .request
                .query("$expand")
                .is_some_and(|word| word.eq_ignore_ascii_case("fields")),
            size: cx.request.number("$maxPageSize").unwrap_or(PAGE).clamp(1, MOST),
        })
    }
}

pub(crate) fn revisions(cx: &Cx<'_>, store: &Store) -> Answer<Reply> {
    let wish = Wish::read(cx)?;
    let token = cx.request.query("continuationToken").filter(|text| !text.is_empty());
    let start = cx.request.query("startDateTime").filter(|text| !text.is_empty());
    if token.is_some() && start.is_some() {
        return Err(bad_value("continuationToken and startDateTime exclude each other."));
    }
    let after: u64 = match token {
        Some(text) => {
            text.parse().map_err(|_| bad_value("The continuationToken cannot be read."))?
        }
        None => 0,
    };
    let from = match start {
        Some(text) => read_instant(text).ok_or_else(|| bad_value("startDateTime is no date."))?.ms,
        None => i64::MIN,
    };
    let mut values = Vec::new();
    let mut last = after;
    let mut is_last = true;
    for (mark, id, rev) in store.saves_after(after) {
        if values.len() >= wish.size {
            is_last = false;
            break;
        }
        last = mark;
        if let Some(item) = store.any(id).filter(|item| wanted(store, &wish, item, rev, from)) {
            values.extend(item.at_rev(rev).map(|past| shown(cx, store, &wish, &past)));
        }
    }
    let next = format!(
        "{}/_apis/wit/reporting/workItemRevisions?continuationToken={last}&api-version=7.1",
        cx.site.collection
    );
    one(
        &json!({ "values": values, "nextLink": next, "continuationToken": last.to_string(), "isLastBatch": is_last }),
    )
}

fn wanted(store: &Store, wish: &Wish, item: &Item, rev: u32, from: i64) -> bool {
    let at = usize::try_from(rev)
        .ok()
        .and_then(|rev| item.revisions.get(rev.checked_sub(1)?))
        .map_or(0, |rev| rev.at);
    at >= from
        && (!wish.latest || rev == item.rev())
        && (wish.deleted || item.deleted.is_none())
        && !store.forbidden.contains(&item.id)
        && (wish.types.is_empty()
            || wish.types.iter().any(|kind| kind.eq_ignore_ascii_case(item.text(f::TYPE))))
}

fn shown(cx: &Cx<'_>, store: &Store, wish: &Wish, item: &Item) -> Value {
    let expand = if wish.fields.is_some() { Expand::None } else { Expand::Fields };
    let show = Show { fields: wish.fields.clone(), expand, single: false };
    let mut fields = present::fields(cx.site, store, item, &show);
    for field in schema::FIELDS {
        let long = matches!(field.kind, Kind::Html | Kind::History);
        if long && !wish.long_text {
            fields.remove(field.reference);
        }
        let person = item.get(field.no).filter(|_| field.kind == Kind::Who && !wish.identity);
        if let (Some(slot), Some(Val::Ref(who))) = (fields.get_mut(field.reference), person) {
            *slot = json!(cx.site.people.get(who).map(|person| person.long_name()));
        }
    }
    json!({ "id": item.id, "rev": item.rev(), "fields": fields })
}
