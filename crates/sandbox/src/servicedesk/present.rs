//! From requests to the JSON of the API.

use chrono::DateTime;
use serde_json::{Map, Value, json};

use super::fields as f;
use super::lookups;
use super::model::{Attachment, Note, Ticket};
use super::schema::{self, FIELDS, Field, Kind};
use super::site::Site;
use crate::shared::json::put;
use crate::shared::record::Val;

/// A field path of criteria, such as `status.name` or `udf_fields.udf_char1`.
#[derive(Clone, Debug)]
pub(crate) enum Look {
    Id,
    DisplayId,
    IsService,
    Trashed,
    Field(&'static Field, String),
}

impl Look {
    /// Reads a path; `None` when there is no such field or it cannot be searched.
    pub(crate) fn read(path: &str) -> Option<Self> {
        let path = path.strip_prefix("udf_fields.").unwrap_or(path);
        let (key, part) = path.split_once('.').unwrap_or((path, ""));
        match key {
            "id" => Some(Self::Id),
            "display_id" => Some(Self::DisplayId),
            "is_service_request" => Some(Self::IsService),
            "is_trashed" => Some(Self::Trashed),
            _ => {
                let field =
                    schema::find(key).filter(|field| super::criteria::searchable(field.kind))?;
                Some(Self::Field(field, part.to_owned()))
            }
        }
    }

    /// Whether the path is the time of the last change.
    pub(crate) fn is_last_updated(&self) -> bool {
        matches!(self, Self::Field(field, _) if field.no == f::LAST_UPDATED_TIME)
    }
}

/// What a request has at a path, as texts that criteria compare: a lookup has id and name.
pub(crate) fn texts_at(site: &Site, ticket: &Ticket, look: &Look) -> Vec<String> {
    let (field, part) = match look {
        Look::Id => return vec![site.request_id(ticket.no)],
        Look::DisplayId => return vec![ticket.no.to_string()],
        Look::IsService => return vec![lookups::is_service(ticket.template()).to_string()],
        Look::Trashed => return vec![ticket.trashed.is_some().to_string()],
        Look::Field(field, part) => (field, part.as_str()),
    };
    let Some(val) = ticket.fields.get(field.no) else { return Vec::new() };
    match (val, field.kind) {
        (Val::Bool(yes), _) => vec![yes.to_string()],
        (Val::Int(number) | Val::Time(number), _) => vec![number.to_string()],
        (Val::Num(number), _) => vec![number.to_string()],
        (Val::Text(text), _) => vec![text.to_string()],
        (Val::Ref(no), Kind::Who) => person_texts(site, *no, part),
        (Val::Ref(no), Kind::Lookup(table)) => match part {
            "id" => vec![table.id(site.options.flavour, *no)],
            "name" => vec![table.name(*no).to_owned()],
            "internal_name" | "in_progress" => {
                let shown = table.shown(site.options.flavour, *no);
                shown
                    .get(part)
                    .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                    .into_iter()
                    .collect()
            }
            _ => vec![table.name(*no).to_owned(), table.id(site.options.flavour, *no)],
        },
        (Val::Ref(_), _) => Vec::new(),
    }
}

fn person_texts(site: &Site, no: u32, part: &str) -> Vec<String> {
    let Some(person) = site.people.get(no) else { return Vec::new() };
    match part {
        "id" => vec![site.user_id(no)],
        "name" => vec![person.name.clone()],
        "email_id" => vec![person.mail.clone()],
        _ => vec![person.name.clone(), person.mail.clone(), site.user_id(no)],
    }
}

/// The name behind a reference, in small letters, for sorting.
pub(crate) fn ref_name(site: &Site, field: &Field, no: u32) -> String {
    match field.kind {
        Kind::Lookup(table) => table.name(no).to_lowercase(),
        _ => site.people.get(no).map(|person| person.name.to_lowercase()).unwrap_or_default(),
    }
}

/// An instant: milliseconds as text, and something for people.
pub(crate) fn time(ms: i64) -> Value {
    let at = DateTime::from_timestamp_millis(ms).unwrap_or(DateTime::UNIX_EPOCH);
    json!({ "display_value": at.format("%b %d, %Y %I:%M %p").to_string(), "value": ms.to_string() })
}

/// A person.
pub(crate) fn user(site: &Site, no: u32) -> Value {
    let Some(person) = site.people.get(no) else { return Value::Null };
    json!({
        "id": site.user_id(no),
        "name": person.name,
        "email_id": person.mail,
        "is_vipuser": false,
        "is_technician": person.technician,
        "phone": null,
        "mobile": null,
    })
}

/// A field's value.
fn value(site: &Site, field: &Field, val: &Val) -> Value {
    match (val, field.kind) {
        (Val::Bool(yes), _) => json!(yes),
        (Val::Int(number), _) => json!(number),
        (Val::Num(number), _) => json!(number),
        (Val::Text(html), _) if field.no == f::RESOLUTION => json!({ "content": html.as_ref() }),
        (Val::Text(text), _) => json!(text.as_ref()),
        (Val::Time(ms), _) => time(*ms),
        (Val::Ref(no), Kind::Lookup(table)) => table.shown(site.options.flavour, *no),
        (Val::Ref(no), _) => user(site, *no),
    }
}

/// What a caller of a list asked to see: field keys, or the usual row.
pub(crate) enum Columns {
    Usual,
    Named(Vec<String>),
    All,
}

impl Columns {
    fn wants(&self, field: &Field) -> bool {
        match self {
            Self::All => true,
            Self::Usual => field.in_rows,
            Self::Named(keys) if field.is_udf() => keys.iter().any(|key| {
                key == "udf_fields" || key.strip_prefix("udf_fields.").unwrap_or(key) == field.key
            }),
            Self::Named(keys) => keys.iter().any(|key| key.split('.').next() == Some(field.key)),
        }
    }

    fn names(&self, key: &str) -> bool {
        match self {
            Self::All | Self::Usual => true,
            Self::Named(keys) => keys.iter().any(|had| had == key),
        }
    }
}

/// A request: whole, or the columns of a list row.
pub(crate) fn request(site: &Site, ticket: &Ticket, columns: &Columns) -> Value {
    let mut out = Map::new();
    out.insert("id".into(), json!(site.request_id(ticket.no)));
    let mut udf = Map::new();
    for field in FIELDS.iter().filter(|field| columns.wants(field)) {
        let shown = ticket.fields.get(field.no).map_or(Value::Null, |val| value(site, field, val));
        match (field.is_udf(), field.no) {
            (true, _) => udf.insert(field.key.to_owned(), shown),
            (false, f::CLOSURE_CODE | f::CLOSURE_COMMENTS) => None,
            (false, _) => out.insert(field.key.to_owned(), shown),
        };
    }
    if !udf.is_empty() {
        out.insert("udf_fields".into(), Value::Object(udf));
    }
    if columns.names("display_id") {
        out.insert("display_id".into(), json!(ticket.no.to_string()));
    }
    if columns.names("is_service_request") {
        out.insert("is_service_request".into(), json!(lookups::is_service(ticket.template())));
    }
    if columns.names("has_notes") {
        out.insert("has_notes".into(), json!(!ticket.notes.is_empty()));
    }
    if matches!(columns, Columns::All) {
        whole(site, ticket, &mut out);
    }
    Value::Object(out)
}

/// What only the single read carries.
fn whole(site: &Site, ticket: &Ticket, out: &mut Map<String, Value>) {
    out.insert("is_trashed".into(), json!(ticket.trashed.is_some()));
    out.insert("deleted_time".into(), ticket.trashed.map_or(Value::Null, time));
    out.insert("has_attachments".into(), json!(!ticket.attachments.is_empty()));
    out.insert(
        "attachments".into(),
        ticket.attachments.iter().map(|file| attachment(site, ticket.no, file)).collect(),
    );
    out.insert("has_linked_requests".into(), json!(!ticket.links.is_empty()));
    let code = schema::by_no(f::CLOSURE_CODE).zip(ticket.fields.get(f::CLOSURE_CODE));
    out.insert(
        "closure_info".into(),
        json!({
            "closure_code": code.map(|(field, val)| value(site, field, val)),
            "closure_comments": ticket.fields.get(f::CLOSURE_COMMENTS).and_then(Val::as_text),
        }),
    );
}

/// A note.
pub(crate) fn note(site: &Site, ticket: u32, note: &Note) -> Value {
    let mut out = json!({
        "id": site.part_id(note.no),
        "description": note.html,
        "show_to_requester": note.public,
        "request": { "id": site.request_id(ticket) },
    });
    put(&mut out, "added_by", user(site, note.by));
    put(&mut out, "added_time", time(note.at));
    let (by, at) =
        note.changed.map_or((Value::Null, Value::Null), |(by, at)| (user(site, by), time(at)));
    put(&mut out, "last_updated_by", by);
    put(&mut out, "last_updated_time", at);
    out
}

/// A file.
pub(crate) fn attachment(site: &Site, ticket: u32, file: &Attachment) -> Value {
    let url = format!(
        "/api/v3/requests/{}/attachments/{}/download",
        site.request_id(ticket),
        site.part_id(file.no)
    );
    json!({
        "id": site.part_id(file.no),
        "name": file.name,
        "content_type": file.content_type,
        "size": { "display_value": format!("{} bytes", file.body.len()), "value": file.body.len().to_string() },
        "attached_by": user(site, file.by),
        "attached_on": time(file.at),
        "content_url": url,
    })
}
