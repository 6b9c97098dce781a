//! Webhooks: issues, comments, links. The item is the id, since its key changes when it moves.
//!
//! Source: Atlassian, Jira Cloud webhooks.

use serde_json::Value;
use syncline_domain::ports::EventReader;
use syncline_domain::{EventReading, EventType, ItemEvent};

use crate::shared::events::{Body, body, event_word, generic, header, id, nothing, text};

/// Reads webhooks.
pub(crate) struct Events;

impl EventReader for Events {
    fn read(&self, headers: &[(String, String)], bytes: &[u8]) -> Result<EventReading, String> {
        let Body::Json(json) = body(headers, bytes)? else { return Err(generic::no_json()) };
        let Some(told) = text(&json, "/webhookEvent") else {
            return generic::read(headers, &json, &["/issue/id"]);
        };
        // The same for every attempt at one delivery.
        let name = header(headers, "x-atlassian-webhook-identifier").map(str::to_owned);
        let events = events(told, &json)?;
        if events.is_empty() {
            return Ok(nothing(told, name));
        }
        Ok(EventReading { delivery_id: name, events, told: Some(told.to_owned()) })
    }

    fn event_word(&self, theirs: &str) -> Option<EventType> {
        event_word(theirs)
    }
}

fn events(told: &str, json: &Value) -> Result<Vec<ItemEvent>, String> {
    let missing = || "the issue's id is missing".to_owned();
    let bare = told.strip_prefix("jira:").unwrap_or(told);
    if bare.starts_with("issue_property") {
        return Ok(Vec::new());
    }
    if bare.starts_with("issuelink_") {
        let ends = ["/issueLink/sourceIssueId", "/issueLink/destinationIssueId"];
        let items = ends.iter().filter_map(|pointer| id(json, pointer));
        let event = EventType::Updated;
        return Ok(items.map(|item_id| ItemEvent { event, item_id }).collect());
    }
    if bare.starts_with("comment_") {
        let item_id = id(json, "/issue/id").ok_or_else(missing)?;
        return Ok(vec![ItemEvent { event: EventType::Commented, item_id }]);
    }
    if !bare.starts_with("issue_") {
        return Ok(Vec::new());
    }
    let item_id = id(json, "/issue/id").ok_or_else(missing)?;
    let event = event_word(bare).unwrap_or(EventType::Updated);
    let mut events = vec![ItemEvent { event, item_id: item_id.clone() }];
    if json.get("comment").is_some_and(|comment| !comment.is_null()) {
        events.push(ItemEvent { event: EventType::Commented, item_id });
    }
    Ok(events)
}
