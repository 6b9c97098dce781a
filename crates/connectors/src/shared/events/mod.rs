//! What the readers of events share: bodies, ids, words. Each tracker's own shapes are in its folder.

mod body;
pub(crate) mod generic;
mod word;

pub(crate) use body::{Body, body};
pub(crate) use generic::Generic;
pub(crate) use word::{event_word, event_word_or_updated};

use serde_json::Value;
use syncline_domain::{EventReading, EventType, ItemEvent, ItemId};

/// The value of a header.
pub(crate) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
}

/// The text at a JSON pointer.
pub(crate) fn text<'a>(json: &'a Value, pointer: &str) -> Option<&'a str> {
    json.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The id at a JSON pointer: a text, or a whole number that is not 0.
pub(crate) fn id(json: &Value, pointer: &str) -> Option<ItemId> {
    json.pointer(pointer).and_then(id_of)
}

/// The id that a value is.
pub(crate) fn id_of(value: &Value) -> Option<ItemId> {
    match value {
        Value::String(text) => {
            let text = text.trim();
            (!text.is_empty() && text != "0").then(|| ItemId::new(text))
        }
        Value::Number(number) => {
            let number = number.as_u64().filter(|number| *number != 0)?;
            Some(ItemId::new(number.to_string()))
        }
        _ => None,
    }
}

/// The words and numbers of a delivery's name, those that are there, in one text.
pub(crate) fn joined<'a>(parts: impl IntoIterator<Item = Option<&'a str>>) -> Option<String> {
    let parts: Vec<&str> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// Something happened to one item.
pub(crate) fn about(
    told: &str,
    event: EventType,
    item_id: ItemId,
    delivery_id: Option<String>,
) -> EventReading {
    let events = vec![ItemEvent { event, item_id }];
    EventReading { delivery_id, events, told: Some(told.to_owned()) }
}

/// Something that is about no item.
pub(crate) fn nothing(told: &str, delivery_id: Option<String>) -> EventReading {
    EventReading { delivery_id, events: Vec::new(), told: Some(told.to_owned()) }
}
