//! Webhooks of ServiceDesk Plus have no body of their own: an administrator writes it, with placeholders.
//!
//! So several shapes are understood: the plain form with `request_id`, the whole request under `request`, form fields, and
//! JSON that a quote in a subject has broken. Nothing but the request's id and the event is used.

use syncline_domain::ports::EventReader;
use syncline_domain::{EventReading, EventType, ItemId};

use crate::shared::events::{Body, about, body, event_word, event_word_or_updated, generic};

/// Reads what administrators made up.
pub(crate) struct Events;

/// Where the request's id may be.
const ITEMS: [&str; 9] = [
    "/request_id",
    "/requestId",
    "/requestid",
    "/RequestID",
    "/workorderid",
    "/WORKORDERID",
    "/request/id",
    "/data/request/id",
    "/entity/id",
];

/// The same names in a body that does not parse.
const NAMES: [&str; 6] =
    ["request_id", "requestId", "requestid", "RequestID", "workorderid", "item_id"];

impl EventReader for Events {
    fn read(&self, headers: &[(String, String)], bytes: &[u8]) -> Result<EventReading, String> {
        let reading = match body(headers, bytes)? {
            Body::Json(json) => generic::read(headers, &json, &ITEMS)?,
            Body::Other(text) => broken(&text)?,
        };
        for event in &reading.events {
            let id = event.item_id.as_str();
            if !id.bytes().all(|byte| byte.is_ascii_digit()) {
                let shown: String = id.chars().take(40).collect();
                return Err(format!(
                    "{shown:?} is no request id; pick the placeholder for it from the $ menu of the webhook"
                ));
            }
        }
        Ok(reading)
    }

    fn event_word(&self, theirs: &str) -> Option<EventType> {
        event_word(theirs)
    }
}

/// The id and the event in JSON that is broken elsewhere.
fn broken(text: &str) -> Result<EventReading, String> {
    let id = NAMES.iter().find_map(|name| value_of(text, name));
    let id = id.filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()));
    let Some(id) = id else { return Err(generic::no_json()) };
    let told = value_of(text, "event").unwrap_or_default();
    Ok(about(told, event_word_or_updated(told), ItemId::new(id), None))
}

/// What stands after `"name":`, with or without quotes.
fn value_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("\"{name}\""))?;
    let rest = rest.trim_start().strip_prefix(':')?.trim_start();
    match rest.strip_prefix('"') {
        Some(quoted) => quoted.split(['"', '\n']).next(),
        None => rest.split([',', '}', '\n', ' ']).next(),
    }
}
