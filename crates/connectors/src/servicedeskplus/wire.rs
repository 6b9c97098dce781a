//! What ServiceDesk Plus sends and takes, as far as we read it (API v3).
//!
//! Entities stay JSON: which keys they have depends on flavour, build, template and what was asked for.

use serde::Deserialize;
use serde_json::{Map, Value};

/// How an answer says whether it is one. A list carries an array of these, a single entity an object.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum ResponseStatus {
    Many(Vec<OneStatus>),
    One(OneStatus),
}

/// One verdict.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OneStatus {
    pub(super) status_code: Option<u32>,
    pub(super) status: Option<String>,
    pub(super) messages: Vec<Message>,
}

/// What is wrong.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Message {
    pub(super) status_code: Option<u32>,
    pub(super) message: Option<String>,
    pub(super) field: Option<String>,
    pub(super) fields: Vec<String>,
}

/// An answer: the verdict, and whatever hangs beside it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Answer {
    pub(super) response_status: Option<ResponseStatus>,
    pub(super) list_info: Option<ListInfo>,
    /// The throttle and some gateways of the family answer in this shape instead.
    pub(super) error: Option<Value>,
    #[serde(flatten)]
    pub(super) rest: Map<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ListInfo {
    pub(super) has_more_rows: bool,
    pub(super) total_count: Option<u64>,
}

impl Answer {
    /// All verdicts.
    pub(super) fn verdicts(&self) -> &[OneStatus] {
        match &self.response_status {
            Some(ResponseStatus::Many(all)) => all,
            Some(ResponseStatus::One(one)) => std::slice::from_ref(one),
            None => &[],
        }
    }

    /// The rows of a list.
    pub(super) fn rows(&mut self, key: &str) -> Vec<Map<String, Value>> {
        match self.rest.remove(key) {
            Some(Value::Array(rows)) => rows.into_iter().filter_map(into_map).collect(),
            _ => Vec::new(),
        }
    }

    /// A single entity.
    pub(super) fn entity(&mut self, key: &str) -> Option<Map<String, Value>> {
        self.rest.remove(key).and_then(into_map)
    }

    /// How many rows there are in all, where that was asked for.
    pub(super) fn total(&self) -> Option<u64> {
        self.list_info.as_ref().and_then(|info| info.total_count)
    }

    /// Whether a request with an id hangs beside the verdict.
    pub(super) fn made_a_request(&self) -> bool {
        let id = self.rest.get("request").and_then(|request| request.get("id"));
        id_text(id).is_some()
    }

    /// Whether there is another page.
    pub(super) fn has_more(&self) -> bool {
        self.list_info.as_ref().is_some_and(|info| info.has_more_rows)
    }
}

fn into_map(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(map) => Some(map),
        _ => None,
    }
}

/// An id as text: cloud ids have more digits than a double holds and come as text, some builds send numbers.
pub(super) fn id_text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
