//! Addresses of the API and what answers them. Addresses are matched without regard to case.

mod attachments;
mod batch;
mod comments;
mod history;
mod location;
mod meta;
mod queries;
mod recycle;
mod reporting;
mod tree;
mod workitems;

use serde_json::{Value, json};

use super::access;
use super::errors::{Answer, no_project, no_route};
use super::site::Site;
use super::store::Store;
use crate::shared::http::{Reply, Request};
use crate::shared::tracker::Call;

/// One call on its way.
pub(crate) struct Cx<'a> {
    pub(crate) site: &'a Site,
    pub(crate) request: &'a Request,
    pub(crate) call: &'a Call,
    /// Whether the address names the project.
    pub(crate) in_project: bool,
    /// The segments after `_apis`, as they were sent.
    rest: Vec<String>,
}

impl<'a> Cx<'a> {
    /// Finds `_apis` and checks what stands before it.
    pub(crate) fn new(site: &'a Site, request: &'a Request, call: &'a Call) -> Answer<Self> {
        let segments = request.segments();
        let api = segments
            .iter()
            .position(|part| part.eq_ignore_ascii_case("_apis"))
            .ok_or_else(no_route)?;
        let (before, after) = segments.split_at(api);
        let ours = |org: &&str| org.eq_ignore_ascii_case(&site.options.organization);
        // Organisation, project, team: nothing longer is an address.
        if before.len() > 3 || !before.first().is_some_and(ours) {
            return Err(no_route());
        }
        let in_project = match before.get(1) {
            None => false,
            Some(project) if site.is_project(project) => true,
            Some(project) => return Err(no_project(project)),
        };
        let rest = after.iter().skip(1).map(|part| (*part).to_owned()).collect();
        Ok(Self { site, request, call, in_project, rest })
    }

    fn rest(&self) -> Vec<&str> {
        self.rest.iter().map(String::as_str).collect()
    }

    /// Area and resource in small letters, the rest as it was sent.
    fn matched(&self) -> (String, Vec<&str>) {
        let rest = self.rest();
        let head: Vec<String> = rest.iter().take(2).map(|part| part.to_ascii_lowercase()).collect();
        (head.join("/"), rest.into_iter().skip(2).collect())
    }

    /// Whether the call only looks: then it may run beside others.
    pub(crate) fn reads(&self) -> bool {
        let (head, _) = self.matched();
        match self.request.method.as_str() {
            "GET" | "HEAD" | "OPTIONS" => true,
            "POST" => matches!(head.as_str(), "wit/wiql" | "wit/workitemsbatch" | "wit/reporting"),
            _ => false,
        }
    }
}

/// A list in the wrapper that all lists share.
pub(crate) fn list(values: Vec<Value>) -> Reply {
    Reply::json(200, &json!({ "count": values.len(), "value": values }))
}

/// A single value.
pub(crate) fn one(value: &Value) -> Answer<Reply> {
    Ok(Reply::json(200, value))
}

fn id(text: &str) -> Answer<u32> {
    text.parse()
        .map_err(|_| super::errors::bad_value(format!("The value {text:?} is no work item id.")))
}

/// Answers a call that only looks.
pub(crate) fn read(cx: &Cx<'_>, store: &Store) -> Answer<Reply> {
    let (head, rest) = cx.matched();
    let method = cx.request.method.as_str();
    if let Some(reply) = location::open(cx, method, &head, &rest)? {
        return Ok(reply);
    }
    match (head.as_str(), rest.as_slice()) {
        ("wit/workitems", [id, "comments" | "Comments", ..])
        | ("wit/workitems", [id, "COMMENTS", ..]) => {
            access::preview(cx.request)?;
            comments::read(cx, store, self::id(id)?, rest.get(2).copied())
        }
        ("wit/attachments", [id]) => attachments::download(store, id),
        _ => {
            access::released(cx.request)?;
            released(cx, store, method, &head, &rest)
        }
    }
}

fn released(cx: &Cx<'_>, store: &Store, method: &str, head: &str, rest: &[&str]) -> Answer<Reply> {
    match (method, head, rest) {
        ("POST", "wit/wiql", []) => queries::wiql(cx, store),
        ("POST", "wit/workitemsbatch", []) => workitems::batch(cx, store),
        ("GET", "wit/workitems", []) => workitems::many(cx, store),
        ("GET", "wit/workitems", [kind]) if kind.starts_with('$') => workitems::template(cx, kind),
        ("GET", "wit/workitems", [id]) => workitems::single(cx, store, self::id(id)?),
        ("GET", "wit/workitems", [id, part, more @ ..]) => {
            history::read(cx, store, self::id(id)?, part, more.first().copied())
        }
        ("GET" | "POST", "wit/reporting", [kind])
            if kind.eq_ignore_ascii_case("workitemrevisions") =>
        {
            reporting::revisions(cx, store)
        }
        ("GET", "wit/recyclebin", []) => recycle::list(cx, store),
        ("GET", "wit/recyclebin", [id]) => recycle::single(cx, store, self::id(id)?),
        ("GET", "wit/classificationnodes", path) => tree::read(cx, store, path),
        ("GET", "wit/tags", path) => meta::tags(cx, store, path.first().copied()),
        ("GET", ..) => meta::read(cx, head, rest),
        _ => Err(no_route()),
    }
}

/// Answers a call that may change something.
pub(crate) fn write(cx: &Cx<'_>, store: &mut Store) -> Answer<Reply> {
    let (head, rest) = cx.matched();
    let method = cx.request.method.as_str();
    let comments = rest.get(1).is_some_and(|part| part.eq_ignore_ascii_case("comments"));
    if head == "wit/workitems" && comments {
        access::preview(cx.request)?;
        let item = self::id(rest.first().copied().unwrap_or(""))?;
        return comments::write(cx, store, item, rest.get(2).copied());
    }
    access::released(cx.request)?;
    match (method, head.as_str(), rest.as_slice()) {
        ("PATCH" | "POST", "wit/$batch", []) => batch::run(cx, store),
        ("POST" | "PATCH", "wit/workitems", [kind]) if kind.starts_with('$') => {
            workitems::create(cx, store, kind)
        }
        ("PATCH", "wit/workitems", [id]) => workitems::update(cx, store, self::id(id)?),
        ("DELETE", "wit/workitems", [id]) => recycle::delete(cx, store, self::id(id)?),
        ("POST", "wit/workitemsdelete", []) => recycle::delete_many(cx, store),
        ("PATCH", "wit/recyclebin", [id]) => recycle::restore(cx, store, self::id(id)?),
        ("DELETE", "wit/recyclebin", [id]) => recycle::destroy(cx, store, self::id(id)?),
        ("POST", "wit/attachments", []) => attachments::create(cx, store),
        ("PUT", "wit/attachments", [id]) => attachments::chunk(cx, store, id),
        ("POST", "wit/classificationnodes", [group, path @ ..]) => {
            tree::create(cx, store, group, path)
        }
        _ => Err(no_route()),
    }
}

/// The route of a request for counting: ids and names replaced.
pub(crate) fn name(request: &Request) -> String {
    let segments = request.segments();
    let after = segments.iter().skip_while(|part| !part.eq_ignore_ascii_case("_apis"));
    let shown: Vec<String> = after.enumerate().map(|(at, part)| shown_part(at, part)).collect();
    format!("{} /{}", request.method, shown.join("/"))
}

fn shown_part(at: usize, part: &str) -> String {
    let lower = part.to_ascii_lowercase();
    if lower.chars().all(|c| c.is_ascii_digit()) {
        return "{id}".into();
    }
    match (at, lower.as_str()) {
        (_, "$batch") => lower,
        (_, kind) if kind.starts_with('$') => "${type}".into(),
        (0..=2, _)
        | (_, "comments" | "updates" | "revisions" | "fields" | "states" | "workitemrevisions") => {
            lower
        }
        _ => "{name}".into(),
    }
}
