//! A work item written straight into an answer: batch reads make no JSON tree on the way.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use super::model::Item;
use super::present::{Expand, Show, any_value, relation_shown};
use super::schema;
use super::site::Site;
use super::store::Store;
use crate::shared::record::Val;
use crate::shared::text::short_iso;

/// A work item as a caller asked to see it.
pub(crate) struct ItemView<'a> {
    pub(crate) site: &'a Site,
    pub(crate) store: &'a Store,
    /// The item as it is, or as it was.
    pub(crate) item: Cow<'a, Item>,
    pub(crate) show: &'a Show,
}

impl Serialize for ItemView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { site, item, show, .. } = self;
        let whole = show.fields.is_none();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &item.id)?;
        map.serialize_entry("rev", &item.rev())?;
        map.serialize_entry("fields", &FieldsView(self))?;
        let relations = matches!(show.expand, Expand::Relations | Expand::All) && whole;
        if relations && !item.relations.is_empty() {
            let list: Vec<Value> =
                item.relations.iter().map(|one| relation_shown(site, one)).collect();
            map.serialize_entry("relations", &list)?;
        }
        if !item.markdown.is_empty() && whole {
            map.serialize_entry("multilineFieldsFormat", &formats(item))?;
        }
        if let Some(comment) = item.comments.iter().rfind(|comment| !comment.deleted) {
            let (id, version) = (comment.id, comment.version);
            let url = format!("{}/comments/{id}/versions/{version}", site.item_url(item.id));
            map.serialize_entry(
                "commentVersionRef",
                &json!({ "commentId": id, "version": version, "url": url }),
            )?;
        }
        if matches!(show.expand, Expand::Links | Expand::All) || show.single && whole {
            map.serialize_entry("_links", &links(site, item.id))?;
        }
        map.serialize_entry("url", &site.item_url(item.id))?;
        map.end()
    }
}

fn formats(item: &Item) -> Map<String, Value> {
    let name =
        |no: &u16| schema::by_no(*no).map(|field| (field.reference.to_owned(), json!("markdown")));
    item.markdown.iter().filter_map(name).collect()
}

fn links(site: &Site, id: u32) -> Value {
    let api = site.item_url(id);
    json!({
        "self": { "href": api },
        "workItemUpdates": { "href": format!("{api}/updates") },
        "workItemRevisions": { "href": format!("{api}/revisions") },
        "workItemComments": { "href": format!("{api}/comments") },
        "html": { "href": site.page_url(id) },
        "fields": { "href": format!("{}/_apis/wit/fields", site.collection) },
    })
}

/// The fields that a caller sees, by reference name.
pub(crate) struct FieldsView<'a>(pub(crate) &'a ItemView<'a>);

impl Serialize for FieldsView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ItemView { site, store, item, show } = self.0;
        let mut map = serializer.serialize_map(None)?;
        let hidden = schema::FIELDS.iter().filter(|field| field.hidden).map(|field| field.no);
        let worked_out: Vec<u16> = match (&show.fields, show.expand) {
            (Some(wanted), _) => wanted.clone(),
            (None, Expand::Fields | Expand::All) => hidden.collect(),
            (None, _) => Vec::new(),
        };
        let stored = item.fields.iter().filter(|_| show.fields.is_none());
        for (no, val) in stored {
            entry(&mut map, site, no, val)?;
        }
        for no in worked_out {
            if let Some(val) = any_value(store, item, no) {
                entry(&mut map, site, no, &val)?;
            }
        }
        map.end()
    }
}

fn entry<M: SerializeMap>(map: &mut M, site: &Site, no: u16, val: &Val) -> Result<(), M::Error> {
    match schema::by_no(no) {
        Some(field) => map.serialize_entry(field.reference, &ValueView(site, val)),
        None => Ok(()),
    }
}

/// A field's value. References of work items are always people.
pub(crate) struct ValueView<'a>(pub(crate) &'a Site, pub(crate) &'a Val);

impl Serialize for ValueView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.1 {
            Val::Bool(yes) => serializer.serialize_bool(*yes),
            Val::Int(number) => serializer.serialize_i64(*number),
            Val::Num(number) => serializer.serialize_f64(*number),
            Val::Text(text) => serializer.serialize_str(text),
            Val::Time(ms) => serializer.serialize_str(&short_iso(*ms)),
            Val::Ref(who) => self.0.identity(*who).serialize(serializer),
        }
    }
}
