//! A real Redmine, started by the repository's script, and its REST API as a person would use it, past our connector.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use syncline_testkit::require::or_skip;

/// What a server has been asked since it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// All requests.
    pub requests: usize,
    /// Those that write to issues, by path: how often.
    pub writes: BTreeMap<String, usize>,
}

impl Asked {
    /// How many writes that is.
    pub fn written(&self) -> usize {
        self.writes.values().sum()
    }

    /// How often an issue was written.
    pub fn to(&self, id: u64) -> usize {
        self.writes.get(&format!("/issues/{id}.json")).copied().unwrap_or_default()
    }
}

/// A running Redmine; stopped and removed with the value.
pub struct Redmine {
    told: BTreeMap<String, String>,
    state: PathBuf,
    http: reqwest::Client,
}

impl Redmine {
    /// Starts one; `None` when it cannot be had and that is allowed.
    pub fn start(name: &str) -> Option<Self> {
        let state = std::env::temp_dir().join(format!("syncline-{name}-{}", std::process::id()));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let done = Command::new("trackers/redmine/up.sh")
            .env("STATE", &state)
            .env("PORT", port.to_string())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        if !done.status.success() {
            let why = String::from_utf8_lossy(&done.stderr);
            or_skip("redmine", why.lines().next().unwrap_or("up.sh failed"));
            return None;
        }
        let last = said.lines().last().unwrap_or_default();
        let told = last
            .split_whitespace()
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        // TLS is not used, but the client wants a provider all the same.
        drop(rustls::crypto::ring::default_provider().install_default());
        Some(Self { told, state, http: reqwest::Client::new() })
    }

    /// From now on everything here is about the other project.
    pub fn turn_to_other_project(&mut self) {
        let other = self.told["PROJECT2"].clone();
        let project = self.told.insert("PROJECT".to_owned(), other).unwrap();
        self.told.insert("PROJECT2".to_owned(), project);
    }

    /// Tells this address of every change of an issue from now on, signed with this secret.
    pub fn tell(&self, url: &str, secret: &str) {
        std::fs::write(self.state.join("hook"), format!("{url} {secret}")).unwrap();
    }

    /// What it has been asked, by its own log: whoever asked, and whatever came of it.
    pub fn asked(&self) -> Asked {
        let log = std::fs::read(self.state.join("log/production.log")).unwrap();
        let mut asked = Asked::default();
        for line in String::from_utf8_lossy(&log).lines() {
            let Some((_, request)) = line.split_once("] Started ") else { continue };
            let mut words = request.split_whitespace();
            let (method, path) = (words.next().unwrap(), words.next().unwrap());
            asked.requests += 1;
            if method != "GET" {
                *asked.writes.entry(path.trim_matches('"').to_owned()).or_default() += 1;
            }
        }
        asked
    }

    /// The body that registers it as a connector.
    pub fn connector(&self, name: &str) -> Value {
        json!({
            "name": name, "connector_type": "redmine", "auth_type": "apikey",
            "base_url": self.told["URL"], "endpoint": self.told["PROJECT"],
            "credentials": {"apiKey": self.told["API_KEY"]}
        })
    }

    async fn call(&self, request: reqwest::RequestBuilder) -> Value {
        let answer =
            request.header("X-Redmine-API-Key", &self.told["API_KEY"]).send().await.unwrap();
        let (status, url) = (answer.status(), answer.url().clone());
        #[expect(clippy::disallowed_methods, reason = "a server of the test's own")]
        let body = answer.text().await.unwrap();
        assert!(status.is_success(), "{status} {url} {body}");
        serde_json::from_str(&body).unwrap_or(Value::Null)
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.told["URL"])
    }

    /// Makes an issue; its id.
    pub async fn create(&self, issue: &Value) -> u64 {
        let mut issue = issue.clone();
        issue["project_id"] = json!(self.told["PROJECT"]);
        let body = json!({"issue": issue});
        let made = self.call(self.http.post(self.url("issues.json")).json(&body)).await;
        made["issue"]["id"].as_u64().unwrap()
    }

    /// Changes an issue, or adds a comment with `notes`.
    pub async fn change(&self, id: u64, issue: &Value) {
        let url = self.url(&format!("issues/{id}.json"));
        self.call(self.http.put(url).json(&json!({"issue": issue}))).await;
    }

    /// All issues of the project, closed ones too, by id.
    pub async fn issues(&self) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let path = format!(
                "issues.json?project_id={}&status_id=*&sort=id&limit=100&offset={}",
                self.told["PROJECT"],
                all.len()
            );
            let page = self.call(self.http.get(self.url(&path))).await;
            let issues = page["issues"].as_array().unwrap();
            all.extend(issues.iter().cloned());
            if issues.len() < 100 {
                return all;
            }
        }
    }

    /// The texts of an issue's comments, oldest first.
    pub async fn comments(&self, id: u64) -> Vec<String> {
        let path = format!("issues/{id}.json?include=journals");
        let issue = self.call(self.http.get(self.url(&path))).await;
        let mut journals = issue["issue"]["journals"].as_array().cloned().unwrap_or_default();
        journals.sort_by_key(|journal| journal["id"].as_u64());
        let notes = journals.iter().filter_map(|journal| journal["notes"].as_str());
        notes.filter(|text| !text.is_empty()).map(str::to_owned).collect()
    }
}

/// A comment as Redmine tells of it.
#[derive(Clone, Debug)]
pub struct Note {
    pub id: u64,
    pub text: String,
}

/// What hangs on an issue, read and changed as a person would.
impl Redmine {
    async fn part(&self, id: u64, part: &str) -> Vec<Value> {
        let path = format!("issues/{id}.json?include={part}");
        let issue = self.call(self.http.get(self.url(&path))).await;
        let mut rows = issue["issue"][part].as_array().cloned().unwrap_or_default();
        rows.sort_by_key(|row| row["id"].as_u64());
        rows
    }

    /// The comments of an issue, oldest first.
    pub async fn notes(&self, id: u64) -> Vec<Note> {
        let journals = self.part(id, "journals").await;
        let notes = journals.iter().map(|journal| Note {
            id: journal["id"].as_u64().unwrap(),
            text: journal["notes"].as_str().unwrap_or_default().to_owned(),
        });
        notes.filter(|note| !note.text.is_empty()).collect()
    }

    /// Edits a comment; an empty text removes it.
    pub async fn rewrite(&self, note: u64, text: &str) {
        let url = self.url(&format!("journals/{note}.json"));
        self.call(self.http.put(url).json(&json!({"journal": {"notes": text}}))).await;
    }

    /// The text of an issue.
    pub async fn description(&self, id: u64) -> String {
        let issue = self.call(self.http.get(self.url(&format!("issues/{id}.json")))).await;
        issue["issue"]["description"].as_str().unwrap_or_default().replace("\r\n", "\n")
    }

    /// Links two issues.
    pub async fn relate(&self, id: u64, word: &str, other: u64) {
        let url = self.url(&format!("issues/{id}/relations.json"));
        let body = json!({"relation": {"issue_to_id": other, "relation_type": word}});
        self.call(self.http.post(url).json(&body)).await;
    }

    /// The relations of an issue: from, word, to.
    pub async fn relations(&self, id: u64) -> Vec<(u64, String, u64)> {
        let rows = self.part(id, "relations").await;
        let end = |row: &Value, name: &str| row[name].as_u64().unwrap();
        rows.iter()
            .map(|row| {
                let word = row["relation_type"].as_str().unwrap().to_owned();
                (end(row, "issue_id"), word, end(row, "issue_to_id"))
            })
            .collect()
    }

    /// Hangs a file on an issue.
    pub async fn hang(&self, id: u64, name: &str, kind: &str, bytes: &[u8]) {
        let request = self.http.post(self.url("uploads.json")).query(&[("filename", name)]);
        let request = request.header("Content-Type", "application/octet-stream");
        let token = self.call(request.body(bytes.to_vec())).await["upload"]["token"].clone();
        let upload = json!({"token": token, "filename": name, "content_type": kind});
        self.change(id, &json!({"uploads": [upload]})).await;
    }

    /// The files of an issue: their names, and the SHA-256 of what Redmine gives out.
    pub async fn files(&self, id: u64) -> Vec<(String, String)> {
        let mut files = Vec::new();
        for row in self.part(id, "attachments").await {
            let name = row["filename"].as_str().unwrap().to_owned();
            let url = self.url(&format!("attachments/download/{}/{name}", row["id"]));
            let request = self.http.get(url).header("X-Redmine-API-Key", &self.told["API_KEY"]);
            let answer = request.send().await.unwrap().error_for_status().unwrap();
            #[expect(clippy::disallowed_methods, reason = "a server of the test's own")]
            let bytes = answer.bytes().await.unwrap();
            files.push((name, sha256(&bytes)));
        }
        files
    }
}

/// The SHA-256 of some bytes, as hex.
pub fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Drop for Redmine {
    fn drop(&mut self) {
        let mut down = Command::new("trackers/redmine/down.sh");
        drop(down.env("STATE", &self.state).env("PURGE", "1").status());
    }
}
