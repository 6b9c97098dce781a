//! Operations on the relations of a work item.

use serde_json::{Map, Value, json};

use super::change::Saving;
use super::errors::{Answer, ApiError, bad_patch, no_item};
use super::fields as f;
use super::model::{Item, Relation, Target};
use super::patch::{Op, Place, Verb};
use super::relations::{self, CHILD, FILE, PARENT};
use super::store::Draft;
use crate::shared::record::Val;
use crate::shared::text::short_iso;

/// Applies one operation whose place is a relation.
pub(crate) fn apply(saving: &Saving<'_>, item: &Item, op: &Op, draft: &mut Draft) -> Answer<()> {
    let mut list = draft.relations.take().unwrap_or_else(|| item.relations.clone());
    match (&op.place, op.verb) {
        (Place::NewRelation, Verb::Add) => list.push(read(saving, item, &op.value, &list)?),
        (Place::Relation(at), Verb::Remove) => {
            if *at >= list.len() {
                return Err(bad_patch(format!("VS403693: There is no relation at index {at}.")));
            }
            list.remove(*at);
        }
        (Place::Relation(at), Verb::Replace | Verb::Add) => {
            let relation = list
                .get_mut(*at)
                .ok_or_else(|| bad_patch("VS403693: There is no such relation."))?;
            if let Some(attributes) = op.value.get("attributes").and_then(Value::as_object) {
                relation.attributes.extend(attributes.clone());
            }
        }
        (Place::RelationAttribute(at, name), verb) if verb != Verb::Test => {
            let relation = list
                .get_mut(*at)
                .ok_or_else(|| bad_patch("VS403693: There is no such relation."))?;
            relation.attributes.insert(name.clone(), op.value.clone());
        }
        _ => return Err(bad_patch("VS403694: This operation is not supported on relations.")),
    }
    let parent = list.iter().find(|had| had.rel == PARENT).and_then(|had| match had.target {
        Target::Item(id) => Some(Val::Int(i64::from(id))),
        Target::Url(_) => None,
    });
    draft.set(f::PARENT, parent);
    draft.relations = Some(list);
    Ok(())
}

fn read(saving: &Saving<'_>, item: &Item, value: &Value, list: &[Relation]) -> Answer<Relation> {
    let rel = value.get("rel").and_then(Value::as_str).unwrap_or("");
    let url = value.get("url").and_then(Value::as_str).unwrap_or("");
    if !relations::known(rel) {
        return Err(bad_patch(format!("VS402634: The relation type {rel:?} is not known.")));
    }
    let mut attributes =
        value.get("attributes").and_then(Value::as_object).cloned().unwrap_or_default();
    let target = if relations::is_item_link(rel) {
        Target::Item(item_of(saving, url)?)
    } else {
        Target::Url(url.to_owned())
    };
    if rel == FILE {
        file(saving, url, &mut attributes)?;
    }
    if list.iter().any(|had| had.rel == rel && had.target == target) {
        return Err(ApiError::new(
            400,
            "WorkItemLinkInvalidException",
            "VS402605: The relation already exists.",
        ));
    }
    one_parent(saving, rel, &target, list)?;
    if target == Target::Item(item.id) {
        return Err(ApiError::new(
            400,
            "WorkItemLinkInvalidException",
            "TF20005: A work item cannot be linked to itself.",
        ));
    }
    Ok(Relation { rel: rel.to_owned(), target, attributes })
}

fn item_of(saving: &Saving<'_>, url: &str) -> Answer<u32> {
    let last = url.trim_end_matches('/').rsplit('/').next().unwrap_or("");
    let number: i64 = last
        .parse()
        .map_err(|_| bad_patch(format!("VS403695: {url:?} is no work item address.")))?;
    let id = match saving.aliases.get(&number) {
        Some(id) => *id,
        None => u32::try_from(number).map_err(|_| no_item(number))?,
    };
    saving.store.visible(id).map(|item| item.id).ok_or_else(|| no_item(id))
}

fn one_parent(saving: &Saving<'_>, rel: &str, target: &Target, list: &[Relation]) -> Answer<()> {
    let second = match (rel, target) {
        (PARENT, _) => list.iter().any(|had| had.rel == PARENT),
        (CHILD, Target::Item(child)) => saving
            .store
            .any(*child)
            .is_some_and(|item| item.relations.iter().any(|had| had.rel == PARENT)),
        _ => false,
    };
    if !second {
        return Ok(());
    }
    let message = "TF201036: You cannot add a parent link: a work item can have only one parent.";
    Err(ApiError::new(400, "WorkItemLinkAddExtraParentException", message))
}

fn file(saving: &Saving<'_>, url: &str, attributes: &mut Map<String, Value>) -> Answer<()> {
    let path = url.split('?').next().unwrap_or("");
    let id = path.rsplit('/').next().unwrap_or("");
    let Some(stored) = saving.store.attachments.get(id) else {
        return Err(ApiError::new(
            400,
            "AttachmentNotFoundException",
            format!("TF26194: The attachment {id} does not exist."),
        ));
    };
    let at = short_iso(stored.at);
    attributes.entry("name").or_insert_with(|| json!(stored.name));
    attributes.insert("resourceSize".into(), json!(stored.body.len()));
    for name in ["authorizedDate", "resourceCreatedDate", "resourceModifiedDate"] {
        attributes.insert(name.into(), json!(at));
    }
    attributes.insert("revisedDate".into(), json!("9999-01-01T00:00:00Z"));
    Ok(())
}
