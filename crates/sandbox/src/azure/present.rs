//! From work items to the JSON of the API.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::errors::{Answer, ApiError, bad_value, no_field};
use super::fields as f;
use super::item_view::{FieldsView, ItemView, ValueView};
use super::model::{Comment, Item, Relation, Target};
use super::schema::{self, Kind};
use super::site::Site;
use super::store::Store;
use crate::shared::json::put;
use crate::shared::record::Val;
use crate::shared::text::{guid, short_iso};

/// How much of a work item is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expand {
    None,
    Relations,
    Fields,
    Links,
    All,
}

/// What a caller asked to see.
pub(crate) struct Show {
    /// Only these fields.
    pub(crate) fields: Option<Vec<u16>>,
    pub(crate) expand: Expand,
    /// Links are shown even without `$expand`: the single read does that.
    pub(crate) single: bool,
}

impl Show {
    /// Everything there is.
    pub(crate) fn all() -> Self {
        Self { fields: None, expand: Expand::All, single: true }
    }

    /// Reads the wish; fields and `$expand` exclude each other.
    pub(crate) fn read(
        fields: Option<Vec<String>>,
        expand: Option<&str>,
        single: bool,
    ) -> Answer<Self> {
        let expand = match expand.unwrap_or("none").to_ascii_lowercase().as_str() {
            "none" | "" => Expand::None,
            "relations" => Expand::Relations,
            "fields" => Expand::Fields,
            "links" => Expand::Links,
            "all" => Expand::All,
            other => {
                return Err(bad_value(format!("The value {other:?} of $expand is not known.")));
            }
        };
        let fields = fields.filter(|list| !list.is_empty());
        if fields.is_some() && matches!(expand, Expand::Relations | Expand::All | Expand::Fields) {
            let message = "The expand parameter can not be used with the fields parameter.";
            return Err(ApiError::new(400, "ConflictingParametersException", message));
        }
        let number =
            |name: String| schema::find(&name).map(|field| field.no).ok_or_else(|| no_field(&name));
        let fields = fields.map(|list| list.into_iter().map(number).collect()).transpose()?;
        let mut fields: Option<Vec<u16>> = fields;
        if let Some(list) = &mut fields {
            list.sort_unstable();
            list.dedup();
        }
        Ok(Self { fields, expand, single })
    }
}

fn person(site: &Site, no: u32) -> Value {
    site.identity(no).clone()
}

fn shown(site: &Site, val: &Val) -> Value {
    serde_json::to_value(ValueView(site, val)).unwrap_or_default()
}

/// A work item as a JSON tree.
pub(crate) fn item(site: &Site, store: &Store, item: &Item, show: &Show) -> Value {
    let view = ItemView { site, store, item: Cow::Borrowed(item), show };
    serde_json::to_value(view).unwrap_or_default()
}

/// The fields that a caller sees, by reference name.
pub(crate) fn fields(site: &Site, store: &Store, item: &Item, show: &Show) -> Map<String, Value> {
    let view = ItemView { site, store, item: Cow::Borrowed(item), show };
    match serde_json::to_value(FieldsView(&view)) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// A field's value, the ones that are worked out included.
pub(crate) fn any_value(store: &Store, item: &Item, no: u16) -> Option<Val> {
    let node = |nodes: &[super::model::Node], path: u16| {
        nodes
            .iter()
            .find(|node| node.path.as_ref() == item.text(path))
            .map(|node| Val::Int(node.id))
    };
    match no {
        f::AREA_ID => node(&store.areas, f::AREA_PATH),
        f::ITERATION_ID => node(&store.iterations, f::ITERATION_PATH),
        f::NODE_NAME => item.text(f::AREA_PATH).rsplit('\\').next().map(Val::text),
        f::AUTHORIZED_DATE => Some(Val::Time(item.changed_at())),
        f::REVISED_DATE => Some(Val::Time(253_370_764_800_000)),
        f::IS_DELETED => item.deleted.map(|_| Val::Bool(true)),
        _ => item.get(no),
    }
}

/// A relation as the API shows it.
pub(crate) fn relation_shown(site: &Site, relation: &Relation) -> Value {
    let url = match &relation.target {
        Target::Item(id) => site.item_url(*id),
        Target::Url(url) => url.clone(),
    };
    json!({ "rel": relation.rel, "url": url, "attributes": relation.attributes })
}

/// What one revision changed, as the `updates` resource shows it.
pub(crate) fn update(site: &Site, item: &Item, rev: u32) -> Option<Value> {
    let now = item.at_rev(rev)?;
    let before = item.at_rev(rev.saturating_sub(1));
    let saved = now.last()?.clone();
    let changed: Vec<u16> = match &before {
        Some(_) => saved.undo.iter().map(|(no, _)| *no).collect(),
        None => now.fields.iter().map(|(no, _)| no).collect(),
    };
    let mut fields = Map::new();
    for no in changed.into_iter().chain([f::REV, f::WATERMARK]) {
        let old = before.as_ref().and_then(|item| item.get(no));
        let new = now.get(no);
        let mut delta = Map::new();
        for (key, val) in [("oldValue", &old), ("newValue", &new)] {
            if let Some(val) = val {
                delta.insert(key.into(), shown(site, val));
            }
        }
        if let (Some(field), true) = (schema::by_no(no), old != new) {
            fields.insert(field.reference.to_owned(), Value::Object(delta));
        }
    }
    let mut out = json!({
        "id": rev, "workItemId": item.id, "rev": rev, "revisedBy": revised_by(site, saved.by),
        "revisedDate": revised_date(item, rev), "fields": fields,
        "url": format!("{}/updates/{rev}", site.item_url(item.id)),
    });
    if let Some(relations) = relation_changes(site, &now, saved.old_relations.as_deref()) {
        put(&mut out, "relations", relations);
    }
    Some(out)
}

fn revised_by(site: &Site, by: u32) -> Value {
    let mut who = person(site, by);
    if let (Some(person), Some(map)) = (site.people.get(by), who.as_object_mut()) {
        map.insert("name".into(), json!(person.long_name()));
    }
    who
}

fn revised_date(item: &Item, rev: u32) -> String {
    let next = usize::try_from(rev).ok().and_then(|at| item.revisions.get(at));
    next.map_or_else(|| "9999-01-01T00:00:00Z".to_owned(), |next| short_iso(next.at))
}

fn relation_changes(site: &Site, now: &Item, old: Option<&[Relation]>) -> Option<Value> {
    let old: &[Relation] = match old {
        Some(old) => old,
        None if now.rev() == 1 && !now.relations.is_empty() => &[],
        None => return None,
    };
    let pick = |from: &[Relation], not_in: &[Relation]| -> Vec<Value> {
        from.iter()
            .filter(|one| !not_in.contains(one))
            .map(|one| relation_shown(site, one))
            .collect()
    };
    let mut out = Map::new();
    for (key, list) in
        [("added", pick(&now.relations, old)), ("removed", pick(old, &now.relations))]
    {
        if !list.is_empty() {
            out.insert(key.into(), Value::Array(list));
        }
    }
    Some(Value::Object(out))
}

/// A comment as the API shows it.
pub(crate) fn comment(site: &Site, item: u32, comment: &Comment, rendered: bool) -> Value {
    let mut out = json!({
        "workItemId": item,
        "id": comment.id,
        "version": comment.version,
        "text": comment.text,
        "format": if comment.markdown { "markdown" } else { "html" },
        "createdBy": person(site, comment.by),
        "createdDate": short_iso(comment.at),
        "modifiedBy": person(site, comment.modified_by),
        "modifiedDate": short_iso(comment.modified_at),
        "url": format!("{}/comments/{}", site.item_url(item), comment.id),
    });
    if rendered {
        let text = &comment.text;
        put(
            &mut out,
            "renderedText",
            if comment.markdown {
                json!(format!("<p>{}</p>", crate::shared::html::escape(text)))
            } else {
                json!(text)
            },
        );
    }
    if comment.deleted {
        put(&mut out, "isDeleted", json!(true));
        put(&mut out, "text", json!(""));
    }
    out
}

/// A field as the `fields` resource shows it.
pub(crate) fn field(site: &Site, field: &schema::Field) -> Value {
    let picklist = !field.allowed.is_empty() && field.reference.starts_with("Custom.");
    let mut out = json!({
        "name": field.name,
        "referenceName": field.reference,
        "description": null,
        "type": field.kind.word(),
        "usage": "workItem",
        "readOnly": field.read_only,
        "canSortBy": !matches!(field.kind, Kind::Html | Kind::History | Kind::Tags),
        "isQueryable": true,
        "supportedOperations": operations(field.kind),
        "isIdentity": field.kind == Kind::Who,
        "isPicklist": picklist,
        "isPicklistSuggested": false,
        "isDeleted": false,
        "isLocked": false,
        "url": format!("{}/_apis/wit/fields/{}", site.collection, field.reference),
    });
    if picklist {
        put(&mut out, "picklistId", json!(guid(field.reference)));
    }
    if let Some(map) = out.as_object_mut() {
        map.retain(|_, value| !value.is_null());
    }
    out
}

fn operations(kind: Kind) -> Value {
    let long = [
        ("SupportedOperations.ContainsWords", "Contains Words"),
        ("SupportedOperations.NotContainsWords", "Does Not Contain Words"),
    ];
    let short = [
        ("SupportedOperations.Equals", "="),
        ("SupportedOperations.NotEquals", "<>"),
        ("SupportedOperations.GreaterThan", ">"),
        ("SupportedOperations.LessThan", "<"),
        ("SupportedOperations.In", "In"),
        ("SupportedOperations.NotIn", "Not In"),
    ];
    let shown = |list: &[(&str, &str)]| -> Value {
        list.iter()
            .map(|(reference, name)| json!({ "referenceName": reference, "name": name }))
            .collect()
    };
    if matches!(kind, Kind::Html | Kind::History) { shown(&long) } else { shown(&short) }
}
