//! Two ways over HTTP between two Azure DevOps sandboxes: every edit is one write, clashes wait for people, decisions
//! reach both trackers, and then there is silence.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests; their own servers send small bodies"
)]

#[path = "seed/server.rs"]
#[allow(dead_code, reason = "shared with the walk through the document")]
mod server;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use server::Server;
use syncline_sandbox::{AzureDevOps, RunningSandbox, SandboxOptions};
use syncline_tests::{judge, retitle};

const ITEMS: usize = 250;
/// Bugs that people edit on both sides.
const CLASHES: usize = 8;

struct Scene {
    server: Server,
    left: RunningSandbox,
    right: RunningSandbox,
    /// Copies, by bug.
    copies: BTreeMap<String, String>,
}

async fn registered(server: &Server, name: &str, sandbox: &RunningSandbox) -> (Value, Value) {
    let info = sandbox.info();
    let body = json!({
        "name": name, "connector_type": info.connector_type, "base_url": info.base_url,
        "endpoint": info.endpoint, "auth_type": info.auth_type, "credentials": info.credentials
    });
    let made = server.post("/api/connectors", Some(&body.to_string())).await;
    let id = made["connector_id"].clone();
    server.post(&format!("/api/connectors/{id}/discover"), None).await;
    let types = server.get(&format!("/api/metadata/work-item-types?connector_id={id}")).await;
    let types = types["work_item_types"].as_array().unwrap().clone();
    let bug = types.into_iter().find(|row| row["type_name"] == "Bug").unwrap();
    (id, bug["id"].clone())
}

impl Scene {
    async fn new() -> Self {
        let server = Server::start("").await;
        let options = |items| SandboxOptions::new(Arc::new(server.clock.clone())).items(items);
        let left = AzureDevOps::start(options(ITEMS)).await.unwrap();
        let right = AzureDevOps::start(options(0)).await.unwrap();
        let (source, of_source) = registered(&server, "Left", &left).await;
        let (target, of_target) = registered(&server, "Right", &right).await;
        let body = json!({
            "name": "both ways", "source_connector_id": source, "target_connector_id": target,
            "direction": "bidirectional", "conflict_resolution": "manual",
            "type_mappings": [{
                "source_type_id": of_source, "target_type_id": of_target, "suggest": true
            }]
        });
        server.post("/api/sync-configs", Some(&body.to_string())).await;
        let mut scene = Self { server, left, right, copies: BTreeMap::new() };
        let first = scene.sync().await;
        assert_eq!(first["errors"], 0, "{first}");
        let pairs = scene.server.get("/api/execute/synced-items/1?limit=500").await;
        for pair in pairs["items"].as_array().unwrap() {
            let text = |name: &str| pair[name].as_str().unwrap().to_owned();
            scene.copies.insert(text("source_item_id"), text("target_item_id"));
        }
        scene
    }

    /// A run beyond the overlap of the last one; its results.
    async fn sync(&self) -> Value {
        self.server.clock.advance(Duration::from_secs(600));
        self.server.post("/api/execute/sync/1", None).await["results"].clone()
    }

    fn writes(&self) -> usize {
        judge::writes(&self.left) + judge::writes(&self.right)
    }

    async fn silence(&self) {
        let before = self.writes();
        for _ in 0..10 {
            let run = self.sync().await;
            assert_eq!(run["errors"], 0, "{run}");
        }
        assert_eq!(self.writes(), before, "ten idle runs write nothing");
    }

    fn titles(&self, bug: &str) -> [String; 2] {
        [(&self.left, bug), (&self.right, self.copies[bug].as_str())].map(|(sandbox, id)| {
            let item = sandbox.item(id).unwrap();
            item["fields"]["System.Title"].as_str().unwrap().to_owned()
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_edit_is_one_write_and_clashes_are_decided_by_people() {
    let scene = Scene::new().await;
    let bugs: Vec<String> = scene.copies.keys().cloned().collect();
    assert_eq!(bugs.len(), 200, "four in five of the items are bugs");
    scene.silence().await;

    let before = scene.writes();
    for (n, bug) in bugs.iter().enumerate() {
        let copy = &scene.copies[bug];
        if n < CLASHES {
            retitle(&scene.left, bug, &format!("left {n}"));
            retitle(&scene.right, copy, &format!("right {n}"));
        } else if n % 2 == 0 {
            retitle(&scene.left, bug, &format!("edited {n}"));
        } else {
            retitle(&scene.right, copy, &format!("edited {n}"));
        }
    }
    let run = scene.sync().await;
    assert_eq!(run["errors"], 0, "{run}");
    assert_eq!(scene.writes() - before, bugs.len() - CLASHES, "one write an edit: {run}");
    for (n, bug) in bugs.iter().enumerate().skip(CLASHES) {
        assert_eq!(scene.titles(bug), [format!("edited {n}"), format!("edited {n}")]);
    }
    scene.silence().await;

    let waiting = scene.server.get("/api/conflicts").await;
    assert_eq!(waiting["total"], CLASHES, "one row a clash, however many runs saw it");
    for (n, conflict) in waiting["conflicts"].as_array().unwrap().iter().enumerate() {
        let bug = conflict["source_item_id"].as_str().unwrap();
        assert_eq!(conflict["field_name"], "System.Title");
        let [left, right] = scene.titles(bug);
        assert_eq!(
            (&conflict["source_value"], &conflict["target_value"]),
            (&json!(left), &json!(right))
        );
        let base = conflict["base_value"].as_str().unwrap().to_owned();
        let (body, expected) = match n % 4 {
            0 => (json!({"use": "source"}), left),
            1 => (json!({"use": "target"}), right),
            2 => (json!({"use": "base"}), base),
            _ => (json!({"resolved_value": "agreed by phone"}), "agreed by phone".to_owned()),
        };
        let path = format!("/api/conflicts/{}/resolve", conflict["id"]);
        let reply = scene.server.post(&path, Some(&body.to_string())).await;
        assert_eq!(reply["application_result"], true, "{body}: {reply}");
        assert_eq!(scene.titles(bug), [expected.clone(), expected], "{body}");
    }
    assert_eq!(scene.server.get("/api/conflicts").await["total"], 0);
    scene.silence().await;
    judge::no_duplicates(&scene.left, &scene.right);
    scene.server.stop().await;
}
