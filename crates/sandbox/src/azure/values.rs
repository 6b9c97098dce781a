//! From the JSON that callers send to field values, by the field's type and rules.

use serde_json::Value;

use super::errors::{Answer, ApiError, rule};
use super::schema::{Field, Kind};
use crate::shared::people::People;
use crate::shared::record::Val;
use crate::shared::text::read_instant;

/// The longest short text.
const SHORT_TEXT: usize = 255;
/// The longest long text.
const LONG_TEXT: usize = 1_000_000;

/// Reads a sent value; `None` clears the field.
pub(crate) fn read(field: &Field, value: &Value, people: &People) -> Answer<Option<Val>> {
    if value.is_null() || value.as_str() == Some("") {
        return Ok(None);
    }
    let val = match field.kind {
        Kind::Text | Kind::Path => text(field, value)?,
        Kind::Html | Kind::History => long_text(field, value)?,
        Kind::Tags => text_of(field, value)?.into(),
        Kind::Int => Val::Int(whole(value).ok_or_else(|| invalid(field, "InvalidType"))?),
        Kind::Num => Val::Num(number(value).ok_or_else(|| invalid(field, "InvalidType"))?),
        Kind::Bool => Val::Bool(truth(value).ok_or_else(|| invalid(field, "InvalidType"))?),
        Kind::Time => Val::Time(instant(value).ok_or_else(|| invalid(field, "InvalidDate"))?),
        Kind::Who => who(field, value, people)?,
    };
    allowed(field, &val)?;
    Ok(Some(val))
}

impl From<String> for Val {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

fn allowed(field: &Field, val: &Val) -> Answer<()> {
    if field.allowed.is_empty() {
        return Ok(());
    }
    let text = match val {
        Val::Text(text) => text.to_string(),
        Val::Int(number) => number.to_string(),
        _ => return Ok(()),
    };
    if field.allowed.iter().any(|choice| choice.eq_ignore_ascii_case(&text)) {
        return Ok(());
    }
    let mut error = rule(field, "HasValues, LimitedToValues, AllowsOldValue, InvalidNotOldValue");
    error.message = format!(
        "The field '{}' contains the value '{text}' that is not in the list of supported values",
        field.name
    );
    Err(error)
}

fn invalid(field: &Field, flag: &str) -> ApiError {
    let mut error = rule(field, flag);
    error.message =
        format!("TF401326: Invalid field status '{flag}' for field '{}'.", field.reference);
    error
}

fn text_of(field: &Field, value: &Value) -> Answer<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(true) => Ok("True".to_owned()),
        Value::Bool(false) => Ok("False".to_owned()),
        _ => Err(invalid(field, "InvalidType")),
    }
}

fn text(field: &Field, value: &Value) -> Answer<Val> {
    let text = text_of(field, value)?;
    let text = text.trim();
    if text.chars().count() > SHORT_TEXT {
        return Err(invalid(field, "InvalidTooLong"));
    }
    Ok(Val::text(text))
}

fn long_text(field: &Field, value: &Value) -> Answer<Val> {
    let text = text_of(field, value)?;
    if text.len() > LONG_TEXT {
        return Err(invalid(field, "InvalidTooLong"));
    }
    Ok(Val::text(text))
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64(),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    }
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
        other => other.as_bool(),
    }
}

fn instant(value: &Value) -> Option<i64> {
    value.as_str().and_then(read_instant).map(|at| at.ms)
}

fn who(field: &Field, value: &Value, people: &People) -> Answer<Val> {
    let Some(text) = value.as_str() else {
        let message = format!(
            "TF402458: The identity value for field '{}' must be sent as text.",
            field.name
        );
        return Err(ApiError::new(400, "IdentityRefNotAcceptedException", message));
    };
    people.find(text).map(Val::Ref).ok_or_else(|| {
        let mut error = rule(field, "InvalidIdentity");
        error.message = format!(
            "The identity value '{text}' for field '{}' is an unknown identity.",
            field.name
        );
        error
    })
}

/// Tags in the form they are kept in: trimmed, each once, in order of the alphabet.
pub(crate) fn tags(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for tag in text.split([';', ',']).map(str::trim).filter(|tag| !tag.is_empty()) {
        if !found.iter().any(|had| had.eq_ignore_ascii_case(tag)) {
            found.push(tag.to_owned());
        }
    }
    found.sort_by_key(|tag| tag.to_lowercase());
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::schema::find;
    use serde_json::json;

    #[test]
    fn values_are_read_by_type() {
        let people = People::seeded();
        for (field, sent, kept) in [
            ("System.Title", json!("  a  "), Some(Val::text("a"))),
            ("System.Title", json!(""), None),
            ("Microsoft.VSTS.Common.Priority", json!("2"), Some(Val::Int(2))),
            ("Microsoft.VSTS.Scheduling.StoryPoints", json!(3), Some(Val::Num(3.0))),
            ("Custom.Blocked", json!("True"), Some(Val::Bool(true))),
            ("System.AssignedTo", json!("Ana Sousa <ana.sousa@demo.example>"), Some(Val::Ref(1))),
            (
                "Microsoft.VSTS.Scheduling.DueDate",
                json!("1970-01-01T00:00:01Z"),
                Some(Val::Time(1_000)),
            ),
            ("System.Title", Value::Null, None),
        ] {
            let got = read(find(field).unwrap(), &sent, &people).unwrap();
            assert_eq!(got, kept, "{field} {sent}");
        }
    }

    #[test]
    fn wrong_values_break_a_rule() {
        let people = People::seeded();
        for (field, sent, key) in [
            ("Microsoft.VSTS.Common.Priority", json!(9), "RuleValidationException"),
            ("Microsoft.VSTS.Common.Priority", json!("high"), "RuleValidationException"),
            ("Microsoft.VSTS.Common.Severity", json!("bad"), "RuleValidationException"),
            ("System.AssignedTo", json!("nobody"), "RuleValidationException"),
            (
                "System.AssignedTo",
                json!({"uniqueName": "ana.sousa@demo.example"}),
                "IdentityRefNotAcceptedException",
            ),
            ("System.Title", json!("x".repeat(256)), "RuleValidationException"),
        ] {
            let error = read(find(field).unwrap(), &sent, &people).unwrap_err();
            assert_eq!((error.status, error.type_key), (400, key), "{field} {sent}");
        }
    }

    #[test]
    fn tags_become_a_sorted_set() {
        assert_eq!(tags("b; a ;B;;c"), ["a", "b", "c"]);
    }
}
