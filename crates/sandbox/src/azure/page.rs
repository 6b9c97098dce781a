//! Pages for people, without a password: the list and each work item.

use super::fields as f;
use super::model::Item;
use super::present::any_value;
use super::schema::{self, Kind};
use super::site::Site;
use super::store::Store;
use crate::shared::html::{TicketPage, list, ticket};
use crate::shared::http::{Reply, Request};
use crate::shared::record::Val;
use crate::shared::text::short_iso;

/// How many rows the list shows, newest first.
const ROWS: usize = 500;

/// The page at this address, if it is one.
pub(crate) fn serve(site: &Site, store: &Store, request: &Request) -> Option<Reply> {
    if request.method != "GET" {
        return None;
    }
    match request.segments().as_slice() {
        [] => Some(overview(site, store)),
        [org, project, rest @ ..]
            if org.eq_ignore_ascii_case(&site.options.organization) && site.is_project(project) =>
        {
            match rest {
                [] | ["_workitems"] => Some(overview(site, store)),
                ["_workitems", "edit", id] => {
                    let item = id.parse().ok().and_then(|id| store.visible(id));
                    Some(item.map_or_else(
                        || Reply::html(404, "no such work item".into()),
                        |item| Reply::html(200, ticket(&details(site, store, item))),
                    ))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn overview(site: &Site, store: &Store) -> Reply {
    let row = |item: &Item| {
        (
            site.page_url(item.id),
            item.id.to_string(),
            item.text(f::TITLE).to_owned(),
            item.text(f::STATE).to_owned(),
        )
    };
    let mut rows: Vec<_> = store.starting_at(0).filter(|item| item.deleted.is_none()).collect();
    rows.sort_by_key(|item| std::cmp::Reverse(item.changed_at()));
    let rows: Vec<_> = rows.into_iter().take(ROWS).map(row).collect();
    Reply::html(200, list(&format!("{}: work items", site.options.project), &rows))
}

fn details(site: &Site, store: &Store, item: &Item) -> TicketPage {
    let mut rows = vec![("Revision".to_owned(), item.rev().to_string())];
    let mut texts = Vec::new();
    for field in schema::FIELDS.iter().filter(|field| !field.hidden && field.no != f::HISTORY) {
        let Some(val) = any_value(store, item, field.no) else { continue };
        let text = shown(site, &val);
        if field.kind == Kind::Html {
            texts.push((field.name.to_owned(), text))
        } else {
            rows.push((field.name.to_owned(), text))
        }
    }
    let name =
        |who: u32| site.people.get(who).map(|person| person.name.clone()).unwrap_or_default();
    let said = item.comments.iter().filter(|comment| !comment.deleted);
    TicketPage {
        title: format!("{} {}: {}", item.text(f::TYPE), item.id, item.text(f::TITLE)),
        back: format!("{}/{}/_workitems", site.collection, site.project_guid()),
        rows,
        texts,
        comments: said.map(|one| (name(one.by), short_iso(one.at), one.text.clone())).collect(),
    }
}

fn shown(site: &Site, val: &Val) -> String {
    match val {
        Val::Bool(yes) => yes.to_string(),
        Val::Int(number) => number.to_string(),
        Val::Num(number) => number.to_string(),
        Val::Text(text) => text.to_string(),
        Val::Time(ms) => short_iso(*ms),
        Val::Ref(who) => site.people.get(*who).map(|person| person.long_name()).unwrap_or_default(),
    }
}
