//! Checks of what people write when they register a webhook.

use serde_json::Value;
use syncline_domain::ports::EventReader;
use syncline_domain::{EventType, FieldFault, WebhookAuth};

use crate::verify::standard::key_bytes;

/// Every event.
const ALL: &str = "*";

const LONGEST_NAME: usize = 200;
const MOST_EVENTS: usize = 50;

/// The fewest bytes of a secret that people bring themselves.
const SHORTEST_SECRET: usize = 24;
const LONGEST_SECRET: usize = 256;

/// Headers that say something else, or that never reach us as they were sent.
const TAKEN_HEADERS: [&str; 8] = [
    "host",
    "content-type",
    "content-length",
    "content-encoding",
    "connection",
    "transfer-encoding",
    "cookie",
    "user-agent",
];

pub(crate) fn check_name(name: &str) -> Result<String, FieldFault> {
    let fault = |words: &str| Err(FieldFault::new("/name", words));
    let name = name.trim();
    if name.is_empty() {
        return fault("it is empty; give it a name");
    }
    if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return fault("use at most 200 characters, and no line breaks");
    }
    Ok(name.to_owned())
}

/// The events in our words, each once; the tracker's own words are understood.
pub(crate) fn check_events(
    events: &[String],
    reader: Option<&dyn EventReader>,
) -> Result<Vec<String>, FieldFault> {
    let fault = |words: String| Err(FieldFault::new("/event_types", words));
    if events.is_empty() || events.len() > MOST_EVENTS {
        return fault(format!("name 1 to {MOST_EVENTS} events, or \"*\" for all"));
    }
    let mut known: Vec<String> = Vec::new();
    for event in events {
        let theirs = || reader.and_then(|reader| reader.event_word(event));
        let word = match event.as_str() {
            ALL => ALL,
            word => match word.parse::<EventType>().ok().or_else(theirs) {
                Some(event) => event.as_str(),
                None => {
                    let shown: String = word.chars().take(60).collect();
                    let words = EventType::WORDS.join(", ");
                    return fault(format!("{shown:?} is no event; use \"*\", or of {words}"));
                }
            },
        };
        if !known.iter().any(|one| one == word) {
            known.push(word.to_owned());
        }
    }
    Ok(known)
}

/// An object, with a header's name where one is named.
pub(crate) fn check_metadata(metadata: &Value) -> Result<(), FieldFault> {
    let Some(fields) = metadata.as_object() else {
        return Err(FieldFault::new("/metadata", "must be an object"));
    };
    let Some(named) = fields.get("header_name") else { return Ok(()) };
    let fault = |words: &str| Err(FieldFault::new("/metadata/header_name", words));
    let Some(name) = named.as_str() else { return fault("must be a text") };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        return fault("use 1 to 64 letters, digits, - and _");
    }
    if TAKEN_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
        return fault("this header says something else; use another, such as X-Webhook-Token");
    }
    Ok(())
}

/// A secret that somebody brings along.
pub(crate) fn check_secret(secret: &str, auth: WebhookAuth) -> Result<(), FieldFault> {
    let fault = |words: &str| Err(FieldFault::new("/secret", words));
    if secret.len() < SHORTEST_SECRET || secret.len() > LONGEST_SECRET {
        return fault("use 24 to 256 bytes, or leave it out and get a good one");
    }
    if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return fault("use visible ASCII characters without blanks, so that it fits into a header");
    }
    if auth == WebhookAuth::Standard && !signs_standard(secret) {
        return fault("standard-webhooks wants whsec_ and the base64 of at least 24 bytes");
    }
    Ok(())
}

/// Whether a secret can sign as Standard Webhooks wants it.
pub(crate) fn signs_standard(secret: &str) -> bool {
    key_bytes(secret).is_some_and(|bytes| bytes.len() >= SHORTEST_SECRET)
}
