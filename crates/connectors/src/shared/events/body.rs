//! Bodies: JSON, or a form with JSON or plain fields in it.

use serde_json::{Map, Value};
use url::form_urlencoded;

use super::header;

/// A body that was read.
pub(crate) enum Body {
    /// An object.
    Json(Value),
    /// Text that is neither JSON nor a form.
    Other(String),
}

/// The field of a form in which GitHub and others put their JSON.
const PAYLOADS: [&str; 3] = ["payload", "input_data", "arguments"];

/// Reads a body.
///
/// # Errors
/// Why it is of no use.
pub(crate) fn body(headers: &[(String, String)], bytes: &[u8]) -> Result<Body, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "the body is no UTF-8 text".to_owned())?;
    let text = text.trim_start_matches('\u{FEFF}').trim();
    if text.is_empty() {
        return Err("the body is empty; it must say which item changed".to_owned());
    }
    let form = header(headers, "content-type")
        .is_some_and(|kind| kind.to_ascii_lowercase().contains("x-www-form-urlencoded"));
    if let Ok(json) = serde_json::from_str::<Value>(text) {
        return match json {
            Value::Object(_) => Ok(Body::Json(json)),
            _ => Err("the body is JSON but no object; send an object with the event and the item"
                .to_owned()),
        };
    }
    if form || looks_like_form(text) {
        return Ok(Body::Json(of_form(text)));
    }
    Ok(Body::Other(text.to_owned()))
}

fn looks_like_form(text: &str) -> bool {
    text.contains('=') && !text.contains(['{', '<', ' ', '\n'])
}

/// The JSON in a form's field, else its fields as texts.
fn of_form(text: &str) -> Value {
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        if PAYLOADS.contains(&&*name)
            && let Ok(json @ Value::Object(_)) = serde_json::from_str(&value)
        {
            return json;
        }
        fields.insert(name.into_owned(), Value::String(value.into_owned()));
    }
    Value::Object(fields)
}
