//! Values from one field type to another: what a direct rule does, and what every rule ends with.

use serde_json::{Number, Value};
use syncline_domain::{FieldSchema, FieldType, Identity, TextFormat};

use crate::transform::{Table, html, markdown, read_date};

/// Between the parts of a list that becomes one text.
const LIST_SEPARATOR: &str = "; ";

/// `value`, which reads as `from`, as a field with schema `to` holds it. `null` stays `null`.
///
/// # Errors
/// Why the value has no such form, and what to do.
pub(crate) fn convert(value: Value, from: FieldType, to: &FieldSchema) -> Result<Value, String> {
    match (value, to.is_multiple) {
        (Value::Null, _) => Ok(Value::Null),
        (Value::Array(parts), true) if to.field_type != FieldType::Array => parts
            .into_iter()
            .map(|part| one(part, from, to))
            .collect::<Result<Vec<_>, _>>()
            .map(Value::Array),
        (value, true) if to.field_type != FieldType::Array => {
            one(value, from, to).map(|part| Value::Array(vec![part]))
        }
        (value, _) => one(value, from, to),
    }
}

fn one(value: Value, from: FieldType, to: &FieldSchema) -> Result<Value, String> {
    match to.field_type {
        FieldType::String => to_text(&value, from).map(Value::String),
        FieldType::Html => to_html(&value, from).map(Value::String),
        FieldType::Markdown => to_markdown(&value, from).map(Value::String),
        FieldType::Int => to_int(&value),
        FieldType::Double => to_number(&value),
        FieldType::DateTime => to_date(&value),
        FieldType::Boolean => to_boolean(&value).map(Value::Bool),
        FieldType::Identity => to_identity(&value),
        FieldType::Picklist => to_word(&value, from).map(Value::String),
        FieldType::Array => to_list(value, from),
    }
}

/// The one text of a scalar or a person; `None` for lists, other objects and `null`.
pub(crate) fn plain_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number_text(number)),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Object(_) => {
            let who = Identity::from_value(value)?;
            [who.name, who.email, who.login, who.id]
                .into_iter()
                .flatten()
                .find(|text| !text.trim().is_empty())
        }
        Value::Null | Value::Array(_) => None,
    }
}

/// What a value is, for messages.
pub(crate) fn what_is(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A value for a message: short, and on one line.
pub(crate) fn shown(value: &Value) -> String {
    const MOST: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

/// A list as one text: its parts with `separator` between them; parts without a value are left out.
pub(crate) fn joined(parts: &[Value], separator: &str) -> Result<String, String> {
    let mut texts = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Value::Null => {}
            Value::Array(inner) => texts.push(joined_scalars(inner)?),
            other => texts.push(
                plain_text(other).ok_or_else(|| format!("{} has no text form", shown(other)))?,
            ),
        }
    }
    Ok(texts.join(separator))
}

fn joined_scalars(parts: &[Value]) -> Result<String, String> {
    let texts: Option<Vec<String>> = parts.iter().map(plain_text).collect();
    texts
        .map(|texts| texts.join(LIST_SEPARATOR))
        .ok_or_else(|| "a list inside a list has no text form".to_owned())
}

/// The text of a scalar, a person or a list, markup untouched.
pub(crate) fn text_as_is(value: &Value) -> Result<String, String> {
    match value {
        Value::Array(parts) => joined(parts, LIST_SEPARATOR),
        other => plain_text(other)
            .ok_or_else(|| format!("{} has no text form; map one of its parts", shown(other))),
    }
}

/// A text in another format. What plain text holds stays as it is in Markdown.
///
/// # Errors
/// Why it cannot be read: it is too large, or its elements are nested too deeply.
pub fn convert_text(text: &str, from: TextFormat, to: TextFormat) -> Result<String, String> {
    match (from, to) {
        (TextFormat::Html, TextFormat::Text) => html::to_text(text),
        (TextFormat::Html, TextFormat::Markdown) => markdown::from_html(text),
        (TextFormat::Markdown, TextFormat::Text) => markdown::to_text(text),
        (TextFormat::Markdown, TextFormat::Html) => markdown::to_html(text),
        (TextFormat::Text, TextFormat::Html) => Ok(html::from_text(text)),
        _ => Ok(text.to_owned()),
    }
}

fn to_text(value: &Value, from: FieldType) -> Result<String, String> {
    let text = text_as_is(value)?;
    if from == FieldType::Html && value.is_string() { html::to_text(&text) } else { Ok(text) }
}

fn to_html(value: &Value, from: FieldType) -> Result<String, String> {
    let text = text_as_is(value)?;
    match from {
        FieldType::Html => Ok(text),
        FieldType::Markdown => markdown::to_html(&text),
        _ => Ok(html::from_text(&text)),
    }
}

fn to_markdown(value: &Value, from: FieldType) -> Result<String, String> {
    let text = text_as_is(value)?;
    if from == FieldType::Html && value.is_string() { markdown::from_html(&text) } else { Ok(text) }
}

fn to_word(value: &Value, from: FieldType) -> Result<String, String> {
    match value {
        Value::Array(parts) => match parts.as_slice() {
            [only] => to_word(only, from),
            _ => Err(format!(
                "{} values do not fit a field that takes one; choose one with a transformation",
                parts.len()
            )),
        },
        _ => to_text(value, from).map(|text| text.trim().to_owned()),
    }
}

fn to_list(value: Value, from: FieldType) -> Result<Value, String> {
    let parts = match value {
        Value::Array(parts) => parts,
        // Words of a list may well have commas; only running text is taken apart.
        Value::String(text) if from == FieldType::String => {
            let separator = if text.contains(';') { ';' } else { ',' };
            text.split(separator)
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(|part| Value::String(part.to_owned()))
                .collect()
        }
        other => vec![Value::String(to_text(&other, from)?)],
    };
    let mut words = Vec::with_capacity(parts.len());
    for part in parts {
        match plain_text(&part) {
            Some(word) => words.push(Value::String(word)),
            None if part.is_null() => {}
            None => return Err(format!("{} is no word of a list", shown(&part))),
        }
    }
    Ok(Value::Array(words))
}

/// A decimal number: digits with at most one point and a sign. No exponents, no other bases, no separators.
pub(crate) fn parse_decimal(text: &str) -> Option<Number> {
    const MOST: usize = 64;
    let text = text.trim();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if text.len() > MOST
        || fraction.is_empty()
        || (whole.is_empty() && !digits.starts_with('.'))
        || !all_digits(whole)
        || !all_digits(fraction)
    {
        return None;
    }
    let unsigned_plus = text.strip_prefix('+').unwrap_or(text);
    if let Ok(int) = unsigned_plus.parse::<i64>() {
        return Some(Number::from(int));
    }
    unsigned_plus.parse::<f64>().ok().and_then(Number::from_f64)
}

fn to_number(value: &Value) -> Result<Value, String> {
    match value {
        Value::Number(_) => Ok(value.clone()),
        Value::Bool(flag) => Ok(Value::from(u8::from(*flag))),
        Value::String(text) if text.trim().is_empty() => Ok(Value::Null),
        Value::String(text) => parse_decimal(text)
            .map(Value::Number)
            .ok_or_else(|| format!("{} is no decimal number", shown(value))),
        other => Err(format!("{} is no number", shown(other))),
    }
}

fn to_int(value: &Value) -> Result<Value, String> {
    let number = to_number(value)?;
    let whole = match &number {
        Value::Null => return Ok(Value::Null),
        Value::Number(n) if n.is_i64() || n.is_u64() => return Ok(number),
        Value::Number(n) => n.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 9e15),
        _ => None,
    };
    whole
        .and_then(|n| parse_decimal(&format!("{n:.0}")))
        .map(Value::Number)
        .ok_or_else(|| format!("{} is no whole number; round it first", shown(value)))
}

fn to_date(value: &Value) -> Result<Value, String> {
    match value {
        Value::String(text) if text.trim().is_empty() => Ok(Value::Null),
        Value::String(text) => {
            read_date(text).map(|date| Value::String(date.to_string())).map_err(|_| {
                format!(
                    "{} is no ISO-8601 date; read it with the transformation parseDate",
                    shown(value)
                )
            })
        }
        other => {
            Err(format!("{} is no date; read it with the transformation parseDate", shown(other)))
        }
    }
}

/// True or false, as people and trackers write it.
pub(crate) fn to_boolean(value: &Value) -> Result<bool, String> {
    let known = match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => match number.as_f64() {
            Some(1.0) => Some(true),
            Some(0.0) => Some(false),
            _ => None,
        },
        Value::String(text) => match text.trim().to_lowercase().as_str() {
            "true" | "yes" | "y" | "on" | "1" => Some(true),
            "false" | "no" | "n" | "off" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    };
    known.ok_or_else(|| format!("{} is neither true nor false; use a value map", shown(value)))
}

fn to_identity(value: &Value) -> Result<Value, String> {
    match value {
        Value::String(text) if text.trim().is_empty() => Ok(Value::Null),
        Value::Array(parts) => match parts.as_slice() {
            [] => Ok(Value::Null),
            [only] => to_identity(only),
            _ => Err(format!("{} people do not fit a field that takes one", parts.len())),
        },
        _ => Identity::from_value(value)
            .filter(|who| who.key().is_some())
            .map(|who| who.to_value())
            .ok_or_else(|| format!("{} names no person", shown(value))),
    }
}

fn number_text(number: &Number) -> String {
    let whole = number
        .as_f64()
        .filter(|n| !number.is_i64() && !number.is_u64() && n.fract() == 0.0 && n.abs() < 9e15);
    whole.map_or_else(|| number.to_string(), |n| format!("{n:.0}"))
}

/// Looks a value up in a table; the rule `value_map`.
pub(crate) fn by_table(value: &Value, table: &Table) -> Result<Value, String> {
    match value {
        Value::Null => Ok(Value::Null),
        other => table.look_up(other),
    }
}
