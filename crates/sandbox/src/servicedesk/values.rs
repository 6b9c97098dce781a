//! From the JSON that callers send to field values.

use serde_json::{Map, Value};

use super::answers::{Answer, invalid};
use super::lookups::Table;
use super::schema::{self, Field, Kind};
use super::site::Site;
use crate::shared::record::Val;

/// The longest subject.
const SUBJECT: usize = 250;

/// New values of fields; `None` clears.
pub(crate) type Changes = Vec<(u16, Option<Val>)>;

/// Keys that are taken and not kept.
const IGNORED: &[&str] = &[
    "email_ids_to_notify",
    "notify_status",
    "onhold_scheduler",
    "is_fcr",
    "delete_pre_template_tasks",
];

/// Reads the entity of a create or an update.
pub(crate) fn changes(site: &Site, sent: &Map<String, Value>) -> Answer<Changes> {
    let mut changes = Changes::new();
    for (key, value) in sent {
        match key.as_str() {
            "udf_fields" => udf(site, value, &mut changes)?,
            "resolution" => changes.push((super::fields::RESOLUTION, resolution(value)?)),
            "closure_info" => closure(site, value, &mut changes)?,
            ignored if IGNORED.contains(&ignored) => {}
            name => {
                let field = schema::find(name).filter(|field| !field.is_udf());
                let field = field.ok_or_else(|| invalid(name, "Extra parameter found"))?;
                changes.push((field.no, writable(site, field, value)?));
            }
        }
    }
    Ok(changes)
}

fn udf(site: &Site, value: &Value, changes: &mut Changes) -> Answer<()> {
    let map = value.as_object().ok_or_else(|| invalid("udf_fields", "Invalid Input"))?;
    for (key, value) in map {
        let field = schema::find(key).filter(|field| field.is_udf());
        let field =
            field.ok_or_else(|| invalid(&format!("udf_fields.{key}"), "Extra parameter found"))?;
        changes.push((field.no, writable(site, field, value)?));
    }
    Ok(())
}

/// `{"content": html}`, or `null` to clear.
fn resolution(value: &Value) -> Answer<Option<Val>> {
    match value.get("content").unwrap_or(value) {
        Value::Null => Ok(None),
        Value::String(html) => Ok(Some(Val::text(html)).filter(|_| !html.is_empty())),
        _ => Err(invalid("resolution", "Invalid Input")),
    }
}

fn closure(site: &Site, value: &Value, changes: &mut Changes) -> Answer<()> {
    for key in ["closure_code", "closure_comments"] {
        if let (Some(value), Some(field)) = (value.get(key), schema::find(key)) {
            changes.push((field.no, read(site, field, value)?));
        }
    }
    Ok(())
}

fn writable(site: &Site, field: &Field, value: &Value) -> Answer<Option<Val>> {
    if field.read_only {
        return Err(invalid(field.key, "This field cannot be written"));
    }
    read(site, field, value)
}

/// Reads one value; `null` clears.
pub(crate) fn read(site: &Site, field: &Field, value: &Value) -> Answer<Option<Val>> {
    if value.is_null() {
        return Ok(None);
    }
    let bad = || invalid(field.key, "Invalid Input");
    let val = match field.kind {
        Kind::Text => {
            let text = value.as_str().ok_or_else(bad)?;
            if text.chars().count() > SUBJECT || text.contains('\n') {
                return Err(invalid(field.key, "The value is too long or has several lines"));
            }
            if text.trim().is_empty() {
                return Ok(None);
            }
            Val::text(text)
        }
        Kind::Html => match value.as_str().ok_or_else(bad)? {
            "" => return Ok(None),
            html => Val::text(html),
        },
        Kind::Int => {
            Val::Int(value.as_i64().or_else(|| value.as_str()?.parse().ok()).ok_or_else(bad)?)
        }
        Kind::Bool => {
            Val::Bool(value.as_bool().or_else(|| value.as_str()?.parse().ok()).ok_or_else(bad)?)
        }
        Kind::Time => match instant(value) {
            Some(Value::Null) => return Ok(None),
            Some(ms) => {
                Val::Time(ms.as_i64().or_else(|| ms.as_str()?.parse().ok()).ok_or_else(bad)?)
            }
            None => return Err(bad()),
        },
        Kind::Who => Val::Ref(person(site, value).ok_or_else(bad)?),
        Kind::Lookup(table) => Val::Ref(lookup(site, table, value).ok_or_else(bad)?),
    };
    Ok(Some(val))
}

/// Instants come wrapped: `{"value": "1700000000000"}`.
fn instant(value: &Value) -> Option<&Value> {
    value.get("value")
}

/// The id wins over mail and name.
fn person(site: &Site, value: &Value) -> Option<u32> {
    let word = |key: &str| value.get(key).and_then(Value::as_str);
    match (word("id"), word("email_id"), word("name")) {
        (Some(id), _, _) => site.user_no(id),
        (None, Some(mail), _) => site.people.find(mail),
        (None, None, Some(name)) => site.people.find(name),
        _ => None,
    }
}

fn lookup(site: &Site, table: Table, value: &Value) -> Option<u32> {
    let id = value.get("id").map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
    match (id, value.get("name").and_then(Value::as_str)) {
        (Some(id), _) => table.by_id(site.options.flavour, &id),
        (None, Some(name)) => table.by_name(name),
        _ => None,
    }
}
