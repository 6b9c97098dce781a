//! `input_data`: JSON inside a form field (writes) or a query parameter (reads).

use serde_json::{Map, Value};

use super::answers::{Answer, failed, invalid};
use crate::shared::http::Request;

/// The JSON of a write: a form field, as the product wants it, never a JSON body.
pub(crate) fn written(request: &Request) -> Answer<Value> {
    let form = match request.content_type().as_str() {
        "application/x-www-form-urlencoded" => url::form_urlencoded::parse(&request.body)
            .into_owned()
            .find(|(key, _)| key == "input_data")
            .map(|(_, value)| value),
        _ => None,
    };
    match form.or_else(|| request.query("input_data").map(str::to_owned)) {
        Some(text) => json(&text),
        None => Err(failed(400, 4000, "input_data", "The form field input_data is missing")),
    }
}

/// The JSON of a read, if there is any.
pub(crate) fn asked(request: &Request) -> Answer<Value> {
    request.query("input_data").map_or(Ok(Value::Null), json)
}

fn json(text: &str) -> Answer<Value> {
    serde_json::from_str(text)
        .map_err(|error| invalid("input_data", format!("Invalid JSON: {error}")))
}

/// The entity inside its wrapper.
pub(crate) fn entity(request: &Request, key: &str) -> Answer<Map<String, Value>> {
    match written(request)?.get(key) {
        Some(Value::Object(map)) => Ok(map.clone()),
        _ => Err(invalid(key, format!("Expected an object under {key}"))),
    }
}
