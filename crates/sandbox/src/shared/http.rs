//! A request and a reply as plain values, so that a tracker is a pure function of them.

use actix_web::http::header::{HeaderMap, HeaderName};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::Value;

/// One request: path segments decoded, body whole.
pub(crate) struct Request {
    /// `GET`, `POST`, ... in capitals.
    pub(crate) method: String,
    /// The path as it was sent.
    pub(crate) path: String,
    /// The query as it was sent, without the question mark.
    pub(crate) raw_query: String,
    segments: Vec<String>,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    /// The whole body.
    pub(crate) body: Bytes,
}

impl Request {
    /// Takes a request apart.
    pub(crate) fn new(
        method: &str,
        target: &str,
        headers: Vec<(String, String)>,
        body: Bytes,
    ) -> Self {
        let (path, raw_query) = target.split_once('?').unwrap_or((target, ""));
        let segments = path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
            .collect();
        let query = url::form_urlencoded::parse(raw_query.as_bytes()).into_owned().collect();
        Self {
            method: method.to_ascii_uppercase(),
            path: path.to_owned(),
            raw_query: raw_query.to_owned(),
            segments,
            query,
            headers,
            body,
        }
    }

    /// The decoded path segments.
    pub(crate) fn segments(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    /// A query parameter by name, without regard to case; the first one wins.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// A query parameter by its exact name.
    pub(crate) fn query_exact(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, v)| v.as_str())
    }

    /// Whether a query parameter says `true`.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.query(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// A query parameter as a number; absent or unreadable is `None`.
    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        self.query(name).and_then(|value| value.trim().parse().ok())
    }

    /// A header by name, without regard to case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// The media type of the body, in small letters, without parameters.
    pub(crate) fn content_type(&self) -> String {
        let whole = self.header("content-type").unwrap_or("");
        whole.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// What fault rules and logs see: `METHOD path?query`.
    pub(crate) fn line(&self) -> String {
        if self.raw_query.is_empty() {
            format!("{} {}", self.method, self.path)
        } else {
            format!("{} {}?{}", self.method, self.path, self.raw_query)
        }
    }
}

/// Header pairs of an actix request; values that are no text are left out.
pub(crate) fn header_pairs(map: &HeaderMap) -> Vec<(String, String)> {
    let pair = |(name, value): (&HeaderName, &actix_web::http::header::HeaderValue)| {
        value.to_str().ok().map(|text| (name.as_str().to_owned(), text.to_owned()))
    };
    map.iter().filter_map(pair).collect()
}

/// One reply.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The content type; empty for none.
    pub(crate) content_type: String,
    /// Further headers.
    pub(crate) headers: Vec<(String, String)>,
    /// The whole body.
    pub(crate) body: Bytes,
}

impl Reply {
    /// A JSON reply; a value that has no JSON form, of which there is none here, is an empty body.
    pub(crate) fn json(status: u16, value: &impl Serialize) -> Self {
        Self {
            status,
            content_type: "application/json; charset=utf-8".to_owned(),
            headers: Vec::new(),
            body: Bytes::from(serde_json::to_vec(value).unwrap_or_default()),
        }
    }

    /// An HTML page.
    pub(crate) fn html(status: u16, page: String) -> Self {
        Self {
            status,
            content_type: "text/html; charset=utf-8".to_owned(),
            headers: Vec::new(),
            body: Bytes::from(page),
        }
    }

    /// A reply of raw bytes.
    pub(crate) fn bytes(status: u16, content_type: &str, body: Bytes) -> Self {
        Self { status, content_type: content_type.to_owned(), headers: Vec::new(), body }
    }

    /// A reply without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, content_type: String::new(), headers: Vec::new(), body: Bytes::new() }
    }

    /// The same reply with one more header.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_taken_apart_and_decoded() {
        let target =
            "/demo/Web%20Shop/_apis/wit/workitems/$User%20Story?api-version=7.1&$top=5&x=a+b";
        let request = Request::new("post", target, Vec::new(), Bytes::new());
        assert_eq!(
            request.segments(),
            ["demo", "Web Shop", "_apis", "wit", "workitems", "$User Story"]
        );
        assert_eq!(request.query("API-Version"), Some("7.1"));
        assert_eq!(request.number("$top"), Some(5));
        assert_eq!(request.query("x"), Some("a b"));
        assert_eq!(request.method, "POST");
    }
}
