//! Pages for people, without a password: the list and each request.

use super::fields as f;
use super::model::Desk;
use super::model::Ticket;
use super::present::{Look, texts_at};
use super::schema::{FIELDS, Kind};
use super::site::Site;
use crate::shared::html::{TicketPage, list, ticket};
use crate::shared::http::{Reply, Request};
use crate::shared::record::Val;
use crate::shared::text::short_iso;

/// How many rows the list shows, newest first.
const ROWS: usize = 500;

/// The page at this address, if it is one.
pub(crate) fn serve(site: &Site, desk: &Desk, request: &Request) -> Option<Reply> {
    if request.method != "GET" {
        return None;
    }
    let id = match request.segments().as_slice() {
        [] => return Some(overview(site, desk)),
        ["WorkOrder.do"] => request.query("woID")?.to_owned(),
        ["app", portal, "ui", "requests", id, ..] if *portal == site.options.portal => {
            (*id).to_owned()
        }
        _ => return None,
    };
    let found = site.request_no(&id).and_then(|no| desk.visible(no));
    Some(match found {
        Some(one) => Reply::html(200, ticket(&details(site, one))),
        None => Reply::html(404, "no such request".into()),
    })
}

fn status(site: &Site, ticket: &Ticket) -> String {
    Look::read("status.name").map(|look| texts_at(site, ticket, &look).join("")).unwrap_or_default()
}

fn overview(site: &Site, desk: &Desk) -> Reply {
    let row = |ticket: &Ticket| {
        (
            site.page_url(ticket.no),
            ticket.no.to_string(),
            ticket.text(f::SUBJECT).to_owned(),
            status(site, ticket),
        )
    };
    let newest = desk.changed_since(i64::MIN).rev().filter(|ticket| ticket.trashed.is_none());
    Reply::html(200, list("Requests", &newest.take(ROWS).map(row).collect::<Vec<_>>()))
}

fn details(site: &Site, ticket: &Ticket) -> TicketPage {
    let mut rows = Vec::new();
    let mut texts = Vec::new();
    for field in FIELDS {
        let Some(val) = ticket.fields.get(field.no) else { continue };
        if field.kind == Kind::Html {
            texts.push((field.label.to_owned(), ticket.text(field.no).to_owned()));
            continue;
        }
        let shown = match val {
            Val::Time(ms) => short_iso(*ms),
            _ => texts_at(site, ticket, &Look::Field(field, "name".into())).join(", "),
        };
        rows.push((field.label.to_owned(), shown));
    }
    let name =
        |who: u32| site.people.get(who).map(|person| person.name.clone()).unwrap_or_default();
    TicketPage {
        title: format!("Request {}: {}", ticket.no, ticket.text(f::SUBJECT)),
        back: "/".into(),
        rows,
        texts,
        comments: ticket
            .notes
            .iter()
            .map(|note| (name(note.by), short_iso(note.at), note.html.clone()))
            .collect(),
    }
}
