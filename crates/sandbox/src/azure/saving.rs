//! Creates, updates and deletes: the one place where work items change.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::change::{self, Saving};
use super::errors::{Answer, no_item, no_type};
use super::fields as f;
use super::model::{Comment, Deleted, Item};
use super::patch::Op;
use super::present::{self, Show};
use super::schema;
use super::site::Site;
use super::store::{Draft, Store};
use super::values;
use crate::shared::effects::{EffectOp, EffectSource, NewEffect};
use crate::shared::people::SERVICE;
use crate::shared::record::Val;

/// Who acts, and how.
pub(crate) struct Actor {
    pub(crate) who: u32,
    pub(crate) source: EffectSource,
    pub(crate) bypass_rules: bool,
    /// Checks everything and saves nothing.
    pub(crate) validate_only: bool,
}

impl Actor {
    /// The API's own account.
    pub(crate) fn api() -> Self {
        Self { who: SERVICE, source: EffectSource::Api, bypass_rules: false, validate_only: false }
    }

    /// A played person.
    pub(crate) fn person(who: u32) -> Self {
        Self { who, source: EffectSource::Edit, bypass_rules: false, validate_only: false }
    }
}

/// Numbers that a batch gave to items before they had ids.
pub(crate) type Aliases = BTreeMap<i64, u32>;

/// Creates a work item; the answer is the item as `show` wants it, and its id.
pub(crate) fn create(
    site: &Site,
    store: &mut Store,
    actor: &Actor,
    kind: &str,
    ops: &[Op],
    aliases: &Aliases,
    show: &Show,
) -> Answer<(u32, Value)> {
    let kind = schema::find_type(kind).ok_or_else(|| no_type(kind, &site.options.project))?;
    let at = site.now();
    let saving =
        Saving { site, store, kind, by: actor.who, at, bypass_rules: actor.bypass_rules, aliases };
    let empty = Item::default();
    let draft = change::prepare(&saving, &empty, ops, true)?;
    if actor.validate_only {
        return Ok((0, preview(site, store, &empty, draft, show)));
    }
    let links = draft.relations.clone().unwrap_or_default();
    remember_tags(store, &draft);
    let (draft, said) = with_comment(draft, &empty);
    let id = store.insert(draft, actor.who, at);
    links.iter().for_each(|link| store.mirror(id, link, true));
    if let Some(text) = said {
        push_comment(store, id, &text, false, actor.who, at);
    }
    log(site, actor, EffectOp::Create, id, change::sent(ops), true);
    shown(site, store, id, show).map(|value| (id, value))
}

/// Updates a work item.
pub(crate) fn update(
    site: &Site,
    store: &mut Store,
    actor: &Actor,
    id: u32,
    ops: &[Op],
    aliases: &Aliases,
    show: &Show,
) -> Answer<Value> {
    let item = seen(store, actor, id)?;
    let kind = schema::find_type(item.text(f::TYPE)).ok_or_else(|| no_item(id))?;
    let at = site.now().max(item.changed_at().saturating_add(1));
    let saving =
        Saving { site, store, kind, by: actor.who, at, bypass_rules: actor.bypass_rules, aliases };
    let draft = change::prepare(&saving, item, ops, false)?;
    if actor.validate_only {
        return Ok(preview(site, store, item, draft, show));
    }
    let changed = !draft.is_empty();
    if changed {
        apply(site, store, actor, id, draft, at);
    }
    log(site, actor, EffectOp::Update, id, change::sent(ops), changed);
    shown(site, store, id, show)
}

fn apply(site: &Site, store: &mut Store, actor: &Actor, id: u32, draft: Draft, at: i64) {
    let before = store.any(id).map(|item| item.relations.clone()).unwrap_or_default();
    let after = draft.relations.clone();
    remember_tags(store, &draft);
    let empty = Item::default();
    let (draft, said) = with_comment(draft, store.any(id).unwrap_or(&empty));
    store.save(id, draft, actor.who, at);
    site.world.clock.reach(at);
    if let Some(after) = after {
        before
            .iter()
            .filter(|link| !after.contains(link))
            .for_each(|link| store.mirror(id, link, false));
        after
            .iter()
            .filter(|link| !before.contains(link))
            .for_each(|link| store.mirror(id, link, true));
    }
    if let Some(text) = said {
        push_comment(store, id, &text, false, actor.who, at);
    }
}

/// A save that says something is a comment, too.
fn with_comment(mut draft: Draft, item: &Item) -> (Draft, Option<String>) {
    let said = draft
        .fields
        .iter()
        .find(|(no, _)| *no == f::HISTORY)
        .and_then(|(_, val)| val.as_ref()?.as_text().map(str::to_owned));
    if said.is_some() {
        draft.set(f::COMMENT_COUNT, Some(Val::Int(comment_count(item).saturating_add(1))));
    }
    (draft, said)
}

fn comment_count(item: &Item) -> i64 {
    i64::try_from(item.comments.iter().filter(|comment| !comment.deleted).count())
        .unwrap_or(i64::MAX)
}

fn push_comment(
    store: &mut Store,
    id: u32,
    text: &str,
    markdown: bool,
    by: u32,
    at: i64,
) -> Option<Comment> {
    let comment = Comment {
        id: store.next_comment(),
        text: text.to_owned(),
        markdown,
        by,
        at,
        modified_by: by,
        modified_at: at,
        version: 1,
        deleted: false,
    };
    store.any_mut(id)?.comments.push(comment.clone());
    Some(comment)
}

fn remember_tags(store: &mut Store, draft: &Draft) {
    let text = draft
        .fields
        .iter()
        .find(|(no, _)| *no == f::TAGS)
        .and_then(|(_, val)| val.as_ref()?.as_text());
    for tag in values::tags(text.unwrap_or("")) {
        store.tags.entry(tag.to_lowercase()).or_insert(tag);
    }
}

/// The item that an actor may change: people see what the API's account must not.
fn seen<'a>(store: &'a Store, actor: &Actor, id: u32) -> Answer<&'a Item> {
    let found = match actor.source {
        EffectSource::Api => store.visible(id),
        EffectSource::Edit => store.any(id).filter(|item| item.deleted.is_none()),
    };
    found.ok_or_else(|| no_item(id))
}

fn preview(site: &Site, store: &Store, item: &Item, draft: Draft, show: &Show) -> Value {
    let mut item = item.clone();
    for (no, val) in draft.fields {
        item.fields.put(no, val);
    }
    if let Some(relations) = draft.relations {
        item.relations = relations;
    }
    present::item(site, store, &item, show)
}

fn shown(site: &Site, store: &Store, id: u32, show: &Show) -> Answer<Value> {
    store.any(id).map(|item| present::item(site, store, item, show)).ok_or_else(|| no_item(id))
}

/// Adds a comment; the item gets a new revision that carries the text.
pub(crate) fn comment(
    site: &Site,
    store: &mut Store,
    actor: &Actor,
    id: u32,
    text: &str,
    markdown: bool,
) -> Answer<Comment> {
    let item = seen(store, actor, id)?;
    let at = site.now().max(item.changed_at().saturating_add(1));
    let text = if site.options.rewrites_html && !markdown {
        site.rewriter.rewrite(text)
    } else {
        text.to_owned()
    };
    let mut draft = Draft::default();
    draft.set(f::HISTORY, Some(Val::text(&text)));
    draft.set(f::COMMENT_COUNT, Some(Val::Int(comment_count(item).saturating_add(1))));
    store.save(id, draft, actor.who, at);
    site.world.clock.reach(at);
    let comment =
        push_comment(store, id, &text, markdown, actor.who, at).ok_or_else(|| no_item(id))?;
    let fields = fields_of(json!({ "action": "add", "comment_id": comment.id, "text": text }));
    log(site, actor, EffectOp::Comment, id, fields, true);
    Ok(comment)
}

/// Edits or removes a comment: `text` of `None` removes it.
pub(crate) fn change_comment(
    site: &Site,
    store: &mut Store,
    actor: &Actor,
    id: u32,
    comment: u32,
    text: Option<&str>,
) -> Answer<Comment> {
    let item = seen(store, actor, id)?;
    let at = site.now().max(item.changed_at().saturating_add(1));
    let had = item.comments.iter().position(|had| had.id == comment && !had.deleted);
    let position = had.ok_or_else(|| no_comment(comment))?;
    let text = text.map(|text| {
        if site.options.rewrites_html { site.rewriter.rewrite(text) } else { text.to_owned() }
    });
    let item = store.any_mut(id).ok_or_else(|| no_item(id))?;
    let slot = item.comments.get_mut(position).ok_or_else(|| no_comment(comment))?;
    match &text {
        Some(text) => slot.text.clone_from(text),
        None => slot.deleted = true,
    }
    slot.version = slot.version.saturating_add(1);
    slot.modified_at = at;
    slot.modified_by = actor.who;
    let changed = slot.clone();
    let mut draft = Draft::default();
    draft.set(f::COMMENT_COUNT, Some(Val::Int(comment_count(item))));
    store.save(id, draft, actor.who, at);
    site.world.clock.reach(at);
    let action = if text.is_some() { "edit" } else { "delete" };
    let fields = fields_of(json!({ "action": action, "comment_id": comment, "text": text }));
    log(site, actor, EffectOp::Comment, id, fields, true);
    Ok(changed)
}

fn no_comment(id: u32) -> super::errors::ApiError {
    super::errors::ApiError::new(
        404,
        "CommentNotFoundException",
        format!("VS404001: The comment {id} does not exist."),
    )
}

/// Puts an item into the recycle bin, or removes it for good.
pub(crate) fn delete(
    site: &Site,
    store: &mut Store,
    actor: &Actor,
    id: u32,
    destroy: bool,
) -> Answer<Value> {
    let item = seen(store, actor, id)?;
    let at = site.now().max(item.changed_at().saturating_add(1));
    store.set_deleted(id, Some(Deleted { at, by: actor.who }), actor.who, at);
    site.world.clock.reach(at);
    let shown = store.any(id).map(|item| deleted(site, store, item)).ok_or_else(|| no_item(id))?;
    if destroy {
        self::destroy(store, id);
    }
    log(site, actor, EffectOp::Delete, id, fields_of(json!({ "destroy": destroy })), true);
    Ok(shown)
}

/// Removes an item for good, its links included.
pub(crate) fn destroy(store: &mut Store, id: u32) -> bool {
    let Some(item) = store.destroy(id) else { return false };
    item.relations.iter().for_each(|link| store.mirror(id, link, false));
    true
}

/// Takes an item out of the recycle bin.
pub(crate) fn restore(site: &Site, store: &mut Store, actor: &Actor, id: u32) -> Answer<Value> {
    let binned =
        store.any(id).filter(|item| item.deleted.is_some() && !store.forbidden.contains(&id));
    let item = binned.ok_or_else(|| no_item(id))?;
    let at = site.now().max(item.changed_at().saturating_add(1));
    store.set_deleted(id, None, actor.who, at);
    site.world.clock.reach(at);
    log(site, actor, EffectOp::Update, id, fields_of(json!({ "isDeleted": false })), true);
    store.any(id).map(|item| deleted(site, store, item)).ok_or_else(|| no_item(id))
}

/// An item of the recycle bin as the API shows it.
pub(crate) fn deleted(site: &Site, store: &Store, item: &Item) -> Value {
    let gone = item.deleted.unwrap_or(Deleted { at: item.changed_at(), by: SERVICE });
    let by = site.people.get(gone.by).map(|person| person.long_name());
    json!({
        "id": item.id,
        "code": 200,
        "type": item.text(f::TYPE),
        "name": item.text(f::TITLE),
        "project": site.options.project,
        "deletedDate": crate::shared::text::short_iso(gone.at),
        "deletedBy": by,
        "url": format!("{}/_apis/wit/recyclebin/{}", site.collection, item.id),
        "resource": present::item(site, store, item, &Show::all()),
    })
}

fn fields_of(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Writes an effect down.
pub(crate) fn log(
    site: &Site,
    actor: &Actor,
    op: EffectOp,
    id: u32,
    fields: Map<String, Value>,
    changed: bool,
) {
    let by = site.people.get(actor.who).map(|person| person.mail.clone()).unwrap_or_default();
    let item_id = if id == 0 { String::new() } else { id.to_string() };
    site.world.effect(NewEffect { op, item_id, fields, changed, by, source: actor.source });
}
