//! What the tracker would refuse anyway, refused before it is asked.

use serde_json::Value;
use syncline_domain::{FieldSchema, FieldType, StatusSchema};

use crate::convert::{plain_text, shown};
use crate::status;

/// Refuses values outside the list, text beyond the limit, unknown statuses.
pub(crate) fn preflight(
    value: Value,
    target: &FieldSchema,
    statuses: &[StatusSchema],
) -> Result<Value, String> {
    if value.is_null() {
        return Ok(value);
    }
    if target.is_status {
        return known_status(value, statuses);
    }
    let value = allowed(value, target)?;
    if let (Some(most), Value::String(text)) = (target.max_length, &value) {
        let length = text.chars().count();
        if usize::try_from(most).is_ok_and(|most| length > most) {
            return Err(format!(
                "{} takes {most} characters and the value has {length}; add the transformation truncate",
                target.name
            ));
        }
    }
    Ok(value)
}

fn known_status(value: Value, statuses: &[StatusSchema]) -> Result<Value, String> {
    let text = plain_text(&value).unwrap_or_default();
    if statuses.is_empty() {
        return Ok(Value::String(text));
    }
    let wanted = status::key(&text);
    statuses
        .iter()
        .find(|known| status::key(&known.value) == wanted)
        .or_else(|| statuses.iter().find(|known| status::key(&known.name) == wanted))
        .map(|known| Value::String(known.value.clone()))
        .ok_or_else(|| {
            let names: Vec<&str> = statuses.iter().map(|known| known.value.as_str()).collect();
            format!(
                "{text:?} is no status there; use one of {}, or add status mappings",
                names.join(", ")
            )
        })
}

fn allowed(value: Value, target: &FieldSchema) -> Result<Value, String> {
    if target.allowed_values.is_empty() {
        return Ok(value);
    }
    match value {
        Value::Array(parts) => parts
            .into_iter()
            .map(|part| allowed(part, target))
            .collect::<Result<Vec<_>, _>>()
            .map(Value::Array),
        Value::Object(_) | Value::Null => Ok(value),
        scalar => allowed_one(scalar, target),
    }
}

fn allowed_one(value: Value, target: &FieldSchema) -> Result<Value, String> {
    let text = plain_text(&value).unwrap_or_default();
    if text.is_empty() || target.allowed_values.contains(&text) {
        return Ok(value);
    }
    let folded = text.trim().to_lowercase();
    let spelled = target.allowed_values.iter().find(|known| known.trim().to_lowercase() == folded);
    match spelled {
        Some(known) if value.is_string() => Ok(Value::String(known.clone())),
        Some(_) => Ok(value),
        None => Err(format!(
            "{} does not take {}; use one of {}",
            target.name,
            shown(&value),
            listed(&target.allowed_values)
        )),
    }
}

pub(crate) fn listed(values: &[String]) -> String {
    const MOST: usize = 20;
    let mut text = values.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join(", ");
    if values.len() > MOST {
        text.push_str(&format!(" and {} more", values.len() - MOST));
    }
    text
}

/// Values written by the person who made the rule are taken as they are, markup included.
pub(crate) const fn as_it_is(target: &FieldSchema) -> FieldType {
    match target.field_type {
        kind @ (FieldType::Html | FieldType::Markdown) => kind,
        _ => FieldType::String,
    }
}
