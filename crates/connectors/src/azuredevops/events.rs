//! Service hooks: `workitem.created`, `.updated`, `.deleted`, `.restored`, `.commented`.
//!
//! In `workitem.updated` the resource is the update, and `resource.id` its number; the work item is
//! `resource.workItemId`, which some servers send as 0, and then `resource.revision.id`. In all others the resource is the
//! work item. Source: Azure DevOps, service hooks events.

use serde_json::Value;
use syncline_domain::ports::EventReader;
use syncline_domain::{EventReading, EventType, ItemId};

use crate::shared::events::{Body, about, body, event_word, generic, id, joined, nothing, text};

/// Reads service hooks.
pub(crate) struct Events;

impl EventReader for Events {
    fn read(&self, headers: &[(String, String)], bytes: &[u8]) -> Result<EventReading, String> {
        let Body::Json(json) = body(headers, bytes)? else { return Err(generic::no_json()) };
        let Some(told) = text(&json, "/eventType").filter(|_| json.get("resource").is_some())
        else {
            return generic::read(headers, &json, &[]);
        };
        let name = delivery_id(&json);
        let Ok(event) = told.parse::<EventType>() else { return Ok(nothing(told, name)) };
        let item = match event {
            EventType::Updated => updated(&json),
            _ => id(&json, "/resource/id").or_else(|| id(&json, "/resource/workItemId")),
        };
        let item = item.ok_or_else(|| {
            "the work item's number is missing; set \"Resource details to send\" to All".to_owned()
        })?;
        Ok(about(told, event, item, name))
    }

    fn event_word(&self, theirs: &str) -> Option<EventType> {
        event_word(theirs)
    }
}

/// The work item of an update: never the update's own number.
fn updated(json: &Value) -> Option<ItemId> {
    id(json, "/resource/workItemId")
        .or_else(|| id(json, "/resource/revision/id"))
        .or_else(|| text(json, "/resource/url").and_then(item_of_url))
        .or_else(|| text(json, "/resource/_links/parent/href").and_then(item_of_url))
}

/// `.../workItems/5/updates/2` is about 5.
fn item_of_url(url: &str) -> Option<ItemId> {
    let mut parts = url.split(['/', '?']);
    parts.find(|part| part.eq_ignore_ascii_case("workitems"))?;
    let number = parts.next()?;
    let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| ItemId::new(number))
}

/// An event has one id over all subscriptions, and each subscription numbers what it sends.
fn delivery_id(json: &Value) -> Option<String> {
    let event = text(json, "/id")?;
    let number = json.get("notificationId").and_then(Value::as_u64).map(|n| n.to_string());
    joined([Some(event), text(json, "/subscriptionId"), number.as_deref()])
}
