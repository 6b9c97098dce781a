//! Lookups, people, templates and the description of a request's fields.

use serde_json::{Map, Value, json};

use super::Cx;
use crate::servicedesk::answers::{self, Answer, not_found};
use crate::servicedesk::lookups::{self, Table};
use crate::servicedesk::present;
use crate::servicedesk::schema::{self, FIELDS, Field, Kind};
use crate::servicedesk::{input, listing};
use crate::shared::http::Reply;
use crate::shared::json::put;

pub(crate) fn read(cx: &Cx<'_>, path: &str, more: &[&str]) -> Answer<Reply> {
    let asked = input::asked(cx.request)?;
    if let Some(technicians) = match path {
        "users" => Some(false),
        "technicians" => Some(true),
        _ => None,
    } {
        return people(cx, path, technicians, more, &asked);
    }
    let table = Table::by_path(path).ok_or_else(not_found)?;
    let flavour = cx.site.options.flavour;
    let row = |no: u32| {
        if table == Table::Template { template(cx, no) } else { table.shown(flavour, no) }
    };
    let numbers = (0u32..).zip(table.names()).map(|(no, _)| no);
    match more {
        [] => listing::plain(cx.site, path, numbers.map(row).collect(), &asked),
        [id] => {
            let no = table.by_id(flavour, id).ok_or_else(not_found)?;
            Ok(answers::one(table.entity(), row(no)))
        }
        _ => Err(not_found()),
    }
}

fn people(
    cx: &Cx<'_>,
    path: &str,
    technicians: bool,
    more: &[&str],
    asked: &Value,
) -> Answer<Reply> {
    match more {
        [] => {
            let wanted = asked.pointer("/list_info/search_fields/email_id").and_then(Value::as_str);
            let fits = |mail: &str| wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(mail));
            let all =
                cx.site.people.iter().filter(|(_, person)| {
                    (!technicians || person.technician) && fits(&person.mail)
                });
            listing::plain(
                cx.site,
                path,
                all.map(|(no, _)| present::user(cx.site, no)).collect(),
                asked,
            )
        }
        [id] => {
            let no = cx.site.user_no(id).ok_or_else(not_found)?;
            Ok(answers::one(path.trim_end_matches('s'), present::user(cx.site, no)))
        }
        _ => Err(not_found()),
    }
}

/// A template with its mandatory fields, section by section as its form shows them.
fn template(cx: &Cx<'_>, no: u32) -> Value {
    let demanded = lookups::mandatory(no);
    let shown = FIELDS.iter().filter(|field| !field.read_only).map(|field| {
        let mandatory = field.key == "subject" || demanded.contains(&field.no);
        json!({ "name": field_path(field), "label": field.label, "mandatory": mandatory })
    });
    let mut out = Table::Template.shown(cx.site.options.flavour, no);
    let sections = json!([{ "name": "Request details", "fields": shown.collect::<Vec<Value>>() }]);
    put(&mut out, "layouts", json!([{ "name": "default", "sections": sections }]));
    out
}

fn field_path(field: &Field) -> String {
    if field.is_udf() { format!("udf_fields.{}", field.key) } else { field.key.to_owned() }
}

/// `_metainfo`: what fields a request has.
pub(crate) fn metainfo() -> Answer<Reply> {
    let mut fields = Map::new();
    let mut udf = Map::new();
    for field in FIELDS {
        let target = if field.is_udf() { &mut udf } else { &mut fields };
        target.insert(field.key.to_owned(), described(field));
    }
    fields.insert(
        "id".into(),
        json!({ "type": "long", "display_name": "Request ID", "read_only": true }),
    );
    fields.insert("udf_fields".into(), json!({ "type": "udf", "fields": udf }));
    Ok(answers::one("metainfo", json!({ "entity": "requests", "fields": fields })))
}

fn described(field: &Field) -> Value {
    let (kind, entity, form) = match field.kind {
        Kind::Text => ("string", None, "Single Line"),
        Kind::Html => ("html", None, "Multi Line"),
        Kind::Int => ("long", None, "Numeric"),
        Kind::Bool => ("boolean", None, "Boolean"),
        Kind::Time => ("datetime", None, "Date/Time"),
        Kind::Who => ("lookup", Some("user"), "Pick List"),
        Kind::Lookup(table) => ("lookup", Some(table.entity()), "Pick List"),
    };
    let mut out = json!({
        "id": (1_000 + u32::from(field.no)).to_string(),
        "display_name": field.label,
        "type": kind,
        "read_only": field.read_only,
        "sortable": schema::SORTABLE.contains(&field.key),
    });
    if let Some(entity) = entity {
        put(&mut out, "lookup_entity", json!(entity));
    }
    if field.is_udf() {
        put(&mut out, "field_type", json!(form));
    }
    if field.kind == Kind::Text {
        put(&mut out, "constraints", json!({ "max_length": 250 }));
    }
    out
}
