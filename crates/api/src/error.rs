//! The one form of every failure.

use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use serde_json::{Map, Value, json};
use syncline_app::{AppError, Cause};
use syncline_domain::{Fault, FieldFault};
use utoipa::ToSchema;

use crate::status::{self, Outcome};

/// When a client may try again after a failure that passes by itself.
const RETRY_SECONDS: u64 = 5;

/// A failure on its way out.
#[derive(Debug)]
pub(crate) struct ApiError {
    outcome: Outcome,
    message: String,
    more: Box<More>,
}

/// What few failures have.
#[derive(Debug, Default)]
struct More {
    details: Option<Value>,
    extras: Map<String, Value>,
    allow: Option<String>,
    /// When to try again, where that is known better.
    retry_after: Option<Duration>,
    /// What went wrong on our side: for the log only.
    cause: Option<String>,
}

/// What every failure looks like.
#[derive(Serialize, ToSchema)]
pub(crate) struct Failure {
    /// Always false.
    success: bool,
    /// Validation Error, Unauthorized, Forbidden, Not Found, Method Not Allowed, Request Timeout, Conflict, Payload Too
    /// Large, Unsupported Media Type, Unprocessable, Too Many Requests, Internal Server Error, Service Unavailable or
    /// Connector Error.
    error: String,
    /// What is wrong and what to do.
    message: String,
    /// Further lines: wrong fields with their place, or what each tracker said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<Object>, required = false)]
    details: Option<Value>,
    /// Names this request in the log.
    request_id: String,
    #[serde(flatten)]
    #[schema(ignore)]
    extras: Map<String, Value>,
}

impl ApiError {
    pub(crate) fn new(outcome: Outcome, message: impl Into<String>) -> Self {
        Self { outcome, message: message.into(), more: Box::default() }
    }

    /// Says which methods a path knows.
    pub(crate) fn allow(mut self, methods: String) -> Self {
        self.more.allow = Some(methods);
        self
    }

    /// Says when to try again.
    pub(crate) fn later(mut self, wait: Duration) -> Self {
        self.more.retry_after = Some(wait);
        self
    }

    /// Adds further lines.
    fn detailed(mut self, details: Value) -> Self {
        self.more.details = Some(details);
        self
    }

    /// What the log should say, and nobody else should see.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.more.cause.as_deref()
    }

    pub(crate) const fn code(&self) -> StatusCode {
        self.outcome.1
    }

    /// The response, with the request's id in it.
    pub(crate) fn respond(&self, request_id: &str) -> HttpResponse {
        let mut response = HttpResponse::build(self.code());
        if let Some(methods) = &self.more.allow {
            response.insert_header((ALLOW, methods.as_str()));
        }
        if self.outcome == status::UNAUTHORIZED {
            response.insert_header((WWW_AUTHENTICATE, "Bearer"));
        }
        if self.outcome == status::UNAVAILABLE || self.outcome == status::TOO_MANY {
            let seconds = self.more.retry_after.map_or(RETRY_SECONDS, whole_seconds);
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        response.json(Failure {
            success: false,
            error: self.outcome.0.to_owned(),
            message: self.message.clone(),
            details: self.more.details.clone(),
            request_id: request_id.to_owned(),
            extras: self.more.extras.clone(),
        })
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.code()
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        self.respond("")
    }
}

impl From<AppError> for ApiError {
    fn from(error: AppError) -> Self {
        let outcome = status::of(&error);
        let (extras, retry_after) = (error.extras, error.retry_after);
        let mut this = match error.cause {
            Cause::Fault(fault) => fault.into(),
            Cause::Remote { message, details } => {
                Self::new(outcome, message).detailed(json!(details))
            }
        };
        this.more.extras = extras;
        this.more.retry_after = retry_after;
        this
    }
}

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        let outcome = status::of_fault(&fault);
        match fault {
            Fault::Internal(text) => {
                let mut this = Self::new(
                    outcome,
                    "something went wrong on our side; the log has the request id and the cause",
                );
                this.more.cause = Some(text);
                this
            }
            Fault::Unavailable(text) => {
                log::warn!("unavailable: {text}");
                Self::new(outcome, text)
            }
            Fault::Invalid(faults) => Self::new(outcome, summary(&faults)).detailed(json!(faults)),
            other => Self::new(outcome, other.to_string()),
        }
    }
}

/// Rounded up: nobody should come back too early.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX).max(1)
}

fn summary(faults: &[FieldFault]) -> String {
    match faults {
        [only] if only.path.is_empty() => only.message.clone(),
        [only] => format!("{}: {}", only.path.trim_start_matches('/'), only.message),
        [first, rest @ ..] => format!(
            "{}: {} (and {} more, see details)",
            first.path.trim_start_matches('/'),
            first.message,
            rest.len()
        ),
        [] => "the request is wrong".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::to_bytes;

    #[actix_web::test]
    async fn what_went_wrong_inside_is_for_the_log_only() {
        let inside = "panicked at src/store.rs:7: SELECT smtp_pass FROM settings: hunter2";
        let error = ApiError::from(Fault::Internal(inside.to_owned()));
        assert_eq!(error.cause(), Some(inside));
        let response = error.respond("req_7");
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = to_bytes(response.into_body()).await.unwrap_or_default();
        let text = String::from_utf8_lossy(&body);
        assert!(text.contains("req_7") && text.contains("\"Internal Server Error\""), "{text}");
        for word in ["panicked", "store.rs", "SELECT", "smtp_pass", "hunter2"] {
            assert!(!text.contains(word), "{text}");
        }
    }
}
