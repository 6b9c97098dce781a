//! Answers in the shape of API v3: an entity or a list, and a `response_status` that may be an
//! object or an array.

use serde_json::{Map, Value, json};

use crate::shared::http::Reply;

/// A failed call.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// The HTTP status; a refused change may well be 200.
    pub(crate) http: u16,
    /// 3000 for a warning, 4000 and above for a failure.
    pub(crate) status_code: u16,
    /// One message.
    pub(crate) code: u16,
    /// The fields it is about.
    pub(crate) fields: Vec<String>,
    /// The text; empty for none.
    pub(crate) message: String,
}

/// A result with a failure answer.
pub(crate) type Answer<T> = Result<T, Failure>;

/// A failure with one message about one field.
pub(crate) fn failed(http: u16, code: u16, field: &str, message: impl Into<String>) -> Failure {
    let fields = if field.is_empty() { Vec::new() } else { vec![field.to_owned()] };
    Failure { http, status_code: 4000, code, fields, message: message.into() }
}

/// A value that cannot be used.
pub(crate) fn invalid(field: &str, message: impl Into<String>) -> Failure {
    failed(400, 4001, field, message)
}

/// Fields that must be there and are not.
pub(crate) fn mandatory(fields: Vec<String>) -> Failure {
    Failure {
        http: 400,
        status_code: 4000,
        code: 4003,
        fields,
        message: "Mandatory fields are missing".into(),
    }
}

/// Nothing under this address.
pub(crate) fn not_found() -> Failure {
    failed(404, 4007, "", "Invalid URL")
}

impl Failure {
    /// The whole answer.
    pub(crate) fn reply(&self) -> Reply {
        let kind = if self.status_code < 4000 { "warning" } else { "failed" };
        let mut message = Map::new();
        message.insert("status_code".into(), json!(self.code));
        message.insert("type".into(), json!(kind));
        match self.fields.as_slice() {
            [] => {}
            [one] if self.code != 4003 => {
                message.insert("field".into(), json!(one));
            }
            several => {
                message.insert("fields".into(), json!(several));
            }
        }
        if !self.message.is_empty() {
            message.insert("message".into(), json!(self.message));
        }
        let status =
            json!({ "status_code": self.status_code, "status": kind, "messages": [message] });
        Reply::json(self.http, &json!({ "response_status": status }))
    }
}

/// A single entity under its key.
pub(crate) fn one(key: &str, entity: Value) -> Reply {
    with_status(200, key, entity)
}

/// A single entity with an HTTP status of its own.
pub(crate) fn with_status(http: u16, key: &str, entity: Value) -> Reply {
    let mut body = Map::new();
    body.insert(key.to_owned(), entity);
    body.insert("response_status".into(), json!({ "status_code": 2000, "status": "success" }));
    Reply::json(http, &Value::Object(body))
}

/// Success without an entity.
pub(crate) fn done(message: &str) -> Reply {
    let messages = json!([{ "status_code": 2000, "type": "success", "message": message }]);
    Reply::json(
        200,
        &json!({ "response_status": { "status_code": 2000, "status": "success", "messages": messages } }),
    )
}

/// A list under its key; here the status is an array.
pub(crate) fn list(key: &str, rows: Vec<Value>, info: Value) -> Reply {
    let mut body = Map::new();
    body.insert(key.to_owned(), Value::Array(rows));
    body.insert("list_info".into(), info);
    body.insert("response_status".into(), json!([{ "status_code": 2000, "status": "success" }]));
    Reply::json(200, &Value::Object(body))
}
