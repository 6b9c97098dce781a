//! Webhooks: issues (and other work items), and comments on them. The item is the issue's number in its project (`iid`).
//!
//! Source: GitLab, webhook events.

use serde_json::Value;
use syncline_domain::ports::EventReader;
use syncline_domain::{EventReading, EventType, ItemId};

use crate::shared::events::{
    Body, about, body, event_word, event_word_or_updated, generic, header, id, joined, nothing,
    text,
};

/// Reads webhooks.
pub(crate) struct Events;

impl EventReader for Events {
    fn read(&self, headers: &[(String, String)], bytes: &[u8]) -> Result<EventReading, String> {
        let Body::Json(json) = body(headers, bytes)? else { return Err(generic::no_json()) };
        let Some(kind) = text(&json, "/object_kind") else {
            return generic::read(headers, &json, &[]);
        };
        let name = delivery_id(headers, &json);
        let action = text(&json, "/object_attributes/action").unwrap_or("update");
        let told = format!("{kind}.{action}");
        match kind {
            "issue" | "work_item" => {
                let event = event_word_or_updated(action);
                Ok(about(&told, event, number(&json, "/object_attributes/iid")?, name))
            }
            "note" if on_issue(&json) => {
                Ok(about(&told, EventType::Commented, number(&json, "/issue/iid")?, name))
            }
            _ => Ok(nothing(&told, name)),
        }
    }

    fn event_word(&self, theirs: &str) -> Option<EventType> {
        event_word(theirs)
    }
}

fn number(json: &Value, pointer: &str) -> Result<ItemId, String> {
    id(json, pointer).ok_or_else(|| "the issue's number (iid) is missing".to_owned())
}

fn on_issue(json: &Value) -> bool {
    let on = text(json, "/object_attributes/noteable_type");
    on == Some("Issue") || on == Some("WorkItem") && json.get("issue").is_some()
}

/// The key of a message is the same when it is sent again. The event's id alone is not enough: hooks that set one
/// another off share it, so what the event is about goes with it.
fn delivery_id(headers: &[(String, String)], json: &Value) -> Option<String> {
    let key = header(headers, "idempotency-key").or_else(|| header(headers, "webhook-id"));
    if let Some(key) = key {
        return Some(key.to_owned());
    }
    let event = header(headers, "x-gitlab-event-uuid")?;
    let object = id(json, "/object_attributes/id");
    let object = object.as_ref().map(|id| id.as_str());
    joined([Some(event), object, text(json, "/object_attributes/updated_at")])
}
