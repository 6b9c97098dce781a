//! Webhooks: `issues`, `issue_comment`, `ping`. The item is the issue's number, which is what addresses use.
//!
//! Comments on pull requests come as `issue_comment`, too, and are about no issue. The body is JSON, or a form with the
//! JSON in `payload` (what GitHub chooses by itself). Source: GitHub, webhook events and payloads.

use serde_json::Value;
use syncline_domain::ports::EventReader;
use syncline_domain::{EventReading, EventType};

use crate::shared::events::{
    Body, about, body, event_word, event_word_or_updated, generic, header, id, nothing, text,
};

/// Reads webhooks.
pub(crate) struct Events;

impl EventReader for Events {
    fn read(&self, headers: &[(String, String)], bytes: &[u8]) -> Result<EventReading, String> {
        let Body::Json(json) = body(headers, bytes)? else { return Err(generic::no_json()) };
        let name = header(headers, "x-github-delivery").map(str::to_owned);
        let kind = match header(headers, "x-github-event") {
            Some(kind) => kind,
            None => match guessed(&json) {
                Some(kind) => kind,
                None => return generic::read(headers, &json, &[]),
            },
        };
        let action = text(&json, "/action").unwrap_or_default();
        let told = if action.is_empty() { kind.to_owned() } else { format!("{kind}.{action}") };
        let event = match kind {
            "issues" => self.event_word(&told).unwrap_or(EventType::Updated),
            "issue_comment" => EventType::Commented,
            _ => return Ok(nothing(&told, name)),
        };
        if json.pointer("/issue/pull_request").is_some_and(|it| !it.is_null()) {
            return Ok(nothing(&format!("{told} on a pull request"), name));
        }
        let issue = id(&json, "/issue/number");
        let issue = issue.ok_or_else(|| "the issue's number is missing".to_owned())?;
        Ok(about(&told, event, issue, name))
    }

    fn event_word(&self, theirs: &str) -> Option<EventType> {
        match theirs {
            // It is another repository's from then on.
            "issues.transferred" => Some(EventType::Deleted),
            _ if theirs.starts_with("issues.") => Some(event_word_or_updated(theirs)),
            _ => event_word(theirs),
        }
    }
}

/// The event of a body whose headers were lost on the way.
fn guessed(json: &Value) -> Option<&'static str> {
    match (json.get("issue"), json.get("comment"), json.get("zen")) {
        (Some(_), Some(_), _) => Some("issue_comment"),
        (Some(_), None, _) => Some("issues"),
        (None, _, Some(_)) => Some("ping"),
        _ => None,
    }
}
