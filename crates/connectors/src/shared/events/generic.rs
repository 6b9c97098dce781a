//! The plain form, for scripts and for trackers whose administrators write the body themselves:
//! `{"event": "workitem.updated", "item_id": "12"}`.
//!
//! `event` may be `eventType`, `event_type` or `operation`; the item `item_id`, `work_item_id` or `id`, or `item_ids` for
//! several. `delivery_id` names the message. `ping` and `test` are about no item. Without an event the item changed.

use serde_json::Value;
use syncline_domain::ports::EventReader;
use syncline_domain::{EventReading, EventType, ItemEvent};

use super::{Body, body, event_word, event_word_or_updated, header, id, id_of, nothing, text};

/// Reads the plain form.
pub(crate) struct Generic;

impl EventReader for Generic {
    fn read(&self, headers: &[(String, String)], bytes: &[u8]) -> Result<EventReading, String> {
        match body(headers, bytes)? {
            Body::Json(json) => read(headers, &json, &[]),
            Body::Other(_) => Err(no_json()),
        }
    }

    fn event_word(&self, theirs: &str) -> Option<EventType> {
        event_word(theirs)
    }
}

/// What to say of a body that is no JSON.
pub(crate) fn no_json() -> String {
    "the body is no JSON; check the sender's template and content type".to_owned()
}

const EVENTS: [&str; 4] = ["/event", "/eventType", "/event_type", "/operation"];
const NAMES: [&str; 3] = ["/delivery_id", "/deliveryId", "/event_id"];
const ITEMS: [&str; 5] = ["/item_id", "/work_item_id", "/workItemId", "/itemId", "/id"];

/// Headers in which senders name their messages.
const NAME_HEADERS: [&str; 3] = ["x-delivery-id", "webhook-id", "idempotency-key"];

/// Reads the plain form from JSON; `more_items` are pointers that a tracker puts its items under.
///
/// # Errors
/// Why it is of no use.
pub(crate) fn read(
    headers: &[(String, String)],
    json: &Value,
    more_items: &[&str],
) -> Result<EventReading, String> {
    let told = EVENTS.iter().find_map(|pointer| text(json, pointer));
    let delivery_id = name(headers, json);
    if let Some(told) = told
        && ["ping", "test"].contains(&told.to_ascii_lowercase().as_str())
    {
        return Ok(nothing(told, delivery_id));
    }
    let event = told.map_or(EventType::Updated, event_word_or_updated);
    let many = json.get("item_ids").and_then(Value::as_array).into_iter().flatten();
    let mut items: Vec<_> = many.filter_map(id_of).collect();
    if items.is_empty() {
        items.extend(more_items.iter().chain(&ITEMS).find_map(|pointer| id(json, pointer)));
    }
    if items.is_empty() {
        return Err(
            "the body names no item; send {\"event\": \"workitem.updated\", \"item_id\": \"12\"}"
                .to_owned(),
        );
    }
    let events = items.into_iter().map(|item_id| ItemEvent { event, item_id }).collect();
    Ok(EventReading { delivery_id, events, told: told.map(str::to_owned) })
}

/// The sender's name for the message.
fn name(headers: &[(String, String)], json: &Value) -> Option<String> {
    NAMES
        .iter()
        .find_map(|pointer| text(json, pointer))
        .or_else(|| NAME_HEADERS.iter().find_map(|name| header(headers, name)))
        .map(str::to_owned)
}
