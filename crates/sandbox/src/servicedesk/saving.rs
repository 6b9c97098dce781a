//! Creates, updates, closes, deletes: the one place where requests change.

use serde_json::{Map, Value, json};

use super::answers::{Answer, Failure, invalid, mandatory, not_found};
use super::fields as f;
use super::lookups::{self, CLOSED, OPEN, RESOLVED};
use super::model::{Attachment, Desk, Note, Ticket};
use super::schema;
use super::site::Site;
use super::values::{self, Changes};
use crate::shared::effects::{EffectOp, EffectSource, NewEffect};
use crate::shared::people::SERVICE;
use crate::shared::record::{Record, Val};

/// Who acts.
#[derive(Clone, Copy)]
pub(crate) struct Actor {
    pub(crate) who: u32,
    pub(crate) source: EffectSource,
}

impl Actor {
    /// The API's own account.
    pub(crate) fn api() -> Self {
        Self { who: SERVICE, source: EffectSource::Api }
    }

    /// A played person.
    pub(crate) fn person(who: u32) -> Self {
        Self { who, source: EffectSource::Edit }
    }
}

/// The request that an actor may change.
fn seen(desk: &Desk, actor: Actor, no: u32) -> Answer<&Ticket> {
    let found = match actor.source {
        EffectSource::Api => desk.visible(no),
        EffectSource::Edit => desk.any(no),
    };
    found.ok_or_else(not_found)
}

/// Like [`seen`], but nothing in the trash may be changed.
fn alive(desk: &Desk, actor: Actor, no: u32) -> Answer<&Ticket> {
    let ticket = seen(desk, actor, no)?;
    match ticket.trashed {
        None => Ok(ticket),
        Some(_) => Err(invalid("id", "The request is in the trash")),
    }
}

fn moment(site: &Site, ticket: &Ticket) -> i64 {
    let at = site.now().max(ticket.changed.saturating_add(1));
    site.world.clock.reach(at);
    at
}

/// Creates a request and hands its number back.
pub(crate) fn create(
    site: &Site,
    desk: &mut Desk,
    actor: Actor,
    sent: &Map<String, Value>,
) -> Answer<u32> {
    let changes = values::changes(site, sent)?;
    let at = site.now();
    let mut fields = Record::default();
    let defaults = [
        (f::STATUS, Val::Ref(OPEN)),
        (f::TEMPLATE, Val::Ref(0)),
        (f::REQUEST_TYPE, Val::Ref(0)),
        (f::SITE, Val::Ref(0)),
        (f::REQUESTER, Val::Ref(actor.who)),
        (f::CREATED_BY, Val::Ref(actor.who)),
        (f::CREATED_TIME, Val::Time(at)),
    ];
    for (no, val) in defaults {
        fields.put(no, Some(val));
    }
    if !site.options.null_last_updated {
        fields.put(f::LAST_UPDATED_TIME, Some(Val::Time(at)));
    }
    for (no, val) in changes {
        fields.put(no, val);
    }
    let status = fields.get(f::STATUS).and_then(Val::as_ref_no).unwrap_or(OPEN);
    for (no, val) in done_times(status, at) {
        fields.put(no, val);
    }
    let template = fields.get(f::TEMPLATE).and_then(Val::as_ref_no).unwrap_or(0);
    demand(&fields, template)?;
    let no = desk.insert(fields, at);
    log(site, actor, EffectOp::Create, Some(no), sent.clone(), true);
    Ok(no)
}

/// The subject and what the template demands.
fn demand(fields: &Record, template: u32) -> Answer<()> {
    let wanted = [f::SUBJECT].iter().chain(lookups::mandatory(template));
    let missing: Vec<String> = wanted
        .filter(|no| fields.get(**no).is_none())
        .filter_map(|no| schema::by_no(*no))
        .map(|field| field.key.to_owned())
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(mandatory(missing)) }
}

/// The dates that come and go with a status.
fn done_times(status: u32, at: i64) -> Changes {
    let done = lookups::is_done(status);
    let resolved = done && (status == RESOLVED || status == CLOSED);
    vec![
        (f::RESOLVED_TIME, resolved.then_some(Val::Time(at))),
        (f::COMPLETED_TIME, done.then_some(Val::Time(at))),
    ]
}

/// Updates a request: only the sent keys change.
pub(crate) fn update(
    site: &Site,
    desk: &mut Desk,
    actor: Actor,
    no: u32,
    sent: &Map<String, Value>,
) -> Answer<()> {
    let changes = values::changes(site, sent)?;
    apply(site, desk, actor, no, changes, sent)
}

fn apply(
    site: &Site,
    desk: &mut Desk,
    actor: Actor,
    no: u32,
    mut changes: Changes,
    sent: &Map<String, Value>,
) -> Answer<()> {
    let ticket = alive(desk, actor, no)?;
    let at = moment(site, ticket);
    let mut after = ticket.fields.clone();
    for (field, val) in &changes {
        after.put(*field, val.clone());
    }
    let before = ticket.reference(f::STATUS);
    let status = after.get(f::STATUS).and_then(Val::as_ref_no);
    if let Some(status) = status.filter(|status| Some(*status) != before) {
        closure_rules(site, &after, status)?;
        changes.extend(done_times(status, at));
    }
    if after.get(f::STATUS).is_none() {
        return Err(invalid("status", "Invalid Input"));
    }
    demand(&after, after.get(f::TEMPLATE).and_then(Val::as_ref_no).unwrap_or(0))?;
    let changed = changes.iter().any(|(field, val)| ticket.fields.get(*field) != val.as_ref());
    if changed {
        desk.change(no, at, |ticket| {
            for (field, val) in changes {
                ticket.fields.put(field, val);
            }
        });
    }
    log(site, actor, EffectOp::Update, Some(no), sent.clone(), changed);
    Ok(())
}

/// A refused change of status comes with HTTP 200 and a warning.
fn closure_rules(site: &Site, after: &Record, status: u32) -> Answer<()> {
    if status != RESOLVED && status != CLOSED {
        return Ok(());
    }
    let missing =
        |key: &&String| schema::find(key).is_some_and(|field| after.get(field.no).is_none());
    let fields: Vec<String> =
        site.options.closure_required.iter().filter(missing).cloned().collect();
    if fields.is_empty() {
        return Ok(());
    }
    Err(Failure { http: 200, status_code: 3000, code: 4003, fields, message: String::new() })
}

/// Closes a request.
pub(crate) fn close(
    site: &Site,
    desk: &mut Desk,
    actor: Actor,
    no: u32,
    sent: &Map<String, Value>,
) -> Answer<()> {
    if alive(desk, actor, no)?.reference(f::STATUS) == Some(CLOSED) {
        return Err(invalid("", "Request is already closed"));
    }
    let mut changes = values::changes(site, sent)?;
    changes.push((f::STATUS, Some(Val::Ref(CLOSED))));
    let mut sent = sent.clone();
    sent.insert("status".into(), json!({ "name": "Closed" }));
    apply(site, desk, actor, no, changes, &sent)
}

/// Puts a request into the trash, or takes it out again.
pub(crate) fn trash(site: &Site, desk: &mut Desk, actor: Actor, no: u32, into: bool) -> Answer<()> {
    let ticket = seen(desk, actor, no)?;
    if ticket.trashed.is_some() == into {
        return Err(invalid(
            "id",
            if into { "The request is in the trash" } else { "The request is not in the trash" },
        ));
    }
    let at = moment(site, ticket);
    desk.change(no, at, |ticket| ticket.trashed = into.then_some(at));
    let (op, key) = if into { (EffectOp::Delete, "trash") } else { (EffectOp::Update, "restore") };
    log(site, actor, op, Some(no), fields_of(json!({ key: true })), true);
    Ok(())
}

/// Removes a request for good.
pub(crate) fn destroy(site: &Site, desk: &mut Desk, actor: Actor, no: u32) -> Answer<()> {
    seen(desk, actor, no)?;
    desk.destroy(no);
    log(site, actor, EffectOp::Delete, Some(no), fields_of(json!({ "destroy": true })), true);
    Ok(())
}

/// Adds a note.
pub(crate) fn add_note(
    site: &Site,
    desk: &mut Desk,
    actor: Actor,
    no: u32,
    html: &str,
    public: bool,
) -> Answer<Note> {
    let at = moment(site, alive(desk, actor, no)?);
    let note = Note {
        no: desk.next_part(),
        html: html.to_owned(),
        public,
        by: actor.who,
        at,
        changed: None,
    };
    desk.change(no, at, |ticket| ticket.notes.push(note.clone()));
    let fields = json!({ "action": "add", "note_id": site.part_id(note.no), "text": html, "show_to_requester": public });
    log(site, actor, EffectOp::Comment, Some(no), fields_of(fields), true);
    Ok(note)
}

/// Edits a note, or removes it: `html` of `None`.
pub(crate) fn change_note(
    site: &Site,
    desk: &mut Desk,
    actor: Actor,
    no: u32,
    note: &str,
    html: Option<&str>,
) -> Answer<Option<Note>> {
    let ticket = alive(desk, actor, no)?;
    let at = moment(site, ticket);
    let position =
        ticket.notes.iter().position(|had| site.part_id(had.no) == note).ok_or_else(not_found)?;
    let mut changed = None;
    desk.change(no, at, |ticket| match html {
        None => {
            ticket.notes.remove(position);
        }
        Some(html) => {
            if let Some(note) = ticket.notes.get_mut(position) {
                html.clone_into(&mut note.html);
                note.changed = Some((actor.who, at));
                changed = Some(note.clone());
            }
        }
    });
    let action = if html.is_some() { "edit" } else { "delete" };
    let fields = json!({ "action": action, "note_id": note, "text": html });
    log(site, actor, EffectOp::Comment, Some(no), fields_of(fields), true);
    Ok(changed)
}

/// Stores a file.
pub(crate) fn attach(
    site: &Site,
    desk: &mut Desk,
    actor: Actor,
    no: u32,
    name: String,
    content_type: String,
    body: bytes::Bytes,
) -> Answer<Attachment> {
    let at = moment(site, alive(desk, actor, no)?);
    let file = Attachment { no: desk.next_part(), name, content_type, body, by: actor.who, at };
    desk.change(no, at, |ticket| ticket.attachments.push(file.clone()));
    let fields = json!({ "action": "add", "attachment_id": site.part_id(file.no), "name": file.name, "size": file.body.len() });
    log(site, actor, EffectOp::Attachment, Some(no), fields_of(fields), true);
    Ok(file)
}

/// Removes a file.
pub(crate) fn detach(
    site: &Site,
    desk: &mut Desk,
    actor: Actor,
    no: u32,
    file: &str,
) -> Answer<()> {
    let ticket = alive(desk, actor, no)?;
    let at = moment(site, ticket);
    let position = ticket
        .attachments
        .iter()
        .position(|had| site.part_id(had.no) == file)
        .ok_or_else(not_found)?;
    desk.change(no, at, |ticket| {
        ticket.attachments.remove(position);
    });
    let fields = json!({ "action": "delete", "attachment_id": file });
    log(site, actor, EffectOp::Attachment, Some(no), fields_of(fields), true);
    Ok(())
}

/// Links or unlinks requests.
pub(crate) fn link(
    site: &Site,
    desk: &mut Desk,
    actor: Actor,
    no: u32,
    others: &[(u32, String)],
    add: bool,
) -> Answer<()> {
    let at = moment(site, alive(desk, actor, no)?);
    for (other, _) in others {
        if *other == no || alive(desk, actor, *other).is_err() {
            return Err(invalid("linked_request", "Invalid Input"));
        }
    }
    for (other, comment) in others {
        for (a, b) in [(no, *other), (*other, no)] {
            desk.change(a, at, |ticket| {
                if add {
                    ticket.links.insert(b, comment.clone());
                } else {
                    ticket.links.remove(&b);
                }
            });
        }
    }
    let ids: Vec<String> = others.iter().map(|(other, _)| site.request_id(*other)).collect();
    let key = if add { "link" } else { "unlink" };
    log(site, actor, EffectOp::Update, Some(no), fields_of(json!({ key: ids })), true);
    Ok(())
}

fn fields_of(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn log(
    site: &Site,
    actor: Actor,
    op: EffectOp,
    no: Option<u32>,
    fields: Map<String, Value>,
    changed: bool,
) {
    let by = site.people.get(actor.who).map(|person| person.mail.clone()).unwrap_or_default();
    let item_id = no.map(|no| site.request_id(no)).unwrap_or_default();
    site.world.effect(NewEffect { op, item_id, fields, changed, by, source: actor.source });
}
