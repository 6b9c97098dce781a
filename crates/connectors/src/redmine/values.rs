//! Values of custom fields: on the wire they are all text (or lists of text).

use serde_json::Value;
use syncline_domain::{FieldType, Identity, canonical};

use super::people::{self, Accounts};
use super::wire::{CustomField, CustomValue, Named};

/// What a custom field holds; without its format everything is text.
pub(super) fn field_type(field: &CustomField) -> FieldType {
    if field.multiple {
        return FieldType::Array;
    }
    match field.field_format.as_str() {
        "int" => FieldType::Int,
        "float" => FieldType::Double,
        "bool" => FieldType::Boolean,
        "date" => FieldType::DateTime,
        "list" | "enumeration" => FieldType::Picklist,
        "user" => FieldType::Identity,
        _ => FieldType::String,
    }
}

/// The canonical value of a custom field; `None` when it is not set.
pub(super) fn from_wire(
    held: &CustomValue,
    field: Option<&CustomField>,
    accounts: &Accounts,
) -> Option<Value> {
    if held.multiple || held.value.is_array() {
        let parts = held.value.as_array().cloned().unwrap_or_default();
        let parts: Vec<Value> = parts
            .iter()
            .filter_map(Value::as_str)
            .filter(|part| !part.is_empty())
            .map(|part| Value::String(label(field, part)))
            .collect();
        let set = canonical(&Value::Array(parts), FieldType::Array);
        return set.as_array().is_some_and(|set| !set.is_empty()).then_some(set);
    }
    let text = match &held.value {
        Value::String(text) if !text.is_empty() => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => u8::from(*flag).to_string(),
        _ => return None,
    };
    let field_type = field.map_or(FieldType::String, field_type);
    let value = match field_type {
        FieldType::Int | FieldType::Double => {
            serde_json::from_str::<serde_json::Number>(&text).map(Value::Number).ok()
        }
        FieldType::Boolean if text == "1" => Some(Value::Bool(true)),
        FieldType::Boolean if text == "0" => Some(Value::Bool(false)),
        FieldType::Identity => text
            .parse()
            .ok()
            .map(|id| people::identity(&Named { id, ..Named::default() }, accounts).to_value()),
        FieldType::Picklist => Some(Value::String(label(field, &text))),
        _ => None,
    };
    Some(canonical(&value.unwrap_or(Value::String(text)), field_type))
}

/// The text that the wire wants for one value of a custom field; `None` when the value does not fit.
///
/// People are not handled here: their ids have to be looked up.
pub(super) fn to_wire(value: &Value, field: Option<&CustomField>) -> Option<String> {
    let field_type = field.filter(|field| !field.multiple).map(field_type);
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => u8::from(*flag).to_string(),
        Value::Object(_) => {
            let who = Identity::from_value(value)?;
            who.name.or(who.email).or(who.login)?
        }
        Value::Null => String::new(),
        Value::Array(_) => return None,
    };
    match field_type {
        Some(FieldType::DateTime) => day(&text),
        Some(FieldType::Boolean) => match text.trim().to_lowercase().as_str() {
            "1" | "true" | "yes" => Some("1".to_owned()),
            "0" | "false" | "no" => Some("0".to_owned()),
            _ => None,
        },
        _ => Some(raw(field, &text)),
    }
}

/// The day of a date or an instant (in UTC).
pub(super) fn day(text: &str) -> Option<String> {
    let text = text.trim();
    if let Ok(at) = syncline_domain::Timestamp::parse(text) {
        return at.to_iso_secs().get(..10).map(str::to_owned);
    }
    let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(day.to_string())
}

/// Key-value lists carry ids; people know the labels.
fn label(field: Option<&CustomField>, raw: &str) -> String {
    let possible = field.into_iter().flat_map(|field| &field.possible_values);
    possible
        .filter(|possible| possible.value == raw && !possible.label.is_empty())
        .map(|possible| possible.label.clone())
        .next()
        .unwrap_or_else(|| raw.to_owned())
}

fn raw(field: Option<&CustomField>, label: &str) -> String {
    let possible = field.into_iter().flat_map(|field| &field.possible_values);
    possible
        .filter(|possible| possible.label == label)
        .map(|possible| possible.value.clone())
        .next()
        .unwrap_or_else(|| label.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::wire::Possible;
    use super::*;

    fn field(format: &str, multiple: bool) -> CustomField {
        let possible = |value: &str, label: &str| Possible {
            value: value.to_owned(),
            label: label.to_owned(),
        };
        CustomField {
            field_format: format.to_owned(),
            multiple,
            possible_values: match format {
                "enumeration" => vec![possible("7", "Red"), possible("8", "Blue")],
                _ => Vec::new(),
            },
            ..CustomField::default()
        }
    }

    #[test]
    fn values_become_typed_where_the_format_is_known() {
        let none = Accounts::new();
        for (format, multiple, wire, value) in [
            ("int", false, json!("5"), Some(json!(5))),
            ("float", false, json!("2.50"), Some(json!(2.5))),
            ("float", false, json!("2.0"), Some(json!(2))),
            ("bool", false, json!("1"), Some(json!(true))),
            ("bool", false, json!("0"), Some(json!(false))),
            ("date", false, json!("2026-03-01"), Some(json!("2026-03-01"))),
            ("enumeration", false, json!("8"), Some(json!("Blue"))),
            ("enumeration", true, json!(["8", "7"]), Some(json!(["Blue", "Red"]))),
            ("list", true, json!([""]), None),
            ("string", false, json!("a\r\nb"), Some(json!("a\nb"))),
            ("string", false, json!(""), None),
            ("string", false, Value::Null, None),
            ("user", false, json!("4"), Some(json!({"id": "4"}))),
        ] {
            let held = CustomValue { multiple, value: wire.clone(), ..CustomValue::default() };
            assert_eq!(from_wire(&held, Some(&field(format, multiple)), &none), value, "{wire}");
        }
        let held = CustomValue { value: json!("1"), ..CustomValue::default() };
        assert_eq!(from_wire(&held, None, &none), Some(json!("1")));
    }

    #[test]
    fn values_go_out_as_text() {
        for (format, value, wire) in [
            ("int", json!(5), Some("5")),
            ("bool", json!(true), Some("1")),
            ("bool", json!("No"), Some("0")),
            ("bool", json!("perhaps"), None),
            ("date", json!("2026-03-01T22:00:00-05:00"), Some("2026-03-02")),
            ("date", json!("2026-03-01"), Some("2026-03-01")),
            ("date", json!("soon"), None),
            ("enumeration", json!("Red"), Some("7")),
            ("string", json!({"name": "Ada", "email": "a@b.c"}), Some("Ada")),
            ("string", json!(["a"]), None),
        ] {
            let out = to_wire(&value, Some(&field(format, false)));
            assert_eq!(out.as_deref(), wire, "{format} {value}");
        }
    }
}
