//! An answer, whatever its status.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use serde::de::DeserializeOwned;
use syncline_domain::ports::{ConnectorError, ErrorKind};

use crate::error::{Failure, OutboundError, Sent};
use crate::redact;

/// An answer with its whole body, inflated and within the caps.
#[derive(Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; empty where the page of a failed status could not be read.
    pub body: Bytes,
    /// How long the tracker asks to wait, if it does, on any status.
    pub retry_after: Option<Duration>,
    /// Method and address, without secrets.
    pub call: String,
}

impl Response {
    /// Whether the status is 2xx. Several trackers report failures inside such answers.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the status is 3xx. Redirects are never followed.
    #[must_use]
    pub fn is_redirect(&self) -> bool {
        (300..400).contains(&self.status)
    }

    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Where a redirect points.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        self.header(LOCATION.as_str())
    }

    /// The media type in lower case, without parameters; empty when there is none.
    #[must_use]
    pub fn content_type(&self) -> String {
        media_type(&self.headers)
    }

    /// Whether the content type is JSON or a dialect of it.
    #[must_use]
    pub fn is_json(&self) -> bool {
        is_json(&self.content_type())
    }

    /// Whether this is an HTML page.
    #[must_use]
    pub fn is_html(&self) -> bool {
        matches!(self.content_type().as_str(), "text/html" | "application/xhtml+xml")
    }

    /// The body as JSON, whatever the content type says.
    ///
    /// # Errors
    /// [`Failure::Truncated`] when the text stops in the middle, [`Failure::Json`] when it is no JSON or of another
    /// shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, OutboundError> {
        serde_json::from_slice(&self.body).map_err(|e| {
            let failure = if e.is_eof() && !self.body.is_empty() {
                Failure::Truncated
            } else {
                Failure::Json(redact::line(&format!(
                    "line {} column {}: {}",
                    e.line(),
                    e.column(),
                    shape_of(&e)
                )))
            };
            OutboundError::new(failure, Sent::Answered, &self.call)
        })
    }

    /// The beginning of the body as one line of text, for an error message; tags are left as they are.
    #[must_use]
    pub fn text_line(&self) -> String {
        let head = self.body.get(..400).unwrap_or(&self.body);
        redact::line(&String::from_utf8_lossy(head))
    }

    /// The usual reading of a failed status; connectors say more where their tracker does.
    ///
    /// A write answered by 408 or 5xx may have happened and is [`ErrorKind::Ambiguous`].
    #[must_use]
    pub fn status_error(&self, write: bool) -> ConnectorError {
        let unclear = if write { ErrorKind::Ambiguous } else { ErrorKind::Unavailable };
        let kind = match self.status {
            401 | 407 => ErrorKind::Auth,
            403 => ErrorKind::Permission,
            404 | 410 => ErrorKind::NotFound,
            409 | 412 => ErrorKind::VersionConflict,
            408 | 500..=599 => unclear,
            429 => ErrorKind::RateLimited,
            400..=499 => ErrorKind::Invalid,
            _ => ErrorKind::Protocol,
        };
        let detail = match self.location() {
            Some(_) if self.is_redirect() => {
                format!("{}: status {}, a redirect, which is not followed", self.call, self.status)
            }
            _ => format!("{}: status {}", self.call, self.status),
        };
        let mut error = ConnectorError::new(kind, detail).retry_after(self.retry_after);
        error.what_to_do = advice(self.status).map(str::to_owned);
        error
    }
}

/// Statuses and sizes only: bodies hold people's tickets, headers hold cookies.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("call", &self.call)
            .field("status", &self.status)
            .field("content_type", &self.content_type())
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

fn advice(status: u16) -> Option<&'static str> {
    Some(match status {
        401 => "check the token or password; it may have expired",
        403 => "give the account the permission, or use another account",
        404 => "check the base url and the project, and that the account may see it",
        407 => "the proxy asks for credentials; put them into its address",
        300..=399 => "enter the address that the tracker redirects to",
        _ => return None,
    })
}

/// What is wrong, without the value: serde's words may quote the body.
fn shape_of(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Data => "another shape than expected",
        serde_json::error::Category::Eof => "it is empty",
        _ => "a syntax error",
    }
}

fn media_type(headers: &HeaderMap) -> String {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|value| value.trim().to_ascii_lowercase())
        .unwrap_or_default()
}

fn is_json(media_type: &str) -> bool {
    media_type == "text/json"
        || media_type == "text/javascript"
        || (media_type.starts_with("application/") && media_type.ends_with("json"))
}
