//! A plan over HTTP between two Azure DevOps sandboxes: what reaches the trackers is what the plan said.
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

use reqwest::Method;
use serde_json::{Map, Value, json};
use server::Server;
use syncline_sandbox::{AzureDevOps, Effect, EffectOp, RunningSandbox, SandboxOptions};
use syncline_tests::retitle;

const ITEMS: usize = 50;

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

/// A plan with all its writes.
async fn planned(server: &Server) -> (Value, Vec<Value>) {
    server.clock.advance(Duration::from_secs(600));
    let made = server.post("/api/execute/preview/1", Some("{}")).await;
    let id = made["plan_id"].clone();
    let whole = server.get(&format!("/api/execute/plans/{id}?limit=500")).await;
    assert_eq!(whole["next_cursor"], Value::Null);
    assert_eq!(whole["plan"]["totals"], made["plan"]["totals"]);
    (id, whole["items"].as_array().unwrap().clone())
}

/// What was sent to a tracker, by the title that it set.
fn sent(effects: &[Effect]) -> BTreeMap<String, Map<String, Value>> {
    let keyed = effects.iter().map(|effect| {
        let title = effect.fields["System.Title"].as_str().unwrap().to_owned();
        (title, effect.fields.clone())
    });
    keyed.collect()
}

/// A value of the plan is on the wire as it is, where the tracker takes values of its kind as they are.
fn same(planned: &Value, wire: Option<&Value>) -> bool {
    match planned {
        Value::String(_) | Value::Number(_) | Value::Bool(_) => wire == Some(planned),
        _ => wire.is_some(),
    }
}

/// Holds the writes that reached a tracker against those that the plan had for it.
fn assert_as_planned(items: &[&Value], effects: &[Effect]) {
    assert_eq!(effects.len(), items.len(), "{effects:#?}");
    let wire = sent(effects);
    for item in items {
        let fields = item["fields"].as_object().unwrap();
        let title = fields["System.Title"].as_str().unwrap();
        let wire = &wire[title];
        for (field, value) in fields {
            assert!(same(value, wire.get(field)), "{field} of {item}: {wire:?}");
        }
        if let Some(status) = item["status"].as_str() {
            assert_eq!(wire["System.State"], status);
        }
        let unplanned =
            wire.keys().find(|field| *field != "System.State" && !fields.contains_key(*field));
        assert_eq!(unplanned, None, "{item}");
        let effect = effects.iter().find(|one| one.fields["System.Title"] == title).unwrap();
        match item["operation"].as_str().unwrap() {
            "create" => assert_eq!(effect.op, EffectOp::Create),
            _ => assert_eq!(item["target_id"], json!(effect.item_id)),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_reaches_the_trackers_is_what_the_plan_said() {
    let server = Server::start("").await;
    let options = |items| SandboxOptions::new(Arc::new(server.clock.clone())).items(items);
    let left = AzureDevOps::start(options(ITEMS)).await.unwrap();
    let right = AzureDevOps::start(options(0)).await.unwrap();
    let (source, of_source) = registered(&server, "Left", &left).await;
    let (target, of_target) = registered(&server, "Right", &right).await;
    let body = json!({
        "name": "reviewed", "source_connector_id": source, "target_connector_id": target,
        "direction": "bidirectional",
        "type_mappings": [{
            "source_type_id": of_source, "target_type_id": of_target, "suggest": true
        }]
    });
    server.post("/api/sync-configs", Some(&body.to_string())).await;

    let (id, items) = planned(&server).await;
    assert_eq!(items.len(), ITEMS * 4 / 5, "four in five of the items are bugs");
    assert!(right.effects().is_empty(), "a plan writes nothing");
    let run = server.post(&format!("/api/execute/apply/{id}"), Some("{}")).await;
    assert_eq!(
        (&run["results"]["errors"], &run["execution_status"]),
        (&json!(0), &json!("completed"))
    );
    assert_as_planned(&items.iter().collect::<Vec<_>>(), &right.effects());
    assert!(left.effects().is_empty());

    // Edits on both sides; two items move on before the plan is applied.
    let pairs = server.get("/api/execute/synced-items/1?limit=500").await;
    let pairs: Vec<(String, String)> = pairs["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| {
            ["source_item_id", "target_item_id"].map(|key| pair[key].as_str().unwrap().to_owned())
        })
        .map(|[bug, copy]| (bug, copy))
        .collect();
    for (n, (bug, copy)) in pairs.iter().enumerate().take(10) {
        match n % 2 {
            0 => retitle(&left, bug, &format!("edited {n}")),
            _ => retitle(&right, copy, &format!("edited {n}")),
        }
    }
    let (id, items) = planned(&server).await;
    assert_eq!(items.len(), 10, "{items:#?}");
    retitle(&left, &pairs[0].0, "moved on");
    retitle(&left, &pairs[1].0, "moved on, too");
    let (on_left, on_right) = (left.effects().len(), right.effects().len());
    let run = server.post(&format!("/api/execute/apply/{id}"), Some("{}")).await;
    assert_eq!(
        (&run["results"]["updated"], &run["results"]["errors"]),
        (&json!(8), &json!(2)),
        "{run}"
    );
    let refused: Vec<&Value> = run["results"]["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["action"] == "failed")
        .collect();
    for (bug, copy) in &pairs[..2] {
        let row = refused.iter().find(|row| row["source_id"] == json!(bug)).unwrap();
        assert_eq!(row["target_id"], json!(copy));
        assert!(row["error"].to_string().contains("since the plan was made"), "{row}");
    }
    let kept = |side: &str| {
        let all = items.iter().filter(move |item| item["written_side"] == side);
        all.filter(|item| pairs[..2].iter().all(|(bug, _)| item["source_id"] != json!(bug)))
            .cloned()
            .collect::<Vec<Value>>()
    };
    assert_as_planned(&kept("target").iter().collect::<Vec<_>>(), &right.effects()[on_right..]);
    let back = kept("source");
    assert_eq!((back.len(), left.effects().len() - on_left), (4, 4));
    for item in &back {
        let effects = left.effects();
        let effect =
            effects.iter().skip(on_left).find(|one| json!(one.item_id) == item["source_id"]);
        assert_eq!(effect.unwrap().fields["System.Title"], item["fields"]["System.Title"]);
    }
    let twice = format!("/api/execute/apply/{id}");
    let twice = server
        .send(Method::POST, &twice, &[("content-type", "application/json")], Some("{}"))
        .await;
    assert_eq!(twice.status, 409, "{}", twice.body);

    // What was refused is in the next plan.
    let (_, items) = planned(&server).await;
    assert_eq!(items.len(), 2, "{items:#?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_webhook_tells_waits_for_the_plan_and_is_not_lost() {
    let server = Server::start("").await;
    let options = |items| SandboxOptions::new(Arc::new(server.clock.clone())).items(items);
    let left = AzureDevOps::start(options(5)).await.unwrap();
    let right = AzureDevOps::start(options(0)).await.unwrap();
    let (source, of_source) = registered(&server, "Left", &left).await;
    let (target, of_target) = registered(&server, "Right", &right).await;
    let body = json!({
        "name": "reviewed", "source_connector_id": source, "target_connector_id": target,
        "options": {"require_plan": "on_mapping_change"},
        "type_mappings": [{
            "source_type_id": of_source, "target_type_id": of_target, "suggest": true
        }]
    });
    server.post("/api/sync-configs", Some(&body.to_string())).await;
    let hook = json!({"name": "Hook", "sync_config_id": 1, "connector_id": source});
    server.post("/api/webhooks/register", Some(&hook.to_string())).await;
    let bug = syncline_tests::judge::bugs(&left).remove(0).id;
    let told = json!({"item_id": bug}).to_string();
    let told = server.post("/api/webhooks/1/test", Some(&told)).await;
    let job = told["job_id"].as_str().unwrap().to_owned();

    let refused = server::until("the refusal is told", async || {
        server.clock.advance(Duration::from_secs(1));
        let runs = server.get("/api/executions").await["executions"].clone();
        runs.get(0).cloned()
    });
    let refused = refused.await;
    assert_eq!((&refused["status"], &refused["trigger"]), (&json!("failed"), &json!("webhook")));
    assert!(refused["error"]["message"].as_str().unwrap().contains("require_plan"), "{refused}");
    // However often it is looked at, it waits, and is told once.
    for _ in 0..3 {
        server.clock.advance(Duration::from_secs(90));
    }
    assert!(right.effects().is_empty());

    let (id, items) = planned(&server).await;
    let run = server.post(&format!("/api/execute/apply/{id}"), Some("{}")).await;
    assert_eq!(run["results"]["created"], items.len(), "{run}");
    server.clock.advance(Duration::from_secs(90));
    let ended = server.ended(&job).await;
    assert_eq!(ended["status"], "completed", "{ended}");
    let runs = server.get("/api/executions").await;
    assert_eq!(runs["count"], 3, "the refusal, the plan, and the webhook: {runs}");
    assert_eq!(right.effects().len(), items.len(), "the plan had written it all");
    server.stop().await;
}
