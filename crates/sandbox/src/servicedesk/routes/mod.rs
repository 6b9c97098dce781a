//! Addresses of API v3 and what answers them.

mod parts;
mod requests;
mod setup;

use super::access;
use super::answers::{Answer, not_found};
use super::model::Desk;
use super::site::Site;
use crate::shared::http::{Reply, Request};

/// One call on its way.
pub(crate) struct Cx<'a> {
    pub(crate) site: &'a Site,
    pub(crate) request: &'a Request,
    /// The segments after `v3`.
    rest: Vec<String>,
}

impl<'a> Cx<'a> {
    /// Finds `api/v3`, bare or under the portal.
    pub(crate) fn new(site: &'a Site, request: &'a Request) -> Answer<Self> {
        let segments = request.segments();
        let rest: &[&str] = match segments.as_slice() {
            ["api", "v3", rest @ ..] => rest,
            ["app", portal, "api", "v3", rest @ ..] if *portal == site.options.portal => rest,
            _ => return Err(not_found()),
        };
        let rest = rest.iter().map(|part| (*part).to_owned()).collect();
        Ok(Self { site, request, rest })
    }

    pub(crate) fn rest(&self) -> Vec<&str> {
        self.rest.iter().map(String::as_str).collect()
    }

    /// Whether the call only looks: then it may run beside others.
    pub(crate) fn reads(&self) -> bool {
        self.request.method == "GET"
    }

    /// The number behind a request's id; another id is an address that leads nowhere.
    pub(crate) fn number(&self, id: &str) -> Answer<u32> {
        self.site.request_no(id).ok_or_else(not_found)
    }
}

/// Whether the call carries what every call must.
pub(crate) fn admitted(site: &Site, request: &Request) -> Result<(), Reply> {
    if !access::authorised(site, request) {
        return Err(access::refusal());
    }
    let download = request.segments().last() == Some(&"download");
    if download || access::accepts(site, request) { Ok(()) } else { Err(access::not_acceptable()) }
}

/// Answers a call that only looks.
pub(crate) fn read(cx: &Cx<'_>, desk: &Desk) -> Answer<Reply> {
    match cx.rest().as_slice() {
        ["requests", "_metainfo"] => setup::metainfo(),
        ["requests"] => requests::list(cx, desk),
        ["requests", id] => requests::single(cx, desk, id),
        ["requests", id, part, more @ ..] => parts::read(cx, desk, id, part, more),
        [path, more @ ..] => setup::read(cx, path, more),
        [] => Err(not_found()),
    }
}

/// Answers a call that may change something.
pub(crate) fn write(cx: &Cx<'_>, desk: &mut Desk) -> Answer<Reply> {
    let rest = cx.rest();
    match (cx.request.method.as_str(), rest.as_slice()) {
        ("POST", ["requests"]) => requests::create(cx, desk),
        ("PUT", ["requests", id]) => requests::update(cx, desk, id),
        ("DELETE", ["requests", id]) => requests::destroy(cx, desk, id),
        ("DELETE", ["requests", id, "move_to_trash"]) => requests::trash(cx, desk, id, true),
        ("PUT", ["requests", id, "restore_from_trash"]) => requests::trash(cx, desk, id, false),
        ("PUT", ["requests", id, "close"]) => requests::close(cx, desk, id),
        ("PUT", ["requests", id, "assign"]) => requests::update(cx, desk, id),
        ("PUT", ["requests", id, "pickup"]) => requests::pickup(cx, desk, id),
        ("POST", ["requests", id, "resolutions"]) => requests::resolve(cx, desk, id),
        (_, ["requests", id, part, more @ ..]) => parts::write(cx, desk, id, part, more),
        _ => Err(not_found()),
    }
}

/// The route of a request for counting: ids replaced, the portal left out.
pub(crate) fn name(request: &Request) -> String {
    let segments = request.segments();
    let skip = if segments.first() == Some(&"app") { 2 } else { 0 };
    let shown = segments
        .iter()
        .skip(skip)
        .map(|part| if part.chars().all(|c| c.is_ascii_digit()) { "{id}" } else { part });
    format!("{} /{}", request.method, shown.collect::<Vec<_>>().join("/"))
}
