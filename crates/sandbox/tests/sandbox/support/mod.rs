//! A fixed clock, a tiny client and the published schemas, for the tests of this crate.
#![allow(clippy::disallowed_methods, reason = "test support; each test file uses a part of it")]

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use syncline_domain::Timestamp;
use syncline_domain::ports::{BoxFuture, Clock};
use syncline_sandbox::{RunningSandbox, SandboxOptions};

/// A clock that stands still.
pub struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::parse("2026-11-02T12:00:00Z").unwrap()
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    fn sleep_until(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}

/// Options with a clock that stands still.
pub fn options(items: usize) -> SandboxOptions {
    SandboxOptions::new(Arc::new(Still)).items(items)
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.bytes)))
    }

    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.bytes));
        self.json()
    }

    /// Asserts an error and gives its type key and message.
    pub fn error(&self, status: u16) -> (String, String) {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        let body = self.json();
        (body["typeKey"].as_str().unwrap().to_owned(), body["message"].as_str().unwrap().to_owned())
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A caller of one sandbox.
pub struct Caller {
    http: reqwest::Client,
    pub base: String,
    pub headers: Vec<(String, String)>,
}

impl Caller {
    fn bare(base: String) -> Self {
        let _set_before = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { http, base, headers: Vec::new() }
    }

    /// A caller of Azure DevOps with its token.
    pub fn azure(sandbox: &RunningSandbox) -> Self {
        let mut caller = Self::bare(sandbox.base_url());
        let token = STANDARD.encode(format!(":{}", sandbox.credentials()["token"]));
        caller.headers.push(("Authorization".into(), format!("Basic {token}")));
        caller
    }

    /// A caller of ServiceDesk Plus on premises with its key.
    pub fn desk(sandbox: &RunningSandbox) -> Self {
        let mut caller = Self::bare(format!("{}/api/v3", sandbox.base_url()));
        caller.headers.push(("Accept".into(), "application/vnd.manageengine.sdp.v3+json".into()));
        if let Some(key) = sandbox.credentials().get("apiKey") {
            caller.headers.push(("authtoken".into(), key.clone()));
        }
        caller
    }

    /// A write of API v3: one form field that holds JSON.
    pub async fn input(&self, method: &str, path: &str, data: Value) -> Answer {
        let form = format!("input_data={}", encoded(&data.to_string()));
        self.send(method, path, "application/x-www-form-urlencoded", form.into_bytes()).await
    }

    /// A read of API v3 with `input_data` in the address.
    pub async fn asked(&self, path: &str, data: Value) -> Answer {
        self.get(&format!("{path}?input_data={}", encoded(&data.to_string()))).await
    }

    /// A caller of the control routes.
    pub fn control(sandbox: &RunningSandbox) -> Self {
        Self::bare(sandbox.control_url())
    }

    /// A caller without credentials.
    pub fn nobody(base: String) -> Self {
        Self::bare(base)
    }

    pub async fn try_send(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: Vec<u8>,
    ) -> Result<Answer, reqwest::Error> {
        let url =
            if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        let mut request = self.http.request(method.parse().unwrap(), url).body(body);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if !kind.is_empty() {
            request = request.header("Content-Type", kind);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        Ok(Answer { status, headers, bytes: response.bytes().await?.to_vec() })
    }

    pub async fn send(&self, method: &str, path: &str, kind: &str, body: Vec<u8>) -> Answer {
        self.try_send(method, path, kind, body).await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", Vec::new()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, "application/json", body.to_string().into_bytes()).await
    }

    pub async fn patch(&self, path: &str, ops: Value) -> Answer {
        self.send("PATCH", path, "application/json-patch+json", ops.to_string().into_bytes()).await
    }

    /// Creates an Azure DevOps item.
    pub async fn create(&self, kind: &str, ops: Value) -> Answer {
        let path = format!("/Webshop/_apis/wit/workitems/${kind}?api-version=7.1");
        self.send("POST", &path, "application/json-patch+json", ops.to_string().into_bytes()).await
    }

    /// The ids that a WIQL condition finds.
    pub async fn find(&self, condition: &str) -> Vec<u64> {
        let answer = self
            .wiql(
                &format!(
                    "SELECT [System.Id] FROM WorkItems WHERE {condition} ORDER BY [System.Id]"
                ),
                "",
            )
            .await;
        answer.ok()["workItems"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["id"].as_u64().unwrap())
            .collect()
    }

    pub async fn wiql(&self, query: &str, more: &str) -> Answer {
        self.post(
            &format!("/Webshop/_apis/wit/wiql?api-version=7.1{more}"),
            json!({ "query": query }),
        )
        .await
    }
}

/// Text for a form or a query.
pub fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Patch operations that add fields.
pub fn adds(fields: &[(&str, Value)]) -> Value {
    fields
        .iter()
        .map(|(name, value)| json!({ "op": "add", "path": format!("/fields/{name}"), "value": value }))
        .collect()
}

/// The published definitions as JSON Schema.
pub struct Spec(Value);

impl Spec {
    pub fn read() -> Self {
        let text = include_str!("../../data/azure-devops-wit.openapi.json");
        let whole: Value = serde_json::from_str(text).unwrap();
        let mut definitions = whole["definitions"].clone();
        loosen(&mut definitions);
        Self(definitions)
    }

    /// Fails when a value does not fit a definition.
    pub fn check(&self, name: &str, value: &Value) {
        assert!(self.0.get(name).is_some(), "the specification has no {name}");
        let schema = json!({
            "$schema": "http://json-schema.org/draft-04/schema#",
            "$ref": format!("#/definitions/{name}"),
            "definitions": self.0,
        });
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(value)
            .map(|e| format!("{} at {}", e, e.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}\n{value:#}");
        let unknown = self.unknown(name, value);
        assert!(unknown.is_empty(), "{name} has no {unknown:?}");
    }

    /// Checks a list in its wrapper.
    pub fn check_list(&self, name: &str, value: &Value) {
        let list = value["value"].as_array().unwrap_or_else(|| panic!("no list: {value}"));
        assert_eq!(value["count"], json!(list.len()));
        assert!(!list.is_empty(), "an empty list of {name} proves nothing");
        for one in list {
            self.check(name, one);
        }
    }

    /// Properties that the definition does not know.
    fn unknown(&self, name: &str, value: &Value) -> Vec<String> {
        let mut known = Vec::new();
        self.properties(name, &mut known);
        value.as_object().unwrap().keys().filter(|key| !known.contains(key)).cloned().collect()
    }

    fn properties(&self, name: &str, into: &mut Vec<String>) {
        let definition = &self.0[name];
        if let Some(map) = definition["properties"].as_object() {
            into.extend(map.keys().cloned());
        }
        for base in definition["allOf"].as_array().into_iter().flatten() {
            let reference = base["$ref"].as_str().unwrap_or("");
            self.properties(reference.trim_start_matches("#/definitions/"), into);
        }
    }
}

/// The specification writes `type: object` for "any value" and describes streamed values as
/// strings; both would refuse what the real service sends.
fn loosen(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let only_object = map.get("type") == Some(&json!("object"))
                && !["properties", "additionalProperties", "allOf"]
                    .iter()
                    .any(|key| map.contains_key(*key));
            if only_object || map.get("format") == Some(&json!("T")) {
                map.clear();
                return;
            }
            if map.get("format").is_some_and(Value::is_string) {
                map.remove("format");
            }
            if map.contains_key("$ref") {
                map.retain(|key, _| key == "$ref");
            }
            map.values_mut().for_each(loosen);
        }
        Value::Array(list) => list.iter_mut().for_each(loosen),
        _ => {}
    }
}
