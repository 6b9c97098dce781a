//! Conflicts, from the run that finds them to both trackers showing the decision.

use std::time::Duration;

use serde_json::{Value, json};
use syncline_domain::ports::{ConnectorError, ErrorKind, StoreExt as _};
use syncline_domain::{ItemId, Role};
use syncline_testkit::Method;

use crate::support::House;

/// A house whose configuration 1 goes both ways with one rule, title to subject, and leaves conflicts to people; three
/// pairs whose titles clash.
struct Scene {
    house: House,
    pairs: Vec<(ItemId, ItemId)>,
    run: Value,
}

impl Scene {
    async fn new() -> Self {
        let house = House::furnished().await;
        let rules = json!([{
            "source_type_id": 1, "target_type_id": 3,
            "field_mappings": [{"source_field_id": 1, "target_field_id": 23, "mapping_type": "direct"}]
        }]);
        let body = json!({
            "direction": "bidirectional", "conflict_resolution": "manual", "type_mappings": rules
        });
        let changed = house.put("/api/sync-configs/1", &body).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        let first = house.post("/api/execute/sync/1", &json!({})).await.json();
        assert_eq!(first["results"]["created"], 3, "{first}");
        let list = house.get("/api/execute/synced-items/1").await.json();
        let id = |item: &Value, name: &str| ItemId::from(item[name].as_str().unwrap());
        let items = list["items"].as_array().unwrap().iter();
        let pairs: Vec<(ItemId, ItemId)> =
            items.map(|one| (id(one, "source_item_id"), id(one, "target_item_id"))).collect();
        let mut scene = Self { house, pairs, run: Value::Null };
        scene.house.clock.advance(Duration::from_secs(1));
        for (source, target) in &scene.pairs {
            scene.house.bugs.edit_as("ada", source, json!({"title": "of the source"}));
            scene.house.desk.edit_as("bob", target, json!({"subject": "of the target"}));
        }
        scene.run = scene.sync().await;
        assert_eq!(scene.run["results"]["conflicts_detected"], 3, "{}", scene.run);
        scene
    }

    async fn sync(&self) -> Value {
        self.house.clock.advance(Duration::from_secs(1));
        self.house.post("/api/execute/sync/1", &json!({})).await.json()
    }

    async fn decide(&self, id: u64, body: Value) -> Value {
        let seen = self.house.post(&format!("/api/conflicts/{id}/resolve"), &body).await;
        assert_eq!(seen.status, 200, "{}", seen.text());
        seen.json()
    }

    async fn state(&self, id: u64) -> Value {
        self.house.get(&format!("/api/conflicts/{id}")).await.json()
    }

    /// What both sides of a conflict's items show.
    async fn shown(&self, id: u64) -> (Value, Value) {
        let conflict = self.state(id).await["conflict"].clone();
        let text = |name: &str| ItemId::from(conflict[name].as_str().unwrap());
        let bug = self.house.bugs.item(&text("source_item_id")).unwrap();
        let request = self.house.desk.item(&text("target_item_id")).unwrap();
        let value = |fields: &syncline_domain::Fields, name: &str| {
            serde_json::to_value(fields).unwrap()[name].clone()
        };
        (value(&bug.fields, "title"), value(&request.fields, "subject"))
    }

    async fn stats(&self) -> Value {
        self.house.get("/api/conflicts/stats/1").await.json()["stats"].clone()
    }
}

fn both(text: &str) -> (Value, Value) {
    (json!(text), json!(text))
}

fn away() -> ConnectorError {
    ConnectorError::new(ErrorKind::Unavailable, "the tracker is away")
}

#[tokio::test]
async fn conflicts_are_listed_shown_and_belong_to_their_run() {
    let scene = Scene::new().await;
    let list = scene.house.get("/api/conflicts?limit=2").await.json();
    assert_eq!((&list["total"], &list["count"]), (&json!(3), &json!(2)), "{list}");
    let cursor = list["next_cursor"].as_str().unwrap();
    let rest = scene.house.get(&format!("/api/conflicts?limit=2&cursor={cursor}")).await.json();
    assert_eq!((&rest["count"], &rest["next_cursor"]), (&json!(1), &Value::Null), "{rest}");
    assert_eq!(scene.house.get("/api/conflicts?status=resolved").await.json()["count"], 0);
    assert_eq!(scene.house.get("/api/conflicts?sync_config_id=9").await.status, 404);
    assert_eq!(scene.house.get("/api/conflicts?status=open").await.status, 400);

    let state = scene.state(1).await;
    let conflict = &state["conflict"];
    assert_eq!(conflict["conflict_type"], "field_conflict", "{state}");
    assert_eq!(conflict["field_name"], "subject");
    assert_eq!(conflict["source_value"], "of the source");
    assert_eq!(conflict["target_value"], "of the target");
    assert_eq!(conflict["status"], "unresolved");
    assert_eq!(state["resolutions"], json!([]));
    assert_eq!(
        scene.stats().await,
        json!({"total": 3, "unresolved": 3, "resolved": 0, "ignored": 0})
    );
    assert_eq!(scene.house.get("/api/conflicts/99").await.status, 404);

    let found = scene.run["execution_id"].clone();
    let status = scene.house.get(&format!("/api/execute/status/{found}")).await.json();
    assert_eq!(status["conflicts"].as_array().unwrap().len(), 3, "{status}");
    let later = scene.sync().await["execution_id"].clone();
    let status = scene.house.get(&format!("/api/execute/status/{later}")).await.json();
    assert_eq!(status["conflicts"], json!([]), "they were found before");
}

#[tokio::test]
async fn each_choice_reaches_both_trackers_before_it_is_called_applied() {
    let scene = Scene::new().await;
    for (id, body, text) in [
        (1, json!({"use": "source", "rationale": "as agreed"}), "of the source"),
        (2, json!({"use": "target"}), "of the target"),
        (3, json!({"resolved_value": "of both"}), "of both"),
    ] {
        let done = scene.decide(id, body).await;
        assert_eq!(done["application_result"], true, "{done}");
        assert_eq!(done["conflict_status"], "resolved", "{done}");
        assert!(done["resolution"]["applied_at"].is_string(), "{done}");
        assert_eq!(scene.shown(id).await, both(text));
    }
    let state = scene.state(1).await;
    assert_eq!(state["resolutions"][0]["rationale"], "as agreed", "{state}");
    let again = scene.house.post("/api/conflicts/1/resolve", &json!({"use": "target"})).await;
    assert_eq!(again.status, 409, "{}", again.text());
    assert_eq!(again.json()["resolution"]["use"], "source", "{}", again.text());
    assert_eq!(scene.house.post("/api/conflicts/1/ignore", &json!({})).await.status, 409);
    assert_eq!(scene.stats().await["resolved"], 3);
    let run = scene.sync().await;
    assert_eq!(run["results"]["updated"], 0, "everything was written already: {run}");
}

#[tokio::test]
async fn a_write_that_fails_leaves_the_conflict_open_with_the_reason() {
    let scene = Scene::new().await;
    scene.house.desk.fail_always(Method::Update, away());
    let done = scene.decide(1, json!({"use": "source"})).await;
    assert_eq!(done["application_result"], false, "{done}");
    assert_eq!(done["conflict_status"], "unresolved", "{done}");
    assert!(done["resolution"]["error"].as_str().unwrap().contains("away"), "{done}");
    assert_eq!(done["resolution"]["applied_at"], Value::Null);
    let batch = json!({"conflict_ids": [2, 77], "strategy": "source-priority"});
    let lines = scene.house.post("/api/conflicts/resolve-batch", &batch).await.json();
    assert_eq!((&lines["resolved"], &lines["failed"]), (&json!(0), &json!(2)), "{lines}");

    scene.house.desk.clear_plans();
    let done = scene.decide(1, json!({"use": "source"})).await;
    assert_eq!(done["application_result"], true, "{done}");
    assert_eq!(scene.state(1).await["resolutions"].as_array().unwrap().len(), 2, "both are kept");
}

#[tokio::test]
async fn a_decision_for_later_is_carried_out_by_the_next_run() {
    let scene = Scene::new().await;
    let later = json!({"use": "target", "apply_immediately": false});
    assert_eq!(scene.house.post("/api/conflicts/1/ignore", &json!({})).await.status, 200);
    assert_eq!(scene.stats().await["ignored"], 1);
    let kept = scene.decide(1, later).await;
    assert_eq!(kept["application_result"], false, "{kept}");
    assert_eq!(kept["conflict_status"], "unresolved", "a decision takes it up again");
    assert_ne!(scene.shown(1).await, both("of the target"));
    let run = scene.sync().await;
    assert_eq!(run["results"]["conflicts_resolved"], 1, "{run}");
    assert_eq!(scene.shown(1).await, both("of the target"));
    assert_eq!(scene.state(1).await["conflict"]["status"], "resolved");
}

#[tokio::test]
async fn strategies_decide_or_say_why_not() {
    let scene = Scene::new().await;
    let auto = async |id: u64, strategy: &str| {
        let body = json!({"strategy": strategy});
        scene.house.post(&format!("/api/conflicts/{id}/resolve-auto"), &body).await
    };
    let tie = auto(1, "last-write-wins").await;
    assert_eq!(tie.status, 409, "within the tie window: {}", tie.text());
    assert_eq!(auto(1, "merge").await.status, 409);
    let done = auto(1, "target-priority").await.json();
    assert_eq!(done["application_result"], true, "{done}");
    assert_eq!(done["resolution"]["strategy"], "target-priority", "{done}");
    assert_eq!(scene.shown(1).await, both("of the target"));
    let batch = json!({"conflict_ids": [1, 2, 3], "strategy": "source-priority"});
    let lines = scene.house.post("/api/conflicts/resolve-batch", &batch).await.json();
    assert_eq!((&lines["resolved"], &lines["failed"]), (&json!(2), &json!(1)), "{lines}");
    assert_eq!(lines["results"][0]["success"], false, "it was resolved before: {lines}");
}

#[tokio::test]
async fn a_key_names_who_decides_and_nobody_else_does() {
    let scene = Scene::new().await;
    let later = json!({"use": "base", "resolved_by": "bob", "apply_immediately": false});
    let kept = scene.decide(1, later.clone()).await;
    assert_eq!(kept["resolution"]["resolved_by"], "bob");
    let key = scene.house.key("ada's key", Role::Operator, None).await;
    let auth = format!("Bearer {key}");
    let headers = [("authorization", auth.as_str())];
    let path = "/api/conflicts/2/resolve";
    let seen = scene.house.send("POST", path, &headers, Some(&later)).await;
    assert_eq!(seen.json()["resolution"]["resolved_by"], "ada's key", "{}", seen.text());
    let audit = scene.house.store.view("audit", |tx| tx.audit(None, 100)).await.unwrap();
    assert!(
        audit.iter().any(|line| line.action == "conflict.resolve" && line.actor == "ada's key")
    );
}

/// A bug that was deleted while its request was edited.
async fn deletion() -> Scene {
    let scene = Scene::new().await;
    for id in 1..=3 {
        let done = scene.decide(id, json!({"use": "source"})).await;
        assert_eq!(done["application_result"], true, "{done}");
    }
    let options = json!({"options": {"source_delete_policy": "delete"}});
    let changed = scene.house.put("/api/sync-configs/1", &options).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    for tracker in [&scene.house.bugs, &scene.house.desk] {
        tracker.set_capabilities(|can| can.delete = true);
    }
    let (bug, request) = &scene.pairs[0];
    scene.house.bugs.delete_as("ada", bug);
    scene.house.desk.edit_as("bob", request, json!({"subject": "Still needed"}));
    let run = scene.sync().await;
    assert_eq!(run["results"]["conflicts_detected"], 1, "{run}");
    scene
}

#[tokio::test]
async fn a_deletion_against_an_edit_is_shown_and_takes_no_value() {
    let scene = deletion().await;
    let list = scene.house.get("/api/conflicts").await.json();
    assert_eq!(list["count"], 1, "{list}");
    let row = &list["conflicts"][0];
    assert_eq!(row["conflict_type"], "deletion_conflict", "{row}");
    assert_eq!((&row["deleted_side"], &row["field_name"]), (&json!("source"), &Value::Null));
    assert_eq!((&row["source_value"], &row["source_changed_at"]), (&Value::Null, &Value::Null));
    assert_eq!(row["target_value"], json!({"subject": "Still needed"}), "{row}");
    assert_eq!(row["base_value"], json!({"subject": "of the source"}), "{row}");
    let id = row["id"].as_u64().unwrap();
    for (body, path) in [
        (json!({"resolved_value": "Both"}), "/resolved_value"),
        (json!({"resolved_value": null}), "/resolved_value"),
        (json!({"use": "base"}), "/use"),
    ] {
        let refused = scene.house.post(&format!("/api/conflicts/{id}/resolve"), &body).await;
        assert_eq!(refused.status, 400, "{}", refused.text());
        let fault = refused.json()["details"][0].clone();
        assert_eq!(fault["path"], path, "{fault}");
        assert!(fault["message"].as_str().unwrap().contains("use: target to keep"), "{fault}");
    }
    for strategy in ["last-write-wins", "merge"] {
        let auto = json!({"strategy": strategy});
        let auto = scene.house.post(&format!("/api/conflicts/{id}/resolve-auto"), &auto).await;
        assert_eq!(auto.status, 409, "{}", auto.text());
        assert!(!auto.text().contains("give a value"), "{}", auto.text());
    }
    assert_eq!(scene.state(id).await["resolutions"], json!([]), "nothing was kept");
    assert_eq!(scene.house.bugs.items().len(), 2, "nothing was made");
    assert!(scene.house.desk.item(&scene.pairs[0].1).is_some(), "and nothing removed");
}

#[tokio::test]
async fn a_deletion_against_an_edit_is_decided_either_way() {
    for (choice, bugs, requests) in [("target", 3, 3), ("source", 2, 2)] {
        let scene = deletion().await;
        let id = scene.house.get("/api/conflicts").await.json()["conflicts"][0]["id"].as_u64();
        let id = id.unwrap();
        let failing = if choice == "target" { &scene.house.bugs } else { &scene.house.desk };
        failing.fail_always(Method::Apply, away());
        let failed = scene.decide(id, json!({"use": choice})).await;
        assert_eq!(failed["application_result"], false, "{failed}");
        assert_eq!(failed["conflict_status"], "unresolved", "{failed}");
        assert!(failed["resolution"]["error"].as_str().unwrap().contains("away"), "{failed}");
        failing.clear_plans();
        let done = scene.decide(id, json!({"use": choice, "rationale": "asked bob"})).await;
        assert_eq!(done["application_result"], true, "{done}");
        assert_eq!(done["conflict_status"], "resolved", "{done}");
        let state = scene.state(id).await;
        assert_eq!(state["conflict"]["status"], "resolved", "{state}");
        assert_eq!(state["resolutions"].as_array().unwrap().len(), 2, "both are kept");
        assert_eq!(state["resolutions"][1]["rationale"], "asked bob", "{state}");
        let there = (scene.house.bugs.items().len(), scene.house.desk.items().len());
        assert_eq!(there, (bugs, requests), "{choice}");
        let run = scene.sync().await;
        for count in ["created", "updated", "errors", "conflicts_detected"] {
            assert_eq!(run["results"][count], 0, "everything was written already: {run}");
        }
    }
}
