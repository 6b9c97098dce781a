//! Batch writes: each entry is judged alone, and its answer is a JSON text.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Cx, list};
use crate::azure::errors::{Answer, ApiError, bad_value, no_project};
use crate::azure::patch::{self, Op, Place};
use crate::azure::present::Show;
use crate::azure::saving::{self, Actor, Aliases};
use crate::azure::store::Store;
use crate::shared::http::{Reply, Request};

/// The most entries that one call may hold.
const MOST_ENTRIES: usize = 200;

pub(crate) fn run(cx: &Cx<'_>, store: &mut Store) -> Answer<Reply> {
    let body = cx.request.json().map_err(|e| bad_value(format!("The body is no JSON: {e}.")))?;
    let entries =
        body.as_array().ok_or_else(|| bad_value("The body must be a list of requests."))?;
    if entries.len() > MOST_ENTRIES {
        let message = format!(
            "VS403474: You sent {} requests which exceeds the limit of {MOST_ENTRIES}.",
            entries.len()
        );
        return Err(ApiError::new(400, "VssPropertyValidationException", message));
    }
    let mut aliases = Aliases::new();
    let mut answers = Vec::with_capacity(entries.len());
    for (position, entry) in entries.iter().enumerate() {
        let answer = if cx.call.fails(position) {
            Err(ApiError::new(
                500,
                "WorkItemTrackingException",
                "TF30063: scripted: this entry fails.",
            ))
        } else {
            entry_answer(cx, store, entry, &mut aliases)
        };
        answers.push(shown(answer));
    }
    Ok(list(answers))
}

fn shown(answer: Answer<Value>) -> Value {
    let (code, body) = match answer {
        Ok(body) => (200, body),
        Err(error) => (error.status, error.body()),
    };
    json!({
        "code": code,
        "headers": { "Content-Type": "application/json; charset=utf-8" },
        "body": body.to_string(),
    })
}

/// What one entry wants.
struct Entry<'a> {
    /// `$Bug` for a create, an id for an update.
    target: &'a str,
    /// The address names a project.
    in_project: bool,
    ops: Vec<Op>,
    actor: Actor,
    show: Show,
}

fn entry_answer(
    cx: &Cx<'_>,
    store: &mut Store,
    entry: &Value,
    aliases: &mut Aliases,
) -> Answer<Value> {
    let word = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or("");
    if !word("method").eq_ignore_ascii_case("PATCH") {
        return Err(bad_value("VS403358: Only PATCH requests may be part of a batch."));
    }
    let inner = Request::new("PATCH", word("uri"), Vec::new(), Bytes::new());
    let segments = inner.segments();
    let entry = read(cx, &inner, &segments, entry)?;
    let site = cx.site;
    let Some(kind) = entry.target.strip_prefix('$') else {
        let id = super::id(entry.target)?;
        return saving::update(site, store, &entry.actor, id, &entry.ops, aliases, &entry.show);
    };
    if !entry.in_project {
        return Err(bad_value("A work item can only be created in a project: name it in the uri."));
    }
    let (id, value) =
        saving::create(site, store, &entry.actor, kind, &entry.ops, aliases, &entry.show)?;
    if let Some(alias) = alias(&entry.ops) {
        aliases.insert(alias, id);
    }
    Ok(value)
}

fn read<'a>(
    cx: &Cx<'_>,
    inner: &Request,
    segments: &[&'a str],
    entry: &Value,
) -> Answer<Entry<'a>> {
    if inner.query("api-version").is_none() {
        return Err(bad_value("No api-version was supplied for the \"PATCH\" request."));
    }
    let kind = entry.pointer("/headers/Content-Type").and_then(Value::as_str).unwrap_or("");
    if kind != "application/json-patch+json" {
        let message = "Send application/json-patch+json.";
        return Err(ApiError::new(415, "VssRequestContentTypeNotSupportedException", message));
    }
    let (target, in_project) = address(cx, segments)?;
    Ok(Entry {
        target,
        in_project,
        ops: patch::parse(entry.get("body").unwrap_or(&Value::Null))?,
        actor: Actor { bypass_rules: inner.flag("bypassRules"), ..Actor::api() },
        show: Show::read(None, inner.query("$expand"), true)?,
    })
}

/// What stands after `_apis/wit/workitems`, and whether a project stands before it.
fn address<'a>(cx: &Cx<'_>, segments: &[&'a str]) -> Answer<(&'a str, bool)> {
    let api = segments.iter().position(|part| part.eq_ignore_ascii_case("_apis")).unwrap_or(0);
    let (before, after) = segments.split_at(api);
    let ours = |org: &&&str| org.eq_ignore_ascii_case(&cx.site.options.organization);
    let project = before.iter().find(|part| !ours(part));
    if let Some(other) = project.filter(|name| !cx.site.is_project(name)) {
        return Err(no_project(other));
    }
    match after {
        [_, wit, items, target]
            if wit.eq_ignore_ascii_case("wit") && items.eq_ignore_ascii_case("workitems") =>
        {
            Ok((target, project.is_some() || cx.in_project))
        }
        _ => Err(bad_value("VS403359: Only work items may be written by a batch.")),
    }
}

/// The negative number by which later entries may link to this create.
fn alias(ops: &[Op]) -> Option<i64> {
    let value = &ops.iter().find(|op| op.place == Place::Id)?.value;
    value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}
