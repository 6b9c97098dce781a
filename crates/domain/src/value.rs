//! Field values: JSON in a canonical form, so that two values are compared once and for all in one place.
//!
//! Canonical forms by field type: text with `\n` line ends; numbers as numbers; instants as RFC 3339 UTC with
//! milliseconds, dates as `YYYY-MM-DD`; people as [`Identity`] objects; sets as sorted arrays without repeats.

use ring::digest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{FieldType, Timestamp};

/// A person, as far as a tracker tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The tracker's id of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The name shown to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The name typed to sign in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
}

impl Identity {
    /// A person of whom only the shown name is known.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..Self::default() }
    }

    /// The canonical field value.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        for (key, part) in
            [("id", &self.id), ("name", &self.name), ("email", &self.email), ("login", &self.login)]
        {
            if let Some(text) = part {
                map.insert(key.to_owned(), Value::String(text.clone()));
            }
        }
        Value::Object(map)
    }

    /// Reads a canonical value; a bare text is an address when it has an `@`, else a name.
    #[must_use]
    pub fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) if text.trim().is_empty() => None,
            Value::String(text) if text.contains('@') => {
                Some(Self { email: Some(text.trim().to_owned()), ..Self::default() })
            }
            Value::String(text) => Some(Self::named(text.trim())),
            Value::Object(_) => serde_json::from_value(value.clone()).ok(),
            _ => None,
        }
    }

    /// What tells two people apart, best first: address, sign-in name, id, shown name; without letter case.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        [&self.email, &self.login, &self.id, &self.name]
            .into_iter()
            .flatten()
            .find(|text| !text.trim().is_empty())
            .map(|text| text.trim().to_lowercase())
    }
}

/// The canonical form of `value` in a field of type `field_type`.
///
/// Values that do not fit their type come back as they are: telling people so is the mapping's work.
#[must_use]
pub fn canonical(value: &Value, field_type: FieldType) -> Value {
    match (field_type, value) {
        (_, Value::Null) => Value::Null,
        (FieldType::DateTime, Value::String(text)) => canonical_time(text),
        (FieldType::Identity, _) => {
            Identity::from_value(value).map_or_else(|| value.clone(), |who| who.to_value())
        }
        (FieldType::Array, Value::Array(parts)) => canonical_set(parts),
        (FieldType::Int | FieldType::Double, Value::Number(number)) => canonical_number(number),
        (_, Value::String(text)) => Value::String(unix_lines(text)),
        _ => value.clone(),
    }
}

/// Whether two values of one field say the same.
///
/// Missing and empty differ from each other only where the tracker itself keeps them apart, so an absent value, an
/// empty text and an empty set are equal here; `0` and `false` are values.
#[must_use]
pub fn same(left: &Value, right: &Value, field_type: FieldType) -> bool {
    left == right || comparable(left, field_type) == comparable(right, field_type)
}

/// A short name of the canonical value: SHA-256 in hex. Equal values have equal names.
#[must_use]
pub fn fingerprint(value: &Value, field_type: FieldType) -> String {
    let text = comparable(value, field_type).to_string();
    hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

fn comparable(value: &Value, field_type: FieldType) -> Value {
    let value = canonical(value, field_type);
    match (&value, field_type) {
        (Value::String(text), FieldType::Html | FieldType::Markdown | FieldType::String) => {
            match text.trim_end() {
                "" => Value::Null,
                trimmed => Value::String(trimmed.to_owned()),
            }
        }
        (Value::String(text), _) if text.is_empty() => Value::Null,
        (Value::Array(parts), _) if parts.is_empty() => Value::Null,
        (Value::Object(_), FieldType::Identity) => Identity::from_value(&value)
            .and_then(|who| who.key())
            .map_or(Value::Null, Value::String),
        _ => value,
    }
}

fn canonical_time(text: &str) -> Value {
    let text = text.trim();
    Value::String(Timestamp::parse(text).map_or_else(|_| text.to_owned(), Timestamp::to_iso))
}

fn canonical_set(parts: &[Value]) -> Value {
    let mut parts: Vec<Value> = parts
        .iter()
        .map(|part| match part {
            Value::String(text) => Value::String(text.trim().to_owned()),
            other => other.clone(),
        })
        .filter(|part| part.as_str() != Some(""))
        .collect();
    parts.sort_by_key(ToString::to_string);
    parts.dedup();
    Value::Array(parts)
}

fn canonical_number(number: &serde_json::Number) -> Value {
    let whole = number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 9e15);
    match (number.as_i64(), whole) {
        (Some(int), _) => Value::from(int),
        (None, Some(float)) => serde_json::from_str(&format!("{float:.0}")).unwrap_or(Value::Null),
        (None, None) => Value::Number(number.clone()),
    }
}

fn unix_lines(text: &str) -> String {
    if text.contains('\r') {
        text.replace("\r\n", "\n").replace('\r', "\n")
    } else {
        text.to_owned()
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_that_say_the_same_are_the_same() {
        for (left, right, kind) in [
            (json!("a\r\nb"), json!("a\nb"), FieldType::String),
            (json!("a\n"), json!("a"), FieldType::Html),
            (
                json!("2026-02-12T09:00:00+01:00"),
                json!("2026-02-12T08:00:00.000Z"),
                FieldType::DateTime,
            ),
            (json!(2.0), json!(2), FieldType::Double),
            (json!(["b", "a ", "a"]), json!(["a", "b"]), FieldType::Array),
            (json!({"email": "A@b.c", "name": "A"}), json!("a@b.c"), FieldType::Identity),
            (json!(""), Value::Null, FieldType::String),
            (json!([]), Value::Null, FieldType::Array),
        ] {
            assert!(same(&left, &right, kind), "{left} and {right}");
            assert_eq!(fingerprint(&left, kind), fingerprint(&right, kind));
        }
    }

    #[test]
    fn zero_and_false_are_values() {
        assert!(!same(&json!(0), &Value::Null, FieldType::Int));
        assert!(!same(&json!(false), &Value::Null, FieldType::Boolean));
        assert!(!same(&json!("0"), &json!(""), FieldType::String));
    }
}
