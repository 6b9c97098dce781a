//! Webhooks of Redmine 7: `issue.created`, `issue.updated`, `issue.deleted`, and those of other things.
//!
//! They name no delivery and are never repeated; an entry of the history, or the event's own time, tells them apart. The
//! form of the plug-in `redmine_webhook` for older Redmines is understood, too. Source: Redmine 7,
//! `app/models/webhook_payload.rb`.

use serde_json::Value;
use syncline_domain::ports::EventReader;
use syncline_domain::{EventReading, EventType, ItemEvent};

use crate::shared::events::{
    Body, body, event_word, event_word_or_updated, generic, id, joined, nothing, text,
};

/// Reads webhooks.
pub(crate) struct Events;

impl EventReader for Events {
    fn read(&self, headers: &[(String, String)], bytes: &[u8]) -> Result<EventReading, String> {
        let Body::Json(json) = body(headers, bytes)? else { return Err(generic::no_json()) };
        if let Some(told) = text(&json, "/type").filter(|_| json.get("data").is_some()) {
            return of_core(told, &json);
        }
        if json.pointer("/payload/issue").is_some() {
            let told = text(&json, "/payload/action").unwrap_or("updated");
            return reading(told, &json, "/payload", None);
        }
        generic::read(headers, &json, &["/issue_id", "/issue/id"])
    }

    fn event_word(&self, theirs: &str) -> Option<EventType> {
        event_word(theirs)
    }
}

fn of_core(told: &str, json: &Value) -> Result<EventReading, String> {
    if !told.starts_with("issue.") {
        return Ok(nothing(told, None));
    }
    let name = delivery_id(told, json);
    reading(told, json, "/data", name)
}

/// An update with notes is a comment as well.
fn reading(
    told: &str,
    json: &Value,
    under: &str,
    delivery_id: Option<String>,
) -> Result<EventReading, String> {
    let item_id = id(json, &format!("{under}/issue/id"))
        .ok_or_else(|| "the issue's number is missing".to_owned())?;
    let event = event_word_or_updated(told);
    let mut events = vec![ItemEvent { event, item_id: item_id.clone() }];
    if text(json, &format!("{under}/journal/notes")).is_some() {
        events.push(ItemEvent { event: EventType::Commented, item_id });
    }
    Ok(EventReading { delivery_id, events, told: Some(told.to_owned()) })
}

/// An update is told apart by its entry in the history. One whose entry the account may not see has only a time in
/// whole seconds, in which two edits may fall: it gets no name.
fn delivery_id(told: &str, json: &Value) -> Option<String> {
    let issue = id(json, "/data/issue/id")?;
    let journal = id(json, "/data/journal/id");
    if journal.is_none() && told == "issue.updated" {
        return None;
    }
    let journal = journal.as_ref().map(|id| id.as_str());
    joined([Some(told), Some(issue.as_str()), journal, text(json, "/timestamp")])
}
