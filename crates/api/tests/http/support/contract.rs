//! What every reply must obey: the OpenAPI document, the form of failures, the safe headers.

use std::collections::HashMap;
use std::sync::Mutex;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use super::Seen;

/// The short words of failures, by status.
const WORDS: &[(u16, &[&str])] = &[
    (400, &["Validation Error", "Connector Error"]),
    (401, &["Unauthorized"]),
    (403, &["Forbidden"]),
    (404, &["Not Found"]),
    (405, &["Method Not Allowed"]),
    (408, &["Request Timeout"]),
    (409, &["Conflict"]),
    (413, &["Payload Too Large"]),
    (415, &["Unsupported Media Type"]),
    (422, &["Unprocessable"]),
    (429, &["Too Many Requests"]),
    (500, &["Internal Server Error"]),
    (503, &["Service Unavailable"]),
];

/// The document as served, with a judge for each kind of reply.
pub(crate) struct Contract {
    pub(crate) document: Value,
    templates: Vec<(String, String)>,
    judges: Mutex<HashMap<String, Option<std::sync::Arc<Validator>>>>,
}

impl Contract {
    pub(crate) fn new(document: Value) -> Self {
        let mut this = Self { document, templates: Vec::new(), judges: Mutex::default() };
        let all = this.operations().into_iter().map(|(method, path, _)| (method, path));
        this.templates = all.collect();
        this
    }

    /// Every operation: method, path, and what the document says of it.
    pub(crate) fn operations(&self) -> Vec<(String, String, Value)> {
        let paths = self.document["paths"].as_object().expect("paths");
        let mut all = Vec::new();
        for (path, item) in paths {
            for (method, operation) in item.as_object().into_iter().flatten() {
                if ["get", "post", "put", "delete", "patch"].contains(&method.as_str()) {
                    all.push((method.to_uppercase(), path.clone(), operation.clone()));
                }
            }
        }
        all
    }

    /// Follows a `$ref` inside the document.
    pub(crate) fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let target = schema["$ref"].as_str().and_then(|text| text.strip_prefix('#'));
        target.map_or(schema, |pointer| {
            self.document.pointer(pointer).expect("a ref leads somewhere")
        })
    }

    /// Every property of a body's schema, with those behind `$ref`, `oneOf` and `allOf`.
    pub(crate) fn properties(&self, schema: &Value) -> Map<String, Value> {
        let schema = self.resolve(schema);
        let mut all = schema["properties"].as_object().cloned().unwrap_or_default();
        for key in ["oneOf", "allOf", "anyOf"] {
            for part in schema[key].as_array().into_iter().flatten() {
                all.extend(self.properties(part));
            }
        }
        all
    }

    /// Holds a reply against everything.
    ///
    /// # Panics
    /// When it breaks a rule.
    pub(crate) fn judge(&self, method: &str, target: &str, seen: &Seen) {
        let name = format!("{method} {target} -> {} {}", seen.status, seen.text());
        for header in [
            "x-content-type-options",
            "referrer-policy",
            "content-security-policy",
            "x-frame-options",
        ] {
            assert!(seen.header(header).is_some(), "{name}: no {header}");
        }
        let policy = seen.header("content-security-policy").unwrap_or_default();
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"),
            "{name}"
        );
        assert_eq!(seen.header("cache-control"), Some("no-store"), "{name}");
        let id = seen.header("x-request-id").unwrap_or_default();
        assert!(id.starts_with("req_") && id.len() == 20, "{name}: request id {id:?}");
        if method == "HEAD" {
            assert!(seen.body.is_empty(), "{name}: HEAD has no body");
            return;
        }
        if seen.status >= 400 && seen.json()["status"].is_null() {
            failure(&name, seen, id);
        }
        let path = target.split('?').next().unwrap_or_default();
        let Some(template) = self.template(method, path) else { return };
        self.obeys(&name, method, &template, seen);
    }

    fn template(&self, method: &str, path: &str) -> Option<String> {
        let wanted: Vec<&str> = path.split('/').collect();
        let mut found: Vec<&String> = self
            .templates
            .iter()
            .filter(|(known, _)| known == method)
            .map(|(_, template)| template)
            .filter(|template| {
                let parts: Vec<&str> = template.split('/').collect();
                parts.len() == wanted.len()
                    && parts.iter().zip(&wanted).all(|(part, one)| {
                        (part.starts_with('{') && !one.is_empty()) || part == one
                    })
            })
            .collect();
        found.sort_by_key(|template| template.matches('{').count());
        found.first().map(|template| (*template).clone())
    }

    fn obeys(&self, name: &str, method: &str, template: &str, seen: &Seen) {
        let key = format!("{method} {template} {}", seen.status);
        let judge = {
            let mut judges = self.judges.lock().unwrap();
            judges.entry(key).or_insert_with(|| self.judge_of(method, template, seen)).clone()
        };
        let Some(judge) = judge else { return };
        let json: Value =
            serde_json::from_slice(&seen.body).unwrap_or_else(|e| panic!("{name}: {e}"));
        let faults: Vec<String> =
            judge.iter_errors(&json).map(|e| format!("{} at {}", e, e.instance_path())).collect();
        assert!(faults.is_empty(), "{name}\ndoes not obey the document: {faults:#?}");
    }

    fn judge_of(
        &self,
        method: &str,
        template: &str,
        seen: &Seen,
    ) -> Option<std::sync::Arc<Validator>> {
        let operation = &self.document["paths"][template][method.to_lowercase()];
        let exact = seen.status.to_string();
        let family = format!("{}XX", seen.status / 100);
        let responses = operation["responses"].as_object().expect("responses");
        let response = responses.get(&exact).or_else(|| responses.get(&family));
        let response = response.unwrap_or_else(|| {
            panic!("{method} {template} answers {exact}, which is not documented")
        });
        let content = response["content"].as_object().expect("a documented reply has content");
        let (kind, media) = content.iter().next().expect("a media type");
        let got = seen.header("content-type").unwrap_or_default();
        assert!(got.starts_with(kind.as_str()), "{method} {template} {exact}: {got} is not {kind}");
        if kind != "application/json" {
            return None;
        }
        let schema = json!({"components": self.document["components"], "allOf": [media["schema"]]});
        Some(std::sync::Arc::new(jsonschema::validator_for(&schema).expect("a good schema")))
    }
}

fn failure(name: &str, seen: &Seen, id: &str) {
    let json = seen.json();
    assert_eq!(json["success"], false, "{name}");
    let words = WORDS.iter().find(|(status, _)| *status == seen.status).map(|(_, words)| *words);
    let words = words.unwrap_or_else(|| panic!("{name}: this status is none of the contract's"));
    assert!(words.contains(&json["error"].as_str().unwrap_or_default()), "{name}");
    assert!(json["message"].as_str().is_some_and(|text| text.len() > 5), "{name}: no message");
    assert_eq!(json["request_id"], id, "{name}: the two request ids differ");
    match seen.status {
        401 => assert!(seen.header("www-authenticate").is_some(), "{name}"),
        405 => assert!(seen.header("allow").is_some(), "{name}"),
        429 | 503 => assert!(seen.header("retry-after").is_some(), "{name}"),
        _ => {}
    }
}
