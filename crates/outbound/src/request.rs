//! A request as a value: it can be looked at, sent, and sent again.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use syncline_domain::ports::{FileSink, FileSource};
use url::Url;

use crate::payload::{FormFile, Payload};
use crate::redact;

/// Whether repeating a request can change anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// It only looks: repeated after connect failures, time-outs, broken answers, 429 and 5xx.
    Read,
    /// It changes something: repeated only when it cannot have happened.
    Write,
}

/// What a successful answer has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// JSON by its content type (or an empty body).
    Json,
    /// Any bytes.
    Bytes,
    /// Nothing: the body is read, within the caps, only to keep the connection usable.
    Nothing,
}

/// A request to send through a [`crate::Client`].
#[derive(Clone)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Payload>,
    pub(crate) sink: Option<Arc<dyn FileSink>>,
    pub(crate) kind: RequestKind,
    pub(crate) expect: Expect,
    pub(crate) attempts: Option<u32>,
    pub(crate) cap: Option<usize>,
    pub(crate) is_file: bool,
    pub(crate) secret_path: bool,
    pub(crate) undone_on_503: bool,
    /// The first mistake made while building; told when it is sent.
    pub(crate) fault: Option<String>,
}

impl Request {
    /// A request that expects JSON. GET, HEAD and OPTIONS are reads, all else are writes.
    #[must_use]
    pub fn new(method: Method, url: Url) -> Self {
        let kind = if method.is_safe() { RequestKind::Read } else { RequestKind::Write };
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
            sink: None,
            kind,
            expect: Expect::Json,
            attempts: None,
            cap: None,
            is_file: false,
            secret_path: false,
            undone_on_503: false,
            fault: None,
        }
    }

    /// A GET.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// A POST.
    #[must_use]
    pub fn post(url: Url) -> Self {
        Self::new(Method::POST, url)
    }

    /// A PUT.
    #[must_use]
    pub fn put(url: Url) -> Self {
        Self::new(Method::PUT, url)
    }

    /// A PATCH.
    #[must_use]
    pub fn patch(url: Url) -> Self {
        Self::new(Method::PATCH, url)
    }

    /// A DELETE.
    #[must_use]
    pub fn delete(url: Url) -> Self {
        Self::new(Method::DELETE, url)
    }

    /// Says that this only looks, although its method is POST (a query in a body).
    #[must_use]
    pub fn as_read(mut self) -> Self {
        self.kind = RequestKind::Read;
        self
    }

    /// Adds a query parameter. Values never reach the log.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    /// Sets a header.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        self.put_header(name, value, false)
    }

    /// Sets a header whose value is a secret: never shown, never indexed by HTTP/2.
    #[must_use]
    pub fn secret_header(self, name: &str, value: &str) -> Self {
        self.put_header(name, value, true)
    }

    /// `Authorization: Bearer`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.put_header(AUTHORIZATION.as_str(), &format!("Bearer {token}"), true)
    }

    /// `Authorization: Basic` (RFC 7617, UTF-8).
    #[must_use]
    pub fn basic(self, user: &str, password: &str) -> Self {
        let pair = STANDARD.encode(format!("{user}:{password}"));
        self.put_header(AUTHORIZATION.as_str(), &format!("Basic {pair}"), true)
    }

    /// A JSON body; sets `Content-Type` unless it was set before (`application/json-patch+json`).
    #[must_use]
    pub fn json(mut self, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(bytes) => self.with_body("application/json", bytes.into()),
            Err(e) => {
                self.note_fault(format!("the body does not become JSON: {e}"));
                self
            }
        }
    }

    /// A form body (`application/x-www-form-urlencoded`).
    #[must_use]
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let mut encoder = url::form_urlencoded::Serializer::new(String::new());
        encoder.extend_pairs(fields);
        let bytes = Bytes::from(encoder.finish());
        self.with_body("application/x-www-form-urlencoded", bytes)
    }

    /// A form (`multipart/form-data`) with one file in it, which is read while it is sent.
    #[must_use]
    pub fn form_file(
        mut self,
        name: &str,
        file_name: &str,
        content_type: &str,
        file: Arc<dyn FileSource>,
    ) -> Self {
        self.headers.remove(CONTENT_TYPE);
        self.body = Some(Payload::Form(FormFile {
            name: name.to_owned(),
            file_name: file_name.to_owned(),
            content_type: content_type.to_owned(),
            file,
        }));
        self.file()
    }

    /// A file as the body, read while it is sent.
    #[must_use]
    pub fn file_body(self, content_type: &str, file: Arc<dyn FileSource>) -> Self {
        self.with_payload(content_type, Payload::File(file)).file()
    }

    /// Hands the body of a successful answer on as it comes, instead of keeping it: the answer's own is empty then. Only
    /// the cap of the request holds for it, not the client's.
    #[must_use]
    pub fn save_to(mut self, sink: Arc<dyn FileSink>) -> Self {
        self.sink = Some(sink);
        self.expect(Expect::Bytes).file()
    }

    /// A body as it is; sets `Content-Type` unless it was set before.
    #[must_use]
    pub fn body(self, content_type: &str, bytes: impl Into<Bytes>) -> Self {
        self.with_body(content_type, bytes.into())
    }

    /// What a successful answer has to be; JSON unless said otherwise.
    #[must_use]
    pub fn expect(mut self, expect: Expect) -> Self {
        self.expect = expect;
        self
    }

    /// How often it is tried at most (1 = never again).
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = Some(attempts.max(1));
        self
    }

    /// A smaller cap on the answer than the client's own, in bytes.
    #[must_use]
    pub fn cap(mut self, bytes: usize) -> Self {
        self.cap = Some(bytes);
        self
    }

    /// Says that this carries a file either way: it may take ten minutes, not one.
    #[must_use]
    pub fn file(mut self) -> Self {
        self.is_file = true;
        self
    }

    /// Says that the path itself is a secret (incoming webhooks of chat services).
    #[must_use]
    pub fn secret_path(mut self) -> Self {
        self.secret_path = true;
        self
    }

    /// Says that this server documents that a 503 with `Retry-After` means that nothing was done.
    #[must_use]
    pub fn undone_on_503(mut self) -> Self {
        self.undone_on_503 = true;
        self
    }

    /// The kind that decides about repetition.
    #[must_use]
    pub fn kind(&self) -> RequestKind {
        self.kind
    }

    /// Whether this may change something.
    #[must_use]
    pub fn is_write(&self) -> bool {
        self.kind == RequestKind::Write
    }

    /// Method and address as logs and errors show them.
    pub(crate) fn shown(&self) -> String {
        format!("{} {}", self.method, redact::url(&self.url, self.secret_path))
    }

    fn with_body(self, content_type: &str, bytes: Bytes) -> Self {
        self.with_payload(content_type, Payload::Bytes(bytes))
    }

    fn with_payload(mut self, content_type: &str, payload: Payload) -> Self {
        self.body = Some(payload);
        if self.headers.contains_key(CONTENT_TYPE) {
            return self;
        }
        self.put_header(CONTENT_TYPE.as_str(), content_type, false)
    }

    fn put_header(mut self, name: &str, value: &str, secret: bool) -> Self {
        let pair = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value.trim()));
        match pair {
            (Ok(name), Ok(mut value)) => {
                value.set_sensitive(secret);
                self.headers.insert(name, value);
            }
            _ => self.note_fault(format!(
                "the value for header {name:?} holds characters that no header may hold; enter it again"
            )),
        }
        self
    }

    fn note_fault(&mut self, fault: String) {
        self.fault.get_or_insert(fault);
    }

    /// Headers as they go out: `Accept` by expectation unless set.
    pub(crate) fn outgoing_headers(&self) -> HeaderMap {
        let mut headers = self.headers.clone();
        if self.expect == Expect::Json && !headers.contains_key(ACCEPT) {
            headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        }
        headers
    }
}

/// Names of headers only, size of the body only.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.keys().map(HeaderName::as_str).collect();
        f.debug_struct("Request")
            .field("call", &self.shown())
            .field("headers", &names)
            .field("body_bytes", &self.body.as_ref().map(Payload::size))
            .field("kind", &self.kind)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_value_of_header_query_or_body() {
        let request = Request::post("https://h.example/x?token=s3cret".parse().unwrap())
            .query("key", "s3cret")
            .bearer("s3cret")
            .secret_header("X-Api-Key", "s3cret")
            .header("X-Note", "s3cret")
            .json(&"s3cret");
        let shown = format!("{request:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(shown.contains("x-api-key"), "{shown}");
        assert!(!format!("{:?}", request.headers.get("x-api-key")).contains("s3cret"));
    }

    #[test]
    fn a_content_type_that_was_set_stays() {
        let url: Url = "https://h.example/".parse().unwrap();
        let patch = Request::patch(url.clone())
            .header("Content-Type", "application/json-patch+json")
            .json(&[1]);
        assert_eq!(patch.headers[CONTENT_TYPE], "application/json-patch+json");
        assert!(patch.is_write());
        assert!(!Request::post(url).as_read().is_write());
    }

    #[test]
    fn a_header_with_a_line_end_is_a_fault_that_hides_it() {
        let request = Request::get("https://h.example/".parse().unwrap()).bearer("abc\r\nEvil: 1");
        let fault = request.fault.unwrap();
        assert!(fault.contains("authorization") && !fault.contains("abc"), "{fault}");
    }
}
