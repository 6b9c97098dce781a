//! Using it as people do: register, discover, map, run, look.

use serde_json::{Value, json};
use syncline_domain::ItemId;
use syncline_domain::ports::{ConnectorError, ErrorKind};
use syncline_testkit::Method;

use crate::support::{House, REVOKED, config_body, connector_body};

#[tokio::test]
async fn a_first_sync_from_beginning_to_end() {
    let house = House::furnished().await;
    let plan = house.post("/api/execute/preview/1", &json!({})).await;
    assert_eq!(plan.status, 200, "{}", plan.text());
    assert_eq!(plan.json()["summary"]["to_create"], 3, "{}", plan.text());
    let dry = house.post("/api/execute/sync/1", &json!({"dry_run": true})).await.json();
    assert_eq!(
        (&dry["dry_run"], &dry["results"]["would_create"]),
        (&json!(true), &json!(3)),
        "{dry}"
    );
    assert_eq!(house.desk.items().len(), 0, "a dry run writes nothing");

    let run = house.post("/api/execute/sync/1", &json!({})).await.json();
    let results = &run["results"];
    assert_eq!(run["execution_status"], "completed", "{run}");
    assert_eq!(
        (&results["total"], &results["created"], &results["errors"]),
        (&json!(3), &json!(3), &json!(0))
    );
    assert_eq!(results["items"].as_array().unwrap().len(), 3);
    assert_eq!(house.desk.items().len(), 3);

    let id = run["execution_id"].clone();
    let status = house.get(&format!("/api/execute/status/{id}")).await.json();
    assert_eq!(status["execution"]["items_synced"], 3, "{status}");
    let items = house.get(&format!("/api/execute/items/{id}?state=created&limit=2")).await.json();
    assert_eq!(items["count"], 2, "{items}");
    let cursor = items["next_cursor"].as_str().unwrap().to_owned();
    let rest =
        house.get(&format!("/api/execute/items/{id}?state=created&limit=2&cursor={cursor}")).await;
    assert_eq!(
        (rest.json()["count"].clone(), rest.json()["next_cursor"].clone()),
        (json!(1), Value::Null)
    );
    let history = house.get("/api/execute/history/1?limit=1").await.json();
    assert_eq!((&history["total"], &history["count"]), (&json!(2), &json!(1)), "{history}");
    let older = history["next_cursor"].as_str().unwrap().to_owned();
    let page = house.get(&format!("/api/executions?limit=1&cursor={older}")).await.json();
    let skipped = house.get("/api/executions?limit=1&offset=1").await.json();
    assert_eq!(page["executions"], skipped["executions"]);
    let pairs = house.get("/api/execute/synced-items/1").await.json();
    assert_eq!((&pairs["total"], &pairs["count"]), (&json!(3), &json!(3)), "{pairs}");
    assert!(pairs["items"][0]["source_item_id"].is_string());

    let again = house.post("/api/execute/sync/1", &json!({"full": true})).await.json();
    assert_eq!(again["results"]["skipped"], 3, "{again}");
    let none = house.post(&format!("/api/execute/retry/{id}"), &json!({})).await;
    assert_eq!(none.status, 409, "no item failed: {}", none.text());
    let over = house.post(&format!("/api/execute/cancel/{id}"), &json!({})).await;
    assert_eq!(over.status, 409, "{}", over.text());
}

#[tokio::test]
async fn a_failed_item_is_told_and_retried() {
    let house = House::furnished().await;
    let refused =
        ConnectorError::new(ErrorKind::Invalid, "the subject is refused").on_field("subject");
    house.desk.reject_title("Second", refused);
    let run = house.post("/api/execute/sync/1", &json!({})).await.json();
    assert_eq!(run["execution_status"], "completed_with_errors", "{run}");
    let first = &run["results"]["items"][0];
    assert_eq!(
        (&first["success"], &first["action"]),
        (&json!(false), &json!("failed")),
        "failures first"
    );
    assert_eq!(first["error"]["type"], "validation", "{run}");
    let id = run["execution_id"].clone();
    let status = house.get(&format!("/api/execute/status/{id}")).await.json();
    assert_eq!(status["errors"][0]["error_type"], "validation", "{status}");
    assert_eq!(status["errors"][0]["item_id"], "2");
    house.desk.clear_plans();
    let retry = house.post(&format!("/api/execute/retry/{id}"), &json!({})).await;
    assert_eq!(retry.status, 202, "{}", retry.text());
    let next = retry.json()["execution_id"].clone();
    let followed = house.get(&format!("/api/execute/events/{next}")).await.text();
    assert!(followed.contains("event: ended"), "{followed}");
    let status = house.get(&format!("/api/execute/status/{next}")).await.json();
    assert_eq!(status["execution"]["trigger"], "retry", "{status}");
}

#[tokio::test]
async fn an_item_of_the_target_that_failed_in_a_two_way_run_is_retried() {
    let house = House::furnished().await;
    let both_ways = json!({"direction": "bidirectional"});
    let changed = house.put("/api/sync-configs/1", &both_ways).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(house.post("/api/execute/sync/1", &json!({})).await.status, 200);
    house.desk.create_as("bob", "request", json!({"subject": "Made at the desk"}));
    let refused = ConnectorError::new(ErrorKind::Invalid, "the title is refused");
    house.bugs.reject_title("Made at the desk", refused);
    let run = house.post("/api/execute/sync/1", &json!({})).await.json();
    assert_eq!(run["results"]["errors"], 1, "{run}");
    let id = run["execution_id"].clone();
    house.bugs.clear_plans();
    let retry = house.post(&format!("/api/execute/retry/{id}"), &json!({})).await;
    assert_eq!(retry.status, 202, "{}", retry.text());
    let next = retry.json()["execution_id"].clone();
    let followed = house.get(&format!("/api/execute/events/{next}")).await.text();
    assert!(followed.contains("event: ended"), "{followed}");
    let items = house.get(&format!("/api/execute/items/{next}")).await.json();
    assert_eq!(items["items"][0]["action"], "created", "{items}");
    assert_eq!(items["count"], 1, "{items}");
}

#[tokio::test]
async fn pairs_are_made_and_undone_by_hand() {
    let house = House::furnished().await;
    house.desk.create_as("ada", "request", json!({"subject": "First"}));
    let body = json!({"source_item_id": 1, "target_item_id": "5001"});
    let made = house.post("/api/execute/synced-items/1", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let twice = house.post("/api/execute/synced-items/1", &body).await;
    assert_eq!(twice.status, 409, "{}", twice.text());
    let id = made.json()["pair_id"].clone();
    let odd = format!("/api/execute/synced-items/1/{id}?on_next_run=burn");
    assert_eq!(house.send("DELETE", &odd, &[], None).await.status, 400);
    let moved = house.put("/api/connectors/1", &json!({"base_url": "https://other.example"})).await;
    assert_eq!(moved.status, 409, "pairs hang on it: {}", moved.text());
    let forced = house
        .put("/api/connectors/1?force=true", &json!({"base_url": "https://other.example"}))
        .await;
    assert_eq!(forced.status, 200, "the same items are there: {}", forced.text());
    let swapped = json!({"source_connector_id": 2, "target_connector_id": 1});
    assert_eq!(house.put("/api/sync-configs/1", &swapped).await.status, 409);
    let gone = house.send("DELETE", &format!("/api/execute/synced-items/1/{id}"), &[], None).await;
    assert_eq!(gone.status, 200, "{}", gone.text());
    assert_eq!(house.desk.own_effects().len(), 0, "nothing was written");
    let absent = json!({"source_item_id": 99, "target_item_id": 5001});
    assert_eq!(house.post("/api/execute/synced-items/1", &absent).await.status, 404);
}

#[tokio::test]
async fn names_are_taken_once() {
    let house = House::furnished().await;
    assert_eq!(
        house.post("/api/connectors", &connector_body("Bugs", "fakebugs")).await.status,
        409
    );
    assert_eq!(house.put("/api/connectors/2", &json!({"name": "Bugs"})).await.status, 409);
    assert_eq!(house.post("/api/sync-configs", &config_body("Bugs to desk")).await.status, 409);
    assert_eq!(
        house.post("/api/sync-configs/1/clone", &json!({"name": "Bugs to desk"})).await.status,
        409
    );
    let pair = json!({"source_type_id": 1, "target_type_id": 3});
    assert_eq!(house.post("/api/sync-configs/1/type-mappings", &pair).await.status, 409);
    let status = json!({"source_status_id": 1, "target_status_id": 11});
    assert_eq!(house.post("/api/sync-configs/1/status-mappings", &status).await.status, 409);
}

#[tokio::test]
async fn a_tracker_that_refuses_is_a_400_with_what_to_do() {
    let house = House::furnished().await;
    let refused =
        ConnectorError::new(ErrorKind::Auth, "the token is refused").advise("make a new token");
    for method in [Method::Check, Method::Describe, Method::Search, Method::Fetch, Method::Changes]
    {
        house.bugs.fail_always(method, refused.clone());
    }
    for (method, target, body) in [
        ("POST", "/api/connectors/1/discover", None),
        ("GET", "/api/connectors/1/items", None),
        ("GET", "/api/connectors/1/items/1", None),
        ("POST", "/api/execute/preview/1", Some(json!({}))),
    ] {
        let seen = house.send(method, target, &[], body.as_ref()).await;
        assert_eq!(
            (seen.status, seen.json()["error"].as_str().unwrap()),
            (400, "Connector Error"),
            "{target}"
        );
        let detail = seen.json()["details"][0].clone();
        assert_eq!(detail["type"], "authentication", "{detail}");
        assert_eq!(detail["what_to_do"], "make a new token", "{detail}");
    }
    let valid = house.post("/api/execute/validate/1", &json!({})).await;
    assert_eq!(valid.status, 200, "{}", valid.text());
    for (kind, word, advice) in [
        (ErrorKind::Auth, "authentication", "enter new credentials"),
        (ErrorKind::Permission, "permission", "give the account the permission that is missing"),
        (ErrorKind::Unavailable, "connection", "check the address"),
    ] {
        house.bugs.clear_plans();
        house.bugs.fail_always(Method::Check, ConnectorError::new(kind, "it did not work"));
        let seen = house.send("POST", "/api/connectors/1/test", &[], None).await;
        let detail = seen.json()["details"][0].clone();
        assert_eq!((seen.status, detail["type"].as_str()), (400, Some(word)), "{detail}");
        assert!(detail["what_to_do"].to_string().contains(advice), "{detail}");
    }
}

#[tokio::test]
async fn a_configuration_that_cannot_run_says_so() {
    let house = House::furnished().await;
    assert_eq!(house.post("/api/execute/sync/99", &json!({})).await.status, 404);
    house.put("/api/sync-configs/1", &json!({"is_active": false})).await;
    let seen = house.post("/api/execute/sync/1", &json!({})).await;
    assert_eq!(seen.status, 400, "{}", seen.text());
    house.put("/api/sync-configs/1", &json!({"is_active": true})).await;
    house.put("/api/connectors/2", &json!({"is_active": false})).await;
    let seen = house.post("/api/execute/sync/1", &json!({})).await;
    assert_eq!(seen.status, 400, "{}", seen.text());
    assert!(seen.json()["message"].as_str().unwrap().contains("Desk"), "{}", seen.text());
}

#[tokio::test]
async fn lists_take_limit_and_offset_and_tell_the_total() {
    let house = House::furnished().await;
    for (target, key, total) in [
        ("/api/connectors?", "connectors", 2),
        ("/api/metadata/work-item-types?connector_id=1&", "work_item_types", 2),
        ("/api/metadata/fields?connector_id=1&type_id=1&", "fields", 11),
        ("/api/metadata/statuses?connector_id=2&", "statuses", 4),
        ("/api/sync-configs?", "sync_configs", 1),
    ] {
        let all = house.get(target).await.json();
        assert_eq!((&all["total"], &all["count"]), (&json!(total), &json!(total)), "{target}");
        let tail = house.get(&format!("{target}limit=500&offset=1")).await.json();
        assert_eq!(
            (&tail["total"], &tail["count"]),
            (&json!(total), &json!(total - 1)),
            "{target}"
        );
        assert_eq!(tail[key].as_array().unwrap().first(), all[key].as_array().unwrap().get(1));
    }
    assert_eq!(house.get("/api/metadata/fields?connector_id=1&type_id=3").await.status, 404);
    assert_eq!(house.get("/api/sync-configs?source_connector_id=2").await.json()["count"], 0);
    assert_eq!(house.get("/api/sync-configs?active=0").await.json()["count"], 0);
    assert_eq!(
        house.get("/api/sync-configs").await.json()["configs"][0]["source_connector_name"],
        "Bugs"
    );
}

#[tokio::test]
async fn deleting_a_connector_says_first_what_it_takes() {
    let house = House::furnished().await;
    house.post("/api/execute/sync/1", &json!({})).await;
    let dry = house.send("DELETE", "/api/connectors/1?dry_run=true", &[], None).await.json();
    assert_eq!(dry["deleted"], json!({"configs": 1, "pairs": 3, "running": 0}), "{dry}");
    assert_eq!(house.get("/api/sync-configs/1").await.status, 200);
    assert_eq!(house.send("DELETE", "/api/connectors/1", &[], None).await.status, 200);
    assert_eq!(house.get("/api/sync-configs/1").await.status, 404);
    assert!(house.desk.item(&ItemId::new("5001")).is_some(), "tickets stay");
}

#[tokio::test]
async fn items_are_chosen_by_type_and_text() {
    let house = House::furnished().await;
    for kind in ["1", "bug", "Bug"] {
        let seen =
            house.get(&format!("/api/connectors/1/items?type_id={kind}&search=Second")).await;
        assert_eq!(seen.json()["count"], 1, "{kind} {}", seen.text());
    }
    let odd = house.get("/api/connectors/1/items?type_id=nosuch").await;
    assert_eq!(odd.status, 400, "{}", odd.text());
    assert_eq!(house.get("/api/connectors/1/items/3").await.json()["item"]["title"], "Third");
}

#[tokio::test]
async fn what_changes_the_outcome_marks_the_configuration_and_the_rest_does_not() {
    let house = House::furnished().await;
    let state = async || {
        let seen = house.get("/api/sync-configs/1").await.json()["sync_config"].clone();
        (seen["needs_full"].as_bool().unwrap(), seen["version"].as_i64().unwrap(), seen)
    };
    house.post("/api/execute/sync/1", &json!({})).await;
    let (marked, before, config) = state().await;
    assert!(!marked, "a full run has settled it");
    // A list that says what is there already changes nothing, ids included.
    let same = json!({"type_mappings": config["type_mappings"]});
    let kept = house.put("/api/sync-configs/1", &same).await;
    assert_eq!(kept.status, 200, "{}", kept.text());
    assert!(kept.warnings().iter().all(|line| !line.contains("ignored")), "{}", kept.text());
    let (marked, version, after) = state().await;
    assert_eq!((marked, version), (false, before));
    assert_eq!(after["type_mappings"], config["type_mappings"]);
    house
        .put("/api/sync-configs/1", &json!({"name": "Renamed", "options": {"concurrency": 8}}))
        .await;
    let (marked, version, _) = state().await;
    assert_eq!((marked, version), (false, before + 1), "the pace says nothing of items");
    house.put("/api/sync-configs/1", &json!({"sync_filter": {"statuses": ["New"]}})).await;
    let (marked, version, _) = state().await;
    assert_eq!((marked, version), (true, before + 2));
}

#[tokio::test]
async fn a_new_token_is_used_at_once() {
    let house = House::furnished().await;
    let try_all = async |expected: u16| {
        for (target, body) in [
            ("/api/connectors/1/test", None),
            ("/api/connectors/1/discover", None),
            ("/api/execute/preview/1", Some(json!({}))),
            ("/api/execute/sync/1", Some(json!({}))),
        ] {
            let seen = house.send("POST", target, &[], body.as_ref()).await;
            assert_eq!(seen.status, expected, "{target}: {}", seen.text());
        }
    };
    try_all(200).await;
    let put = async |token: &str| {
        let body = json!({"credentials": {"token": token}});
        assert_eq!(house.put("/api/connectors/1", &body).await.status, 200);
    };
    put(REVOKED).await;
    try_all(400).await;
    put("a-good-one-again").await;
    try_all(200).await;
}
